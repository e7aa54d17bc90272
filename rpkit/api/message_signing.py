"""Signed requests and answers of an API client: the interface of a scheme, and what it does to a request of httpx.

The application gets an answer whose signature was verified, as its JSON or text. What verified is in the `extensions`
of the response under `fapikit.signature`, to be kept as evidence. An answer with a success status and a body must be
signed. A refusal may be unsigned, because a gateway or the check of the token cannot sign: it says that nothing was
done, and nothing else may be concluded from it.

Spec: UK-JWS 1, 5; BR-JWT 1
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol

from fapikit.errors import ConfigurationError, FapiError
from fapikit.flow import Flow
from fapikit.http_message import Headers, HttpRequest, HttpResponse
from fapikit.jose.key_set import KeySet, KeySource
from fapikit.urls import is_secure, without_query
from rpkit.bank import Bank

SIGNATURE: Final = "fapikit.signature"
"""The key in the `extensions` of a response."""


class Verified(NamedTuple):
    """`body`: as the application gets it, with its media type; None: as it came. `signature`: what verified."""

    signature: Any
    body: bytes | None = None
    media_type: str = ""


class CallSigning(Protocol):
    """One scheme for the calls of one API client."""

    def sign(self, request: HttpRequest) -> Flow[tuple[Headers, bytes]]:
        """The header fields to set on this request, and the body to send."""
        ...

    def verify(self, answer: HttpResponse) -> Flow[Verified | None]:
        """None for an answer that is not signed and need not be. Raises JwtError, TransportError, StoreError."""
        ...


class MessageSigning(Protocol):
    """The settings of a scheme, for `Client.api(message_signing=)`."""

    def at(self, bank: Bank) -> CallSigning:
        """Raises ConfigurationError, MissingMetadata."""
        ...


def keys_of_api(bank: Bank, jwks_uri: str | None, jwks: Mapping[str, Any] | None) -> KeySource:
    """The keys that answers are verified with. Without either they are those of the authorization server."""
    if jwks is not None:
        return KeySet.from_jwks(jwks)
    return bank.key_source() if jwks_uri is None else bank.keys_at(jwks_uri)


def check_keys(setting: str, jwks_uri: str | None, jwks: Mapping[str, Any] | None) -> None:
    """Raises ConfigurationError."""
    if jwks_uri is not None and (jwks is not None or not is_secure(jwks_uri)):
        raise ConfigurationError(f"{setting}: give jwks_uri= as an https URL, or jwks=, not both")
    if jwks is not None and not KeySet.from_jwks(jwks).keys:
        raise ConfigurationError(f"{setting}(jwks=) has no usable key")


def request_of(request: Any) -> HttpRequest:
    """A request of httpx before it is signed. Raises ConfigurationError for a body that is not known beforehand."""
    if not hasattr(request, "_content"):
        raise ConfigurationError(
            "the body of this request is a stream, or too large to be kept, so it cannot be signed: give its octets"
        )
    return HttpRequest(
        request.method, str(request.url), tuple(request.headers.multi_items()), bytes(request.content)
    )


def put(request: Any, signed: tuple[Headers, bytes], library: Any) -> None:
    """Make a request of httpx the signed one."""
    headers, body = signed
    request.headers.update(headers)
    if body != request.content:
        request.headers["content-length"] = str(len(body))
        request.stream = library.ByteStream(body)
        request._content = body


def answer_of(response: Any) -> HttpResponse:
    """A response of httpx whose body was read."""
    return HttpResponse(
        response.status_code,
        tuple(response.headers.multi_items()),
        bytes(response.content),
        str(response.request.url),
    )


def verified_answer(signing: CallSigning, response: Any) -> Flow[None]:
    """Verify a response of httpx, and make it what the application gets.

    Raises JwtError, TransportError, StoreError, with the response as `outcome`: the request may have been executed.
    """
    try:
        verified = yield from signing.verify(answer_of(response))
    except FapiError as error:
        error.outcome = response
        error.add_note(
            f"{without_query(str(response.request.url))} answered with status {response.status_code}. Nothing that the "
            "answer says can be relied on, but the request may have been executed: see outcome."
        )
        raise
    if verified is None:
        return
    response.extensions[SIGNATURE] = verified.signature
    if verified.body is not None:
        response.headers["content-type"] = verified.media_type
        response.headers["content-length"] = str(len(verified.body))
        response._content = verified.body


def must_be_signed(answer: HttpResponse) -> bool:
    return answer.success and bool(answer.body)
