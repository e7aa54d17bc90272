"""The JWT bearer grant: an assertion of an issuer that the server trusts, for an access token.

Spec: RFC 7523 2.1, 3.1b; RFC 7521 4.1a; RFC 8707 2; RFC 9449 5
Role: C
"""

from __future__ import annotations

from typing import Unpack

from fapikit.errors import ConfigurationError, PeerRefused, Remedy
from fapikit.flow import Flow
from fapikit.secrets import Concealed, Secret
from fapikit.urns import JWT_BEARER
from rpkit.back_channel import Form
from rpkit.bank import Bank
from rpkit.grants.token_parameters import TokenParameters, asked_form
from rpkit.tokens.dpop_signer import new_dpop_key
from rpkit.tokens.token_endpoint import request_tokens, require_scope_within
from rpkit.tokens.token_set import TokenKey, TokenSet, first_token_set

_PARTS = (3, 5)
"""A signed JWT has three parts, an encrypted one has five."""


def jwt_bearer(
    bank: Bank, assertion: Concealed[str], **parameters: Unpack[TokenParameters]
) -> Flow[TokenSet]:
    """A token set for the subject of the assertion. Most servers accept an assertion once.

    Raises ConfigurationError for what is no JWT; PeerRefused (`invalid_grant` if the server does not accept the
    assertion); UnaskedScope for more scope than was asked for; TokenResponseError, WrongTokenType, TransportError.
    """
    if not isinstance(assertion.reveal(), str) or len(assertion.reveal().split(".")) not in _PARTS:
        raise ConfigurationError("assertion is not a JWT: give exactly one, as text", clause="RFC 7523 2.1")
    scope, resource = parameters.get("scope"), parameters.get("resource")
    asked = asked_form(scope, parameters.get("authorization_details", ()))
    form: Form = (("assertion", Secret(assertion.reveal())), *asked)
    dpop = new_dpop_key(bank)
    try:
        response = yield from request_tokens(
            bank, JWT_BEARER, form, dpop=dpop, resource=resource, asked_scope=None
        )
    except PeerRefused as error:
        if error.peer_code == "invalid_grant":  # no user can help by signing in
            error.remedy = Remedy.CORRECT_THE_REQUEST
        raise
    require_scope_within(response, scope, "RFC 7521 4.1a")
    now = bank.now()
    return first_token_set(
        response.access_token_at(now, resource=resource, scope=scope or ""),
        key=TokenKey(bank.random_string(), bank.issuer),
        client_id=bank.settings.client_id,
        subject=None,
        refresh_token=response.refresh_token,
        dpop=dpop,
        id_token_claims={},
        further_members=response.further_members,
        received_at=now,
    )
