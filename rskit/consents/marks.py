"""The records that the store keeps about a consent and about an idempotency key.

A consent is free, reserved by an attempt until its lease ends, or executed. A key names the one consent that its
request uses. The key is written before the consent is reserved, so no key ever uses two consents. Each record differs
from all earlier ones. A `swap` that expects one record succeeds only if nobody has written in between.

Role: RS
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, Self

from fapikit import strict_json
from fapikit.errors import StoreUnavailable

MAX_OUTCOME_OCTETS: Final = 64 * 1024

State = Literal["free", "reserved", "executed"]


def digest(*parts: str) -> str:
    """One name for several strings. Different strings never give the same input to the hash."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Record:
    def dump(self) -> bytes:
        return strict_json.dump(asdict(self))

    @classmethod
    def load(cls, octets: bytes) -> Self:
        """Raises StoreUnavailable for a record that cannot be read: it decides nothing."""
        try:
            return cls(**strict_json.parse_object(octets))
        except (ValueError, TypeError) as error:
            raise StoreUnavailable(f"the store holds a {cls.__name__} that cannot be read") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyMark(_Record):
    """The request of an idempotency key, by its fingerprint, and the consent that the request uses.

    `keep`: this is remembered until then, in seconds since 1970. `attempt`: which attempt wrote it.
    """

    fingerprint: str
    consent: str
    keep: float
    attempt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentMark(_Record):
    """`holder`: the key that reserved it; empty if that is not known. `until`: the end of the lease.

    `outcome`: what `execute` returned, of an executed consent; None if it could not be kept.
    """

    state: State
    holder: str
    keep: float
    attempt: str
    until: float = 0.0
    outcome: Mapping[str, Any] | None = None

    def is_taken(self, now: float) -> bool:
        """Whether it is executed, or reserved by an attempt that may still run."""
        return self.state == "executed" or (self.state == "reserved" and now < self.until)


def storable(outcome: object) -> Mapping[str, Any] | None:
    """The outcome as it will be read again; None if it is not a JSON object, or too large to keep."""
    if not isinstance(outcome, Mapping):
        return None
    try:
        octets = strict_json.dump({"outcome": outcome})  # as deeply nested as in its mark
        if len(octets) > MAX_OUTCOME_OCTETS:
            return None
        kept: Mapping[str, Any] = strict_json.parse_object(octets)["outcome"]
        return kept
    except (ValueError, TypeError, RecursionError):
        return None
