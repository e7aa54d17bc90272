"""Between the middleware of Django and the views: reads a signed request, and signs the answer once it is whole.

Spec: UK-JWS 1, 5; BR-JWT 1
Role: RS
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from io import BytesIO
from typing import TypeAlias

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.http.response import HttpResponseBase

from fapikit.flow import Flow
from fapikit.http_message import HttpRequest as Message
from rskit.decision import Refusal
from rskit.errors import RequestRefused
from rskit.policy.body_budget import cut_short, declared_length
from rskit.policy.checked_request import CheckedRequest
from rskit.signed_messages.exchange import KeptBody, MessageExchange, with_length
from rskit.signed_messages.message_signing import SignedMessages
from wsgi_mw.django_access import checked_request_of
from wsgi_mw.signed_messages import headers_in

Views: TypeAlias = Callable[[HttpRequest], HttpResponseBase]
AsyncViews: TypeAlias = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


def signed(views: Views, messages: SignedMessages) -> Views:
    """For sync views. A refusal is put into the checked request, and the middleware sends it."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        checked = checked_request_of(request)
        if checked.token is None:
            return views(request)
        driver = checked.server.sync_driver
        exchange = driver.run(_accepted(request, checked, messages))
        if exchange is None:
            return HttpResponse(status=400)
        response = views(request)
        whole = None if checked.refusal is not None else _whole(response, exchange)
        return response if whole is None else driver.run(_signed(response, exchange, whole))

    return answer


def asigned(views: AsyncViews, messages: SignedMessages) -> AsyncViews:
    """For async views."""

    async def answer(request: HttpRequest) -> HttpResponseBase:
        checked = checked_request_of(request)
        if checked.token is None:
            return await views(request)
        driver = checked.server.async_driver
        exchange = await driver.run(_accepted(request, checked, messages))
        if exchange is None:
            return HttpResponse(status=400)
        response = await views(request)
        whole = None if checked.refusal is not None else await _awhole(response, exchange)
        return response if whole is None else await driver.run(_signed(response, exchange, whole))

    return answer


def _accepted(
    request: HttpRequest, checked: CheckedRequest, messages: SignedMessages
) -> Flow[MessageExchange | None]:
    """Verify the request, and make it the one that the view gets. None if it was refused."""
    exchange = MessageExchange(messages, checked, headers_in(request.META))
    body = _body(request, exchange)
    if body is None:
        return None
    accepted = yield from exchange.accept(body)
    if isinstance(accepted, Refusal):
        return None
    _replace(request, accepted)
    return exchange


def _signed(response: HttpResponseBase, exchange: MessageExchange, whole: bytes) -> Flow[HttpResponseBase]:
    """The answer with its signature. If it was refused, the middleware replaces it."""
    signed_answer = yield from exchange.sign(response.status_code, tuple(response.items()), whole)
    if isinstance(signed_answer, Refusal):
        return response
    made = response
    if response.streaming:
        made = HttpResponse(status=response.status_code)
        made.cookies = response.cookies
        made._resource_closers = response._resource_closers
    made.content = signed_answer.body
    for name in [name for name, _ in made.items()]:
        del made.headers[name]
    for name, value in with_length(signed_answer.headers, signed_answer.body):
        made.headers[name] = value
    return made


def _body(request: HttpRequest, exchange: MessageExchange) -> bytes | None:
    """The body within its budget; None if it was refused."""
    try:
        exchange.budget.require(declared_length(request.META.get("CONTENT_LENGTH")) or 0)
        try:
            body: bytes = request.body
        except RequestDataTooBig:
            exchange.budget.require(exchange.budget.octets + 1)
            raise
        except UnreadablePostError:
            raise cut_short() from None
        exchange.budget.require(len(body))
    except RequestRefused as error:
        exchange.refuse(error)
        return None
    return body


def _replace(request: HttpRequest, given: Message) -> None:
    """Let the view see this request: its content type, what it accepts, and its body."""
    headers = dict(given.headers)
    meta = request.META
    meta["CONTENT_TYPE"] = headers.get("content-type", "")
    meta["CONTENT_LENGTH"] = str(len(given.body))
    if "accept-encoding" not in headers:
        meta.pop("HTTP_ACCEPT_ENCODING", None)
    if "accept" in headers:
        meta["HTTP_ACCEPT"] = headers["accept"]
    request.__dict__.pop("headers", None)  # it was made from META
    request._set_content_type_params(meta)
    request._body = given.body
    request._stream = BytesIO(given.body)


def _whole(response: HttpResponseBase, exchange: MessageExchange) -> bytes | None:
    """The body of the answer; None if it is too long to be signed."""
    kept = KeptBody(exchange.budget.octets)
    for chunk in response if response.streaming else (response.content,):
        kept.add(chunk)
        if kept.is_too_long:
            exchange.too_long()
            return None
    return kept.whole


async def _awhole(response: HttpResponseBase, exchange: MessageExchange) -> bytes | None:
    if not (response.streaming and response.is_async):
        return _whole(response, exchange)
    kept = KeptBody(exchange.budget.octets)
    async for chunk in response:
        kept.add(chunk)
        if kept.is_too_long:
            exchange.too_long()
            return None
    return kept.whole
