"""UserInfo: the claims about the user, accepted only for the user who signed in.

Spec: OIDC 5.3.1, 5.3.2, 5.5.1; RFC 9700 4.5
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fapikit.claim_requests import wishes_of
from fapikit.errors import ConfigurationError, WrongSubject
from fapikit.flow import Flow
from fapikit.http_message import HttpResponse, read_json_object
from fapikit.jose.claims import Expected, audiences_of, has_value
from fapikit.jose.purposes import USERINFO_RESPONSE
from fapikit.jose.verify import verify_jwt
from fapikit.secrets import Secret
from rpkit.api.challenge import (
    raise_resource_error_in_body,
    read_challenges,
    read_resource_refusal,
    require_no_step_up,
)
from rpkit.api.protected_call import call_protected
from rpkit.bank import Bank
from rpkit.errors import NoAccessToken, UserInfoError
from rpkit.login.id_token import IdToken
from rpkit.login.login import Login
from rpkit.login.report import LoginReport
from rpkit.login.requested_claims import compare_claims
from rpkit.login.verified_claims import (
    AskedVerifiedClaims,
    VerifiedClaims,
    asked_verified_claims,
    read_taken,
    take_verified_claims,
)
from rpkit.tokens.certificate_binding import require_certificate
from rpkit.tokens.token_set import TokenSet, require_own

_CLAUSE: Final = "OIDC 5.3.2"
_JWT: Final = "application/jwt"


@dataclass(frozen=True, slots=True)
class UserInfo:
    """Claims about the user of the ID token. `token`: the signed response exactly as it came, if it was signed.

    `report` says of each claim that the login requested for UserInfo whether it came as requested. `unmet`: the
    essential ones that did not. No claim is an error: the application decides what it cannot do without.
    """

    subject: str
    claims: Mapping[str, Any] = field(repr=False)
    jwt: Secret | None = field(repr=False, default=None)
    report: LoginReport = field(default_factory=LoginReport, repr=False, compare=False)
    unmet: tuple[str, ...] = ()
    asked_identity: AskedVerifiedClaims | None = field(default=None, repr=False, compare=False)

    @property
    def verified_claims(self) -> tuple[VerifiedClaims, ...]:
        """What was verified about the user, of what the login asked for; empty if nothing came that fits."""
        return read_taken(self.claims)

    @property
    def token(self) -> str | None:
        return None if self.jwt is None else self.jwt.reveal()


def userinfo(bank: Bank, login: Login, *, tokens: TokenSet | None = None) -> Flow[UserInfo]:
    """The UserInfo of this login. `tokens`: its token set after a refresh, if the first access token has expired.

    Raises ConfigurationError, NoAccessToken before the call; then WrongSubject, UserInfoError, MalformedMessage,
    JwtError, PeerRefused, StepUpRequired, TransportError.
    """
    if not isinstance(login, Login):
        raise ConfigurationError(
            "userinfo takes a Login, because it compares the subject: give what complete() returned",
            clause=_CLAUSE,
        )
    if login.id_token is None:
        raise ConfigurationError(
            "UserInfo is compared with an ID token, and this login has none: request the scope openid",
            clause=_CLAUSE,
        )
    held = tokens or login.tokens
    for given in (login.tokens, held):
        require_own(given, bank.issuer, bank.settings.client_id)
    endpoint = bank.endpoint("userinfo_endpoint")
    token = held.find(endpoint) or held.find(None) or next(iter(held.access_tokens), None)
    if token is None:
        raise NoAccessToken("the token set has no access token: sign in again")
    require_certificate(bank, token)
    signed = bank.settings.userinfo_signed_response_alg is not None or bank.decryption("userinfo") is not None
    accept = (("accept", _JWT if signed else "application/json"),)
    response = yield from call_protected(bank, "GET", endpoint, token=token, dpop=held.dpop, headers=accept)
    if not response.success:
        require_no_step_up(read_challenges(response.all("www-authenticate")))
        raise read_resource_refusal(response, clause=_CLAUSE)
    if signed or _is_jwt(response):
        return (yield from _signed(bank, response, login, login.id_token))
    claims = read_json_object(response, clause=_CLAUSE)
    if claims.get("sub") is None:
        raise_resource_error_in_body(response, clause=_CLAUSE)
    return _compared(bank, login, login.id_token, claims)


def _is_jwt(response: HttpResponse) -> bool:
    """Whether the media type says so, or the first octets do: a JWT begins with the `{"` of its header."""
    return response.media_type == _JWT or response.body.startswith(b"eyJ")


def _signed(bank: Bank, response: HttpResponse, login: Login, id_token: IdToken) -> Flow[UserInfo]:
    if not _is_jwt(response):
        raise_resource_error_in_body(response, clause=_CLAUSE)
        raise UserInfoError(
            "a signed UserInfo response is registered, and an unsigned one came: if the server registered none,"
            " leave userinfo_signed_response_alg out",
            facts={"media_type": response.media_type[:80]},
        )
    token = Secret(response.body.decode("ascii", "replace").strip())
    verified = yield from verify_jwt(
        token,
        USERINFO_RESPONSE,
        keys=bank.key_source(),
        algorithms=bank.algorithms(
            bank.settings.userinfo_signed_response_alg, "userinfo_signing_alg_values_supported"
        ),
        expected=Expected(issuer=bank.issuer, audience=(), now=bank.now(), skew=bank.profile.clock_skew),
        decryption=bank.decryption("userinfo"),
    )
    named = has_value(verified.claims, "aud")
    if named and bank.settings.client_id not in audiences_of(verified.claims, USERINFO_RESPONSE):
        raise UserInfoError("the aud of this signed UserInfo is another client", facts={"claim": "aud"})
    return _compared(bank, login, id_token, verified.claims, Secret(verified.token))


def _compared(
    bank: Bank, login: Login, id_token: IdToken, claims: Mapping[str, Any], jwt: Secret | None = None
) -> UserInfo:
    """Raises WrongSubject."""
    report = LoginReport()
    _require_same_user(claims, id_token)
    report.passed("UserInfo: sub is that of the ID token", _CLAUSE)
    unmet = compare_claims(claims, wishes_of(login.requested_claims, "userinfo"), "UserInfo", report)
    answered_at = login.tokens.received_at or bank.now()
    identity = asked_verified_claims(login.requested_claims, "userinfo", bank=bank, answered_at=answered_at)
    taken, missing = take_verified_claims(claims, identity, report, of="UserInfo")
    return UserInfo(id_token.subject, taken, jwt, report, (*unmet, *missing), identity)


def _require_same_user(claims: Mapping[str, Any], id_token: IdToken) -> None:
    if claims.get("sub") != id_token.subject:
        raise WrongSubject(
            "the sub of UserInfo is not the sub of the ID token; UserInfo is not used",
            clause=_CLAUSE,
            facts={"claim": "sub"},
        )
