"""What has happened at the bank is kept and handed over, whatever else displeases in how the bank told of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fapikit import FapiError, MemoryStore, Seal
from fapikit.errors import (
    BadSignature,
    ForbiddenAlgorithm,
    MalformedJwt,
    MalformedMessage,
    PeerRefused,
    StoreUnavailable,
    TransportError,
    UnexpectedStatus,
)
from fapikit.http_message import HttpResponse
from rpkit import TokenSet, TokenStore
from rpkit.errors import BrokenContinuity, GrantEnded, TokenResponseError, WrongTokenType
from tests.keys import a_key, b64, mint
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import FakeBank, Seen
from tests.rpkit.logins import signed_in

SEAL = Seal([b"s" * 32])
Change = Callable[[FakeBank, dict[str, Any]], dict[str, Any]]


def with_id_token(text: Any) -> Change:
    return lambda bank, members: {**members, "id_token": text(bank) if callable(text) else text}


def id_token(key: Any = None, **changes: Any) -> Callable[[FakeBank], str]:
    def made(bank: FakeBank) -> str:
        now = int(bank.clock())
        claims = {
            "iss": bank.issuer,
            "sub": "alice",
            "aud": "fintech",
            "iat": now,
            "exp": now + 300,
            **changes,
        }
        return mint(claims, key or bank.key)

    return made


def forged(bank: FakeBank) -> str:
    """Signed by somebody else's key under the bank's kid."""
    head, body, _ = id_token()(bank).split(".")
    return f"{head}.{body}.{b64(a_key('ES256', 9).sign(f'{head}.{body}'.encode()))}"


# A rotating bank's answer to a refresh, each with one thing wrong, and what is raised.
DISPLEASES: dict[str, tuple[Change, type[FapiError]]] = {
    "an ID token of another algorithm": (with_id_token(id_token(a_key("PS256"))), ForbiddenAlgorithm),
    "an ID token of another key": (with_id_token(lambda bank: forged(bank)), BadSignature),
    "an ID token of another user": (with_id_token(id_token(sub="mallory")), BrokenContinuity),
    "an ID token that has expired": (with_id_token(id_token(exp=1)), FapiError),
    "an ID token that is no JWT": (with_id_token("nonsense"), MalformedJwt),
    "an encrypted ID token": (with_id_token("a.b.c.d.e"), MalformedJwt),
    "an ID token that is an object": (with_id_token({"sub": "alice"}), TokenResponseError),
    "no token type": (lambda _, m: {**m, "token_type": None}, TokenResponseError),
    "a token type of another kind": (lambda _, m: {**m, "token_type": "Bearer"}, WrongTokenType),
    "no access token": (lambda _, m: {**m, "access_token": None}, TokenResponseError),
    "an access token with a line break": (lambda _, m: {**m, "access_token": "a\nb"}, TokenResponseError),
    "malformed details": (lambda _, m: {**m, "authorization_details": "x"}, TokenResponseError),
    "an error beside the new token": (
        lambda _, m: {"error": "server_error", "refresh_token": m["refresh_token"]},
        PeerRefused,
    ),
}


def stored_client(clients: Clients, bank: FakeBank, store: Any = None) -> Any:
    return clients.of(bank, token_store=TokenStore(MemoryStore() if store is None else store, SEAL))


@pytest.mark.spec("RFC 6749 6", "FAPI2-SP 5.3.3.1-6")
@pytest.mark.parametrize("what", DISPLEASES)
def test_a_rotated_refresh_token_outlives_a_refused_answer(
    what: str, clients: Clients, bank: FakeBank
) -> None:
    change, expected = DISPLEASES[what]
    bank.rotate = True
    client = stored_client(clients, bank)
    tokens = client.save_tokens("alice@app", signed_in(client, bank).tokens)
    bank.faults["token"] = lambda members: change(bank, members)
    with pytest.raises(expected) as refused:
        client.refresh(tokens)
    (live,) = bank.refresh_tokens  # the bank has forgotten the old one

    # In the error, for an application that keeps its sets itself; and in the store, for everybody else.
    kept = TokenSet.kept_in(refused.value)
    assert kept is not None
    assert kept.refresh_token is not None
    assert kept.refresh_token.reveal() == live
    assert client.load_tokens("alice@app").refresh_token == kept.refresh_token
    # The access token of that answer is nobody's to use: whose it is, or how it is bound, is not known.
    assert kept.access_tokens == tokens.access_tokens
    assert live not in f"{refused.value!r} {refused.value} {kept!r} {dict(refused.value.facts)}"

    del bank.faults["token"]
    assert client.refresh(tokens).access_token_for(None) != tokens.access_token_for(None)


def test_where_the_bank_rotates_nothing_there_is_nothing_to_hand_over(
    clients: Clients, bank: FakeBank
) -> None:
    client = stored_client(clients, bank)
    tokens = signed_in(client, bank).tokens
    same = tokens.refresh_token.reveal()
    for members in ({"access_token": "a"}, {"access_token": "a", "refresh_token": same}):
        bank.faults["token"] = lambda _, members=members: members
        with pytest.raises(TokenResponseError) as refused:
            client.refresh(tokens)
        assert TokenSet.kept_in(refused.value) is None


class FailingAfterTheCall(MemoryStore):
    """Answers until the token endpoint has been called, and then no more."""

    def __init__(self, bank: FakeBank) -> None:
        super().__init__()
        self.bank, self.down = bank, False

    def swap(self, key: str, expected: bytes | None, new: bytes, ttl: float) -> bool:
        if self.down:
            raise StoreUnavailable("down")
        return super().swap(key, expected, new, ttl)


@pytest.mark.parametrize("answer", ["good", "refused"])
def test_a_store_that_fails_loses_no_token_either(
    answer: str, clients: Clients, bank: FakeBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rpkit.tokens.token_store.LOCK_TTL", 0.5)  # the last refresh waits for its end
    bank.rotate = True
    store = FailingAfterTheCall(bank)
    client = stored_client(clients, bank, store)
    tokens = client.save_tokens("alice@app", signed_in(client, bank).tokens)

    def fail(members: dict[str, Any]) -> dict[str, Any]:
        store.down = True
        return members if answer == "good" else {**members, "token_type": ""}

    bank.faults["token"] = fail
    with pytest.raises(StoreUnavailable if answer == "good" else TokenResponseError) as refused:
        client.refresh(tokens)
    kept = TokenSet.kept_in(refused.value)
    assert kept is not None
    assert kept.refresh_token is not None
    assert kept.refresh_token.reveal() in bank.refresh_tokens
    # A good answer is whole: with its access token too.
    assert (kept.access_tokens != tokens.access_tokens) is (answer == "good")
    store.down = False
    del bank.faults["token"]
    client.save_tokens("alice@app", kept)
    assert client.refresh(kept).version > kept.version


def test_a_lock_that_cannot_be_given_back_hides_no_success(bank: FakeBank) -> None:
    class Store(MemoryStore):
        def swap(self, key: str, expected: bytes | None, new: bytes, ttl: float) -> bool:
            if key.endswith(":lock"):
                raise StoreUnavailable("down")
            return super().swap(key, expected, new, ttl)

    client = stored_client(Clients("sync"), bank, Store())
    tokens = client.save_tokens("alice@app", signed_in(client, bank).tokens)
    assert client.refresh(tokens).version == 2


def test_the_keys_that_cannot_be_had_keep_the_rotated_token(clients: Clients, bank: FakeBank) -> None:
    bank.rotate = True
    client = stored_client(clients, bank)
    tokens = client.save_tokens("alice@app", signed_in(client, bank).tokens)
    bank.clock.advance(100_000)  # past all that keys are kept for
    bank.faults["refresh_id_token"] = lambda claims: claims
    bank.faults["jwks"] = lambda _: b"<html>"
    with pytest.raises(TransportError) as refused:
        client.refresh(tokens)
    kept = TokenSet.kept_in(refused.value)
    assert kept is not None
    assert kept.refresh_token != tokens.refresh_token


def test_an_answer_that_cannot_be_read_at_all_is_handed_over_as_it_came(
    clients: Clients, bank: FakeBank
) -> None:
    bank.rotate = True
    client = clients.of(bank)
    tokens = signed_in(client, bank).tokens
    bank.faults["token_answer"] = lambda call: (200, {}, b'{"refresh_token": "rt-2", "broken')
    with pytest.raises(MalformedMessage) as refused:
        client.refresh(tokens)
    answer = refused.value.outcome
    assert isinstance(answer, HttpResponse)
    assert b"rt-2" in answer.body
    assert "rt-2" not in f"{answer!r} {refused.value}"


# --- When a grant has ended, that is what is said -------------------------------------------------

ENDED: dict[str, Any] = {
    "as the RFC has it": (400, {}, {"error": "invalid_grant"}),
    "labelled as text": (400, {"content-type": "text/plain"}, {"error": "invalid_grant"}),
    "labelled as a page": (401, {"content-type": "text/html"}, {"error": "invalid_grant"}),
    "under 200": (200, {}, {"error": "invalid_grant"}),
    "with a mark before it": (400, {}, b'\xef\xbb\xbf{"error":"invalid_grant"}'),
}


@pytest.mark.parametrize("how", ENDED)
def test_a_grant_that_ended_says_so_however_it_is_told(how: str, clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    tokens = signed_in(client, bank).tokens
    bank.faults["token_answer"] = lambda _call: ENDED[how]
    with pytest.raises(GrantEnded, match="refused: invalid_grant"):
        client.refresh(tokens)


def test_the_banks_words_are_in_the_error_and_our_token_is_not(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    tokens = signed_in(client, bank).tokens

    def refuse(call: Seen) -> Any:
        said = f"token {call.form['refresh_token']} was\nreplayed"
        return 400, {}, {"error": "invalid_grant", "error_description": said}

    bank.faults["token_answer"] = refuse
    with pytest.raises(GrantEnded) as ended:
        client.refresh(tokens)
    assert 'refused: invalid_grant, "token *** was\\nreplayed"' in str(ended.value)


def test_a_server_that_failed_has_not_ended_a_grant(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    tokens = signed_in(client, bank).tokens
    bank.faults["token_answer"] = lambda _call: (500, {}, {"error": "invalid_grant"})
    with pytest.raises(UnexpectedStatus, match=": invalid_grant"):
        client.refresh(tokens)
