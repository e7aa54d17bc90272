"""A Django project under ProtectMiddleware, called through its WSGI and its ASGI handler."""

from __future__ import annotations

import asyncio
from typing import Any

import django
import httpx
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from werkzeug.test import Client

from rskit import ResourceServer
from tests.rskit.mothers import RESOURCE, a_server

SERVERS: list[Any] = [a_server()]


class TheServer:
    """Stands for the configured resource server, so that each test may have its own."""

    __class__ = ResourceServer  # type: ignore[assignment]

    def __getattr__(self, name: str) -> Any:
        return getattr(SERVERS[0], name)


def configure() -> None:
    """Once for a process; each module sets its ROOT_URLCONF by `override_settings`."""
    if settings.configured:
        return
    settings.configure(
        SECRET_KEY="only for tests",
        ALLOWED_HOSTS=["*"],
        MIDDLEWARE=["wsgi_mw.django.ProtectMiddleware", "django.middleware.csrf.CsrfViewMiddleware"],
        FAPIKIT_RESOURCE_SERVER=TheServer(),
        REST_FRAMEWORK={
            "DEFAULT_AUTHENTICATION_CLASSES": ["wsgi_mw.rest_framework.TokenAuthentication"],
            "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
            "UNAUTHENTICATED_USER": None,
        },
        USE_TZ=True,
    )
    django.setup()


def wsgi_call(method: str, target: str, headers: dict[str, str], body: bytes = b"") -> tuple[int, Any, Any]:
    response = Client(WSGIHandler()).open(
        target, method=method, headers=headers, data=body, environ_overrides={"REMOTE_ADDR": "127.0.0.1"}
    )
    return response.status_code, response.headers, response.get_data()


def asgi_call(method: str, target: str, headers: dict[str, str], body: bytes = b"") -> tuple[int, Any, Any]:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=ASGIHandler())
        async with httpx.AsyncClient(transport=transport, base_url=RESOURCE) as client:
            return await client.request(method, target, headers=headers, content=body)

    response = asyncio.run(send())
    return response.status_code, response.headers, response.content


CALLS = {"wsgi": wsgi_call, "asgi": asgi_call}
