"""Token exchange and assertions at the client: what is sent, with which key, and what of the answer is used."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fapikit import PrivateKey, Secret
from fapikit.errors import ConfigurationError, PeerRefused, Remedy
from rpkit.errors import ForeignTransaction, NoAccessToken, UnaskedScope, WrongIssuedTokenType, WrongTokenType
from tests.keys import claims_of, header_of, mint
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import FakeBank, Seen
from tests.rpkit.logins import ACCOUNTS, signed_in

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TYPE = "urn:ietf:params:oauth:token-type:"
LEDGER = "https://ledger.example/"
ASSERTION = mint({"iss": "https://partner.example", "sub": "p-17"})


def answers(bank: FakeBank, **changes: Any) -> None:
    """The bank answers an exchange as it should, with these members changed; None takes one away."""

    def answer(members: dict[str, Any]) -> dict[str, Any]:
        given = {**members, "issued_token_type": f"{TYPE}access_token", **changes}
        return {name: value for name, value in given.items() if value is not None}

    bank.faults["token"] = answer


def sent(bank: FakeBank) -> Seen:
    return bank.calls("token")[-1]


def proof_key(call: Seen) -> Any:
    return header_of(call.headers["dpop"])["jwk"]


@pytest.mark.spec("RFC 8693 2.1a", "RFC 8693 2.1b")
def test_a_token_set_is_exchanged_with_its_own_key(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    tokens = signed_in(client, bank, resource=ACCOUNTS, resources=[ACCOUNTS]).tokens
    answers(bank, scope="accounts")
    details = [{"type": "payment", "amount": "10"}]
    given = client.exchange(tokens, resource=LEDGER, scope="accounts", authorization_details=details)
    assert sent(bank).form == {
        **sent(bank).form,
        "grant_type": EXCHANGE,
        "subject_token": tokens.access_token_for(ACCOUNTS).reveal(),
        "subject_token_type": f"{TYPE}access_token",
        "resource": LEDGER,
        "scope": "accounts",
    }
    assert json.loads(sent(bank).form["authorization_details"]) == details
    assert {"actor_token", "actor_token_type", "audience", "requested_token_type"}.isdisjoint(sent(bank).form)
    assert proof_key(sent(bank))["x"] == tokens.dpop.private.public_jwk["x"]
    assert (given.dpop, given.subject, given.scope) == (tokens.dpop, "alice", "accounts")
    assert given.has(LEDGER)
    assert given.grant != tokens.grant  # it never takes the place of the login's tokens
    assert "issued_token_type" not in given.further_members


def test_a_received_token_is_exchanged_with_a_new_key(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    answers(bank)
    first, second = client.exchange("received", audience="ledger"), client.exchange(Secret("received"))
    assert bank.calls("token")[-2].form["audience"] == "ledger"
    assert sent(bank).form["subject_token"] == "received"
    assert first.dpop.jkt != second.dpop.jkt
    assert first.subject is None


@pytest.mark.spec("RFC 8693 3", "RFC 8693 2.1c")
def test_an_id_token_and_an_actor_have_their_types(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    answers(bank)
    given = client.exchange(login.id_token, actor_token=login.tokens)
    form = sent(bank).form
    assert (form["subject_token"], form["subject_token_type"]) == (login.id_token.token, f"{TYPE}id_token")
    assert form["actor_token"] == login.tokens.access_token_for(None).reveal()
    assert form["actor_token_type"] == f"{TYPE}access_token"
    assert (given.subject, given.dpop) == ("alice", login.tokens.dpop)
    client.exchange("x", subject_token_type=f"{TYPE}jwt", actor_token="y", actor_token_type=f"{TYPE}saml2")
    form = sent(bank).form
    assert (form["subject_token_type"], form["actor_token_type"]) == (f"{TYPE}jwt", f"{TYPE}saml2")


@pytest.mark.spec("RFC 8693 2.2.1a", "RFC 8693 2.2.1b")
@pytest.mark.parametrize(
    "changes, error, why",
    [
        ({"issued_token_type": None}, WrongIssuedTokenType, "is missing"),
        ({"issued_token_type": f"{TYPE}refresh_token"}, WrongIssuedTokenType, "names another type"),
        ({"issued_token_type": f"{TYPE}id_token"}, WrongIssuedTokenType, "names another type"),
        ({"issued_token_type": 5}, WrongIssuedTokenType, "names another type"),
        ({"token_type": "N_A"}, WrongTokenType, "N_A"),
        ({"token_type": "Bearer"}, WrongTokenType, "Bearer"),
        ({"scope": "accounts payments"}, UnaskedScope, "payments"),
    ],
)
def test_one_thing_wrong_in_the_answer(
    clients: Clients, bank: FakeBank, changes: dict[str, Any], error: type[Exception], why: str
) -> None:
    client = clients.of(bank)
    answers(bank, refresh_token="kept", **changes)
    with pytest.raises(error, match=why) as refused:
        client.exchange("received", scope="accounts")
    assert refused.value.outcome == Secret("kept")  # type: ignore[attr-defined]


def test_what_cannot_be_exchanged_is_not_sent(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    before = len(bank.calls("token"))
    elsewhere = FakeBank(issuer="https://two.example/", clock=bank.clock)
    foreign = signed_in(clients.of(elsewhere), elsewhere)
    for handed_in in (foreign.tokens, foreign.id_token):
        with pytest.raises(ForeignTransaction, match="another"):
            client.exchange(handed_in)
    for nothing in ("", None, b"token"):
        with pytest.raises(ConfigurationError, match="subject_token is no token"):
            client.exchange(nothing)
    with pytest.raises(ConfigurationError, match="actor_token is no token"):
        client.exchange("received", actor_token="")
    with pytest.raises(ConfigurationError, match="different DPoP keys"):
        client.exchange(login.tokens, actor_token=_another(client, bank))
    with pytest.raises(NoAccessToken, match="for this resource"):
        client.exchange(login.tokens, subject_resource=LEDGER)
    first = signed_in(client, bank, resource=ACCOUNTS, resources=[ACCOUNTS, LEDGER])
    both = client.refresh(first.tokens, resource=LEDGER)
    with pytest.raises(ConfigurationError, match="several APIs: say which one with subject_resource"):
        client.exchange(both)
    bank.clock.advance(900)
    with pytest.raises(NoAccessToken, match="has expired"):
        client.exchange(login.tokens)
    sent_since = bank.calls("token")[before:]
    assert EXCHANGE not in {call.form["grant_type"] for call in sent_since}


def _another(client: Any, bank: FakeBank) -> Any:
    return signed_in(client, bank).tokens


def test_one_key_of_the_application_proves_both_tokens(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank, dpop_signer=PrivateKey.generate("ES256"))
    of_alice, of_bob = signed_in(client, bank).tokens, _another(client, bank)
    answers(bank)
    assert client.exchange(of_alice, actor_token=of_bob).dpop == of_alice.dpop


@pytest.mark.spec("RFC 8693 2.2.2a")
def test_a_refusal_keeps_the_words_of_the_server(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    told = {"error": "invalid_request", "error_description": "may_act names another actor: received"}
    bank.faults["token_answer"] = lambda _: (400, {}, told)
    with pytest.raises(PeerRefused) as refused:
        client.exchange("received")
    assert refused.value.peer_code == "invalid_request"
    assert "may_act names another actor" in refused.value.message
    assert "received" not in refused.value.message  # the token that was sent


# Assertions


@pytest.mark.spec("RFC 7523 2.1")
def test_an_assertion_is_sent_once_with_a_new_key(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    bank.faults["token"] = lambda members: {**members, "scope": "accounts"}
    given = client.jwt_bearer(ASSERTION, scope="accounts", resource=ACCOUNTS)
    form = sent(bank).form
    assert (form["grant_type"], form["assertion"]) == (BEARER, ASSERTION)
    assert (form["scope"], form["resource"]) == ("accounts", ACCOUNTS)
    assert claims_of(form["client_assertion"])["aud"] == bank.issuer
    assert given.has(ACCOUNTS)
    assert given.dpop.private.public_jwk["x"] == proof_key(sent(bank))["x"]
    client.jwt_bearer(Secret(ASSERTION), authorization_details=[{"type": "payment"}])
    assert json.loads(sent(bank).form["authorization_details"]) == [{"type": "payment"}]


@pytest.mark.spec("RFC 7521 4.1a")
def test_more_scope_than_was_asked_for_is_refused(clients: Clients, bank: FakeBank) -> None:
    bank.faults["token"] = lambda members: {**members, "scope": "accounts payments"}
    with pytest.raises(UnaskedScope, match="payments"):
        clients.of(bank).jwt_bearer(ASSERTION, scope="accounts")


@pytest.mark.parametrize("text", ["", "one", "a.b", "a.b.c.d"])
def test_what_is_no_jwt_is_not_sent(clients: Clients, bank: FakeBank, text: str) -> None:
    with pytest.raises(ConfigurationError, match="assertion is not a JWT"):
        clients.of(bank).jwt_bearer(text)
    assert not bank.calls("token")


@pytest.mark.spec("RFC 7523 3.1b")
def test_no_user_is_sent_to_sign_in_for_a_refused_assertion(clients: Clients, bank: FakeBank) -> None:
    bank.faults["token_answer"] = lambda _: (400, {}, {"error": "invalid_grant"})
    with pytest.raises(PeerRefused) as refused:
        clients.of(bank).jwt_bearer(ASSERTION)
    assert refused.value.remedy == Remedy.CORRECT_THE_REQUEST
