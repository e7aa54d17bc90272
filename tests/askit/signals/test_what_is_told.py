"""What ends at the bank is told to whom it concerns: sessions, grants, tokens, what is left of a grant."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import Any

import httpx
import pytest

import asgi_mw
from askit.endpoints import event_poll
from askit.pytest_plugin.hosts import Hosts
from askit.pytest_plugin.running import API_CLIENT_ID, RESOURCE
from fapikit import MemoryStore, Secret
from fapikit.signals.event_types import SESSION_REVOKED, TOKEN_CLAIMS_CHANGE
from fapikit.signals.transmitters import Transmitter
from rpkit import Client
from rskit import Denylist, Issuer, ResourceServer, SignalReceiver
from tests.askit.signals.bank import (
    API_CLIENT,
    Bank,
    Browser,
    Receiver,
    a_bank,
    client_of,
    text_of,
)
from tests.keys import claims_of
from tests.rskit.live.running import uvicorn_at
from tests.rskit.skins import starlette_app

PUSH_SECRET = "Bearer push-secret"
OTHER_API = "https://other.example.test/"


@pytest.fixture
def bank(askit_hosts: Hosts) -> Iterator[Bank]:
    resources = [
        {"uri": RESOURCE, "scopes": ["accounts", "payments"], "introspection_clients": [API_CLIENT_ID]},
        {"uri": OTHER_API, "scopes": ["other"]},
    ]
    with a_bank(askit_hosts, resources=resources, clients=[API_CLIENT]) as server:
        yield server


@pytest.fixture
def client(bank: Bank) -> Iterator[Client]:
    with client_of(bank) as client:
        yield client


@pytest.fixture
def browser(bank: Bank) -> Iterator[Browser]:
    with closing(Browser(bank)) as browser:
        yield browser


@pytest.fixture
def api(bank: Bank) -> Iterator[Receiver]:
    """The receiver that stands for the API, with a stream that it polls."""
    with closing(Receiver(bank)) as receiver:
        yield receiver


@pytest.fixture
def fintech(bank: Bank) -> Iterator[Receiver]:
    with closing(Receiver(bank, "test-client")) as receiver:
        yield receiver


def heard(receiver: Receiver) -> list[dict[str, Any]]:
    """The claims of all events that wait, in their order; and they are acknowledged."""
    (stream,) = receiver.read().json()
    found = receiver.poll(stream).json()["sets"]
    assert receiver.poll(stream, ack=list(found)).json()["sets"] == {}
    claims = [claims_of(token) for token in found.values()]
    assert all(each["aud"] == stream["aud"] and each["iss"] == receiver.bank.issuer for each in claims)
    assert len({each["jti"] for each in claims}) == len(claims)
    return claims


def subjects(receiver: Receiver, event: str = SESSION_REVOKED) -> list[dict[str, Any]]:
    claims = heard(receiver)
    assert [list(each["events"]) for each in claims] == [[event]] * len(claims)
    return [each["sub_id"] for each in claims]


@pytest.mark.spec("CAEP 3.1", "SSF 8.1.1", "FAPI2-SP 5.3.4-3", "SSF 6.1")
def test_a_logout_ends_the_session_s_tokens_at_the_api_within_one_push(
    bank: Bank, client: Client, browser: Browser, api: Receiver
) -> None:
    denylist = Denylist()
    server = ResourceServer(
        resource=RESOURCE, issuers=[Issuer(bank.issuer)], denylist=denylist, http=bank.http()
    )
    receiver = SignalReceiver(
        Transmitter(issuer=bank.issuer, audience=API_CLIENT_ID, push_authorization=Secret(PUSH_SECRET)),
        denylist=denylist,
        store=MemoryStore(),
        token_lifetime=300,
        http=bank.http(),
    )
    app = asgi_mw.ReceiveEvents(asgi_mw.Protect(starlette_app({"/accounts": {}}), server), receiver)
    with uvicorn_at(app) as url, httpx.Client() as caller:
        api.push_to(f"{url}/security-events", PUSH_SECRET)

        def status(token: str) -> int:
            return caller.get(f"{url}/accounts", headers={"authorization": f"Bearer {token}"}).status_code

        token = text_of(browser.sign_in(client))
        with closing(Browser(bank)) as phone:
            other = text_of(phone.sign_in(client))
            assert (status(token), status(other)) == (200, 200)
            browser.sign_out()
            give_up = time.monotonic() + 5
            while status(token) == 200:
                assert time.monotonic() < give_up, "the API did not hear of it"
            assert (status(token), status(other)) == (401, 200)
            assert status(text_of(browser.sign_in(client))) == 200, "a new session"


@pytest.mark.spec("CAEP 2", "CAEP 3.1", "SSF 3.1", "SSF 3.3", "RFC 9493 3.2.3", "RFC 9493 3.2.4")
def test_a_session_is_named_to_each_as_it_knows_it(
    bank: Bank, client: Client, browser: Browser, api: Receiver, fintech: Receiver
) -> None:
    api.create()
    fintech.create()
    sid = claims_of(text_of(browser.sign_in(client)))["sid"]
    browser.sign_out()
    session = {"format": "opaque", "id": sid}
    assert subjects(api) == [{"format": "complex", "session": session}]
    user = {"format": "iss_sub", "iss": bank.issuer, "sub": "alice"}
    assert subjects(fintech) == [{"format": "complex", "session": session, "user": user}]


def test_a_fintech_hears_of_no_session_of_others(
    bank: Bank, client: Client, browser: Browser, api: Receiver, fintech: Receiver
) -> None:
    """`/grants` signs a user in at the bank itself."""
    api.create()
    fintech.create()
    browser.sign_in_at_the_bank()
    browser.sign_out()
    assert heard(fintech) == []
    assert len(heard(api)) == 1, "the API stands for the bank"
    browser.sign_in(client)
    browser.sign_out()
    assert len(heard(fintech)) == 1


@pytest.mark.spec("CAEP 3.1", "GM 6.5")
def test_a_grant_that_ends_is_told_to_its_client_and_its_apis(
    bank: Bank, client: Client, browser: Browser, api: Receiver, fintech: Receiver
) -> None:
    api.create()
    fintech.create()
    tokens = browser.sign_in(client)
    client.revoke(tokens)
    user = {"format": "iss_sub", "iss": bank.issuer, "sub": "alice"}
    named = {"format": "complex", "user": user, "application": {"format": "opaque", "id": "test-client"}}
    assert named in subjects(api)
    assert named in subjects(fintech)


def test_a_grant_that_does_not_reach_the_api_is_not_told_to_it(
    bank: Bank, client: Client, browser: Browser, api: Receiver, fintech: Receiver
) -> None:
    api.create()
    fintech.create()
    start = client.begin(scope="openid other", resources=[OTHER_API])
    login = client.complete(bank.browse(start.url), start.transaction, resource=OTHER_API)
    client.revoke(login.tokens)
    assert heard(api) == []
    assert heard(fintech) != []


@pytest.mark.spec("SSF 3.5", "RFC 7009 2.1")
def test_an_access_token_that_is_revoked_is_told_by_its_jti(
    bank: Bank, client: Client, browser: Browser, api: Receiver
) -> None:
    api.create()
    tokens = browser.sign_in(client)
    client.revoke(replace(tokens, refresh_token=None))
    assert subjects(api) == [
        {"format": "jwt_id", "iss": bank.issuer, "jti": claims_of(text_of(tokens))["jti"]}
    ]


@pytest.mark.spec("CAEP 3.2", "GM 5.2b")
def test_a_grant_that_was_replaced_says_what_is_left(
    bank: Bank, client: Client, browser: Browser, api: Receiver
) -> None:
    api.create()
    first = browser.sign_in(client, scope="openid accounts payments", grant_management_action="create")
    merged = {"grant_management_action": "merge", "grant_id": first.grant_id}
    browser.sign_in(client, scope="openid accounts payments", **merged)
    assert heard(api) == [], "a merge takes nothing away"
    browser.sign_in(
        client, scope="openid accounts", grant_management_action="replace", grant_id=first.grant_id
    )
    (event,) = heard(api)
    ((kind, members),) = event["events"].items()
    assert kind == TOKEN_CLAIMS_CHANGE
    assert members["claims"] == {"scope": "openid accounts"}
    assert members["event_timestamp"] == event["iat"] - 1, "what is issued with the change is not meant"
    user = {"format": "iss_sub", "iss": bank.issuer, "sub": "alice"}
    application = {"format": "opaque", "id": "test-client"}
    assert event["sub_id"] == {"format": "complex", "user": user, "application": application}


def test_a_client_that_ends_its_registration_is_told_to_the_apis(askit_hosts: Hosts) -> None:
    with (
        a_bank(askit_hosts, initial_access_token="i" * 40) as bank,
        closing(Receiver(bank)) as api,
        httpx.Client(verify=bank.http().tls) as anybody,
    ):
        api.create()
        made = anybody.post(
            f"{bank.issuer}/register",
            json={"redirect_uris": ["https://new.example.com/callback"], "client_name": "New"},
            headers={"authorization": f"Bearer {'i' * 40}"},
        )
        assert made.status_code == 201, made.text
        client = made.json()
        own = {"authorization": f"Bearer {client['registration_access_token']}"}
        assert anybody.delete(client["registration_client_uri"], headers=own).status_code == 204
        application = {"format": "opaque", "id": client["client_id"]}
        assert subjects(api) == [{"format": "complex", "application": application}]


@pytest.mark.spec("RFC 8936 2.2")
def test_a_poll_waits_for_the_next_event_and_a_second_one_does_not(
    bank: Bank, client: Client, browser: Browser, api: Receiver
) -> None:
    stream = api.create().json()
    browser.sign_in(client)
    with ThreadPoolExecutor(1) as elsewhere:
        waiting = elsewhere.submit(api.poll, stream, returnImmediately=False)
        give_up = time.monotonic() + 5
        while not bank.app.core.polled_streams:
            assert time.monotonic() < give_up
        with closing(Receiver(bank)) as second:
            before = time.monotonic()
            assert second.poll(stream, returnImmediately=False).json()["sets"] == {}
            assert time.monotonic() - before < event_poll.LONGEST_WAIT / 2
        assert not waiting.done()
        browser.sign_out()
        assert len(waiting.result(15).json()["sets"]) == 1
    assert not bank.app.core.polled_streams


@pytest.mark.spec("SSF 8.1.2")
def test_a_paused_stream_keeps_and_a_disabled_one_drops(
    bank: Bank, client: Client, browser: Browser, api: Receiver
) -> None:
    named = {"stream_id": api.create().json()["stream_id"]}

    def status(to: str) -> None:
        assert api.send("POST", "status_endpoint", {**named, "status": to}).status_code == 200

    status("paused")
    browser.sign_in(client)
    browser.sign_out()
    assert heard(api) == []
    status("enabled")
    assert len(heard(api)) == 1
    status("paused")
    browser.sign_in(client)
    browser.sign_out()
    status("disabled")
    browser.sign_in(client)
    browser.sign_out()
    status("enabled")
    assert heard(api) == []


@pytest.mark.spec("SSF 8.1.3", "SSF 8.1.1")
def test_what_a_receiver_does_not_want_is_not_told(
    bank: Bank, client: Client, browser: Browser, fintech: Receiver
) -> None:
    stream_id = fintech.create(events_requested=[SESSION_REVOKED]).json()["stream_id"]
    alice = {"stream_id": stream_id, "subject": {"format": "iss_sub", "iss": bank.issuer, "sub": "alice"}}

    def hears() -> int:
        browser.sign_in(client)
        browser.sign_out()
        return len(heard(fintech))

    assert hears() == 1
    assert fintech.send("POST", "remove_subject_endpoint", alice).status_code == 204
    assert hears() == 0
    assert fintech.send("POST", "add_subject_endpoint", alice).status_code == 200
    assert hears() == 1
    changed = {"stream_id": stream_id, "events_requested": [TOKEN_CLAIMS_CHANGE]}
    assert fintech.send("PATCH", "configuration_endpoint", changed).status_code == 200
    assert hears() == 0


def test_two_sectors_cannot_compare_their_users(askit_hosts: Hosts) -> None:
    pairwise = {"subject_type": "pairwise"}
    own = {"client_id": "test-client", "redirect_uris": ["https://client.example.test/callback"], **pairwise}
    own |= {"grant_types": ["authorization_code", "refresh_token", "client_credentials"]}
    own["token_endpoint_auth_method"] = "private_key_jwt"
    salt = askit_hosts.directory / "salt"
    salt.write_text("ab" * 32)
    with (
        a_bank(askit_hosts, clients=[API_CLIENT, own], pairwise_salt_file=str(salt)) as bank,
        client_of(bank) as client,
        closing(Browser(bank)) as browser,
        closing(Receiver(bank)) as api,
        closing(Receiver(bank, "test-client")) as fintech,
    ):
        api.create()
        fintech.create()
        claims = claims_of(text_of(browser.sign_in(client)))
        browser.sign_out()
        (told,) = subjects(fintech)
        assert told["user"]["sub"] == claims["sub"] != "alice"
        assert told["session"]["id"] == claims["sid"]
        to_api = subjects(api)
        assert claims["sid"] in [each["session"]["id"] for each in to_api]
        assert all(list(each) == ["format", "session"] for each in to_api), "no user at all"
