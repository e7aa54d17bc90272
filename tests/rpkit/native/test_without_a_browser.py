"""Where no browser can be opened, a program is authorized as a device, or says what is missing."""

from __future__ import annotations

from typing import Any

import pytest

from rpkit.errors import NoBrowser
from tests.mothers.fake_bank import FakeBank
from tests.rpkit.logins import ACCOUNTS
from tests.rpkit.native.conftest import Program

ASKED: dict[str, Any] = {"scope": "openid accounts", "resources": [ACCOUNTS]}


@pytest.mark.spec("RFC 8252 5")
def test_where_no_browser_opens_the_program_is_authorized_as_a_device(
    bank: FakeBank, program: Program, monkeypatch: pytest.MonkeyPatch
):
    shown: list[str] = []
    bank.faults["device"] = lambda members: {**members, "interval": 1}
    bank.decision = "approved"
    login = program.sign_in(
        **ASKED,
        open_browser=lambda url: False,
        show_code=lambda device: shown.append(device.user_code),
        prompt="login",
        max_age=60,
    )
    assert shown == ["WDJB-MJHT"]
    assert (login.tokens.subject, login.tokens.resources) == ("alice", (ACCOUNTS,))
    form = bank.calls("device")[-1].form
    assert form["max_age"] == "60"
    assert "prompt" not in form


@pytest.mark.parametrize("with_endpoint", [True, False])
def test_where_there_is_no_way_at_all_the_error_says_so(
    with_endpoint: bool, bank: FakeBank, program: Program
):
    show = None
    if not with_endpoint:
        bank.faults["metadata"] = lambda document: {
            name: value for name, value in document.items() if name != "device_authorization_endpoint"
        }
        show = print
    with pytest.raises(NoBrowser, match="show_code"):
        program.sign_in(open_browser=lambda url: False, show_code=show)


def test_over_ssh_no_browser_is_looked_for(bank: FakeBank, program: Program, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SSH_CONNECTION", "198.51.100.7 1 203.0.113.5 22")
    monkeypatch.delenv("BROWSER", raising=False)
    bank.faults["device"] = lambda members: {**members, "interval": 1}
    bank.decision = "approved"
    assert program.sign_in(show_code=lambda device: None).tokens.subject == "alice"
    assert bank.calls("par") == []
