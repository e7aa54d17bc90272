"""Signing out at the server too: what the browser is sent with, and what it must come back with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from fapikit import Secret
from fapikit.errors import ForbiddenByProfile, MalformedMessage, MissingMetadata
from rpkit import complete_logout
from rpkit.errors import ForeignTransaction, MissingState, WrongState
from tests.mothers.clients import KINDS, Clients
from tests.mothers.fake_bank import CLIENT_ID, FakeBank
from tests.rpkit.logins import signed_in

BYE = "https://fintech.example/bye"


@pytest.fixture
def bank() -> FakeBank:
    there = "https://bank.example/logout?tenant=1"
    return FakeBank(faults={"metadata": lambda m: {**m, "end_session_endpoint": there}})


def fields_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


@pytest.mark.conformance("oidc-rp", "rp-init-logout")
@pytest.mark.parametrize("kind", KINDS)
def test_oidcc_client_test_rp_init_logout(kind: str, bank: FakeBank) -> None:
    clients = Clients(kind)
    client = clients.of(bank)
    login = signed_in(client, bank)
    start = client.begin_logout(login.id_token, post_logout_redirect_uri=BYE)
    assert fields_of(start.url) == {
        "tenant": "1",
        "client_id": CLIENT_ID,
        "id_token_hint": login.id_token.token,
        "post_logout_redirect_uri": BYE,
        "state": start.state.reveal(),
    }
    assert login.id_token.token not in repr(start)
    complete_logout(f"{BYE}?state={start.state.reveal()}", start.state)
    assert client.begin_logout(post_logout_redirect_uri=BYE).state != start.state
    clients.close()


def test_nobody_comes_back_where_no_address_is_given(bank: FakeBank) -> None:
    start = Clients("sync").of(bank).begin_logout()
    assert fields_of(start.url) == {"tenant": "1", "client_id": CLIENT_ID}
    assert start.state is None


@pytest.mark.conformance("oidc-rp", "rp-init-logout-other-state", "rp-init-logout-no-state")
@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("?state=mine1", WrongState),
        ("?state=", MissingState),
        ("", MissingState),
        ("#state=mine", MissingState),
        ("?state=mine&state=mine", MalformedMessage),
        ("[?state=%", MalformedMessage),
    ],
)
def test_oidcc_client_test_rp_init_logout_other_or_no_state(query: str, error: Any) -> None:
    with pytest.raises(error):
        complete_logout(f"{BYE}{query}", Secret("mine"))


def test_a_bank_does_not_learn_who_somebody_is_at_another_bank(bank: FakeBank) -> None:
    """RFC 9700 2.1d: what belongs to one server goes to no other."""
    client = Clients("sync").of(bank)
    id_token = signed_in(client, bank).id_token
    with pytest.raises(ForeignTransaction) as caught:
        client.begin_logout(replace(id_token, issuer="https://other-bank.example"))
    assert caught.value.facts["got"] == "https://other-bank.example"


def test_what_the_server_or_the_profile_does_not_have_is_said(bank: FakeBank) -> None:
    client = Clients("sync").of(bank)
    with pytest.raises(ForbiddenByProfile):
        client.begin_logout(post_logout_redirect_uri="http://fintech.example/bye")
    with pytest.raises(MissingMetadata):
        Clients("sync").of(FakeBank()).begin_logout()
