"""What askit does at its start about the store that it is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from askit import AuthorizationServer, Config
from fapikit import MemoryStore, SqliteStore, StorePromise
from fapikit.errors import StoreError, StoreForgot, StoreUnavailable, UnfitStore
from tests.askit.bank import Bank, settings

pytestmark = pytest.mark.anyio


class Unreliable(MemoryStore):
    """Says of itself what a test says, and takes no mark until it is better."""

    def __init__(self, error: StoreError) -> None:
        super().__init__()
        self.error: StoreError | None = error

    async def acheck(self) -> StorePromise:
        if isinstance(self.error, UnfitStore):
            raise self.error
        return await super().acheck()

    async def aadd(self, key: str, value: bytes, ttl: float) -> bool:
        if self.error is not None:
            raise self.error
        return await super().aadd(key, value, ttl)


async def start(server: AuthorizationServer) -> dict[str, Any]:
    """What the server answers to the lifespan's startup."""
    sent: list[Any] = []
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    await server({"type": "lifespan"}, receive, send)
    first: dict[str, Any] = sent[0]
    return first


@pytest.mark.parametrize(
    "error", [UnfitStore("this server evicts"), StoreForgot("it was emptied", retry_after=77)], ids=repr
)
async def test_a_store_that_cannot_be_relied_on_is_said_and_everything_is_503_until_it_can(
    error: StoreError, caplog: pytest.LogCaptureFixture
) -> None:
    bank = Bank()
    store = Unreliable(error)
    bank.server = AuthorizationServer(Config.from_mapping(settings()), store=store, clock=bank.clock)
    with pytest.raises(type(error)):
        await bank.server.start()
    assert (await start(bank.server))["type"] == "lifespan.startup.complete"
    assert "starting; until this changes" in caplog.text
    assert error.message in caplog.text
    assert (await bank.browser().get("/jwks")).status_code == 503
    client = bank.client()
    assert (await client.push(client.request())).status_code == 503
    store.error = None
    assert (await bank.browser().get("/jwks")).status_code == 200
    assert (await client.push(client.request())).status_code == 201


async def test_a_store_that_does_not_answer_stops_the_start(tmp_path: Path) -> None:
    file = tmp_path / "not there" / "s.db"
    store = SqliteStore(file)
    server = AuthorizationServer(Config.from_mapping(settings()), store=store)
    told = await start(server)
    why = f"the SQLite file {file} cannot be opened: No such file or directory"
    assert told == {"type": "lifespan.startup.failed", "message": why}
    with pytest.raises(StoreUnavailable):
        await server.start()


@pytest.mark.parametrize("development_only", [True, False])
@pytest.mark.parametrize("is_durable", [True, False])
async def test_a_server_that_is_no_development_server_says_that_its_store_forgets_at_a_restart(
    development_only: bool, is_durable: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = SqliteStore(tmp_path / "s.db") if is_durable else MemoryStore()
    config = Config.from_mapping(settings(development_only=development_only))
    await AuthorizationServer(config, store=store).start()
    assert ("after a restart, grants" in caplog.text) is not (development_only or is_durable)
    store.close()
