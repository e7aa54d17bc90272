"""A signed request object, sent or hosted by the client: verified with its keys, then the only source of parameters.

Spec: RFC 9101 4, 5b, 5.2, 6.2, 6.3; FAPI2-MS 5.3.1-1, 5.3.1-2, 5.3.1-3, 5.3.1-4, 5.3.1-5
Spec: FAPI2-SP 5.3.2.1-13; RFC 9126 3-3; FAPI1-ADV 5.2.2-10, 5.2.2-13, 5.2.2-15, 5.2.2-17
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from askit.clients.client import Client
from askit.core import Core
from askit.errors import InvalidRequestObject, UnusableRequestUri
from fapikit.errors import FapiError, JwtKeyError, LivesTooLong, MissingClaim, TooOld
from fapikit.jose.claims import Expected, number
from fapikit.jose.encryption import CONTENT_ENCRYPTION, Decryption, is_encrypted
from fapikit.jose.purposes import REQUEST_OBJECT
from fapikit.jose.verify import verify_jwt
from fapikit.parameters import Parameters
from fapikit.profiles import Profile

_JWT_CLAIMS = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti", "sub"})


async def find_request_object(core: Core, parameters: Parameters, client: Client) -> str | None:
    """The request object of a request that came through the browser, not verified yet; None if it has none.

    Raises UnusableRequestUri, TransportError.
    """
    uri = parameters.get("request_uri")
    if uri is None:
        return parameters.get("request")
    if not client.hosts_request_object(uri):
        raise UnusableRequestUri("this request_uri is not registered in request_uris of this client")
    hosted = core.hosted_request_objects.load(uri)
    return await core.run(core.waiting_for_request_objects.wait(client.client_id, hosted))


async def read_request_object(core: Core, token: str, client: Client) -> Mapping[str, Any]:
    """The authorization parameters in it. Raises JwtError or InvalidRequestObject; TransportError."""
    registered, profile = client.alg("request_object_signing_alg"), core.profile_of(client)
    decryption = await _decryption(core, client, token)
    expected = Expected(
        issuer=client.client_id,
        audience=(core.config.issuer,),
        now=core.clock(),
        skew=profile.clock_skew,
    )
    try:
        verified = await core.run(
            core.waiting_for_keys.wait(
                client.client_id,
                verify_jwt(
                    token,
                    REQUEST_OBJECT,
                    keys=core.clients.keys_of(client),
                    algorithms={registered} if registered else profile.signing_algorithms,
                    expected=expected,
                    decryption=decryption,
                ),
            )
        )
    except JwtKeyError as error:
        raise _with_code(error) from error
    claims = verified.claims
    _check_span(claims, profile, core.clock())
    if claims.get("client_id") != client.client_id:
        raise InvalidRequestObject(
            "client_id in the request object must be this client", clause="RFC 9101 6.3"
        )
    return {name: value for name, value in claims.items() if name not in _JWT_CLAIMS}


async def _decryption(core: Core, client: Client, token: str) -> Decryption | None:
    """How to decrypt it. If the client registered encryption, an unencrypted one is refused as a downgrade."""
    alg = client.alg("request_object_encryption_alg")
    if alg is None and not is_encrypted(token):
        return None
    keys = tuple(key for key in await core.decryption_keys.all() if alg in (None, key.alg))
    if not keys:
        raise InvalidRequestObject("this server decrypts no request objects", clause="RFC 9101 6.1")
    enc = client.alg("request_object_encryption_enc")
    return Decryption(
        keys=keys, content_encryption=CONTENT_ENCRYPTION if enc is None else (enc,), required=alg is not None
    )


def _check_span(claims: Mapping[str, Any], profile: Profile, now: float) -> None:
    """Check the age of `nbf`, and how far `exp` is after it, as the profile requires."""
    nbf, exp = number(claims, "nbf", REQUEST_OBJECT), number(claims, "exp", REQUEST_OBJECT)
    if profile.request_object_max_age is not None:
        if nbf is None:
            raise REQUEST_OBJECT.fail(MissingClaim, "this request object has no nbf", about="nbf")
        if now - nbf > profile.request_object_max_age:
            raise REQUEST_OBJECT.fail(TooOld, "nbf of this request object is too old", about="nbf")
    if profile.request_object_max_lifetime is not None:
        if exp is None:
            raise REQUEST_OBJECT.fail(MissingClaim, "this request object has no exp", about="exp")
        if nbf is not None and exp - nbf > profile.request_object_max_lifetime:
            raise REQUEST_OBJECT.fail(
                LivesTooLong, "exp of this request object is too far after nbf", about="exp"
            )


def _with_code(error: FapiError) -> InvalidRequestObject:
    return InvalidRequestObject(error.message, clause=error.clause, facts=error.facts)
