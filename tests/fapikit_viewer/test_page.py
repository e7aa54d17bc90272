"""The page in a real browser: what one sees, clicks, types and hears."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Error, Page, expect

from fapikit_viewer import Recording
from fapikit_viewer.page import SCRIPT, text_of
from fapikit_viewer.serving import Viewer
from tests.fapikit_viewer import a_payment
from tests.fapikit_viewer.conftest import keep_screenshot
from tests.fapikit_viewer.measures import FILTERED, LAID_OUT, SCROLLED

_HOSTILE = "<img src=x onerror=\"document.title='taken'\"></script><script>document.title='taken'</script>"


def _row(page: Page, title: str) -> str:
    return f".row:has(.title:text-is('{title}'))"


def test_a_message_appears_while_it_is_recorded_and_changes_when_its_answer_comes(
    page: Page, recording: Recording
) -> None:
    recording.append(a_payment.a_message(50, request={"url": f"{a_payment.API}/receipt"}, response=None))
    row = page.locator(_row(page, "GET /receipt"))
    expect(row).to_contain_text("no answer yet")
    recording.append(a_payment.a_message(50, request={"url": f"{a_payment.API}/receipt"}))
    expect(row).to_contain_text("200 OK · 54 ms")
    expect(page.locator("#messages > li")).to_have_count(a_payment.ENTRIES + 1)


def test_messages_stand_in_the_order_of_time_whoever_writes_first(page: Page, recording: Recording) -> None:
    recording.append(
        a_payment.a_message(99, at=a_payment.BEGAN + 0.4, request={"url": f"{a_payment.API}/between"})
    )
    expect(page.locator("#messages > li:nth-child(4) .title")).to_have_text("GET /between")
    expect(page.locator("#messages > li:nth-child(5) .when b")).to_have_text("5")


def test_a_page_that_loses_its_server_says_so_and_goes_on(
    browser: Browser, viewer: Viewer, recording: Recording
) -> None:
    with browser.new_context() as context, context.new_page() as page:
        page.goto(viewer.url)
        expect(page.locator("#state")).to_have_text("Live")
        expect(page.locator("#messages > li")).to_have_count(a_payment.ENTRIES)
        context.set_offline(True)
        for connection in list(viewer._server.server_state.connections):
            connection.loop.call_soon_threadsafe(connection.transport.abort)  # type: ignore[union-attr]
        expect(page.locator("#state")).to_contain_text("Not connected")
        recording.append(a_payment.a_message(90))
        context.set_offline(False)
        expect(page.locator("#state")).to_have_text("Live")
        expect(page.locator("#messages > li")).to_have_count(a_payment.ENTRIES + 1)


def test_front_and_back_channel_differ_in_word_and_line_too(page: Page) -> None:
    front, back = page.locator(_row(page, "GET /authorize")), page.locator(_row(page, "POST /par"))
    expect(front.locator(".when")).to_contain_text("front")
    expect(back.locator(".when")).to_contain_text("back")
    line = "row => getComputedStyle(row.querySelector('.arrow'), '::before').borderTopStyle"
    assert [row.evaluate(line) for row in (front, back)] == ["dashed", "solid"]


def test_an_arrow_goes_from_lane_to_lane(page: Page) -> None:
    lanes = [_middle(page, f".lanes li:nth-child({number})") for number in (1, 2, 3, 4)]
    arrow = page.locator(_row(page, "POST /payments")).first.locator(".arrow").bounding_box()
    assert arrow is not None
    assert arrow["x"] == pytest.approx(lanes[1], abs=2)
    assert arrow["x"] + arrow["width"] == pytest.approx(lanes[3], abs=2)


def _middle(page: Page, selector: str) -> float:
    box = page.locator(selector).bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2


def test_a_refusal_is_red_and_has_a_sign_a_word_and_the_rule(page: Page) -> None:
    row = page.locator(".row.refused")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("✕ Refused")
    expect(row).to_contain_text("invalid_dpop_proof This proof was used before. RFC 9449 11.1")
    expect(row).to_contain_text("1 of 3 checks failed")
    red = row.locator(".why > span").evaluate("shown => getComputedStyle(shown).color")
    assert red == "rgb(176, 31, 21)"
    keep_screenshot(page, "flow-light")


def test_what_could_not_be_decided_is_no_refusal(page: Page, recording: Recording) -> None:
    answer = {"status": 503, "body": '{"error": "temporarily_unavailable"}'}
    recording.append(a_payment.a_message(61, request={"url": f"{a_payment.API}/store"}, response=answer))
    recording.append(a_payment.undecided_checks())
    expect(page.locator(".row.undecided")).to_have_count(2)
    expect(page.locator(_row(page, "GET /store"))).to_contain_text("? Not decided")
    note = page.locator(".note.undecided")
    expect(note).to_contain_text("? Not decided: StoreUnavailable")
    expect(note).to_have_accessible_name(
        "Payments API: decision, not decided. StoreUnavailable The store does not answer."
    )
    note.click()
    expect(page.locator("#detail h2")).to_have_text("Payments API: decision")
    page.keyboard.press("Escape")
    expect(page.locator("#count")).to_have_text("12 entries · 1 refused")
    page.get_by_label("Refusals only").check()
    expect(page.locator(".row:visible")).to_have_count(3)


def test_an_error_that_asks_for_the_same_request_again_is_no_refusal(
    page: Page, recording: Recording
) -> None:
    answer = {"status": 401, "headers": [["www-authenticate", 'DPoP error="use_dpop_nonce"']], "body": ""}
    recording.append(a_payment.a_message(60, request={"url": f"{a_payment.API}/nonce"}, response=answer))
    row = page.locator(_row(page, "GET /nonce"))
    expect(row).to_be_visible()
    expect(page.locator(".row.refused")).to_have_count(1)
    expect(row).to_contain_text("to be sent again")
    expect(row.locator(".chip.refused")).to_have_count(0)
    row.click()
    expect(page.locator("#detail .box")).to_contain_text("The answer: use_dpop_nonce")


def test_a_click_opens_the_message_with_its_checks_and_its_decoded_proof(page: Page) -> None:
    page.locator(".row.refused").click()
    detail = page.get_by_role("complementary", name="POST /payments")
    expect(detail.locator(".box")).to_contain_text("Make a new proof, with a new jti, for each request.")
    expect(detail.locator(".checks li")).to_have_count(3)
    expect(detail.get_by_role("heading", name="by Payments API")).to_be_visible()
    expect(detail.locator(".checks .failed")).to_contain_text(
        "failed: the proof is used for the first time RFC 9449 11.1"
    )
    expect(detail.locator(".facts")).to_contain_text("49 ms")
    proof = detail.locator(".jwt", has_text="DPoP proof")
    expect(proof.locator(".part.header")).to_contain_text("dpop+jwt")
    expect(proof.locator(".part.payload div", has=page.locator("dt:text-is('htm')"))).to_contain_text(
        "RFC 9449"
    )
    expect(proof.locator(".part.payload")).to_contain_text(f"{a_payment.API}/payments")
    expect(proof.locator(".moment")).to_have_text("2026-11-27 02:14:00 UTC, 5 s before this message")
    keep_screenshot(page, "message-light")
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#detail")).to_be_hidden()


def test_each_parameter_has_its_sentence_and_its_clause(page: Page) -> None:
    page.locator(_row(page, "POST /par")).click()
    field = page.locator("#detail .fields > div", has=page.locator("dt:text-is('code_challenge')"))
    expect(field.locator(".value")).to_have_text("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
    expect(field.locator(".means")).to_have_text(re.compile(r"\w+.* RFC 7636 \S+$"))


def test_the_keyboard_alone_is_enough(page: Page) -> None:
    page.keyboard.press("/")
    expect(page.locator("#text")).to_be_focused()
    page.keyboard.type("payments")
    expect(page.locator("#count")).to_contain_text("4 of 10 entries · 1 refused")
    page.keyboard.press("Enter")
    expect(page.locator(_row(page, "POST /par"))).to_be_focused()
    page.keyboard.press("End")
    expect(page.locator(".row.refused")).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.locator("#detail-title")).to_be_focused()
    expect(page.locator("#detail .bar p")).to_have_text("Message 8")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#detail .bar p")).to_have_text("Message 9")
    page.keyboard.press("Escape")
    expect(page.locator(".row.refused")).to_be_focused()
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    expect(page.locator("#text")).to_have_value("")
    expect(page.locator("#count")).to_have_text("10 entries · 1 refused")


def test_the_filters_are_text_party_and_refusals(page: Page) -> None:
    shown = page.locator(".row:visible")
    page.get_by_label("Party").select_option("Payments API")
    expect(shown).to_have_count(2)
    page.get_by_label("Refusals only").check()
    expect(shown).to_have_count(1)
    page.get_by_label("Text in a message").fill("nothing has this")
    expect(shown).to_have_count(0)
    expect(page.locator("#empty")).to_have_text("Nothing fits this filter.")
    page.get_by_label("Refusals only").uncheck()
    page.get_by_label("Party").select_option("Everybody")
    page.get_by_label("Text in a message").fill("rfc 7636")
    expect(shown).to_have_count(2)


def test_hostile_text_is_shown_as_text(page: Page, recording: Recording) -> None:
    recording.append(
        {"kind": "party", "name": "<b>mallory</b>", "role": "attacker", "title": _HOSTILE, "origins": []}
    )
    recording.append(
        a_payment.a_message(
            70,
            **{"from": "<b>mallory</b>"},
            request={
                "method": _HOSTILE,
                "url": f"{a_payment.API}/x?{_HOSTILE}={_HOSTILE}",
                "headers": [[_HOSTILE, _HOSTILE]],
                "body": _HOSTILE,
            },
            response={"status": 400, "headers": [[_HOSTILE, _HOSTILE]], "body": _HOSTILE},
        )
    )
    page.locator(".row", has_text="<img").click()
    for summary in page.locator("#detail summary").all():
        summary.click()
    expect(page.locator("#detail h2")).to_contain_text("<img src=x onerror")
    expect(page.locator("#detail")).to_contain_text("</script><script>document.title")
    assert page.locator("img, main script, aside script").count() == 0
    assert page.title() == "Flow viewer"


def test_the_browser_would_refuse_html(browser: Browser, viewer: Viewer) -> None:
    with browser.new_page() as page:
        page.goto(viewer.url)
        with pytest.raises(Error, match="TrustedHTML"):
            page.evaluate("document.body.innerHTML = '<b>x</b>'")


def test_of_very_many_messages_the_page_keeps_the_newest(
    browser: Browser, viewer: Viewer, recording: Recording
) -> None:
    with browser.new_page() as page:
        script = text_of(SCRIPT)
        assert "const MOST = 6000;" in script
        few = script.replace("const MOST = 6000;", "const MOST = 8;")
        page.route("**/viewer.js", lambda route: route.fulfill(body=few, content_type="text/javascript"))
        page.goto(viewer.url)
        expect(page.locator("#secrets")).to_contain_text("2 older entries are not shown.")
        expect(page.locator("#messages > li")).to_have_count(8)
        recording.append(a_payment.a_message(50))
        expect(page.locator("#secrets")).to_contain_text("3 older entries are not shown.")
        expect(page.locator(".when").first).to_contain_text("4+0.36 s")
        expect(page.locator(".when").last).to_contain_text("10+5.88 s")


def test_two_thousand_messages_stay_smooth(browser: Browser, viewer: Viewer, recording: Recording) -> None:
    for number in range(100, 2100):
        recording.append(a_payment.a_message(number))
    with browser.new_page(viewport={"width": 1280, "height": 1080}) as page:
        page.goto(viewer.url)
        page.wait_for_selector("#messages > li:nth-child(2010)", state="attached", timeout=20_000)
        drawn = page.evaluate("performance.now()")
        laid_out = page.evaluate(LAID_OUT)
        filtered = page.evaluate(FILTERED)
        frame = page.evaluate(SCROLLED)
        print(
            f"2010 entries: drawn after {drawn:.0f} ms, {laid_out} rows laid out, "
            f"filtered in {filtered:.0f} ms, slowest frame {frame:.0f} ms"
        )
        assert laid_out < 100, "the browser lays out what one sees, and little more"
        # Alone on one core: 1700, 180 and 140 ms. A machine that is full of other tests may need several times as much.
        assert drawn < 20_000
        assert filtered < 3000
        assert frame < 3000
