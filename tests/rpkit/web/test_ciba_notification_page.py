"""The notification endpoint in both frameworks: what is heard, what is refused, and that nothing happens twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import flask
import httpx
import pytest
import starlette.applications

import rpkit.flask
import rpkit.starlette
from fapikit import MemoryStore, PrivateKeyJWT
from fapikit.errors import StoreUnavailable
from rpkit import AsyncClient, Client
from tests.keys import a_key
from tests.mothers.ciba_bank import CibaBank
from tests.mothers.clients import CLIENT_KEY
from tests.mothers.fake_bank import CLIENT_ID

Send = Callable[..., httpx.Response]
SITE = "https://fintech.example"
PATH = "/ciba-notification"


class World:
    """A bank, a client that has asked, and the site's endpoint, which shares only the store with it."""

    def __init__(self, kind: str, mode: str) -> None:
        self.bank = CibaBank(nonces=False)
        self.store: Any = MemoryStore(clock=self.bank.clock)
        self.mode = mode
        self.client = Client.discover(self.bank.issuer, **self.options())
        self.request = self.client.ciba(login_hint="alice", binding_message="WDJB-MJHT")
        self.auth_req_id = self.request.reference.reveal()
        self.post: Send = {"starlette": self._starlette, "flask": self._flask}[kind]()

    def options(self) -> dict[str, Any]:
        return {
            "client_id": CLIENT_ID,
            "auth": PrivateKeyJWT(a_key(*CLIENT_KEY)),
            "http": self.bank.http(),
            "clock": self.bank.clock,
            "store": self.store,
            "backchannel_token_delivery_mode": self.mode,
        }

    def _starlette(self) -> Send:
        async def connect() -> AsyncClient:
            return await AsyncClient.discover(self.bank.issuer, **self.options())

        notifications = rpkit.starlette.CibaNotifications(connect)
        app = starlette.applications.Starlette(routes=notifications.routes())

        def post(headers: Any, body: bytes, method: str = "POST") -> httpx.Response:
            async def call() -> httpx.Response:
                transport = httpx.ASGITransport(app)
                async with httpx.AsyncClient(transport=transport, base_url=SITE) as http:
                    return await http.request(method, PATH, headers=headers, content=body)

            return asyncio.run(call())

        return post

    def _flask(self) -> Send:
        notifications = rpkit.flask.CibaNotifications(
            lambda: Client.discover(self.bank.issuer, **self.options())
        )
        app = flask.Flask(__name__)
        app.register_blueprint(notifications.blueprint())

        def post(headers: Any, body: bytes, method: str = "POST") -> httpx.Response:
            transport = httpx.WSGITransport(app)
            with httpx.Client(transport=transport, base_url=SITE) as http:
                return http.request(method, PATH, headers=headers, content=body)

        return post


@pytest.fixture(params=["starlette", "flask"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def ping(kind: str) -> World:
    return World(kind, "ping")


@pytest.fixture
def push(kind: str) -> World:
    return World(kind, "push")


@pytest.mark.spec("CIBA 10.2b, 10.3.1c")
def test_a_ping_is_heard_and_its_tokens_are_fetched(ping: World) -> None:
    answer = ping.post(*ping.bank.ping(ping.auth_req_id))
    assert (answer.status_code, answer.content) == (204, b"")
    assert not ping.bank.calls("token"), "whoever waits fetches the tokens"
    login = ping.client.wait(ping.request)
    assert login.id_token is not None
    assert len(ping.bank.calls("token")) == 1


@pytest.mark.spec("CIBA 10.3.1")
def test_a_push_is_heard_and_its_tokens_wait(push: World) -> None:
    answer = push.post(*push.bank.push(push.auth_req_id))
    assert (answer.status_code, answer.content) == (204, b"")
    login = push.client.wait(push.request)
    assert login.tokens.subject == "alice"
    assert not push.bank.calls("token")


@pytest.mark.spec("CIBA 10.2b")
def test_what_is_said_twice_happens_once(push: World) -> None:
    first, second = push.bank.push(push.auth_req_id), push.bank.push(push.auth_req_id)
    assert [push.post(*each).status_code for each in (first, second, first)] == [204, 204, 204]
    token = push.client.wait(push.request).tokens.access_tokens[0].value.reveal()
    assert token.encode() in first[1]


def _changed(headers: dict[str, str], **changes: str | None) -> dict[str, str]:
    named = {**headers, **{name.replace("_", "-"): value for name, value in changes.items()}}
    return {name: value for name, value in named.items() if value is not None}


MUTATIONS: dict[str, tuple[Callable[[dict[str, str], bytes], tuple[Any, bytes]], int]] = {
    "no token": (lambda h, b: (_changed(h, authorization=None), b), 401),
    "an empty token": (lambda h, b: (_changed(h, authorization="Bearer "), b), 401),
    "another scheme": (
        lambda h, b: (_changed(h, authorization=h["authorization"].replace("Bearer", "Basic")), b),
        401,
    ),
    "another token": (lambda h, b: (_changed(h, authorization=f"Bearer {'x' * 43}"), b), 401),
    "one character more": (lambda h, b: (_changed(h, authorization=f"{h['authorization']}x"), b), 401),
    "one character less": (lambda h, b: (_changed(h, authorization=h["authorization"][:-1]), b), 401),
    "a token of endless length": (lambda h, b: (_changed(h, authorization=f"Bearer {'x' * 2000}"), b), 401),
    "two tokens": (
        lambda h, b: ([*h.items(), ("authorization", f"Bearer {'x' * 43}")], b),
        401,
    ),
    "another auth_req_id": (lambda h, _b: (h, b'{"auth_req_id":"another"}'), 401),
    "no auth_req_id": (lambda h, _b: (h, b"{}"), 400),
    "an auth_req_id that is a number": (lambda h, _b: (h, b'{"auth_req_id":7}'), 400),
    "two auth_req_ids": (lambda h, b: (h, b[:-1] + b',"auth_req_id":"another"}'), 400),
    "no JSON": (lambda h, _b: (h, b"auth_req_id=x"), 400),
    "a JSON list": (lambda h, b: (h, b"[" + b + b"]"), 400),
    "not UTF-8": (lambda h, _b: (h, b'{"auth_req_id":"\xff"}'), 400),
    "nothing": (lambda h, _b: (h, b""), 400),
    "a form": (lambda h, b: (_changed(h, content_type="application/x-www-form-urlencoded"), b), 415),
    "no media type": (lambda h, b: (_changed(h, content_type=None), b), 415),
    "a body that is too large": (lambda h, b: (h, b[:-1] + b" " * 65_536 + b"}"), 413),
    "tokens in a ping": (lambda h, b: (h, b[:-1] + b',"access_token":"x","token_type":"DPoP"}'), 400),
}


@pytest.mark.spec("CIBA 10.2a, 10.2b, 10.3.1c; FAPI-CIBA 5.2.2-3")
@pytest.mark.parametrize("case", MUTATIONS)
def test_anything_else_is_refused_and_changes_nothing(case: str, ping: World) -> None:
    change, status = MUTATIONS[case]
    before = ping.store.taken()
    answer = ping.post(*change(*ping.bank.ping(ping.auth_req_id)))
    assert (answer.status_code, answer.content) == (status, b"")
    assert not answer.has_redirect_location
    assert answer.headers["cache-control"] == "no-store"
    assert ("www-authenticate" in answer.headers) is (status == 401)
    assert ping.store.taken() == before
    assert ping.post(*ping.bank.ping(ping.auth_req_id)).status_code == 204, "the right one is still heard"


@pytest.mark.spec("CIBA 10.2b")
def test_nobody_learns_which_requests_there_are(ping: World) -> None:
    """The right token with an unknown id, an unknown token with the right id: one answer to both."""
    headers, _ = ping.bank.ping(ping.auth_req_id)
    unknown_id = ping.post(headers, b'{"auth_req_id":"unknown"}')
    unknown_token = ping.post(*ping.bank.ping(ping.auth_req_id, bearer="y" * 43))
    assert unknown_id.status_code == unknown_token.status_code == 401
    assert unknown_id.headers == unknown_token.headers
    assert unknown_id.content == unknown_token.content


@pytest.mark.spec("CIBA 10.2b")
def test_the_token_of_one_request_is_not_that_of_another(ping: World) -> None:
    other = ping.client.ciba(login_hint="bob")
    headers, _ = ping.bank.ping(ping.auth_req_id)
    _, body = ping.bank.ping(other.reference.reveal())
    assert ping.post(headers, body).status_code == 401


def test_a_push_has_tokens_or_an_error(push: World) -> None:
    assert push.post(*push.bank.ping(push.auth_req_id)).status_code == 400
    assert push.post(*push.bank.push_error(push.auth_req_id, "access_denied")).status_code == 204


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD"])
def test_only_a_post_is_taken(method: str, ping: World) -> None:
    headers, body = ping.bank.ping(ping.auth_req_id)
    assert ping.post(headers, body, method).status_code == 405


@pytest.mark.spec("CIBA 10.2b")
def test_a_notification_that_cannot_be_kept_is_asked_for_again(
    ping: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise StoreUnavailable("down")

    async def afail(*_: Any) -> None:
        fail()

    for name in ("get", "add"):
        with monkeypatch.context() as patched:
            patched.setattr(ping.store, name, fail)
            patched.setattr(ping.store, f"a{name}", afail)
            assert ping.post(*ping.bank.ping(ping.auth_req_id)).status_code == 503
    assert ping.post(*ping.bank.ping(ping.auth_req_id)).status_code == 204


@pytest.mark.spec("CIBA 10.2b")
def test_a_notification_that_comes_before_the_acknowledgement_is_heard(ping: World) -> None:
    """A bank that needs no user may notify us before its answer has arrived."""
    answers: list[httpx.Response] = []

    def at_once(call: Any) -> Any:
        acknowledged = ping.bank._authorize(call)
        answers.append(ping.post(*ping.bank.ping(acknowledged[2]["auth_req_id"])))
        return acknowledged

    ping.bank.faults["bc_answer"] = at_once
    request = ping.client.ciba(login_hint="alice")
    assert [answer.status_code for answer in answers] == [204]
    ping.bank.faults.clear()
    assert ping.client.wait(request).tokens.subject == "alice"


def test_a_stranger_fills_no_log(ping: World, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(40):
        ping.post(*ping.bank.ping(ping.auth_req_id, bearer="x" * 43))
    assert 10 <= len(caplog.records) <= 12
    headers, _ = ping.bank.ping(ping.auth_req_id)
    for _ in range(3):  # only the server can send these
        ping.post(headers, b"{}")
    assert len([line for line in caplog.records if "auth_req_id" in line.getMessage()]) == 3
    assert "x" * 43 not in caplog.text
