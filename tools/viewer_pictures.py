"""Takes the two pictures of the flow viewer that stand in the README, of a recording: `make pictures`.

The font is Inter where the machine has it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Browser, Page, sync_playwright

from examples.attack_lab.chromium import executable
from fapikit_viewer import Viewer, serve
from tools.citations import ROOT

SAMPLE: Final = ROOT / "tests" / "fapikit_viewer" / "sample.jsonl"
PICTURES: Final = ROOT / "docs" / "img"
WIDTH: Final = 1280
MAX_HEIGHT: Final = 1500


def take(recording: Path) -> None:
    """A flow with a refusal, in light; an opened message, in dark."""
    path = executable()
    if path is None:
        raise SystemExit("the pictures need Chromium or Chrome")
    with serve(recording) as viewer, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-proxy-server"])
        _flow(browser, viewer)
        _message(browser, viewer)
        browser.close()


def _flow(browser: Browser, viewer: Viewer) -> None:
    """From the beginning to the first refusal, if that is not too far."""
    with _page(browser, viewer, "light") as page:
        refused = page.locator(".row.refused").first
        box = refused.bounding_box()
        assert box is not None
        page.set_viewport_size(
            {"width": WIDTH, "height": min(MAX_HEIGHT, int(box["y"] + box["height"]) + 56)}
        )
        refused.evaluate("row => row.scrollIntoView({block: 'nearest'})")
        _keep(page, "flow")


def _message(browser: Browser, viewer: Viewer) -> None:
    with _page(browser, viewer, "dark") as page:
        page.locator(".row.refused").first.click()
        _keep(page, "message")


def _page(browser: Browser, viewer: Viewer, theme: Literal["light", "dark"]) -> Page:
    page = browser.new_page(
        viewport={"width": WIDTH, "height": 860},
        color_scheme=theme,
        reduced_motion="reduce",
        device_scale_factor=1.25,
    )
    page.goto(viewer.url)
    page.locator(".row.refused").first.wait_for()
    return page


def _keep(page: Page, name: str) -> None:
    page.wait_for_timeout(300)
    page.screenshot(path=PICTURES / f"flow-viewer-{name}.png")


if __name__ == "__main__":
    take(Path(sys.argv[1]) if sys.argv[1:] else SAMPLE)
