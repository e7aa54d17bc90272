"""How many lines go to the log, and how long they are."""

from __future__ import annotations

import logging

import pytest

from askit.log_budget import BudgetedLogger, LogBudget
from tests.askit.bank import Bank
from tests.clocks import FrozenClock


class _Handler(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def handler() -> _Handler:
    return _Handler()


@pytest.fixture
def logger(handler: _Handler) -> logging.Logger:
    made = logging.Logger("a logger of its own")  # noqa: LOG001 - nobody else's handlers
    made.addHandler(handler)
    return made


@pytest.fixture(params=["handler", "logger"])
def bounded(
    request: pytest.FixtureRequest, logger: logging.Logger, handler: _Handler, clock: FrozenClock
) -> logging.Logger | BudgetedLogger:
    """The two ways: whatever reaches a handler, and whatever goes through a logger."""
    if request.param == "logger":
        return BudgetedLogger(logger, 2, clock)
    handler.addFilter(LogBudget(2, 60, clock))
    return logger


def test_a_flood_is_cut_short_and_said_to_be(
    bounded: logging.Logger, handler: _Handler, clock: FrozenClock
) -> None:
    for number in range(100):
        bounded.log(logging.INFO, "line %d", number)
    assert handler.lines == [f"line {number}" for number in range(20)]
    clock.advance(1)
    for _ in range(3):
        bounded.log(logging.INFO, "next")
    assert handler.lines[20:] == ["(80 lines were left out before this one) next", "next"]
    clock.advance(3600)
    for _ in range(30):
        bounded.log(logging.INFO, "late")
    assert handler.lines[22:] == ["(1 lines were left out before this one) late", *["late"] * 19]


def test_no_flood_of_refusals_hides_an_error(bounded: logging.Logger, handler: _Handler) -> None:
    for _ in range(100):
        bounded.log(logging.WARNING, "refused")
    bounded.log(logging.ERROR, "broken")
    assert handler.lines[-1] == "broken"


def test_a_level_that_is_off_costs_no_line(
    logger: logging.Logger, handler: _Handler, clock: FrozenClock
) -> None:
    logger.setLevel(logging.WARNING)
    bounded = BudgetedLogger(logger, 2, clock)
    for _ in range(100):
        bounded.log(logging.INFO, "nobody reads this")
    bounded.log(logging.WARNING, "read")
    assert handler.lines == ["read"]


def test_a_long_line_is_cut_off(logger: logging.Logger, handler: _Handler) -> None:
    handler.addFilter(LogBudget(2, 60))
    logger.warning("%s and %d", "é" * 100, 7)
    logger.warning("a sign of %s", "%d")
    assert handler.lines == ["é" * 30, "a sign of %d"]


@pytest.mark.anyio
async def test_a_server_that_is_mounted_bounds_its_own_lines(caplog: pytest.LogCaptureFixture) -> None:
    bank = Bank(limits={"log_lines_per_second": 1})
    http = bank.browser()
    with caplog.at_level(logging.INFO, "askit"):
        for _ in range(100):
            assert (await http.post("/token", data={"x": "y"})).status_code == 401
            assert (await http.get("/jwks", headers={"x": "y" * 40_000})).status_code == 431
    assert 10 <= len(caplog.records) < 100
