"""Introspection of a token at an authorization server: the response is JSON, or a signed JWT (for non-repudiation).

This module checks the response. Whether the token may be used is decided by the resource server.

Spec: RFC 7662 2.1, 2.2; RFC 9701 4a, 5a, 8.1; FAPI2-MS 5.5.2-1, 5.5.2-2 (RS-8, RS-9)
Role: C, RS
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, Final

from fapikit.client_authentication.method import ClientAuthentication, Credentials
from fapikit.clock import Clock, RandomBytes
from fapikit.errors import (
    FapiError,
    Fault,
    MalformedMessage,
    PeerRefused,
    Remedy,
    TransportError,
    UnusableAnswer,
)
from fapikit.flow import Flow, http
from fapikit.http_message import (
    HttpRequest,
    HttpResponse,
    form_request,
    raise_error_in_body,
    read_json_object,
    read_refusal,
)
from fapikit.jose.claims import Expected
from fapikit.jose.encryption import Decryption
from fapikit.jose.key_set import KeySource
from fapikit.jose.purposes import INTROSPECTION_RESPONSE
from fapikit.jose.verify import verify_jwt
from fapikit.members import Members
from fapikit.secrets import Concealed, conceal, revealed
from fapikit.tracebacks import bare

SIGNED_MEDIA_TYPE: Final = "application/token-introspection+jwt"
TIMEOUT: Final = 5.0
MAX_AGE: Final = 60.0
"""In seconds: how old a signed response may be. The server makes it for this one request."""

INACTIVE: Final[Mapping[str, Any]] = MappingProxyType({"active": False})

_DECIDING_STRINGS: Final = ("client_id", "token_type", "sub", "iss")
_OTHER_STRINGS: Final = ("username", "jti", "acr")
_DECIDING_NUMBERS: Final = ("exp", "nbf")
_OTHER_NUMBERS: Final = ("iat", "auth_time")
"""Without `acr` and `auth_time` no step-up succeeds, so one that cannot be read opens nothing."""


def introspect(
    endpoint: str,
    token: Concealed[str] | str,
    *,
    client_id: str,
    issuer: str,
    auth: ClientAuthentication,
    clock: Clock,
    random_bytes: RandomBytes,
    signed: bool = False,
    keys: KeySource | None = None,
    algorithms: Collection[str] = (),
    decryption: Decryption | None = None,
    skew: float = 30.0,
    timeout: float = TIMEOUT,
    assertion_audience: str | None = None,
) -> Flow[Mapping[str, Any]]:
    """Introspect `token`. The result is `INACTIVE`, or the members of the response with checked JSON types.

    `signed`: demand a signed response (RFC 9701) and refuse JSON; it needs the `keys` of the server and the allowed
    `algorithms`. `decryption`: how to decrypt a response that is signed, then encrypted. `assertion_audience`: the
    `aud` of a client assertion, if it is not the issuer.

    Raises TransportError (also UnusableAnswer) if there is no usable response: then the caller cannot decide.
    """
    token = conceal(token)
    credentials = yield from auth.credentials(
        client_id=client_id,
        audience=assertion_audience or issuer,
        clock=clock,
        random_bytes=random_bytes,
    )
    response = yield from http(build_request(endpoint, token, credentials, signed=signed, timeout=timeout))
    try:
        if not signed:
            members = read_json_object(response, clause="RFC 7662 2.2")
            if members.get("active") is None:
                raise_error_in_body(response, clause="RFC 7662 2.3")
            return read_members(members)
        if keys is None:
            raise ValueError("signed=True needs the keys of the server: give keys")
        expected = Expected(
            issuer=issuer, audience=(client_id,), now=clock(), skew=skew, sole_audience=True, max_age=MAX_AGE
        )
        return (
            yield from read_signed(
                response, keys=keys, algorithms=algorithms, expected=expected, decryption=decryption
            )
        )
    except TransportError:
        raise
    except FapiError as error:
        raise _unusable(error, response) from bare(error)


def build_request(
    endpoint: str,
    token: Concealed[str] | str,
    credentials: Credentials,
    *,
    signed: bool,
    timeout: float = TIMEOUT,
) -> HttpRequest:
    """The POST to the introspection endpoint."""
    return form_request(
        endpoint,
        (("token", revealed(token)), ("token_type_hint", "access_token"), *credentials.parameters),
        (("accept", SIGNED_MEDIA_TYPE if signed else "application/json"), *credentials.headers),
        timeout=timeout,
    )


def read_signed(
    response: HttpResponse,
    *,
    keys: KeySource,
    algorithms: Collection[str],
    expected: Expected,
    decryption: Decryption | None = None,
) -> Flow[Mapping[str, Any]]:
    """The verified members of a signed response. Raises MessageError, JwtError, TransportError."""
    if response.status != 200:
        raise read_refusal(response, clause="RFC 9701 5")
    # If plain JSON were accepted here, a proxy or an attacker with the TLS key could declare any token active.
    if response.media_type != SIGNED_MEDIA_TYPE:
        raise_error_in_body(response, clause="RFC 7662 2.3")
        raise MalformedMessage(
            f"the introspection response is not signed: the server must answer with {SIGNED_MEDIA_TYPE}",
            clause="FAPI2-MS 5.5.2-1",
            facts={"media_type": response.media_type[:80]},
        )
    if not response.body.isascii():
        raise MalformedMessage("the introspection response is not a JWT", clause="RFC 9701 5a")
    jwt = yield from verify_jwt(
        Concealed(response.body.decode("ascii")),
        INTROSPECTION_RESPONSE,
        keys=keys,
        algorithms=algorithms,
        expected=expected,
        decryption=decryption,
    )
    inner = jwt.claims["token_introspection"]
    if not isinstance(inner, dict):
        raise MalformedMessage("token_introspection is not an object", clause="RFC 9701 5a")
    return read_members(inner)


def read_members(members: Mapping[str, Any]) -> Mapping[str, Any]:
    """The members of a response, with the JSON types of RFC 7662. Raises MalformedMessage for a deciding member.

    `active` must be a JSON true or false. The string "true" is not accepted.
    """
    answer = Members(members, document="the introspection response", clause="RFC 7662 2.2")
    active = answer.present.get("active")
    if not isinstance(active, bool):
        raise answer.refuse("active", "is not true or false")
    if not active:
        return INACTIVE
    read: dict[str, Any] = {
        **{name: answer.text(name, decides=True) for name in _DECIDING_STRINGS},
        **{name: answer.text(name) for name in _OTHER_STRINGS},
        **{name: answer.number(name, decides=True) for name in _DECIDING_NUMBERS},
        **{name: answer.number(name) for name in _OTHER_NUMBERS},
        "scope": answer.spaced("scope", decides=True),
        "cnf": answer.object("cnf", decides=True),
        "act": answer.object("act", decides=True),
        "aud": _audience(answer),
    }
    found = {name: value for name, value in read.items() if value is not None}
    return MappingProxyType({**answer.present, **found})


def _audience(answer: Members) -> Any:
    value = answer.present.get("aud")
    if isinstance(value, list):
        answer.strings("aud", decides=True)
    elif value is not None and not isinstance(value, str):
        raise answer.refuse("aud", "is not a string or a list of strings")
    return value


def _unusable(error: FapiError, response: HttpResponse) -> UnusableAnswer:
    # With these statuses, or with an error in place of the members, the server refuses this client, not the token: its
    # credentials or its rights are wrong.
    ours = response.status in (400, 401, 403) or (response.success and isinstance(error, PeerRefused))
    unusable = UnusableAnswer(
        f"the introspection response cannot be used: {error.message}",
        clause=error.clause,
        remedy=Remedy.FIX_CONFIGURATION if ours else None,
        facts={**error.facts, "cause": type(error).__name__},
    )
    if ours:
        unusable.fault = Fault.CONFIGURATION
    return unusable
