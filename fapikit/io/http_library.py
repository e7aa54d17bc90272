"""Which library a given HTTP client is of: httpx, or httpx2, its successor. They share no base classes."""

from __future__ import annotations

import sys
from typing import Any

import httpx


def library_of(client: Any) -> Any:
    """The module that has this client's errors, transports and `Auth`; httpx for what is no client of either."""
    for kind in type(client).__mro__:
        module = sys.modules.get(kind.__module__.split(".")[0])
        if module is not None and hasattr(module, "AsyncClient") and hasattr(module, "StreamError"):
            return module
    return httpx
