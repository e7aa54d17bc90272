"""Calling APIs: the header, the proof, nonces, one refresh, step-up, redirects, bodies, interaction ids."""

from __future__ import annotations

import io
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from fapikit.errors import ConfigurationError, InsecureUrl, Remedy, ResponseTooLarge, Unreachable
from rpkit.errors import (
    BodySpent,
    ForeignOrigin,
    NoAccessToken,
    OtherAuthorizationServer,
    StepUpRequired,
)
from tests.keys import claims_of
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import FakeBank
from tests.rpkit.logins import ACCOUNTS, ORIGIN, api_of, signed_in
from tests.rpkit.refusing_apis import invalid_token, refusing


@pytest.mark.spec("FAPI2-SP 5.3.3.1-3; FAPI1-BL 6.2.2-5; RFC 9449 4.2b")
def test_proof_and_token_go_together(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    with api_of(client, bank, login.tokens) as api:
        assert api.get("/accounts?page=2").status_code == 200
    call = bank.calls("accounts")[-1]
    token = login.tokens.access_token_for(None).reveal()
    assert call.headers["authorization"] == f"DPoP {token}"
    proof = claims_of(call.headers["dpop"])
    assert (proof["htm"], proof["htu"]) == ("GET", f"{ORIGIN}/accounts")
    uuid.UUID(call.headers["x-fapi-interaction-id"])


@pytest.mark.spec("RFC 9449 9")
def test_a_demanded_nonce_is_supplied_once(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    with api_of(client, bank, login.tokens) as api:
        bank.nonce = "changed meanwhile"
        before = len(bank.calls("accounts"))
        assert api.post("/accounts", json={"a": 1}).status_code == 200
        first, second = bank.calls("accounts")[before:]
    assert first.body == second.body == b'{"a":1}'
    assert claims_of(first.headers["dpop"])["jti"] != claims_of(second.headers["dpop"])["jti"]


def test_an_api_that_demands_nonces_for_ever_is_asked_twice(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    bank.faults["api_accounts"] = refusing(
        99, 401, {"www-authenticate": 'DPoP error="use_dpop_nonce"', "dpop-nonce": "another"}, {}
    )
    bank.nonces = False
    with api_of(client, bank, login.tokens) as api:
        assert api.get("/accounts").status_code == 401
    assert len(bank.calls("accounts")) == 2


@pytest.mark.spec("RFC 9449 8.2")
def test_nonces_are_learnt_from_success_too(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    with api_of(client, bank, login.tokens) as api:
        api.get("/accounts")
        before = len(bank.calls("accounts"))
        api.get("/accounts")
        assert len(bank.calls("accounts")) == before + 1


@pytest.mark.spec("RFC 9449 9")
def test_nonces_stay_at_their_own_server(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    known = client.bank.nonces.get(bank.issuer)
    assert known is not None
    with api_of(client, bank, login.tokens, base_url="https://other.example") as api:
        api.get("/accounts")
    first = next(call for call in bank.calls("accounts"))
    assert "nonce" not in claims_of(first.headers["dpop"])


def test_invalid_token_is_answered_with_one_refresh(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    bank.faults["api_accounts"] = invalid_token()
    with api_of(client, bank, login.tokens) as api:
        assert api.get("/accounts").status_code == 200
        assert api.tokens.version == login.tokens.version + 1
        assert api.tokens.access_token_for(None) != login.tokens.access_token_for(None)
    refreshes = [
        c for c in bank.calls("token") if c.form["grant_type"] == "refresh_token" and c.status == 200
    ]
    assert len(refreshes) == 1


def test_a_token_refused_again_is_not_refreshed_again(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    bank.faults["api_accounts"] = invalid_token(times=9)
    with api_of(client, bank, login.tokens) as api:
        assert api.get("/accounts").status_code == 401
    refreshes = [
        c for c in bank.calls("token") if c.form["grant_type"] == "refresh_token" and c.status == 200
    ]
    assert len(refreshes) == 1


def test_after_a_refresh_a_newer_nonce_may_be_demanded(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    bank.nonces = False
    demand = 'DPoP error="use_dpop_nonce"'
    answers: list[Any] = [
        (401, {"www-authenticate": demand, "dpop-nonce": "first"}, {}),
        (401, {"www-authenticate": 'DPoP error="invalid_token"'}, {}),
        (401, {"www-authenticate": demand, "dpop-nonce": "second"}, {}),
    ]
    bank.faults["api_accounts"] = lambda _call: answers.pop(0) if answers else None
    with api_of(client, bank, login.tokens) as api:
        assert api.get("/accounts").status_code == 200
    nonces = [claims_of(call.headers["dpop"]).get("nonce") for call in bank.calls("accounts")]
    assert nonces[1:] == ["first", "first", "second"]


def test_calls_have_a_timeout_and_take_no_proxy_from_the_environment(
    clients: Clients, bank: FakeBank
) -> None:
    client = clients.of(bank)
    with api_of(client, bank, signed_in(client, bank).tokens) as api:
        inner = api if clients.kind == "sync" else api.api
        assert inner.timeout.read == 10.0
        assert not inner.trust_env


def test_an_expired_token_is_refreshed_before_the_call(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    bank.clock.advance(896)  # within the margin before 900
    with api_of(client, bank, login.tokens) as api:
        assert api.get("/accounts").status_code == 200
    old = login.tokens.access_token_for(None).reveal()
    assert all(old not in call.headers["authorization"] for call in bank.calls("accounts"))


def test_without_refresh_token_an_expired_token_says_sign_in_again(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    bank.faults["token"] = lambda members: {k: v for k, v in members.items() if k != "refresh_token"}
    login = signed_in(client, bank)
    bank.clock.advance(1000)
    with api_of(client, bank, login.tokens) as api, pytest.raises(NoAccessToken) as caught:
        api.get("/accounts")
    assert caught.value.remedy == "sign in again"


def test_a_token_for_a_resource_not_held_is_fetched(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank, resources=[ACCOUNTS, f"{ORIGIN}/payments"], resource=ACCOUNTS)
    with api_of(client, bank, login.tokens, resource=f"{ORIGIN}/payments") as api:
        assert api.get("/payments").status_code == 200
        assert api.tokens.resources == (ACCOUNTS, f"{ORIGIN}/payments")
    assert bank.calls("token")[-1].form["resource"] == f"{ORIGIN}/payments"


@pytest.mark.spec("RFC 9470 4")
@pytest.mark.parametrize("status", [401, 403])
def test_step_up_says_what_to_ask_for(status: int, clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    challenge = 'DPoP error="insufficient_user_authentication", acr_values="high higher", max_age="300"'
    bank.faults["api_accounts"] = refusing(1, status, {"www-authenticate": challenge}, {})
    with api_of(client, bank, login.tokens) as api, pytest.raises(StepUpRequired) as caught:
        api.get("/accounts")
    assert caught.value.parameters == {"acr_values": ("high", "higher"), "max_age": 300}
    start = client.begin(scope="openid accounts", **caught.value.parameters)
    assert bank.calls("par")[-1].form["acr_values"] == "high higher"
    assert start.transaction.max_age == 300


@pytest.mark.parametrize("error", ["insufficient_user_authentication", "invalid_token"])
def test_a_challenge_beside_an_answer_that_is_no_refusal_says_nothing(
    error: str, clients: Clients, bank: FakeBank
) -> None:
    """What was executed is not lost in an exception, nor sent again."""
    client = clients.of(bank)
    login = signed_in(client, bank)
    bank.faults["api_accounts"] = refusing(9, 201, {"www-authenticate": f'DPoP error="{error}"'}, {})
    with api_of(client, bank, login.tokens) as api:
        assert api.post("/accounts").status_code == 201
    assert sum(call.status == 201 for call in bank.calls("accounts")) == 1


@pytest.mark.spec("RFC 9700 4.9.3")
def test_tokens_go_to_no_other_origin(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    before = len(bank.seen)
    with api_of(client, bank, login.tokens) as api:
        for url in (
            "https://evil.example/accounts",
            "http://bank.example/accounts",
            "https://bank.example:444/",
        ):
            with pytest.raises(ForeignOrigin):
                api.get(url)
    assert len(bank.seen) == before


@pytest.mark.parametrize(
    "resource", ["https://other.example/accounts", "urn:bank:accounts", "https://bank.example:x"]
)
@pytest.mark.spec("RFC 8707 2.2")
def test_a_token_for_one_api_goes_to_another_only_where_that_is_said(
    resource: str, clients: Clients, bank: FakeBank
) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank, resources=[resource])
    with pytest.raises(ConfigurationError) as caught:
        api_of(client, bank, login.tokens)
    assert dict(caught.value.facts) == {"resource": resource, "base_url": ORIGIN}
    with api_of(client, bank, login.tokens, resource=resource) as api:
        assert api.get("/accounts").status_code == 200


def test_of_several_tokens_none_is_guessed(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank, resources=[ACCOUNTS, f"{ORIGIN}/payments"], resource=ACCOUNTS)
    both = client.refresh(login.tokens, resource=f"{ORIGIN}/payments")
    with pytest.raises(ConfigurationError) as caught:
        api_of(client, bank, both)
    assert caught.value.facts["have"] == f"{ACCOUNTS} {ORIGIN}/payments"
    assert login.tokens.resources == (ACCOUNTS,)


def test_the_resource_stays_chosen_when_another_one_joins_the_set(clients: Clients, bank: FakeBank) -> None:
    """Another process got a token for a second API meanwhile: a refresh brings the whole set."""
    client = clients.of(bank)
    login = signed_in(client, bank, resources=[ACCOUNTS, f"{ORIGIN}/payments"], resource=ACCOUNTS)
    with api_of(client, bank, login.tokens) as api:
        client.refresh(login.tokens, resource=f"{ORIGIN}/payments")
        bank.clock.advance(1000)
        assert api.get("/accounts").status_code == 200
        assert api.tokens.resources == (f"{ORIGIN}/payments", ACCOUNTS)


@pytest.mark.spec("RFC 9700 4.11")
def test_redirects_are_never_followed_with_credentials(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    bank.faults["api_accounts"] = refusing(1, 307, {"location": f"{ORIGIN}/payments"}, {})
    with api_of(client, bank, login.tokens) as api:
        assert api.get("/accounts").status_code == 307
        with pytest.raises(ConfigurationError):
            api.get("/accounts", follow_redirects=True)
        with pytest.raises(ConfigurationError):
            api.get("/accounts", follow_redirects=1)
        assert api.get("/accounts", follow_redirects=False).status_code == 200
    with pytest.raises(ConfigurationError):
        api_of(client, bank, login.tokens, follow_redirects=True)
    assert not bank.calls("payments")


@pytest.mark.parametrize("option", [{"auth": ("user", "password")}, {"base_url": "https://x.example"}])
def test_what_carries_the_tokens_cannot_be_replaced(option: Any, clients: Clients, bank: FakeBank) -> None:
    from rpkit.api.auth import _safe

    with pytest.raises(ConfigurationError):
        _safe(option)


def test_base_url_must_be_secure(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    with pytest.raises(InsecureUrl):
        api_of(client, bank, login.tokens, base_url="http://bank.example")


def once(kind: str) -> Any:
    """A body that can be read once, of unknown length."""

    def chunks() -> Iterator[bytes]:
        yield b"payload"

    async def achunks() -> AsyncIterator[bytes]:
        yield b"payload"

    return chunks() if kind == "sync" else achunks()


@pytest.mark.spec("RFC 9449 9")
def test_a_body_that_can_be_read_once_is_not_sent_twice(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    with api_of(client, bank, login.tokens) as api:
        bank.nonce = "changed meanwhile"
        before = len(bank.calls("accounts"))
        with pytest.raises(BodySpent, match="nonce"):
            api.post("/accounts", content=once(clients.kind))
        assert len(bank.calls("accounts")) == before + 1
        assert api.post("/accounts", content=once(clients.kind)).status_code == 200
        bank.faults["api_accounts"] = invalid_token()
        with pytest.raises(BodySpent, match="refreshed"):
            api.post("/accounts", content=once(clients.kind))
        assert api.post("/accounts", content=once(clients.kind)).status_code == 200
        assert api.tokens.version == login.tokens.version + 1


@pytest.mark.spec("RFC 9449 9")
def test_a_form_with_files_is_sent_again(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    with api_of(client, bank, login.tokens) as api:
        bank.nonce = "changed meanwhile"
        before = len(bank.calls("accounts"))
        sent = {"data": {"kind": "passport"}, "files": {"scan": io.BytesIO(b"a picture")}}
        assert api.post("/accounts", **sent).status_code == 200
    first, second = bank.calls("accounts")[before:]
    assert first.body == second.body
    assert b"a picture" in first.body


def test_a_file_too_large_to_keep_is_not_kept(
    clients: Clients, bank: FakeBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rpkit.api.auth.MAX_KEPT", 100)
    client = clients.of(bank)
    login = signed_in(client, bank)
    with api_of(client, bank, login.tokens) as api:
        bank.nonce = "changed meanwhile"
        with pytest.raises(BodySpent):
            api.post("/accounts", files={"scan": io.BytesIO(b"x" * 100)})


def test_an_answer_that_is_too_long_is_cut_off(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    bank.faults["api_accounts"] = refusing(9, 200, {}, b"x" * 2000)
    with api_of(client, bank, login.tokens, max_bytes=1000) as api, pytest.raises(ResponseTooLarge):
        api.get("/accounts")
    with api_of(client, bank, login.tokens, max_bytes=2000) as api:
        assert len(api.get("/accounts").content) == 2000


def test_an_interaction_id_of_the_application_is_kept(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    own = str(uuid.uuid4())
    with api_of(client, bank, login.tokens) as api:
        api.get("/accounts", headers={"x-fapi-interaction-id": own})
        assert bank.calls("accounts")[-1].headers["x-fapi-interaction-id"] == own


def test_refreshes_go_over_rpkits_own_transport(clients: Clients, bank: FakeBank) -> None:
    """The API's own transport sees no token-endpoint call."""
    client = clients.of(bank)
    login = signed_in(client, bank)
    api_bank = FakeBank(clock=bank.clock, nonces=False)
    api_bank.faults["api_accounts"] = refusing(9, 200, {}, {})
    bank.clock.advance(1000)
    with client.api(login.tokens, base_url=ORIGIN, transport=api_bank.transport()) as api:
        assert api.get("/accounts").status_code == 200
    assert not api_bank.calls("token")
    assert bank.calls("token")[-1].form["grant_type"] == "refresh_token"


def test_a_refresh_that_cannot_be_decided_is_no_401(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    bank.faults["token_answer"] = lambda call: (302, {"location": "https://evil.example/"}, {})
    bank.clock.advance(1000)
    with api_of(client, bank, login.tokens) as api, pytest.raises(Exception, match="redirect") as caught:
        api.get("/accounts")
    assert type(caught.value).__name__ == "UnexpectedRedirect"
    assert not isinstance(caught.value, Unreachable)


@pytest.mark.spec("RFC 9728 3.3b")
def test_an_api_that_trusts_another_server_says_so(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    pointer = f"{ORIGIN}/.well-known/oauth-protected-resource/accounts"
    challenge = f'DPoP error="invalid_request", resource_metadata="{pointer}"'
    bank.faults["api_accounts"] = refusing(9, 401, {"www-authenticate": challenge}, {})
    bank.faults["metadata"] = lambda _: {
        "resource": f"{ORIGIN}/accounts",
        "authorization_servers": ["https://another.example"],
    }
    with api_of(client, bank, login.tokens) as api:
        with pytest.raises(OtherAuthorizationServer) as caught:
            api.get("/accounts")
        assert caught.value.authorization_servers == ("https://another.example",)
        assert "'https://another.example'" in str(caught.value), "both are shown"
        assert bank.issuer in str(caught.value)
        for spelt in (bank.issuer, bank.issuer.rstrip("/"), f"{bank.issuer} https://another.example"):
            bank.faults["metadata"] = lambda _, spelt=spelt: {
                "resource": f"{ORIGIN}/accounts",
                "authorization_servers": spelt.split() if " " in spelt else [spelt],
            }
            assert api.get("/accounts").status_code == 401


def test_metadata_on_another_host_is_not_fetched(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    challenge = 'DPoP error="x", resource_metadata="https://inner.example/.well-known/x"'
    bank.faults["api_accounts"] = refusing(1, 401, {"www-authenticate": challenge}, {})
    before = len(bank.seen)
    with api_of(client, bank, login.tokens) as api:
        assert api.get("/accounts").status_code == 401
    assert {call.path for call in bank.seen[before:]} == {"/accounts"}


def test_bearer_tokens_where_the_profile_allows_them(clients: Clients, bank: FakeBank) -> None:
    bank.dpop, bank.nonces = False, False
    client = clients.of(bank, profile="oauth-2.1", sender_constraint=None)
    login = signed_in(client, bank)
    with api_of(client, bank, login.tokens) as api:
        assert api.get("/accounts").status_code == 200
    assert bank.calls("accounts")[-1].headers["authorization"].startswith("Bearer ")
    assert "dpop" not in bank.calls("accounts")[-1].headers


def test_callers_event_hooks_see_the_calls(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    seen: list[str] = []

    async def ahook(request: Any) -> None:
        seen.append(str(request.url))

    def hook(request: Any) -> None:
        seen.append(str(request.url))

    hooks = {"request": [hook if clients.kind == "sync" else ahook], "response": []}
    with api_of(client, bank, login.tokens, event_hooks=hooks) as api:
        api.get("/accounts")
    assert set(seen) == {f"{ORIGIN}/accounts"}


def test_a_token_for_another_resource_is_told_from_one_that_has_ended(
    clients: Clients, bank: FakeBank
) -> None:
    client = clients.of(bank)
    own = client.client_credentials(scope="accounts")  # without resource=
    with api_of(client, bank, own, resource=ACCOUNTS) as api, pytest.raises(NoAccessToken) as caught:
        api.get("/accounts")
    assert f"no access token for {ACCOUNTS}, but one for no named resource" in str(caught.value)
    assert caught.value.remedy is Remedy.FIX_CONFIGURATION
    bank.clock.advance(3600)
    with api_of(client, bank, own) as api, pytest.raises(NoAccessToken, match="has ended") as ended:
        api.get("/accounts")
    assert ended.value.remedy is Remedy.SIGN_IN_AGAIN
    assert "client_credentials again" in str(ended.value)
