"""A recording that is read while it grows, and what of it somebody has not seen yet.

Nothing waits in a queue for a reader that is slow or away. Each asks for what changed after the point that it has
reached.

Role: RP, RS, AS
"""

from __future__ import annotations

import secrets
from typing import Any, Final, NamedTuple

from fapikit_viewer.recording import Recording
from fapikit_viewer.view import Entry, FlowView

AT_ONCE: Final = 200
"""Entries that one reader is told at once."""


class Point(NamedTuple):
    """Until where a reader has seen the flow. As text it is the id of a server-sent event."""

    reading: str
    change: int

    def __str__(self) -> str:
        return f"{self.reading}.{self.change}"

    @classmethod
    def of(cls, text: str) -> Point:
        """The point with this text; the beginning for any other text."""
        reading, _, change = text.partition(".")
        return (
            cls(reading, int(change))
            if change.isascii() and change.isdecimal() and len(change) < 16
            else NOTHING
        )


NOTHING: Final = Point("", 0)


class Live:
    """The view of a recording. `read` takes in what was appended; `after` tells what changed after a point."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._file: int | None = None
        self._begin()

    def _begin(self) -> None:
        self._view = FlowView()
        self._position = 0
        self._reading = secrets.token_hex(4)
        self._changes = 0
        # By the id of the entry, in the order of their last change.
        self._changed: dict[str, tuple[int, Entry]] = {}

    def read(self) -> bool:
        """Take in some of what was appended. Returns whether there may be more already.

        Another file in the place of the first, or a shorter one, is another recording, and is read from its beginning.
        """
        try:
            found = self._recording.path.stat()
        except FileNotFoundError:
            return False
        if found.st_ino != self._file or found.st_size < self._position:
            self._begin()
            self._file = found.st_ino
        if found.st_size == self._position:
            return False
        events, position = self._recording.read(self._position)
        more, self._position = position > self._position, position
        for entry in self._view.add(events):
            self._changes += 1
            self._changed.pop(entry["id"], None)
            self._changed[entry["id"]] = (self._changes, entry)
        return more

    def after(self, point: Point) -> tuple[dict[str, Any], Point]:
        """What to draw after this point, and the point that is reached then.

        `whole`: what was drawn before belongs to another reading, so it is to be forgotten.
        """
        whole = point.reading != self._reading
        seen = 0 if whole else point.change
        entries: list[tuple[int, Entry]] = []
        for change in reversed(self._changed.values()):
            if change[0] <= seen:
                break
            entries.append(change)
        now = entries[: -AT_ONCE - 1 : -1]
        reached = Point(self._reading, now[-1][0] if now else seen)
        return {
            "whole": whole,
            "parties": self._view.parties,
            "throwaway": self._view.throwaway,
            "full": self._view.full,
            "entries": [entry for _, entry in now],
        }, reached
