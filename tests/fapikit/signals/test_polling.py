"""Polls: what is asked, what is acknowledged and when, and what a transmitter may answer."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from fapikit import MemoryStore
from fapikit import errors as e
from fapikit.flow import Call, Sleep, Store
from fapikit.io import AsyncDriver, SyncDriver
from fapikit.signals.event_budget import EventBudget
from fapikit.signals.polling import Poller, Polling
from fapikit.signals.receiver import EventReceiver
from fapikit.signals.security_event import SecurityEvent
from tests.clocks import NOW, FrozenClock
from tests.mothers.signals import a_transmitter, an_event

ENDPOINT = "https://as.example/poll"


class Polled:
    """A transmitter that answers polls, and a receiver that polls it."""

    def __init__(self, *answers: Any, **transmitter: Any) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []
        self.connected = 0
        self.acted: list[SecurityEvent] = []
        self.failing: Exception | None = None
        self.clock = clock = FrozenClock()
        self.receiver = EventReceiver(
            a_transmitter(**transmitter),
            store=MemoryStore(clock=clock),
            name="us",
            act=self._act,
            clock=clock,
        )
        self.poller = Poller(self.receiver, Polling(endpoint=ENDPOINT, connect=self._connect, at_once=2))

    def _connect(self) -> httpx.Client:
        self.connected += 1
        return httpx.Client(transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        assert (request.method, str(request.url)) == ("POST", ENDPOINT)
        assert request.headers["content-type"] == "application/json"
        self.asked.append(json.loads(request.content))
        given = self.answers.pop(0)
        if isinstance(given, Exception):
            raise given
        return given if isinstance(given, httpx.Response) else httpx.Response(200, json=given)

    def _act(self, event: SecurityEvent) -> Any:
        if self.failing is not None:
            raise self.failing
        self.acted.append(event)
        return
        yield

    def drain(self) -> int:
        return SyncDriver().run(self.poller.drain())

    @property
    def heard(self) -> list[str]:
        return [event.jti for event in self.acted]


def sets(*jtis: str, more: bool = False) -> dict[str, Any]:
    return {"sets": {jti: an_event(jti=jti) for jti in jtis}, "moreAvailable": more}


NOTHING: dict[str, Any] = {"sets": {}}


@pytest.mark.spec("RFC 8936 2.2", "RFC 8936 2.4")
def test_each_poll_acknowledges_what_the_one_before_has_brought() -> None:
    polled = Polled(sets("1", "2", more=True), sets("3"), NOTHING)
    assert polled.drain() == 3
    assert polled.heard == ["1", "2", "3"]
    wish = {"maxEvents": 2, "returnImmediately": True}
    assert polled.asked == [wish, {**wish, "ack": ["1", "2"]}, {**wish, "ack": ["3"]}]
    assert polled.connected == 1


@pytest.mark.spec("RFC 8936 2.4")
def test_an_acknowledgement_that_was_lost_is_sent_again() -> None:
    polled = Polled(sets("1"), httpx.ConnectError("down"), sets("1"), NOTHING)
    with pytest.raises(e.TransportError):
        polled.drain()
    assert polled.drain() == 0, "it is not new"
    assert [wish.get("ack") for wish in polled.asked] == [None, ["1"], ["1"], ["1"]]
    assert polled.heard == ["1"], "it came again, and is heard once"


@pytest.mark.spec("RFC 8936 2.2")
@pytest.mark.parametrize(
    ("token", "err", "says"),
    [
        (an_event(jti="1", iss="https://other.example"), "invalid_issuer", "SSF 4.1.6"),
        (an_event(jti="1", exp=int(NOW)), "invalid_request", "SSF 4.1.7"),
        (an_event(jti="2"), "invalid_request", "named by the jti"),
        ("nonsense", "invalid_request", "security event token"),
        (7, "invalid_request", "not a security event token"),
        (None, "invalid_request", "not a security event token"),
    ],
    ids=["issuer", "exp", "another jti", "nonsense", "number", "null"],
)
def test_what_is_not_good_is_refused_once(token: Any, err: str, says: str) -> None:
    polled = Polled({"sets": {"1": token}}, NOTHING)
    assert polled.drain() == 0
    refused = polled.asked[1]["setErrs"]
    assert refused["1"]["err"] == err
    assert says in refused["1"]["description"]
    assert "ack" not in polled.asked[1]


def test_what_cannot_be_decided_is_neither_acknowledged_nor_refused() -> None:
    polled = Polled(sets("1"), sets("1"), NOTHING)
    polled.failing = e.StoreUnavailable("down")
    assert polled.drain() == 0
    polled.failing = None
    assert polled.drain() == 1
    assert [(wish.get("ack"), wish.get("setErrs")) for wish in polled.asked] == [
        (None, None),
        (None, None),
        (["1"], None),
    ]


@pytest.mark.spec("RFC 8936 2.3")
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"sets": []}, e.MalformedMessage),
        ({"sets": "1"}, e.MalformedMessage),
        ([], e.MalformedMessage),
        (httpx.Response(200, content=b"{"), e.MalformedMessage),
        (httpx.Response(302, headers={"location": "https://other.example"}), e.UnexpectedRedirect),
        (httpx.Response(500), e.UnexpectedStatus),
        (httpx.Response(429, json={"error": "slow_down"}), e.PeerRefused),
        (httpx.Response(200, content=b"x" * 2_000_000), e.ResponseTooLarge),
    ],
    ids=str,
)
def test_an_answer_that_is_none(answer: Any, error: type[Exception]) -> None:
    polled = Polled(answer)
    with pytest.raises(error):
        polled.drain()
    assert polled.heard == []


@pytest.mark.parametrize("status", [401, 403])
def test_a_client_that_is_refused_is_made_anew(status: int) -> None:
    polled = Polled(httpx.Response(status), NOTHING)
    with pytest.raises(e.UnexpectedStatus):
        polled.drain()
    assert polled.drain() == 0
    assert polled.connected == 2


def test_a_client_that_can_no_longer_authorize_is_made_anew() -> None:
    polled = Polled(RuntimeError("the token has expired"), NOTHING)
    with pytest.raises(RuntimeError):
        polled.drain()
    assert polled.drain() == 0
    assert polled.connected == 2


def test_a_synchronous_client_does_not_stop_an_event_loop() -> None:
    polled = Polled(NOTHING)
    with pytest.raises(e.ConfigurationError, match="AsyncClient"):
        asyncio.run(AsyncDriver().run(polled.poller.drain()))
    assert polled.asked == []


def test_a_client_that_is_of_no_more_use_is_closed() -> None:
    polled = Polled(NOTHING)
    polled.drain()
    client = polled.poller._client
    SyncDriver().run(polled.poller.close())
    assert client.is_closed
    SyncDriver().run(polled.poller.keep_polling())  # which ends at once


def test_a_transmitter_that_sends_the_same_for_ever_does_not_keep_us() -> None:
    polled = Polled(*[sets("1", more=True)] * 10)
    assert polled.drain() == 1
    assert len(polled.asked) == 3
    endless = Polled(*[{"sets": {"1": "nonsense"}, "moreAvailable": True}] * 10)
    assert endless.drain() == 0
    assert len(endless.asked) == 2


@pytest.mark.spec("RFC 8936 2.3")
def test_an_empty_answer_that_says_there_is_more_is_asked_again_a_few_times() -> None:
    empty = {"sets": {}, "moreAvailable": True}
    polled = Polled(empty, sets("1"), NOTHING)
    assert polled.drain() == 1
    endless = Polled(*[empty] * 20)
    assert endless.drain() == 0
    assert len(endless.asked) == 11


def test_a_transmitter_that_sends_more_than_was_asked_for_does_not_fill_us() -> None:
    polled = Polled(sets("1", "2", "3"), NOTHING)
    polled.drain()
    assert polled.heard == ["1", "2"]


@pytest.mark.spec("RFC 6585 4", "RFC 8936 2.4")
def test_a_transmitter_that_never_ends_is_left_when_its_budget_is_used_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    budget = EventBudget(events=5)
    polled = Polled(*(sets(f"{n}", f"{n + 1}", more=True) for n in range(0, 20, 2)), budget=budget)
    assert polled.drain() == 5
    assert len(polled.asked) == 3, "the sixth event came, and was not looked at"
    assert polled.drain() == 0, "nothing more is taken before there is room"
    assert polled.asked[3]["ack"] == ["4"], "what was taken is acknowledged, what was not comes again"
    assert "setErrs" not in polled.asked[3]
    polled.clock.now += 12
    assert polled.drain() == 1
    assert caplog.text.count("are fetched later") == 3


@pytest.mark.parametrize(
    ("budget", "says"), [({"events": 0}, "events"), ({"octets": 1000}, "octets")], ids=str
)
def test_a_budget_without_room_for_one_event_is_refused(budget: dict[str, int], says: str) -> None:
    with pytest.raises(e.ConfigurationError, match=says):
        EventBudget(**budget)


def sleeps(flow: Any) -> Iterator[float]:
    """Runs the flow by hand: the seconds of each sleep, which passes at once."""
    effect: Any = next(flow)
    while True:
        perform: Callable[[], Any]
        match effect:
            case Sleep(seconds):
                yield seconds
                perform = lambda: False  # noqa: E731
            case Call(function, arguments):
                perform = lambda f=function, a=arguments: f(*a)  # type: ignore[misc]  # noqa: E731
            case Store(store, operation, arguments):
                perform = lambda s=store, o=operation, a=arguments: getattr(s, o)(*a)  # type: ignore[misc]  # noqa: E731
            case _:
                raise AssertionError(effect)
        try:
            result = perform()
        except Exception as error:
            effect = flow.throw(error)
        else:
            effect = flow.send(result)


def test_polling_goes_on_after_every_failure(caplog: pytest.LogCaptureFixture) -> None:
    empty = {"sets": {}, "moreAvailable": True}
    polled = Polled(httpx.ConnectError("down"), RuntimeError("Bearer secret"), sets("1"), empty)
    flow = polled.poller.keep_polling()
    slept = list(itertools.islice(sleeps(flow), 3))
    flow.close()
    assert polled.heard == ["1"]
    assert slept == [2.0, 4.0, 2.0]
    assert "secret" not in caplog.text
    assert all(wish["returnImmediately"] is False for wish in polled.asked)


def test_polling_waits_until_there_is_room_in_the_budget() -> None:
    polled = Polled(sets("1", "2", more=True), sets("3", "4"), budget=EventBudget(events=3))
    flow = polled.poller.keep_polling()
    assert next(sleeps(flow)) == 20.0, "a third of the minute, though something new came"
    flow.close()
    assert polled.heard == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"endpoint": "http://as.example/poll"}, "endpoint"),
        ({"at_once": 0}, "at_once"),
        ({"at_once": 101}, "at_once"),
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], says: str) -> None:
    given: dict[str, Any] = {"endpoint": ENDPOINT, "connect": httpx.Client, **settings}
    with pytest.raises(e.ConfigurationError, match=says):
        Polling(**given)
