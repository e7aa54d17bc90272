"""A bank tells a fintech what has ended, over sockets: the application hears it once; what is not good is refused."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from typing import Any

import flask
import httpx
import pytest
from starlette.applications import Starlette
from werkzeug.serving import make_server

import rpkit
import rpkit.flask
import rpkit.starlette
from askit.pytest_plugin.hosts import Hosts
from fapikit import HttpSettings, MemoryStore, PrivateKeyJWT, Secret
from fapikit.errors import ConfigurationError, Unreachable
from fapikit.metadata import ServerMetadata
from fapikit.signals.event_budget import EventBudget
from fapikit.signals.event_types import CREDENTIAL_CHANGE, SESSION_REVOKED
from fapikit.signals.polling import Polling
from rpkit import Signal
from tests.askit.signals.bank import Bank, Browser, Receiver, a_bank, client_of, token_for
from tests.clocks import NOW, FrozenClock
from tests.keys import a_key
from tests.mothers.signals import ALICE, AUTHORIZATION, BANK, KEY, OF_SESSION, an_event
from tests.rskit.live.running import uvicorn_at

SKINS = ["starlette", "flask"]
PUBLISHED = {
    "issuer": BANK,
    "authorization_endpoint": f"{BANK}/authorize",
    "token_endpoint": f"{BANK}/token",
    "code_challenge_methods_supported": ["S256"],
}
FINTECH = "https://fintech.example/callback"


class Fintech:
    """An application at `url`. `told`: what its bank has told it. `failing`: it raises that instead."""

    def __init__(self) -> None:
        self.url = ""
        self.told: list[Signal] = []
        self.failing: Exception | None = None
        self.store = MemoryStore(clock=FrozenClock())

    def on_signal(self, signal: Signal) -> None:
        if self.failing is not None:
            raise self.failing
        self.told.append(signal)

    async def on_signal_async(self, signal: Signal) -> None:
        self.on_signal(signal)

    def push(self, token: str, **headers: str) -> httpx.Response:
        given = {"authorization": AUTHORIZATION, "content-type": "application/secevent+jwt", **headers}
        return httpx.post(f"{self.url}/security-events", content=token, headers=given)


@contextmanager
def running(fintech: Fintech, skin: str, connect: Any, **settings: Any) -> Iterator[Any]:
    """The application; yields its `SecurityEvents`."""
    given = {"push_authorization": Secret(AUTHORIZATION), **settings}
    if skin == "starlette":
        made: list[rpkit.AsyncClient] = []

        async def connect_async() -> rpkit.AsyncClient:
            made.append(connect(rpkit.AsyncClient))
            return made[-1]

        on_starlette = rpkit.starlette.SecurityEvents(
            connect_async, on_signal=fintech.on_signal_async, **given
        )

        @asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncIterator[None]:
            yield
            await on_starlette.aclose()
            for client in made:
                await client.aclose()

        with uvicorn_at(Starlette(routes=on_starlette.routes(), lifespan=lifespan)) as fintech.url:
            yield on_starlette
        return
    clients: list[rpkit.Client] = []

    def connect_sync() -> rpkit.Client:
        clients.append(connect(rpkit.Client))
        return clients[-1]

    on_flask = rpkit.flask.SecurityEvents(connect_sync, on_signal=fintech.on_signal, **given)
    app = flask.Flask("fintech")
    app.register_blueprint(on_flask.blueprint())
    serving = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=serving.serve_forever, daemon=True)
    thread.start()
    fintech.url = f"http://127.0.0.1:{serving.server_port}"
    try:
        yield on_flask
    finally:
        serving.shutdown()
        thread.join()
        on_flask.close()
        for client in clients:
            client.close()


def published(request: httpx.Request) -> httpx.Response:
    """What the bank publishes."""
    documents: dict[str, Any] = {
        f"{BANK}/.well-known/ssf-configuration": {"issuer": BANK, "jwks_uri": f"{BANK}/jwks"},
        f"{BANK}/jwks": {"keys": [dict(KEY.public_jwk)]},
    }
    return httpx.Response(200, json=documents[str(request.url)])


def connecting(made: Fintech) -> Callable[[Any], Any]:
    """A client of the bank, whose answers are `published`."""

    def connect(kind: Any) -> Any:
        transport = httpx.MockTransport(published)
        http = HttpSettings(
            client=httpx.Client(transport=transport), async_client=httpx.AsyncClient(transport=transport)
        )
        return kind(
            metadata=ServerMetadata(BANK, PUBLISHED),
            client_id="fintech",
            auth=PrivateKeyJWT(a_key("ES256", 7)),
            redirect_uri=FINTECH,
            profile="oauth-2.1",
            http=http,
            store=made.store,
            clock=FrozenClock(),
        )

    return connect


@pytest.fixture(scope="module", params=SKINS)
def fintech(request: pytest.FixtureRequest) -> Iterator[Fintech]:
    made = Fintech()
    with running(made, str(request.param), connecting(made)):
        yield made


@pytest.fixture(autouse=True)
def _nothing_told(request: pytest.FixtureRequest) -> None:
    if "fintech" in request.fixturenames:
        fintech: Fintech = request.getfixturevalue("fintech")
        del fintech.told[:]
        fintech.failing = None


def told_to_us(**changes: Any) -> str:
    return an_event(**{"aud": "fintech", **changes})


@pytest.mark.spec("RFC 8935 2.1", "RFC 8935 2.2", "RFC 8936 2.4", "CAEP 3.1")
def test_the_application_is_told_once(fintech: Fintech) -> None:
    token = told_to_us(members={"event_timestamp": int(NOW) - 5})
    assert [fintech.push(token).status_code for _ in range(2)] == [202, 202]
    (signal,) = fintech.told
    assert (signal.issuer, signal.subject, signal.session_id) == (BANK, "alice", "s1")
    assert (signal.types, signal.happened_at) == ({SESSION_REVOKED}, NOW - 5)
    assert (signal.client_id, signal.token_id) == (None, None)


REFUSED: dict[str, tuple[dict[str, Any], dict[str, str], str, str]] = {
    "another authorization": ({}, {"authorization": "Bearer other"}, "authentication_failed", "Authorization"),
    "JSON": ({}, {"content-type": "application/json"}, "invalid_request", "secevent+jwt"),
    "another receiver": ({"aud": "other"}, {}, "invalid_audience", "SSF 4.1.8"),
    "another issuer": ({"iss": "https://other.example"}, {}, "invalid_issuer", "SSF 4.1.6"),
    "another key": ({"key": a_key("ES256", 3), "header": {"kid": KEY.kid}}, {}, "invalid_key", "RFC 8935 2.3"),
    "a logout token": ({"typ": "logout+jwt"}, {}, "invalid_request", "SSF 4.1.1"),
    "sub": ({"sub": "alice"}, {}, "invalid_request", "SSF 4.1.2"),
    "exp": ({"exp": int(NOW)}, {}, "invalid_request", "SSF 4.1.7"),
    "no subject": ({"sub_id": None}, {}, "invalid_request", "SSF 3.1"),
}  # fmt: skip


@pytest.mark.spec("RFC 8935 2.3", "RFC 8935 2.4")
@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_tells_the_bank_why_and_the_application_nothing(fintech: Fintech, name: str) -> None:
    changes, headers, err, says = REFUSED[name]
    refused = fintech.push(told_to_us(**changes), **headers)
    assert (refused.status_code, refused.json()["err"]) == (400, err)
    assert says in refused.json()["description"]
    assert fintech.told == []


def test_what_is_too_long_is_not_read(fintech: Fintech) -> None:
    assert fintech.push("x" * 70_000).status_code == 413


@pytest.mark.spec("RFC 6585 4")
@pytest.mark.parametrize("skin", SKINS)
def test_a_bank_that_sends_too_much_waits(skin: str) -> None:
    fintech = Fintech()
    with running(fintech, skin, connecting(fintech), budget=EventBudget(events=3)):
        answers = [fintech.push(told_to_us()) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [202, 202, 202, 429, 429, 429]
    assert {answer.headers["retry-after"] for answer in answers[3:]} == {"20"}
    assert len(fintech.told) == 3


def test_an_application_that_fails_is_told_again(fintech: Fintech) -> None:
    token = told_to_us()
    fintech.failing = RuntimeError("its database is down")
    assert fintech.push(token).status_code == 500
    fintech.failing = None
    assert fintech.push(token).status_code == 202
    assert len(fintech.told) == 1


@pytest.mark.parametrize("skin", SKINS)
def test_an_event_that_comes_while_the_bank_is_away_comes_again(
    skin: str, caplog: pytest.LogCaptureFixture
) -> None:
    fintech = Fintech()

    def connect(_: Any) -> Any:
        raise Unreachable("the bank is down")

    with running(fintech, skin, connect):
        for _ in range(30):
            refused = fintech.push(told_to_us())
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert caplog.text.count("an event of the bank cannot be taken now") in (10, 11), "strangers fill no log"


def parts(**of: Any) -> dict[str, Any]:
    return {"format": "complex", **of}


def opaque(name: str) -> dict[str, str]:
    return {"format": "opaque", "id": name}


@pytest.mark.spec("SSF 3.3", "RFC 9493 3.2.3", "RFC 9493 3.2.8")
@pytest.mark.parametrize(
    ("subject", "names", "ends"),
    [
        (OF_SESSION, ("alice", "s1", None, None), True),
        (parts(session=opaque("s2")), (None, "s2", None, None), False),
        (ALICE, ("alice", None, None, None), True),
        (parts(user={**ALICE, "sub": "bob"}), ("bob", None, None, None), False),
        (parts(user=ALICE, application=opaque("fintech")), ("alice", None, "fintech", None), True),
        ({"format": "aliases", "identifiers": [opaque("x"), ALICE]}, ("alice", None, None, None), True),
        (
            {"format": "aliases", "identifiers": [{**ALICE, "sub": "alice-before"}, ALICE]},
            ("alice-before", None, None, None),
            True,
        ),
        ({"format": "jwt_id", "iss": BANK, "jti": "t"}, (None, None, None, "t"), False),
        ({**ALICE, "iss": "https://other.example"}, (None, None, None, None), False),
        ({"format": "jwt_id", "iss": "https://other.example", "jti": "t"}, (None,) * 4, False),
        ({"format": "email", "email": "alice@example.com"}, (None,) * 4, False),
    ],
    ids=str,
)
def test_whom_an_event_names(
    fintech: Fintech, subject: dict[str, Any], names: tuple[str | None, ...], ends: bool
) -> None:
    assert fintech.push(told_to_us(sub_id=subject)).status_code == 202
    (signal,) = fintech.told
    assert (signal.subject, signal.session_id, signal.client_id, signal.token_id) == names
    mine: dict[str, Any] = {"subject": "alice", "session_id": "s1"}
    assert signal.ends_session(**mine, signed_in_at=NOW - 1) is ends
    assert not signal.ends_session(**mine, signed_in_at=NOW + 1), "the user has signed in again"


@pytest.mark.spec("SSF 3.3")
@pytest.mark.parametrize(("subject", "ends"), [("alice", True), ("bob", False)])
def test_a_session_without_a_sid_ends_with_each_session_of_its_user(
    fintech: Fintech, subject: str, ends: bool
) -> None:
    fintech.push(told_to_us(sub_id=OF_SESSION))
    (signal,) = fintech.told
    assert signal.ends_session(subject=subject, session_id=None, signed_in_at=NOW - 1) is ends


def test_only_a_session_that_was_revoked_ends_one(fintech: Fintech) -> None:
    changed = {"credential_type": "password", "change_type": "update"}
    fintech.push(told_to_us(sub_id=ALICE, event=CREDENTIAL_CHANGE, members=changed))
    (signal,) = fintech.told
    assert signal.types == {CREDENTIAL_CHANGE}
    assert not signal.ends_session(subject="alice", session_id=None, signed_in_at=0)


@pytest.fixture(scope="module")
def bank(askit_hosts: Hosts) -> Iterator[Bank]:
    with a_bank(askit_hosts) as server:
        yield server


def soon(done: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 10
    while not done():
        assert time.monotonic() < give_up, "the fintech did not hear of it"
        threading.Event().wait(0.02)


@contextmanager
def at_the_bank(bank: Bank, fintech: Fintech, skin: str, **settings: Any) -> Iterator[Any]:
    def connect(kind: Any) -> Any:
        with client_of(bank) as known:
            return kind(
                metadata=known.bank.metadata,
                client_id=bank.client_id,
                auth=PrivateKeyJWT(bank.client_key),
                redirect_uri=bank.redirect_uri,
                profile="oauth-2.1",
                sender_constraint=None,
                http=bank.http(),
                store=fintech.store,
            )

    with running(fintech, skin, connect, **settings) as events:
        yield events


@pytest.mark.spec("CAEP 3.1", "SSF 8.1.1")
@pytest.mark.parametrize("skin", SKINS)
def test_a_logout_at_the_bank_ends_the_session_here(bank: Bank, skin: str) -> None:
    fintech = Fintech()
    fintech.store = MemoryStore()
    with (
        at_the_bank(bank, fintech, skin),
        client_of(bank) as client,
        closing(Browser(bank)) as browser,
        closing(Receiver(bank, "test-client")) as manager,
    ):
        stream = manager.push_to(f"{fintech.url}/security-events", AUTHORIZATION)
        login = browser.log_in(client)
        assert login.id_token is not None
        sid = login.id_token.claims["sid"]
        browser.sign_out()
        soon(lambda: bool(fintech.told))
        (signal,) = fintech.told
        mine = {"subject": "alice", "session_id": sid}
        assert signal.ends_session(**mine, signed_in_at=time.time() - 60)
        manager.send("DELETE", "configuration_endpoint", stream_id=stream["stream_id"])


@pytest.mark.spec("RFC 8936 2.2", "RFC 8936 2.4")
def test_a_fintech_fetches_what_is_not_pushed(bank: Bank) -> None:
    fintech = Fintech()
    fintech.store = MemoryStore()
    token = token_for(bank, "ssf.read", "test-client")

    def connect() -> httpx.Client:
        return httpx.Client(verify=bank.http().tls, headers={"authorization": f"Bearer {token}"})

    with (
        client_of(bank) as client,
        closing(Browser(bank)) as browser,
        closing(Receiver(bank, "test-client")) as manager,
    ):
        stream = manager.create().json()
        polling = Polling(endpoint=stream["delivery"]["endpoint_url"], connect=connect)
        browser.sign_in(client)
        browser.sign_out()
        with at_the_bank(bank, fintech, "flask", polling=polling) as events:
            assert (events.poll(), events.poll()) == (1, 0)
        assert [signal.types for signal in fintech.told] == [{SESSION_REVOKED}]
        with (
            at_the_bank(bank, fintech, "flask") as pushed,
            pytest.raises(ConfigurationError, match="polling="),
        ):
            pushed.poll()
        manager.send("DELETE", "configuration_endpoint", stream_id=stream["stream_id"])
