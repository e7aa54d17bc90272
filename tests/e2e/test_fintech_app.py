"""The demo's fintech, as a customer uses it by hand: what its pages show, and how a refusal is told."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from decimal import Decimal

import pytest

from examples.demo.bank import PASSWORD, PATIENCE, STATUS_LIST_LAG, USERNAME
from examples.demo.banks import HARBOUR, OLD_MILL, Account, Bank
from examples.demo.browser import Browser
from examples.demo.world import World

HOUSEHOLD, HOLIDAY = HARBOUR.accounts
CURRENT = OLD_MILL.accounts[0]


@pytest.fixture
def browser(world: World) -> Iterator[Browser]:
    browser = Browser(world)
    yield browser
    browser.close()


def link(browser: Browser, world: World, bank: Bank) -> None:
    """From the first page to the page with the accounts of this bank."""
    page = browser.open(world.fintech)
    chosen = [form.action for form in page.forms].index(f"/login/{bank.name}")
    page = browser.submit(form=chosen)
    if "username" in page.forms[0].fields:
        browser.submit({"username": USERNAME, "password": PASSWORD})
    page = browser.submit(press="approve")
    assert bank.accounts[0].name in page.text, page.text


def account(browser: Browser, world: World, bank: Bank, iban: str) -> str:
    return browser.open(f"{world.fintech}/accounts/{bank.name}/{iban}").text


def balance(browser: Browser, world: World, bank: Bank, iban: str) -> Decimal:
    found = re.search(r"EUR ([\d,]+\.\d\d)", account(browser, world, bank, iban))
    assert found is not None
    return Decimal(found[1].replace(",", ""))


def pay(browser: Browser, world: World, account_: Account, changed: dict[str, str]) -> str:
    """Pay from an account at Harbour Bank. Returns what the customer reads in the end."""
    account(browser, world, HARBOUR, account_.iban)
    page = browser.submit(changed)
    if any(button == ("decision", "approve") for form in page.forms for button in form.buttons):
        page = browser.submit(press="approve")
    return page.text


def test_a_payment_is_taken_from_the_account_that_was_agreed_to(browser: Browser, world: World) -> None:
    link(browser, world, HARBOUR)
    before = {each.iban: balance(browser, world, HARBOUR, each.iban) for each in HARBOUR.accounts}
    receipt = pay(browser, world, HOLIDAY, {"amount": "1000", "payee": "Ferry Line"})
    assert "EUR 1,000.00" in receipt
    assert "Ferry Line" in receipt
    assert balance(browser, world, HARBOUR, HOLIDAY.iban) == before[HOLIDAY.iban] - 1000
    assert balance(browser, world, HARBOUR, HOUSEHOLD.iban) == before[HOUSEHOLD.iban]
    assert "Ferry Line" in account(browser, world, HARBOUR, HOLIDAY.iban)


@pytest.mark.parametrize(
    ("changed", "status", "told"),
    [
        ({"amount": "9999999"}, 502, "did not pay: the account has EUR"),
        ({"iban": CURRENT.iban}, 502, "the account that should pay is not the customer's"),
        ({"amount": "a lot"}, 400, "'a lot' is not an amount: write it as 123.50"),
        ({"amount": "0.00"}, 400, "is not an amount"),
        ({"amount": "-5"}, 400, "is not an amount"),
        ({"to": "DE0"}, 400, "'DE0' is not an IBAN"),
        ({"payee": ""}, 502, "creditor_name must have 1 or more characters"),
        ({"csrf": "of another page"}, 403, "this form was not made for this browser"),
    ],
)
def test_a_payment_that_cannot_be_made_is_refused_in_words(
    browser: Browser, world: World, changed: dict[str, str], status: int, told: str
) -> None:
    link(browser, world, HARBOUR)
    before = balance(browser, world, HARBOUR, HOUSEHOLD.iban)
    assert told in pay(browser, world, HOUSEHOLD, changed)
    assert browser.status == status
    assert balance(browser, world, HARBOUR, HOUSEHOLD.iban) == before


@pytest.mark.spec("OIDC 5.7")
def test_a_bank_shows_its_own_accounts_alone(browser: Browser, world: World) -> None:
    """alice is a subject of both banks, and they are two people as far as an API knows."""
    link(browser, world, OLD_MILL)
    link(browser, world, HARBOUR)
    assert "has no such account of yours" in account(browser, world, HARBOUR, CURRENT.iban)
    assert browser.status == 404
    assert "has no such account of yours" in account(browser, world, OLD_MILL, HOUSEHOLD.iban)
    assert CURRENT.name in account(browser, world, OLD_MILL, CURRENT.iban)


def test_a_payment_needs_a_linked_bank(browser: Browser, world: World) -> None:
    link(browser, world, OLD_MILL)
    account(browser, world, OLD_MILL, CURRENT.iban)
    browser.page.forms[0].action = f"/login/{HARBOUR.name}"
    assert "link Harbour Bank first" in browser.submit().text
    assert browser.status == 403


def test_what_is_taken_back_here_is_gone_at_the_bank(browser: Browser, world: World) -> None:
    link(browser, world, HARBOUR)
    assert "Penny Fintech" in browser.open(f"{world.issuer_of(HARBOUR)}/grants").text
    browser.open(f"{world.fintech}/consents")
    assert "You took it back here" in browser.submit().text
    end = time.monotonic() + PATIENCE
    while "Try again" in _read_all_the_same(browser, world) and time.monotonic() < end:
        time.sleep(STATUS_LIST_LAG)  # until the bank has written its list anew
    assert "no longer accepts the refresh token" in browser.page.text
    assert HOUSEHOLD.name not in browser.open(world.fintech).text
    assert "You took it back here" in browser.page.text
    link(browser, world, HARBOUR)  # and it may be given again
    assert "Take it back" in browser.open(f"{world.fintech}/consents").text


def _read_all_the_same(browser: Browser, world: World) -> str:
    browser.open(f"{world.fintech}/consents")
    return browser.submit(form=0).text


@pytest.mark.parametrize("path", ["consents", "events", "payments/none", "accounts/harbour/DE14"])
def test_nobody_who_has_not_signed_in_sees_anything(browser: Browser, world: World, path: str) -> None:
    page = browser.open(f"{world.fintech}/{path}")
    assert "All your accounts on one page" in page.text or "Nothing yet" in page.text


@pytest.mark.parametrize("path", ["revoke/harbour", "try/harbour", "revoke/none"])
def test_nothing_is_taken_back_that_was_not_given(browser: Browser, world: World, path: str) -> None:
    browser.open(world.fintech)
    browser.page.forms[0].action = f"/{path}"
    assert "nothing was granted there" in browser.submit().text
    assert browser.status == 403
