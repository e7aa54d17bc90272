"""The guide's blocks, run in order as they stand."""

from __future__ import annotations

import functools
import json
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trustme

from fapikit import MemoryStore, Quirk
from fapikit.stores.sealed import Seal
from rpkit import Client
from rpkit.errors import TransactionUsed
from rpkit.settings import ClientOptions
from tests.detached import BANK, BANK_KEY, IAT, ISS, header_members, signed_field
from tests.keys import a_key, claims_of
from tests.mothers.certificates import a_certificate
from tests.mothers.ciba_bank import CibaBank
from tests.mothers.fake_bank import REDIRECT_URI, FakeBank, Seen
from tests.mothers.mtls_bank import thumbprint
from tests.pages.blocks import read_page
from tests.rpkit.decoupled.naps import taking_naps

BLOCKS = read_page("docs/client.md").in_language("python")
API = "https://bank.example/accounts"


def test_every_block_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    bank = CibaBank()
    bank.faults["api_transfers"] = lambda _call: (
        401,
        {"www-authenticate": 'DPoP error="insufficient_user_authentication", max_age="60"'},
        {},
    )
    discover = Client.discover.__func__  # type: ignore[attr-defined]

    def discover_here(cls: Any, issuer: str, **options: Any) -> Any:
        return discover(cls, issuer, **{"clock": bank.clock, **options, "http": bank.http()})

    monkeypatch.setattr(Client, "discover", classmethod(discover_here))
    for call in ("register", "read_registration", "update_registration", "delete_registration"):
        monkeypatch.setattr(Client, call, functools.partial(getattr(Client, call), http=bank.http()))
    bank.faults["register_answer"] = lambda call: _registration(call, bank)
    end_session = bank.url("end_session")
    bank.faults["metadata"] = lambda document: {
        **document,
        "end_session_endpoint": end_session,
        "trust_frameworks_supported": ["eidas"],
        "claims_in_verified_claims_supported": ["given_name", "birthdate"],
        "evidence_supported": ["document"],
        "grant_management_endpoint": bank.url("grants"),
        "grant_management_actions_supported": ["create", "merge", "replace", "query", "revoke"],
    }
    bank.faults["api_grant-1"] = lambda call: (
        (204, {}, b"") if call.method == "DELETE" else (200, {}, {"scopes": [{"scope": "accounts"}]})
    )
    monkeypatch.setattr(Client, "api", functools.partialmethod(Client.api, transport=bank.transport()))
    bank.decision = "approved"
    monkeypatch.setenv("SSH_CONNECTION", "198.51.100.7 50022 203.0.113.5 22")
    monkeypatch.delenv("BROWSER", raising=False)
    taking_naps(bank, monkeypatch)
    mine, upcoming = (a_certificate(now=time.time()) for _ in range(2))
    bank.faults["jwks"] = lambda document: {"keys": [*document["keys"], BANK_KEY.public_jwk]}
    names: dict[str, Any] = {
        "message_key": a_key("PS256", 1),
        "BANK_KEYS": "https://bank.example/jwks",
        "ISSUER": bank.issuer,
        "CALLBACK": REDIRECT_URI,
        "API": API,
        "grant_id": "grant-1",
        "PAYMENTS": "https://bank.example/payments",
        "key": a_key("ES256", 1),
        "seal": Seal([b"k" * 32]),
        "shared": MemoryStore(),
        "CA": trustme.CA().cert_pem.bytes(),
        "CERTIFICATE": mine.pem.encode(),
        "PRIVATE_KEY": mine.key_pem.encode(),
        "NEXT_CERTIFICATE": upcoming.pem.encode(),
        "NEXT_PRIVATE_KEY": upcoming.key_pem.encode(),
    }
    for block in BLOCKS:
        if "DetachedJws" in block:
            bank.faults["api_accounts"] = lambda _call: _signed_answer(bank)
        exec(block, names)
        if "sealed" in names and "callback_url" not in names:
            names["callback_url"] = bank.authorize(names["start"].url)
    assert names["evidence"].key.kid == BANK_KEY.kid
    assert names["who"] == "alice"
    assert "passed state" in capsys.readouterr().out
    assert names["accounts"]["accounts"]
    assert names["pending"].delivery_mode == "ping"
    assert names["start"].transaction.max_age == 60
    assert set(names["payments"].resources) == {API, names["PAYMENTS"]}
    assert names["told"][0] == TransactionUsed.__name__
    assert len(names["published"]["keys"]) == 2
    assert names["missing"] == ()
    assert names["held"].scopes[0].scope == "accounts"
    assert [call.method for call in bank.calls("grant-1") if call.status < 300] == ["GET", "DELETE"]
    answer = names["app"].test_client().post("/login", headers={"sec-fetch-site": "same-origin"})
    assert answer.status_code == 303
    assert names["leaving"].url.startswith(end_session)
    assert [call.method for call in bank.calls("register")] == ["POST", "GET", "PUT", "DELETE"]
    assert names["changed"].metadata["client_name"] == "Fintech"
    assert names["certified"].bank.settings.auth.mtls
    assert names["certificate"].thumbprint == thumbprint(upcoming)
    assert names["by_name"]["tls_client_auth_subject_dn"] == "CN=fintech,O=Fintech,C=JP"
    assert names["by_itself"]["jwks"] == names["keys_to_publish"]


def _signed_answer(bank: FakeBank) -> Any:
    members = header_members(**{"kid": BANK_KEY.kid, ISS: BANK, IAT: int(bank.clock())})
    return 200, {"x-jws-signature": signed_field(members, b"{}", BANK_KEY)}, b"{}"


def _registration(call: Seen, bank: FakeBank) -> Any:
    """A registration that is what was last asked for."""
    if call.method == "DELETE":
        return 204, {}, ""
    asked = json.loads(call.body) if call.body else json.loads(bank.calls("register")[0].body)
    managed = {"registration_access_token": "manage", "registration_client_uri": bank.url("register")}
    return 201 if call.method == "POST" else 200, {}, {"client_id": "fintech", **asked, **managed}


QUIRKS = read_page("docs/quirks.md")


def test_the_page_of_quirks_runs_and_names_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    bank = FakeBank(dpop=False)
    names: dict[str, Any] = {"ISSUER": bank.issuer, "CALLBACK": REDIRECT_URI, "key": a_key("ES256", 1)}
    discover = Client.discover.__func__  # type: ignore[attr-defined]
    monkeypatch.setattr(
        Client,
        "discover",
        classmethod(lambda cls, issuer, **options: discover(cls, issuer, **{"http": bank.http(), **options})),
    )
    later = datetime.now(UTC) + timedelta(days=60)
    (block,) = QUIRKS.in_language("python")
    exec(block.replace("date(2027, 6, 30)", f"date.fromordinal({later.toordinal()})"), names)
    names["bank"].client_credentials(scope="accounts")
    assert claims_of(bank.calls("token")[-1].form["client_assertion"])["aud"] == "0015800001041RHAAY"
    assert [quirk.name for quirk in Quirk if f"`{quirk.name}`" not in QUIRKS.text] == []
    for option in re.findall(r"`([a-z_]+)=", QUIRKS.text):
        assert option in {*ClientOptions.__annotations__, "metadata", "issuer"}, option
