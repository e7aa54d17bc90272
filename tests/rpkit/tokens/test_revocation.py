"""Giving tokens back: all of them, the newest of them, and an error where none was taken."""

from __future__ import annotations

import pytest

from fapikit.errors import FapiError, PeerRefused
from tests.hands import Hand
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import FakeBank
from tests.rpkit.logins import signed_in


def test_revocation_gives_every_token_back(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    tokens = client.refresh(signed_in(client, bank).tokens)
    client.revoke(tokens)
    hints = [call.form["token_type_hint"] for call in bank.calls("revoke") if call.status == 200]
    assert hints == ["refresh_token", "access_token"]
    assert not bank.refresh_tokens


def test_revocation_by_a_stale_holder_revokes_the_newest(clients: Clients, bank: FakeBank) -> None:
    bank.rotate = True
    client = clients.of(bank)
    tokens = signed_in(client, bank).tokens
    newer = client.refresh(tokens)
    client.revoke(tokens)
    given_back = {call.form["token"] for call in bank.calls("revoke")}
    assert newer.refresh_token.reveal() in given_back


def test_a_refused_revocation_is_an_error(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    tokens = signed_in(client, bank).tokens
    bank.faults["revoke_answer"] = lambda _call: (400, {}, {"error": "invalid_client"})
    with pytest.raises(FapiError) as caught:
        client.revoke(tokens)
    assert caught.value.clause == "RFC 7009 2.2"
    bank.faults["revoke_answer"] = lambda call: (
        (400, {}, {"error": "unsupported_token_type"})
        if call.form["token_type_hint"] == "access_token"
        else None
    )
    client.revoke(tokens)


def test_a_revocation_that_revoked_nothing_is_an_error(clients: Clients, bank: FakeBank) -> None:
    """A server may refuse to revoke access tokens; where there is no refresh token, nothing has come to an end."""
    client = clients.of(bank)
    bank.faults["token"] = lambda members: {n: v for n, v in members.items() if n != "refresh_token"}
    tokens = signed_in(client, bank).tokens
    store = client.bank.settings.token_store
    Hand().run(store.save(tokens))
    bank.faults["revoke_answer"] = lambda _call: (400, {}, {"error": "unsupported_token_type"})
    with pytest.raises(PeerRefused) as caught:
        client.revoke(tokens)
    assert (caught.value.peer_code, caught.value.clause) == ("unsupported_token_type", "RFC 7009 2.2")
    assert Hand().run(store.load(tokens.key)) is None
