"""The one call in the handlers of each framework: its outcome, its refusals, and exceptions that pass through."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import fastapi
import flask
import httpx
import pytest
from django.http import HttpRequest, JsonResponse
from django.test import override_settings
from django.urls import path
from django.views import View
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import asgi_mw
import wsgi_mw
from asgi_mw import fastapi as on_fastapi
from asgi_mw import starlette as on_starlette
from fapikit import SqliteStore
from rskit import NotExecuted, Reservation, ResourceServer, Token
from tests.clocks import FrozenClock
from tests.rskit.consents.paying import ORDER, PAYMENT, Api, a_consent
from tests.rskit.django_project import SERVERS, asgi_call, configure, wsgi_call
from tests.rskit.mothers import RESOURCE, a_token
from wsgi_mw import django as on_django
from wsgi_mw import flask as on_flask

configure()

from rest_framework.response import Response as RestResponse  # noqa: E402 - it reads Django's settings
from rest_framework.views import APIView  # noqa: E402

Answer = tuple[int, Any, Any]
"""Status, headers, JSON."""


class Poor(NotExecuted):
    pass


class Execute:
    """What the handlers hand over; each test says what it does."""

    work: Callable[[Reservation], Any] = staticmethod(lambda _: {})

    def plain(self, reservation: Reservation) -> Any:
        return self.work(reservation)

    async def later(self, reservation: Reservation) -> Any:
        await asyncio.sleep(0)
        return self.work(reservation)


EXECUTE = Execute()


async def needed(request: Any) -> Any:
    return PAYMENT.needed(await request.json())


# Starlette, with handlers of both kinds


@on_starlette.Access("payments", details=needed)
async def starlette_pay(request: Request) -> JSONResponse:
    try:
        return JSONResponse(await on_starlette.use_consent(request, EXECUTE.later), 201)
    except Poor:
        return JSONResponse({"error": "poor"}, 402)


def starlette_body(request: Request) -> Any:
    return PAYMENT.needed(json.loads(request.headers["x-order"]))


@on_starlette.Access("payments", details=starlette_body)
def starlette_pay_in_a_thread(request: Request) -> JSONResponse:
    try:
        return JSONResponse(on_starlette.use_consent_sync(request, EXECUTE.plain), 201)
    except Poor:
        return JSONResponse({"error": "poor"}, 402)


def starlette_app() -> Any:
    return Starlette(
        routes=[
            Route("/async", starlette_pay, methods=["POST"]),
            Route("/sync", starlette_pay_in_a_thread, methods=["POST"]),
        ]
    )


Paying = Annotated[Token, on_fastapi.Access("payments", details=needed)]


def fastapi_app() -> Any:
    app = fastapi.FastAPI()

    @app.post("/async", status_code=201)
    async def pay(request: fastapi.Request, token: Paying) -> Any:
        try:
            return await on_fastapi.use_consent(request, EXECUTE.later)
        except Poor as error:
            raise fastapi.HTTPException(402) from error

    @app.post("/sync", status_code=201)
    def pay_in_a_thread(request: fastapi.Request, token: Paying) -> Any:
        try:
            return on_fastapi.use_consent_sync(request, EXECUTE.plain)
        except Poor as error:
            raise fastapi.HTTPException(402) from error

    @app.exception_handler(fastapi.HTTPException)
    async def careless(request: fastapi.Request, error: fastapi.HTTPException) -> JSONResponse:
        return JSONResponse({"oops": True}, 402 if error.status_code == 402 else 200)

    return app


def over_asgi(app: Any, server: ResourceServer, where: str, headers: dict[str, str], order: Any) -> Answer:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=asgi_mw.Protect(app, server))
        async with httpx.AsyncClient(transport=transport, base_url=RESOURCE) as client:
            return await client.post(where, headers={**headers, "x-order": json.dumps(order)}, json=order)

    answer = asyncio.run(send())
    return answer.status_code, answer.headers, answer.json()


# Flask


def flask_app() -> flask.Flask:
    app = flask.Flask("payments")

    def body(request: Any) -> Any:
        return PAYMENT.needed(request.get_json())

    @app.post("/sync")
    @on_flask.Access("payments", details=body)
    def pay() -> Any:
        return on_flask.use_consent(EXECUTE.plain), 201

    @app.post("/async")
    @on_flask.Access("payments", details=body)
    async def pay_later() -> Any:
        return on_flask.use_consent(EXECUTE.plain), 201

    @app.errorhandler(Poor)
    def poor(_: Poor) -> Any:
        return {"error": "poor"}, 402

    @app.errorhandler(409)
    def careless(_: Any) -> Any:
        return {"oops": True}, 200

    return app


def over_flask(app: Any, server: ResourceServer, where: str, headers: dict[str, str], order: Any) -> Answer:
    app.wsgi_app = wsgi_mw.Protect(app.wsgi_app, server)
    answer = app.test_client().post(where, headers=headers, json=order)
    return answer.status_code, answer.headers, answer.get_json()


# Django, and Django REST framework


def django_body(request: HttpRequest) -> Any:
    return PAYMENT.needed(json.loads(request.body))


@on_django.Access("payments", details=django_body)
def django_pay(request: HttpRequest) -> JsonResponse:
    try:
        return JsonResponse(on_django.use_consent(request, EXECUTE.plain), status=201)
    except Poor:
        return JsonResponse({"error": "poor"}, status=402)


@on_django.Access("payments", details=django_body)
async def django_pay_later(request: HttpRequest) -> JsonResponse:
    try:
        return JsonResponse(await on_django.ause_consent(request, EXECUTE.later), status=201)
    except Poor:
        return JsonResponse({"error": "poor"}, status=402)


class DjangoView(on_django.AccessRequiredMixin, View):
    access = {"POST": on_django.Access("payments", details=django_body)}

    def post(self, request: HttpRequest) -> JsonResponse:
        return django_pay.__wrapped__(request)  # type: ignore[attr-defined, no-any-return]


class RestView(on_django.AccessRequiredMixin, APIView):  # type: ignore[misc]
    access = {"POST": on_django.Access("payments", details=django_body)}

    def post(self, request: Any) -> RestResponse:
        try:
            return RestResponse(on_django.use_consent(request._request, EXECUTE.plain), 201)
        except Poor:
            return RestResponse({"error": "poor"}, 402)


urlpatterns = [
    path("sync", django_pay),
    path("async", django_pay_later),
    path("class", DjangoView.as_view()),
    path("rest", RestView.as_view()),
]


def over_django(call: Any) -> Any:
    def send(_: Any, server: ResourceServer, where: str, headers: dict[str, str], order: Any) -> Answer:
        SERVERS[0] = server
        with override_settings(ROOT_URLCONF=__name__):
            status, told, body = call("POST", where, headers, json.dumps(order).encode())
        return status, told, json.loads(body)

    return send


WAYS = {
    "starlette": (starlette_app, over_asgi, "/async"),
    "starlette, a thread": (starlette_app, over_asgi, "/sync"),
    "fastapi": (fastapi_app, over_asgi, "/async"),
    "fastapi, a thread": (fastapi_app, over_asgi, "/sync"),
    "flask": (flask_app, over_flask, "/sync"),
    "flask, async": (flask_app, over_flask, "/async"),
    "django": (lambda: None, over_django(wsgi_call), "/sync"),
    "django, async": (lambda: None, over_django(asgi_call), "/async"),
    "django, async under wsgi": (lambda: None, over_django(wsgi_call), "/async"),
    "django, a class": (lambda: None, over_django(wsgi_call), "/class"),
    "rest framework": (lambda: None, over_django(wsgi_call), "/rest"),
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Any:
    return WAYS[request.param]


@pytest.fixture
def api(tmp_path: Path) -> Any:
    clock = FrozenClock()
    made = Api(store=SqliteStore(tmp_path / "marks.db", clock=clock), clock=clock)
    EXECUTE.work = made.books.pay
    yield made
    made.store.close()  # type: ignore[attr-defined]


def post(
    way: Any,
    api: Api,
    order: Any = ORDER,
    *,
    key: str | None = "key-1",
    consents: Mapping[str, Any] | None = None,
) -> Answer:
    """`consents`: by the name of each what it was given to."""
    make, send, where = way
    given = {"c1": ORDER} if consents is None else consents
    granted = [a_consent(name, clock=api.clock, **to) for name, to in given.items()]
    token = a_token(authorization_details=granted, exp=int(api.clock()) + 300, iat=int(api.clock()))
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    if key is not None:
        headers["Idempotency-Key"] = f'"{key}"'
    return send(make(), api.server, where, headers, order)  # type: ignore[no-any-return]


@pytest.mark.spec("RFC 9396 9", "Idempotency-Key 2.7")
def test_it_pays_once_and_says_why_it_does_not_again(way: Any, api: Api) -> None:
    first = {"status": "executed", "number": 1, "order": "2026-1"}
    assert post(way, api)[::2] == (201, first)
    assert post(way, api)[::2] == (201, first)
    told = {
        (409, "consent_used"): post(way, api, key="key-2"),
        (400, "invalid_request"): post(way, api, key=None),
        (403, "insufficient_authorization_details"): post(
            way, api, {**ORDER, "creditorName": "thief"}, key="key-3"
        ),
    }
    for (status, error), (was, headers, body) in told.items():
        assert (was, body["error"]) == (status, error)
        assert headers["cache-control"] == "no-store"
        assert ("www-authenticate" in headers) is (status == 403)
    malformed = post(way, api, {name: value for name, value in ORDER.items() if name != "creditorName"})
    assert (malformed[0], malformed[2]["error"]) == (400, "invalid_request")
    assert "lacks creditorName" in malformed[2]["error_description"]
    assert len(api.books.paid) == 1


@pytest.mark.spec("Idempotency-Key 2.7")
def test_another_request_under_the_same_key_is_refused(way: Any, api: Api) -> None:
    other = {**ORDER, "reference": "2026-2"}
    assert post(way, api)[0] == 201
    status, _, body = post(way, api, other, consents={"c2": other})
    assert (status, body["error"]) == (422, "idempotency_key_reused")
    assert post(way, api, other, consents={"c2": other}, key="key-2")[0] == 201
    assert len(api.books.paid) == 2


def test_while_it_is_under_way_another_attempt_is_told_to_wait(way: Any, api: Api) -> None:
    def fails(_: Reservation) -> Any:
        raise TimeoutError

    EXECUTE.work = fails
    status, headers, body = post(way, api)
    assert (status, body["error"]) == (503, "temporarily_unavailable")
    status, headers, body = post(way, api)
    assert (status, body["error"], headers["retry-after"]) == (409, "consent_in_use", "120")


def test_what_was_not_executed_passes_through_and_leaves_the_consent(way: Any, api: Api) -> None:
    def poor(_: Reservation) -> Any:
        raise Poor

    EXECUTE.work = poor
    assert post(way, api)[0] == 402
    EXECUTE.work = api.books.pay
    assert post(way, api, key="key-2")[0] == 201


def test_an_async_function_in_a_sync_call_is_named_and_executes_nothing(tmp_path: Path, api: Api) -> None:
    app = flask.Flask("payments")

    @app.post("/pay")
    @on_flask.Access(details=lambda request: PAYMENT.needed(request.get_json()))
    def pay() -> Any:
        return on_flask.use_consent(lambda reservation: EXECUTE.later(reservation)), 201

    status, _, body = post((lambda: app, over_flask, "/pay"), api)
    assert (status, body["error"]) == (503, "temporarily_unavailable")
    assert api.books.paid == []


def test_flask_runs_a_coroutine_function_itself(api: Api) -> None:
    app = flask.Flask("payments")

    @app.post("/pay")
    @on_flask.Access(details=lambda request: PAYMENT.needed(request.get_json()))
    def pay() -> Any:
        return on_flask.use_consent(EXECUTE.later), 201

    assert post((lambda: app, over_flask, "/pay"), api)[0] == 201
    assert len(api.books.paid) == 1


def marking_flask() -> Any:
    app = flask.Flask("payments")

    @app.post("/pay")
    @on_flask.Access(details=lambda request: PAYMENT.needed(request.get_json()))
    def pay() -> Any:
        assert on_flask.once("consent c1", ttl=86_400)
        return EXECUTE.plain(Reservation("1", ORDER)), 201

    return app


def marking_starlette() -> Any:
    @on_starlette.Access(details=needed)
    async def pay(request: Request) -> JSONResponse:
        assert await on_starlette.once(request, "consent c1", ttl=86_400)
        return JSONResponse(EXECUTE.plain(Reservation("1", ORDER)), 201)

    return Starlette(routes=[Route("/pay", pay, methods=["POST"])])


@pytest.mark.parametrize(
    "marking", [(marking_flask, over_flask, "/pay"), (marking_starlette, over_asgi, "/pay")]
)
def test_a_mark_of_a_chosen_lifetime_uses_up_no_consent(
    marking: Any, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    """Such a mark is gone before the consent is, and then it would pay again."""
    assert post(marking, api)[0] == 503
    assert api.books.paid == []
    assert "call use_consent, which remembers" in caplog.text
