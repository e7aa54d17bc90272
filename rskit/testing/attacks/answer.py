"""An answer of the API: the status, and the headers and the body if `send` returns them.

Spec: RFC 9110 6
Role: RS
"""

from __future__ import annotations

from typing import Any, NamedTuple

Headers = list[tuple[str, str]]


class Answer(NamedTuple):
    """`headers` and `body` are None if `send` returned only the status."""

    status: int
    headers: tuple[tuple[str, str], ...] | None = None
    body: bytes | None = None

    def header(self, name: str) -> str | None:
        """All values of a header, joined as RFC 9110 5.3 does; None if there is none."""
        values = [value for key, value in self.headers or () if key.lower() == name]
        return ", ".join(values) if values else None

    @property
    def text(self) -> str:
        """Headers and body as one text, to search in."""
        lines = [f"{name}: {value}" for name, value in self.headers or ()]
        return "\n".join([*lines, (self.body or b"").decode("utf-8", "replace")])


def read_answer(value: object) -> Answer:
    """Read what a `send` returned: an `Answer`, a status, or the response of a test client.

    Raises TypeError.
    """
    if isinstance(value, Answer):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Answer(int(value))
    if hasattr(value, "__await__"):
        raise TypeError("send returned an awaitable: use afind_holes for an async send")
    response: Any = value
    status, headers = getattr(response, "status_code", None), getattr(response, "headers", None)
    if isinstance(status, int) and headers is not None:
        pairs = headers.multi_items() if hasattr(headers, "multi_items") else headers.items()
        body = getattr(response, "content", None)
        body = getattr(response, "data", None) if body is None else body
        told = tuple((str(name), str(content)) for name, content in pairs)
        return Answer(status, told, body if isinstance(body, bytes) else None)
    raise TypeError(
        f"send returned {type(value).__name__}: it must return a status, an Answer or a test client's response"
    )
