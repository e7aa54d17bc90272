"""Sends one request with a ready HTTP client of the application's, which authorizes it, in a thread or on a loop."""

from __future__ import annotations

import asyncio
from typing import Any

from fapikit.errors import ConfigurationError
from fapikit.flow import http
from fapikit.http_message import HttpRequest
from fapikit.io.async_driver import AsyncDriver
from fapikit.io.sync_driver import SyncDriver
from fapikit.io.transport import HttpSettings


def send_with(client: Any, request: HttpRequest) -> Any:
    """The response, or what to await for it. Raises ConfigurationError for a synchronous client on an event loop."""
    if hasattr(client, "aclose"):
        return AsyncDriver(HttpSettings(async_client=client)).run(http(request))
    if _is_on_a_loop():
        raise ConfigurationError(
            "a synchronous HTTP client would stop the event loop: return an httpx.AsyncClient, such as that of"
            " rpkit.AsyncClient.api(...)"
        )
    return SyncDriver(HttpSettings(client=client)).run(http(request))


def close_client(client: Any) -> Any:
    return client.aclose() if hasattr(client, "aclose") else client.close()


def _is_on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
