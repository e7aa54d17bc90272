"""A transmitter posts to an API over a socket, through either middleware: what is taken, and each refusal."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from werkzeug.serving import make_server

import asgi_mw
import wsgi_mw
from fapikit import MemoryStore
from fapikit.errors import StoreUnavailable
from fapikit.jose.key_set import KeySet
from fapikit.signals import receiver as receiving
from fapikit.signals.event_budget import EventBudget
from fapikit.signals.security_event import read_security_event
from fapikit.stores.protocol import Store
from rskit import Denylist, Issuer, ResourceServer, SignalReceiver
from tests.clocks import NOW, FrozenClock
from tests.keys import a_key
from tests.mothers.signals import ALICE, AUTHORIZATION, BANK, KEY, a_transmitter, an_event
from tests.rskit.live.running import uvicorn_at
from tests.rskit.mothers import RESOURCE, a_token
from tests.rskit.skins import flask_app, starlette_app

RULES = {"/accounts": {}}


class Process:
    """The API as one process, at `url`."""

    def __init__(self, url: str, store: Store) -> None:
        self.url = url
        self.store = store

    def push(self, token: str, **changes: Any) -> httpx.Response:
        headers = {"authorization": AUTHORIZATION, "content-type": "application/secevent+jwt"}
        headers |= changes.pop("headers", {})
        kept = {name: value for name, value in headers.items() if value}
        return httpx.post(f"{self.url}/security-events", content=token, headers=kept, **changes)

    def status(self, token: str) -> int:
        return httpx.get(f"{self.url}/accounts", headers={"authorization": f"Bearer {token}"}).status_code


@contextmanager
def process(skin: str, store: Store, clock: FrozenClock, **transmitter: Any) -> Iterator[Process]:
    denylist = Denylist(clock=clock)
    issuer = Issuer(BANK, keys=KeySet([a_key("ES256", 1).public_key]))
    server = ResourceServer(
        resource=RESOURCE, issuers=[issuer], denylist=denylist, store=MemoryStore(clock=clock), clock=clock
    )
    receiver = SignalReceiver(
        a_transmitter(**transmitter), denylist=denylist, store=store, token_lifetime=600, clock=clock
    )
    if skin == "asgi":
        app = asgi_mw.ReceiveEvents(asgi_mw.Protect(starlette_app(RULES), server), receiver)
        with uvicorn_at(app) as url:
            yield Process(url, store)
        return
    api = wsgi_mw.ReceiveEvents(wsgi_mw.Protect(flask_app(RULES).wsgi_app, server), receiver)
    serving = make_server("127.0.0.1", 0, api, threaded=True)
    thread = threading.Thread(target=serving.serve_forever, daemon=True)
    thread.start()
    try:
        yield Process(f"http://127.0.0.1:{serving.server_port}", store)
    finally:
        serving.shutdown()
        thread.join()
        receiver.close()


CLOCK = FrozenClock()


@pytest.fixture(scope="module", params=["asgi", "wsgi"])
def skin(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def api(skin: str) -> Iterator[Process]:
    """Each test has a session of its own."""
    with process(skin, MemoryStore(clock=CLOCK), CLOCK) as running:
        yield running


@pytest.fixture
def sid(request: pytest.FixtureRequest) -> str:
    return str(request.node.name)


def of(sid: str) -> dict[str, Any]:
    return {"format": "complex", "user": ALICE, "session": {"format": "opaque", "id": sid}}


def within_seconds(done: Callable[[], bool], seconds: float = 10) -> None:
    waiting = threading.Event()
    for _ in range(int(seconds * 20)):
        if done():
            return
        waiting.wait(0.05)
    raise AssertionError(f"not within {seconds} s")


@pytest.mark.spec("RFC 8935 2.1", "RFC 8935 2.2", "CAEP 3.1", "FAPI2-SP 5.3.4-3")
def test_a_session_ends_within_one_push(api: Process, sid: str) -> None:
    token, other = a_token(sid=sid), a_token(sid="another")
    assert (api.status(token), api.status(other)) == (200, 200)
    taken = api.push(an_event(jti=sid, sub_id=of(sid)))
    assert (taken.status_code, taken.content) == (202, b"")
    assert (api.status(token), api.status(other)) == (401, 200)
    assert api.push(an_event(jti=sid, sub_id=of(sid))).status_code == 202, "a repeated event is taken"


@pytest.mark.spec("FAPI2-SP 5.3.4-3")
def test_every_process_of_the_api_learns_of_it(skin: str, api: Process, sid: str) -> None:
    token = a_token(sid=sid)
    with process(skin, api.store, CLOCK) as second:
        assert second.status(token) == 200
        api.push(an_event(sub_id=of(sid)))
        within_seconds(lambda: second.status(token) == 401)
    with process(skin, api.store, CLOCK) as started_later:
        within_seconds(lambda: started_later.status(token) == 401)


REFUSED: dict[str, tuple[dict[str, Any], dict[str, str], str, str]] = {
    # what changes in the event, in the headers, `err`, and what `description` names
    "no authorization": ({}, {"authorization": ""}, "authentication_failed", "Authorization"),
    "another authorization": ({}, {"authorization": "Bearer other"}, "authentication_failed", "Authorization"),
    "the secret under another scheme": (
        {}, {"authorization": AUTHORIZATION.replace("Bearer", "DPoP")}, "authentication_failed", "Authorization",
    ),
    "JSON": ({}, {"content-type": "application/json"}, "invalid_request", "application/secevent+jwt"),
    "no media type": ({}, {"content-type": ""}, "invalid_request", "application/secevent+jwt"),
    "another issuer": ({"iss": "https://other.example"}, {}, "invalid_issuer", "SSF 4.1.6"),
    "another receiver": ({"aud": "https://other.example"}, {}, "invalid_audience", "SSF 4.1.8"),
    "another key": ({"key": a_key("ES256", 2), "header": {"kid": KEY.kid}}, {}, "invalid_key", "RFC 8935 2.3"),
    "sub": ({"sub": "alice"}, {}, "invalid_request", "SSF 4.1.2"),
    "exp": ({"exp": int(NOW) + 9}, {}, "invalid_request", "SSF 4.1.7"),
    "an access token": ({"typ": "at+jwt"}, {}, "invalid_request", "SSF 4.1.1"),
}  # fmt: skip


@pytest.mark.spec("RFC 8935 2.3", "RFC 8935 2.4", "SSF 6.1")
@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_tells_the_transmitter_why(api: Process, sid: str, name: str) -> None:
    changes, headers, err, says = REFUSED[name]
    token = a_token(sid=sid)
    refused = api.push(an_event(**{"sub_id": of(sid), **changes}), headers=headers)
    assert refused.status_code == 400
    assert refused.headers["content-type"] == "application/json"
    assert refused.headers["content-language"] == "en"
    assert refused.json()["err"] == err
    assert says in refused.json()["description"]
    assert AUTHORIZATION not in refused.text
    assert api.status(token) == 200


@pytest.mark.spec("RFC 8935 2.4")
@pytest.mark.parametrize("body", ["", "nonsense", "é", "a.b.c", "x" * 60_000, "."], ids=lambda body: body[:9])
def test_what_is_no_event_is_refused(api: Process, body: str) -> None:
    refused = api.push(body)
    assert (refused.status_code, refused.json()["err"]) == (400, "invalid_request")


@pytest.mark.spec("RFC 9110 15.5.14")
def test_what_is_too_long_is_not_read(api: Process) -> None:
    assert api.push("x" * 70_000).status_code == 413


def test_other_methods_and_paths_are_not_its_own(api: Process) -> None:
    assert httpx.get(f"{api.url}/security-events").status_code == 405
    assert httpx.get(f"{api.url}/security-events/more").status_code == 401, "Protect answers"


@pytest.mark.spec("RFC 8936 2.4")
def test_an_event_that_cannot_be_kept_is_not_taken(
    api: Process, sid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object) -> bool:
        raise StoreUnavailable("the store is down")

    async def adown(*_: object) -> bool:
        raise StoreUnavailable("the store is down")

    with monkeypatch.context() as broken:
        broken.setattr(api.store, "add", down)
        broken.setattr(api.store, "aadd", adown)
        refused = api.push(an_event(jti=sid, sub_id=of(sid)))
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert api.status(a_token(sid=sid)) == 200
    assert api.push(an_event(jti=sid, sub_id=of(sid))).status_code == 202
    assert api.status(a_token(sid=sid)) == 401


def test_strangers_fill_no_log(skin: str, caplog: pytest.LogCaptureFixture) -> None:
    with process(skin, MemoryStore(clock=CLOCK), CLOCK) as api:
        for _ in range(30):
            api.push(an_event(), headers={"authorization": "Bearer other"})
    assert caplog.text.count("a pushed event was refused") == 10


def test_strangers_who_name_keys_that_nobody_knows_fill_no_log_either(
    skin: str, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = {"keys": None, "jwks_uri": "http://127.0.0.1:9/jwks", "push_authorization": None}
    with process(skin, MemoryStore(clock=CLOCK), CLOCK, **nowhere) as api:
        statuses = {api.push(an_event(header={"kid": f"made-up-{n}"})).status_code for n in range(30)}
    assert statuses == {503}
    assert caplog.text.count("an event cannot be taken now") == 10


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The tokens whose signatures were checked."""
    tokens: list[object] = []

    def counting(token: Any, **how: Any) -> Any:
        tokens.append(token)
        return read_security_event(token, **how)

    monkeypatch.setattr(receiving, "read_security_event", counting)
    return tokens


@pytest.mark.spec("RFC 6585 4", "RFC 8935 2.2")
def test_a_transmitter_that_sends_too_much_waits_and_loses_nothing(
    skin: str, looked_at: list[object], caplog: pytest.LogCaptureFixture
) -> None:
    clock = FrozenClock()
    with process(skin, MemoryStore(clock=clock), clock, budget=EventBudget(events=6)) as api:
        good = [an_event(jti=f"{n}", sub_id=of(f"s{n}")) for n in range(4)]
        assert [api.push(token).status_code for token in good] == [202] * 4
        statuses = [api.push(an_event(aud="other")).status_code for _ in range(2)]
        assert statuses == [400] * 2, "what is refused counts too: it comes from the transmitter"
        later = an_event(jti="later", sub_id=of("later"))
        token = a_token(sid="later")
        refused = [api.push(later) for _ in range(20)]
        assert {(each.status_code, each.headers["retry-after"]) for each in refused} == {(429, "10")}
        assert len(looked_at) == 6, "no signature is checked beyond the budget"
        assert api.push(later, headers={"authorization": "Bearer other"}).status_code == 400
        assert api.status(token) == 200
        clock.now += 10
        assert api.push(later).status_code == 202
        assert api.status(token) == 401
    assert caplog.text.count("are answered with 429") == 1


@pytest.mark.spec("RFC 6585 4")
def test_octets_count_as_well_as_events(skin: str, looked_at: list[object]) -> None:
    budget = EventBudget(octets=64 * 1024)
    with process(skin, MemoryStore(clock=CLOCK), CLOCK, budget=budget) as api:
        long = an_event(padding="x" * 20_000)
        assert [api.push(long).status_code for _ in range(4)] == [202, 202, 429, 429]
        assert api.push(an_event()).status_code == 202, "there is room for a short one"
        assert len(looked_at) == 3


def test_a_stranger_does_not_use_up_the_budget_of_a_transmitter_without_a_header(skin: str) -> None:
    settings: dict[str, Any] = {"push_authorization": None, "budget": EventBudget(events=3)}
    with process(skin, MemoryStore(clock=CLOCK), CLOCK, **settings) as api:
        forged = an_event(key=a_key("ES256", 2), header={"kid": KEY.kid})
        assert {api.push(forged).status_code for _ in range(10)} == {400}
        overheard = an_event(jti="overheard")
        assert {api.push(overheard).status_code for _ in range(10)} == {202}
        new = [api.push(an_event(jti=f"new{n}")).status_code for n in range(3)]
        assert new == [202, 202, 429]
