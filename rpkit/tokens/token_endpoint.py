"""One call to the token endpoint for any grant, and its response: strict about every member that decides.

A deviation in form is tolerated. A member that cannot be read is left out if nothing depends on it. If a response is
refused, its refresh token may have replaced the one that was sent. So `outcome` of the error is that refresh token.

Spec: RFC 6749 5.1, 5.2; FAPI1-BL 5.2.3-10; RFC 9449 5a, 5c; RFC 9396 7; RFC 8707 2.2
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from fapikit import strict_json
from fapikit.errors import FapiError, PeerRefused, Remedy
from fapikit.flow import Flow
from fapikit.http_message import DEFAULT_TIMEOUT, HttpResponse, raise_error_in_body, read_json_object
from fapikit.members import Members
from fapikit.secrets import Secret
from rpkit.back_channel import Form, call_endpoint
from rpkit.bank import Bank
from rpkit.errors import TokenResponseError, UnaskedScope, WrongTokenType
from rpkit.tokens.certificate_binding import present_thumbprint
from rpkit.tokens.dpop_key import DPoPKey
from rpkit.tokens.dpop_signer import signer_for
from rpkit.tokens.grant_id import is_grant_id
from rpkit.tokens.granted_details import Details, require_asked_details
from rpkit.tokens.token_set import AccessToken

MAX_FURTHER_OCTETS: Final = 64 * 1024
"""The limit for `further_members` of one response: they are sealed and stored with the token set."""
_CLAUSE: Final = "RFC 6749 5.1"
_KNOWN: Final = frozenset(
    {
        "access_token",
        "authorization_details",
        "expires_in",
        "grant_id",
        "id_token",
        "refresh_token",
        "scope",
        "token_type",
    }
)
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
    """A successful response with the right token type. Its ID token is not verified yet.

    `further_members`: the members that none of the specifications defines. `borne`: the deviations that were tolerated.
    `received_at`: when it came, if it has waited in the store since then.
    """

    access_token: Secret
    token_type: str
    expires_in: float | None
    refresh_token: Secret | None
    scope: str | None
    authorization_details: tuple[Mapping[str, Any], ...] | None = field(repr=False)
    unverified_id_token: Secret | None
    further_members: Mapping[str, Any] = field(repr=False)
    borne: tuple[str, ...] = ()
    x5t_s256: str | None = None
    received_at: float | None = None
    grant_id: str | None = None

    def access_token_at(self, now: float, *, resource: str | None, scope: str) -> AccessToken:
        """The access token for the token set. If the response has no scope, it is `scope` (RFC 6749 5.1)."""
        return AccessToken(
            value=self.access_token,
            token_type=self.token_type,
            expires_at=None if self.expires_in is None else now + self.expires_in,
            scope=scope if self.scope is None else self.scope,
            authorization_details=self.authorization_details or (),
            resource=resource,
            x5t_s256=self.x5t_s256,
        )


def request_tokens(
    bank: Bank,
    grant_type: str,
    form: Form,
    *,
    dpop: DPoPKey | None,
    resource: str | None,
    asked_scope: str | None,
    asked_details: Details = (),
    timeout: float = DEFAULT_TIMEOUT,
) -> Flow[TokenResponse]:
    """`asked_scope`: what the answer may grant at most, where the profile says so; None: nothing was asked.
    `asked_details`: the part of the granted details that the token must carry, and no other; empty: all of them.

    Raises PeerRefused, TokenResponseError, WrongTokenType, UnexpectedStatus, TransportError.

    `outcome` of the error is the refresh token (a Secret) of a response that was refused.
    """
    fields: Form = (("grant_type", grant_type), *form)
    if resource is not None:
        fields = (*fields, ("resource", resource))
    # Before the call: if the certificate is replaced meanwhile, the token counts as one of the old certificate.
    thumbprint = None if dpop is not None else present_thumbprint(bank)
    response = yield from call_endpoint(
        bank, "token_endpoint", fields, dpop=signer_for(bank, dpop), timeout=timeout
    )
    tokens = granted_tokens(
        bank, response, bound=dpop is not None, asked_scope=asked_scope, asked_details=asked_details
    )
    return replace(tokens, x5t_s256=thumbprint)


def granted_tokens(
    bank: Bank,
    response: HttpResponse,
    *,
    bound: bool,
    asked_scope: str | None,
    asked_details: Details = (),
) -> TokenResponse:
    """Read a token response, and compare it with the request. Raises the errors of `request_tokens`."""
    try:
        tokens = read_token_response(response, bound=bound)
        if not bank.profile.scope_beyond_request:
            require_scope_within(tokens, asked_scope, bank.profile.clause("scope_beyond_request"))
        if asked_details:
            _require_only(tokens, asked_details)
        return tokens
    except PeerRefused as error:
        error.remedy = _REMEDIES.get(error.peer_code, error.remedy)
        raise


def read_token_response(response: HttpResponse, *, bound: bool) -> TokenResponse:
    """`bound`: the request had a DPoP proof, so `token_type` must be DPoP. Raises the errors of `request_tokens`."""
    members = Members(
        read_json_object(response, clause=_CLAUSE),
        document="the token response",
        clause=_CLAUSE,
        refusal=TokenResponseError,
    )
    kept = _secret(members, "refresh_token")
    try:
        if members.text("access_token", decides=True) is None:
            raise_error_in_body(response, clause=_CLAUSE)
        return _read(members, kept, bound=bound)
    except FapiError as error:
        error.outcome = kept
        raise


def _read(members: Members, refresh_token: Secret | None, *, bound: bool) -> TokenResponse:
    access_token = Secret(_required(members, "access_token"))
    token_type = _required(members, "token_type")
    # The comparison ignores case (RFC 6749 5.1).
    expected = "DPoP" if bound else "Bearer"
    if token_type.lower() != expected.lower():
        raise WrongTokenType(
            f"token_type is {token_type[:20]}, and sender_constraint demands {expected}; the token is not used",
            facts={"expected": expected, "got": token_type[:20]},
        )
    expires_in = members.number("expires_in")
    if expires_in is not None and expires_in < 0:
        members.leave_out("expires_in", "it is below zero")
        expires_in = None
    return TokenResponse(
        access_token=access_token,
        token_type=expected,
        expires_in=expires_in,
        refresh_token=refresh_token,
        scope=members.spaced("scope"),
        authorization_details=_details(members),
        unverified_id_token=_secret(members, "id_token", decides=True),
        further_members=_further(members),
        grant_id=_grant_id(members),
        borne=members.borne,
    )


def require_scope_within(tokens: TokenResponse, asked: str | None, clause: str) -> None:
    """Raise UnaskedScope for a response that grants more than was asked for. None: nothing was asked."""
    if asked is None or tokens.scope is None:
        return
    beyond = sorted(set(tokens.scope.split()) - set(asked.split()))
    if beyond:
        error = UnaskedScope(
            f"the token is good for more than was asked for: {' '.join(beyond)}; it is discarded",
            clause=clause,
            facts={"asked": asked, "beyond": " ".join(beyond)},
        )
        error.outcome = tokens.refresh_token
        raise error


def _require_only(tokens: TokenResponse, asked: Details) -> None:
    try:
        require_asked_details(tokens.authorization_details, asked)
    except FapiError as error:
        error.outcome = tokens.refresh_token
        raise


def _required(members: Members, name: str) -> str:
    value = members.text(name, decides=True)
    if value is None:
        raise TokenResponseError(f"the token response has no {name}", facts={"member": name})
    if not value.isascii() or not value.isprintable():
        raise members.refuse(name, "is not printable ASCII")
    return value


def _secret(members: Members, name: str, *, decides: bool = False) -> Secret | None:
    value = members.text(name, decides=decides)
    return None if value is None else Secret(value)


def _details(members: Members) -> tuple[Mapping[str, Any], ...] | None:
    value = members.present.get("authorization_details")
    if value is None:
        return None
    if isinstance(value, dict):
        members.bear("authorization_details", "it is an object and is read as an array of one")
        value = [value]
    well_formed = isinstance(value, list) and all(
        isinstance(item, dict) and isinstance(item.get("type"), str) for item in value
    )
    if not well_formed:
        raise members.refuse(
            "authorization_details", "is not an array of objects with a type", clause="RFC 9396 7"
        )
    return tuple(value)


def _grant_id(members: Members) -> str | None:
    """The name of the grant. One that can be no part of a URL is left out: no grant could be managed by it."""
    value = members.text("grant_id")
    if value is not None and not is_grant_id(value):
        members.leave_out("grant_id", "it is not URL-safe [GM 5.5]")
        return None
    return value


def _further(members: Members) -> Mapping[str, Any]:
    found = {name: value for name, value in members.present.items() if name not in _KNOWN}
    size = len(strict_json.dump(found))
    if size > MAX_FURTHER_OCTETS:
        for name in found:
            members.leave_out(
                name, f"the further members have {size} octets, and {MAX_FURTHER_OCTETS} is the limit"
            )
        return {}
    return found
