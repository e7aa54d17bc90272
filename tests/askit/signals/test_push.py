"""Events reach a receiver that is slow, down, or refuses; another process takes over; and a queue has its bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest

from askit import AuthorizationServer
from askit.clients.keys import NotPublic, PublicHttp
from askit.config.settings import Config
from askit.decoupled.due_notices import LONGEST_PAUSE, OVERDUE_AFTER
from askit.endpoints import event_stream_state
from askit.records import AccessToken, Session
from askit.signals import push
from askit.signals.announce import announce
from askit.signals.happened import ClientEnded, SessionEnded, TokenEnded
from askit.signals.queue import EventQueue
from askit.signals.streams import EventStream, add_stream, find_stream
from fapikit import HttpSettings, MemoryStore
from fapikit.errors import ConfigurationError, StoreUnavailable
from fapikit.signals.event_types import POLL, PUSH
from tests.clocks import FrozenClock
from tests.keys import claims_of

pytestmark = pytest.mark.anyio

API = "https://api.example.test/"
ENDPOINT = "https://api.example.test/events"
MAPPING: dict[str, Any] = {
    "issuer": "https://bank.example.test",
    "profile": "oauth-2.1",
    "development_only": True,
    "clients": [
        {"client_id": "api", "client_secret": "s" * 43, "grant_types": ["client_credentials"]},
        {"client_id": "other", "client_secret": "s" * 43, "grant_types": ["client_credentials"]},
    ],
    "resources": [{"uri": API, "scopes": ["accounts"]}],
    "shared_signals": {"receivers": [{"client_id": "api", "resources": [API]}], "longest_queue": 200},
}


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push, "PAUSES", (0.0,))


@dataclass
class Told:
    """What was posted to the receiver. `answer` may refuse, or fail."""

    clock: FrozenClock = field(default_factory=FrozenClock)
    answer: Callable[[httpx.Request], httpx.Response] = lambda _: httpx.Response(202)
    requests: list[httpx.Request] = field(default_factory=list)
    changes: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store = MemoryStore(clock=self.clock)
        self.server = self.process()

    def process(self) -> AuthorizationServer:
        """One more, at the same store."""
        http = HttpSettings(async_client=httpx.AsyncClient(transport=httpx.MockTransport(self._hear)))
        config = Config.from_mapping({**MAPPING, **self.changes})
        return AuthorizationServer(config, store=self.store, http=http, clock=self.clock)

    def _hear(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.answer(request)

    @property
    def heard(self) -> list[str]:
        """The tokens whose end was told."""
        return [claims_of(request.content.decode())["sub_id"]["jti"] for request in self.requests]

    async def stream(self, method: str = PUSH) -> EventStream:
        stream = EventStream(
            stream_id="stream",
            client_id="api",
            method=method,
            endpoint_url=ENDPOINT if method == PUSH else "",
            authorization_header="Bearer x" if method == PUSH else "",
        )
        assert await add_stream(self.server.core, stream)
        return stream

    async def ends(self, *jtis: str, dies: bool = False) -> None:
        """Tokens end. `dies`: the process, before it has told anybody."""
        for jti in jtis:
            announced = await announce(self.server.core, TokenEnded(token=a_token(jti)))
            if not dies:
                await announced.deliver()
        await settled()

    async def set_status(self, status: str) -> None:
        """As its receiver does."""
        transport = httpx.ASGITransport(app=self.server)
        async with httpx.AsyncClient(transport=transport, base_url=MAPPING["issuer"]) as http:
            form = {"grant_type": "client_credentials", "scope": "ssf.manage"}
            token = (await http.post("/token", data=form, auth=("api", "s" * 43))).json()["access_token"]
            members = {"stream_id": "stream", "status": status}
            url = (await http.get("/.well-known/ssf-configuration")).json()["status_endpoint"]
            answer = await http.post(url, json=members, headers={"authorization": f"Bearer {token}"})
            assert answer.status_code == 200, answer.text

    async def found(self) -> EventStream:
        stream = await find_stream(self.server.core, "api")
        assert stream is not None
        return stream

    async def waiting(self) -> list[str]:
        settings = self.server.config.shared_signals
        assert settings is not None
        found, _ = await EventQueue(self.server.core, settings, await self.found()).first(400)
        return [claims["sub_id"]["jti"] for claims in found]

    async def applications(self) -> list[str | None]:
        """The clients of whose end the receiver is to hear; None: an event about something else waits there."""
        settings = self.server.config.shared_signals
        assert settings is not None
        found, _ = await EventQueue(self.server.core, settings, await self.found()).first(400)
        return [claims["sub_id"].get("application", {}).get("id") for claims in found]

    async def later(self, seconds: float = OVERDUE_AFTER + 1) -> list[str]:
        """What is told by a process that starts so many seconds later."""
        self.clock.advance(seconds)
        del self.requests[:]
        due = self.process().core.due_notices
        await due.start()
        await settled()
        await due.stop()
        return self.heard


@pytest.mark.spec("RFC 6585 4")
async def test_a_receiver_that_asks_for_time_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    def sleeping(seconds: float) -> Any:
        slept.append(seconds)
        return
        yield

    monkeypatch.setattr(push, "PAUSES", (0.0, 1.0, 5.0))
    monkeypatch.setattr(push, "sleep", sleeping)
    answers = [
        httpx.Response(429, headers={"retry-after": "9"}),
        httpx.Response(429, headers={"retry-after": "86400"}),
        httpx.Response(202),
    ]
    told = Told(answer=lambda _: answers.pop(0))
    await told.stream()
    await told.ends("t1")
    assert (len(told.heard), slept) == (3, [9.0, 60.0]), "no receiver holds a process for a day"


async def settled() -> None:
    """Until nothing runs any more but this."""
    for _ in range(400):
        await asyncio.sleep(0)
    await asyncio.sleep(0.05)
    for _ in range(400):
        await asyncio.sleep(0)


def a_token(jti: str, audience: str = API) -> AccessToken:
    return AccessToken(
        jti=jti, client_id="fintech", sub="alice", scopes=(), audience=audience, issued_at=0, expires_at=1
    )


def answering(status: int) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: httpx.Response(status)


@pytest.mark.spec("RFC 8935 2.1", "SSF 6.1", "RFC 8417 2.2")
async def test_an_event_is_posted_as_its_stream_says() -> None:
    told = Told()
    await told.stream()
    await told.ends("t1")
    (request,) = told.requests
    assert (request.method, str(request.url)) == ("POST", ENDPOINT)
    assert request.headers["content-type"] == "application/secevent+jwt"
    assert request.headers["accept"] == "application/json"
    assert request.headers["authorization"] == "Bearer x"
    assert await told.waiting() == []
    assert await told.later() == []


@pytest.mark.spec("RFC 8935 2.2", "RFC 8935 2.3")
async def test_what_a_receiver_refuses_goes_and_what_follows_comes(caplog: pytest.LogCaptureFixture) -> None:
    told = Told()
    await told.stream()
    told.answer = answering(400)
    await told.ends("t1")
    assert "api refused the event" in caplog.text
    told.answer = answering(202)
    await told.ends("t2")
    assert told.heard == ["t1", "t2"]
    assert await told.waiting() == []


def unreachable(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("down")


@pytest.mark.spec("RFC 8935 2.4", "SSF 8.1.2")
@pytest.mark.parametrize(
    "answer",
    [*map(answering, (301, 401, 403, 404, 429, 500, 503)), unreachable],
    ids=["301", "401", "403", "404", "429", "500", "503", "unreachable"],
)
async def test_what_a_receiver_does_not_take_waits_in_its_order(answer: Any) -> None:
    told = Told()
    await told.stream()
    told.answer = answer
    await told.ends("t1", "t2")
    assert "t2" not in told.heard, "not before the first"
    assert await told.waiting() == ["t1", "t2"]
    told.answer = answering(202)
    assert await told.later() == ["t1", "t2"]
    assert await told.waiting() == []
    assert await told.later() == []


@pytest.mark.spec("SSF 8.1.2")
@pytest.mark.parametrize("dies", [False, True])
async def test_a_paused_stream_is_pushed_when_it_is_enabled_whoever_dies(
    monkeypatch: pytest.MonkeyPatch, dies: bool
) -> None:
    told = Told()
    await told.stream()
    await told.set_status("paused")
    await told.ends("t1", "t2")
    assert told.heard == []
    assert await told.later() == []
    if dies:
        monkeypatch.setattr(event_stream_state, "begin_push", nothing)
    await told.set_status("enabled")
    await settled()
    assert told.heard == ([] if dies else ["t1", "t2"])
    assert await told.later() == (["t1", "t2"] if dies else [])
    assert await told.waiting() == []


async def nothing(*_: object) -> None:
    """What a process does that has died."""


async def test_it_is_tried_again_in_the_same_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push, "PAUSES", (0.0, 0.001, 0.001))
    answers = iter([503, 503, 202])
    told = Told()
    told.answer = lambda _: httpx.Response(next(answers))
    await told.stream()
    await told.ends("t1")
    assert told.heard == ["t1"] * 3
    assert len({claims_of(request.content.decode())["jti"] for request in told.requests}) == 1


async def test_another_process_tells_what_one_that_died_did_not() -> None:
    told = Told()
    await told.stream()
    await told.ends("t1", dies=True)
    assert told.heard == []
    assert await told.later(OVERDUE_AFTER - 1) == [], "its own process may still be at it"
    assert await told.later(2) == ["t1"]
    assert await told.later() == []


async def test_a_receiver_that_is_away_for_days_gets_all_of_it() -> None:
    """A CIBA notice would have been given up."""
    told = Told()
    await told.stream()
    told.answer = answering(503)
    await told.ends("t1")
    for _ in range(20):
        assert await told.later(LONGEST_PAUSE + 1) == ["t1"]
    told.clock.advance(3 * 86_400)
    told.answer = answering(202)
    assert await told.later() == ["t1"]


async def test_an_event_is_kept_for_a_limited_time() -> None:
    told = Told()
    await told.stream()
    await told.ends("t1", dies=True)
    told.clock.advance(8 * 86_400)
    assert await told.waiting() == []
    assert await told.later() == []


@pytest.mark.spec("SSF 8.1.5")
async def test_of_a_full_queue_the_oldest_goes_and_the_receiver_learns_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told = Told()
    await told.stream(POLL)
    names = [f"client-{number}" for number in range(210)]
    for name in names:
        await announce(told.server.core, ClientEnded(client_id=name, registered_from=name))
    first, *others = await told.applications()
    assert first is None, "an event about the stream, in place of the first one that was lost"
    assert others == names[10:]
    assert caplog.text.count("an event is lost") == 1


async def test_whoever_finds_a_queue_full_loses_what_is_their_own() -> None:
    told = Told()
    await told.stream(POLL)
    names = [f"client-{number}" for number in range(199)]
    for name in names:
        await announce(told.server.core, ClientEnded(client_id=name, registered_from=name))
    for session_id in ("s1", "s2"):
        session = Session(session_id=session_id, username="alice", auth_time=0, acr="1", expires_at=1)
        await announce(told.server.core, SessionEnded(session=session, clients=()))
    assert await told.applications() == [*names, None, None], "an event about the stream is where s1 was"
    await announce(told.server.core, ClientEnded(client_id="another", registered_from="another"))
    assert (await told.applications())[0] == "client-1", "who has nothing there takes the place of the oldest"


async def test_a_client_that_ends_its_tokens_pushes_nothing_else_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told = Told()
    stream = await told.stream(POLL)
    await announce(told.server.core, ClientEnded(client_id="first", registered_from="first"))
    await told.ends(*(f"t{number}" for number in range(30)))
    await announce(told.server.core, ClientEnded(client_id="last", registered_from="last"))
    loss, share = 1, 20
    assert await told.applications() == ["first", *[None] * (loss + share), "last"]
    assert caplog.text.count("an event is lost") == 1
    for client in range(20):
        for number in range(10):
            token = replace(a_token(f"{client}-{number}"), client_id=f"c{client}")
            await announce(told.server.core, TokenEnded(token=token))
    assert len(await told.applications()) == 100, (
        "the other half is not for the ends of tokens, whosever they are"
    )
    await announce(told.server.core, ClientEnded(client_id="after", registered_from="after"))
    assert (await told.applications())[-1] == "after"
    settings = told.server.config.shared_signals
    assert settings is not None
    queue = EventQueue(told.server.core, settings, stream)
    for claims in (await queue.first(400))[0]:
        await queue.remove([claims["jti"]])
    await told.ends("later")
    assert await told.waiting() == ["later"], "what was acknowledged takes no room"


async def test_what_cannot_be_kept_is_not_done(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told()
    await told.stream()

    async def down(*_: object, **__: object) -> bool:
        raise StoreUnavailable("down")

    monkeypatch.setattr(told.store, "aadd", down)
    with pytest.raises(StoreUnavailable):
        await told.ends("t1")


async def test_nothing_is_told_without_a_stream_and_of_another_api() -> None:
    told = Told()
    await told.ends("t1")
    await told.stream()
    await announce(told.server.core, TokenEnded(token=a_token("t2", "https://other.example.test/")))
    assert await told.waiting() == []


async def test_a_new_event_is_found_behind_many_that_have_ended() -> None:
    """Whoever looks for it looks at some of them at a time."""
    told = Told(changes={"shared_signals": {**MAPPING["shared_signals"], "longest_queue": 10_000}})
    await told.stream()
    for number in range(2_500):
        await announce(
            told.server.core, ClientEnded(client_id=f"client-{number}", registered_from=f"client-{number}")
        )
    told.clock.advance(8 * 86_400)
    await told.ends("new")
    assert told.heard == ["new"]
    assert await told.waiting() == []


async def test_a_long_gap_is_passed_over_once() -> None:
    told = Told(changes={"shared_signals": {**MAPPING["shared_signals"], "longest_queue": 1000}})
    await told.stream()
    await told.ends(*(f"t{number}" for number in range(100)))
    assert await told.waiting() == []
    looked: list[str] = []
    get = told.store.aget

    async def counting(key: str) -> bytes | None:
        looked.append(key)
        return await get(key)

    await told.waiting()
    told.store.aget = counting  # type: ignore[method-assign]
    await told.waiting()
    assert len(looked) < 40


@pytest.mark.spec("RFC 9700 4.11")
async def test_a_receiver_chooses_no_address_inside() -> None:
    """But the operator does, for one URL and for POST alone."""
    own = "https://localhost:1/events"
    receivers = [{"client_id": "api", "resources": [API], "push_endpoints": [own]}]
    changes = {**MAPPING, "development_only": False, "shared_signals": {"receivers": receivers}}
    server = AuthorizationServer(Config.from_mapping(changes), store=MemoryStore())
    http = server.core._driver._http
    assert isinstance(http, PublicHttp)
    async with http.make_async_client() as caller:
        for method, url in (("GET", own), ("POST", "https://localhost:1/other")):
            with pytest.raises(NotPublic):
                await caller.request(method, url)
        with pytest.raises(httpx.ConnectError) as reached:
            await caller.post(own)
        assert type(reached.value) is not NotPublic


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"receivers": []}, "receivers is empty"),
        ({"receivers": [{"client_id": "nobody"}]}, "'nobody', which is no client"),
        ({"receivers": [{"client_id": "api"}, {"client_id": "api"}]}, "'api' twice"),
        ({"receivers": [{"client_id": "api", "resources": ["https://x.example"]}]}, "no resource"),
        ({"receivers": [{"client_id": "api", "push_endpoints": ["http://x.example"]}]}, "no https URL"),
        ({"receivers": [{"client_id": "api", "other": 1}]}, "other"),
        ({"kept": 1}, "kept must be 60"),
        ({"kept": 14 * 86_400}, "kept must be 60"),
        ({"longest_queue": 1}, "longest_queue must be"),
        ({"verification_interval": 0.5}, "verification_interval must be"),
        ({"unknown": 1}, "unknown"),
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], says: str) -> None:
    given = {"receivers": [{"client_id": "api"}], **settings}
    with pytest.raises(ConfigurationError, match=says):
        Config.from_mapping({**MAPPING, "shared_signals": given})
