"""What the store keeps of a consent, and of an idempotency key.

A consent is free, reserved by an attempt that runs until its lease ends, or executed. A key names the one consent
that its request takes: it is written before the consent is reserved, so that no key ever takes two. Each record that
is written differs from all before it, so that a `swap` that expects one succeeds only if nobody wrote meanwhile.

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
    """One name for several strings, none of which can pass for part of another."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Record:
    def dump(self) -> bytes:
        return strict_json.dump(asdict(self))

    @classmethod
    def load(cls, octets: bytes) -> Self:
        """Raises StoreUnavailable: what cannot be read decides nothing."""
        try:
            return cls(**strict_json.parse_object(octets))
        except (ValueError, TypeError) as error:
            raise StoreUnavailable(f"the store holds a {cls.__name__} that cannot be read") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyMark(_Record):
    """What an idempotency key stands for: a request, by its fingerprint, and the consent that it takes.

    `keep`: until when this is remembered, in seconds since 1970. `attempt`: who wrote it.
    """

    fingerprint: str
    consent: str
    keep: float
    attempt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentMark(_Record):
    """`holder`: the key under which it was reserved; empty where that is not known. `until`: the end of the lease.

    `outcome`: of an executed one what `execute` returned; None where that could not be kept.
    """

    state: State
    holder: str
    keep: float
    attempt: str
    until: float = 0.0
    outcome: Mapping[str, Any] | None = None

    def is_taken(self, now: float) -> bool:
        """Whether it is executed, or reserved by an attempt that may be under way."""
        return self.state == "executed" or (self.state == "reserved" and now < self.until)


def storable(outcome: object) -> Mapping[str, Any] | None:
    """The outcome as it will be read again; None for what is no JSON object, or too large to be kept."""
    if not isinstance(outcome, Mapping):
        return None
    try:
        octets = strict_json.dump({"outcome": outcome})  # as deep as it will stand in its mark
        if len(octets) > MAX_OUTCOME_OCTETS:
            return None
        kept: Mapping[str, Any] = strict_json.parse_object(octets)["outcome"]
        return kept
    except (ValueError, TypeError, RecursionError):
        return None
