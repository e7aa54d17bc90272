"""Request objects by reference: the client hosts them, and registered where. Real sockets, real TLS."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from askit.requests.hosted_request_objects import HostedRequestObjects
from fapikit.http_message import HttpResponse
from tests.askit.bank import FINTECH, OTHER, Bank, an_api
from tests.askit.hosting import TLS, Hosting, hosting
from tests.askit.plain_client import PlainClient, read_callback
from tests.askit.registering import OPEN, register
from tests.keys import a_key, b64

pytestmark = pytest.mark.anyio

APIS = [an_api("accounts-api", 3), an_api("payments-api", 4)]


@pytest.fixture
async def web() -> AsyncIterator[Hosting]:
    async with hosting() as running:
        yield running


def a_bank(web: Hosting, *, uris: list[str] | None = None, demands_par: bool = False, **changes: Any) -> Bank:
    client = {
        **FINTECH,
        "request_uris": [web.uri] if uris is None else uris,
        "require_pushed_authorization_requests": demands_par,
    }
    return Bank(http=TLS, **{"profile": "fapi1-baseline", "clients": [client, OTHER, *APIS], **changes})


def hash_of(octets: bytes | None) -> str:
    return b64(hashlib.sha256(octets or b"").digest())


async def _go(client: PlainClient, request_uri: str, **more: str) -> httpx.Response:
    return await client.authorize(request_uri, **more)


@pytest.mark.spec("RFC 9101 5.2")
@pytest.mark.spec("FAPI1-ADV 5.2.2-1")
@pytest.mark.parametrize("ending", ["", "\n"])
async def test_the_user_is_asked_for_what_the_hosted_object_says(web: Hosting, ending: str) -> None:
    client = a_bank(web).client()
    web.body = (client.request_object(state="inner") + ending).encode()
    page = await _go(client, web.uri, state="outer", redirect_uri="https://evil.test/", scope="payments")
    consent = await client.submit(page, username="alice", password="wonderland")
    callback = read_callback(await client.submit(consent, decision="approve"))
    assert callback["state"] == "inner"
    assert (await client.redeem(callback["code"])).status_code == 200
    assert web.seen == ["/request.jwt"]


@pytest.mark.spec("OIDC 6.2")
async def test_the_hash_in_the_fragment_is_that_of_what_lies_there(web: Hosting) -> None:
    client = a_bank(web).client()
    web.body = client.request_object().encode()
    assert (await _go(client, f"{web.uri}#{hash_of(web.body)}")).status_code == 200
    refused = await _go(client, f"{web.uri}#{hash_of(b'something else')}")
    assert (refused.status_code, "OIDC 6.2" in refused.text) == (400, True)
    assert web.seen == ["/request.jwt"] * 2  # the fragment is not sent


@pytest.mark.spec("OIDC 6.2")
async def test_a_uri_that_was_registered_with_a_hash_comes_with_no_other(web: Hosting) -> None:
    body = Bank().client().request_object().encode()
    registered = f"{web.uri}#{hash_of(body)}"
    client = a_bank(web, uris=[registered]).client()
    web.body = client.request_object().encode()
    assert (await _go(client, f"{web.uri}#{hash_of(web.body)}")).status_code == 400
    assert (await _go(client, web.uri)).status_code == 400
    assert web.seen == []


def _put(**changes: Any) -> Callable[[Hosting], None]:
    def change(web: Hosting) -> None:
        for name, value in changes.items():
            setattr(web, name, value)

    return change


NOT_FETCHED = {
    "another path": "{}/more",
    "another query": "{}?x=1",
    "another host": "https://elsewhere.example.test/request.jwt",
    "clear text": "http://localhost/request.jwt",
}
UNUSABLE = {
    "a redirect": (_put(status=302, headers={"location": "https://localhost/"}), 400, "RFC 9101 10.4"),
    "not there": (_put(status=404), 400, "RFC 9101 5.2"),
    "longer than 64 KiB": (_put(body=b"x" * 65_537), 400, "RFC 9101 10.4"),
    "no JWT": (_put(body=b"<html>"), 400, "RFC 7515 5.2"),
    "nothing": (_put(body=b""), 400, "RFC 7515 5.2"),
    "not now": (_put(status=503), 503, "try again soon"),
    "too much asked": (_put(status=429), 503, "try again soon"),
    "no answer": (_put(body=None), 503, "try again soon"),
}


@pytest.mark.spec("RFC 9101 10.4")
@pytest.mark.parametrize("uri", NOT_FETCHED.values(), ids=NOT_FETCHED)
async def test_what_is_not_registered_is_not_fetched(web: Hosting, uri: str) -> None:
    client = a_bank(web).client()
    web.body = client.request_object().encode()
    refused = await _go(client, uri.format(web.uri))
    assert (refused.status_code, "not registered" in refused.text) == (400, True)
    assert web.seen == []


@pytest.mark.spec("RFC 9101 10.4")
@pytest.mark.parametrize(("change", "status", "told"), UNUSABLE.values(), ids=UNUSABLE)
async def test_what_lies_there_is_of_no_use(
    web: Hosting, change: Callable[[Hosting], None], status: int, told: str
) -> None:
    client = a_bank(web).client()
    web.body = client.request_object().encode()
    change(web)
    refused = await _go(client, web.uri)
    assert (refused.status_code, told in refused.text) == (status, True), refused.text
    assert len(web.seen) == 1


async def test_it_is_verified_as_any_other(web: Hosting) -> None:
    client = a_bank(web).client()
    web.body = client.request_object(key=a_key("ES256", 2)).encode()
    assert (await _go(client, web.uri)).status_code == 400
    web.body = client.request_object(claims={"request_uri": web.uri}).encode()
    assert "must not have request_uri" in (await _go(client, web.uri)).text


async def test_what_is_wrong_with_the_request_is_told_to_the_client(web: Hosting) -> None:
    client = a_bank(web).client()
    web.body = client.request_object(scope="openid unheard-of").encode()
    assert read_callback(await _go(client, web.uri))["error"] == "invalid_scope"


@pytest.mark.spec("RFC 9101 5a")
async def test_by_value_and_by_reference_exclude_each_other(web: Hosting) -> None:
    client = a_bank(web).client()
    refused = await _go(client, web.uri, request=client.request_object())
    assert (refused.status_code, "RFC 9101 5a" in refused.text) == (400, True)
    assert web.seen == []


@pytest.mark.spec("RFC 9126 2.1-2")
async def test_none_is_pushed(web: Hosting) -> None:
    client = a_bank(web).client()
    refused = await client.push({"request_uri": web.uri})
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert web.seen == []


@pytest.mark.spec("FAPI2-SP 5.3.2.2-3")
async def test_where_requests_are_pushed_there_are_none(web: Hosting) -> None:
    for bank in (
        a_bank(web, profile="fapi2-security"),
        a_bank(web, demands_par=True),
    ):
        client = bank.client()
        web.body = client.request_object().encode()
        assert "must be pushed first" in (await _go(client, web.uri)).text
    assert web.seen == []


@pytest.mark.spec("RFC 9111 5.2.2")
@pytest.mark.parametrize(
    ("control", "later", "fetched"),
    [
        ({}, 0, 2),
        ({"cache-control": "no-store"}, 0, 2),
        ({"cache-control": "max-age=60"}, 59, 1),
        ({"cache-control": "max-age=60"}, 60, 2),
        ({"cache-control": "max-age=60", "age": "59"}, 1, 2),
        ({"cache-control": "public, max-age=86400"}, 599, 1),
        ({"cache-control": "public, max-age=86400"}, 600, 2),
    ],
)
async def test_it_is_kept_no_longer_than_it_may(
    web: Hosting, control: dict[str, str], later: int, fetched: int
) -> None:
    bank = a_bank(web)
    client = bank.client()
    web.body, web.headers = client.request_object(claims={"exp": bank.clock() + 900}).encode(), control
    assert (await _go(client, web.uri)).status_code == 200
    bank.clock.advance(later)
    assert (await _go(client, web.uri)).status_code == 200
    assert len(web.seen) == fetched


@pytest.mark.spec("OIDC 6.2")
async def test_another_hash_means_that_it_was_replaced(web: Hosting) -> None:
    client = a_bank(web).client()
    web.headers = {"cache-control": "max-age=600"}
    for state in ("one", "two"):
        web.body = client.request_object(state=state).encode()
        for _ in range(2):
            assert (await _go(client, f"{web.uri}#{hash_of(web.body)}")).status_code == 200
    assert len(web.seen) == 2


def test_what_is_kept_is_bounded_even_where_nothing_lies() -> None:
    hosted = HostedRequestObjects(lambda: 0.0)

    def fetches(number: int) -> int:
        flow = hosted.load(f"https://fintech.example/{number}")
        effect = next(flow, None)
        if effect is None:
            return 0
        fields, request = (("cache-control", "max-age=600"),), effect.request
        with pytest.raises(StopIteration):
            flow.send(HttpResponse(200, fields, b"", request.url, request))
        return 1

    assert (fetches(0), fetches(0)) == (1, 0)
    assert sum(fetches(number) for number in range(1, 5000)) == 4999
    assert fetches(0) == 1


async def test_a_link_that_many_load_does_not_keep_the_client_from_proving_who_it_is(web: Hosting) -> None:
    """Of two who load it one waits, and the other hears at once that it cannot be decided now."""
    bank = a_bank(web, limits={"waiting_per_client": 1})
    client, web.may = bank.client(), asyncio.Event()
    web.body = client.request_object().encode()
    visits = [asyncio.create_task(_go(client, web.uri)) for _ in range(2)]
    done, _ = await asyncio.wait(visits, timeout=20, return_when=asyncio.FIRST_COMPLETED)
    assert [visit.result().status_code for visit in done] == [503]
    assert (await client.push()).status_code == 201
    web.may.set()
    assert sorted(visit.status_code for visit in await asyncio.gather(*visits)) == [200, 503]


@pytest.mark.parametrize(
    ("profile", "there"), [("fapi1-baseline", True), ("oauth-2.1", True), ("fapi2-security", False)]
)
async def test_the_metadata_say_so(profile: str, there: bool) -> None:
    document = (await Bank(profile=profile).browser().get("/.well-known/openid-configuration")).json()
    assert document["request_uri_parameter_supported"] is there
    assert document["require_request_uri_registration"] is there


@pytest.mark.spec("RFC 9101 5.2")
@pytest.mark.parametrize(
    ("uris", "status"),
    [
        (["https://fintech.example/request.jwt#abc"], 201),
        (["https://fintech.example/" + "x" * 488], 201),
        (["https://fintech.example/" + "x" * 489], 400),
        (["http://fintech.example/request.jwt"], 400),
        (["urn:ietf:params:oauth:request_uri:x"], 400),
        ("https://fintech.example/request.jwt", 400),
        # On the public internet alone: whoever registers does not choose what the server connects to.
        (["https://fintech.example/r", "https://10.0.0.7/r"], 400),
        (["https://localhost/r"], 400),
    ],
)
async def test_which_may_be_registered(uris: Any, status: int) -> None:
    bank = Bank(profile="oauth-2.1", development_only=False, **OPEN)
    response = await register(bank, request_uris=uris)
    assert response.status_code == status, response.text
    assert status == 400 or response.json()["request_uris"] == uris
