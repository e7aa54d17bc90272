"""One request and its answer on a server with signed messages, for both middlewares: they only read and send.

The request is verified after its token: no stranger makes this server keep a body. What is refused by the check of the
token or by this server itself is not signed, because nobody of the application has said it.

Spec: UK-JWS 1, 5, 6; BR-JWT 1; RFC 9110 15.5.14, 15.5.16
Role: RS
"""

from __future__ import annotations

from typing import Final

from fapikit.errors import ConfigurationError, FapiError
from fapikit.flow import Flow
from fapikit.http_message import Headers, HttpRequest, HttpResponse
from rskit.decision import Refusal
from rskit.errors import CodedBody
from rskit.policy.checked_request import CheckedRequest
from rskit.signed_messages.message_signing import SignedMessages, SignedRequest

_PLAIN: Final = frozenset({"", "identity"})
_WITHOUT_BODY: Final = frozenset({204, 205, 304})
_REPLACED: Final = ("accept-encoding", "content-length", "transfer-encoding")
"""The fields that the application does not see as they came: an answer is signed before it is compressed."""


class MessageExchange:
    """One request. Call `accept` with its whole body, and `sign` with the whole answer.

    `headers`: those of the request. `budget`: the budget of its body, and of the body of the answer.
    """

    __slots__ = ("_accepted", "_checked", "_messages", "budget", "headers")

    def __init__(self, messages: SignedMessages, checked: CheckedRequest, headers: Headers) -> None:
        self._messages = messages
        self._checked = checked
        self._accepted: SignedRequest | None = None
        self.headers = headers
        self.budget = messages.budget

    def accept(self, body: bytes) -> Flow[Refusal | HttpRequest]:
        """The request as the application gets it, or the refusal. `checked` has its signature then."""
        view = self._checked.view
        request = HttpRequest(view.method, view.path, self.headers, body)
        del body
        try:
            if request.body and _coding(self.headers) not in _PLAIN:
                raise CodedBody("send the body of a signed request without Content-Encoding")
            token = self._checked.require_token()
            self._accepted = yield from self._messages.accept(request, token)
        except FapiError as error:
            return self.refuse(error)
        if self._accepted.signature is not None:
            self._checked.signature = self._accepted.signature
        given = self._accepted.request
        headers = with_length(without(given.headers, *_REPLACED), given.body)
        return HttpRequest(given.method, given.url, headers, given.body)

    def sign(self, status: int, headers: Headers, body: bytes) -> Flow[Refusal | HttpResponse]:
        """The signed answer; or 503 if it cannot be signed, because an unsigned one would prove nothing."""
        view = self._checked.view
        answer = HttpResponse(status, headers, body, view.path)
        del body
        if status in _WITHOUT_BODY or not answer.body or view.method == "HEAD" or self._accepted is None:
            return answer
        try:
            if _coding(headers) not in _PLAIN:
                raise ConfigurationError(
                    "the application has compressed an answer that is to be signed: compress outside of Protect",
                    clause="UK-JWS 1",
                )
            return (yield from self._messages.sign(answer, self._accepted))
        except FapiError as error:
            return self.refuse(error)

    def refuses_endless(self, headers: Headers) -> bool:
        """Whether the answer is a stream of events, which has no end to sign. It is refused then."""
        kinds = [value for name, value in headers if name.lower() == "content-type"]
        if not any(kind.strip().lower().startswith("text/event-stream") for kind in kinds):
            return False
        self.refuse(
            ConfigurationError(
                "the application answers with a stream of events, which cannot be signed: serve it by an application "
                "without message_signing="
            )
        )
        return True

    def too_long(self) -> Refusal:
        """503 for an answer that is too large to be signed."""
        return self.refuse(
            ConfigurationError(
                f"the application answers with more than {self.budget.octets} octets, too many to sign: raise the "
                "body= of message_signing=, or send less"
            )
        )

    def refuse(self, error: FapiError) -> Refusal:
        """The refusal for an error. It is logged, and the middleware sends it whatever the application answers."""
        return self._checked.stop(error)


class KeptBody:
    """The body of an answer as far as it has come, and as far as there is room for it."""

    __slots__ = ("_limit", "_parts", "_size")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, part: bytes) -> None:
        self._size += len(part)
        if not self.is_too_long:
            self._parts.append(part)

    @property
    def is_too_long(self) -> bool:
        return self._size > self._limit

    @property
    def whole(self) -> bytes:
        return b"".join(self._parts)


def with_length(headers: Headers, body: bytes) -> Headers:
    """The fields of an answer with the length of this body; an answer without a body keeps what it says."""
    if not body:
        return headers
    return (*without(headers, "content-length"), ("content-length", str(len(body))))


def without(headers: Headers, *names: str) -> Headers:
    return tuple(pair for pair in headers if pair[0].lower() not in names)


def _coding(headers: Headers) -> str:
    return ",".join(value.strip().lower() for name, value in headers if name.lower() == "content-encoding")
