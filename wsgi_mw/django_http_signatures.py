"""Signed requests and answers in Django, sync and async: the request is checked after its token, each answer is signed.

A stream without a length is never kept here, so it is refused, or passes without a signature.

Spec: FAPI2-HS 1.2-3, 2.1-1; RFC 9421 1.4
Role: RS
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from io import BytesIO
from typing import Any, cast

from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.http.response import HttpResponseBase

from fapikit.errors import FapiError
from fapikit.flow import Flow
from fapikit.http_message import Headers
from rskit.http_signatures.answers import BODILESS, OURS, refused_answer
from rskit.http_signatures.checks import SignatureChecks
from rskit.policy.body_budget import BodyBudget, cut_short, declared_length
from rskit.policy.checked_request import CheckedRequest
from rskit.request_view import RequestView
from rskit.resource_server import ResourceServer
from wsgi_mw.django_access import checked_request_of
from wsgi_mw.django_view import view_of
from wsgi_mw.http_signatures import fields_of

Answer = Callable[[HttpRequest], HttpResponseBase]
AsyncAnswer = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


class DjangoSignatures:
    """The checks of one server, around the views of a project."""

    def __init__(self, server: ResourceServer, checks: SignatureChecks) -> None:
        self._server = server
        self._checks = checks

    def checked(self, get_response: Answer) -> Answer:
        """The views behind a check of the request's signature. ProtectMiddleware renders the refusal."""

        def answer(request: HttpRequest) -> HttpResponseBase:
            checked = checked_request_of(request)
            try:
                self._server.sync_driver.run(self._check(request, checked))
            except FapiError as error:
                checked.stop(error)
                return HttpResponse(status=401)
            return get_response(request)

        return answer

    def achecked(self, get_response: AsyncAnswer) -> AsyncAnswer:
        async def answer(request: HttpRequest) -> HttpResponseBase:
            checked = checked_request_of(request)
            try:
                await self._server.async_driver.run(self._check(request, checked))
            except FapiError as error:
                checked.stop(error)
                return HttpResponse(status=401)
            return await get_response(request)

        return answer

    def sign(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """The answer with its signature."""
        if not self._checks.signs_answers:
            return response
        if response.streaming:
            if not self._is_kept(response):
                return self._unkept(request, response)
            response = _whole(response, b"".join(response.streaming_content))
        _add(response, self._server.sync_driver.run(self._signature(request, response)))
        return response

    async def asign(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not self._checks.signs_answers:
            return response
        if response.streaming:
            if not self._is_kept(response):
                response = self._unkept(request, response, sign=False)
                if response.streaming:
                    return response
            elif response.is_async:
                response = _whole(response, b"".join([chunk async for chunk in response.streaming_content]))
            else:
                response = _whole(response, b"".join(response.streaming_content))
        _add(response, await self._server.async_driver.run(self._signature(request, response)))
        return response

    def _check(self, request: HttpRequest, checked: CheckedRequest) -> Flow[None]:
        headers = fields_of(request.META)
        if checked.token is None or not self._checks.wants(headers):
            return
        body = _read_whole_body(request, self._checks.settings.body)
        del request
        signature = yield from self._checks.check(checked.view, headers, body, checked.token)
        if signature is not None:
            checked.signature = signature

    def _is_kept(self, response: HttpResponseBase) -> bool:
        length = response.headers.get("content-length", "")
        return length.isdecimal() and int(length) <= self._checks.settings.body.octets

    def _unkept(
        self, request: HttpRequest, response: HttpResponseBase, *, sign: bool = True
    ) -> HttpResponseBase:
        """The stream itself if it may pass without a signature, else the answer in its place."""
        if self._checks.settings.streams == "unsigned":
            return response
        response.close()
        status, headers, body = refused_answer(self._checks.settings.body.octets)
        refused = HttpResponse(body, status=status, headers=dict(headers))
        return self.sign(request, refused) if sign else refused

    def _signature(self, request: HttpRequest, response: Any) -> Flow[Headers]:
        checked = request.__dict__.get("_fapi_checked_request")
        signed = getattr(checked, "signature", None)
        for name in OURS:
            response.headers.pop(name, None)
        bodiless = request.method == "HEAD" or response.status_code in BODILESS
        return self._checks.sign(
            self._view(request, checked),
            fields_of(request.META),
            signed,
            response.status_code,
            list(response.items()),
            b"" if bodiless else response.content,
        )

    def _view(self, request: HttpRequest, checked: CheckedRequest | None) -> RequestView:
        """A request that was refused before its token was accepted has no CheckedRequest."""
        return checked.view if checked is not None else view_of(request, self._server.interaction_id)


def _add(response: HttpResponseBase, fields: Headers) -> None:
    for name, value in fields:
        response.headers[name] = value


def _whole(stream: Any, body: bytes) -> HttpResponse:
    response = HttpResponse(body, status=stream.status_code, headers=dict(stream.headers))
    response.cookies = stream.cookies
    stream.close()
    return response


def _read_whole_body(request: Any, budget: BodyBudget) -> bytes:
    """The body, which the view reads once more. Raises BodyTooLarge, BodyCutShort.

    Django keeps a body that was read in `_body`, which `request.body`, `request.POST` and REST framework then use.
    """
    length = declared_length(request.META.get("CONTENT_LENGTH"))
    budget.require(length or 0)
    chunks, left = [], budget.octets + 1
    try:
        while left > 0 and (chunk := cast(bytes, request.read(left))):
            chunks.append(chunk)
            left -= len(chunk)
    except UnreadablePostError as error:
        raise cut_short() from error
    body = b"".join(chunks)
    budget.require(len(body))
    if length is not None and len(body) < length:
        raise cut_short()
    request._body = body
    request._stream = BytesIO(body)
    return body
