"""The library of an HTTP client: httpx, or its successor httpx2. They share no base classes."""

from __future__ import annotations

import sys
from typing import Any


def library_of(client: Any) -> Any:
    """The module with the errors, transports and `Auth` of this client. It is httpx for any other object."""
    for kind in type(client).__mro__:
        module = sys.modules.get(kind.__module__.split(".")[0])
        if module is not None and hasattr(module, "AsyncClient") and hasattr(module, "StreamError"):
            return module
    import httpx  # only now: see `clients`

    return httpx
