"""Content-Digest: the hash of a body as it is sent, after compression.

Spec: RFC 9530 2, 5, 6.6
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import http_sf

from fapikit.errors.http_signature import MalformedSignature, WrongDigest
from fapikit.http_signatures.fields import read_dictionary

FIELD: Final = "content-digest"
_ALGORITHMS: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}
)
"""The active algorithms (RFC 9530 5). The deprecated ones do not withstand an attacker: they do not count."""
_MAX_CHARACTERS: Final = 1024


class RunningDigest:
    """Hashes a body that comes in parts, with each algorithm that Content-Digest may name."""

    def __init__(self) -> None:
        self._hashes = {name: make() for name, make in _ALGORITHMS.items()}
        self.octets = 0

    def update(self, chunk: bytes) -> None:
        self.octets += len(chunk)
        for each in self._hashes.values():
            each.update(chunk)

    def require(self, value: str | None) -> None:
        """Raises WrongDigest unless this value of Content-Digest is of the body so far."""
        require_digest(value, {name: each.digest() for name, each in self._hashes.items()})


def content_digest(body: bytes) -> str:
    """The value of the field for this body."""
    return http_sf.ser({"sha-256": (hashlib.sha256(body).digest(), {})})


def require_body(value: str | None, body: bytes) -> None:
    """Raises WrongDigest unless this value of Content-Digest is of this body."""
    digest = RunningDigest()
    digest.update(body)
    digest.require(value)


def require_digest(value: str | None, actual: Mapping[str, bytes]) -> None:
    if value is None:
        raise _wrong("Content-Digest is missing, and the message has a body")
    if len(value) > _MAX_CHARACTERS:
        raise _wrong(f"Content-Digest is longer than {_MAX_CHARACTERS} characters")
    try:
        members = read_dictionary(value, FIELD)
    except MalformedSignature as error:
        raise _wrong(error.message) from error
    known = {name: member for name, member in members.items() if name in actual}
    if not known:
        raise _wrong(
            f"Content-Digest has none of the algorithms {', '.join(actual)}", got=" ".join(members)[:80]
        )
    for name, member in known.items():
        octets = member[0] if isinstance(member, tuple) else None
        if not isinstance(octets, bytes) or not hmac.compare_digest(octets, actual[name]):
            raise _wrong(f"the {name} of Content-Digest is not that of the body", algorithm=name)


def _wrong(message: str, **facts: str) -> WrongDigest:
    return WrongDigest(message, facts={"field": FIELD, **facts})
