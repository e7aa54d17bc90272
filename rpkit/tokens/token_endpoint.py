"""One call to the token endpoint and the strict reading of its answer, whatever the grant.

Spec: RFC 6749 5.1, 5.2; RFC 9449 5a, 5c; RFC 9396 7; RFC 8707 2.2
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final

from fapikit.errors import PeerRefused, Remedy
from fapikit.flow import Flow
from fapikit.http_message import read_json_object
from fapikit.secrets import Secret
from rpkit.back_channel import Form, call_endpoint
from rpkit.bank import Bank
from rpkit.errors import TokenResponseError, WrongTokenType
from rpkit.tokens.dpop_key import DPoPKey
from rpkit.tokens.dpop_signer import signer_for
from rpkit.tokens.token_set import AccessToken

_CLAUSE: Final = "RFC 6749 5.1"
_REMEDIES: Final = {
    "invalid_client": Remedy.FIX_CONFIGURATION,
    "unauthorized_client": Remedy.FIX_CONFIGURATION,
    "unsupported_grant_type": Remedy.FIX_CONFIGURATION,
    "invalid_grant": Remedy.SIGN_IN_AGAIN,
    "invalid_scope": Remedy.CORRECT_THE_REQUEST,
    "invalid_target": Remedy.CORRECT_THE_REQUEST,
    "temporarily_unavailable": Remedy.RETRY_LATER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenResponse:
    """A well-formed success answer of the right token type. The ID token in it is not verified yet."""

    access_token: Secret
    token_type: str
    expires_in: float | None
    refresh_token: Secret | None
    scope: str | None
    authorization_details: tuple[Mapping[str, Any], ...] | None = field(repr=False)
    unverified_id_token: Secret | None

    def access_token_at(self, now: float, *, resource: str | None, scope: str) -> AccessToken:
        """The token as it is kept; a scope left out means the one that was asked for (RFC 6749 5.1)."""
        return AccessToken(
            value=self.access_token,
            token_type=self.token_type,
            expires_at=None if self.expires_in is None else now + self.expires_in,
            scope=scope if self.scope is None else self.scope,
            authorization_details=self.authorization_details or (),
            resource=resource,
        )


def request_tokens(
    bank: Bank, grant_type: str, form: Form, *, dpop: DPoPKey | None, resource: str | None
) -> Flow[TokenResponse]:
    """Raises PeerRefused, TokenResponseError, WrongTokenType, UnexpectedStatus, TransportError."""
    fields: Form = (("grant_type", grant_type), *form)
    if resource is not None:
        fields = (*fields, ("resource", resource))
    response = yield from call_endpoint(bank, "token_endpoint", fields, dpop=signer_for(bank, dpop))
    try:
        return read_token_response(read_json_object(response, clause=_CLAUSE), bound=dpop is not None)
    except PeerRefused as error:
        error.remedy = _REMEDIES.get(error.peer_code, error.remedy)
        raise


def read_token_response(members: Mapping[str, Any], *, bound: bool) -> TokenResponse:
    """`bound`: a proof went with the request, so the token must be of type DPoP.

    Raises TokenResponseError, WrongTokenType.
    """
    access_token = Secret(_required(members, "access_token"))
    token_type = _required(members, "token_type")
    # The comparison ignores case (RFC 6749 5.1).
    expected = "DPoP" if bound else "Bearer"
    if token_type.lower() != expected.lower():
        raise WrongTokenType(
            f"the token is of type {token_type[:20]} where {expected} is due; it is discarded",
            facts={"expected": expected, "got": token_type[:20]},
        )
    return TokenResponse(
        access_token=access_token,
        token_type=expected,
        expires_in=_seconds(members),
        refresh_token=_secret(members, "refresh_token"),
        scope=_optional(members, "scope"),
        authorization_details=_details(members),
        unverified_id_token=_secret(members, "id_token"),
    )


def _required(members: Mapping[str, Any], name: str) -> str:
    value = _optional(members, name)
    if not value:
        raise TokenResponseError(f"the token answer has no {name}", facts={"member": name})
    if not all(0x20 <= ord(character) <= 0x7E for character in value):
        raise TokenResponseError(f"{name} is not printable ASCII", facts={"member": name})
    return value


def _optional(members: Mapping[str, Any], name: str) -> str | None:
    value = members.get(name)
    if value is None or isinstance(value, str):
        return value
    raise TokenResponseError(f"{name} of the token answer is not a string", facts={"member": name})


def _secret(members: Mapping[str, Any], name: str) -> Secret | None:
    value = _optional(members, name)
    return None if value is None else Secret(value)


def _seconds(members: Mapping[str, Any]) -> float | None:
    value = members.get("expires_in")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or value < 0:
        raise TokenResponseError("expires_in is not a number of seconds", facts={"member": "expires_in"})
    return float(value)


def _details(members: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...] | None:
    value = members.get("authorization_details")
    if value is None:
        return None
    well_formed = isinstance(value, list) and all(
        isinstance(item, dict) and isinstance(item.get("type"), str) for item in value
    )
    if not well_formed:
        raise TokenResponseError(
            "authorization_details of the token answer is not an array of typed objects",
            clause="RFC 9396 7",
            facts={"member": "authorization_details"},
        )
    return tuple(value)
