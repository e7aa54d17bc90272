"""Signed requests and answers in WSGI: checks the request after its token, and signs each answer once it is complete.

A WSGI server joins repeated fields with a comma alone, where a signature needs a comma and a space. So a signature
that covers a repeated field is refused here.

Spec: FAPI2-HS 1.2-3, 2.1-1; RFC 9421 1.4, 2.1
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, cast

from fapikit.errors import FapiError
from fapikit.http_signatures.messages import FieldLines
from rskit.answers.cors import Cors
from rskit.decision import Refusal
from rskit.http_signatures.answers import BODILESS, OURS, refused_answer
from rskit.http_signatures.checks import SignatureChecks
from rskit.policy.checked_request import KEY, CheckedRequest
from rskit.policy.current import during, in_turns
from wsgi_mw.gate import WSGIApp
from wsgi_mw.guard import Guard, close, status_line
from wsgi_mw.signed_messages import headers_in
from wsgi_mw.view import Environ
from wsgi_mw.whole_body import read_whole_body


class CheckedApp:
    """In front of the application: no request with a token passes unless its signature is as the server wants it."""

    __slots__ = ("_app", "_checks")

    def __init__(self, app: WSGIApp, checks: SignatureChecks) -> None:
        self._app = app
        self._checks = checks

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        checked: CheckedRequest = environ[KEY]
        fields = fields_of(environ)
        if checked.token is not None and self._checks.wants(fields):
            try:
                body = read_whole_body(environ, self._checks.settings.body)
                signature = checked.server.sync_driver.run(
                    self._checks.check(checked.view, fields, body, checked.token)
                )
            except FapiError as error:
                checked.stop(error)
                return []  # Protect sends the refusal
            if signature is not None:
                checked.signature = signature
        return self._app(environ, start_response)


class SigningGuard(Guard):
    """Signs what is sent, refusals too. The answer is held until it is complete."""

    __slots__ = ("_held", "_real", "_written")

    def __init__(
        self, checked: CheckedRequest, environ: Environ, start_response: Callable[..., Any], cors: Cors | None
    ) -> None:
        super().__init__(checked, environ, self._hold, cors)
        self._real = start_response
        self._held: tuple[str, list[tuple[str, str]]] | None = None
        self._written: list[bytes] = []

    def _hold(
        self, status: str, headers: list[tuple[str, str]], _exc_info: Any = None
    ) -> Callable[[bytes], object]:
        self._held = (status, headers)
        return self._written.append

    def body(self, answer: Iterable[bytes]) -> Iterable[bytes]:
        checked = self.checked
        chunks = iter(in_turns(answer, checked))
        kept = _Kept(self._written, chunks, answer, checked)
        if checked.refusal is None:
            try:
                complete = self._keep(kept, isinstance(answer, list | tuple))
            except Exception:
                kept.close()
                if checked.refusal is None:
                    raise
            else:
                if not complete and checked.refusal is None:
                    return (
                        self._withhold(kept)
                        if self._checks.settings.streams == "refuse"
                        else self._pass(kept)
                    )
        kept.close()
        checked.over = True
        if checked.refusal is not None:  # also one that came while the answer was made
            return self.send_refusal(checked.refusal)
        return self._signed(b"".join(kept.chunks))

    def send_refusal(self, refusal: Refusal) -> list[bytes]:
        self._written.clear()
        return self._signed(b"".join(super().send_refusal(refusal)))

    @property
    def _checks(self) -> SignatureChecks:
        return cast(SignatureChecks, self.checked.server.http_signatures)

    def _keep(self, kept: _Kept, whole: bool) -> bool:
        """Read the answer to its end. False for a stream, and for one that is too large."""
        settings = self._checks.settings
        size = sum(map(len, kept.chunks))
        for chunk in kept.rest:
            kept.chunks.append(chunk)
            size += len(chunk)
            if size > settings.body.octets:
                return False
            if settings.streams == "unsigned" and not (whole or self._has_length):
                return False
        return size <= settings.body.octets

    def _pass(self, kept: _Kept) -> Iterable[bytes]:
        """Without a signature, as it comes."""
        self._real(*self._require_held())
        return super().body(kept)

    def _withhold(self, kept: _Kept) -> list[bytes]:
        kept.close()
        self.checked.over = True
        status, headers, body = refused_answer(self._checks.settings.body.octets)
        extra = self.checked.response_headers(nonce=False)
        self._held = (status_line(status), [*headers, *extra])
        return self._signed(body)

    def _signed(self, body: bytes) -> list[bytes]:
        line, headers = self._require_held()
        status = int(line[:3])
        headers = [pair for pair in headers if pair[0].lower() not in OURS]
        signed_body = b"" if self.checked.view.method == "HEAD" or status in BODILESS else body
        checked = self.checked
        added = checked.server.sync_driver.run(
            self._checks.sign(
                checked.view,
                fields_of(self._environ),
                checked.signature,
                status,
                headers,
                signed_body,
            )
        )
        self._real(line, [*headers, *added])
        return [body]

    def _require_held(self) -> tuple[str, list[tuple[str, str]]]:
        if self._held is None:
            raise RuntimeError("the application has returned an answer without calling start_response")
        return self._held


class _Kept:
    """The parts of an answer that were read, and the rest."""

    def __init__(
        self, chunks: list[bytes], rest: Iterator[bytes], answer: Iterable[bytes], checked: CheckedRequest
    ) -> None:
        self.chunks = chunks
        self.rest = rest
        self._answer = answer
        self._checked = checked

    def __iter__(self) -> Iterator[bytes]:
        return chain(self.chunks, self.rest)

    def close(self) -> None:
        with during(self._checked):
            close(self._answer)


def fields_of(environ: Environ) -> FieldLines:
    return FieldLines(headers_in(environ))
