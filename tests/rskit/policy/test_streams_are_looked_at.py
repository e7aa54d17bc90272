"""A stream under a token that its server was asked about is asked about again, idle or not, in every skin."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import asgi_mw
import rskit.policy.stream
import wsgi_mw
from asgi_mw.stream import TokenEnded
from fapikit import errors as e
from fapikit.flow import Flow
from rskit import IntrospectionLimits, ResourceServer
from rskit.access import Access
from rskit.policy.checked_request import KEY, CheckedRequest
from rskit.revocation import Denylist
from tests.clocks import NOW, FrozenClock
from tests.hands import Hand
from tests.rskit.introspecting import JWKS, METADATA, OPAQUE, asking, says
from tests.rskit.mothers import ISSUER, a_server, a_token, a_view, allowed, an_issuer
from tests.rskit.streams import a_running_clock, a_scope, a_websocket, run


class HandDriver:
    def __init__(self, hand: Hand) -> None:
        self._hand = hand

    async def run(self, flow: Flow[Any]) -> Any:
        return self._hand.run(flow)


class SyncHandDriver:
    def __init__(self, hand: Hand) -> None:
        self.run = hand.run


def a_server_of(hand: Hand, **settings: Any) -> ResourceServer:
    server = a_server(**{"issuers": [asking()], **settings})
    server.async_driver = HandDriver(hand)  # type: ignore[assignment]
    server.sync_driver = SyncHandDriver(hand)  # type: ignore[assignment]
    return server


ENDLESS = says(exp=None)


def bodies(
    server: ResourceServer, clock: FrozenClock, pauses: list[float], token: str = OPAQUE
) -> list[bytes]:
    """What reaches the client of an event stream that pauses before each further message."""

    async def events(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"0", "more_body": True})
        with contextlib.suppress(TokenEnded):
            for number, pause in enumerate(pauses, 1):
                clock.advance(pause)
                await send({"type": "http.response.body", "body": b"%d" % number, "more_body": True})

    return [m["body"] for m in run(events, a_scope("http", token), server) if "body" in m]


@pytest.mark.spec("FAPI2-SP 5.3.4-3")
def test_a_stream_without_an_end_is_asked_about_as_often_as_requests_are():
    clock, hand = FrozenClock(), Hand(METADATA, ENDLESS, ENDLESS, says(active=False))
    server = a_server_of(hand, clock=clock)
    assert bodies(server, clock, [59, 1, 59, 1]) == [b"0", b"1", b"2", b"3", b""]
    assert len(hand.requests) == 4  # metadata, the request, and twice after a minute


ENDINGS: dict[str, Any] = {
    "revoked": says(active=False),
    "a scope less": says(exp=None, scope=""),
    "bound otherwise": says(exp=None, cnf={"jkt": "A" * 43}),
    "other details": says(exp=None, authorization_details=[{"type": "a"}]),
    "nobody answers": e.Unreachable("no answer"),
}


@pytest.mark.parametrize("how", ENDINGS)
def test_a_stream_ends_with_what_it_was_let_through_for(how: str):
    clock = FrozenClock()
    server = a_server_of(Hand(METADATA, ENDLESS, ENDINGS[how]), clock=clock)
    assert bodies(server, clock, [60]) == [b"0", b""]


def test_more_scopes_than_before_end_no_stream():
    clock = FrozenClock()
    server = a_server_of(Hand(METADATA, ENDLESS, says(exp=None, scope="accounts more")), clock=clock)
    assert bodies(server, clock, [60]) == [b"0", b"1"]


def test_a_stream_knows_its_token_as_it_was_last_seen():
    clock = FrozenClock()
    server = a_server_of(Hand(METADATA, ENDLESS, says(exp=None, scope="accounts more")), clock=clock)
    seen: list[str] = []

    async def events(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for pause in (0, 60):
            clock.advance(pause)
            await send({"type": "http.response.body", "body": b"", "more_body": True})
            seen.append(scope[KEY].token.scope)

    run(events, a_scope("http", OPAQUE), server)
    assert seen == ["accounts", "accounts more"]


def test_a_look_that_ends_after_the_app_changes_nothing_any_more():
    server = a_server(denylist=Denylist())

    class Slow:
        def __init__(self) -> None:
            self.asked, self.answer, self.times = asyncio.Event(), asyncio.Event(), 0

        async def run(self, flow: Flow[Any]) -> bool:
            flow.close()
            self.times += 1
            self.asked.set()
            await self.answer.wait()
            return True

    async def go() -> tuple[list[str], int]:
        sent: list[str] = []
        slow = Slow()
        server.async_driver = slow  # type: ignore[assignment]
        server._tokens.believed = lambda *_: None  # type: ignore[method-assign]

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"", "more_body": True})
            await slow.asked.wait()

        async def send(message: dict[str, Any]) -> None:
            sent.append(message["type"])

        await asgi_mw.Protect(app, server)(a_scope(), asyncio.Event().wait, send)  # type: ignore[arg-type]
        slow.answer.set()
        for _ in range(20):
            await asyncio.sleep(0)
        return sent, slow.times

    assert asyncio.run(go()) == (["http.response.start", "http.response.body"], 1)


def test_the_end_of_a_stream_is_in_the_trace(caplog: pytest.LogCaptureFixture):
    clock = FrozenClock()
    server = a_server_of(Hand(METADATA, ENDLESS, says(active=False)), clock=clock)
    caplog.set_level("INFO", "rskit")
    bodies(server, clock, [60])
    assert "refused: 401 InactiveToken" in caplog.text


def test_an_idle_websocket_is_looked_at_too_and_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rskit.policy.stream, "SHORTEST_BELIEF", 0.05)
    hand = Hand(METADATA, ENDLESS, ENDLESS, says(active=False))
    limits = IntrospectionLimits(positive=0.05)
    server = a_server_of(hand, issuers=[asking(limits=limits)], clock=a_running_clock())
    sent = run(a_websocket, a_scope("websocket", OPAQUE), server)
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]


def test_a_look_that_breaks_ends_the_stream():
    """An error of our own is no reason to let a stream go on unwatched."""

    def broken(request: Any) -> Any:
        raise RuntimeError("a bug")

    issuer = asking(limits=IntrospectionLimits(positive=0.05))
    server = a_server_of(Hand(METADATA, ENDLESS, broken), issuers=[issuer], clock=a_running_clock())
    sent = run(a_websocket, a_scope("websocket", OPAQUE), server)
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]


def test_an_idle_stream_under_a_token_of_a_month_learns_of_its_revocation(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rskit.policy.stream, "LONGEST_WAIT", 0.05)
    clock = a_running_clock()
    denylist = Denylist(clock=clock)
    server = a_server(clock=clock, denylist=denylist)

    async def revoked_meanwhile(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        denylist.revoke(ISSUER, subject="alice", until=NOW + 40 * 86_400)
        assert (await receive())["type"] == "websocket.disconnect"

    sent = run(revoked_meanwhile, a_scope("websocket", a_token(exp=int(NOW) + 30 * 86_400)), server)
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]


def test_a_stream_ends_at_the_greatest_age_of_its_token():
    clock = FrozenClock()
    server = a_server_of(Hand(), issuers=[an_issuer(max_token_age=60)], clock=clock)
    token = a_token(iat=int(NOW), exp=int(NOW) + 3600)
    assert bodies(server, clock, [89, 2], token) == [b"0", b"1", b""]


def test_a_token_that_was_asked_about_is_not_taken_on_its_signature_later():
    """With local_jwts only routes with `fresh=True` ask: their streams go on asking."""
    clock = FrozenClock()
    issuer = asking(local_jwts=True)
    hand = Hand(METADATA, JWKS, says(), says(active=False))
    server = a_server_of(hand, issuers=[issuer], clock=clock)
    view = a_view(f"Bearer {a_token()}")
    fresh = hand.run(
        CheckedRequest(server, view, allowed(server, view, hand)).require_fresh(Access(fresh=True))
    )
    watch = server.watch(view, fresh)
    assert (watch.due, watch.wait) == (False, 60)
    clock.advance(60)
    allowed(server, view, hand)  # another request of it, verified here
    assert server.watch(view, fresh).due
    assert hand.run(watch.goes_on()) is False


def test_what_another_request_was_answered_serves_a_stream_too():
    clock, hand = FrozenClock(), Hand(METADATA, says(), says())
    server, view = a_server_of(hand, clock=clock), a_view(f"Bearer {OPAQUE}")
    watch = server.watch(view, allowed(server, view, hand))
    clock.advance(60)
    allowed(server, view, hand)
    assert hand.run(watch.goes_on()) is True


def test_a_stream_whose_token_is_no_longer_remembered_looks_at_once():
    server, view = a_server(issuers=[asking(local_jwts=True)]), a_view(f"Bearer {a_token()}")
    token = allowed(server, view, Hand(METADATA, JWKS))
    assert not server.watch(view, token).due
    server.forget(view.authorization[0].partition(" ")[2])
    watch = server.watch(view, token)
    assert (watch.due, watch.wait) == (True, 0)
    assert Hand().run(watch.goes_on())
    assert not watch.due


def test_a_stream_asks_every_five_seconds_at_most():
    clock, hand = FrozenClock(), Hand(METADATA, *[ENDLESS] * 3)
    server = a_server_of(hand, issuers=[asking(limits=IntrospectionLimits(positive=0))], clock=clock)
    view = a_view(f"Bearer {OPAQUE}")
    watch = server.watch(view, allowed(server, view, hand))
    assert hand.run(watch.goes_on())
    assert (watch.due, watch.wait) == (False, 5)
    clock.advance(5)
    assert hand.run(watch.goes_on())
    assert len(hand.requests) == 4


def test_under_wsgi_a_stream_is_looked_at_between_chunks():
    clock = FrozenClock()
    server = a_server_of(Hand(METADATA, ENDLESS, ENDLESS, says(active=False)), clock=clock)

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        start_response("200 OK", [("content-type", "text/event-stream")])
        for number in range(9):
            yield b"%d" % number
            clock.advance(60)

    environ = {"REQUEST_METHOD": "GET", "RAW_URI": "/feed", "HTTP_AUTHORIZATION": f"Bearer {OPAQUE}"}
    assert list(wsgi_mw.Protect(app, server)(environ, lambda *_: None)) == [b"0", b"1"]
