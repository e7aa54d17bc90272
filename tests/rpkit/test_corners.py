"""What seldom happens: servers that cannot, answers that make no sense, locks that stay, pages that overflow."""

from __future__ import annotations

from typing import Any

import pytest

from fapikit import MemoryStore
from fapikit.client_authentication import PublicClient
from fapikit.errors import (
    ConfigurationError,
    DeadlineExceeded,
    FapiError,
    MalformedMessage,
    MissingMetadata,
    UnexpectedStatus,
)
from fapikit.stores.sealed import Seal
from rpkit import Client, Registry, TokenStore
from rpkit.errors import AuthorizationResponseError, StepUpRequired
from rpkit.grants.refresh_token import refresh
from rpkit.web.browser_logins import may_start, returned, started
from rpkit.web.messages import MAX_BODY, WebRequest
from rpkit.web.pages import failed
from tests.hands import Hand
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import REDIRECT_URI, FakeBank
from tests.rpkit.logins import api_of, signed_in
from tests.rpkit.web.sites import SITES

SEAL = Seal([b"k" * 32])


def without(name: str) -> Any:
    return lambda members: {key: value for key, value in members.items() if key != name}


# Requests.


def test_no_scope_and_a_single_resource(clients: Clients, bank: FakeBank) -> None:
    clients.of(bank).begin(scope="", resources="https://bank.example/accounts")
    form = bank.calls("par")[-1].form
    assert "scope" not in form
    assert form["resource"] == "https://bank.example/accounts"


@pytest.mark.parametrize("options", [{}, {"response_mode": "jwt"}])
def test_a_server_without_keys_is_asked_for_nothing_signed(
    options: dict[str, Any], clients: Clients, bank: FakeBank
) -> None:
    bank.faults["metadata"] = without("jwks_uri")
    client = clients.of(bank, **options)
    with pytest.raises(MissingMetadata, match="jwks_uri"):
        client.begin(scope="openid" if not options else "accounts")
    assert not bank.calls("par")


def test_no_common_proof_algorithm(clients: Clients, bank: FakeBank) -> None:
    bank.faults["metadata"] = lambda m: {**m, "dpop_signing_alg_values_supported": ["RS256", "ES512"]}
    with pytest.raises(ConfigurationError) as caught:
        clients.of(bank).begin()
    assert caught.value.clause == "RFC 9449 5.1"


def test_a_public_client_has_no_credentials(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank, profile="oauth-2.1", auth=PublicClient())
    with pytest.raises(ConfigurationError):
        client.client_credentials(scope="accounts")
    assert not bank.calls("token")


# Answers.


def test_a_nonce_beside_nonsense_is_no_demand(clients: Clients, bank: FakeBank) -> None:
    bank.nonces = False
    bank.faults["par_answer"] = lambda _: (400, {"dpop-nonce": "n"}, b"<html>")
    with pytest.raises(UnexpectedStatus):
        clients.of(bank).begin()
    assert len(bank.calls("par")) == 1


def test_a_challenge_that_cannot_be_read_leaves_the_answer_as_it_is(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    bank.nonces = False
    bank.faults["api_accounts"] = lambda _: (401, {"www-authenticate": 'DPoP error="invalid_token'}, {})
    with api_of(client, bank, login.tokens) as api:
        assert api.get("/accounts").status_code == 401
    assert len(bank.calls("accounts")) == 1


def test_step_up_may_name_a_scope(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    challenge = 'DPoP error="insufficient_user_authentication", scope="openid payments", max_age="-1"'
    bank.faults["api_accounts"] = lambda _: (401, {"www-authenticate": challenge}, {})
    with api_of(client, bank, login.tokens) as api, pytest.raises(StepUpRequired) as caught:
        api.get("/accounts")
    assert caught.value.scope == "openid payments"
    client.begin(scope="openid accounts payments", **caught.value.parameters)  # which name no second scope


def test_a_code_in_a_signed_response_is_text(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank, response_mode="jwt")
    start = client.begin()
    bank.faults["jarm"] = lambda claims: {**claims, "code": ["a"]}
    with pytest.raises(AuthorizationResponseError) as caught:
        client.complete(bank.authorize(start.url), start.transaction)
    assert caught.value.clause == "JARM 2.1a"


@pytest.mark.parametrize("nothing", [None, ""], ids=["null", "empty"])
def test_an_optional_claim_of_a_signed_response_without_a_value_is_absent(
    nothing: str | None, clients: Clients, bank: FakeBank
) -> None:
    client = clients.of(bank, response_mode="jwt")
    start = client.begin()
    bank.faults["jarm"] = lambda claims: {**claims, "iat": nothing, "nbf": nothing, "error": nothing}
    assert client.complete(bank.authorize(start.url), start.transaction).tokens.access_tokens


def test_userinfo_answers(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    bank.nonce = "changed meanwhile"
    assert client.userinfo(login).subject == "alice"
    bank.faults["api_userinfo"] = lambda _: (200, {}, b"alice")
    with pytest.raises(MalformedMessage):
        client.userinfo(login)
    bank.faults["api_userinfo"] = lambda _: (403, {}, {})
    with pytest.raises(UnexpectedStatus):
        client.userinfo(login)


# Locks.


def test_a_refresh_that_another_process_never_ends_is_given_up(bank: FakeBank) -> None:
    store = MemoryStore(clock=bank.clock)
    client: Client = Clients("sync").of(bank, token_store=TokenStore(store, SEAL))
    tokens = signed_in(client, bank).tokens
    store.put(f"{tokens.key.store_key}:lock", b"another process", 3600)
    hand = Hand()
    with pytest.raises(DeadlineExceeded):
        hand.run(refresh(client.bank, tokens))
    assert 20 < sum(hand.slept) < 45
    assert not hand.requests


def test_what_is_published_between_look_and_lock_is_taken(bank: FakeBank) -> None:
    class Late(MemoryStore):
        """Another process publishes just before we get the lock."""

        newer: Any = None

        def add(self, key: str, value: bytes, ttl: float) -> bool:
            if self.newer is not None:
                self.put(self.newer.key.store_key, self.newer.to_bytes(), 60)
            return super().add(key, value, ttl)

    store = Late(clock=bank.clock)
    client: Client = Clients("sync").of(bank, token_store=TokenStore(store, None))
    tokens = client.save_tokens("alice@app", signed_in(client, bank).tokens)
    newer = Clients("sync").of(bank).refresh(tokens)
    store.newer = newer
    before = len(bank.calls("token"))
    assert client.refresh(tokens).access_token_for(None) == newer.access_token_for(None)
    assert len(bank.calls("token")) == before


# Pages.


@pytest.mark.parametrize("framework", SITES)
def test_pages_of_a_client_with_another_redirect_uri_say_so(framework: str, bank: FakeBank) -> None:
    site, browser = SITES[framework](bank, redirect_uri="https://fintech.example/elsewhere")
    assert browser.post("/login").status == 500
    assert not bank.calls("par")
    assert not site.logins


def a_post(body: bytes = b"", **headers: str) -> WebRequest:
    return WebRequest("POST", "/callback", headers, {}, body)


def test_a_posted_answer_has_a_limit() -> None:
    with pytest.raises(MalformedMessage):
        returned(a_post(b"a" * (MAX_BODY + 1)), REDIRECT_URI, seal=SEAL)


@pytest.mark.parametrize("response", ["", "x", "a.b", "a.!.c", "a.e30.c"])
def test_a_response_without_a_readable_state_finds_no_cookie(response: str) -> None:
    with pytest.raises(FapiError):
        returned(a_post(f"response={response}".encode()), REDIRECT_URI, seal=SEAL)


def test_only_a_post_starts_a_login() -> None:
    request = WebRequest("GET", "/login", {"sec-fetch-site": "same-origin"}, {})
    assert not may_start(request, REDIRECT_URI)


def test_a_login_too_large_for_cookies_is_refused(bank: FakeBank) -> None:
    client = Clients("sync").of(bank)
    start = client.begin(authorization_details=[{"type": "pay", "note": "x" * 12_000}])
    with pytest.raises(MalformedMessage):
        started(start, a_post(), seal=SEAL, now=bank.clock())


def test_a_page_tells_the_user_what_to_do_and_nothing_else() -> None:
    for error, status in ((ConfigurationError("secret"), 500), (MalformedMessage("secret"), 400)):
        page = failed(error)
        assert page.status == status
        assert "secret" not in page.body


def test_a_registry_knows_its_banks_by_issuer() -> None:
    with pytest.raises(ConfigurationError):
        Registry({}).name_of("https://unknown.example")
