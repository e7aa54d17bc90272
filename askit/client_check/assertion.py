"""What both JWT methods share: the form of the assertion, its audience by profile, and its single use.

Spec: RFC 7523 3; rfc7523bis 4a, 4c, 5; FAPI2-SP 5.3.2.1-8; OIDC 9; RFC 9126 2b; CIBA 7.1b
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from askit.clients.client import Client
from askit.core import Core
from askit.errors import InvalidClient, ReplayedAssertion
from fapikit.client_authentication.assertion import ASSERTION_TYPE
from fapikit.errors import LivesTooLong, WrongAudience, WrongSubject
from fapikit.jose.claims import Expected, number
from fapikit.jose.parse import parse_jws
from fapikit.jose.purposes import CLIENT_ASSERTION
from fapikit.jose.shared_secret import HMAC_ALGORITHMS
from fapikit.parameters import Parameters
from fapikit.profiles import Profile

MAX_LIFETIME: Final = 86_400.0
_ANY: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
    | HMAC_ALGORITHMS.keys()
)


def assertion_of(parameters: Parameters) -> str:
    """The assertion. Raises InvalidClient."""
    if parameters.get("client_assertion_type") != ASSERTION_TYPE:
        raise InvalidClient(f"client_assertion_type must be {ASSERTION_TYPE}", clause="RFC 7523 2.2")
    assertion = parameters.get("client_assertion")
    if assertion is None:
        raise InvalidClient("client_assertion is missing", clause="RFC 7523 2.2")
    return assertion


def client_id_of(parameters: Parameters) -> str:
    """The client that the unverified assertion names. Raises InvalidClient, JwtError."""
    subject = parse_jws(assertion_of(parameters), CLIENT_ASSERTION, _ANY).unverified_claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise InvalidClient("this client assertion has no sub", clause="RFC 7523 3-2", facts={"claim": "sub"})
    return subject


def expected_of(core: Core, client: Client) -> Expected:
    """The required values of the registered claims. The profile decides the audience."""
    profile = core.profile_of(client)
    accepted = audiences(core, profile)
    return Expected(
        issuer=client.client_id,
        audience=accepted,
        now=core.clock(),
        skew=profile.clock_skew,
        sole_audience=not profile.assertion_audience_as_array or len(accepted) == 1,
    )


def audiences(core: Core, profile: Profile) -> tuple[str, ...]:
    """The audiences that the profile accepts (FAPI2-SP 5.3.2.1-8: the issuer alone), an endpoint under each name."""
    known = {
        "issuer": core.config.issuer,
        "token_endpoint": core.endpoint("token"),
        "par_endpoint": core.endpoint("par"),
        "backchannel_endpoint": core.endpoint("backchannel_authentication"),
    }
    accepted = [known[name] for name in sorted(profile.assertion_audiences) if name in known]
    aliases = [core.alias(url) for url in accepted if url != core.config.issuer]
    named = core.config.assertion_audience if profile.named_assertion_audience else None
    return tuple(dict.fromkeys([*accepted, *aliases, *(() if named is None else (named,))]))


async def require_single_use(core: Core, claims: Mapping[str, Any], client: Client) -> None:
    """The checks after the signature: subject, type of the audience, lifetime, single use.

    Raises JwtError, ReplayedAssertion, StoreError.
    """
    if claims["sub"] != client.client_id:
        raise CLIENT_ASSERTION.fail(
            WrongSubject, "sub must be the client_id", about="sub", facts={"claim": "sub"}
        )
    profile = core.profile_of(client)
    if not profile.assertion_audience_as_array and not isinstance(claims["aud"], str):
        raise CLIENT_ASSERTION.fail(
            WrongAudience, "aud is an array: it must be the issuer as one string", about="aud"
        )
    lives = float(claims["exp"]) - core.clock()
    if lives > MAX_LIFETIME:
        raise CLIENT_ASSERTION.fail(
            LivesTooLong,
            "this client assertion is valid for more than a day",
            about="exp",
            facts={"claim": "exp"},
        )
    skew = profile.clock_skew
    issued_at = number(claims, "iat", CLIENT_ASSERTION)
    made_at = float(claims["exp"]) - MAX_LIFETIME if issued_at is None else issued_at
    name, ttl = f"{client.client_id}\0{claims['jti']}", lives + skew
    if not await core.records.mark("assertion", name, ttl, owners=client.owners, since=made_at - skew):
        raise ReplayedAssertion("this client assertion was used before")
