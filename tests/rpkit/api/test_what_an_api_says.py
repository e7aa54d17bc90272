"""What an API says beside its answer: which of it is acted upon, and that what it has done is the application's."""

from __future__ import annotations

from typing import Any

import pytest

from rpkit.errors import GrantEnded
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import FakeBank
from tests.rpkit.logins import ORIGIN, api_of, signed_in
from tests.rpkit.refusing_apis import invalid_token, refusing


@pytest.mark.parametrize("alive", [True, False], ids=["refused by the API", "expired here"])
def test_an_ended_grant_is_one_thing_whether_the_access_token_lived_or_not(
    alive: bool, clients: Clients, bank: FakeBank
) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    client.revoke(login.tokens)
    if not alive:
        bank.clock.advance(1000)
    with api_of(client, bank, login.tokens) as api, pytest.raises(GrantEnded) as ended:
        api.get("/accounts")
    assert ended.value.remedy == "sign in again"


def test_where_nothing_can_renew_the_token_the_apis_own_answer_stands(
    clients: Clients, bank: FakeBank
) -> None:
    client = clients.of(bank)
    bank.faults["token"] = lambda members: {k: v for k, v in members.items() if k != "refresh_token"}
    login = signed_in(client, bank)
    bank.faults["api_accounts"] = invalid_token(9)
    with api_of(client, bank, login.tokens) as api:
        assert api.get("/accounts").status_code == 401


SCHEMES: dict[str, tuple[str, int]] = {  # what a 401 says to a DPoP-bound token, and the answer in the end
    "as it should be": ('DPoP error="invalid_token"', 200),
    "under another scheme": ('Bearer error="invalid_token"', 200),
    "beside a challenge of the right scheme": ('Bearer error="invalid_token", DPoP algs="ES256"', 401),
    "another error of the right scheme": ('Bearer error="invalid_token", DPoP error="invalid_request"', 401),
    "no error at all": ("Bearer", 401),
}


@pytest.mark.parametrize("what", SCHEMES)
def test_a_refused_token_is_renewed_under_whichever_scheme_that_is_said(
    what: str, clients: Clients, bank: FakeBank
) -> None:
    challenge, status = SCHEMES[what]
    client = clients.of(bank)
    login = signed_in(client, bank)
    bank.faults["api_accounts"] = refusing(1, 401, {"www-authenticate": challenge}, {})
    with api_of(client, bank, login.tokens) as api:
        assert api.get("/accounts").status_code == status


@pytest.mark.spec("RFC 9449 9")
@pytest.mark.parametrize("scheme", ["DPoP", "dpop", "Bearer", "Nonce"])
def test_a_nonce_is_supplied_under_whichever_scheme_it_is_demanded(
    scheme: str, clients: Clients, bank: FakeBank
) -> None:
    bank.faults["challenge_scheme"] = lambda _: scheme
    client = clients.of(bank)
    login = signed_in(client, bank)
    client.bank.nonces.learn(ORIGIN, ["an-old-one"])
    with api_of(client, bank, login.tokens) as api:
        assert api.get("/accounts").status_code == 200
    assert [call.status for call in bank.calls("accounts")] == [401, 200]


def test_a_token_that_is_not_bound_has_no_use_for_a_nonce(clients: Clients, bank: FakeBank) -> None:
    bank.dpop, bank.nonces = False, False
    client = clients.of(bank, profile="oauth-2.1", sender_constraint=None)
    login = signed_in(client, bank)
    answer = (401, {"www-authenticate": 'Bearer error="use_dpop_nonce"', "dpop-nonce": "n"}, {})
    bank.faults["api_accounts"] = refusing(9, *answer)
    with api_of(client, bank, login.tokens) as api:
        assert api.get("/accounts").status_code == 401
    assert len(bank.calls("accounts")) == 1


OWN = "c8e52f44-3b0c-4b52-8a53-5c1f4d2a1b11"
ECHOES: dict[str, tuple[Any, bool]] = {  # what a bank makes of it, and whether that is worth a line
    "as sent": (OWN, False),
    "in capitals": (OWN.upper(), False),
    "twice, by a gateway": (f"{OWN}, {OWN}", False),
    "not at all": (None, False),
    "another": ("2f1f6f1e-0000-4000-8000-000000000000", True),
    "another beside it": (f"{OWN}, 2f1f6f1e-0000-4000-8000-000000000000", True),
    "nonsense": ("\x00\x1b[31m", True),
}


@pytest.mark.spec("FAPI1-BL 6.2.1-11")
@pytest.mark.parametrize("what", ECHOES)
def test_an_executed_payment_is_the_applications_whatever_interaction_id_stands_on_it(
    what: str, clients: Clients, bank: FakeBank, caplog: pytest.LogCaptureFixture
) -> None:
    echo, noted = ECHOES[what]
    client = clients.of(bank)
    login = signed_in(client, bank)
    headers = {} if echo is None else {"x-fapi-interaction-id": echo}
    bank.faults["api_payments"] = lambda _call: (201, headers, {"paymentId": "p-1"})
    with api_of(client, bank, login.tokens) as api, caplog.at_level("WARNING", "fapikit.peer"):
        answer = api.post("/payments", json={"amount": "1"}, headers={"x-fapi-interaction-id": OWN})
    assert (answer.status_code, answer.json()) == (201, {"paymentId": "p-1"})
    assert bool(caplog.records) is noted
    assert all(OWN in record.message and record.message.isprintable() for record in caplog.records)
