"""Fixtures that pages name in a comment: what their readers have already."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from askit import AuthorizationServer
from askit.pytest_plugin.running import RESOURCE, RunningServer
from rpkit import Client


@pytest.fixture
def at_a_bank(askit: RunningServer[AuthorizationServer], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """ISSUER, CLIENT_ID, CALLBACK, API (a resource with the scopes accounts and payments), and the client's key.

    `Client.discover` trusts this bank by itself; others trust it with `settings`. `browse(url)` signs alice in,
    approves, and returns the callback.
    """
    discover = Client.discover.__func__  # type: ignore[attr-defined]

    def discover_here(cls: Any, issuer: str, **options: Any) -> Any:
        return discover(cls, issuer, **{"http": askit.http(), **options})

    monkeypatch.setattr(Client, "discover", classmethod(discover_here))
    return {
        "ISSUER": askit.issuer,
        "CLIENT_ID": askit.client_id,
        "CALLBACK": askit.redirect_uri,
        "API": RESOURCE,
        "key": askit.client_key,
        "browse": askit.browse,
        "settings": askit.http(),
    }


class _Printed(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith("refused"):
            print(record.getMessage().partition(" interaction_id=")[0])


@pytest.fixture
def shown_log() -> Iterator[dict[str, Any]]:
    """Why an API refuses a request is printed, as in its log, without the id of the request. It adds no names."""
    log, printed = logging.getLogger("rskit"), _Printed()
    before = log.level
    log.addHandler(printed)
    log.setLevel(logging.INFO)
    yield {}
    log.removeHandler(printed)
    log.setLevel(before)
