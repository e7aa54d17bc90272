"""Around an ASGI app: `Protect`. For the routes: `asgi_mw.starlette` and `asgi_mw.fastapi`.

Where is ...? The outer layer: `protect`. What it reads of a scope: `view`. Which endpoint a request would reach:
`routes`. Streams that end with their token: `stream`.
"""

from asgi_mw.audit import audit
from asgi_mw.protect import Protect

__all__ = ["Protect", "audit"]
