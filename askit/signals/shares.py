"""Whose share of a queue an event uses: that of whoever caused it. So nobody can push out what others caused.

Spec: SSF 8.1.5
Role: AS
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, NamedTuple

from askit.config.shared_signals import SharedSignals
from fapikit import strict_json
from fapikit.errors import UnreadableRecord
from fapikit.signals.event_types import VERIFICATION


class Cause(NamedTuple):
    """A user by name, a client by id, an address where clients register by its pseudonym, or the stream itself."""

    kind: Literal["user", "client", "address", "stream"]
    name: str

    @property
    def key(self) -> str:
        return f"{self.kind}-{hashlib.sha256(self.name.encode()).hexdigest()[:32]}"

    def share(self, settings: SharedSignals) -> int:
        """So many of its events may wait in one queue."""
        return settings.most_of_client if self.kind in ("client", "address") else settings.most_of_user


THE_STREAM: Final = Cause("stream", "")


class Waiting(NamedTuple):
    """An event in a queue: its number, and the name of what it says of whom."""

    number: int
    name: str


def name_of_event(claims: Mapping[str, Any]) -> str:
    """Events with one name say the same of the same subject: only the newest of them is needed.

    A verification event is what its receiver asked for, so each has a name of its own.
    """
    events = claims["events"]
    named = [sorted(events), claims["sub_id"], events.get(VERIFICATION)]
    return hashlib.sha256(strict_json.dump({"named": named})).hexdigest()[:16]


def read_share(octets: bytes | None) -> list[Waiting]:
    """The events of a stored share, the oldest first. Raises UnreadableRecord."""
    if octets is None:
        return []
    try:
        waiting = strict_json.parse_object(octets)["waiting"]
        return [Waiting(int(number), str(name)) for number, name in waiting]
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableRecord("a stored share of a queue of events cannot be read") from error


def dump_share(waiting: Iterable[Waiting]) -> bytes:
    return strict_json.dump({"waiting": list(waiting)})
