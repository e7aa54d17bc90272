"""Waits that take no time: a pause moves the clock of the bank."""

from __future__ import annotations

import pytest

from tests.mothers.fake_bank import FakeBank
from tests.rpkit.decoupled.naps import Naps, taking_naps


@pytest.fixture
def naps(bank: FakeBank, monkeypatch: pytest.MonkeyPatch) -> Naps:
    return taking_naps(bank, monkeypatch)
