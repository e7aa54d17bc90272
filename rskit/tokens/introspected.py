"""Introspects a token, once for all requests that ask at the same time. The answer is checked as a JWT's claims are.

Spec: RFC 7662 2.2, 4; RFC 9701 4a; FAPI2-MS 5.5.2-1; RFC 9449 6; FAPI2-SP 5.3.4-3 (RS-8, RS-9)
Role: RS
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from fapikit.client_authentication.assertion_audience import assertion_audience_at
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
from rskit.issuers.issuer import Introspection
from rskit.issuers.trusted_issuer import TrustedIssuer
from rskit.tokens.jwt import JwtRules, audience_for, require_named_audience

INACTIVE: Final = InactiveToken("the authorization server says that this token is not active")
"""Only copies of it are raised. One object is kept, because many refusals may be remembered."""
_WITH_AUDIENCE: Final = replace(ACCESS_TOKEN, required=("aud",), forbidden=frozenset())
_WITHOUT_AUDIENCE: Final = replace(_WITH_AUDIENCE, required=())


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What every introspection of this server needs."""

    rules: JwtRules
    clock: Clock
    random_bytes: RandomBytes


class Answer(NamedTuple):
    """The issuer's answer and the time of the question.

    A request that joined another's question has that one's time.
    """

    members: Mapping[str, Any]
    asked_at: float


def ask_issuer(
    token: Secret, digest: bytes, trusted: TrustedIssuer, inquiry: Inquiry, *, fresh: bool, known: bool
) -> Flow[Answer]:
    """The answer, not checked yet. Raises UnknownIssuer for an issuer without introspection; TransportError.

    `fresh` asks again even while another request's question is running. `known`: the token has passed here before.
    """
    introspection = trusted.config.introspection
    if introspection is None:
        raise UnknownIssuer(
            "the issuer of this token has no introspection here: set Issuer(introspection=...)"
        )
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
        mtls = introspection.auth.mtls
        endpoint = metadata.endpoint("introspection_endpoint", mtls=mtls)
        audience = assertion_audience_at(metadata, introspection.assertion_audience, mtls=mtls)
    except FapiError as error:
        raise IssuerUnusable(
            f"the metadata of {trusted.config.label} cannot be used to introspect: {error.message}"
        ) from error
    signed = (
        trusted.profile.signed_introspection_required
        or introspection.signed
        or introspection.decryption is not None
    )
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
        skew=trusted.profile.clock_skew,
        assertion_audience=audience,
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
    """Check iss, aud, exp, nbf and iat as in a JWT. A token of type DPoP must have its key's thumbprint.

    Raises InactiveToken, or the fitting ClaimError.
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
        skew=trusted.profile.clock_skew,
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
    """Compared without case (RFC 6749 5.1). Servers report refresh tokens as active too; only this member shows it."""
    kind = token_type.lower() if isinstance(token_type, str) else None
    if kind not in ("bearer", "dpop"):
        raise NotAnAccessToken(
            "the server's token_type says that this is not an access token of type Bearer or DPoP"
        )
    # RFC 9449 6: the type says "bound". Without the key that cannot be verified, and it does not count as unbound.
    if kind == "dpop" and "jkt" not in (members.get("cnf") or ()):
        raise UnknownConfirmation(
            "the token is of type DPoP, but the answer has no cnf.jkt", clause="RFC 9449 6"
        )
