"""A signed authentication request: verified with the client's keys, accepted once, then the only source of parameters.

Spec: CIBA 7.1.1a, 7.1.1b, 7.2; FAPI-CIBA 5.2.2-6, 5.2.2-9; FAPI1-ADV 5.2.2-13, 5.2.2-17
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from askit.clients import backchannel
from askit.clients.client import Client
from askit.core import Core
from askit.errors import InvalidRequest
from fapikit.errors import LivesTooLong, TooOld, WrongIssuer
from fapikit.jose.claims import Expected, number
from fapikit.jose.purposes import AUTHENTICATION_REQUEST
from fapikit.jose.verify import verify_jwt
from fapikit.parameters import Parameters
from fapikit.profiles import Profile
from fapikit.secrets import Secret

LONGEST: Final = 3600.0
"""Seconds, where the profile has no limit of its own: a used `jti` is remembered for so long."""


def require_nothing_outside(parameters: Parameters, known: frozenset[str]) -> None:
    """Raise InvalidRequest for a parameter of the request beside `request`: only client authentication may be there.

    Unknown ones are ignored (CIBA 7.2).
    """
    for name in parameters.names():
        if name in known:
            raise InvalidRequest(
                f"{name} stands outside the signed request: put it inside",
                clause="CIBA 7.1.1a",
                facts={"parameter": name},
            )


async def read_signed_request(core: Core, token: Secret, client: Client) -> Mapping[str, Any]:
    """The verified claims of the JWT. Raises InvalidRequest, a JwtError, TransportError."""
    registered, profile = client.alg(backchannel.SIGNING_ALG), core.profile_of(client)
    if registered is None:
        raise InvalidRequest(
            f"this client has not registered how it signs: register {backchannel.SIGNING_ALG}",
            clause="CIBA 4d",
        )
    expected = Expected(
        issuer=client.client_id,
        audience=(core.config.issuer,),
        now=core.clock(),
        skew=profile.clock_skew,
    )
    flow = verify_jwt(
        token,
        AUTHENTICATION_REQUEST,
        keys=core.clients.keys_of(client),
        algorithms={registered},
        expected=expected,
    )
    verified = await core.run(core.waiting_for_keys.wait(client.client_id, flow))
    claims = verified.claims
    if claims.get("client_id", client.client_id) != client.client_id:
        raise AUTHENTICATION_REQUEST.fail(
            WrongIssuer, "client_id in the signed request is another client", about="iss"
        )
    _check_span(core, claims, client)
    return claims


async def require_first_use(core: Core, claims: Mapping[str, Any], client: Client) -> None:
    """Remember the `jti` until the JWT has expired. Raises InvalidRequest for a second use, StoreError."""
    profile = core.profile_of(client)
    exp, skew = float(claims["exp"]), profile.clock_skew
    made_at = min(float(claims["nbf"]), float(claims["iat"])) - skew
    name, ttl = f"{client.client_id}\0{claims['jti']}", exp - core.clock() + skew
    if not await core.records.mark("authentication-request", name, ttl, owners=client.owners, since=made_at):
        raise InvalidRequest(
            "this signed request was sent before: make another one, with a jti of its own",
            clause="CIBA 7.1.1b",
            facts={"claim": "jti"},
        )


def _check_span(core: Core, claims: Mapping[str, Any], client: Client) -> None:
    """`nbf` is not too old, and `exp` not too far after it. Raises a ClaimError."""
    profile, purpose = core.profile_of(client), AUTHENTICATION_REQUEST
    nbf, exp = number(claims, "nbf", purpose) or 0.0, number(claims, "exp", purpose) or 0.0
    oldest, clause = _limit(profile, "request_object_max_age")
    if core.clock() - nbf > oldest:
        raise purpose.fail(TooOld, "nbf of this signed request is too old", clause=clause)
    longest, clause = _limit(profile, "request_object_max_lifetime")
    if exp - nbf > longest:
        raise purpose.fail(LivesTooLong, "exp of this signed request is too far after nbf", clause=clause)


def _limit(profile: Profile, setting: str) -> tuple[float, str]:
    """The limit of the profile with its clause, or our own."""
    limit: float | None = getattr(profile, setting)
    return (LONGEST, "CIBA 7.1.1b") if limit is None else (limit, profile.clause(setting))
