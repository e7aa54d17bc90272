"""What a newcomer hands over in the wrong form is named by its argument, before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest

import rpkit.flask
import rpkit.starlette
from fapikit import MemoryStore, PrivateKeyJWT, Seal
from fapikit.errors import ConfigurationError, PeerRefused, Remedy
from rpkit import Client, TokenStore
from tests.keys import a_key
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import REDIRECT_URI, FakeBank
from tests.rpkit.logins import ORIGIN, signed_in

SEAL = Seal([b"k" * 32])


@pytest.mark.parametrize("form", ["the start", "sealed"])
def test_complete_takes_the_transaction(form: str, clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    start = client.begin(scope="openid accounts")
    given: Any = start if form == "the start" else start.transaction.seal(SEAL)
    with pytest.raises(ConfigurationError, match=r"give start\.transaction, or what Transaction\.open"):
        client.complete(bank.authorize(start.url), given)
    assert not bank.calls("token")


@pytest.mark.parametrize("form", ["the login", "nobody's"])
def test_tokens_are_a_token_set(form: str, clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    given = login if form == "the login" else client.load_tokens("nobody")
    for use in (
        lambda: client.api(given, base_url=ORIGIN),
        lambda: client.refresh(given),
        lambda: client.revoke(given),
        lambda: client.save_tokens("alice", given),
    ):
        with pytest.raises(ConfigurationError, match=r"login\.tokens, or the TokenSet of load_tokens\(\)"):
            use()


def test_an_api_client_shows_its_api_and_no_token(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    with client.api(signed_in(client, bank).tokens, base_url=ORIGIN) as api:
        assert repr(getattr(api, "api", api)).endswith(f"ApiClient({ORIGIN})")


def test_userinfo_takes_the_login(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    with pytest.raises(ConfigurationError, match="userinfo takes a Login"):
        client.userinfo(signed_in(client, bank).tokens)


def test_authorization_details_are_objects_and_one_may_come_alone(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    detail = {"type": "payment_initiation"}
    alone = client.begin(scope="openid", authorization_details=detail)
    assert alone.transaction.authorization_details == (detail,)
    with pytest.raises(ConfigurationError, match="objects, each with a type"):
        client.begin(scope="openid", authorization_details="payment_initiation")


@pytest.mark.parametrize("method", ["begin", "device"])
@pytest.mark.parametrize("name", ["scope", "acr_values", "resources", "authorization_details"])
@pytest.mark.parametrize("value", [5, [5], None], ids=["a number", "a list of numbers", "None"])
def test_what_is_no_list_is_named(
    value: Any, name: str, method: str, clients: Clients, bank: FakeBank
) -> None:
    """None is no value of an optional argument. The scope has no such value: without openid nobody signs in."""
    use = getattr(clients.of(bank), method)
    if value is None and name != "scope":
        use(**{name: value})
        return
    with pytest.raises(ConfigurationError, match=name):
        use(**{name: value})
    assert not bank.calls("par")
    assert not bank.calls("device")


@pytest.mark.parametrize("keys", [b"k" * 32, "k" * 32, ["k" * 32], [], [b"short"]])
def test_a_seal_takes_a_list_of_keys(keys: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"Seal\(\[key\]\)"):
        Seal(keys)


@pytest.mark.parametrize(
    ("store", "seal"), [(SEAL, MemoryStore()), ("sqlite:///t.db", SEAL), (MemoryStore(), b"k" * 32)]
)
def test_a_token_store_takes_a_store_and_a_seal(store: Any, seal: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"a store is an object|must be a Seal"):
        TokenStore(store, seal)


def test_a_client_takes_a_store_and_not_its_url(clients: Clients, bank: FakeBank) -> None:
    with pytest.raises(ConfigurationError, match="store_from_url"):
        clients.of(bank, store="sqlite:///transactions.db")


@pytest.mark.parametrize("kind", [rpkit.flask.SignIn, rpkit.starlette.SignIn])
@pytest.mark.parametrize("asked", [{"scopes": "openid"}, {"resource_": "x"}, {"max_age": "60"}])
def test_sign_in_knows_a_misspelt_parameter_at_start_up(kind: Any, asked: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        kind(lambda: None, redirect_uri=REDIRECT_URI, seal=SEAL, on_login=lambda: None, **asked)


@pytest.mark.spec("RFC 7591 3")
def test_a_wrong_initial_access_token_is_ours_to_mend(bank: FakeBank) -> None:
    metadata = {
        "redirect_uris": [REDIRECT_URI],
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [a_key().public_jwk]},
        "id_token_signed_response_alg": "ES256",
    }
    bank.faults["register_answer"] = lambda _: (401, {}, {"error": "invalid_token"})
    with pytest.raises(PeerRefused) as refused:
        Client.register(bank.issuer, metadata, initial_access_token="plain text will do", http=bank.http())
    assert refused.value.remedy is Remedy.FIX_CONFIGURATION
    assert "plain text will do" in bank.calls("register")[0].headers["authorization"]


@pytest.mark.parametrize("code", ["invalid_client", "invalid_dpop_proof"])
def test_a_refusal_that_a_wrong_clock_brings_tells_the_servers(
    code: str, clients: Clients, bank: FakeBank
) -> None:
    date = "Sun, 22 Nov 2026 08:00:00 GMT"
    bank.faults["par_answer"] = lambda _: (
        400,
        {"date": date},
        {"error": code, "error_description": "too old"},
    )
    with pytest.raises(PeerRefused, match="that the clock here is right") as refused:
        clients.of(bank, auth=PrivateKeyJWT(a_key())).begin()
    assert refused.value.facts["server_date"] == date
    assert '"too old"' in str(refused.value)


def test_a_resource_spelt_otherwise_is_asked_about(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    tokens = signed_in(client, bank).tokens
    bank.faults["token_answer"] = lambda _: (400, {}, {"error": "invalid_target"})
    with pytest.raises(PeerRefused, match="letter by letter"):
        client.refresh(tokens, resource=f"{ORIGIN}/accounts/")
