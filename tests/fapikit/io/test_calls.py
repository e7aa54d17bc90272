"""Functions of the application in a flow: called in place, awaited where that is possible, and ended in time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fapikit.errors import ConfigurationError
from fapikit.flow import Call, Flow, call
from fapikit.io import AsyncDriver, SyncDriver
from fapikit.secrets import Concealed


def calling(function: Any, *arguments: Any, deadline: float = 5.0) -> Flow[Any]:
    """What comes of it, seen from inside the flow."""
    try:
        return (yield from call(function, *arguments, deadline=deadline))
    except (TimeoutError, LookupError) as error:
        return type(error).__name__


async def later(value: Any) -> Any:
    await asyncio.sleep(0)
    return value


async def never() -> None:
    await asyncio.Event().wait()


def fail() -> None:
    raise LookupError


def test_a_plain_function_is_called_in_place_by_both_drivers() -> None:
    for outcome in (SyncDriver().run(calling(max, 1, 2)), asyncio.run(AsyncDriver().run(calling(max, 1, 2)))):
        assert outcome == 2


def test_what_it_raises_is_thrown_into_the_flow() -> None:
    assert SyncDriver().run(calling(fail)) == "LookupError"
    assert asyncio.run(AsyncDriver().run(calling(fail))) == "LookupError"


def test_a_coroutine_function_is_awaited_and_ended_in_time() -> None:
    assert asyncio.run(AsyncDriver().run(calling(later, 7))) == 7
    assert asyncio.run(AsyncDriver().run(calling(lambda: later(8)))) == 8
    assert asyncio.run(AsyncDriver().run(calling(never, deadline=0.01))) == "TimeoutError"


def test_in_a_sync_call_a_coroutine_function_is_a_mistake_that_has_done_nothing() -> None:
    with pytest.raises(ConfigurationError, match="give a plain function"):
        SyncDriver().run(calling(later, 7))


def test_its_arguments_are_not_shown() -> None:
    assert repr(Call(later, Concealed(("a secret",)), 1.0)) == "Call(later)"
    assert "secret" not in repr(Call(min, Concealed(("a secret",)), 1.0))
