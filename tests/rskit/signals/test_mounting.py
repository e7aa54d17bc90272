"""Where `ReceiveEvents` may stand: around a Django project, added to a Starlette app, below a path, and in an audit."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from starlette.applications import Starlette
from werkzeug.test import Client

import asgi_mw
import wsgi_mw
from fapikit import MemoryStore
from rskit import Denylist, ResourceServer, SignalReceiver
from tests.clocks import FrozenClock
from tests.mothers.signals import AUTHORIZATION, a_transmitter, an_event
from tests.rskit import django_project
from tests.rskit.mothers import a_server, a_token
from tests.rskit.skins import flask_app, starlette_app

django_project.configure()

from django.core.handlers.wsgi import WSGIHandler  # noqa: E402 - settings come first
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.test import override_settings  # noqa: E402
from django.urls import path  # noqa: E402


def accounts(_: HttpRequest) -> HttpResponse:
    return HttpResponse("accounts")


urlpatterns = [path("accounts", accounts)]
PUSH = {"authorization": AUTHORIZATION, "content-type": "application/secevent+jwt"}


def an_api() -> tuple[ResourceServer, SignalReceiver]:
    clock = FrozenClock()
    denylist = Denylist(clock=clock)
    receiver = SignalReceiver(
        a_transmitter(), denylist=denylist, store=MemoryStore(clock=clock), token_lifetime=600, clock=clock
    )
    return a_server(denylist=denylist, clock=clock), receiver


def test_around_a_django_project() -> None:
    server, receiver = an_api()
    django_project.SERVERS[0] = server
    bearer = {"authorization": f"Bearer {a_token(sid='s1')}"}
    with override_settings(ROOT_URLCONF=__name__):
        client = Client(wsgi_mw.ReceiveEvents(WSGIHandler(), receiver))
        assert client.get("/accounts", headers=bearer).status_code == 200
        assert client.post("/security-events", data=an_event(), headers=PUSH).status_code == 202
        assert client.get("/accounts", headers=bearer).status_code == 401
    receiver.close()


def calling(app: Any, root_path: str = "") -> list[int]:
    """The status of a call before an event, of the event, and of a call after it."""
    bearer = {"authorization": f"Bearer {a_token(sid='s1')}"}

    async def calls() -> list[int]:
        transport = httpx.ASGITransport(app=app, root_path=root_path)
        async with httpx.AsyncClient(transport=transport, base_url="https://api.example") as caller:
            return [
                (await caller.get(f"{root_path}/accounts", headers=bearer)).status_code,
                (
                    await caller.post(f"{root_path}/security-events", content=an_event(), headers=PUSH)
                ).status_code,
                (await caller.get(f"{root_path}/accounts", headers=bearer)).status_code,
            ]

    return asyncio.run(calls())


def test_added_to_a_starlette_app_after_protect() -> None:
    server, receiver = an_api()
    app: Starlette = starlette_app({"/accounts": {}})
    app.add_middleware(asgi_mw.Protect, resource_server=server)
    app.add_middleware(asgi_mw.ReceiveEvents, receiver=receiver)
    assert calling(app) == [200, 202, 401]


def test_below_the_path_of_a_proxy() -> None:
    server, receiver = an_api()
    app = asgi_mw.ReceiveEvents(asgi_mw.Protect(starlette_app({"/accounts": {}}), server), receiver)
    assert calling(app, "/v1")[1] == 202


def test_the_audit_sees_what_is_inside() -> None:
    server, receiver = an_api()
    rules: Any = {"/accounts": {}}
    on_starlette = asgi_mw.ReceiveEvents(asgi_mw.Protect(starlette_app(rules), server), receiver)
    flask = flask_app(rules)
    flask.wsgi_app = wsgi_mw.ReceiveEvents(wsgi_mw.Protect(flask.wsgi_app, server), receiver)  # type: ignore[method-assign]
    for table in (asgi_mw.audit(on_starlette), wsgi_mw.audit(flask)):
        assert "/accounts" in [route.path for route in table]
        assert table.protected
        assert "ReceiveEvents" in table.outside[0]
