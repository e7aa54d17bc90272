"""What logins under way may take of a browser's Cookie header, of which servers read 8 KB at most."""

from __future__ import annotations

from typing import Any

import pytest

from fapikit.stores.sealed import Seal
from rpkit.errors import TransactionMissing
from rpkit.web import browser_logins
from rpkit.web.messages import WebRequest
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
        request = WebRequest("POST", "/login", {}, cookies)
        answer = browser_logins.started(start, request, seal=SEAL, now=bank.clock())
        for header, value in answer.headers:
            if header == "set-cookie":
                name, content = value.split(";")[0].split("=", 1)
                cookies[name] = content
        cookies = {name: content for name, content in cookies.items() if content}
        assert len("; ".join(f"{name}={content}" for name, content in cookies.items())) < 7500
        assert f"{browser_logins.COOKIE}{start.transaction.id}" in cookies
    logins = {name.split(".")[0] for name in cookies}
    assert len(logins) >= at_least  # two tabs at once always work


def begun(cookies: dict[str, str], client: Any, now: float, **options: Any) -> str:
    """One more login of a browser, whose cookies change; the name of its transaction."""
    start = client.begin(**{"scope": "openid accounts", **options})
    answer = browser_logins.started(start, WebRequest("POST", "/login", {}, cookies), seal=SEAL, now=now)
    for header, value in answer.headers:
        if header == "set-cookie":
            name, content = value.split(";")[0].split("=", 1)
            cookies[name] = content
            if not content:
                del cookies[name]
    return str(start.transaction.id)


def test_the_oldest_login_gives_way_and_not_a_random_one(bank: FakeBank) -> None:
    client, cookies = Clients("sync").of(bank), dict[str, str]()
    begun_one_after_another = []
    for _ in range(12):  # their names are random: an order by name would not last
        begun_one_after_another.append(begun(cookies, client, bank.clock()))
        bank.clock.advance(1)
        held = {name.removeprefix(browser_logins.COOKIE) for name in cookies}
        assert held == set(begun_one_after_another[-browser_logins.MAX_LOGINS :])


def test_what_nobody_can_open_is_the_first_to_go(bank: FakeBank) -> None:
    client = Clients("sync").of(bank)
    broken = {f"{browser_logins.COOKIE}{'0' * 32}": "an-old-seal", f"{browser_logins.COOKIE}{'f' * 32}": ""}
    cookies = dict(broken)
    mine = [begun(cookies, client, bank.clock()) for _ in range(browser_logins.MAX_LOGINS)]
    assert {name.removeprefix(browser_logins.COOKIE) for name in cookies} == set(mine)


# --- On this machine, in the clear ---------------------------------------------------------------

LOOPBACK = "http://localhost:8000/callback"
COOKIES: dict[
    str, tuple[str, str | None, str, bool]
] = {  # redirect URI, mode, the cookie's beginning, Secure
    "over TLS": ("https://fintech.example/callback", None, "__Host-rp-", True),
    "on loopback, where Safari keeps no Secure cookie": (LOOPBACK, None, "rp-", False),
    "on loopback, where the answer is posted": (LOOPBACK, "form_post", "__Host-rp-", True),
}


@pytest.mark.parametrize("what", COOKIES)
def test_a_cookie_fits_the_address_that_it_comes_back_to(what: str, bank: FakeBank) -> None:
    redirect_uri, mode, beginning, secure = COOKIES[what]
    options: dict[str, Any] = {"redirect_uri": redirect_uri, "profile": "oauth-2.1"}
    client = Clients("sync").of(bank, **options, **({} if mode is None else {"response_mode": mode}))
    start = client.begin(scope="openid")
    request = WebRequest("POST", "/login", {}, {})
    answer = browser_logins.started(start, request, seal=SEAL, now=bank.clock())
    (line,) = [value for name, value in answer.headers if name == "set-cookie"]
    assert line.startswith(f"{beginning}{start.transaction.id}=")
    assert ("Secure" in line) is secure
    assert "HttpOnly" in line
    name, value = line.split(";")[0].split("=", 1)
    callback = (
        bank.authorize(start.url)
        .removeprefix("http://localhost:8000")
        .removeprefix("https://fintech.example")
    )
    body = callback.encode() if mode else b""
    back = WebRequest("POST" if mode else "GET", "/callback" if mode else callback, {}, {name: value}, body)
    assert browser_logins.returned(back, redirect_uri, seal=SEAL).transaction.state == start.transaction.state
    assert browser_logins.ended_after(back, redirect_uri)[0][1].startswith(f"{name}=;")


@pytest.mark.spec("FAPI2-SP 5.3.3.1-4")
def test_the_plain_cookie_counts_on_loopback_alone(bank: FakeBank) -> None:
    """A neighbour of the site may plant one (another subdomain, clear text), but none that begins with __Host-."""
    client = Clients("sync").of(bank)
    start = client.begin(scope="openid")
    planted = {f"{browser_logins.LOOPBACK_COOKIE}{start.transaction.id}": start.transaction.seal(SEAL)}
    callback = bank.authorize(start.url).removeprefix("https://fintech.example")
    request = WebRequest("GET", callback, {}, planted)
    with pytest.raises(TransactionMissing):
        browser_logins.returned(request, "https://fintech.example/callback", seal=SEAL)
