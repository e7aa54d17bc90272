"""What `asgi_mw.uvicorn_tls` needs of an environment."""

from __future__ import annotations

import subprocess
import sys


def test_an_api_without_websockets_needs_no_websockets() -> None:
    """So it is where the demo alone is installed."""
    code = "import sys; sys.modules['websockets'] = None; from asgi_mw.uvicorn_tls import HttpProtocol"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
