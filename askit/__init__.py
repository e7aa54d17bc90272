"""A compact authorization server for FAPI: in a test, on a laptop, in CI.

Where is ...? The settings: `config`. The app: `server`. Running it: `python -m askit --config bank.toml`.
"""

from askit.config import Config
from askit.server import AuthorizationServer

__all__ = ["AuthorizationServer", "Config"]
