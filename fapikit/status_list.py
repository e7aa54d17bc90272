"""A status list: one status for each of many tokens, a few bits each, compressed; and a token's reference to its entry.

Spec: TSL 4.1, 4.2, 6.2, 7.1
Role: AS, RS
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Self

from fapikit import base64url
from fapikit.errors import MalformedStatus
from fapikit.urls import is_secure

VALID: Final = 0
INVALID: Final = 1
SUSPENDED: Final = 2
BITS: Final = (1, 2, 4, 8)
MAX_OCTETS: Final = 4 * 1024 * 1024
"""The most octets of a decompressed list: 32 million tokens with 1 bit each. A longer list is refused while it is
decompressed, because a few octets can stand for gigabytes."""
MEDIA_TYPE: Final = "application/statuslist+jwt"


class StatusReference(NamedTuple):
    """The entry of one token: its index in the list at `uri`."""

    idx: int
    uri: str

    @classmethod
    def of_token(cls, claims: Mapping[str, Any]) -> Self | None:
        """What the claims of a token refer to; None without `status.status_list`. Raises MalformedStatus."""
        status = claims.get("status")
        if status is None:
            return None
        entry = status.get("status_list") if isinstance(status, Mapping) else status
        if entry is None:
            return None  # the status has another mechanism
        idx, uri = (entry.get("idx"), entry.get("uri")) if isinstance(entry, Mapping) else (None, None)
        if type(idx) is not int or idx < 0 or not isinstance(uri, str) or not is_secure(uri):
            raise MalformedStatus(
                "status.status_list of this token must have idx, a whole number of 0 or more, and uri, an https URL",
                clause="TSL 6.2",
            )
        return cls(idx, uri)

    def claim(self) -> dict[str, Any]:
        """The value of the claim `status`."""
        return {"status_list": {"idx": self.idx, "uri": self.uri}}


@dataclass(frozen=True, slots=True)
class StatusList:
    """The statuses of many tokens. `bits`: of each one, 1, 2, 4 or 8. `octets`: all of them, not compressed."""

    bits: int
    octets: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Raises MalformedStatus."""
        if type(self.bits) is not int or self.bits not in BITS:
            raise MalformedStatus("bits of a status list must be 1, 2, 4 or 8", clause="TSL 4.2")

    @classmethod
    def of(cls, statuses: Mapping[int, int], *, size: int, bits: int = 1) -> Self:
        """A list of `size` entries. What `statuses` does not name is VALID. Raises MalformedStatus, ValueError."""
        made = cls(bits, b"")
        octets = bytearray((size * bits + 7) // 8)
        for index, status in statuses.items():
            if not 0 <= status < 1 << bits or not 0 <= index < size:
                raise ValueError(
                    f"status {status} at {index} does not fit into {size} entries of {made.bits} bits"
                )
            at = index * bits
            octets[at >> 3] |= status << (at & 7)
        return cls(bits, bytes(octets))

    def status(self, index: int) -> int:
        """The status at an index. Raises MalformedStatus if the list has no such index."""
        at = index * self.bits
        if not 0 <= at >> 3 < len(self.octets):
            raise MalformedStatus(
                "the status list has no entry at the index of this token",
                clause="TSL 8.3",
                facts={"idx": index, "entries": len(self.octets) * 8 // self.bits},
            )
        return self.octets[at >> 3] >> (at & 7) & (1 << self.bits) - 1

    def member(self, *, aggregation_uri: str | None = None) -> dict[str, Any]:
        """The value of the claim `status_list`."""
        lst = base64url.encode(zlib.compress(self.octets, 9))
        more = {} if aggregation_uri is None else {"aggregation_uri": aggregation_uri}
        return {"bits": self.bits, "lst": lst, **more}

    @classmethod
    def read(cls, member: object, *, max_octets: int = MAX_OCTETS) -> Self:
        """The list of a claim `status_list`. Raises MalformedStatus."""
        if not isinstance(member, Mapping):
            raise MalformedStatus("status_list must be an object", clause="TSL 4.2")
        bits, lst = member.get("bits"), member.get("lst")
        if not isinstance(bits, int) or not isinstance(lst, str):
            raise MalformedStatus("status_list must have bits, a number, and lst, a string", clause="TSL 4.2")
        try:
            octets = _inflate(base64url.decode(lst), max_octets)
        except (ValueError, zlib.error) as error:
            raise MalformedStatus(
                f"lst of a status list cannot be read: {error}", clause="TSL 4.1"
            ) from error
        return cls(bits, octets)

    def invalid(self) -> Iterable[int]:
        """The indexes whose status is not VALID."""
        return (index for index in range(len(self.octets) * 8 // self.bits) if self.status(index) != VALID)


def _inflate(compressed: bytes, max_octets: int) -> bytes:
    """Decompress the zlib format, and no other. Raises ValueError, zlib.error."""
    inflating = zlib.decompressobj()
    octets = inflating.decompress(compressed, max_octets + 1)
    if len(octets) > max_octets:
        raise ValueError(f"it is longer than {max_octets} octets")
    if not inflating.eof or inflating.unused_data:
        raise ValueError("it is not exactly one compressed block")
    return octets
