"""Asking the issuer about a token, once for all who ask at one time; the answer is checked as a JWT's claims would be.

Spec: RFC 7662 2.2, 4; RFC 9701 4a; FAPI2-MS 5.5.2-1; RFC 9449 6; FAPI2-SP 5.3.4-3 (RS-8, RS-9)
Role: RS
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from fapikit.clock import Clock, RandomBytes
from fapikit.errors import FapiError
from fapikit.flow import Flow, shared
from fapikit.introspection import introspect
from fapikit.jose.claims import Expected, check_claims
from fapikit.jose.purposes import ACCESS_TOKEN
from fapikit.secrets import Secret
from rskit.errors import (
    InactiveToken,
    IssuerUnusable,
    NotAnAccessToken,
    UnknownConfirmation,
    UnknownIssuer,
)
from rskit.issuers.issuer import Introspection, TrustedIssuer
from rskit.tokens.jwt import JwtRules, audience_for, require_named_audience

INACTIVE: Final = InactiveToken("the authorization server says that this token is not active")
"""Raised as a copy, kept as it is: many may be remembered."""
_WITH_AUDIENCE: Final = replace(ACCESS_TOKEN, required=("aud",), forbidden=frozenset())
_WITHOUT_AUDIENCE: Final = replace(_WITH_AUDIENCE, required=())


@dataclass(frozen=True, slots=True)
class Inquiry:
    """How this server asks: `signed` demands RFC 9701 answers."""

    rules: JwtRules
    signed: bool
    clock: Clock
    random_bytes: RandomBytes


class Answer(NamedTuple):
    """What the issuer says of a token, and when it was asked: for who joined another's question, when that was."""

    members: Mapping[str, Any]
    asked_at: float


def ask_issuer(
    token: Secret, digest: bytes, trusted: TrustedIssuer, inquiry: Inquiry, *, fresh: bool, known: bool
) -> Flow[Answer]:
    """The answer, still to be checked. Raises UnknownIssuer for one that is not asked, TransportError.

    `fresh` asks anew even while another request's question is on its way. `known`: the token has passed here before.
    """
    introspection = trusted.config.introspection
    if introspection is None:
        raise UnknownIssuer("the issuer of this token is not asked about tokens here")
    if fresh:
        return (yield from _ask(token, trusted, introspection, inquiry, known=known))
    return (
        yield from shared(
            ("rs-introspection", trusted.config.url, digest),
            lambda: _ask(token, trusted, introspection, inquiry, known=known),
            deadline=2 * introspection.limits.timeout + 12,
        )
    )


def _ask(
    token: Secret, trusted: TrustedIssuer, introspection: Introspection, inquiry: Inquiry, *, known: bool
) -> Flow[Answer]:
    metadata = yield from trusted.metadata()
    try:
        endpoint = metadata.endpoint("introspection_endpoint", mtls=introspection.auth.mtls)
    except FapiError as error:
        raise IssuerUnusable(f"{trusted.config.label} lists no introspection endpoint") from error
    signed = inquiry.signed or introspection.signed or introspection.decryption is not None
    keys = (yield from trusted.key_source()) if signed else None
    asked_at = inquiry.clock()
    question = introspect(
        endpoint,
        token,
        client_id=introspection.client_id,
        issuer=trusted.config.url,
        auth=introspection.auth,
        clock=inquiry.clock,
        random_bytes=inquiry.random_bytes,
        signed=signed,
        keys=keys,
        algorithms=trusted.algorithms,
        decryption=introspection.decryption,
        skew=inquiry.rules.skew,
        timeout=introspection.limits.timeout,
    )
    cool_down = trusted.introspecting_known if known else trusted.introspecting
    members = yield from cool_down.attempt(question)
    return Answer(members, asked_at)


def check_members(
    members: Mapping[str, Any],
    trusted: TrustedIssuer,
    introspection: Introspection,
    rules: JwtRules,
    now: float,
) -> None:
    """iss, aud, exp, nbf, iat as for a JWT; a token called DPoP must show its key.

    Raises InactiveToken, or the ClaimError that fits.
    """
    if members["active"] is not True:
        raise copy.copy(INACTIVE)
    by_aud = introspection.aud_required and trusted.config.audience_claim == "aud"
    purpose = _WITH_AUDIENCE if by_aud else _WITHOUT_AUDIENCE
    if trusted.config.max_token_age is not None:
        purpose = replace(purpose, required=(*purpose.required, "iat"))
    expected = Expected(
        issuer=trusted.config.url if "iss" in members else None,
        audience=_audience(members, trusted, introspection, rules),
        now=now,
        skew=rules.skew,
        max_age=trusted.config.max_token_age,
    )
    check_claims(members, purpose, expected)
    require_named_audience(members, trusted)
    if "token_type" in members:
        _check_type(members["token_type"], members)


def _audience(
    members: Mapping[str, Any], trusted: TrustedIssuer, introspection: Introspection, rules: JwtRules
) -> tuple[str, ...]:
    if trusted.config.audience_claim != "aud":
        return ()
    return audience_for(trusted, rules) if introspection.aud_required or "aud" in members else ()


def _check_type(token_type: object, members: Mapping[str, Any]) -> None:
    """Compared without case (RFC 6749 5.1). Servers call refresh tokens active too, and say so here if anywhere."""
    kind = token_type.lower() if isinstance(token_type, str) else None
    if kind not in ("bearer", "dpop"):
        raise NotAnAccessToken("the server says that this is no access token of type Bearer or DPoP")
    # RFC 9449 6: the type says "bound"; without the key that cannot be verified, and is not taken for unbound.
    if kind == "dpop" and "jkt" not in (members.get("cnf") or ()):
        raise UnknownConfirmation("the token is of type DPoP, and its key is not told", clause="RFC 9449 6")
