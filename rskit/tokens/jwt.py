"""Verifies a JWT access token: one synchronous pass if the keys are in memory, a flow if they must be fetched.

A header segment of a valid signature of this issuer is not parsed again while the keys stay the same. Claims pass a
fast check if they are clearly valid. All others go through `fapikit.jose.claims`, and only that refuses.

An encrypted token is decrypted first (`open_token`); what is inside is verified like any other.

Spec: RFC 9068 4; RFC 8725 3; FAPI2-SP 5.3.4-3 (RS-3 to RS-6)
Role: RS
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from fapikit.clock import Clock
from fapikit.errors import BadSignature, KeyNotFound, NotEncrypted, WrongAudience
from fapikit.flow import Flow
from fapikit.jose.claims import Expected, check_claims, claimed_iat
from fapikit.jose.encryption import Decryption, decrypt_jwt, is_encrypted
from fapikit.jose.key_set import KeySet
from fapikit.jose.parse import read_header, read_object, read_signature, split_jws
from fapikit.jose.purposes import ACCESS_TOKEN
from fapikit.secrets import Concealed, Secret
from rskit.errors import NotAnAccessToken
from rskit.issuers.book import IssuerBook
from rskit.issuers.trusted_issuer import KnownHeader, TrustedIssuer
from rskit.read_only import read_only_members
from rskit.tokens.cache import AcceptedToken, ListedToken, UnboundJwt
from rskit.tokens.claims import UNBOUND, build_token

_new: Final = tuple.__new__  # a NamedTuple's own constructor costs twice as much


class JwtRules(NamedTuple):
    """What this server requires of every token."""

    audience: tuple[str, ...]
    accepted: frozenset[str]


class Jwt(NamedTuple):
    """A split JWT. `claims` are not verified yet; they only say which issuer to ask. Their values are read-only."""

    head: str
    body: str
    tail: str
    claims: dict[str, Any]
    trusted: TrustedIssuer


def is_jwt(token: str) -> bool:
    """Whether a token has the form of a JWS: three parts, the first one a JSON object."""
    return token[:2] == "ey" and token.count(".") == 2


def open_token(token: Secret, decryption: Decryption | None) -> Secret:
    """What is inside an encrypted token, or the token itself. Raises the JwtError of the step that fails."""
    if decryption is None or not is_encrypted(token.reveal()):
        return token
    return Secret(decrypt_jwt(token.reveal(), ACCESS_TOKEN, decryption))


def require_encrypted(trusted: TrustedIssuer) -> None:
    """Check that a JWT may be unencrypted. Raises NotEncrypted."""
    if trusted.encrypted:
        raise ACCESS_TOKEN.fail(
            NotEncrypted,
            "this access token is not encrypted, but this issuer must encrypt it",
            about="encryption",
        )


def read_jwt(token: str, issuers: IssuerBook) -> Jwt:
    """Split the JWT and find its issuer. Raises JwtTooLarge, MalformedJwt, DuplicateMember, UnknownIssuer."""
    head, body, tail = split_jws(token, ACCESS_TOKEN)
    claims = read_object(body, ACCESS_TOKEN, "payload", read_only_members)
    return Jwt(head, body, tail, claims, issuers.find(claims.get("iss")))


def verify_at_hand(
    token: str, digest: bytes, issuers: IssuerBook, rules: JwtRules, now: float
) -> AcceptedToken | None:
    """One synchronous pass; None if something must be fetched, or it is no JWT. Raises the refusal.

    A further function call would cost time for every new token, so the common case is written here in one piece.
    """
    parts = token.split(".", 3)
    if len(parts) != 3 or token[:2] != "ey":
        return None
    head, body, tail = parts
    claims = read_object(body, ACCESS_TOKEN, "payload", read_only_members)
    trusted = issuers.find(claims.get("iss"))
    keys = trusted.keys_at_hand(now)
    if keys is None or trusted.asked_first or trusted.encrypted:
        return None
    known = trusted.headers.get(head)
    new = known is None or known.keys is not keys
    if known is None or new:
        known = _select(token, trusted, keys)
        if known is None:
            return None
    signing_input = f"{head}.{body}".encode("ascii")
    if not known.verify(read_signature(tail, ACCESS_TOKEN), signing_input):
        raise _bad_signature()
    if new:
        trusted.remember_header(head, known)
    return _accept(claims, signing_input, digest, trusted, keys, rules, now)


def _select(token: str, trusted: TrustedIssuer, keys: KeySet) -> KnownHeader | None:
    """What a header that is seen for the first time means; None if the issuer may have a newer key."""
    header = read_header(split_jws(token, ACCESS_TOKEN)[0], trusted.purpose, trusted.algorithms)
    try:
        key = keys.select(header.alg, header.kid, trusted.purpose)
    except KeyNotFound:
        if trusted.config.keys is not None:
            raise
        return None
    return KnownHeader(key.verifier(header.alg), keys)


def verify_flow(jwt: Concealed[Jwt], digest: bytes, rules: JwtRules, clock: Clock) -> Flow[AcceptedToken]:
    """Verify with keys that may have to be fetched. Raises TransportError if that fails.

    Nothing is fetched before typ, alg and iss have passed.
    """
    trusted = jwt.reveal().trusted
    header = read_header(jwt.reveal().head, trusted.purpose, trusted.algorithms)
    source = yield from trusted.key_source()
    issued_at = claimed_iat(jwt.reveal().claims)
    key = yield from source.find(header.alg, header.kid, trusted.purpose, issued_at=issued_at)
    now = clock()  # only now, because a token may end while keys are fetched
    keys = trusted.keys_at_hand(now)
    if keys is None or key not in keys.keys:  # another thread may have fetched newer keys in the meantime
        keys = KeySet([key])
    known = KnownHeader(key.verifier(header.alg), keys)
    return _verify(jwt.reveal(), digest, known, rules, now)


def _verify(jwt: Jwt, digest: bytes, known: KnownHeader, rules: JwtRules, now: float) -> AcceptedToken:
    head, body, tail, claims, trusted = jwt
    signing_input = f"{head}.{body}".encode("ascii")
    if not known.verify(read_signature(tail, ACCESS_TOKEN), signing_input):
        raise _bad_signature()
    trusted.remember_header(head, known)
    return _accept(claims, signing_input, digest, trusted, known.keys, rules, now)


def _accept(
    claims: dict[str, Any],
    signing_input: bytes,
    digest: bytes,
    trusted: TrustedIssuer,
    keys: KeySet,
    rules: JwtRules,
    now: float,
) -> AcceptedToken:
    """What the claims of a valid signature grant, and how long that may be cached. Raises the refusal."""
    claim, skew = claims.get, trusted.profile.clock_skew
    exp, iat, aud, sub = claim("exp"), claim("iat"), claim("aud"), claim("sub")
    # True only if `check_claims` would pass too. The issuer is right already: the key was chosen by it.
    if not (
        trusted.plain
        and type(exp) is int
        and now < exp + skew
        and type(iat) is int
        and iat <= now + skew
        and type(aud) is str
        and aud in rules.accepted
        and type(sub) is str
        and sub != claims["iss"]
        and type(claim("client_id")) is str
        and type(claim("jti")) is str
        and "nbf" not in claims
        and trusted.purpose.forbidden.isdisjoint(claims)
    ):
        _require_claims(claims, trusted, rules, now)
    config = trusted.config
    token = build_token(claims, config, "jwt", digest)
    until = claims["exp"] + skew
    if config.max_token_age is not None:
        until = min(until, claims["iat"] + config.max_token_age + skew)
    signed = hashlib.sha256(signing_input).digest() if config.introspection is not None else None
    lists = trusted.status_lists
    entry = None if lists is None else lists.entry_of(claims)
    if entry is not None:
        return ListedToken(token, trusted, until, keys, signed, entry)
    if signed is None and token.confirmation is UNBOUND and not trusted.possession.required:
        return UnboundJwt(token, trusted, until, keys)
    return AcceptedToken(token, trusted, until, keys, signed)


def _bad_signature() -> BadSignature:
    message = "the signature of this access token does not verify"
    return ACCESS_TOKEN.fail(BadSignature, message, about="signature")


def _require_claims(claims: Mapping[str, Any], trusted: TrustedIssuer, rules: JwtRules, now: float) -> None:
    config = trusted.config
    require_mark(claims, trusted)
    expected = Expected(
        issuer=config.url,
        audience=audience_for(trusted, rules) if config.audience_claim == "aud" else (),
        now=now,
        skew=trusted.profile.clock_skew,
        max_age=config.max_token_age,
    )
    check_claims(claims, trusted.purpose_of(claims), expected)
    require_named_audience(claims, trusted)


def audience_for(trusted: TrustedIssuer, rules: JwtRules) -> tuple[str, ...]:
    """The values that an issuer writes for this API. One of them must be in the token."""
    return trusted.config.audiences or rules.audience


def require_named_audience(claims: Mapping[str, Any], trusted: TrustedIssuer) -> None:
    """Check the audience if the issuer writes it into another claim than `aud`. Raises WrongAudience."""
    config = trusted.config
    if config.audience_claim == "aud":
        return
    found = claims.get(config.audience_claim)
    named = found if isinstance(found, tuple) else (found,)
    if not any(name in config.audiences for name in named):
        raise trusted.purpose.fail(
            WrongAudience,
            "this access token is for another audience",
            about="aud",
            facts={"claim": config.audience_claim, "expected": " ".join(config.audiences)},
        )


def require_mark(claims: Mapping[str, Any], trusted: TrustedIssuer) -> None:
    """Check the claim that marks this issuer's access tokens, if one is configured. Raises NotAnAccessToken."""
    marked_by = trusted.config.marked_by
    if marked_by is not None and claims.get(marked_by[0]) != marked_by[1]:
        raise NotAnAccessToken(
            f"an access token of this issuer must have {marked_by[0]}: {marked_by[1]} (Issuer.marked_by)",
            clause="RFC 8725 3.12",
            facts={"claim": marked_by[0]},
        )
