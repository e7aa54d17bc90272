"""What is in a JWT: each member with its meaning and its clause, times in words, and JWTs inside it.

Nothing is verified here.

Spec: RFC 7515 3.1; RFC 7516 3.1; RFC 7519 4.1
Role: RP, RS, AS
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from fapikit import base64url, strict_json
from fapikit.jose.encryption import Decryption, decrypt_jwt, is_encrypted
from fapikit.jose.parse import read_object, split_jws
from fapikit.jose.purposes import Purpose
from fapikit.secrets import Concealed
from fapikit_cli.jwt.source import read_decryption_key
from fapikit_viewer.words import UNKNOWN, Place, look_up

if TYPE_CHECKING:
    pass

ANY_KIND: Final = Purpose(name="JWT", max_octets=6 * 1024 * 1024)
TIMES: Final = frozenset({"exp", "nbf", "iat", "auth_time", "updated_at", "toe"})
_DEEPEST: Final = 4
_UNITS: Final = (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1))


@dataclass(frozen=True, slots=True)
class Layer:
    """One JWT or JWE. `where`: the claim that it is in, or "". `payload` is None if it cannot be read."""

    where: str
    what: str
    header: Mapping[str, Any]
    payload: Mapping[str, Any] | None
    remarks: tuple[str, ...]


def decode(token: Concealed[str], key_source: str | None) -> Iterator[Layer]:
    """The layers from the outermost on. Raises JwtError for what is no JWT."""
    text = token.reveal()
    if is_encrypted(text):
        header = read_object(text.split(".", 1)[0], ANY_KIND, "header")
        if key_source is None:
            said = ("It is encrypted: give --decrypt-with to see inside.",)
            yield Layer("", "encrypted JWT", header, None, said)
            return
        yield Layer("", "encrypted JWT", header, None, ())
        decryption = Decryption(keys=(read_decryption_key(key_source, header),))
        text = decrypt_jwt(text, ANY_KIND, decryption)
    yield from _signed(text, "", 0)


def _signed(text: str, where: str, depth: int) -> Iterator[Layer]:
    head, body, signature = split_jws(text, ANY_KIND)
    header, twice = _read(head, "header")
    payload, more = _read(body, "payload")
    remarks = [f"{member} is there twice: verifiers refuse that." for member in (*twice, *more)]
    if not signature:
        remarks.append("It has no signature.")
    yield Layer(where, kind_of(header, payload), header, payload, tuple(remarks))
    for name, value in payload.items():
        inner = _jwt_in(value)
        if inner is not None and depth < _DEEPEST:
            yield from _signed(inner, name, depth + 1)


def _read(part: str, what: str) -> tuple[dict[str, Any], list[str]]:
    """The members, and the names that are there twice. Raises MalformedJwt."""
    try:
        return strict_json.parse_object(base64url.decode(part)), []
    except strict_json.DuplicateName:
        return json.loads(base64url.decode(part)), [f"A member of its {what}"]
    except ValueError:
        return read_object(part, ANY_KIND, what), []  # it raises the error that says what is wrong


def _jwt_in(value: object) -> str | None:
    if not (isinstance(value, str) and value.startswith("eyJ") and value.count(".") == 2):
        return None
    try:
        head, body, _ = split_jws(value, ANY_KIND)
        read_object(head, ANY_KIND, "header")
        read_object(body, ANY_KIND, "payload")
    except Exception:  # noqa: BLE001 - a value that only looks like a JWT is shown as it is
        return None
    return value


def kind_of(header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    """What it most likely is: by its `typ`, otherwise by the claims that only one kind has."""
    from fapikit_cli.jwt.purposes import PURPOSES

    typ = str(header.get("typ", "")).lower().removeprefix("application/")
    for purpose in PURPOSES.values():
        if purpose.typ is not None and purpose.typ == typ and typ != "jwt":
            return purpose.name
    if {"at_hash", "nonce", "auth_time"} & claims.keys():
        return "ID token"
    if {"response_type", "code_challenge"} & claims.keys():
        return "request object"
    if "iss" in claims and claims.get("iss") == claims.get("sub"):
        return "client assertion"
    if "code" in claims or ("state" in claims and "iss" in claims):
        return "JARM response"
    return "JWT"


def rows_of(place: Place, members: Mapping[str, Any], now: float) -> Iterator[tuple[str, str, str, str]]:
    """For a table: member, value, meaning, clause."""
    for name, value in members.items():
        word = look_up(place, name) or UNKNOWN
        yield (
            name,
            in_words(name, value, now),
            word.said or "not registered, or private to its issuer",
            word.clause,
        )


def in_words(name: str, value: Any, now: float) -> str:
    """The value; a time with its date, and how far it is from now."""
    if name in TIMES and isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value}: {moment(value)}, {distance(value - now)}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def moment(seconds: float) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return "no date that this machine knows"


def distance(seconds: float) -> str:
    """Such as "in 5 minutes" or "3 days ago"."""
    for unit, size in _UNITS:
        number = int(abs(seconds) // size)
        if number:
            told = f"{number} {unit}{'s' if number > 1 else ''}"
            return f"in {told}" if seconds > 0 else f"{told} ago"
    return "now"
