"""The page in a real browser: what one sees, clicks, types and hears."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Error, Page, expect

from fapikit_viewer import Recording
from fapikit_viewer.serving import Viewer
from tests.fapikit_viewer import a_payment
from tests.fapikit_viewer.conftest import keep_screenshot

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
    expect(page.locator("#told")).to_have_text("1 new entry")


def test_messages_stand_in_the_order_of_time_whoever_writes_first(page: Page, recording: Recording) -> None:
    recording.append(
        a_payment.a_message(99, at=a_payment.BEGAN + 0.4, request={"url": f"{a_payment.API}/between"})
    )
    expect(page.locator("#messages > li:nth-child(4) .title")).to_have_text("GET /between")
    expect(page.locator("#messages > li:nth-child(5) .when b")).to_have_text("5")


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


def test_an_error_that_asks_for_the_same_request_again_is_no_refusal(
    page: Page, recording: Recording
) -> None:
    answer = {"status": 401, "headers": [["www-authenticate", 'DPoP error="use_dpop_nonce"']], "body": ""}
    recording.append(a_payment.a_message(60, request={"url": f"{a_payment.API}/nonce"}, response=answer))
    row = page.locator(_row(page, "GET /nonce"))
    expect(row).to_be_visible()
    expect(page.locator(".row.refused")).to_have_count(1)
    row.click()
    expect(page.locator("#detail .box")).to_contain_text("The answer: use_dpop_nonce")


def test_a_click_opens_the_message_with_its_checks_and_its_decoded_proof(page: Page) -> None:
    page.locator(".row.refused").click()
    detail = page.get_by_role("complementary", name="POST /payments")
    expect(detail.locator(".box")).to_contain_text("Make a new proof, with a new jti, for each request.")
    expect(detail.locator(".checks li")).to_have_count(3)
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
        measured = page.evaluate(_CONTRASTS)
        assert len(measured) > 100
        assert [text for text in measured if text[0] < 4.5] == []
        page.locator("#refusals").check()
        assert [text for text in page.evaluate(_CONTRASTS) if text[0] < 4.5] == []


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
    page.get_by_role("button", name="Close").click()
    assert not page.locator("main").evaluate("covered => covered.inert")


def test_nothing_moves_for_who_wants_no_motion(page: Page) -> None:
    moving = "document.getAnimations().length"
    assert page.evaluate(moving) == 0
    page.emulate_media(reduced_motion="no-preference")
    assert page.evaluate(moving) > 0


def test_print_has_the_whole_flow_and_no_controls(page: Page) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    expect(page.locator("form")).to_be_hidden()
    expect(page.locator(".row").last).to_be_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('main')).overflow") == "visible"
    assert (
        page.locator(".row .title").first.evaluate("shown => getComputedStyle(shown).color")
        == "rgb(22, 27, 38)"
    )


def test_two_thousand_messages_stay_smooth(browser: Browser, viewer: Viewer, recording: Recording) -> None:
    for number in range(100, 2100):
        recording.append(a_payment.a_message(number))
    with browser.new_page(viewport={"width": 1280, "height": 1080}) as page:
        page.goto(viewer.url)
        page.wait_for_selector("#messages > li:nth-child(2010)", state="attached", timeout=15_000)
        drawn = page.evaluate("performance.now()")
        filtered = page.evaluate(_FILTERED)
        frame = page.evaluate(_SCROLLED)
        print(
            f"2010 entries: drawn after {drawn:.0f} ms, filtered in {filtered:.0f} ms, slowest frame {frame:.0f} ms"
        )
        assert drawn < 10_000
        assert filtered < 1000
        assert frame < 500


_CONTRASTS = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
  const paint = (grounds) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const ground of grounds) { canvas.fillStyle = ground; canvas.fillRect(0, 0, 1, 1); }
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const luminance = ([r, g, b]) => [r, g, b].map(c => c / 255).map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
  const measured = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !element.checkVisibility() || element.closest('.unseen, option, noscript, :disabled')) continue;
    const grounds = [];
    for (let up = element; up; up = up.parentElement) grounds.unshift(getComputedStyle(up).backgroundColor);
    const text = luminance(paint([...grounds, getComputedStyle(element).color]));
    const ground = luminance(paint(grounds));
    const ratio = (Math.max(text, ground) + .05) / (Math.min(text, ground) + .05);
    measured.push([Math.round(ratio * 100) / 100, texts.currentNode.data.trim().slice(0, 40)]);
  }
  return measured;
}"""
_FILTERED = """async () => {
  const text = document.querySelector('#text');
  const began = performance.now();
  text.value = 'payments';
  text.dispatchEvent(new Event('input'));
  while (!document.querySelector('#count').textContent.includes('of')) await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  const took = performance.now() - began;
  text.value = '';
  text.dispatchEvent(new Event('input'));
  while (document.querySelector('#count').textContent.includes('of')) await new Promise(requestAnimationFrame);
  return took;
}"""
_SCROLLED = """async () => {
  const main = document.querySelector('main');
  let slowest = 0;
  let before = performance.now();
  for (let step = 1; step <= 40; step += 1) {
    main.scrollTop = main.scrollHeight * step / 40;
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    slowest = Math.max(slowest, now - before);
    before = now;
  }
  return slowest;
}"""
