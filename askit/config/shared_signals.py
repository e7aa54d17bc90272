"""Shared Signals in the settings: who may have an event stream, and how long events wait: `[shared_signals]`.

Spec: SSF 8.1.1, 8.1.4
Role: AS
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

from askit.config.table import Table
from fapikit.errors import ConfigurationError
from fapikit.signals.event_types import MANAGE_SCOPE, READ_SCOPE
from fapikit.signals.receiver import REMEMBERED
from fapikit.urls import is_secure

SCOPES: Final = (READ_SCOPE, MANAGE_SCOPE)
_MOST_KEPT: Final = REMEMBERED - 86_400.0
"""A day less than a receiver remembers what it has heard, so that it hears nothing a second time."""

_LARGEST_SHARE: Final = 1000
"""A share is one record in the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalsReceiver:
    """A client that may have an event stream.

    `resources`: the APIs of which it hears everything; it is then trusted as those APIs are. Without any it hears of
    what is its own: sessions in which it signed a user in, its grants, its tokens. `push_endpoints`: URLs of it that
    may have any address; any other one must be on the public internet.
    """

    client_id: str
    resources: tuple[str, ...] = ()
    push_endpoints: tuple[str, ...] = ()

    @classmethod
    def read(cls, table: Table) -> SignalsReceiver:
        """Raises ConfigurationError."""
        read = cls(
            client_id=table.string("client_id"),
            resources=table.strings("resources"),
            push_endpoints=table.strings("push_endpoints"),
        )
        table.require_nothing_else()
        return read


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedSignals:
    """`kept`: seconds for which an event waits for its receiver. `longest_queue`: so many events of one receiver wait;
    then the oldest goes. A user or a client has a share of that. The ends of single tokens are queued only while it is
    less than half full.
    `verification_interval`: seconds between two verification events that a receiver asks for.
    """

    receivers: tuple[SignalsReceiver, ...] = ()
    kept: float = 7 * 86_400.0
    longest_queue: int = 10_000
    verification_interval: float = 30.0

    @classmethod
    def read(cls, table: Table) -> SharedSignals:
        """Raises ConfigurationError."""
        numbers: dict[str, Any] = {
            "kept": table.optional_seconds("kept"),
            "longest_queue": table.optional_count("longest_queue"),
            "verification_interval": table.optional_seconds("verification_interval"),
        }
        receivers = tuple(SignalsReceiver.read(entry) for entry in table.tables("receivers"))
        table.require_nothing_else()
        return cls(
            receivers=receivers, **{name: value for name, value in numbers.items() if value is not None}
        )

    def __post_init__(self) -> None:
        """Raises ConfigurationError."""
        if not self.receivers:
            raise _wrong("receivers", "is empty: name at least one client, or leave shared_signals out")
        if not 60 <= self.kept <= _MOST_KEPT:
            raise _wrong("kept", f"must be 60 to {_MOST_KEPT:.0f} seconds: receivers remember that long")
        if not 10 <= self.longest_queue <= 1_000_000:
            raise _wrong("longest_queue", "must be 10 to 1000000 events")
        if not 1 <= self.verification_interval <= 86_400:
            raise _wrong("verification_interval", "must be 1 to 86400 seconds")

    @property
    def most_of_user(self) -> int:
        """So many events that one user caused wait in one queue."""
        return min(max(self.longest_queue // 100, 2), _LARGEST_SHARE)

    @property
    def most_of_client(self) -> int:
        """So many events that one client caused wait in one queue, or one address from which clients register."""
        return min(max(self.longest_queue // 10, 2), _LARGEST_SHARE)

    def receiver(self, client_id: str) -> SignalsReceiver | None:
        return next((each for each in self.receivers if each.client_id == client_id), None)


def check_shared_signals(
    settings: SharedSignals | None, client_ids: Collection[str], resources: Iterable[str]
) -> None:
    """Raise ConfigurationError for a receiver that is no client, or that hears of an API that is none."""
    if settings is None:
        return
    known, seen = set(resources), set[str]()
    for each in settings.receivers:
        if each.client_id not in client_ids:
            raise _wrong("receivers", f"has {each.client_id!r}, which is no client of these settings")
        if each.client_id in seen:
            raise _wrong("receivers", f"has {each.client_id!r} twice")
        seen.add(each.client_id)
        if unknown := set(each.resources) - known:
            raise _wrong(
                "receivers", f"resources of {each.client_id} has {min(unknown)!r}, which is no resource"
            )
        for url in each.push_endpoints:
            if not is_secure(url):
                raise _wrong(
                    "receivers", f"push_endpoints of {each.client_id} has {url!r}, which is no https URL"
                )


def _wrong(setting: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"shared_signals.{setting} {why}", clause="SSF 8.1.1", facts={"setting": f"shared_signals.{setting}"}
    )
