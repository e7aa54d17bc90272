"""One request in Protect for WSGI: completes or replaces the answer of the app, and ends a stream with its token.

Spec: RFC 6750 3; RFC 9449 8.2 (RS-16, RS-19)
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any, Final

from fapikit.http_message import Headers
from rskit.answers import cors as pages
from rskit.answers.challenge import headers_of
from rskit.answers.cors import Cors
from rskit.decision import Refusal
from rskit.policy.anonymous_request import AnonymousRequest
from rskit.policy.checked_request import CheckedRequest
from rskit.policy.current import during, in_turns
from rskit.policy.stream import StreamWatch
from wsgi_mw.stream import goes_on, watch_of
from wsgi_mw.view import Environ

_LENGTH_OF_CONTENT_LENGTH: Final = len("content-length")
_STATUS: Final = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


def status_line(status: int) -> str:
    return _STATUS[status]


class Guard:
    """One request in Protect: completes the response's headers, or replaces it by a refusal."""

    __slots__ = ("_cors", "_environ", "_has_length", "_start_response", "checked")

    def __init__(
        self,
        checked: CheckedRequest,
        environ: Environ,
        start_response: Callable[..., Any],
        cors: Cors | None,
    ) -> None:
        self.checked = checked
        self._cors = cors
        self._environ = environ
        self._start_response = start_response
        self._has_length = False

    def start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        checked = self.checked
        if not checked.started:
            if checked.token is None and type(checked) is AnonymousRequest and not checked.reached:
                checked.refuse_other_answer(int(status[:3]))
            if checked.refusal is not None:
                return _write_nothing  # `body` sends the refusal
            checked.started = True
        for name, _ in headers:
            if len(name) == _LENGTH_OF_CONTENT_LENGTH and name.lower() == "content-length":
                self._has_length = True
        headers = [*headers, *checked.response_headers(nonce=True)]
        if self._cors is not None or checked.cross_origin:
            headers = [*self._without_its_own(headers), *self._for_pages()]
        if exc_info:
            return self._start_response(status, headers, exc_info)
        return self._start_response(status, headers)

    def body(self, answer: Iterable[bytes]) -> Iterable[bytes]:
        refusal = self.checked.refusal
        if refusal is not None:
            close(answer)
            return [] if self.checked.started else self.send_refusal(refusal)
        if self.checked.started and (self._has_length or isinstance(answer, list | tuple)):
            self.checked.over = True
            return answer
        return self._in_chunks(answer)

    def _in_chunks(self, answer: Iterable[bytes]) -> Iterator[bytes]:
        """For an app that starts its answer with the first chunk, and for a stream, which ends with its token."""
        checked = self.checked
        watch: StreamWatch | None = None
        try:
            for number, chunk in enumerate(in_turns(answer, checked)):
                if number == 0:
                    watch = watch_of(checked)
                if not goes_on(watch, checked):
                    break
                yield chunk
            if checked.refusal is not None and not checked.started:
                yield from self.send_refusal(checked.refusal)
        except Exception:
            if checked.refusal is None or checked.started:
                raise
            yield from self.send_refusal(checked.refusal)
        finally:
            with during(checked):
                close(answer)
            checked.over = True

    def send_refusal(self, refusal: Refusal) -> list[bytes]:
        self.checked.started = True
        extra = self.checked.response_headers(nonce=False)
        self._start_response(_STATUS[refusal.status], [*headers_of(refusal), *extra, *self._for_pages()])
        return [b"" if self.checked.view.method == "HEAD" else refusal.body]

    def _without_its_own(self, headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Remove the application's own CORS headers if there is a policy."""
        if self._cors is None:
            return headers
        return [header for header in headers if not header[0].lower().startswith(pages.PREFIX)]

    def _for_pages(self) -> Headers:
        if self._cors is not None:
            return self._cors.of_answer(self._environ.get("HTTP_ORIGIN"))
        return (pages.SHOWN,) if self.checked.cross_origin else ()


def _write_nothing(_: bytes) -> None:
    """The `write` of PEP 3333 for an answer that is replaced."""


def close(answer: Iterable[bytes]) -> None:
    close = getattr(answer, "close", None)
    if close is not None:
        close()
