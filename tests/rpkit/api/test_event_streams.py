"""A client makes, reads, changes, verifies and ends its event stream, at askit over sockets; and bad answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import httpx
import pytest

import rpkit
from askit.pytest_plugin.hosts import Hosts
from fapikit import HttpSettings, MemoryStore, PrivateKeyJWT, Secret
from fapikit import errors as e
from fapikit.io import SyncDriver
from fapikit.metadata import ServerMetadata
from fapikit.signals.event_types import POLL, PUSH, SESSION_REVOKED, TOKEN_CLAIMS_CHANGE
from fapikit.signals.polling import Polling
from rpkit import EventStream, Signal
from rpkit.errors import NoAccessToken
from rpkit.web.security_events import SignalInbox
from tests.askit.signals.bank import Bank, a_bank, client_of, token_for
from tests.keys import a_key

BANK = "https://as.example"


@pytest.fixture(scope="module")
def bank(askit_hosts: Hosts) -> Iterator[Bank]:
    with a_bank(askit_hosts) as server:
        yield server


@pytest.fixture
def client(bank: Bank) -> Iterator[rpkit.Client]:
    with client_of(bank) as client:
        yield client
        for stream in client.event_streams():
            client.delete_event_stream(stream)


@pytest.mark.spec("SSF 8.1.1", "SSF 8.1.2", "SSF 6.1")
def test_the_life_of_a_stream(bank: Bank, client: rpkit.Client) -> None:
    assert client.event_streams() == ()
    pushed = client.create_event_stream(
        push_endpoint="https://fintech.example.com/events",
        push_authorization=Secret("Bearer x"),
        events_requested=[SESSION_REVOKED],
        description="the shop",
    )
    assert (pushed.issuer, pushed.audience, pushed.method) == (bank.issuer, (bank.client_id,), PUSH)
    assert pushed.pushes
    assert pushed.endpoint == "https://fintech.example.com/events"
    assert pushed.events_delivered == (SESSION_REVOKED,)
    assert pushed.members["description"] == "the shop"
    assert client.event_streams() == (pushed,)
    with pytest.raises(e.PeerRefused) as second:
        client.create_event_stream()
    assert second.value.status == 409
    both = client.request_events(pushed, [SESSION_REVOKED, TOKEN_CLAIMS_CHANGE])
    assert both.events_delivered == (SESSION_REVOKED, TOKEN_CLAIMS_CHANGE)
    assert client.set_event_stream_status(pushed, "paused") == "paused"
    client.delete_event_stream(pushed)
    for gone in (
        lambda: client.delete_event_stream(pushed),
        lambda: client.request_events(pushed, []),
        lambda: client.set_event_stream_status(pushed, "enabled"),
        lambda: client.verify_event_stream(pushed),
    ):
        with pytest.raises(e.PeerRefused) as refused:
            gone()
        assert refused.value.status == 404
    polled = client.create_event_stream()
    assert (polled.method, polled.pushes) == (POLL, False)
    assert polled.endpoint.startswith(bank.issuer)


@pytest.mark.spec("SSF 8.1.4")
def test_a_verification_event_comes_through(bank: Bank, client: rpkit.Client) -> None:
    stream = client.create_event_stream()
    token = token_for(bank, "ssf.read", bank.client_id)

    def connect() -> httpx.Client:
        return httpx.Client(verify=bank.http().tls, headers={"authorization": f"Bearer {token}"})

    told: list[Signal] = []
    polling = Polling(endpoint=stream.endpoint, connect=connect)
    inbox = SignalInbox(client.bank, told.append, stream_id=stream.stream_id, polling=polling)
    driver = SyncDriver(bank.http())
    client.verify_event_stream(stream)
    assert driver.run(inbox.poll()) == 1
    assert told == [], "it is about the stream, not about a user"
    assert driver.run(inbox.poll()) == 0, "it was acknowledged"
    driver.run(inbox.close())
    driver.close()


def test_the_same_without_threads(bank: Bank) -> None:
    async def life() -> None:
        async with await rpkit.AsyncClient.discover(
            bank.issuer,
            client_id=bank.client_id,
            auth=PrivateKeyJWT(bank.client_key),
            redirect_uri=bank.redirect_uri,
            profile="oauth-2.1",
            sender_constraint=None,
            http=bank.http(),
        ) as client:
            stream = await client.create_event_stream()
            assert await client.event_streams() == (stream,)
            assert (await client.request_events(stream, [])).events_delivered == ()
            assert await client.set_event_stream_status(stream, "disabled") == "disabled"
            with pytest.raises(e.PeerRefused):
                await client.verify_event_stream(stream)
            await client.delete_event_stream(stream)

    asyncio.run(life())


def test_a_token_of_a_login_is_not_the_client_s_own(bank: Bank, client: rpkit.Client) -> None:
    own = client.client_credentials(scope="ssf.read")
    assert client.event_streams(tokens=own) == ()
    with pytest.raises(e.PeerRefused, match=r"ssf\.manage"):
        client.create_event_stream(tokens=own)
    resource = "https://api.example.test/"
    login = bank.signed_in(client, scope="openid accounts", resources=[resource], resource=resource)
    with pytest.raises(e.PeerRefused, match="insufficient_scope"):
        client.event_streams(tokens=login.tokens)
    with pytest.raises(NoAccessToken):
        client.event_streams(tokens=replace(login.tokens, access_tokens=()))


def test_a_client_says_where_it_is_secure(client: rpkit.Client) -> None:
    with pytest.raises(e.InsecureUrl):
        client.create_event_stream(push_endpoint="http://fintech.example.com/events")
    assert client.event_streams() == ()


GOOD: dict[str, Any] = {
    "stream_id": "s",
    "iss": BANK,
    "aud": "fintech",
    "events_delivered": [SESSION_REVOKED],
    "delivery": {"method": POLL, "endpoint_url": f"{BANK}/poll"},
}


def read(answer: Any, metadata: Any = None) -> tuple[EventStream, ...]:
    published = metadata or {"issuer": BANK, "configuration_endpoint": f"{BANK}/streams"}

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            return httpx.Response(200, json={"access_token": "t", "token_type": "Bearer", "expires_in": 60})
        return httpx.Response(200, json=published if "well-known" in request.url.path else answer)

    with (
        httpx.Client(transport=httpx.MockTransport(handler)) as http,
        closing(
            rpkit.Client(
                metadata=ServerMetadata(
                    BANK,
                    {
                        "issuer": BANK,
                        "authorization_endpoint": f"{BANK}/authorize",
                        "token_endpoint": f"{BANK}/token",
                        "code_challenge_methods_supported": ["S256"],
                    },
                ),
                client_id="fintech",
                auth=PrivateKeyJWT(a_key("ES256", 7)),
                redirect_uri="https://fintech.example/callback",
                profile="oauth-2.1",
                sender_constraint=None,
                http=HttpSettings(client=http),
                store=MemoryStore(),
            )
        ) as client,
    ):
        return client.event_streams()


def test_a_good_answer_is_read() -> None:
    (stream,) = read([GOOD])
    assert (stream.stream_id, stream.audience, stream.endpoint) == ("s", ("fintech",), f"{BANK}/poll")
    assert read(GOOD) == (stream,), "as drafts had it"
    assert read([{**GOOD, "aud": ["fintech", "shop"]}])[0].audience == ("fintech", "shop")


@pytest.mark.spec("SSF 8.1.1", "SSF 7.2.4")
@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"iss": "https://other.example"}, e.IssuerMismatch, "another issuer"),
        ({"iss": None}, e.IssuerMismatch, "another issuer"),
        ({"stream_id": 7}, e.MalformedMessage, "stream_id"),
        ({"stream_id": ""}, e.MalformedMessage, "stream_id"),
        ({"aud": None}, e.MalformedMessage, "aud"),
        ({"aud": []}, e.MalformedMessage, "aud"),
        ({"aud": [1]}, e.MalformedMessage, "aud"),
        ({"events_delivered": SESSION_REVOKED}, e.MalformedMessage, "events_delivered"),
        ({"delivery": None}, e.MalformedMessage, "delivery.method"),
        ({"delivery": {"method": "urn:other", "endpoint_url": BANK}}, e.MalformedMessage, "delivery.method"),
        ({"delivery": {"method": POLL}}, e.MalformedMessage, "delivery.endpoint_url"),
        (
            {"delivery": {"method": POLL, "endpoint_url": "http://as.example/p"}},
            e.InsecureUrl,
            "endpoint_url",
        ),
        ({"delivery": {"method": POLL, "endpoint_url": "http://localhost/p"}}, e.InsecureUrl, "endpoint_url"),
    ],
    ids=str,
)
def test_a_stream_that_is_none(change: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        read([{**GOOD, **change}])


@pytest.mark.parametrize("answer", [7, [7], "streams", None], ids=str)
def test_an_answer_that_is_no_list(answer: Any) -> None:
    with pytest.raises(e.MalformedMessage, match="list of event streams"):
        read(answer)


@pytest.mark.spec("SSF 7.2.4", "SSF 7.1")
@pytest.mark.parametrize(
    ("metadata", "error"),
    [
        ({"issuer": "https://other.example", "configuration_endpoint": f"{BANK}/streams"}, e.IssuerMismatch),
        ({"issuer": BANK}, e.MissingMetadata),
        ({"issuer": BANK, "configuration_endpoint": "http://as.example/streams"}, e.InsecureUrl),
        ({"issuer": BANK, "configuration_endpoint": "http://localhost/streams"}, e.InsecureUrl),
    ],
    ids=str,
)
def test_no_token_goes_where_the_metadata_are_not_good(metadata: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        read([GOOD], metadata)
