"""How an authorization request is sent: pushed, hosted here for the server to fetch, or in the URL, signed or plain.

The URL has only the parameters that this way of sending needs.

Spec: FAPI2-SP 5.3.3.2-1, -2, -6; FAPI2-MS 5.3.2-1; RFC 9101 4a, 5a; FAPI1-ADV 5.2.3-2, -8, -9, -16
Role: C
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from fapikit.flow import Flow
from fapikit.http_message import Field
from fapikit.secrets import Concealed, Secret, revealed
from fapikit.urls import with_query
from rpkit.back_channel import Form
from rpkit.bank import Bank
from rpkit.login.hosted_request import host_request
from rpkit.login.par import push_request
from rpkit.login.request_object import sign_request
from rpkit.login.transaction import Transaction
from rpkit.tokens.dpop_signer import signer_for

_OUTSIDE: Final = ("response_type", "scope")
"""The parameters that OIDC 6.1 demands again beside a request object that was not pushed."""


def send_request(
    bank: Bank, transaction: Transaction, members: Concealed[dict[str, Any]]
) -> Flow[tuple[Secret, Secret | None]]:
    """The URL for the browser, and the request object if there is one."""
    own: Form = (("client_id", bank.settings.client_id),)
    form, request_object = form_of(members.reveal()), None
    if bank.settings.signed_requests:
        request_object = Secret((yield from sign_request(bank, members)))
        form = (*own, ("request", request_object))
    if bank.uses_par:
        request_uri = yield from push_request(bank, form, dpop=signer_for(bank, transaction.dpop))
        form = (*own, ("request_uri", request_uri))
    elif request_object is not None:
        if bank.settings.hosted_requests is not None:
            form = (*own, ("request_uri", (yield from host_request(bank, request_object))))
        form = (*form, *(field for field in form_of(members.reveal()) if field[0] in _OUTSIDE))
    endpoint = bank.metadata.endpoint("authorization_endpoint")
    return Secret(with_query(endpoint, [(name, revealed(value)) for name, value in form])), request_object


def form_of(members: Mapping[str, Any]) -> Form:
    """Parameters as form fields: `resource` is repeated, objects and lists become JSON text."""
    fields: list[Field] = []
    for name, value in members.items():
        if name == "resource":
            fields.extend((name, item) for item in value)
        elif isinstance(value, str):
            fields.append((name, Secret(value)))
        else:
            text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
            fields.append((name, Secret(text)))
    return tuple(fields)
