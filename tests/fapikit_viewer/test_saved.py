"""A recording as one HTML file: it opens from disk, needs no network, and shows the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page, expect

from fapikit_viewer import Recording, save, serve
from fapikit_viewer.saved import saved_page
from tests.fapikit_viewer import a_payment
from tests.fapikit_viewer.conftest import keep_screenshot

_SHOWN = "[...document.querySelectorAll('.lanes, .row')].map(shown => shown.innerText)"


@contextmanager
def from_disk(browser: Browser, path: Path) -> Iterator[Page]:
    """A tab without network. Whatever the page asks for beyond its own file is noted, and is a failure."""
    asked: list[str] = []
    context = browser.new_context(
        offline=True, viewport={"width": 1280, "height": 1080}, reduced_motion="reduce"
    )
    with context, context.new_page() as page:
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        yield page
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]


def test_a_page_that_was_saved_in_the_browser_opens_from_disk(
    page: Page, browser: Browser, tmp_path: Path
) -> None:
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as one file").click()
    assert re.fullmatch(r"flow-\d{4}-\d\d-\d\dT\d{6}\.html", download.value.suggested_filename)
    download.value.save_as(tmp_path / "saved.html")
    with from_disk(browser, tmp_path / "saved.html") as saved:
        expect(saved.locator("#state")).to_contain_text("read-only")
        assert saved.evaluate(_SHOWN) == page.evaluate(_SHOWN)


def test_a_page_can_be_saved_after_its_server_has_ended(
    browser: Browser, recording: Recording, tmp_path: Path
) -> None:
    a_payment.record(recording)
    with browser.new_page() as page:
        with serve(recording) as viewer:
            page.goto(viewer.url)
            expect(page.locator(".row")).to_have_count(a_payment.ENTRIES)
            expect(page.get_by_role("button", name="Save as one file")).to_be_visible()
        expect(page.locator("#state")).to_contain_text("What is here stays")
        with page.expect_download() as download:
            page.get_by_role("button", name="Save as one file").click()
        download.value.save_as(tmp_path / "saved.html")
    assert "invalid_dpop_proof" in (tmp_path / "saved.html").read_text("utf-8")


def test_python_saves_the_same_view(
    page: Page, browser: Browser, recording: Recording, tmp_path: Path
) -> None:
    path = save(recording, tmp_path / "folder" / "flow.html")
    assert path.stat().st_mode & 0o777 == 0o600
    with from_disk(browser, path) as saved:
        assert saved.evaluate(_SHOWN) == page.evaluate(_SHOWN)
        expect(saved.locator("#secrets")).to_contain_text("throw-away")
        expect(saved.get_by_role("button", name="Save as one file")).to_be_hidden()
        saved.locator(".row.refused").click()
        expect(saved.locator("#detail .jwt").first).to_contain_text("at+jwt")
        saved.keyboard.press("Escape")
        expect(saved.locator(".row.refused")).to_be_focused()
        keep_screenshot(saved, "saved")


def test_a_hostile_value_cannot_leave_the_data_of_a_saved_page(
    browser: Browser, recording: Recording, tmp_path: Path
) -> None:
    hostile = "</script><script>document.title='taken'</script><!--<script>"
    recording.append(a_payment.a_message(1, request={"url": f"{a_payment.API}/{hostile}", "body": hostile}))
    assert saved_page(recording).count("<script") == 2
    with from_disk(browser, save(recording, tmp_path / "flow.html")) as page:
        expect(page.locator(".title")).to_contain_text("<script>document.title")
        assert page.title() == "Flow viewer"


def test_a_saved_page_may_run_its_own_script_alone_and_reach_nothing(
    browser: Browser, recording: Recording, tmp_path: Path
) -> None:
    """Even if somebody found a way to put a script into it."""
    a_payment.record(recording)
    text = saved_page(recording).replace("</body>", "<script>document.title='taken'</script></body>")
    (tmp_path / "flow.html").write_text(text, "utf-8")
    with from_disk(browser, tmp_path / "flow.html") as page:
        expect(page.locator(".row").first).to_be_visible()
        assert page.title() == "Flow viewer"
        with pytest.raises(Error, match=r"Failed to fetch|violates"):
            page.evaluate("fetch('https://mallory.example/')")


def test_a_saved_page_replaces_an_older_one(recording: Recording, tmp_path: Path) -> None:
    save(recording, tmp_path / "flow.html")
    recording.append(a_payment.a_message(1))
    save(recording, tmp_path / "flow.html")
    assert "message-1" in (tmp_path / "flow.html").read_text("utf-8")
    assert {path.name for path in tmp_path.iterdir()} == {"flow.html", "flow.jsonl"}


def test_half_a_character_in_a_message_can_be_saved(recording: Recording, tmp_path: Path) -> None:
    line = json.dumps(a_payment.a_message(1, request={"url": f"{a_payment.API}/x", "body": "\ud800"}))
    recording.path.write_text(line + "\n")
    assert "recorded" in save(recording, tmp_path / "flow.html").read_text("utf-8")


def test_no_value_turns_the_order_of_a_line(browser: Browser, recording: Recording, tmp_path: Path) -> None:
    recording.append(a_payment.a_message(1, request={"url": f"{a_payment.API}/a\u202egpj", "body": ""}))
    with from_disk(browser, save(recording, tmp_path / "flow.html")) as page:
        expect(page.locator(".title")).to_contain_text("/a\\u202egpj")
