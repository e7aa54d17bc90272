"""A compact authorization server for FAPI: in a test, on a laptop, in CI.

Where is ...? The settings: `config/`. The app: `server`; what endpoints work with: `core`. Running it:
`python -m askit --config bank.toml`. In pytest: `pytest_plugin/`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from askit.missing_extra import needs_extra

if TYPE_CHECKING:
    from askit.config.settings import Config
    from askit.server import AuthorizationServer

__all__ = ["AuthorizationServer", "Config"]


def __getattr__(name: str) -> object:
    """Both names at first use: the pytest plugin is imported where the `askit` extra is not installed."""
    if name == "AuthorizationServer":
        with needs_extra():
            from askit.server import AuthorizationServer

        return AuthorizationServer
    if name == "Config":
        from askit.config.settings import Config

        return Config
    raise AttributeError(name)
