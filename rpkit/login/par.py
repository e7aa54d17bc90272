"""Pushing an authorization request, and reading the `request_uri` that stands for it.

Spec: RFC 9126 2.1, 2.2, 2.3, 3a; FAPI2-SP 5.3.3.2-2; RFC 9449 10.1
Role: C
"""

from __future__ import annotations

from fapikit.errors import MalformedMessage
from fapikit.flow import Flow
from fapikit.http_message import read_json_object
from fapikit.jose.signer import Signer
from rpkit.back_channel import Form, call_endpoint
from rpkit.bank import Bank

_CLAUSE = "RFC 9126 2.2"


def push_request(bank: Bank, form: Form, *, dpop: Signer | None) -> Flow[str]:
    """The request_uri. Raises PeerRefused, UnexpectedStatus, MalformedMessage, TransportError."""
    response = yield from call_endpoint(bank, "pushed_authorization_request_endpoint", form, dpop=dpop)
    members = read_json_object(response, status=201, clause=_CLAUSE)
    request_uri, expires_in = members.get("request_uri"), members.get("expires_in")
    if not isinstance(request_uri, str) or not request_uri:
        raise MalformedMessage("the PAR answer has no request_uri", clause=_CLAUSE)
    if isinstance(expires_in, bool) or not isinstance(expires_in, int) or expires_in <= 0:
        raise MalformedMessage("expires_in of the PAR answer is not a positive integer", clause=_CLAUSE)
    return request_uri
