"""Other JWTs that the same issuer signs. None of them is an access token.

Spec: RFC 9068 4-1; RFC 8725 3.9, 3.12 (N8 of the threats: kinds of JWT taken for one another)
Role: RS
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from rskit.testing.attacks.declared import Family, Row, jwt, needs_jwts
from rskit.testing.attacks.forger import Forger

_LOGOUT: Final[dict[str, Any]] = {"http://schemas.openid.net/event/backchannel-logout": {}}


def _introspected(forger: Forger) -> dict[str, Any]:
    return {**forger.claims(), "active": True}


_KINDS: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    ("an ID token", "JWT", {"nonce": "n", "at_hash": "x", "auth_time": lambda f: f.now() - 5}),
    ("a logout token", "logout+jwt", {"events": _LOGOUT, "sid": "s"}),
    ("a JARM response", "oauth-authz-resp+jwt", {"code": "c", "state": "s", "sub": None, "client_id": None}),
    ("an introspection response", "token-introspection+jwt", {"token_introspection": _introspected}),
    ("a client assertion", "client-authentication+jwt", {"sub": lambda f: f.mint.url}),
    (
        "a request object",
        "oauth-authz-req+jwt",
        {"response_type": "code", "redirect_uri": "https://rp.example/cb"},
    ),
    ("a security event", "secevent+jwt", {"events": {"urn:example:event": {}}}),
    ("a status list", "statuslist+jwt", {"status_list": {"bits": 1, "lst": "eNrbuRgAAhcBXQ"}}),
    ("a DPoP proof as a token", "dpop+jwt", {"htm": lambda f: f.method, "htu": lambda f: f.url}),
)
"""Name, the registered typ, and the claims of this kind."""


def _rows() -> Iterator[Row]:
    for name, typ, members in _KINDS:
        yield Row(name, f'{name} of the issuer, with typ "{typ}"', jwt({"typ": typ}, members))
    for name, _, members in _KINDS[:4]:  # issuers also send these without a typ of their own
        yield Row(f"{name} without typ", f"{name} of the issuer, without typ", jwt({"typ": None}, members))
    for name, typ, members in _KINDS[1:4]:
        yield Row(f"{name} called JWT", f'{name} of the issuer, with typ "JWT"', jwt({"typ": "JWT"}, members))
        yield Row(
            f"{name} with all claims of a token",
            f'{name} of the issuer, with typ "{typ}" and all claims of an access token',
            jwt({"typ": typ}, {**members, "sub": lambda f: f.claims()["sub"], "client_id": "client"}),
        )
    yield Row(
        "an access token called by another name",
        'an access token whose typ is "xat+jwt"',
        jwt({"typ": "xat+jwt"}),
    )


FAMILIES: Final = (
    Family(
        "other kinds of JWT",
        means="Anybody who has any JWT of this issuer can call the API with it; clients receive several kinds.",
        clause="RFC 9068 4-1",
        remedy="Accept only typ at+jwt and application/at+jwt, and refuse tokens with the claims of another kind.",
        rows=tuple(_rows()),
        needs=needs_jwts,
    ),
)
