"""Reading a compact JWS before any key is chosen: size, shape, header, `typ`, `alg`, extensions.

Spec: RFC 7515 5.2, 4.1.11; RFC 7519 7.2; RFC 8725 3.1, 3.11
Not checked here: the signature (`verify`), the claims.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from fapikit import base64url, strict_json
from fapikit.errors import (
    DuplicateMember,
    ForbiddenAlgorithm,
    JwtTooLarge,
    MalformedJwt,
    UnknownCritical,
    WrongJwtType,
)
from fapikit.jose.purposes import Purpose

_MAX_HEADER_CHARACTERS: Final = 4 * 1024 * 4 // 3
_EXTENSIONS: Final = ("crit", "b64", "zip")

M = TypeVar("M", bound=MalformedJwt)


@dataclass(frozen=True, slots=True)
class UnverifiedJws:
    """A well-formed JWS whose signature nobody has checked. `unverified_claims` may only route, never decide."""

    alg: str
    kid: str | None
    header: Mapping[str, Any]
    unverified_claims: Mapping[str, Any] = field(repr=False)
    signing_input: bytes = field(repr=False)
    signature: bytes = field(repr=False)


def parse_jws(token: str, purpose: Purpose, algorithms: Collection[str]) -> UnverifiedJws:
    """Split and check in this order: size, parts, header, typ, alg, crit, payload.

    Raises JwtTooLarge, MalformedJwt, DuplicateMember, WrongJwtType, ForbiddenAlgorithm, UnknownCritical.
    """
    if len(token) > purpose.max_octets:
        raise purpose.fail(
            JwtTooLarge, f"this {purpose.name} is too long", facts={"limit": purpose.max_octets}
        )
    if token.count(".") != 2 or not token.isascii():
        raise purpose.fail(MalformedJwt, f"this {purpose.name} is not three parts with dots between")
    head, body, tail = token.split(".")
    if len(head) > _MAX_HEADER_CHARACTERS:
        raise purpose.fail(JwtTooLarge, f"the header of this {purpose.name} is too long")
    header = _object(head, purpose, "header")
    alg, kid = check_header(header, purpose, algorithms)
    claims = _object(body, purpose, "payload")
    try:
        signature = base64url.decode(tail)
    except ValueError as error:
        raise purpose.fail(MalformedJwt, f"the signature of this {purpose.name} is not base64url") from error
    return UnverifiedJws(alg, kid, header, claims, f"{head}.{body}".encode("ascii"), signature)


def check_header(
    header: Mapping[str, Any], purpose: Purpose, algorithms: Collection[str]
) -> tuple[str, str | None]:
    """The header's `alg` and `kid`, after typ, alg and extensions passed. `jku`, `x5u`, `x5c` are never read."""
    typ = header.get("typ")
    if not purpose.accepts_typ(typ):
        raise purpose.fail(
            WrongJwtType,
            f"a {purpose.name} has typ {purpose.typ or 'JWT or none'}",
            about="typ",
            facts={"typ": str(typ)[:60]},
        )
    alg = header.get("alg")
    if not isinstance(alg, str) or alg not in algorithms:
        raise purpose.fail(
            ForbiddenAlgorithm,
            f"a {purpose.name} may not be signed with this algorithm",
            about="alg",
            facts={"alg": str(alg)[:20], "allowed": " ".join(sorted(algorithms))},
        )
    for extension in _EXTENSIONS:
        if extension in header:
            raise purpose.fail(UnknownCritical, f"the header member {extension} is not supported")
    kid = header.get("kid")
    if kid is not None and not (isinstance(kid, str) and len(kid) <= 512):
        raise purpose.fail(MalformedJwt, "kid is not a string of reasonable length")
    return alg, kid


def _object(part: str, purpose: Purpose, what: str) -> Mapping[str, Any]:
    try:
        return strict_json.parse_object(base64url.decode(part))
    except strict_json.DuplicateName as error:
        raise purpose.fail(
            DuplicateMember, f"the {what} of this {purpose.name} names a member twice"
        ) from error
    except ValueError as error:
        raise purpose.fail(
            MalformedJwt, f"the {what} of this {purpose.name} is not a base64url JSON object"
        ) from error
