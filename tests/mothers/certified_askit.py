"""askit on a socket, over TLS that asks for certificates of a client CA of the test's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from askit import AuthorizationServer
from askit.pytest_plugin.movable_clock import MovableClock
from askit.pytest_plugin.running import RunningServer, running
from tests.mothers.certificates import Made

S = TypeVar("S", bound=AuthorizationServer)


@contextmanager
def certified_askit(
    folder: Path,
    kind: type[S],
    *,
    client_ca: Made,
    clients: Sequence[Mapping[str, Any]],
    clock: MovableClock,
    **settings: Any,
) -> Iterator[RunningServer[S]]:
    """`settings`: further ones of the configuration file."""
    file = folder / "client-ca.pem"
    file.write_text(client_ca.pem)
    given = {"clients": clients, "tls": {"client_ca": str(file)}, **settings}
    with running(given, clock=clock, kind=kind) as server:
        yield server
