"""One fintech at two banks, one under FAPI 1 and one under FAPI 2; and the page that says how to move."""

from __future__ import annotations

from typing import Any

import pytest

from fapikit import PrivateKeyJWT
from fapikit.stores.sealed import Seal
from rpkit import Client, RegisteredBank, Registry
from rpkit.errors import ForeignTransaction, WrongRedirectUri
from tests.keys import a_key, claims_of
from tests.mothers.fake_bank import CLIENT_ID, FakeBank
from tests.mothers.fapi1 import ADVANCED, http_of
from tests.pages.blocks import read_page

BLOCKS = read_page("docs/fapi1-to-fapi2.md").in_language("python")
KEY = a_key("ES256", 1)


@pytest.fixture
def old() -> FakeBank:
    return FakeBank(issuer="https://old.example/", dpop=False, nonces=False)


@pytest.fixture
def new() -> FakeBank:
    return FakeBank(issuer="https://new.example/")


@pytest.fixture
def banks(old: FakeBank, new: FakeBank) -> Registry:
    options = {name: value for name, value in ADVANCED.items() if name not in ("profile", "http")}
    return Registry(
        {
            "old": RegisteredBank(
                issuer=old.issuer,
                client_id=CLIENT_ID,
                auth=PrivateKeyJWT(KEY),
                redirect_uri="https://fintech.example/old",
                profile="fapi1-advanced",
                http=http_of(old),
                options={**options, "clock": old.clock},
            ),
            "new": RegisteredBank(
                issuer=new.issuer,
                client_id=CLIENT_ID,
                auth=PrivateKeyJWT(KEY),
                redirect_uri="https://fintech.example/new",
                http=new.http(),
                options={"clock": new.clock},
            ),
        }
    )


def test_one_program_two_profiles(banks: Registry, old: FakeBank, new: FakeBank) -> None:
    for name, bank in (("old", old), ("new", new)):
        client = banks.client(name)
        start = client.begin(scope="openid accounts")
        login = client.complete(bank.authorize(start.url), start.transaction)
        assert login.id_token.subject == "alice"
        with client.api(login.tokens, base_url=bank.api_origin, transport=bank.transport()) as api:
            assert api.get("/accounts").status_code == 200
    asked = claims_of(old.calls("par")[-1].form["request"])
    assert (asked["response_type"], "dpop_jkt" in asked) == ("code id_token", False)
    assert "request" not in new.calls("par")[-1].form
    schemes = [bank.calls("accounts")[-1].headers["authorization"].split()[0] for bank in (old, new)]
    assert schemes == ["Bearer", "DPoP"]


def test_nothing_of_one_bank_passes_at_the_other(banks: Registry, old: FakeBank, new: FakeBank) -> None:
    there, here = banks.client("old"), banks.client("new")
    start, other = there.begin(), here.begin()
    with pytest.raises(WrongRedirectUri):
        here.complete(old.authorize(start.url), other.transaction)
    with pytest.raises(ForeignTransaction):
        here.complete(old.authorize(start.url), start.transaction)
    login = there.complete(old.authorize(start.url), start.transaction)
    with pytest.raises(ForeignTransaction):
        here.api(login.tokens, base_url=new.api_origin)
    assert not new.calls("token")


def test_the_page_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], old: FakeBank, new: FakeBank
) -> None:
    known = {bank.issuer: bank for bank in (old, new)}
    discover = Client.discover.__func__  # type: ignore[attr-defined]

    def discover_here(cls: Any, issuer: str, **options: Any) -> Any:
        http = options["http"] or known[issuer].http()
        return discover(cls, issuer, **{**options, "http": http, "clock": known[issuer].clock})

    monkeypatch.setattr(Client, "discover", classmethod(discover_here))
    names: dict[str, Any] = {
        "OLD": old.issuer,
        "NEW": new.issuer,
        "API": "https://api.example",
        "key": KEY,
        "seal": Seal([b"k" * 32]),
        "http": http_of(old),
    }
    assert len(BLOCKS) == 3
    for block in BLOCKS:
        exec(block, names)
    assert "FAPI2-SP 5.3.2.2-3" in capsys.readouterr().out
    assert "request" in old.calls("par")[-1].form
    assert new.calls("par")[-1].status == 201
    assert names["api"].profile.sender_constraints == {"dpop", "mtls"}
