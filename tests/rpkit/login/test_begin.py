"""The authorization request: what is in it, how it is sent, what is refused."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from fapikit.errors import ConfigurationError, FapiError, ForbiddenByProfile, MalformedMessage, PeerRefused
from rpkit.errors import RetiredGrant
from tests.keys import claims_of
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import CLIENT_ID, REDIRECT_URI, FakeBank


def query_of(url: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(url).query)


def test_every_parameter_reaches_the_server(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    client.begin(
        scope=["openid", "accounts"],
        resources=["https://bank.example/a", "https://bank.example/b"],
        authorization_details=[{"type": "payment", "amount": "1"}],
        acr_values=["high", "low"],
        claims={"id_token": {"name": {"essential": True}}},
        max_age=0,
        prompt="login consent",
        login_hint="alice",
        id_token_hint="e30",
        ui_locales="de",
    )
    pushed = bank.calls("par")[-1]
    form = pushed.form
    assert [v for n, v in pushed.pairs if n == "resource"] == [
        "https://bank.example/a",
        "https://bank.example/b",
    ]
    assert json.loads(form["authorization_details"]) == [{"type": "payment", "amount": "1"}]
    assert json.loads(form["claims"]) == {"id_token": {"name": {"essential": True}}}
    assert form["acr_values"] == "high low"
    assert form["max_age"] == "0"
    assert (form["prompt"], form["login_hint"], form["id_token_hint"]) == ("login consent", "alice", "e30")
    assert (form["response_type"], form["redirect_uri"]) == ("code", REDIRECT_URI)
    assert form["dpop_jkt"]
    assert len({name for name, _ in pushed.pairs}) == len(pushed.pairs) - 1, "only resource repeats"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"resource": "https://bank.example/a"}, "resources="),
        ({"response_mode": "form_post"}, "set it where the client is made"),
        ({"scopes": "accounts"}, "did you mean scope"),
        ({"authorization_detail": []}, "did you mean authorization_details"),
        ({"maxage": 300}, "did you mean max_age"),
        ({"max_age": "300"}, "seconds"),
        ({"max_age": -1}, "seconds"),
        ({"max_age": True}, "seconds"),
    ],
)
def test_what_would_come_to_light_after_the_login_is_refused_before(
    given: dict[str, Any], said: str, clients: Clients, bank: FakeBank
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        clients.of(bank).begin(**given)
    assert not bank.calls("par")


def test_other_parameters_go_to_the_server(clients: Clients, bank: FakeBank) -> None:
    extensions = {"claims_locales": "de", "login_hint_token": "x", "purpose": "y", "audience": "z"}
    clients.of(bank).begin(**extensions)
    assert extensions.items() <= bank.calls("par")[-1].form.items()


@pytest.mark.spec("FAPI2-SP 5.3.3.2-4; RFC 9126 4a")
def test_nothing_is_reused(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    for _ in range(3):
        client.begin(scope="openid")
    pushed = [call.form for call in bank.calls("par") if call.status == 201]
    for name in ("state", "nonce", "code_challenge", "dpop_jkt", "client_assertion"):
        assert len({form[name] for form in pushed}) == 3, name


def test_without_openid_there_is_no_nonce(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    start = client.begin(scope="accounts")
    assert "nonce" not in bank.calls("par")[-1].form
    login = client.complete(bank.authorize(start.url), start.transaction)
    assert login.id_token is None
    assert login.tokens.subject is None


@pytest.mark.parametrize(
    "name", ["state", "nonce", "code_challenge", "client_id", "redirect_uri", "request", "dpop_jkt"]
)
def test_what_protects_the_login_cannot_be_given(name: str, clients: Clients, bank: FakeBank) -> None:
    with pytest.raises(ConfigurationError, match=name):
        clients.of(bank).begin(**{name: "fixed"})
    assert not bank.calls("par")


@pytest.mark.spec("RFC 9700 2.1.2, 2.4", "RFC 8252 8.2")
@pytest.mark.parametrize("response_type", ["token", "id_token token", "code token"])
def test_implicit_is_refused_with_the_clause_that_retired_it(
    response_type: str, clients: Clients, bank: FakeBank
) -> None:
    with pytest.raises(RetiredGrant) as caught:
        clients.of(bank).begin(response_type=response_type)
    assert caught.value.clause == "RFC 9700 2.1.2, 2.4"
    assert not bank.calls("par")


def test_other_response_types_are_refused(clients: Clients, bank: FakeBank) -> None:
    with pytest.raises(ForbiddenByProfile) as caught:
        clients.of(bank).begin(response_type="code id_token")
    assert caught.value.clause == "FAPI2-SP 5.3.2.2-1"


@pytest.mark.parametrize("grant", ["password", "implicit"])
def test_retired_grants_are_refused(grant: str, clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    with pytest.raises(RetiredGrant) as caught:
        client.grant(grant, username="alice", password="wonderland")
    assert caught.value.clause == "RFC 9700 2.1.2, 2.4"
    assert not bank.calls("token")


BAD: dict[str, dict[str, Any]] = {
    "details without a type": {"authorization_details": [{"amount": 1}]},
    "a relative resource": {"resources": ["/accounts"]},
    "a resource with a fragment": {"resources": ["https://bank.example/#x"]},
}


@pytest.mark.spec("RFC 9396 2")
@pytest.mark.parametrize("what", BAD)
def test_malformed_requests_are_not_sent(what: str, clients: Clients, bank: FakeBank) -> None:
    with pytest.raises(ConfigurationError):
        clients.of(bank).begin(**BAD[what])
    assert not bank.calls("par")


def test_details_of_a_type_that_the_server_does_not_list(clients: Clients, bank: FakeBank) -> None:
    bank.faults["metadata"] = lambda m: {**m, "authorization_details_types_supported": ["account"]}
    with pytest.raises(ConfigurationError, match="payment"):
        clients.of(bank).begin(authorization_details=[{"type": "payment"}])


def test_a_client_without_redirect_uri_signs_nobody_in(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank, redirect_uri=None)
    with pytest.raises(ConfigurationError):
        client.begin()
    assert client.client_credentials(scope="accounts").has(None)


def test_plain_request_where_the_profile_allows_it(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank, profile="oauth-2.1", pushed_requests=False)
    start = client.begin(scope="openid accounts", resources=["https://bank.example/a"])
    query = query_of(start.url)
    assert query["scope"] == ["openid accounts"]
    assert query["resource"] == ["https://bank.example/a"]
    assert query["code_challenge_method"] == ["S256"]
    assert query["client_id"] == [CLIENT_ID]
    assert not bank.calls("par")
    assert client.complete(bank.authorize(start.url), start.transaction).id_token


@pytest.mark.spec("RFC 9101 4a, 5a")
def test_request_object_by_value(clients: Clients, bank: FakeBank) -> None:
    """Beside the object stand client_id and what OIDC wants repeated, equal to the inner values; nothing else."""
    client = clients.of(bank, profile="oauth-2.1", pushed_requests=False, signed_requests=True)
    start = client.begin(scope="openid accounts", max_age=60)
    query = query_of(start.url)
    assert set(query) == {"client_id", "request", "response_type", "scope"}
    inner = claims_of(query["request"][0])
    assert inner["client_id"] == query["client_id"][0] == CLIENT_ID
    assert inner["scope"] == query["scope"][0]
    assert inner["max_age"] == 60
    login = client.complete(bank.authorize(start.url), start.transaction)
    assert login.evidence.export()["request_object"] == query["request"][0]


def test_an_authorization_endpoint_with_a_query_keeps_it(clients: Clients, bank: FakeBank) -> None:
    bank.faults["metadata"] = lambda m: {
        **m,
        "authorization_endpoint": m["authorization_endpoint"] + "?tenant=1",
    }
    assert query_of(clients.of(bank).begin().url)["tenant"] == ["1"]


PAR_ANSWERS: dict[str, tuple[dict[str, Any], type[FapiError], str]] = {
    "no request_uri": ({"expires_in": 60}, MalformedMessage, "request_uri of the PAR response is missing"),
    "an empty request_uri": ({"request_uri": "", "expires_in": 60}, MalformedMessage, "is missing"),
    "a request_uri that is no text": ({"request_uri": ["urn:x"]}, MalformedMessage, "is not a string"),
    "an error in its place": ({"error": "invalid_scope"}, PeerRefused, "refused: invalid_scope"),
}


@pytest.mark.spec("RFC 9126 2.2")
@pytest.mark.parametrize("what", PAR_ANSWERS)
def test_par_answers_without_a_request_uri(what: str, clients: Clients, bank: FakeBank) -> None:
    members, error, text = PAR_ANSWERS[what]
    bank.faults["par"] = lambda _: members
    with pytest.raises(error, match=text) as caught:
        clients.of(bank).begin()
    assert caught.value.clause == "RFC 9126 2.2"


@pytest.mark.parametrize("expires_in", [None, "60", 0, True, [60]])
@pytest.mark.parametrize("status", [200, 201, 202])
def test_nothing_hangs_on_the_rest_of_a_par_answer(
    status: int, expires_in: Any, clients: Clients, bank: FakeBank
) -> None:
    bank.faults["par_answer"] = lambda _: (status, {}, {"request_uri": "urn:x", "expires_in": expires_in})
    assert "request_uri=urn%3Ax" in clients.of(bank).begin().url


def test_a_par_refusal_carries_the_servers_code_and_words(clients: Clients, bank: FakeBank) -> None:
    members = {"error": "invalid_authorization_details", "error_description": "no such account"}
    bank.faults["par_answer"] = lambda _: (400, {}, members)
    with pytest.raises(PeerRefused, match='invalid_authorization_details, "no such account"') as caught:
        clients.of(bank).begin()
    assert caught.value.peer_code == "invalid_authorization_details"
    assert caught.value.peer_description == "no such account"


def test_a_nonce_is_supplied_once_at_par(clients: Clients, bank: FakeBank) -> None:
    bank.faults["par_answer"] = lambda _: (400, {"dpop-nonce": "more"}, {"error": "use_dpop_nonce"})
    with pytest.raises(PeerRefused) as caught:
        clients.of(bank).begin()
    assert caught.value.peer_code == "use_dpop_nonce"
    assert len(bank.calls("par")) == 2
    first, second = (call.form["client_assertion"] for call in bank.calls("par"))
    assert claims_of(first)["jti"] != claims_of(second)["jti"]


def test_nothing_secret_shows(clients: Clients, bank: FakeBank) -> None:
    start = clients.of(bank).begin()
    transaction = start.transaction
    shown = repr(start) + repr(transaction) + str(transaction)
    for secret in (transaction.state, transaction.verifier, transaction.nonce):
        assert secret is not None
        assert secret.reveal() not in shown
    assert start.url not in shown
