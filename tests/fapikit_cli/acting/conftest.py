"""One bank for all commands, and a desk for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.fapikit_cli.acting.desk import Bank, Desk, running_bank
from tests.fapikit_cli.acting.workshop import Workshop


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    with closing(Workshop(tmp_path_factory.mktemp("w"))) as workshop:
        yield workshop


@pytest.fixture(scope="session")
def bank(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    with running_bank(tmp_path_factory.mktemp("askit") / "bank", workshop) as bank:
        yield bank


@pytest.fixture
def desk(bank: Bank, tmp_path: Path) -> Desk:
    """Somebody who has not signed in."""
    return Desk(bank, tmp_path)


@pytest.fixture(scope="module")
def signed_in(bank: Bank, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Somebody who has signed in. Tests of one module share it, and none of them ends it."""
    desk = Desk(bank, tmp_path_factory.mktemp("desk"))
    desk.sign_in()
    return desk


@pytest.fixture
def desk_of(bank: Bank, tmp_path: Path) -> Callable[..., Desk]:
    return lambda **settings: Desk(bank, tmp_path, **settings)
