"""Giving tokens back: every token of the set is tried, and what was refused is said."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from fapikit.errors import MissingMetadata, Remedy, Unreachable
from rpkit.errors import NotRevoked
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import FakeBank
from tests.rpkit.logins import ACCOUNTS, signed_in


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


NO_MORE = {"error": "unsupported_token_type"}
REVOCATIONS: dict[str, tuple[dict[str, Any], list[str], Remedy | None]] = {
    # by the kind of token: what the server answers; then what is said to be refused, and what to do
    "all well": ({}, [], None),
    "answered with 204": ({"refresh_token": (204, {}, b""), "access_token": (204, {}, b"")}, [], None),
    "answered with 202": ({"refresh_token": (202, {}, b"")}, [], None),
    "no revocation of access tokens": ({"access_token": (400, {}, NO_MORE)}, [], None),
    "no revocation of refresh tokens": (
        {"refresh_token": (400, {}, NO_MORE)},
        ["refresh token"],
        Remedy.TELL_THE_PEER,
    ),
    "the refresh token refused": (
        {"refresh_token": (400, {}, {"error": "invalid_client"})},
        ["refresh token"],
        Remedy.FIX_CONFIGURATION,
    ),
    "an access token refused": (
        {"access_token": (500, {}, {})},
        [f"access token for {ACCOUNTS}", "access token for https://bank.example/payments"],
        Remedy.RETRY_LATER,
    ),
    "everything refused": (
        {"refresh_token": (503, {}, {}), "access_token": (400, {}, {"error": "invalid_request"})},
        ["refresh token", f"access token for {ACCOUNTS}", "access token for https://bank.example/payments"],
        Remedy.RETRY_LATER,
    ),
}


@pytest.mark.spec("RFC 7009 2.1", "RFC 7009 2.2")
@pytest.mark.parametrize("what", REVOCATIONS)
def test_every_token_is_tried_and_then_said_which_were_refused(
    what: str, clients: Clients, bank: FakeBank
) -> None:
    answers, refused, remedy = REVOCATIONS[what]
    client = clients.of(bank)
    payments = "https://bank.example/payments"
    login = signed_in(client, bank, resources=[ACCOUNTS, payments], resource=ACCOUNTS)
    tokens = client.refresh(client.save_tokens("alice@app", login.tokens), resource=payments)
    bank.faults["revoke_answer"] = lambda call: answers.get(call.form["token_type_hint"])
    tried: set[str] = set()
    if refused:
        with pytest.raises(NotRevoked) as caught:
            client.revoke(tokens)
        assert [name for name, _ in caught.value.refused] == refused
        assert caught.value.remedy is remedy
        assert caught.value.clause == "RFC 7009 2.2"
        for name in refused:
            assert f"the {name}: https://bank.example/test/a/alias/revoke" in str(caught.value)
    else:
        client.revoke(tokens)
    tried = {call.form["token"] for call in bank.calls("revoke")}
    every = [tokens.refresh_token, *(token.value for token in tokens.access_tokens)]
    assert tried == {token.reveal() for token in every}
    # What could not be revoked can be tried again; what was revoked is forgotten.
    assert (client.load_tokens("alice@app") is None) is not bool(refused)
    del bank.faults["revoke_answer"]
    client.revoke(tokens)
    assert client.load_tokens("alice@app") is None


def test_a_server_that_cannot_be_reached_is_no_reason_to_try_fewer(bank: FakeBank) -> None:
    client = Clients("sync").of(bank)
    tokens = signed_in(client, bank).tokens
    asked: list[str] = []

    def broken(call: Any) -> Any:
        asked.append(call.form["token_type_hint"])
        raise httpx.ConnectError("refused")

    bank.faults["revoke_answer"] = broken
    with pytest.raises(NotRevoked) as caught:
        client.revoke(tokens)
    assert {"refresh_token", "access_token"} == set(asked)
    assert [type(error) for _, error in caught.value.refused] == [Unreachable, Unreachable]


def test_without_a_revocation_endpoint_that_is_said_and_not_three_times(
    clients: Clients, bank: FakeBank
) -> None:
    bank.faults["metadata"] = lambda m: {n: v for n, v in m.items() if n != "revocation_endpoint"}
    client = clients.of(bank)
    with pytest.raises(MissingMetadata):
        client.revoke(signed_in(client, bank).tokens)


def test_where_nothing_could_be_revoked_that_is_said(clients: Clients, bank: FakeBank) -> None:
    """A server that revokes no access tokens, and a login without a refresh token: nothing has ended there."""
    client = clients.of(bank)
    bank.faults["token"] = lambda members: {n: v for n, v in members.items() if n != "refresh_token"}
    tokens = signed_in(client, bank).tokens
    bank.faults["revoke_answer"] = lambda _call: (400, {}, NO_MORE)
    with pytest.raises(NotRevoked) as caught:
        client.revoke(tokens)
    assert len(caught.value.refused) == len(tokens.access_tokens)
