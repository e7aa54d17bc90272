"""Tokens for the client itself, without a user.

Spec: RFC 6749 4.4; FAPI2-SP 5.3.2.1-4; RFC 8707 2
Role: C
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fapikit.errors import ConfigurationError
from fapikit.flow import Flow
from rpkit.bank import Bank
from rpkit.grants.token_parameters import asked_form
from rpkit.tokens.dpop_signer import new_dpop_key
from rpkit.tokens.token_endpoint import request_tokens
from rpkit.tokens.token_set import TokenKey, TokenSet, first_token_set


def client_credentials(
    bank: Bank,
    *,
    scope: str | None = None,
    resource: str | None = None,
    authorization_details: Iterable[Mapping[str, Any]] = (),
) -> Flow[TokenSet]:
    """A token set without refresh token and subject. A refresh token in the response is dropped (RFC 6749 4.4.3)."""
    if bank.settings.auth.method == "none":
        raise ConfigurationError(
            "the client_credentials grant needs a confidential client: set auth to PrivateKeyJWT(key), for example",
            clause="RFC 6749 4.4",
        )
    form = asked_form(scope, authorization_details)
    dpop = new_dpop_key(bank)
    response = yield from request_tokens(
        bank, "client_credentials", form, dpop=dpop, resource=resource, asked_scope=scope
    )
    now = bank.now()
    return first_token_set(
        response.access_token_at(now, resource=resource, scope=scope or ""),
        key=TokenKey(bank.random_string(), bank.issuer),
        client_id=bank.settings.client_id,
        subject=None,
        refresh_token=None,
        dpop=dpop,
        id_token_claims={},
        further_members=response.further_members,
        received_at=now,
    )
