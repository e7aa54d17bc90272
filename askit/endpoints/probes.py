"""For the probes of an orchestrator: whether this process answers, and whether it can decide.

A stranger may call both. So they tell one word, and whoever asks more often than once a second gets the last answer.

Role: AS
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from askit.core import Core
from askit.log_budget import Monotonic
from askit.messages import json_answer
from fapikit.errors import FapiError
from fapikit.flow import store_add, store_check
from fapikit.stores.identity import NEVER
from fapikit.tracebacks import bare

LOOK_AGAIN: Final = 1.0
"""Seconds for which the answer of the store is told again."""


async def live(_core: Core, _request: Request) -> Response:
    """200 as long as this process answers requests. It asks nobody: to start it anew would not mend the store."""
    return json_answer({"live": True})


class Readiness:
    """200 while the store answers and can keep a mark, and the keys are there; 503 otherwise. The log says why."""

    def __init__(self, clock: Monotonic = time.monotonic) -> None:
        self._clock = clock
        self._one_look = asyncio.Lock()
        self._looked_at = NEVER
        self._ready = True

    async def ready(self, core: Core, _request: Request) -> Response:
        async with self._one_look:
            if self._clock() - self._looked_at >= LOOK_AGAIN:
                await self._look(core)
        if self._ready:
            return json_answer({"ready": True})
        return json_answer({"ready": False}, 503, {"retry-after": "1"})

    async def _look(self, core: Core) -> None:
        was_ready, self._ready = self._ready, False  # an unforeseen error leaves it so
        try:
            store = core.records.store
            await core.run(store_check(store))
            await core.run(store_add(store, core.records.key("readiness", "1"), b"1", LOOK_AGAIN))
            await core.keys.secret()
            await core.keys.jwks()
            self._ready = True
        except FapiError as error:
            bare(error)
            if was_ready:
                core.log.log(logging.WARNING, "not ready: %s (%s)", error, type(error).__name__)
        finally:
            self._looked_at = self._clock()
        if self._ready and not was_ready:
            core.log.log(logging.WARNING, "ready again")
