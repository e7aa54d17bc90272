"""A browser for each module of tests, and a page in it that shows the hand-written flow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from examples.attack_lab.chromium import executable
from fapikit_viewer import Recording, serve
from fapikit_viewer.serving import Viewer
from tests.fapikit_viewer import a_payment
from tests.programs import installed

SCREENSHOTS = Path(".screenshots")
"""What the tests have seen, for people to look at. git ignores it."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Not for the session: the browser's event loop would be in the way of tests that run their own.
    path = installed("Chromium", executable())
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-proxy-server"])
        yield started
        started.close()


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return Recording(tmp_path / "flow.jsonl", throwaway_keys=True)


@pytest.fixture
def viewer(recording: Recording) -> Iterator[Viewer]:
    """The page of the hand-written flow."""
    a_payment.record(recording)
    with serve(recording) as running:
        yield running


@pytest.fixture
def page(browser: Browser, viewer: Viewer) -> Iterator[Page]:
    with browser.new_page(viewport={"width": 1280, "height": 1080}, reduced_motion="reduce") as shown:
        complaints: list[str] = []
        shown.on("pageerror", lambda error: complaints.append(str(error)))
        shown.on("console", lambda told: complaints.append(told.text) if told.type == "error" else None)
        shown.set_default_timeout(10_000)
        shown.goto(viewer.url)
        shown.wait_for_selector(f"#messages > li:nth-child({a_payment.ENTRIES})")
        yield shown
        assert not complaints


def keep_screenshot(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"viewer-{name}.png")
