"""The checks of a compact JWS before a key is chosen: size, form, header, `typ`, `alg`, extensions.

Spec: RFC 7515 5.2, 4.1.11; RFC 7519 7.2; RFC 8725 3.1, 3.11
Not checked here: the signature (`verify`), the claims.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, NamedTuple, TypeVar

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
from fapikit.members import LOG
from fapikit.tracebacks import bare

_MAX_HEADER_CHARACTERS: Final = 4 * 1024 * 4 // 3
_EXTENSIONS: Final = frozenset({"crit", "b64", "zip"})

M = TypeVar("M", bound=MalformedJwt)


class Header(NamedTuple):
    """A header that is valid for one purpose and one set of algorithms. Its segment need not be read again."""

    alg: str
    kid: str | None
    members: Mapping[str, Any]


class UnverifiedJws(NamedTuple):
    """A well-formed JWS whose signature is not verified. `unverified_claims` may only be used to find its key."""

    alg: str
    kid: str | None
    header: Mapping[str, Any]
    unverified_claims: Mapping[str, Any]
    signing_input: bytes
    signature: bytes

    def __repr__(self) -> str:
        return f"UnverifiedJws({self.alg}, kid={self.kid!a})"


def parse_jws(token: str, purpose: Purpose, algorithms: Collection[str]) -> UnverifiedJws:
    """Split and check in this order: size, parts, header, typ, alg, crit, payload.

    Raises JwtTooLarge, MalformedJwt, DuplicateMember, WrongJwtType, ForbiddenAlgorithm, UnknownCritical.
    """
    parts = split_jws(token, purpose)
    return read_parts(parts, read_header(parts[0], purpose, algorithms), purpose)


def split_jws(token: str, purpose: Purpose) -> tuple[str, str, str]:
    """Header, payload and signature, still encoded. Raises JwtTooLarge, MalformedJwt."""
    if len(token) > purpose.max_octets:
        raise purpose.fail(
            JwtTooLarge,
            f"this {purpose.name} has more than {purpose.max_octets} characters",
            facts={"limit": purpose.max_octets},
        )
    parts = token.split(".", 3)
    if len(parts) != 3 or not token.isascii():
        if token.count(".") == 4:
            raise purpose.fail(
                MalformedJwt, f"this {purpose.name} is encrypted, and no encryption is configured for it"
            )
        raise purpose.fail(
            MalformedJwt, f"this {purpose.name} does not have three parts with dots between them"
        )
    head, body, tail = parts
    if len(head) > _MAX_HEADER_CHARACTERS:
        raise purpose.fail(
            JwtTooLarge,
            f"the header of this {purpose.name} has more than {_MAX_HEADER_CHARACTERS} characters",
        )
    return head, body, tail


def read_header(head: str, purpose: Purpose, algorithms: Collection[str]) -> Header:
    """Raises MalformedJwt, DuplicateMember, WrongJwtType, ForbiddenAlgorithm, UnknownCritical."""
    members = read_object(head, purpose, "header")
    alg, kid = check_header(members, purpose, algorithms)
    return Header(alg, kid, members)


def read_parts(parts: tuple[str, str, str], header: Header, purpose: Purpose) -> UnverifiedJws:
    """Payload and signature of a JWS whose header has been read. Raises MalformedJwt, DuplicateMember."""
    head, body, tail = parts
    try:
        claims = read_object(body, purpose, "payload")
    except DuplicateMember:
        if not purpose.repeatable:
            raise
        claims = _read_repeating(body, purpose)
    signature = read_signature(tail, purpose)
    return UnverifiedJws(*header, claims, f"{head}.{body}".encode("ascii"), signature)


def _read_repeating(body: str, purpose: Purpose) -> dict[str, Any]:
    try:
        claims = strict_json.parse_repeating(base64url.decode(body), purpose.repeatable)
    except ValueError as error:
        raise purpose.fail(
            DuplicateMember, f"the payload of this {purpose.name} has the same member twice"
        ) from error
    LOG.info("a %s has %s twice [RFC 7519 4]", purpose.name, " or ".join(sorted(purpose.repeatable)))
    return claims


def read_signature(tail: str, purpose: Purpose) -> bytes:
    """The octets of the signature. Raises MalformedJwt."""
    try:
        return base64url.decode(tail)
    except ValueError as error:
        raise purpose.fail(MalformedJwt, f"the signature of this {purpose.name} is not base64url") from bare(
            error
        )


def check_header(
    header: Mapping[str, Any], purpose: Purpose, algorithms: Collection[str]
) -> tuple[str, str | None]:
    """Check typ, alg and extensions. Returns `alg` and `kid`. `jku`, `x5u`, `x5c` are never read.

    Raises WrongJwtType, ForbiddenAlgorithm, UnknownCritical, MalformedJwt.
    """
    typ = header.get("typ")
    if (typ is None or typ != purpose.typ) and not purpose.accepts_typ(typ):
        raise purpose.fail(
            WrongJwtType,
            f"typ of this {purpose.name} is not {purpose.typ or 'JWT or absent'}",
            about="typ",
            facts={"typ": str(typ)[:60]},
        )
    alg = header.get("alg")
    if not isinstance(alg, str) or alg not in algorithms:
        raise purpose.fail(
            ForbiddenAlgorithm,
            f"this {purpose.name} is signed with the algorithm {str(alg)[:20]}, which is not allowed:"
            f" use {', '.join(sorted(algorithms))}",
            about="alg",
            facts={"alg": str(alg)[:20], "allowed": " ".join(sorted(algorithms))},
        )
    if not _EXTENSIONS.isdisjoint(header):
        found = " ".join(sorted(_EXTENSIONS & header.keys()))
        raise purpose.fail(
            UnknownCritical, f"the header has {found}, which is not supported here: leave it out"
        )
    kid = header.get("kid")
    if kid is not None and not (isinstance(kid, str) and len(kid) <= 512):
        raise purpose.fail(MalformedJwt, "kid is not a string of at most 512 characters")
    return alg, kid


def read_object(
    part: str,
    purpose: Purpose,
    what: str,
    nested: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """The JSON object of one part. `nested`: see `parse_object`. Raises MalformedJwt, DuplicateMember."""
    try:
        return strict_json.parse_object(base64url.decode(part), nested)
    except strict_json.DuplicateName as error:
        raise purpose.fail(
            DuplicateMember, f"the {what} of this {purpose.name} has the same member twice"
        ) from bare(error)
    except ValueError as error:
        raise purpose.fail(
            MalformedJwt, f"the {what} of this {purpose.name} is not a base64url JSON object"
        ) from bare(error)
