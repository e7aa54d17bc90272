"""The hybrid flow: the ID token that comes with the answer signs it, and agrees with the second one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from fapikit.errors import ConfigurationError, ForbiddenByProfile, MissingClaim, WrongHash, WrongNonce
from rpkit import Transaction
from rpkit.errors import AuthorizationRefused, BrokenContinuity, MissingIdToken, WrongResponseMode
from rpkit.login.transaction import SCHEMA
from tests.keys import claims_of
from tests.mothers.clients import KINDS, Clients
from tests.mothers.fake_bank import FakeBank

HYBRID: dict[str, Any] = {
    "profile": "fapi1-baseline",
    "response_type": "code id_token",
    "id_token_signed_response_alg": "ES256",
}


@pytest.fixture(params=KINDS)
def clients(request: pytest.FixtureRequest) -> Any:
    made = Clients(request.param)
    yield made
    made.close()


@pytest.fixture
def bank() -> FakeBank:
    return FakeBank()


def login(
    clients: Clients, bank: FakeBank, change: Callable[[str], Any] = lambda url: url, **options: Any
) -> Any:
    client = clients.of(bank, **{**HYBRID, **options})
    start = client.begin(scope="openid accounts")
    return client.complete(change(bank.authorize(start.url)), start.transaction)


def altered(**members: str | None) -> Callable[[str], str]:
    """The callback with members of its fragment replaced, or removed."""

    def change(url: str) -> str:
        fragment = {**dict(parse_qsl(urlsplit(url).fragment)), **members}
        kept = {name: value for name, value in fragment.items() if value is not None}
        return f"{url.partition('#')[0]}#{urlencode(kept)}"

    return change


@pytest.mark.spec("FAPI1-ADV 5.2.3.1-3, -4; OIDC 3.3.2.12, 3.3.3.6")
def test_code_and_state_are_signed(clients: Clients, bank: FakeBank) -> None:
    found = login(clients, bank)
    passed = {check.name for check in found.report if check.outcome == "passed"}
    assert {
        "signed response: c_hash",
        "signed response: s_hash",
        "both ID tokens are of one sign-in",
    } <= passed
    pushed = bank.calls("par")[-1].form
    assert pushed["response_type"] == "code id_token"
    assert "response_mode" not in pushed
    assert "s_hash" in claims_of(found.evidence.authorization_response)
    assert "s_hash" not in claims_of(found.id_token.token)


def test_the_answer_may_come_as_a_form(clients: Clients, bank: FakeBank) -> None:
    assert login(clients, bank, str.encode, response_mode="form_post").id_token.subject == "alice"


def test_at_hash_may_be_missing_and_the_second_token_may_say_more(clients: Clients, bank: FakeBank) -> None:
    bank.faults["front_id_token"] = lambda claims: {n: v for n, v in claims.items() if n != "auth_time"}
    bank.faults["id_token"] = lambda claims: {**claims, "name": "Alice"}
    assert login(clients, bank).id_token.claims["name"] == "Alice"


def without(name: str) -> Callable[[Any], Any]:
    return lambda claims: {key: value for key, value in claims.items() if key != name}


def one_more(name: str) -> Callable[[Any], Any]:
    return lambda claims: {**claims, name: f"{claims[name]}1"}


FRONT: dict[str, tuple[Callable[[Any], Any], type[Exception], str]] = {
    "c_hash of another code": (one_more("c_hash"), WrongHash, "c_hash"),
    "no c_hash": (without("c_hash"), MissingClaim, "c_hash"),
    "c_hash is a number": (lambda claims: {**claims, "c_hash": 7}, WrongHash, "c_hash"),
    "s_hash of another state": (one_more("s_hash"), WrongHash, "s_hash"),
    "no s_hash": (without("s_hash"), MissingClaim, "s_hash"),
    "another nonce": (one_more("nonce"), WrongNonce, ""),
    "no nonce": (without("nonce"), MissingClaim, "nonce"),
}


@pytest.mark.spec("FAPI1-ADV 5.2.3.1-4; OIDC 3.3.2.11")
@pytest.mark.parametrize(("change", "error", "claim"), FRONT.values(), ids=FRONT)
def test_refuses_before_the_code_is_used(
    change: Any, error: type[Exception], claim: str, clients: Clients, bank: FakeBank
) -> None:
    bank.faults["front_id_token"] = change
    with pytest.raises(error) as refused:
        login(clients, bank)
    assert refused.value.facts.get("claim", "") == claim  # type: ignore[attr-defined]
    assert bank.calls("token") == []


@pytest.mark.conformance("oidc-rp", "missing-athash")
@pytest.mark.parametrize(("change", "error"), [
    (altered(code="another"), WrongHash),
    (altered(id_token=None), MissingIdToken),
    (altered(access_token="at"), WrongResponseMode),
    (altered(response="jwt"), WrongResponseMode),
    (lambda url: url.replace("#", "?"), WrongResponseMode),
])  # fmt: skip
def test_refuses_an_answer_that_was_altered(
    change: Any, error: type[Exception], clients: Clients, bank: FakeBank
) -> None:
    with pytest.raises(error):
        login(clients, bank, change)
    assert bank.calls("token") == []


def test_an_answer_that_the_bank_did_not_sign_does_not_end_the_login(
    clients: Clients, bank: FakeBank
) -> None:
    client = clients.of(bank, **HYBRID)
    start = client.begin(scope="openid accounts")
    answer = bank.authorize(start.url)
    with pytest.raises(WrongHash):
        client.complete(altered(code="another")(answer), start.transaction)
    assert client.complete(answer, start.transaction).id_token.subject == "alice"


@pytest.mark.spec("OIDC 3.3.3.6")
@pytest.mark.parametrize("name", ["sub", "nonce", "auth_time", "acr"])
def test_refuses_a_second_id_token_of_another_sign_in(name: str, clients: Clients, bank: FakeBank) -> None:
    bank.acr = "loa2"
    other = {"sub": "mallory", "auth_time": int(bank.clock()) - 11, "acr": "loa3"}
    bank.faults["front_id_token" if name == "nonce" else "id_token"] = lambda claims: {
        **claims,
        name: other.get(name, claims["nonce"]),
    }
    if name == "nonce":  # the same in both is right, and any other is refused before
        assert login(clients, bank).id_token is not None
        return
    with pytest.raises(BrokenContinuity) as refused:
        login(clients, bank)
    assert refused.value.facts["claim"] == name


def test_an_error_comes_without_a_signature(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank, **HYBRID)
    start = client.begin(scope="openid")
    with pytest.raises(AuthorizationRefused):
        client.complete(bank.authorize(start.url, error="access_denied"), start.transaction)


def test_a_plain_answer_takes_no_id_token(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank, profile="fapi1-baseline", id_token_signed_response_alg="ES256")
    start = client.begin(scope="openid")
    callback = bank.authorize(start.url) + "&id_token=x"
    with pytest.raises(WrongResponseMode):
        client.complete(callback, start.transaction)


WRONG = {
    "beside JARM": ({"response_mode": "jwt"}, {}, ConfigurationError),
    "in a query": ({"response_mode": "query"}, {}, ConfigurationError),
    "under FAPI 2": ({"profile": "fapi2-security"}, {}, ForbiddenByProfile),
    "without openid": ({}, {"scope": "accounts"}, ConfigurationError),
    "another type for one login": ({}, {"response_type": "code"}, ForbiddenByProfile),
    "unknown": ({"response_type": "id_token"}, {}, ForbiddenByProfile),
}


@pytest.mark.parametrize(("options", "asked", "error"), WRONG.values(), ids=WRONG)
def test_a_hybrid_flow_that_cannot_be(
    options: Any, asked: Any, error: type[Exception], clients: Clients, bank: FakeBank
) -> None:
    with pytest.raises(error):
        clients.of(bank, **{**HYBRID, **options}).begin(**{"scope": "openid", **asked})
    assert bank.calls("par") == []


@pytest.mark.spec("FAPI1-ADV 5.2.2-2")
def test_fapi_1_advanced_wants_its_answers_signed(clients: Clients, bank: FakeBank) -> None:
    advanced = {
        "profile": "fapi1-advanced",
        "sender_constraint": "mtls",
        "id_token_signed_response_alg": "ES256",
    }
    assert clients.of(bank, **advanced).bank.settings.response_type == "code id_token"
    assert clients.of(bank, **advanced, response_mode="jwt").bank.settings.response_type == "code"
    with pytest.raises(ForbiddenByProfile, match="signed") as refused:
        clients.of(bank, **advanced, response_type="code", response_mode="fragment")
    assert refused.value.clause == "FAPI1-ADV 5.2.2-2"


def test_the_transaction_remembers_what_was_asked(bank: FakeBank) -> None:
    client = Clients("sync").of(bank, **HYBRID)
    transaction = client.begin(scope="openid").transaction
    again = Transaction.from_bytes(transaction.to_bytes())
    assert again.response_type == "code id_token"
    assert again.effective_response_mode == "fragment"
    assert SCHEMA == 2
