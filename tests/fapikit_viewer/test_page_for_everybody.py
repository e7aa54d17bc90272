"""The page for who hears it, uses keys, has a small screen or another theme, or wants it on paper."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from fapikit_viewer import Recording
from fapikit_viewer.serving import Viewer
from tests.fapikit_viewer import a_payment
from tests.fapikit_viewer.conftest import keep_screenshot
from tests.fapikit_viewer.measures import CONTRASTS


def test_the_list_can_be_heard(page: Page) -> None:
    """What a screen reader finds: landmarks, a list, and a name for each message."""
    expect(page.get_by_role("banner")).to_be_visible()
    expect(page.get_by_role("search", name="Filter the messages")).to_be_visible()
    expect(page.get_by_role("main", name="The flow")).to_be_visible()
    messages = page.get_by_role("list", name="Messages in the order of time")
    expect(messages.get_by_role("listitem")).to_have_count(a_payment.ENTRIES)
    refused = messages.get_by_role("button", name=re.compile("refused"))
    expect(refused).to_have_accessible_name(
        re.compile(
            r"^POST /payments, from Penny, a fintech to Payments API, back channel, 401 Unauthorized, refused, 49 ms\. "
        )
    )
    expect(
        messages.get_by_role("button", name=re.compile("Penny, a fintech: 5 checks, passed"))
    ).to_be_visible()
    expect(page.get_by_role("list", name="Who takes part").get_by_role("listitem")).to_have_count(4)
    assert page.locator(".row[tabindex='0']").count() == 1, (
        "Tab reaches the list once, and arrows go on in it"
    )
    refused.click()
    expect(
        page.get_by_role("complementary", name="POST /payments").get_by_role("heading", name="Checks (3)")
    ).to_be_visible()


def test_what_happens_is_told_seldom(page: Page, recording: Recording) -> None:
    page.evaluate(
        "window.heard = []; new MutationObserver(() => heard.push(document.querySelector('#told').textContent))"
        ".observe(document.querySelector('#told'), {childList: true})"
    )
    for number in range(100, 140):
        recording.append(a_payment.a_message(number))
    expect(page.locator("#messages > li")).to_have_count(a_payment.ENTRIES + 40)
    expect(page.locator("#told")).to_have_text("40 new entries")
    assert page.evaluate("heard") == ["40 new entries"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_has_enough_contrast(browser: Browser, viewer: Viewer, theme: str) -> None:
    """WCAG 2.2, 1.4.3: 4.5 to 1, computed for every text that is shown, on the ground that it is shown on."""
    scheme = "dark" if theme == "dark" else "light"
    with browser.new_page(
        viewport={"width": 1280, "height": 1080}, color_scheme=scheme, reduced_motion="reduce"
    ) as page:
        page.goto(viewer.url)
        page.locator(".row.refused").click()
        page.locator("#detail summary").first.click()
        page.locator("#refusals").check()
        page.locator("#refusals").uncheck()
        keep_screenshot(page, f"message-{theme}")
        measured = page.evaluate(CONTRASTS)
        assert len(measured) > 100
        assert [text for text in measured if text[0] < 4.5] == []
        page.locator("#refusals").check()
        assert [text for text in page.evaluate(CONTRASTS) if text[0] < 4.5] == []


def test_the_theme_can_be_chosen(page: Page) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate(ground) != light
    page.get_by_role("button", name="Light").click()
    assert page.evaluate(ground) == light


def test_a_phone_shows_a_list_without_sideways_scroll(page: Page) -> None:
    page.set_viewport_size({"width": 375, "height": 740})
    expect(page.locator(".lanes")).to_be_hidden()
    row = page.locator(".row.refused")
    expect(row.locator(".route")).to_have_text("Penny, a fintech → Payments API")
    widths = "[document.documentElement, document.querySelector('main')].map(one => one.scrollWidth - one.clientWidth)"
    assert page.evaluate(widths) == [0, 0]
    keep_screenshot(page, "phone-list")
    row.click()
    detail = page.locator("#detail")
    assert detail.bounding_box() == {"x": 0, "y": 0, "width": 375, "height": 740}
    assert detail.evaluate("shown => shown.scrollWidth - shown.clientWidth") == 0
    assert page.locator("main").evaluate("covered => covered.inert")
    keep_screenshot(page, "phone-message")
    page.set_viewport_size({"width": 1280, "height": 740})
    assert not page.locator("main").evaluate("covered => covered.inert")
    page.set_viewport_size({"width": 375, "height": 740})
    page.get_by_role("button", name="Close").click()
    assert not page.locator("main").evaluate("covered => covered.inert")


def test_nothing_moves_for_who_wants_no_motion(page: Page) -> None:
    moving = "document.getAnimations().length"
    assert page.evaluate(moving) == 0
    page.emulate_media(reduced_motion="no-preference")
    assert page.evaluate(moving) > 0


def test_print_has_the_whole_flow_and_no_controls(page: Page) -> None:
    page.set_viewport_size({"width": 718, "height": 1000})  # A4
    page.locator(".row.refused").click()
    page.emulate_media(media="print", color_scheme="dark")
    expect(page.locator("form")).to_be_hidden()
    expect(page.locator(".row").last).to_be_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('main')).overflow") == "visible"
    flow, message = page.locator("main").bounding_box(), page.locator("aside").bounding_box()
    assert flow is not None
    assert message is not None
    assert flow["y"] + flow["height"] <= message["y"], "the opened message comes after the flow"
    assert (
        page.locator(".row .title").first.evaluate("shown => getComputedStyle(shown).color")
        == "rgb(22, 27, 38)"
    )
