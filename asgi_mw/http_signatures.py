"""Signed requests and answers in ASGI: checks the request after its token, and signs each answer once it is complete.

Spec: FAPI2-HS 1.2-3, 2.1-1; RFC 9421 1.4
Role: RS
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import Final, cast

from asgi_mw.guard import Guard
from asgi_mw.view import ASGIApp, Message, Receive, Scope, Send
from asgi_mw.whole_body import read_whole_body
from fapikit.errors import FapiError
from fapikit.http_message import Headers
from fapikit.http_signatures.messages import FieldLines
from rskit.answers.cors import Cors
from rskit.http_signatures.answers import BODILESS, OURS, refused_answer
from rskit.http_signatures.checks import SignatureChecks
from rskit.policy.checked_request import KEY, CheckedRequest

_EVENTS: Final = b"text/event-stream"


class AnswerWithheld(OSError):
    """`send` raises it once the answer was replaced. Frameworks treat it as a client that has gone away."""


class CheckedApp:
    """In front of the application: no request with a token passes unless its signature is as the server wants it."""

    __slots__ = ("_app", "_checks")

    def __init__(self, app: ASGIApp, checks: SignatureChecks) -> None:
        self._app = app
        self._checks = checks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        checked: CheckedRequest = scope[KEY]
        fields = fields_of(scope)
        if checked.token is not None and self._checks.wants(fields):
            try:
                body, receive = await read_whole_body(scope, receive, self._checks.settings.body)
                signature = await checked.server.async_driver.run(
                    self._checks.check(checked.view, fields, body, checked.token)
                )
            except FapiError as error:
                checked.stop(error)
                await _send_anything(scope, send)
                return
            if signature is not None:
                checked.signature = signature
        await self._app(scope, receive, send)


async def _send_anything(scope: Scope, send: Send) -> None:
    """Protect sends the refusal in the place of whatever is sent here."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close"})
        return
    await send({"type": "http.response.start", "status": 401, "headers": []})
    await send({"type": "http.response.body", "body": b""})


class SigningGuard(Guard):
    """Signs what is sent, refusals too. A websocket has no answer that could be signed."""

    __slots__ = ("_answer",)

    def __init__(
        self, checked: CheckedRequest, scope: Scope, receive: Receive, send: Send, cors: Cors | None
    ) -> None:
        self._answer = _Answer(self, scope, send)
        super().__init__(checked, scope, receive, self._answer.send, cors)

    def _begin_stream(self, message: Message) -> Awaitable[None]:
        """An answer that is kept until it is complete is no stream, and does not end in the middle with its token."""
        if message["type"] == "http.response.body" and self._answer.is_kept(message):
            return self._send(message)
        return super()._begin_stream(message)


class _Answer:
    """One answer, kept until it is complete."""

    __slots__ = ("_chunks", "_guard", "_passes", "_scope", "_send", "_size", "_start")

    def __init__(self, guard: Guard, scope: Scope, send: Send) -> None:
        self._guard = guard
        self._scope = scope
        self._send = send
        self._start: Message | None = None
        self._chunks: list[bytes] = []
        self._size = 0
        self._passes = False

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if self._passes or not kind.startswith("http.response."):
            await self._send(message)
        elif kind == "http.response.start":
            self._start = message
            if _value_of(message, b"content-type").startswith(_EVENTS):
                await self._give_up(message)
        elif self._start is None:
            await self._send(message)  # an early hint
        elif kind != "http.response.body" or not self.is_kept(message):
            await self._give_up(self._start, message)
        else:
            await self._keep(self._start, message)

    def is_kept(self, message: Message) -> bool:
        """Whether this part of the body waits for the rest. An answer without a length may be a stream."""
        if self._passes:
            return False
        if self._checks.settings.streams == "refuse" or not message.get("more_body"):
            return True
        return self._start is not None and _value_of(self._start, b"content-length") != b""

    @property
    def _checks(self) -> SignatureChecks:
        return cast(SignatureChecks, self._guard.checked.server.http_signatures)

    async def _keep(self, start: Message, message: Message) -> None:
        chunk = message.get("body", b"")
        self._size += len(chunk)
        if self._size > self._checks.settings.body.octets:
            await self._give_up(start, message)
            return
        self._chunks.append(chunk)
        if not message.get("more_body"):
            await self._send_signed(start, b"".join(self._chunks))

    async def _give_up(self, start: Message, message: Message | None = None) -> None:
        """The answer is a stream, or too large to be kept. Raises AnswerWithheld if it may not pass unsigned."""
        if self._checks.settings.streams == "refuse":
            status, headers, body = refused_answer(self._checks.settings.body.octets)
            checked = self._guard.checked
            extra = checked.response_headers(nonce=False)
            encoded = [
                (name.encode("latin-1"), value.encode("latin-1")) for name, value in (*headers, *extra)
            ]
            self._guard.has_refused = True
            await self._send_signed({"type": start["type"], "status": status, "headers": encoded}, body)
            raise AnswerWithheld(
                "this answer cannot be signed, and HttpSignatures(streams=) does not let it pass unsigned"
            )
        self._passes = True
        await self._send(start)
        if self._chunks:
            await self._send(
                {"type": "http.response.body", "body": b"".join(self._chunks), "more_body": True}
            )
        if message is not None:
            await self._send(message)

    async def _send_signed(self, start: Message, body: bytes) -> None:
        """Send the whole answer. What the application sends after it has no place any more."""
        self._passes = True
        status = start["status"]
        headers = [pair for pair in start.get("headers", ()) if str(pair[0], "latin-1").lower() not in OURS]
        signed_body = b"" if self._scope.get("method") == "HEAD" or status in BODILESS else body
        checked = self._guard.checked
        added = await checked.server.async_driver.run(
            self._checks.sign(
                checked.view,
                fields_of(self._scope),
                checked.signature,
                status,
                _decoded(headers),
                signed_body,
            )
        )
        headers += [(name.encode("ascii"), value.encode("ascii")) for name, value in added]
        await self._send({**start, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


def fields_of(scope: Scope) -> FieldLines:
    return FieldLines(_decoded(scope["headers"]))


def _decoded(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    return tuple((str(name, "latin-1"), str(value, "latin-1")) for name, value in headers)


def _value_of(message: Message, wanted: bytes) -> bytes:
    for name, value in message.get("headers", ()):
        if name.lower() == wanted:
            return bytes(value).strip().lower()
    return b""
