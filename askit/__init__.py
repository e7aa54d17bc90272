"""A small authorization server for FAPI: for tests, for development and for CI.

Where is ...? The settings: `config/`. The app: `server`; what the endpoints share: `core`. Running it:
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
    """Imports both names at first use, because the pytest plugin is also imported without the `askit` extra."""
    if name == "AuthorizationServer":
        with needs_extra():
            from askit.server import AuthorizationServer

        return AuthorizationServer
    if name == "Config":
        from askit.config.settings import Config

        return Config
    raise AttributeError(name)
