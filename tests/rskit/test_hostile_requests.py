"""Requests that no honest client sends: odd targets, hosts, bodies and frames, against both middlewares."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import flask
import pytest

import asgi_mw
import wsgi_mw
from fapikit import errors as e
from rskit import errors as rs
from rskit.access import Access
from rskit.revocation import Denylist
from tests.clocks import NOW, FrozenClock
from tests.rskit.mothers import (
    ISSUER,
    RESOURCE,
    a_proof,
    a_server,
    a_token,
    a_view,
    allowed,
    bound_token,
    refused,
)
from tests.rskit.skins import SKINS, flask_app
from tests.rskit.streams import a_scope, run
from wsgi_mw.view import raw_path


@pytest.mark.spec("RFC 9449 4.3-9")
@pytest.mark.parametrize(
    ("target", "htu"),
    [
        (".evil.example/accounts", f"{RESOURCE}.evil.example/accounts"),
        (":8443/accounts", f"{RESOURCE}:8443/accounts"),
        ("/accounts/1#/2", f"{RESOURCE}/accounts/1"),
        ("/accounts/1?/2", f"{RESOURCE}/accounts/1"),
        ("", f"{RESOURCE}/"),
        ("*", f"{RESOURCE}/"),
    ],
)
def test_a_target_that_is_no_path_moves_no_url(target: str, htu: str):
    token = bound_token()
    view = a_view(f"DPoP {token}", dpop=(a_proof(token, url=htu),), path=target)
    assert type(refused(a_server(), view).error) is e.WrongUrl
    # The server's own list of URLs for a path is not short of the honest one.
    good = bound_token()
    allowed(a_server(), a_view(f"DPoP {good}", dpop=(a_proof(good),)))


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("payments?x=://h/accounts", "payments"),
        ("payments#://h/accounts", "payments"),
        ("a://b/accounts", "a://b/accounts"),
        ("http://h/accounts?x", "/accounts"),
        ("HTTPS://h:1/accounts", "/accounts"),
        ("http://h?x=/accounts", "/"),
        ("//h/accounts", "//h/accounts"),
        ("*", "*"),
    ],
)
def test_only_the_absolute_form_loses_its_beginning(target: str, path: str):
    assert raw_path({"RAW_URI": target}) == path


@pytest.mark.spec("RFC 9449 4.3-9")
def test_a_proof_for_one_view_opens_no_other_by_a_target_without_a_slash():
    app = flask_app({"/accounts": {}, "/payments": {}})
    protected = wsgi_mw.Protect(app.wsgi_app, a_server())
    token = bound_token()
    environ = an_environ("payments", RAW_URI="payments?x=://h/accounts", QUERY_STRING="x=://h/accounts")
    environ |= {"HTTP_AUTHORIZATION": f"DPoP {token}", "HTTP_DPOP": a_proof(token)}
    assert status_of(protected, environ) == "401 Unauthorized"


def an_environ(path: str, **more: str) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "RAW_URI": path,
        "QUERY_STRING": "",
        "SCRIPT_NAME": "",
        "SERVER_NAME": "api.example",
        "SERVER_PORT": "443",
        "wsgi.url_scheme": "https",
        **more,
    }


def status_of(app: Any, environ: dict[str, Any]) -> str:
    started: list[str] = []
    list(app(environ, lambda status, headers, *_: started.append(status)))
    return started[0]


@pytest.mark.parametrize("host", ["evil.example", "a" * 300 + ".example", "a b", ""])
def test_a_host_that_flask_refuses_is_challenged_like_any_other(host: str):
    app: flask.Flask = flask_app({"/open": {"public": True}})
    app.config["TRUSTED_HOSTS"] = ["api.example"]
    protected = wsgi_mw.Protect(app.wsgi_app, a_server())
    assert status_of(protected, an_environ("/open", HTTP_HOST=host)) == "401 Unauthorized"
    assert status_of(protected, an_environ("/open", HTTP_HOST="api.example")) == "200 OK"


def a_granted_payment(**granted: Any) -> list[tuple[str, str]]:
    token = a_token(authorization_details=[{"type": "payment", "amount": "1", **granted}])
    return [("authorization", f"Bearer {token}"), ("content-type", "application/json")]


@pytest.mark.parametrize("skin", sorted(SKINS))
def test_a_body_writes_no_line_into_the_log(skin: str, caplog: pytest.LogCaptureFixture):
    call = SKINS[skin](a_server(), {"/payments": {"details": True}})
    body = {"type": "payment", "amount": "1", "x\n2026 INFO all is well\r\x1b[2J": 1}
    with caplog.at_level(logging.INFO, "rskit"):
        answer = call("POST", "/payments", a_granted_payment(), json.dumps(body).encode())
    assert (answer.status, answer.json["error"]) == (403, "insufficient_authorization_details")
    (line,) = [record.getMessage() for record in caplog.records if hasattr(record, "rskit")]
    assert line.isprintable()
    assert "all is well" in line


@pytest.mark.spec("RFC 9396 9")
@pytest.mark.parametrize("skin", sorted(SKINS))
def test_a_request_that_names_no_detail_is_not_covered(skin: str):
    call = SKINS[skin](a_server(), {"/payments": {"details": True}})
    answer = call("POST", "/payments", a_granted_payment(), b"[]")
    assert (answer.status, answer.json["error"]) == (403, "insufficient_authorization_details")
    with pytest.raises(rs.InsufficientDetails):
        Access().require_details(allowed(a_server(), a_view(f"Bearer {a_token()}")), [])


@pytest.mark.spec("FAPI2-SP 5.3.4-3")
def test_what_a_client_says_on_a_websocket_after_a_revocation_is_not_heard():
    clock = FrozenClock()
    denylist = Denylist(clock=clock)
    heard: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        denylist.revoke(ISSUER, subject="alice", until=NOW + 600)
        heard.append((await receive())["type"])

    async def talkative() -> list[Any]:
        frames = [{"type": "websocket.receive", "text": "pay"}, {"type": "websocket.connect"}]
        sent: list[Any] = []

        async def receive() -> Any:
            return frames.pop()

        async def send(message: Any) -> None:
            sent.append(message)

        protected = asgi_mw.Protect(app, a_server(clock=clock, denylist=denylist))
        await protected(a_scope("websocket"), receive, send)
        return sent

    sent = asyncio.run(talkative())
    assert heard == ["websocket.disconnect"]
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]


@pytest.mark.spec("RFC 6750 3.1")
@pytest.mark.parametrize("skin", sorted(SKINS))
def test_a_token_beside_other_credentials_is_not_overlooked(skin: str):
    call = SKINS[skin](a_server(), {"/open": {"public": True}})
    for token in (a_token(), a_token(exp=1)):
        for mine in (f"Bearer {token}", f"dpop {token}"):
            twice = [("authorization", "Basic dXNlcg=="), ("authorization", mine)]
            assert call("GET", "/open", twice).status == 400
            assert call("GET", "/open", [("authorization", f"Basic dXNlcg==, {mine}")]).status == 400
    digest = 'Digest username="bearer", realm="a, bearers", nonce="x"'
    assert call("GET", "/open", [("authorization", digest)]).status == 200


def test_a_websocket_that_asks_before_it_is_refused_is_refused_at_once():
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "websocket.connect"
        scope["rskit"].refuse(rs.InvalidToken("not this one"))
        await send({"type": "websocket.accept"})

    sent = run(app, a_scope("websocket"), a_server())
    assert (sent[0]["type"], sent[0]["status"]) == ("websocket.http.response.start", 401)


def test_what_a_scope_may_leave_out_is_not_missed():
    async def never(*_: Any) -> None:
        raise AssertionError("the application was called")

    scope = {**a_scope("websocket"), "headers": [], "extensions": None, "query_string": None}
    assert run(never, scope, a_server()) == [{"type": "websocket.close", "code": 1008}]
    del scope["query_string"], scope["extensions"]
    assert run(never, scope, a_server()) == [{"type": "websocket.close", "code": 1008}]


@pytest.mark.spec("RFC 9396 9")
def test_only_the_consents_to_this_very_payment_are_given() -> None:
    """The first of its type may be a consent to another payment, which would be used up in its place."""
    small = {"type": "payment", "amount": "1", "payee": "shop", "consent_id": "c1"}
    large = {"type": "payment", "amount": "1000", "payee": "shop", "consent_id": "c2"}
    again = {**large, "consent_id": "c3"}
    token = allowed(a_server(), a_view(f"Bearer {a_token(authorization_details=[small, large, again])}"))
    needed = {"type": "payment", "amount": "1000", "payee": "shop"}
    assert [detail["consent_id"] for detail in token.covering(needed)] == ["c2", "c3"]
    assert token.covering({**needed, "payee": "thief"}) == ()
    assert token.covering({**needed, "type": "loan"}) == ()
