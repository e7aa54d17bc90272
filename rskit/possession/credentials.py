"""Finds the one access token of a request. A malformed token is never treated as a missing one.

Spec: RFC 6750 2.1, 2.3; RFC 9449 7.1; FAPI2-SP 5.3.4-1, 5.3.4-2; FAPI1-BL 6.2.1-2, -3 (RS-1, RS-2)
Role: RS
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final, NamedTuple
from urllib.parse import unquote_plus

from fapikit.jose.purposes import ACCESS_TOKEN
from rskit.errors import MalformedCredentials, ManyCredentials, NoCredentials, TokenInQuery
from rskit.request_view import RequestView

BEARER: Final = "Bearer"
DPOP: Final = "DPoP"
_USUAL: Final = frozenset({BEARER, DPOP})
_NOT_ONE: Final = (
    "the Authorization header does not hold one access token: send the scheme, one space, the token"
)
_MAX_TOKEN: Final = ACCESS_TOKEN.max_octets
_new: Final = tuple.__new__  # a NamedTuple's own constructor costs twice as much
_NOTHING_HASHED: Final = (
    sha256()
)  # a copy costs less than a new one, for which OpenSSL looks the algorithm up

_BEARER: Final = b"Bearer "
_BEGINS: Final = len(_BEARER)
_MAX_BEARER: Final = _BEGINS + _MAX_TOKEN
_TOKEN_CHARACTERS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/"
_SCHEME: Final = re.compile(r"(?:([Bb][Ee][Aa][Rr][Ee][Rr])|[Dd][Pp][Oo][Pp]) +")
_KNOWN_SCHEME: Final = re.compile(r"[\s,]*(?:(bearer)|dpop)(?:[\s,]|\Z)", re.IGNORECASE)

_JOINED: Final = re.compile(r",\s*(?:bearer|dpop)(?:[\s,]|\Z)", re.IGNORECASE)


class Credentials(NamedTuple):
    """`scheme` is BEARER or DPOP, whatever its case in the request. `digest` is the token's SHA-256."""

    scheme: str
    token: str
    digest: bytes

    def __repr__(self) -> str:
        return f"Credentials({self.scheme} ***)"


def bearer_digest(authorization: bytes) -> bytes | None:
    """The SHA-256 of all that follows `Bearer `; None for a header that begins in another way, or is too long.

    It finds a token that was seen before. It does not say that this is a token, nor that the request has only one.
    """
    if not authorization.startswith(_BEARER) or len(authorization) > _MAX_BEARER:
        return None
    digest = _NOTHING_HASHED.copy()
    digest.update(authorization[_BEGINS:])
    return digest.digest()


def read_credentials(view: RequestView) -> Credentials | None:
    """The credentials; None if the request has none of a known scheme.

    Raises ManyCredentials, MalformedCredentials, TokenInQuery.
    """
    if view.query and has_token(view.query):
        raise TokenInQuery("an access token must not be sent in the URL: send it in the Authorization header")
    values = view.authorization
    if len(values) != 1:
        if not values:
            return None
        raise ManyCredentials("the request has more than one Authorization header")
    scheme, _, token = values[0].partition(" ")
    if scheme not in _USUAL or token[:1] == " ":
        match = _SCHEME.match(values[0])
        if match is None:
            _require_other_scheme(values[0])
            return None
        scheme, token = BEARER if match[1] else DPOP, values[0][match.end() :]
    if len(token) > _MAX_TOKEN:
        raise MalformedCredentials(
            f"the access token has more than {_MAX_TOKEN} characters", facts={"limit": _MAX_TOKEN}
        )
    try:
        octets = token.encode("ascii")
    except UnicodeEncodeError:
        octets = b""
    if not octets or octets.translate(None, _TOKEN_CHARACTERS):
        _require_b64token(octets)
    digest = _NOTHING_HASHED.copy()
    digest.update(octets)
    return _new(Credentials, (scheme, token, digest.digest()))


def require_credentials(view: RequestView) -> Credentials:
    """The credentials. Raises NoCredentials, and what `read_credentials` raises."""
    credentials = read_credentials(view)
    if credentials is None:
        raise NoCredentials("no access token came with the request")
    return credentials


def _require_b64token(octets: bytes) -> None:
    """RFC 6750 2.1. The comma is not allowed, so two headers that a server joined are refused here too."""
    body = octets.rstrip(b"=")
    if not body or body.translate(None, _TOKEN_CHARACTERS):
        raise MalformedCredentials(_NOT_ONE)


def _require_other_scheme(value: str) -> None:
    """Raises MalformedCredentials, ManyCredentials."""
    if _KNOWN_SCHEME.match(value):
        raise MalformedCredentials(_NOT_ONE)
    if _JOINED.search(value):  # a WSGI server joins two headers, and nobody can know which one counts
        raise ManyCredentials("the request has more than one Authorization header")


def scheme_used(view: RequestView) -> str | None:
    """The known scheme that the request tried to use, for the challenge's error."""
    match = _KNOWN_SCHEME.match(view.authorization[0]) if view.authorization else None
    if match is None:
        return None
    return BEARER if match[1] else DPOP


def has_token(query: str) -> bool:
    """Whether a query string has the parameter `access_token`, also in escaped form."""
    if "access_token" not in query and "%" not in query:
        return False
    names = (field.partition("=")[0] for part in query.split("&") for field in part.split(";"))
    return any(unquote_plus(name) == "access_token" for name in names)
