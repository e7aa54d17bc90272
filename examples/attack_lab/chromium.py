"""A real browser, where the browser is the point: Chromium or Chrome, driven by its own protocol (CDP).

It trusts the lab's certificates because it is told to ignore errors of certificates. Its profile is thrown away.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

import httpx
from websockets.sync.client import ClientConnection, connect

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE: Final = 20.0


def executable() -> str | None:
    """The browser of this machine, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Tab:
    """One page. All methods wait until the page has answered."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = count(1)
        self._do("Page.enable")

    def open(self, url: str) -> None:
        self._do("Page.navigate", url=url)
        self.wait_for("document.readyState === 'complete' && location.href !== 'about:blank'")

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression in the page."""
        found = self._do("Runtime.evaluate", expression=script, returnByValue=True)["result"]
        return found.get("value")

    def wait_for(self, script: str) -> None:
        """Wait until a JavaScript expression is true."""
        self.wait_until(lambda: bool(self.run(script)))

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until something has happened that the page causes."""
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(
                    f"what was waited for did not happen: the page is {self.run('location.href')}"
                )
            time.sleep(0.02)

    def frames(self) -> list[str]:
        """The URLs that are shown in the frames of the page."""
        tree = self._do("Page.getFrameTree")["frameTree"]
        return [child["frame"]["url"] for child in tree.get("childFrames", ())]

    def click(self, x: float, y: float) -> None:
        """A click of the user at this point, whatever lies there."""
        for kind in ("mousePressed", "mouseReleased"):
            self._do("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def _do(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._ids)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv(timeout=PATIENCE))
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result


@contextmanager
def chromium() -> Iterator[Tab]:
    """A running browser with one page. Raises FileNotFoundError if this machine has none."""
    path = executable()
    if path is None:
        raise FileNotFoundError("there is no Chromium and no Chrome here")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = ["--headless=new", "--disable-gpu", "--ignore-certificate-errors", "--no-first-run"]
        options += ["--remote-debugging-port=0", f"--user-data-dir={profile}", "--window-size=800,1000"]
        options += ["--no-sandbox"] if os.geteuid() == 0 else []
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with subprocess.Popen([path, *options, "about:blank"], **quiet) as process:  # type: ignore[call-overload]
            try:
                with connect(_page_of(Path(profile)), max_size=None) as socket:
                    yield Tab(socket)
            finally:
                process.kill()


def _page_of(profile: Path) -> str:
    """The address of the first page. The browser writes its port into a file."""
    file, end = profile / "DevToolsActivePort", time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if file.exists() and (lines := file.read_text().splitlines()):
            with httpx.Client(trust_env=False) as http:
                for target in http.get(f"http://127.0.0.1:{lines[0]}/json/list").json():
                    if target["type"] == "page":
                        return str(target["webSocketDebuggerUrl"])
        time.sleep(0.02)
    raise TimeoutError("the browser did not start")
