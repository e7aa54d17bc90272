"""A recording: a JSON Lines file to which several processes append events, and which is read while it grows.

Each event is one line, written by one `write` to a file that is open for appending. So the lines of threads and
processes do not mix. The events:

    {"kind": "party", "name": "bank", "role": "as", "title": "The bank", "origins": ["https://bank.example"]}
    {"kind": "message", "id": "...", "at": 1764201600.25, "channel": "back", "from": "fintech", "to": "bank",
     "ms": 12.5, "request": {"method", "url", "headers": [[name, value]], "body"},
     "response": {"status", "headers", "body"} or null}
    {"kind": "checks", "id": "...", "at": ..., "party": "fintech", "about": the id of a message or null,
     "outcome": "passed", "refused" or "undecided", "checks": [{"said", "clause", "passed"}],
     "error": {"class", "code", "clause", "said", "remedy"} or null}
    {"kind": "keys", "throwaway": true}
    {"kind": "full", "at": ..., "limit": octets}

`at` is in Unix seconds, `ms` in milliseconds. A later message with the same `id` completes an earlier one: its answer
has come, or the other side has recorded it too. `from` and `to` are names of parties, or origins.

Spec: RFC 8259 2
Role: RP, RS, AS
"""

from __future__ import annotations

import errno
import json
import logging
import os
import stat
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeAlias, get_args

from fapikit.errors import ConfigurationError

LOG: Final = logging.getLogger("fapikit_viewer")
Event: TypeAlias = dict[str, Any]
Role: TypeAlias = Literal["browser", "client", "as", "rs", "device", "attacker"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

MAX_OCTETS: Final = 64 * 1024 * 1024
"""A recording gets no longer. Then it says that it is full, and what happens later is not in it."""
MAX_LINE: Final = 1024 * 1024
"""A longer event is not written. Bodies are cut long before (`capture.bodies`)."""
_APPENDING: Final = (
    os.O_WRONLY
    | os.O_APPEND
    | os.O_CREAT
    | getattr(os, "O_BINARY", 0)
    # A named pipe would wait for a reader.
    | getattr(os, "O_NONBLOCK", 0)
)
_AT_ONCE: Final = 4 * 1024 * 1024


class Read(NamedTuple):
    """Events, and the position in the file after them, from which the next read goes on."""

    events: list[Event]
    position: int


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody who sends or answers messages. A message to one of its `origins` is a message to this party.

    Raises ConfigurationError for a role that does not exist.
    """

    name: str
    role: Role
    title: str = ""
    origins: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise ConfigurationError(
                f"a party's role is one of {', '.join(ROLES)}", facts={"role": self.role}
            )

    def event(self) -> Event:
        return {
            "kind": "party",
            "name": self.name,
            "role": self.role,
            "title": self.title or self.name,
            "origins": list(self.origins),
        }


class Recording:
    """One recording in a file. The file is made when the first event is written, and only its owner may read it.

    `throwaway_keys=True`: every key and every secret in this recording is worthless. Then nothing is masked. Without
    it, secrets are masked before they are written. `shown`: the names of form fields and headers of your own whose
    values are no secrets. Others that the specifications do not know are masked.

    Writing never raises: an app must not fail because it is watched. The reason is logged once (`fapikit_viewer`).
    """

    def __init__(
        self,
        path: Path | str,
        *,
        throwaway_keys: bool = False,
        shown: Iterable[str] = (),
        max_octets: int = MAX_OCTETS,
    ) -> None:
        self.path = Path(path)
        self.throwaway_keys = throwaway_keys
        self.shown = frozenset(shown)
        self._max_octets = max_octets
        self._complained = False
        if throwaway_keys:
            self.append({"kind": "keys", "throwaway": True})

    def __repr__(self) -> str:
        return f"Recording({str(self.path)!r}, throwaway_keys={self.throwaway_keys})"

    def add_party(self, party: Party) -> None:
        self.append(party.event())

    def append(self, event: Mapping[str, Any]) -> None:
        """Write one event. It must be masked already: `capture` and `checks` do that."""
        try:
            line = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
            if len(line) > MAX_LINE:
                self.complain(f"an event of {len(line)} octets is not recorded: the limit is {MAX_LINE}")
                return
            self._write(line + b"\n")
        except (OSError, ValueError, TypeError, RecursionError) as error:
            why = error.strerror if isinstance(error, OSError) else None
            self.complain(f"cannot record to {self.path}: {why or type(error).__name__}")

    def read(self, position: int = 0) -> Read:
        """The events from a position on. A last line that is not finished yet waits for the next read.

        A line that is no event is left out. At most 4 MiB are read at once: read until nothing comes.
        """
        try:
            with self.path.open("rb") as file:
                file.seek(position)
                octets = file.read(_AT_ONCE)
        except FileNotFoundError:
            return Read([], position)
        whole = octets.rfind(b"\n") + 1
        events = [event for line in octets[:whole].splitlines() if (event := _event(line)) is not None]
        return Read(events, position + whole)

    def read_all(self) -> list[Event]:
        """Every event that is there now."""
        events, position = self.read()
        while (more := self.read(position)).position > position:
            events += more.events
            position = more.position
        return events

    def _write(self, line: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Opened for each event: so it works after a fork, and after somebody has removed the file.
        file = os.open(self.path, _APPENDING, 0o600)
        try:
            found = os.fstat(file)
            self._refuse_a_trap(file, found)
            length = found.st_size
            if length > self._max_octets:
                return
            if length + len(line) > self._max_octets:
                line = json.dumps({"kind": "full", "at": time.time(), "limit": self._max_octets}).encode()
                # More octets than the limit, so that nobody writes after this.
                line = line.ljust(self._max_octets - length) + b"\n"
                self.complain(f"{self.path} is full: {self._max_octets} octets")
            os.write(file, line)
        finally:
            os.close(file)

    @staticmethod
    def _refuse_a_trap(file: int, found: os.stat_result) -> None:
        """A file that was there already gets the mode of a new one. Raises OSError if somebody else made it."""
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "no regular file")
        if os.name == "posix" and found.st_mode & 0o077:
            if found.st_uid != os.geteuid():
                raise PermissionError(errno.EPERM, "others may read it, and its owner is somebody else")
            os.fchmod(file, stat.S_IRUSR | stat.S_IWUSR)

    def complain(self, why: str) -> None:
        """Log, once, why something is not in the recording."""
        if not self._complained:
            self._complained = True
            LOG.warning("%s; this is logged once", why)


@contextmanager
def never_fails(recording: Recording) -> Iterator[None]:
    """Whatever goes wrong inside is logged and forgotten: an app must not fail because it is watched."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - see above
        recording.complain(f"cannot record a message: {type(error).__name__}")


def _event(line: bytes) -> Event | None:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and isinstance(event.get("kind"), str) else None
