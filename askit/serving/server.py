"""uvicorn's server, which accepts few connections at a time while many wait in the system's queue.

asyncio takes one number for both. A connection that gives way is closed some turns of the event loop after another was
accepted in its place, so what is accepted in one turn decides how many files are open beyond those that are held.

Role: AS
"""

from __future__ import annotations

import os
import socket
from typing import Final

import uvicorn

ACCEPTED_AT_ONCE: Final = 32
"""The `backlog` for uvicorn: so many connections are accepted in one turn of the event loop."""
TURNS: Final = 4
"""Accepted, given a transport, let in, and only then closed is what gave way."""
_QUEUE: Final = 1024


class BoundedServer(uvicorn.Server):
    """Serves what `uvicorn_config` describes."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for server in self.servers if self.started else ():
            for listening in server.sockets:
                with socket.socket(fileno=os.dup(listening.fileno())) as same:
                    same.listen(_QUEUE)
