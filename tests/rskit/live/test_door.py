"""The door over sockets: uvicorn and a threaded WSGI server, many strangers at once, and what ran for them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import fastapi
import flask
import httpx
import pytest
from werkzeug.serving import make_server

import asgi_mw
import wsgi_mw
from asgi_mw.fastapi import public
from rskit import Cors
from tests.rskit.live.running import uvicorn_at
from tests.rskit.mothers import a_server, a_token

RAN: Counter[str] = Counter()
SETTINGS: dict[str, Any] = {"cors": Cors(origins={"https://shop.example"})}


class Rewriting:
    """Of every second request for a page one for the accounts is made."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.asked = 0

    def changed(self, path: str) -> str:
        self.asked += 1
        return "/accounts" if self.asked % 2 else path


class RewritingAsgi(Rewriting):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == "/page":
            scope = {**scope, "path": self.changed(scope["path"])}
        await self.app(scope, receive, send)


class RewritingWsgi(Rewriting):
    def __call__(self, environ: Any, start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/page":
            environ["PATH_INFO"] = self.changed(environ["PATH_INFO"])
        return self.app(environ, start_response)


@pytest.fixture(params=["uvicorn", "werkzeug"])
def base(request: pytest.FixtureRequest) -> Iterator[str]:
    RAN.clear()
    if request.param == "uvicorn":
        api = fastapi.FastAPI()
        api.get("/page")(public()(lambda: RAN.update(["page"])))
        api.get("/accounts")(lambda: RAN.update(["accounts"]))
        protected = asgi_mw.Protect(RewritingAsgi(api), a_server(), around_public=[RewritingAsgi], **SETTINGS)
        with uvicorn_at(protected) as url:
            yield url
        return
    app = flask.Flask("api", static_folder=None)
    app.get("/page")(public()(lambda: str(RAN.update(["page"]))))
    app.add_url_rule("/accounts", "accounts", lambda: str(RAN.update(["accounts"])))
    app.wsgi_app = RewritingWsgi(app.wsgi_app)  # type: ignore[method-assign]
    app.wsgi_app = wsgi_mw.Protect(  # type: ignore[method-assign]
        app.wsgi_app, a_server(), around_public=[RewritingWsgi], **SETTINGS
    )
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(10)


def test_of_many_strangers_at_once_none_gets_where_it_was_not_let_in(base: str):
    with httpx.Client(base_url=base) as client:

        def ask(path: str) -> tuple[str, int]:
            return path, client.get(path).status_code

        with ThreadPoolExecutor(8) as strangers:
            answers = Counter(strangers.map(ask, ["/page", "/accounts"] * 100))
        credentials = {"authorization": f"Bearer {a_token()}"}
        assert client.get("/accounts", headers=credentials).status_code == 200
    assert answers[("/accounts", 401)] == 100
    assert answers[("/page", 200)] + answers[("/page", 401)] == 100
    assert {"page": answers[("/page", 200)], "accounts": 1} == RAN
    assert answers[("/page", 401)] > 0


def test_a_preflight_over_a_socket(base: str):
    asked = {"origin": "https://shop.example", "access-control-request-method": "GET"}
    answer = httpx.options(f"{base}/accounts", headers=asked)
    assert (answer.status_code, answer.content) == (204, b"")
    assert "DPoP" in answer.headers["access-control-allow-headers"]
    refused = httpx.options(f"{base}/accounts", headers={**asked, "origin": "https://evil.example"})
    assert (refused.status_code, refused.content) == (403, b"")
    assert RAN == {}
