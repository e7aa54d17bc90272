"""Request objects that the server fetches: from rpkit's own store, or from where the application puts them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from fapikit import MemoryStore, SqliteStore
from fapikit.errors import ConfigurationError, ForbiddenByProfile, StoreFull, StoreUnavailable
from rpkit import Client
from rpkit.login.hosted_request import FETCHED_WITHIN
from tests.clocks import FrozenClock
from tests.keys import a_key, b64, claims_of, header_of
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import CLIENT_ID, FakeBank

HOSTED = "https://fintech.example/requests"
OPTIONS: dict[str, Any] = {
    "profile": "fapi1-baseline",
    "sender_constraint": None,
    "response_type": "code id_token",
    "id_token_signed_response_alg": "ES256",
    "signed_requests": True,
    "hosted_requests": HOSTED,
}


@pytest.fixture
def bank() -> FakeBank:
    return FakeBank(dpop=False)


def query_of(url: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(url).query)


@pytest.mark.spec("FAPI1-ADV 5.2.3-2, -9; RFC 9101 5.2, 5a")
@pytest.mark.conformance("oidc-rp", "request-uri-signed-rs256")
@pytest.mark.parametrize("alg", ["ES256", "RS256"])
def test_the_server_fetches_the_signed_request(alg: str, clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank, **OPTIONS, request_signer=a_key(alg, 1))
    bank.fetch = lambda url: client.take_hosted_request(url.removeprefix(f"{HOSTED}/")).encode()
    start = client.begin(scope="openid accounts", max_age=60)
    query = query_of(start.url)
    assert set(query) == {"client_id", "request_uri", "response_type", "scope"}
    assert query["response_type"] == ["code id_token"]
    assert query["scope"] == ["openid accounts"]
    assert len(query["request_uri"][0]) <= 512
    assert not bank.calls("par")
    login = client.complete(bank.authorize(start.url), start.transaction)
    assert login.id_token.subject == "alice"
    request_object = login.evidence.export()["request_object"]
    assert header_of(request_object)["alg"] == alg
    inner = claims_of(request_object)
    assert inner["client_id"] == CLIENT_ID
    assert inner["max_age"] == 60


def test_a_request_is_fetched_once_and_each_has_its_own_address(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank, **OPTIONS)
    first, second = (query_of(client.begin().url)["request_uri"][0] for _ in range(2))
    assert first.partition("#")[0] != second.partition("#")[0]
    name = urlsplit(first).path.rsplit("/", 1)[1]
    taken = client.take_hosted_request(name)
    assert b64(hashlib.sha256(taken.encode()).digest()) == urlsplit(first).fragment
    assert client.take_hosted_request(name) is None


@pytest.mark.parametrize("name", ["", "a", "../par", "é" * 43, "x" * 43, "x" * 5000])
def test_nothing_else_is_given_out(name: str, clients: Clients, bank: FakeBank) -> None:
    assert clients.of(bank, **OPTIONS).take_hosted_request(name) is None


def test_a_request_is_kept_for_a_minute(clients: Clients, bank: FakeBank) -> None:
    clock = FrozenClock()
    client = clients.of(bank, **OPTIONS, store=MemoryStore(clock=clock))
    names = [urlsplit(query_of(client.begin().url)["request_uri"][0]).path.rsplit("/", 1)[1] for _ in "ab"]
    clock.advance(FETCHED_WITHIN - 1)
    assert client.take_hosted_request(names[0]) is not None
    clock.advance(1)
    assert client.take_hosted_request(names[1]) is None


def test_the_application_may_put_it_elsewhere(clients: Clients, bank: FakeBank) -> None:
    kept: dict[str, str] = {}

    def put(request_object: str) -> str:
        kept["https://cdn.example/7.jwt"] = request_object
        return "https://cdn.example/7.jwt"

    async def put_later(request_object: str) -> str:
        return put(request_object)

    client = clients.of(bank, **{**OPTIONS, "hosted_requests": put if clients.kind == "sync" else put_later})
    bank.fetch = lambda url: kept[url].encode()
    start = client.begin(scope="openid")
    assert query_of(start.url)["request_uri"][0].startswith("https://cdn.example/7.jwt#")
    assert client.complete(bank.authorize(start.url), start.transaction).id_token


def test_any_worker_gives_out_what_another_one_keeps(bank: FakeBank, tmp_path: Path) -> None:
    """Each process has its own client; the store is the same."""
    one, other = (
        Clients("sync").of(bank, **OPTIONS, store=SqliteStore(tmp_path / "logins.db")) for _ in range(2)
    )
    name = urlsplit(query_of(one.begin().url)["request_uri"][0]).path.rsplit("/", 1)[1]
    assert claims_of(other.take_hosted_request(name))["client_id"] == CLIENT_ID
    assert one.take_hosted_request(name) is None


REGISTERED = [f"{HOSTED}/{str(number) * 22}" for number in range(3)]


def test_each_registered_address_serves_one_request_at_a_time(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank, **{**OPTIONS, "hosted_requests": REGISTERED})
    bank.fetch = lambda url: client.take_hosted_request(url.removeprefix(f"{HOSTED}/")).encode()
    starts = [client.begin(scope="openid") for _ in REGISTERED]
    used = [query_of(start.url)["request_uri"][0].partition("#")[0] for start in starts]
    assert sorted(used) == REGISTERED
    with pytest.raises(StoreFull, match="register more"):
        client.begin(scope="openid")
    login = client.complete(bank.authorize(starts[1].url), starts[1].transaction)
    assert login.id_token.subject == "alice"
    assert query_of(client.begin(scope="openid").url)["request_uri"][0].startswith(f"{used[1]}#")


@pytest.mark.parametrize("address", [
    None, 7, "", "/7.jwt", "http://cdn.example/7", "https://cdn.example/7#hash", f"https://cdn.example/{'7' * 450}",
])  # fmt: skip
def test_what_the_application_returns_is_an_address(address: Any, clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank, **{**OPTIONS, "hosted_requests": lambda _: address})
    with pytest.raises(ConfigurationError, match="must return the https URL"):
        client.begin()


def test_a_store_that_does_not_answer_is_no_login(clients: Clients, bank: FakeBank) -> None:
    class Broken(MemoryStore):
        def put(self, *_: Any) -> None:
            raise StoreUnavailable("gone")

        async def aput(self, *_: Any) -> None:
            raise StoreUnavailable("gone")

    with pytest.raises(StoreUnavailable):
        clients.of(bank, **OPTIONS, store=Broken()).begin()


WRONG: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "under FAPI 2": (
        {"profile": "fapi2-message-signing", "response_type": "code", "sender_constraint": "dpop"},
        ForbiddenByProfile,
        "FAPI2-SP 5.3.2.2-3",
    ),
    "pushed too": ({"pushed_requests": True}, ConfigurationError, "RFC 9126 2.1-2"),
    "unsigned": ({"signed_requests": False}, ConfigurationError, "RFC 9101 5.2"),
    "in clear text": ({"hosted_requests": "http://fintech.example/requests"}, ConfigurationError, "RFC 9101 5.2"),
    "without a path": ({"hosted_requests": "https://fintech.example/"}, ConfigurationError, "RFC 9101 5.2"),
    "with a query": ({"hosted_requests": f"{HOSTED}?a=b"}, ConfigurationError, "RFC 9101 5.2"),
    "with a fragment": ({"hosted_requests": f"{HOSTED}#a"}, ConfigurationError, "RFC 9101 5.2"),
    "too long": ({"hosted_requests": f"{HOSTED}/{'a' * 420}"}, ConfigurationError, "RFC 9101 5.2"),
    "a name that can be guessed": ({"hosted_requests": [f"{HOSTED}/1"]}, ConfigurationError, "RFC 9101 5.2"),
    "an address twice": (
        {"hosted_requests": [*REGISTERED, REGISTERED[0]]}, ConfigurationError, "RFC 9101 5.2"
    ),
    "no address": ({"hosted_requests": []}, ConfigurationError, "RFC 9101 5.2"),
    "an address in clear text": (
        {"hosted_requests": [f"http://fintech.example/{'a' * 22}"]}, ConfigurationError, "RFC 9101 5.2"
    ),
    "neither address nor function": ({"hosted_requests": 7}, ConfigurationError, "RFC 9101 5.2"),
}  # fmt: skip


@pytest.mark.conformance("oidc-rp", "request-uri-signed-none")
@pytest.mark.parametrize("what", WRONG)
def test_hosting_that_cannot_be(what: str, clients: Clients, bank: FakeBank) -> None:
    options, error, clause = WRONG[what]
    with pytest.raises(error) as caught:
        clients.of(bank, **{**OPTIONS, **options})
    assert caught.value.clause == clause  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("members", "clause"),
    [
        ({"request_uri_parameter_supported": False}, "OIDC Discovery 3"),
        ({"require_pushed_authorization_requests": True}, "RFC 9126 5, 6"),
    ],
)
def test_a_bank_that_fetches_nothing(members: Any, clause: str, clients: Clients, bank: FakeBank) -> None:
    bank.faults["metadata"] = lambda document: {**document, **members}
    with pytest.raises(ConfigurationError) as caught:
        clients.of(bank, **OPTIONS)
    assert caught.value.clause == clause


def test_par_stays_the_way_where_nothing_is_said(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank, **{**OPTIONS, "hosted_requests": None})
    client.begin()
    assert bank.calls("par")


def test_the_client_registers_where_it_hosts(bank: FakeBank) -> None:
    asked = {
        "redirect_uris": ["https://fintech.example/callback"],
        "token_endpoint_auth_method": "private_key_jwt",
        "id_token_signed_response_alg": "ES256",
        "request_uris": REGISTERED,
    }
    bank.faults["register_answer"] = lambda _: (201, {}, {"client_id": "fintech", **asked})
    made = Client.register(bank.issuer, asked, profile="fapi1-baseline", http=bank.http())
    assert made.metadata["request_uris"] == REGISTERED
    for lost in ({}, {"request_uris": []}):
        members = {name: value for name, value in asked.items() if name != "request_uris"}
        bank.faults["register_answer"] = lambda _, m={**members, **lost}: (201, {}, {"client_id": "f", **m})
        with pytest.raises(Exception, match="another request_uris than was requested"):
            Client.register(bank.issuer, asked, profile="fapi1-baseline", http=bank.http())
    with pytest.raises(ConfigurationError, match="request_uris are https"):
        Client.register(
            bank.issuer,
            {**asked, "request_uris": ["http://fintech.example/r"]},
            profile="fapi1-baseline",
            http=bank.http(),
        )
