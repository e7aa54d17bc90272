"""The probes of an orchestrator: live as long as the process answers, ready as long as it can decide."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from askit.endpoints.probes import LOOK_AGAIN, Readiness
from fapikit.errors import StoreForgot, StoreUnavailable, UnfitStore
from tests.askit.bank import Bank
from tests.clocks import FrozenClock

pytestmark = pytest.mark.anyio

PASSWORD = "the-password-of-the-store"


async def probe(bank: Bank, name: str, method: str = "GET") -> httpx.Response:
    return await bank.browser().request(method, bank.server.endpoint(name))


def broken(monkeypatch: pytest.MonkeyPatch, bank: Bank, operation: str, error: Exception) -> None:
    async def fails(*_given: Any) -> Any:
        raise error

    monkeypatch.setattr(bank.store, operation, fails)


@pytest.mark.parametrize("issuer", ["https://bank.example", "https://bank.example/retail"])
async def test_a_server_that_can_decide_is_live_and_ready(issuer: str) -> None:
    bank = Bank(issuer=issuer)
    for name in ("healthz", "readyz"):
        for method in ("GET", "HEAD"):
            answer = await probe(bank, name, method)
            assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert (await probe(bank, "healthz")).json() == {"live": True}
    assert (await probe(bank, "readyz")).json() == {"ready": True}


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        ("acheck", StoreUnavailable(f"redis://:{PASSWORD}@store does not answer")),
        ("acheck", UnfitStore("it evicts")),
        ("aadd", StoreUnavailable("read only")),
        ("aadd", StoreForgot("emptied a minute ago", retry_after=60)),
        ("aget", StoreUnavailable("it does not answer")),
    ],
)
async def test_without_its_store_it_is_live_and_not_ready(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, operation: str, error: Exception
) -> None:
    bank = Bank()
    broken(monkeypatch, bank, operation, error)
    answer = await probe(bank, "readyz")
    assert (answer.status_code, answer.json(), answer.headers["retry-after"]) == (503, {"ready": False}, "1")
    assert PASSWORD not in f"{answer.headers}"
    assert f"not ready: {error} ({type(error).__name__})" in caplog.messages
    assert (await probe(bank, "healthz")).status_code == 200


async def test_an_unforeseen_error_is_not_ready_either(monkeypatch: pytest.MonkeyPatch) -> None:
    bank = Bank()
    broken(monkeypatch, bank, "acheck", RuntimeError(PASSWORD))
    for status in (500, 503):
        answer = await probe(bank, "readyz")
        assert (answer.status_code, PASSWORD in answer.text) == (status, False)


async def test_strangers_cost_one_look_a_second(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING", "askit")
    bank, clock = Bank(), FrozenClock()
    readiness = Readiness(clock)
    looks: list[Exception | None] = []
    found: list[Exception | None] = [None]
    check = bank.store.acheck

    async def counted() -> Any:
        looks.append(found[0])
        await asyncio.sleep(0)
        if found[0] is not None:
            raise found[0]
        return await check()

    monkeypatch.setattr(bank.store, "acheck", counted)

    async def statuses() -> set[int]:
        request = Request({"type": "http"})
        answers = await asyncio.gather(*(readiness.ready(bank.server.core, request) for _ in range(20)))
        return {answer.status_code for answer in answers}

    assert (await statuses(), len(looks)) == ({200}, 1)
    found[0] = StoreUnavailable("down")
    assert (await statuses(), len(looks)) == ({200}, 1)
    for number in (2, 3):
        clock.advance(LOOK_AGAIN)
        assert (await statuses(), len(looks)) == ({503}, number)
    found[0] = None
    clock.advance(LOOK_AGAIN)
    assert (await statuses(), len(looks)) == ({200}, 4)
    assert caplog.messages == ["not ready: down (StoreUnavailable)", "ready again"]
