"""Signing out at the site when the bank cannot, or cannot now, be told."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from fapikit import HttpSettings
from tests.mothers.fake_bank import FakeBank
from tests.rpkit.web.sites import OWN_PAGE, SITES

END = {"end_session_endpoint": "https://bank.example/end"}


def nobody(_: Any) -> Any:
    raise httpx.ConnectError("nobody there")


@pytest.mark.parametrize("kind", SITES)
@pytest.mark.parametrize(("reachable", "status"), [(True, 500), (False, 503)])
def test_the_user_is_signed_out_here_and_told_so(
    kind: str, reachable: bool, status: int, bank: FakeBank
) -> None:
    ended: list[str] = []
    pages = {"on_sign_out": lambda *_: ended.append("here")}
    transport = httpx.MockTransport(nobody)
    unreachable = HttpSettings(
        client=httpx.Client(transport=transport), async_client=httpx.AsyncClient(transport=transport)
    )
    _, browser = SITES[kind](bank, pages, **({} if reachable else {"http": unreachable}))
    page = browser.post("/sign-out")
    assert (page.status, ended) == (status, ["here"])
    assert "signed out here" in page.text
    assert "bank.example" not in page.text


@pytest.mark.conformance("oidc-rp", "rp-frontchannel-rpinitlogout", "rp-frontchannel-opinitlogout")
@pytest.mark.parametrize("kind", SITES)
def test_only_a_post_of_our_own_page_ends_anything(kind: str) -> None:
    bank = FakeBank(faults={"metadata": lambda m: {**m, **END}})
    ended: list[str] = []
    _, browser = SITES[kind](bank, {"on_sign_out": lambda *_: ended.append("here")})
    for headers in ({}, {"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
        assert browser.open("POST", "/sign-out", **headers).status == 403
    framed = {"sec-fetch-site": "cross-site", "sec-fetch-dest": "iframe"}
    assert browser.open("GET", f"/sign-out?iss={bank.issuer}&sid=session-1", **framed).status in (404, 405)
    assert ended == []
    assert browser.open("POST", "/sign-out", origin="https://fintech.example").status == 303
    away = browser.post("/sign-out")
    assert urlsplit(away.headers["location"])._replace(query="").geturl() == END["end_session_endpoint"]
    assert away.headers["referrer-policy"] == "no-referrer"
    assert len(ended) == 2


@pytest.mark.parametrize("kind", SITES)
def test_there_is_no_such_page_unless_it_is_asked_for(kind: str, bank: FakeBank) -> None:
    _, browser = SITES[kind](bank)
    assert browser.open("POST", "/sign-out", **OWN_PAGE).status == 404
