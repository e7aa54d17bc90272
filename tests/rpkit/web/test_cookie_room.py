"""What logins under way may take of a browser's Cookie header, of which servers read 8 KB at most."""

from __future__ import annotations

import pytest

from fapikit.stores.sealed import Seal
from rpkit.web import pages as web
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import FakeBank

SEAL = Seal([b"k" * 32])
PAYMENT = {
    "type": "payment_initiation",
    "instructedAmount": {"currency": "EUR", "amount": "123.50"},
    "creditorName": "Merchant A",
    "creditorAccount": {"iban": "DE02100100109307118603"},
    "remittanceInformationUnstructured": "Ref Number Merchant" * 3,
}


@pytest.mark.parametrize(("profile", "at_least"), [("fapi2-security", 4), ("fapi2-message-signing", 2)])
def test_abandoned_logins_never_lock_a_browser_out(profile: str, at_least: int, bank: FakeBank) -> None:
    client = Clients("sync").of(bank, profile=profile)
    cookies: dict[str, str] = {}
    for _ in range(8):
        start = client.begin(scope="openid accounts", authorization_details=[PAYMENT])
        request = web.WebRequest("POST", "/login", {}, cookies)
        answer = web.started(start, request, seal=SEAL, now=bank.clock())
        for header, value in answer.headers:
            if header == "set-cookie":
                name, content = value.split(";")[0].split("=", 1)
                cookies[name] = content
        cookies = {name: content for name, content in cookies.items() if content}
        assert len("; ".join(f"{name}={content}" for name, content in cookies.items())) < 7500
        assert f"{web.COOKIE}{start.transaction.id}" in cookies
    logins = {name.split(".")[0] for name in cookies}
    assert len(logins) >= at_least  # two tabs at once always work
