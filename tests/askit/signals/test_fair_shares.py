"""A receiver is away, and a user fills its queue: what others ended is still told, and a loss is told too."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from askit.pytest_plugin.hosts import Hosts
from askit.pytest_plugin.movable_clock import MovableClock
from askit.pytest_plugin.running import API_CLIENT_ID, REDIRECT_URI
from askit.signals.announce import announce
from askit.signals.happened import ClientEnded
from askit.signals.shares import Cause
from fapikit import MemoryStore
from fapikit.errors import UnreadableRecord
from fapikit.secrets import Secret
from fapikit.signals.event_types import POLL, SESSION_REVOKED, STREAM_UPDATED
from fapikit.signals.polling import Polling
from fapikit.signals.transmitters import Transmitter
from rpkit import Client
from rskit import Denylist, SignalReceiver
from tests.askit.signals.bank import SIGNALS, Bank, Browser, Receiver, a_bank, client_of
from tests.askit.signals.test_push import Told
from tests.keys import a_key, claims_of

USERS = [
    {"username": "alice", "password": "wonderland"},
    {"username": "bob", "password": "builder"},
]


@pytest.fixture(scope="module")
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture(scope="module")
def bank(askit_hosts: Hosts, clock: MovableClock) -> Iterator[Bank]:
    """Two events of one user wait at most."""
    signals = {**SIGNALS, "longest_queue": 200}
    with a_bank(askit_hosts, clock=clock, shared_signals=signals, users=USERS) as server:
        yield server


@pytest.fixture
def client(bank: Bank) -> Iterator[Client]:
    with client_of(bank) as client:
        yield client


@pytest.fixture
def alice(bank: Bank) -> Iterator[Browser]:
    with closing(Browser(bank)) as browser:
        yield browser


@pytest.fixture
def bob(bank: Bank) -> Iterator[Browser]:
    with closing(Browser(bank, "bob", "builder")) as browser:
        yield browser


@pytest.fixture
def api(bank: Bank) -> Iterator[Receiver]:
    """The receiver that stands for the API. It has a stream, and is away."""
    with closing(Receiver(bank)) as receiver:
        stream = receiver.create().json()
        yield receiver
        receiver.send("DELETE", "configuration_endpoint", stream_id=stream["stream_id"])


def waiting(receiver: Receiver) -> list[dict[str, Any]]:
    """The claims of the events that wait, in their order. They are not acknowledged."""
    (stream,) = receiver.read().json()
    return [claims_of(token) for token in receiver.poll(stream).json()["sets"].values()]


def of_grants(receiver: Receiver) -> list[dict[str, Any]]:
    """Those about a grant, and not about a token of it."""
    return [event for event in waiting(receiver) if "user" in event["sub_id"]]


def users(events: list[dict[str, Any]]) -> list[str]:
    return [event["sub_id"]["user"]["sub"] for event in events]


@pytest.mark.spec("CAEP 3.1", "RFC 8936 2.4")
def test_a_user_who_grants_and_ends_again_and_again_takes_one_place(
    bank: Bank, client: Client, alice: Browser, bob: Browser, api: Receiver, clock: MovableClock
) -> None:
    client.revoke(alice.sign_in(client))
    client.revoke(bob.sign_in(client))
    (before, _) = of_grants(api)
    for _ in range(6):
        clock.advance(1)
        client.revoke(alice.sign_in(client))
    events = of_grants(api)
    assert users(events) == ["alice", "bob"]
    newest = events[0]
    assert newest["events"][SESSION_REVOKED]["event_timestamp"] == int(clock()), (
        "it says what all of them said"
    )
    assert newest["jti"] != before["jti"]
    (stream,) = api.read().json()
    api.poll(stream, ack=[before["jti"]])
    assert users(of_grants(api)) == ["alice", "bob"], "what was acknowledged is not what waits there now"
    api.poll(stream, ack=[newest["jti"]])
    assert users(of_grants(api)) == ["bob"]


@pytest.mark.spec("SSF 8.1.5")
def test_a_user_who_signs_in_and_out_loses_only_what_is_her_own_and_the_receiver_learns_it(
    bank: Bank, client: Client, bob: Browser, api: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    bob.sign_in(client)
    bob.sign_out()
    (event,) = waiting(api)
    for _ in range(6):
        with closing(Browser(bank)) as alice:
            alice.sign_in(client)
            alice.sign_out()
    events = waiting(api)
    assert len(events) == 4
    assert events[0] == event, "what bob ended"
    (stream,) = api.read().json()
    assert events[1]["sub_id"] == {"format": "opaque", "id": stream["stream_id"]}
    ((kind, members),) = events[1]["events"].items()
    assert (kind, members["status"]) == (STREAM_UPDATED, "enabled")
    assert "dropped" in members["reason"]
    assert caplog.text.count("an event is lost") == 1, "four are, and the log says it once"

    endpoint = stream["delivery"]["endpoint_url"]
    with client_of(bank, API_CLIENT_ID) as api_client:
        receiver = SignalReceiver(
            Transmitter(issuer=bank.issuer, audience=API_CLIENT_ID, stream_id=stream["stream_id"]),
            denylist=Denylist(),
            store=MemoryStore(),
            token_lifetime=600,
            polling=Polling(
                endpoint=endpoint,
                connect=lambda: api_client.api(
                    api_client.client_credentials(scope="ssf.read"), base_url=endpoint
                ),
            ),
            http=bank.http(),
            clock=bank.app.core.clock,
        )
        assert receiver.sync_driver.run(receiver.poll()) == 4
        receiver.close()
    assert f"says that the stream {stream['stream_id']} is enabled: events were dropped" in caplog.text
    assert waiting(api) == []


def ends(bank: Bank, *client_ids: str) -> None:
    """Registrations end, each made from another address; so each is a cause of its own."""

    async def announced() -> None:
        for client_id in client_ids:
            await announce(bank.app.core, ClientEnded(client_id=client_id, registered_from=client_id))

    asyncio.run(announced())


@pytest.mark.spec("RFC 8936 2.4", "RFC 7592 2.3")
def test_nobody_pushes_out_what_others_ended_by_registrations_that_come_and_go(askit_hosts: Hosts) -> None:
    asked = {
        "client_name": "Here and gone",
        "redirect_uris": [REDIRECT_URI],
        "token_endpoint_auth_method": "private_key_jwt",
        "id_token_signed_response_alg": "ES256",
        "jwks": {"keys": [dict(a_key("ES256", 5).public_jwk)]},
    }
    short = {**SIGNALS, "longest_queue": 10}
    open_to_all = {"initial_access_token": "open", "registration": {"scopes": ["openid"]}}
    with a_bank(askit_hosts, shared_signals=short, **open_to_all) as bank, closing(Receiver(bank)) as api:
        api.create()
        ends(bank, "another")
        (event,) = waiting(api)
        opener, http = Secret("open"), bank.http()
        for _ in range(12):
            registered = Client.register(
                bank.issuer, asked, profile="oauth-2.1", initial_access_token=opener, http=http
            )
            Client.delete_registration(registered, http=http)
        assert waiting(api)[0] == event
        assert len(waiting(api)) == 4, "that, two of the others, and that some were lost"


@pytest.mark.spec("RFC 8936 2.4")
def test_a_poll_touches_few_entries_whatever_its_receiver_acknowledges(askit_hosts: Hosts) -> None:
    """The first event is never acknowledged, and those behind it are."""
    with a_bank(askit_hosts) as bank, closing(Receiver(bank)) as api:
        stream = api.create().json()
        ends(bank, *(f"client-{number}" for number in range(1500)))
        first = ""
        for _ in range(28):
            jtis = list(api.poll(stream).json()["sets"])
            assert first in ("", jtis[0])
            first = jtis[0]
            api.poll(stream, ack=jtis[1:], maxEvents=0)
        store = bank.app.core.records.store
        touched: list[str] = []
        get = store.aget

        async def counting(key: str) -> bytes | None:
            touched.append(key)
            return await get(key)

        key = bank.app.core.records.key("events", stream["stream_id"])
        store.aget = counting  # type: ignore[method-assign]
        found = api.poll(stream).json()
        store.aget = get  # type: ignore[method-assign]
        assert (len(found["sets"]), found["moreAvailable"]) == (50, True)
        assert next(iter(found["sets"])) == first
        assert 51 <= sum(each.startswith(key) for each in touched) <= 53


def test_many_processes_that_tell_at_once_lose_nothing(askit_hosts: Hosts) -> None:
    with a_bank(askit_hosts) as bank, closing(Receiver(bank)) as api:
        stream = api.create().json()
        names = [f"client-{number}" for number in range(40)]

        async def at_once() -> None:
            core = bank.app.core
            await asyncio.gather(
                *(announce(core, ClientEnded(client_id=name, registered_from=name)) for name in names)
            )
            await asyncio.gather(
                *(announce(core, ClientEnded(client_id=names[0], registered_from=names[0])) for _ in range(5))
            )

        asyncio.run(at_once())
        sets = api.poll(stream).json()["sets"]
        told = [claims_of(token)["sub_id"]["application"]["id"] for token in sets.values()]
        assert sorted(told) == sorted(names)


@pytest.mark.anyio
async def test_a_share_that_is_damaged_is_named() -> None:
    told = Told()
    await told.stream(POLL)
    core = told.server.core
    key = core.records.key("events", "stream")
    told.store.put(f"{key}:{Cause('address', 'x').key}", b'{"waiting":[1]}', 60)
    with pytest.raises(UnreadableRecord, match="share of a queue"):
        await announce(core, ClientEnded(client_id="x", registered_from="x"))
