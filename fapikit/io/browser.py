"""The system browser: whether this program can open one that its user sees, and opening a page in it.

Spec: RFC 8252 5, 6, 8.12
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import webbrowser
from collections.abc import Mapping
from typing import Final

_SSH: Final = ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY")
_DISPLAYS: Final = ("DISPLAY", "WAYLAND_DISPLAY")
_PATIENCE: Final = 3.0
"""In seconds. A browser that takes longer to start is believed to start: some commands end when the browser ends."""


class SystemBrowser:
    """What the module `webbrowser` finds, where the user of this program can see it."""

    def __init__(self, environment: Mapping[str, str] | None = None, platform: str | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        self._platform = sys.platform if platform is None else platform

    @property
    def available(self) -> bool:
        """False over ssh and without a display: a browser there would be on another machine, or in this terminal.

        With BROWSER in the environment it is True. Who sets it knows where its browser is.
        """
        if not self._environment.get("BROWSER"):
            if any(self._environment.get(name) for name in _SSH):
                return False
            shown = self._platform in ("win32", "darwin", "cygwin")
            if not shown and not any(self._environment.get(name) for name in _DISPLAYS):
                return False
        try:
            webbrowser.get()
        except webbrowser.Error:
            return False
        return True

    def open(self, url: str) -> bool:
        """Open the page. Returns whether that was possible."""
        opened: list[bool] = []

        def start() -> None:
            try:
                opened.append(webbrowser.open(url))
            except (webbrowser.Error, OSError):
                opened.append(False)

        thread = threading.Thread(target=start, name="fapikit-browser", daemon=True)
        thread.start()
        thread.join(_PATIENCE)
        return opened[0] if opened else True

    async def aopen(self, url: str) -> bool:
        """The same, beside the event loop."""
        return await asyncio.to_thread(self.open, url)
