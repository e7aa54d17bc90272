"""Where a browser can be opened that the user sees, and what opening one may do."""

from __future__ import annotations

import asyncio
import threading
import webbrowser
from typing import Any

import pytest

from fapikit.io import browser
from fapikit.io.browser import SystemBrowser

SSH = {"SSH_CONNECTION": "198.51.100.7 1 203.0.113.5 22"}
DISPLAY = {"DISPLAY": ":0"}


@pytest.mark.parametrize(
    ("environment", "platform", "expected"),
    [
        (DISPLAY, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({}, "linux", False),
        ({"DISPLAY": ""}, "linux", False),
        ({}, "darwin", True),
        ({}, "win32", True),
        ({**DISPLAY, **SSH}, "linux", False),
        (SSH, "darwin", False),
        ({**SSH, "BROWSER": "/opt/editor/open-at-home"}, "linux", True),
    ],
)
def test_where_there_is_a_browser(
    environment: dict[str, str], platform: str, expected: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(webbrowser, "get", lambda: None)
    assert SystemBrowser(environment, platform).available is expected


def test_a_machine_without_any_browser_has_none(monkeypatch: pytest.MonkeyPatch):
    def get() -> Any:
        raise webbrowser.Error("could not locate runnable browser")

    monkeypatch.setattr(webbrowser, "get", get)
    assert SystemBrowser(DISPLAY, "linux").available is False


@pytest.mark.spec("RFC 8252 5", "RFC 8252 8.12")
@pytest.mark.parametrize("outcome", [True, False, webbrowser.Error("none"), OSError("no such file")])
def test_opening_says_whether_it_worked(outcome: Any, monkeypatch: pytest.MonkeyPatch):
    def open_(url: str) -> bool:
        if isinstance(outcome, Exception):
            raise outcome
        return bool(outcome) and url == "https://bank.example"

    monkeypatch.setattr(webbrowser, "open", open_)
    assert SystemBrowser().open("https://bank.example") is (outcome is True)
    assert asyncio.run(SystemBrowser().aopen("https://bank.example")) is (outcome is True)


def test_a_command_that_ends_with_its_browser_is_not_waited_for(monkeypatch: pytest.MonkeyPatch):
    closed = threading.Event()
    monkeypatch.setattr(browser, "_PATIENCE", 0.05)
    monkeypatch.setattr(webbrowser, "open", lambda url: closed.wait(20))
    assert SystemBrowser().open("https://bank.example") is True
    closed.set()
