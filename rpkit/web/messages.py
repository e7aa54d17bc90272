"""A request and a response of a web application, independent of its framework.

Spec: RFC 9700 4.2.4, 4.16
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from fapikit.secrets import Concealed

MAX_BODY: Final = 64 * 1024
PRIVATE_HEADERS: Final = (
    ("cache-control", "no-store"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
)


class WebRequest:
    """A request, independent of the framework. `url`: path and query as they came. URL and body may have a code."""

    __slots__ = ("_arrived", "method")

    def __init__(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        cookies: Mapping[str, str],
        body: bytes = b"",
    ) -> None:
        self.method = method
        self._arrived = Concealed((url, headers, cookies, body))

    @property
    def url(self) -> str:
        return self._arrived.reveal()[0]

    @property
    def headers(self) -> Mapping[str, str]:
        return self._arrived.reveal()[1]

    @property
    def cookies(self) -> Mapping[str, str]:
        return self._arrived.reveal()[2]

    @property
    def body(self) -> bytes:
        return self._arrived.reveal()[3]


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """A response, independent of the framework. `headers` may have several Set-Cookie."""

    status: int
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: str = field(repr=False, default="")


def text_answer(status: int, text: str) -> WebAnswer:
    """A response of one sentence."""
    return WebAnswer(status, (("content-type", "text/plain; charset=utf-8"), *PRIVATE_HEADERS), text)
