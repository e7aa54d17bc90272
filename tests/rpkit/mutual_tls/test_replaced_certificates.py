"""The client's certificate is replaced: tokens of the old one are refreshed, or refused, and never sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fapikit import MemoryStore, Seal
from rpkit import TokenSet, TokenStore
from rpkit.errors import NoAccessToken
from tests.mothers.certificates import as_client_certificate
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import FakeBank
from tests.mothers.mtls_bank import MtlsBank, thumbprint
from tests.rpkit.mutual_tls.parties import MINE, NEXT, arguments
from tests.rpkit.mutual_tls.test_combinations import signed_in

Connect = Callable[..., Any]


def replaced(client: Any) -> None:
    client.bank.settings.client_certificate.replace(as_client_certificate(NEXT))


def refreshes(bank: FakeBank) -> int:
    return sum(call.form["grant_type"] == "refresh_token" for call in bank.calls("token"))


@pytest.mark.spec("RFC 8705 3a", "RFC 8705 6.3")
def test_tokens_of_the_old_one_are_refreshed_before_they_are_used(connect: Connect, bank: MtlsBank) -> None:
    client = connect()
    login = signed_in(client, bank)
    with client.api(login.tokens, base_url=bank.api_origin) as api:
        assert api.get("/accounts").status_code == 200
        replaced(client)
        for _ in range(2):
            assert api.get("/accounts").status_code == 200
        assert api.tokens.access_tokens[0].x5t_s256 == thumbprint(NEXT)
    assert refreshes(bank) == 1
    assert [call.status for call in bank.calls("accounts")] == [200, 200, 200]
    assert [call.certificate for call in bank.calls("accounts")] == [
        thumbprint(MINE),
        *[thumbprint(NEXT)] * 2,
    ]


def test_a_token_that_cannot_be_refreshed_is_not_sent(connect: Connect, bank: MtlsBank) -> None:
    client = connect()
    tokens = client.client_credentials(scope="accounts")
    replaced(client)
    with (
        client.api(tokens, base_url=bank.api_origin) as api,
        pytest.raises(NoAccessToken, match="has been replaced") as refused,
    ):
        api.get("/accounts")
    assert refused.value.clause == "RFC 8705 6.3"
    assert refused.value.facts["x5t#S256"] == thumbprint(MINE)
    assert bank.calls("accounts") == []
    with client.api(client.client_credentials(scope="accounts"), base_url=bank.api_origin) as api:
        assert api.get("/accounts").status_code == 200


def test_userinfo_wants_refreshed_tokens(connect: Connect, bank: MtlsBank) -> None:
    client = connect()
    login = signed_in(client, bank)
    replaced(client)
    with pytest.raises(NoAccessToken, match="refresh the token set"):
        client.userinfo(login)
    assert bank.calls("userinfo") == []
    assert client.userinfo(login, tokens=client.refresh(login.tokens)).subject == "alice"


def test_a_token_that_came_while_the_certificate_was_replaced_counts_as_one_of_the_old(
    connect: Connect, bank: MtlsBank
) -> None:
    """Nobody knows over which of the two connections it was asked for. It is refreshed, at the price of one call."""
    client = connect()

    def meanwhile(members: Any) -> Any:
        replaced(client)
        del bank.faults["token"]
        return members

    bank.faults["token"] = meanwhile
    tokens = signed_in(client, bank).tokens
    assert tokens.access_tokens[0].x5t_s256 == thumbprint(MINE)
    with client.api(tokens, base_url=bank.api_origin) as api:
        assert api.get("/accounts").status_code == 200
    assert refreshes(bank) == 1


def test_a_token_of_dpop_outlives_the_certificate(connect: Connect, bank: MtlsBank) -> None:
    bank.dpop = True
    client = connect()
    tokens = signed_in(client, bank).tokens
    replaced(client)
    with client.api(tokens, base_url=bank.api_origin) as api:
        assert api.get("/accounts").status_code == 200
    assert refreshes(bank) == 0


def test_a_set_that_was_begun_with_dpop_stays_with_it(connect: Connect, bank: MtlsBank) -> None:
    """A client moves from one binding to the other: the proof goes on, and the token counts as bound to its key."""
    bank.dpop = True
    tokens = signed_in(connect(), bank).tokens
    moved = connect(sender_constraint="mtls").refresh(tokens)
    assert moved.access_tokens[0].token_type == "DPoP"
    assert moved.access_tokens[0].x5t_s256 is None


def test_what_another_process_stored_under_its_own_certificate_is_not_taken(
    clients: Clients, connect: Connect, bank: MtlsBank
) -> None:
    """During a roll-over one process shows the new certificate, and another one still the old."""
    store = MemoryStore()
    ours, theirs = (connect(token_store=TokenStore(store, None)) for _ in range(2))
    tokens = ours.save_tokens("alice", signed_in(ours, bank).tokens)
    replaced(theirs)
    newer = theirs.refresh(tokens)
    assert newer.access_tokens[0].x5t_s256 == thumbprint(NEXT)
    assert ours.refresh(tokens).access_tokens[0].x5t_s256 == thumbprint(MINE), (
        "not the newer one of the store"
    )
    with ours.api(newer, base_url=bank.api_origin) as api:
        assert api.get("/accounts").status_code == 200
        assert api.tokens.access_tokens[0].x5t_s256 == thumbprint(MINE)
    assert [call.status for call in bank.calls("accounts")] == [200]
    with theirs.api(theirs.load_tokens("alice"), base_url=bank.api_origin) as api:
        assert api.get("/accounts").status_code == 200


def test_a_sealed_set_keeps_what_its_tokens_are_bound_to(connect: Connect, bank: MtlsBank) -> None:
    seal = Seal([b"k" * 32])
    tokens = signed_in(connect(), bank).tokens
    again = TokenSet.open(tokens.seal(seal), seal)
    assert again == tokens
    assert again.access_tokens[0].x5t_s256 == thumbprint(MINE)
    assert again.to_bytes() == tokens.to_bytes()


def test_an_unbound_set_is_written_as_it_was_before(connect: Connect, bank: MtlsBank) -> None:
    bank.dpop = True
    assert b"x5t" not in signed_in(connect(), bank).tokens.to_bytes()


def test_each_client_replaces_its_own(bank: MtlsBank, connect: Connect) -> None:
    one, other = connect(), connect()
    replaced(one)
    assert one.bank.settings.client_certificate.thumbprint == thumbprint(NEXT)
    assert other.bank.settings.client_certificate.thumbprint == thumbprint(MINE)
    assert arguments(bank)["http"].client_certificate.thumbprint == thumbprint(MINE)
