"""The JWT bearer grant: an assertion of a trusted issuer about one of our users, for an access token.

The configuration takes the place of the user's consent: it says which issuers are trusted, for which clients, users and
scopes. There is no refresh token, and the access token does not outlive the assertion. An assertion is used once. It is
marked as used after all other checks, so a nonce challenge does not use it up.

Spec: RFC 7523 2.1, 3.1a, 3.1b, 3-1, 3-2, 3-3, 3-4, 3-5, 3-6, 3-7, 3-9; RFC 7521 4.1a, 4.1b; rfc7523bis 4d
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from askit.clients.client import Client
from askit.config.trusted_issuers import TrustedIssuer
from askit.config.values import User
from askit.core import Core
from askit.errors import InvalidGrant, InvalidRequest, InvalidScope, UnauthorizedClient
from askit.grants.token_request import TokenRequest
from askit.issuing.audience import choose_resource
from askit.issuing.tokens import About, issue_access_token
from askit.requests.authorization_details import narrow
from askit.requests.dpop import use_proof
from fapikit.errors import LivesTooLong, MalformedClaim
from fapikit.jose.algorithms import ALGORITHMS
from fapikit.jose.claims import Expected, number
from fapikit.jose.parse import parse_jws
from fapikit.jose.third_party_purposes import GRANT_ASSERTION
from fapikit.jose.verify import verify_jwt

_ANY: Final = frozenset(ALGORITHMS)


async def redeem(core: Core, request: TokenRequest) -> dict[str, Any]:
    """The token response body. Raises InvalidGrant or a JwtError of that code, InvalidRequest, InvalidScope,
    InvalidTarget, UnauthorizedClient; TransportError if the issuer's keys cannot be fetched now.
    """
    client, parameters = request.client, request.parameters
    if client.auth_method == "none":
        raise UnauthorizedClient("a public client cannot hand in assertions", clause="RFC 7523 3.1a")
    assertion = parameters.get("assertion")
    if assertion is None:
        raise InvalidRequest("assertion is missing", clause="RFC 7523 2.1")
    trusted = _issuer_of(core, assertion, client)
    claims = await _verify(core, assertion, trusted, client)
    user = _user_of(core, claims, trusted)
    scopes = _scopes(core, client, _given(trusted, claims), parameters.get("scope"))
    narrow((), parameters.get("authorization_details"))  # nobody has consented to any
    asked = parameters.all("resource")
    resource = choose_resource(core.config, asked=asked, granted=(), scopes=scopes)
    if resource is None:
        raise InvalidScope("request a scope of an API", clause="RFC 7521 4.1a")
    await use_proof(core, request.proof, client)
    until = float(claims["exp"]) + core.profile_of(client).clock_skew
    await _use_up(core, claims, trusted, client, until)
    return await issue_access_token(
        core,
        client=client,
        resource=resource,
        scopes=scopes,
        details=(),
        bound_to=request.bound_to,
        grant=None,
        about=About(user.sub, username=user.username, until=until),
    )


def _issuer_of(core: Core, assertion: str, client: Client) -> TrustedIssuer:
    """The issuer that the unverified assertion names, if this client may hand in its assertions."""
    named = parse_jws(assertion, GRANT_ASSERTION, _ANY).unverified_claims.get("iss")
    for trusted in core.config.trusted_issuers:
        if trusted.issuer == named and client.client_id in trusted.clients:
            return trusted
    raise InvalidGrant(
        "the issuer of this assertion is not trusted for this client",
        clause="RFC 7523 3-1",
        facts={"iss": str(named)[:200]},
    )


async def _verify(core: Core, assertion: str, trusted: TrustedIssuer, client: Client) -> Mapping[str, Any]:
    """The claims, with the signature, the audience and all times checked."""
    profile = core.profile_of(client)
    own_names = (core.config.issuer, core.endpoint("token"), core.alias(core.endpoint("token")))
    expected = Expected(
        issuer=trusted.issuer,
        audience=trusted.audiences or own_names,
        now=core.clock(),
        skew=profile.clock_skew,
        sole_audience=True,  # another recipient could hand it in here
        max_age=trusted.max_lifetime,
    )
    verified = await core.run(
        core.waiting_for_keys.wait(
            client.client_id,
            verify_jwt(
                assertion,
                GRANT_ASSERTION,
                keys=core.issuer_keys[trusted.issuer],
                algorithms=trusted.algorithms or profile.signing_algorithms,
                expected=expected,
            ),
        )
    )
    if float(verified.claims["exp"]) - core.clock() > trusted.max_lifetime:
        raise GRANT_ASSERTION.fail(
            LivesTooLong,
            f"this assertion is valid for more than {trusted.max_lifetime:.0f} seconds",
            about="exp",
            facts={"claim": "exp"},
        )
    return verified.claims


def _user_of(core: Core, claims: Mapping[str, Any], trusted: TrustedIssuer) -> User:
    username = trusted.username_of(claims["sub"])
    user = None if username is None else core.users.find(username)
    if user is None:
        raise InvalidGrant("the subject of this assertion is not a user here", clause="RFC 7523 3-2")
    return user


def _given(trusted: TrustedIssuer, claims: Mapping[str, Any]) -> tuple[str, ...]:
    """The most that an assertion gives. Its issuer may say in `scope` that it is less than the configuration says."""
    scope = claims.get("scope")
    if scope is None:
        return trusted.scopes
    if not isinstance(scope, str):
        raise GRANT_ASSERTION.fail(
            MalformedClaim,
            "scope of this assertion is not a string",
            clause="RFC 7521 4.1a",
            facts={"claim": "scope"},
        )
    return tuple(name for name in trusted.scopes if name in scope.split())


def _scopes(core: Core, client: Client, given: tuple[str, ...], asked: str | None) -> tuple[str, ...]:
    if asked is None:
        return tuple(filter(client.may_have_scope, given))
    wanted = tuple(dict.fromkeys(asked.split()))
    if beyond := set(wanted) - set(given):
        raise InvalidScope(
            "a scope is not one that this assertion gives",
            clause="RFC 7521 4.1a",
            facts={"scope": min(beyond)[:80]},
        )
    core.require_scopes(wanted, client)
    return wanted


async def _use_up(
    core: Core, claims: Mapping[str, Any], trusted: TrustedIssuer, client: Client, until: float
) -> None:
    """Mark the assertion as used. Raises InvalidGrant if it was used before; StoreError if the store cannot tell."""
    skew = core.profile_of(client).clock_skew
    issued_at = number(claims, "iat", GRANT_ASSERTION)
    made_at = float(claims["exp"]) - trusted.max_lifetime if issued_at is None else issued_at
    name, lives = f"{trusted.issuer}\0{claims['jti']}", until - core.clock()
    if not await core.records.mark(
        "grant-assertion", name, lives, owners=client.owners, since=made_at - skew
    ):
        raise InvalidGrant("this assertion was used before", clause="RFC 7523 3-7")
