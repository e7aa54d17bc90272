"""A real browser, where the browser is the point: Chromium or Chrome without a screen, driven by Playwright.

It is started once. Each tab has cookies of its own. Host names below `.test` are this machine. The browser trusts the
keys of the lab's certificates, and no others.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import shutil
import threading
from collections.abc import Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_certificate

from examples.attack_lab.answers import Refused

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, Page, Response

T = TypeVar("T")
_ON_MACOS: Final = tuple(
    f"/Applications/{name}.app/Contents/MacOS/{name}" for name in ("Google Chrome", "Chromium")
)
NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", *_ON_MACOS)
PATIENCE: Final = 20.0
_VIEW: Final = {"width": 800, "height": 1000}
_POLICY: Final = "Content Security Policy"
_Work: TypeAlias = Coroutine[Any, Any, T]


def executable() -> str | None:
    """The browser of this machine, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Chromium:
    """A running browser. Playwright works in a thread of its own, and is called nowhere else, not even to listen."""

    def __init__(self, certificates: Iterable[Path]) -> None:
        """`certificates`: PEM files whose keys it trusts. Raises FileNotFoundError if this machine has no browser."""
        path = executable()
        if path is None:
            raise FileNotFoundError("there is no Chromium and no Chrome here")
        keys = ",".join(map(_fingerprint, certificates))
        self._options = {
            "executable_path": path,
            "args": [
                "--no-proxy-server",
                "--host-resolver-rules=MAP *.test 127.0.0.1",
                f"--ignore-certificate-errors-spki-list={keys}",
            ],
        }
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="browser")
        self._thread.start()
        self._browser = self.do(self._start())

    async def _start(self) -> Browser:
        from playwright.async_api import async_playwright

        self._playwright = await async_playwright().start()
        return await self._playwright.chromium.launch(**self._options)  # type: ignore[arg-type]

    @contextmanager
    def tab(self) -> Iterator[Tab]:
        """A new tab that shares no cookies with others."""
        complaints: list[str] = []
        context, page = self.do(self._open(complaints))
        try:
            yield Tab(self, context, page, complaints)
        finally:
            self.do(context.close())

    async def _open(self, complaints: list[str]) -> tuple[BrowserContext, Page]:
        context = await self._browser.new_context(viewport=_VIEW)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE * 1000)
        page = await context.new_page()
        page.on("console", lambda told: complaints.append(told.text) if _POLICY in told.text else None)
        return context, page

    def close(self) -> None:
        self.do(self._browser.close())
        self.do(self._playwright.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    def do(self, work: _Work[T]) -> T:
        """Do this in the browser's thread, and wait for its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(2 * PATIENCE)


class Tab:
    """A tab. Its methods wait until the browser is done. `complaints`: what policies of pages forbade."""

    def __init__(self, browser: Chromium, context: BrowserContext, page: Page, complaints: list[str]) -> None:
        self._browser, self._context, self._page = browser, context, page
        self.complaints = complaints

    @property
    def url(self) -> str:
        return self._page.url

    @property
    def text(self) -> str:
        """What the user reads."""
        return self._browser.do(self._page.inner_text("body"))

    def cookies(self, url: str) -> dict[str, str]:
        """Names and values of the cookies that the browser sends there."""
        return {cookie["name"]: cookie["value"] for cookie in self._browser.do(self._context.cookies(url))}

    @property
    def frames(self) -> list[str]:
        """The URLs that are shown in the frames of the page."""
        return [frame.url for frame in self._page.frames[1:]]

    def open(self, url: str) -> None:
        """Raises Refused for an error page."""
        self._accept(self._browser.do(self._page.goto(url)))

    def _accept(self, answer: Response | None) -> None:
        if answer is not None and answer.status >= 400:
            raise Refused(answer.status, self.text)

    def submit(self, values: Mapping[str, str], button: str = "button") -> None:
        """Fill fields by their names, press the button with this CSS selector, and wait for the page that comes.

        Raises Refused for an error page.
        """
        self._accept(self._browser.do(self._submit(values, button)))

    async def _submit(self, values: Mapping[str, str], button: str) -> Response | None:
        for name, value in values.items():
            await self._page.fill(f"[name={name}]", value)
        async with self._page.expect_navigation() as navigated:
            await self._page.click(button)
        return await navigated.value

    def middle_of(self, selector: str) -> tuple[float, float]:
        """The coordinates of an element."""
        box = self._browser.do(self._page.locator(selector).bounding_box())
        assert box is not None
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def press(self, button: str, *, awaiting: str) -> None:
        """Press a button. Waits for the page at a URL that begins with `awaiting`, or until the browser complains."""
        self._browser.do(self._press(button, awaiting))

    async def _press(self, button: str, awaiting: str) -> None:
        over = asyncio.Event()
        self._page.on("console", lambda told: over.set() if _POLICY in told.text else None)
        self._page.on("load", lambda page: over.set() if page.url.startswith(awaiting) else None)
        await self._page.click(button, no_wait_after=True)
        await asyncio.wait_for(over.wait(), PATIENCE)

    def click(self, x: float, y: float, *, awaiting: str) -> None:
        """A click at this point, whatever lies there. Waits for an answer from a URL that begins with `awaiting`."""
        self._browser.do(self._click(x, y, awaiting))

    async def _click(self, x: float, y: float, awaiting: str) -> None:
        async with self._page.expect_response(lambda answer: answer.url.startswith(awaiting)):
            await self._page.mouse.click(x, y)

    def reaches(self, url: str) -> None:
        """Wait until the tab shows this URL, whatever its query and its fragment are."""
        self._browser.do(
            self._page.wait_for_url(lambda shown: shown.partition("#")[0].partition("?")[0] == url)
        )


def _fingerprint(certificate: Path) -> str:
    key = load_pem_x509_certificate(certificate.read_bytes()).public_key()
    octets = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(octets).digest()).decode()
