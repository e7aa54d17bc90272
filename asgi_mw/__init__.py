"""Around an ASGI app: `Protect`. For the routes: `asgi_mw.starlette`, `asgi_mw.fastapi`; for MCP servers `asgi_mw.mcp`.

Where is ...? The outer layer: `protect`, and one request in it: `guard`. How it reads a scope: `view`. Which endpoint
a request would reach, and what would run around it: `starlette_way`. What stops a request without a token from reaching
anything else: `gate`. Events of Shared Signals that are posted here: `receive_events`. Streams that end with their
token: `stream`. Certificates under uvicorn: `uvicorn_tls`.
"""

from typing import TYPE_CHECKING

from asgi_mw.audit import audit
from asgi_mw.protect import Protect
from fapikit.late_names import late_names

if TYPE_CHECKING:
    from asgi_mw.receive_events import ReceiveEvents

__all__ = ["Protect", "ReceiveEvents", "audit"]

__getattr__ = late_names(globals(), {"ReceiveEvents": "asgi_mw.receive_events"})
