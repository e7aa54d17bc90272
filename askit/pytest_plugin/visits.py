"""What users do at a test server: they follow a URL through its pages, connect a device, or decide on their phone.

Each visit is that of a new browser. Every method exists twice: synchronous, and with `async_` to await.
"""

from __future__ import annotations

import inspect
import ssl
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar

import anyio.to_thread
import httpx

from askit.attacks.visitor import Callback, Steps, avisit, visit, walk, walk_ciba, walk_device
from fapikit.io.tls import client_context
from fapikit.profile import Profile
from fapikit.profiles import FAPI2_SECURITY
from fapikit_viewer import Party, Recorder, Recording

B = TypeVar("B")


class Visits:
    """The visits to the server at `issuer`, whose certificate is under `ca`."""

    issuer: str
    ca: Path
    recording: Recording | None = None

    def browse(
        self,
        url: str,
        *,
        decision: str = "approve",
        username: str = "alice",
        password: str = "wonderland",
        pin: str = "",
    ) -> Callback:
        """Follow an authorization URL through login and consent. Returns what the client receives."""
        return self._visit(walk(url, **self._by(decision, username, password, pin)))

    async def async_browse(
        self,
        url: str,
        *,
        decision: str = "approve",
        username: str = "alice",
        password: str = "wonderland",
        pin: str = "",
    ) -> Callback:
        return await self._avisit(walk(url, **self._by(decision, username, password, pin)))

    def decide_device(
        self,
        user_code: str,
        *,
        decision: str = "approve",
        username: str = "alice",
        password: str = "wonderland",
        pin: str = "",
    ) -> None:
        """What the user of a device does: type its code, sign in, and decide (`deny` refuses)."""
        self._visit(walk_device(user_code, **self._by(decision, username, password, pin)))

    async def async_decide_device(
        self,
        user_code: str,
        *,
        decision: str = "approve",
        username: str = "alice",
        password: str = "wonderland",
        pin: str = "",
    ) -> None:
        await self._avisit(walk_device(user_code, **self._by(decision, username, password, pin)))

    def decide_ciba(
        self,
        binding_message: str | None = None,
        *,
        decision: str = "approve",
        username: str = "alice",
        password: str = "wonderland",
        pin: str = "",
    ) -> None:
        """What a user does whom a client asks by CIBA: sign in on the phone, and decide (`deny` refuses).

        `binding_message`: which request; None: the newest one.
        """
        self._visit(walk_ciba(binding_message, **self._by(decision, username, password, pin)))

    async def async_decide_ciba(
        self,
        binding_message: str | None = None,
        *,
        decision: str = "approve",
        username: str = "alice",
        password: str = "wonderland",
        pin: str = "",
    ) -> None:
        await self._avisit(walk_ciba(binding_message, **self._by(decision, username, password, pin)))

    def signed_in(self, client: Any, *, resource: str | None = None, pin: str = "", **request: Any) -> Any:
        """The Login of an `rpkit.Client`. `request`: the arguments of `begin`. `pin`: for a second level."""
        start = client.begin(**request)
        return client.complete(self.browse(start.url, pin=pin), start.transaction, **_only(resource=resource))

    async def async_signed_in(
        self, client: Any, *, resource: str | None = None, pin: str = "", **request: Any
    ) -> Any:
        """The Login of an `rpkit.AsyncClient`, or of an `rpkit.Client`, which then works in a thread."""
        if not inspect.iscoroutinefunction(client.begin):
            login = partial(self.signed_in, client, resource=resource, pin=pin, **request)
            return await anyio.to_thread.run_sync(login)
        start = await client.begin(**request)
        callback = await self.async_browse(start.url, pin=pin)
        return await client.complete(callback, start.transaction, **_only(resource=resource))

    def _by(self, decision: str, username: str, password: str, pin: str) -> dict[str, str]:
        """Who walks here, and what this user decides."""
        return {
            "issuer": self.issuer,
            "username": username,
            "password": password,
            "pin": pin,
            "decision": decision,
        }

    def _visit(self, steps: Steps) -> Callback:
        with httpx.Client(verify=trusting(self.ca), trust_env=False) as browser:
            return visit(self._watched(browser), steps)

    async def _avisit(self, steps: Steps) -> Callback:
        async with httpx.AsyncClient(verify=trusting(self.ca), trust_env=False) as browser:
            return await avisit(self._watched(browser), steps)

    def _watched(self, browser: B) -> B:
        if self.recording is None:
            return browser
        return Recorder(self.recording, Party("browser", "browser", "Browser")).watch(browser)


@lru_cache(maxsize=32)
def trusting(ca: Path, profile: Profile = FAPI2_SECURITY) -> ssl.SSLContext:
    """A TLS context for the server. It is cached, because making one takes longer than a login."""
    return client_context(ca=ca, profile=profile)


def _only(**arguments: Any) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if value is not None}
