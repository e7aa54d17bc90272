"""uvicorn's server, which accepts few connections at a time. The others wait in the system's queue.

asyncio uses one number for both. A connection that makes room for another is closed some turns of the event loop after
the other was accepted. So the number accepted in one turn decides how many files are open beyond the held connections.

Role: AS
"""

from __future__ import annotations

import os
import socket
from typing import Final

import uvicorn

ACCEPTED_AT_ONCE: Final = 32
"""The `backlog` for uvicorn: how many connections are accepted in one turn of the event loop."""
TURNS: Final = 4
"""Turns until a replaced connection is closed: accept, create the transport, admit, close."""
_QUEUE: Final = 1024


class BoundedServer(uvicorn.Server):
    """Serves the configuration of `uvicorn_config`."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for server in self.servers if self.started else ():
            for listening in server.sockets:
                with socket.socket(fileno=os.dup(listening.fileno())) as same:
                    same.listen(_QUEUE)
