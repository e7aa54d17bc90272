"""A request and a response as they are signed: method, URL, status and fields. Their repr shows no secret.

Spec: RFC 9421 2.1, 2.2, 2.4
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from fapikit.http_message import Headers
from fapikit.secrets import Concealed


class FieldLines:
    """The fields of a message, one pair for each line, in their order. Names may be in any case."""

    __slots__ = ("_lines",)

    def __init__(self, lines: Iterable[tuple[str, str]]) -> None:
        self._lines: Concealed[Headers] = Concealed(tuple(lines))  # Authorization is among them

    def items(self) -> Headers:
        return self._lines.reveal()

    def lines(self, name: str) -> list[str]:
        """The values of one field, line by line. `name` is in lower case."""
        return [value for found, value in self.items() if found.lower() == name]

    def value(self, name: str) -> str | None:
        """All lines of a field as one value (RFC 9110 5.3); None without the field."""
        lines = self.lines(name)
        return ", ".join(line.strip(" \t") for line in lines) if lines else None

    def with_fields(self, *fields: tuple[str, str]) -> FieldLines:
        """The same fields, these in place of those of the same name."""
        replaced = {name.lower() for name, _ in fields}
        return FieldLines([line for line in self.items() if line[0].lower() not in replaced] + list(fields))


class RequestMessage:
    """`url`: the whole URL of the request as the client sent it, so behind a proxy the public one."""

    __slots__ = ("_url", "headers", "method")

    def __init__(self, method: str, url: str, headers: FieldLines) -> None:
        self.method = method
        self._url = Concealed(url)  # a query may have personal data
        self.headers = headers

    @property
    def url(self) -> str:
        return self._url.reveal()

    def with_fields(self, *fields: tuple[str, str]) -> RequestMessage:
        return RequestMessage(self.method, self.url, self.headers.with_fields(*fields))


class ResponseMessage:
    """`request`: the request that it answers."""

    __slots__ = ("headers", "request", "status_code")

    def __init__(self, status: int, headers: Iterable[tuple[str, str]], request: RequestMessage) -> None:
        self.status_code = status
        self.headers = FieldLines(headers)
        self.request = request

    def with_fields(self, *fields: tuple[str, str]) -> ResponseMessage:
        return ResponseMessage(self.status_code, self.headers.with_fields(*fields).items(), self.request)


Message: TypeAlias = RequestMessage | ResponseMessage
