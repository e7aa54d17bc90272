"""The demo's budget app, as a customer uses it by hand: what its pages offer, and what they refuse."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from examples.demo.bank import PASSWORD, USERNAME
from examples.demo.browser import Browser
from examples.demo.choices import Choices
from examples.demo.consents import CURRENT, SAVINGS, from_now
from examples.demo.servers import Servers
from examples.demo.world import World

IN_FOURS = {iban: re.sub("(.{4})", r"\1 ", iban).strip() for iban in (CURRENT, SAVINGS)}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    choices = Choices.of("fapi2-security", flow="consents")
    world = World.create(tmp_path_factory.mktemp("consents"), choices, ports={})
    with Servers(world):
        yield world


@pytest.fixture
def browser(world: World) -> Iterator[Browser]:
    browser = Browser(world)
    yield browser
    browser.close()


def agree(browser: Browser, world: World, **chosen: str) -> None:
    """From the app's form to the app's page with the balance."""
    browser.open(world.fintech)
    browser.submit(chosen)
    browser.submit({"username": USERNAME, "password": PASSWORD})
    assert "Valid until" in browser.page.text
    page = browser.submit(press="approve")
    assert "2450.10" in page.text, page.text


def test_what_is_taken_back_at_the_app_is_gone_at_the_bank(browser: Browser, world: World) -> None:
    agree(browser, world, account=CURRENT)
    assert IN_FOURS[CURRENT] in browser.page.text
    grants = browser.open(f"{world.bank}/grants").text
    assert ("Penny Budget" in grants, IN_FOURS[CURRENT] in grants) == (True, True)
    browser.open(world.fintech)
    page = browser.submit(form=1)
    assert "You took your consent back here" in page.text
    assert "2450.10" not in page.text
    assert "Penny Budget" not in browser.open(f"{world.bank}/grants").text
    assert browser.open(f"{world.fintech}/balance?account={CURRENT}").forms, "there is the first page again"


def test_a_consent_of_one_minute_is_told_to_end_then(browser: Browser, world: World) -> None:
    ends = [from_now(60 + late)[:16].replace("T", " ") for late in (0, 10)]
    agree(browser, world, account=CURRENT, seconds="60")
    assert any(f"Ends {end} UTC" in browser.page.text for end in ends), browser.page.text


def test_whoever_refuses_is_told_so(browser: Browser, world: World) -> None:
    browser.open(world.fintech)
    browser.submit({"account": CURRENT})
    browser.submit({"username": USERNAME, "password": PASSWORD})
    page = browser.submit(press="deny")
    assert "That did not work" in page.text
    assert "See where your money is" in browser.open(world.fintech).text


@pytest.mark.parametrize(
    "changed",
    [
        {"csrf": "of another page"},
        {"account": "DE00"},
        {"account": ""},
        {"seconds": "9999999999"},
        {"seconds": "-1"},
    ],
)
def test_a_form_that_the_page_does_not_have_is_refused(
    browser: Browser, world: World, changed: dict[str, str]
) -> None:
    browser.open(world.fintech)
    page = browser.submit({"account": CURRENT, **changed})
    assert browser.status == 403
    assert "this form was not made" in page.text


@pytest.mark.parametrize(
    ("path", "told"), [(SAVINGS, "403"), ("DE00", "403"), ("../accounts", "404"), ("", "4")]
)
def test_no_address_shows_what_was_not_agreed_to(
    browser: Browser, world: World, path: str, told: str
) -> None:
    agree(browser, world, account=CURRENT)
    page = browser.open(f"{world.fintech}/balance?account={path}")
    assert f"It answered {told}" in page.text
    assert "18000.00" not in page.text


def test_nobody_who_has_not_agreed_sees_anything(browser: Browser, world: World) -> None:
    for path in ("", f"/balance?account={CURRENT}", "/events"):
        page = browser.open(f"{world.fintech}{path}")
        assert "See where your money is" in page.text
