"""The client's notification endpoint: what came to it, and what it answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from fapikit import HttpSettings


@dataclass
class Notified:
    """`heard`: the JSON of each call. `answer` may refuse, redirect or fail."""

    heard: list[dict[str, Any]] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)
    answer: Callable[[httpx.Request], httpx.Response] = lambda _: httpx.Response(204)

    def http(self) -> HttpSettings:
        return HttpSettings(async_client=httpx.AsyncClient(transport=httpx.MockTransport(self._hear)))

    def _hear(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.heard.append(json.loads(request.content))
        return self.answer(request)

    async def settled(self) -> None:
        """Let what was begun in the background run as far as it can without waiting for a clock."""
        for _ in range(50):
            await asyncio.sleep(0)
