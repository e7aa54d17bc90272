"""What a store costs: logins at askit, and proofs at an API, with their state in memory, in SQLite and in Redis.

CPU time of the process, its threads included. That of the Redis server is not: it is another process.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route

import asgi_mw
from benchmarks.askit_messages import Fintech, log_in
from benchmarks.middleware import App, accounts, asgi_scope
from benchmarks.report import Bars
from benchmarks.rounds import Effort, Figure, Result, added, interleaved, taken
from benchmarks.tokens import a_proof, a_server, a_token
from fapikit import MemoryStore, PrivateKey, RedisStore, SqliteStore
from tests.servers import valkey_server

LOGINS, PROOFS, AT_ONCE = 32, 96, 16


@contextmanager
def stores() -> Iterator[dict[str, Any]]:
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(valkey_server(directory))
        yield {
            "memory": MemoryStore(max_entries=10_000_000, max_octets=10**10),
            "SQLite": SqliteStore(directory / "store.db"),
            "Redis": RedisStore(url),
        }


async def time_logins(effort: Effort, kept: dict[str, Any]) -> dict[str, list[float]]:
    """Some logins at once, each of another user."""
    fintech = Fintech()
    banks = {
        name: [fintech.bank(store, f"user{number}") for number in range(AT_ONCE)]
        for name, store in kept.items()
    }
    times: dict[str, list[float]] = {name: [] for name in banks}
    for name in [*banks, *interleaved(banks, effort.rounds)]:
        logins = [fintech.login() for _ in range(LOGINS)]
        began = time.process_time_ns()
        for first in range(0, LOGINS, AT_ONCE):
            at_once = zip(banks[name], logins[first : first + AT_ONCE], strict=True)
            await asyncio.gather(*[log_in(bank, login) for bank, login in at_once])
        times[name].append((time.process_time_ns() - began) / LOGINS / 1000)
    await _close(kept)
    return {name: values[1:] for name, values in times.items()}


async def time_proofs(effort: Effort, kept: dict[str, Any]) -> dict[str, list[float]]:
    """Requests with a proof each, some at once, at an API that remembers the proofs in each store."""
    key, client = PrivateKey.generate("ES256", kid="k1"), PrivateKey.generate("ES256")
    token = a_token(key, cnf={"jkt": client.thumbprint})
    apps: dict[str, App] = {
        name: asgi_mw.Protect(Starlette(routes=[Route("/accounts", accounts)]), a_server(key, store=store))
        for name, store in kept.items()
    }
    times: dict[str, list[float]] = {name: [] for name in apps}
    for name in [*apps, *interleaved(apps, effort.rounds)]:
        scopes = [_proven(token, a_proof(client, token)) for _ in range(PROOFS)]
        times[name].append(await _time_calls(apps[name], scopes))
    await _close(kept)
    return {name: values[1:] for name, values in times.items()}


def measure_stores(effort: Effort) -> Iterator[Result | Bars]:
    with stores() as kept:
        logins = asyncio.run(time_logins(effort, kept))
    with stores() as kept:
        proofs = asyncio.run(time_proofs(effort, kept))
    per_second = {name: Figure.of(1e6 / one for one in values) for name, values in logins.items()}
    yield Result(
        "logins at askit", "for each second of CPU time, in memory", per_second["memory"], 400, at_least=True
    )
    for name in ("SQLite", "Redis"):
        share = Figure.of(base / one for base, one in zip(logins["memory"], logins[name], strict=True))
        yield Result(
            "logins at askit", f"throughput with {name}, as a share of memory", share, 0.6, at_least=True
        )
    metric = f"CPU time that a Redis store adds to a request with a proof, {AT_ONCE} at a time, us"
    peers = {"a request with the store in memory": taken(proofs, "memory")}
    yield Result("asgi_mw", metric, added(proofs, "Redis", "memory"), 60, peers)
    yield Bars(
        "logins",
        "Logins at askit for each second of CPU time",
        "/s",
        {n: f.median for n, f in per_second.items()},
        len(per_second),
    )


def _proven(token: str, proof: str) -> dict[str, Any]:
    scope = asgi_scope(token)
    scope["headers"] = [
        (b"host", b"api.example"),
        (b"authorization", f"DPoP {token}".encode()),
        (b"dpop", proof.encode()),
    ]
    return scope


async def _time_calls(app: App, scopes: list[dict[str, Any]]) -> float:
    statuses = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    began = time.process_time_ns()
    for first in range(0, len(scopes), AT_ONCE):
        await asyncio.gather(*[app(scope, receive, send) for scope in scopes[first : first + AT_ONCE]])
    spent = (time.process_time_ns() - began) / len(scopes) / 1000
    if statuses != [200] * len(scopes):
        raise AssertionError(statuses)
    return spent


async def _close(kept: dict[str, Any]) -> None:
    for store in kept.values():
        await store.aclose()
