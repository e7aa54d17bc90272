"""Who watches the work of a driver: the HTTP clients that it makes, and how each flow ends. Usually nobody does.

Role: C, AS, RS
"""

from __future__ import annotations

from typing import Any, Protocol


class Watcher(Protocol):
    """`HttpSettings(watcher=...)` takes one. Its methods must not raise. They are called for every flow of a driver."""

    def client(self, client: Any) -> None:
        """An HTTP client was made. It may be one that was seen before. Add event hooks to it."""
        ...

    def begins(self) -> None:
        """A flow begins in this context."""
        ...

    def ended(self, result: Any) -> None:
        """The flow has a result, such as a `Login`."""
        ...

    def failed(self, error: BaseException) -> None:
        """The flow has raised. The frames of the error are empty. A flow inside another one may raise it twice."""
        ...
