"""Each Protect refuses an application of the other interface, and names the Protect that takes it."""

from __future__ import annotations

from typing import Any

import fastapi
import flask
import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from starlette.applications import Starlette
from starlette.routing import Router
from werkzeug.middleware.dispatcher import DispatcherMiddleware

import asgi_mw
import wsgi_mw
from fapikit.errors import ConfigurationError
from tests.rskit.mothers import a_server


class OwnFlask(flask.Flask):
    pass


OF_ASGI = [
    Starlette(),
    fastapi.FastAPI(),
    Router(),
    object.__new__(ASGIHandler),
    asgi_mw.Protect(Starlette(), a_server()),
]
OF_WSGI = [
    flask.Flask("a"),
    OwnFlask("b"),
    flask.Flask("c").wsgi_app,
    DispatcherMiddleware(flask.Flask("d")),
    object.__new__(WSGIHandler),
    wsgi_mw.Protect(flask.Flask("e"), a_server()),
]


@pytest.mark.parametrize("app", OF_WSGI, ids=lambda app: type(app).__name__)
def test_the_protect_of_asgi_refuses_an_application_of_wsgi(app: Any):
    with pytest.raises(ConfigurationError, match=r"use wsgi_mw\.Protect"):
        asgi_mw.Protect(app, a_server())
    assert wsgi_mw.Protect(app, a_server()).inner == app


@pytest.mark.parametrize("app", OF_ASGI, ids=lambda app: type(app).__name__)
def test_the_protect_of_wsgi_refuses_an_application_of_asgi(app: Any):
    with pytest.raises(ConfigurationError, match=r"use asgi_mw\.Protect"):
        wsgi_mw.Protect(app, a_server())
    assert asgi_mw.Protect(app, a_server()).inner == app


def test_an_application_of_no_known_framework_is_taken():
    def app(*_: Any) -> Any:
        return []

    assert asgi_mw.Protect(app, a_server()).inner is app
    assert wsgi_mw.Protect(app, a_server()).inner is app
