"""The verification of an ID token: always the signature, then every claim that the request or the profile demands.

Spec: FAPI1-ADV 5.2.3-3, 5.2.3.1-2, 8.3.3;
    OIDC 2, 3.1.3.6, 3.1.3.7-2, -3, -4, -5, -6, -7, -9, -10, -11, -12, -13, 12.2; FAPI2-MS 5.6.2-1;
    RFC 9700 4.5.3.2
Role: C
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fapikit import base64url, strict_json
from fapikit.errors import MalformedClaim, MissingClaim, SealBroken, WrongAudience, WrongHash, WrongNonce
from fapikit.flow import Flow
from fapikit.jose.claims import audiences_of, has_value, number
from fapikit.jose.half_hash import half_hash
from fapikit.jose.purposes import ID_TOKEN
from fapikit.jose.verify import VerifiedJwt
from fapikit.secrets import Secret
from fapikit.stores.sealed import Seal
from fapikit.tracebacks import forgets_locals
from rpkit.bank import Bank
from rpkit.errors import BrokenContinuity, StaleLogin, WrongAcr
from rpkit.intents.named import check_intent
from rpkit.login.asked import Asked
from rpkit.login.report import LoginReport
from rpkit.login.requested_claims import check_requested_claims
from rpkit.login.transaction import Transaction
from rpkit.login.verified_claims import AskedVerifiedClaims, VerifiedClaims, asked_verified_claims, read_taken
from rpkit.server_jwt import verify_server_jwt

_MAX_SUBJECT: Final = 255
_SEAL_CONTEXT: Final = "rpkit.id_token"
_CONTINUED: Final = ("iss", "sub", "aud", "azp", "auth_time", "nonce")


@dataclass(frozen=True, slots=True)
class IdToken:
    """A verified ID token. `token` is the JWT exactly as it came.

    `claims` are its claims. Its `verified_claims` (identity assurance) have only what the request asked for.
    `asked_identity`: what it asked for; None in an ID token that `open` returns.
    It cannot be pickled, because that would write the JWT in clear. Use `seal` to keep it.
    """

    issuer: str
    subject: str
    claims: Mapping[str, Any] = field(repr=False)
    jwt: Secret = field(repr=False)
    asked_identity: AskedVerifiedClaims | None = field(default=None, repr=False, compare=False)

    @property
    def token(self) -> str:
        return self.jwt.reveal()

    @property
    def verified_claims(self) -> tuple[VerifiedClaims, ...]:
        """What was verified about the user, of what the request asked for; empty if nothing came that fits."""
        return read_taken(self.claims)

    @property
    def alg(self) -> str:
        """The algorithm of its signature."""
        return str(strict_json.parse_object(base64url.decode(self.token.split(".", 1)[0]))["alg"])

    def seal(self, seal: Seal) -> str:
        """The ID token as encrypted and authenticated text, for a session or a database."""
        members = {"iss": self.issuer, "sub": self.subject, "claims": dict(self.claims), "jwt": self.token}
        return seal.seal_text(strict_json.dump(members), _SEAL_CONTEXT)

    @classmethod
    @forgets_locals
    def open(cls, sealed: str, seal: Seal) -> IdToken:
        """Raises SealBroken."""
        members = strict_json.parse_object(seal.open_text(sealed, _SEAL_CONTEXT))
        try:
            return cls(members["iss"], members["sub"], members["claims"], Secret(members["jwt"]))
        except KeyError as error:
            raise SealBroken("another version of rpkit sealed this ID token: sign in again") from error


def verify_id_token(
    bank: Bank, token: Secret, asked: Asked, *, access_token: Secret | None, report: LoginReport
) -> Flow[IdToken]:
    """The ID token of a login. Raises the JwtError of the failed check; TransportError if no key can be fetched now."""
    verified = yield from _verify_login(bank, token, asked, report)
    _check_at_hash(verified, access_token, report)
    _check_acr(verified.claims, asked, report)
    _check_auth_time(bank, verified.claims, asked, report)
    identity = asked_verified_claims(asked.claims, "id_token", bank=bank, answered_at=bank.now())
    claims = check_requested_claims(verified.claims, asked, identity, report)
    return IdToken(bank.issuer, verified.claims["sub"], claims, Secret(verified.token), identity)


def verify_front_channel_id_token(
    bank: Bank, token: Secret, transaction: Transaction, *, report: LoginReport
) -> Flow[IdToken]:
    """The ID token of the authorization response. `hybrid` verifies its hashes.

    `acr` and the requested claims are verified in the second ID token. Raises the errors of `verify_id_token`.
    """
    verified = yield from _verify_login(bank, token, transaction, report)
    return IdToken(bank.issuer, verified.claims["sub"], verified.claims, Secret(verified.token))


def _verify_login(bank: Bank, token: Secret, asked: Asked, report: LoginReport) -> Flow[VerifiedJwt]:
    verified = yield from _verify(bank, token)
    report.passed("ID token: signature", "OIDC 3.1.3.7-6, -7", str(verified.header["alg"]))
    report.passed("ID token: iss", "OIDC 3.1.3.7-2")
    others = [name for name in audiences_of(verified.claims, ID_TOKEN) if name != bank.settings.client_id]
    trusted = f"and trusted_audiences: {' '.join(others)}" if others else ""
    report.passed("ID token: aud is this client alone", "OIDC 3.1.3.7-3", trusted)
    report.passed("ID token: exp", "OIDC 3.1.3.7-9")
    report.passed("ID token: iat is recent", "OIDC 3.1.3.7-10")
    _check_nonce(verified.claims, asked, report)
    _check_azp(bank, verified.claims)
    report.passed("ID token: azp", "OIDC 3.1.3.7-4, -5")
    check_intent(verified.claims, asked, report)
    return verified


def verify_refreshed_id_token(
    bank: Bank, token: Secret, first: Mapping[str, Any], *, access_token: Secret | None
) -> Flow[IdToken]:
    """The ID token of a refresh. It must be of the same login as the claims of the `first` ID token.

    Raises BrokenContinuity, and the errors of `verify_id_token`.
    """
    verified = yield from _verify(bank, token)
    claims = verified.claims
    now, before = continuity_claims(claims), continuity_claims(first)
    for name in _CONTINUED:
        # A claim that only one of the two has cannot differ. iss and sub are in both.
        in_both = name in ("iss", "sub") or (name in now and name in before)
        if in_both and now[name] != before[name]:
            raise BrokenContinuity(
                f"the ID token of the refresh has another {name} than the first one", facts={"claim": name}
            )
    _check_azp(bank, claims)
    _check_at_hash(verified, access_token, LoginReport())
    return IdToken(bank.issuer, claims["sub"], claims, Secret(verified.token))


def continuity_claims(claims: Mapping[str, Any]) -> dict[str, Any]:
    """The claims that the ID token of a refresh is compared with."""
    return comparable(claims, _CONTINUED)


def comparable(claims: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Those of these claims that have a value. An `aud` that is a string becomes a list of one."""
    found = {name: claims[name] for name in names if has_value(claims, name)}
    if isinstance(found.get("aud"), str):
        found["aud"] = [found["aud"]]
    return found


def _verify(bank: Bank, token: Secret) -> Flow[VerifiedJwt]:
    algorithms = bank.algorithms(
        bank.settings.id_token_signed_response_alg, "id_token_signing_alg_values_supported"
    )
    verified = yield from verify_server_jwt(
        bank,
        token,
        ID_TOKEN,
        algorithms=algorithms,
        max_age=bank.settings.id_token_max_age,
        trusted_audiences=bank.settings.trusted_audiences,
        decryption=bank.decryption("id_token"),
    )
    sub = verified.claims["sub"]
    if not sub or len(sub) > _MAX_SUBJECT or not sub.isascii():
        raise ID_TOKEN.fail(
            MalformedClaim,
            "sub is empty, too long or not ASCII: it must have 1 to 255 ASCII characters",
            about="sub",
            facts={"claim": "sub"},
        )
    return verified


def _check_nonce(claims: Mapping[str, Any], asked: Asked, report: LoginReport) -> None:
    nonce = claims.get("nonce")
    if asked.nonce is None and nonce is None:
        report.skipped(
            "ID token: nonce", "OIDC 3.1.3.7-11", "the request had none, because no browser was sent"
        )
        return
    if nonce is None:
        raise ID_TOKEN.fail(
            MissingClaim, "the ID token has no nonce", about="nonce", facts={"claim": "nonce"}
        )
    if asked.nonce is None or not isinstance(nonce, str) or not asked.nonce.matches(nonce):
        raise ID_TOKEN.fail(WrongNonce, "the nonce of the ID token is that of another login", about="nonce")
    report.passed("ID token: nonce", "OIDC 3.1.3.7-11")


def _check_azp(bank: Bank, claims: Mapping[str, Any]) -> None:
    if has_value(claims, "azp") and claims["azp"] != bank.settings.client_id:
        raise ID_TOKEN.fail(
            WrongAudience,
            "azp of the ID token is another client",
            facts={"claim": "azp", "got": str(claims["azp"])[:100]},
        )


def _check_at_hash(verified: VerifiedJwt, access_token: Secret | None, report: LoginReport) -> None:
    if not has_value(verified.claims, "at_hash") or access_token is None:
        report.skipped("ID token: at_hash", "OIDC 3.1.3.6", "it is optional here, and the ID token has none")
        return
    found = verified.claims["at_hash"]
    right = half_hash(access_token.reveal(), verified.header["alg"])
    if not isinstance(found, str) or not hmac.compare_digest(found.encode(), right.encode()):
        raise WrongHash(
            "at_hash is not the hash of the access token that came with the ID token",
            clause="OIDC 3.1.3.6",
            facts={"claim": "at_hash"},
        )
    report.passed("ID token: at_hash", "OIDC 3.1.3.6")


def _check_acr(claims: Mapping[str, Any], asked: Asked, report: LoginReport) -> None:
    if not asked.acr_values:
        report.skipped("ID token: acr", "OIDC 3.1.3.7-12", "no acr_values were requested")
        return
    if claims.get("acr") not in asked.acr_values:
        raise WrongAcr(
            "the acr of the ID token is not one of the requested acr_values",
            facts={"expected": " ".join(asked.acr_values), "got": str(claims.get("acr"))[:100]},
        )
    report.passed("ID token: acr", "OIDC 3.1.3.7-12", str(claims["acr"]))


def _check_auth_time(bank: Bank, claims: Mapping[str, Any], asked: Asked, report: LoginReport) -> None:
    if asked.max_age is None:
        report.skipped("ID token: auth_time", "OIDC 3.1.3.7-13", "no max_age was requested")
        return
    auth_time = number(claims, "auth_time", ID_TOKEN)
    if auth_time is None:
        raise StaleLogin(
            "max_age was requested, and the ID token has no auth_time", facts={"claim": "auth_time"}
        )
    age = bank.now() - auth_time
    if age < -bank.profile.clock_skew:  # until that time it would satisfy any max_age
        raise StaleLogin(
            "auth_time is in the future: compare the clocks of server and client",
            facts={"seconds_ahead": int(-age)},
        )
    if age > asked.max_age + bank.profile.clock_skew:
        raise StaleLogin(
            "the user signed in longer ago than max_age allows",
            facts={"seconds_ago": int(age), "max_age": asked.max_age},
        )
    report.passed("ID token: auth_time", "OIDC 3.1.3.7-13")
