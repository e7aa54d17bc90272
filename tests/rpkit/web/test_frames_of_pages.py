"""What an application's own function raises while a page of ours calls it takes no code, state or cookie along."""

from __future__ import annotations

from typing import Any

import flask
import pytest

from rpkit import Login
from tests.frames import chain, frames, texts
from tests.mothers.fake_bank import FakeBank
from tests.rpkit.web.sites import SITES


class AppError(Exception):
    """A fault of the application's."""


class Raising(list[Login]):
    """What the site keeps its logins in breaks when the first one is there."""

    def append(self, login: Login) -> None:
        super().append(login)
        raise AppError("a fault of the application")


def of_ours(error: BaseException) -> list[str]:
    """Every text in the frames of rpkit; what a framework calls its request is the framework's own affair."""
    return [
        text
        for link in chain(error)
        for frame in frames(link)
        if str(frame.f_globals.get("__name__")).startswith(("rpkit", "fapikit"))
        for name, value in frame.f_locals.items()
        if name != "request"
        for text in texts(value)
    ]


@pytest.mark.parametrize("kind", SITES)
@pytest.mark.parametrize("mode", [None, "form_post"])
def test_the_page_that_a_login_ends_on_shows_no_secret(
    kind: str, mode: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flask.Flask, "handle_exception", _raise_again)
    bank = FakeBank()
    site, browser = SITES[kind](bank, response_mode=mode)
    site.logins = Raising()
    start = browser.post("/login")
    cookie = next(iter(browser.cookies.values()))
    back = bank.authorize(start.headers["location"])
    method, url, body = ("GET", back, b"") if mode is None else ("POST", "/callback", back.encode())
    with pytest.raises(AppError) as raised:
        browser.open(method, url, body)
    shown = of_ours(raised.value)
    assert shown, "the frames of the page are there"
    sent = dict(part.split("=", 1) for part in back.partition("?")[2].split("&")) if mode is None else {}
    sent = sent or dict(part.split("=", 1) for part in back.split("&"))
    login = site.logins[0]
    kept = (login.tokens.access_token_for(None).reveal(), login.id_token.token)
    for secret in (sent["code"], sent["state"], cookie, *kept):
        assert not any(secret in text for text in shown)


def _raise_again(_app: Any, error: Exception) -> Any:
    raise error
