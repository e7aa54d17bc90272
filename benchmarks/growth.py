"""How a request changes when there is more: cached tokens, keys, issuers, routes, replay marks, grants of a user."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route

import asgi_mw
from benchmarks.askit_messages import Fintech, log_in
from benchmarks.middleware import accounts, asgi_scope
from benchmarks.report import Curve
from benchmarks.rounds import Effort, Figure, Result
from benchmarks.tokens import ISSUER, RESOURCE, a_server, a_token, a_view, all_allowed
from fapikit import MemoryStore, PrivateKey
from fapikit.jose.key_set import KeySet
from rskit import Issuer, ResourceServer

CALLS, ROUNDS = 50, 15
Step = Callable[[], object]


def measure_growth(effort: Effort) -> Iterator[Result | Curve]:
    few = effort.is_quick
    curves = {
        "cached tokens": [(n, with_tokens(n)) for n in powers(2, 4 if few else 6)],
        "keys of an issuer": [(n, with_keys(n)) for n in powers(0, 2 if few else 3)],
        "issuers": [(n, with_issuers(n)) for n in powers(0, 2 if few else 3)],
        "routes, a stranger": [(n, with_routes(n)) for n in powers(0, 2 if few else 3)],
        "replay marks": [(n, with_marks(n)) for n in powers(2, 4 if few else 6)],
        "grants of a user": [(n, figure) for n, figure in with_grants(2 if few else 4)],
    }
    for name, points in curves.items():
        (fewest, least), (most, greatest) = points[0], points[-1]
        metric = f"from {fewest:,} to {most:,}: the time of a request grows to a multiple of"
        grown = Figure(*(value / least.median for value in greatest))
        yield Result("growth", f"{name}, {metric}", grown, peers={"microseconds at the end": greatest})
    yield Curve(
        "growth",
        "CPU time of a request, by how much there is",
        "how many",
        "microseconds",
        {name: [(n, figure.median) for n, figure in points] for name, points in curves.items()},
    )


def powers(first: int, last: int) -> list[int]:
    return [10**power for power in range(first, last + 1)]


def with_tokens(number: int) -> Figure:
    """A token seen before, with so many in the cache: of its entries, the newest are real."""
    key = PrivateKey.generate("ES256", kid="k1")
    server = a_server(key, max_cached_tokens=number + CALLS)
    cache, token = server._tokens._cache, a_token(key)
    view = a_view("Bearer", token)
    server.check(view)
    entry = cache.accepted(hashlib.sha256(token.encode()).digest())
    assert entry is not None
    for _ in range(number - 1):
        cache.remember(os.urandom(32), entry, 0.0)
    return timed(lambda: all_allowed([server.check(view)]))


def with_keys(number: int) -> Figure:
    """A token never seen before, whose key is one of so many."""
    keys = [PrivateKey.generate("ES256", kid=f"k{n}") for n in range(number)]
    server = a_server(*keys)
    tokens = itertools.cycle([a_token(keys[-1]) for _ in range(CALLS * ROUNDS * 2)])
    return timed(lambda: all_allowed([server.check(a_view("Bearer", next(tokens)))]))


def with_issuers(number: int) -> Figure:
    key = PrivateKey.generate("ES256", kid="k1")
    keys = KeySet([key.public_key])
    issuers = [
        Issuer(ISSUER, keys=keys),
        *(Issuer(f"https://as{n}.example", keys=keys) for n in range(number - 1)),
    ]
    server = ResourceServer(resource=RESOURCE, issuers=issuers, store=MemoryStore())
    tokens = itertools.cycle([a_token(key) for _ in range(CALLS * ROUNDS * 2)])
    return timed(lambda: all_allowed([server.check(a_view("Bearer", next(tokens)))]))


def with_routes(number: int) -> Figure:
    """A request without a token for the last of so many routes: it is refused."""
    routes = [Route(f"/r{n}/{{name}}", accounts) for n in range(number - 1)]
    app = asgi_mw.Protect(
        Starlette(routes=[*routes, Route("/accounts", accounts)]), a_server(PrivateKey.generate("ES256"))
    )
    statuses: list[int] = []

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def refused() -> None:
        scope = asgi_scope("")
        scope["headers"] = scope["headers"][:1]
        await app(scope, receive, send)

    figure = asyncio.run(atimed(refused))
    if set(statuses) != {401}:
        raise AssertionError(set(statuses))
    return figure


def with_marks(number: int) -> Figure:
    store = MemoryStore(max_entries=number + 2 * CALLS * ROUNDS)
    for n in range(number):
        store.add(f"mark {n}", b"1", 3600)
    names = itertools.count()
    return timed(lambda: store.add(f"new {next(names)}", b"1", 3600))


def with_grants(last: int) -> Iterator[tuple[int, Figure]]:
    """A login of a user who has so many grants."""
    fintech, made = Fintech(), 0
    bank = fintech.bank(MemoryStore(max_entries=10_000_000, max_octets=10**10))

    async def log_in_often(number: int) -> None:
        for _ in range(number):
            await log_in(bank, fintech.login())

    with asyncio.Runner() as runner:
        for wanted in powers(0, last):
            runner.run(log_in_often(max(wanted - made, 1)))
            logins = iter([fintech.login() for _ in range(2 * CALLS)])
            yield wanted, runner.run(atimed(lambda: log_in(bank, next(logins)), calls=5, rounds=10))  # noqa: B023
            made = wanted + 2 * CALLS


def timed(step: Step) -> Figure:
    """CPU time of one step, in microseconds."""
    step()
    found = []
    for _ in range(ROUNDS):
        began = time.process_time_ns()
        for _ in range(CALLS):
            step()
        found.append((time.process_time_ns() - began) / CALLS / 1000)
    return Figure.of(found)


async def atimed(
    step: Callable[[], Awaitable[object]], *, calls: int = CALLS, rounds: int = ROUNDS
) -> Figure:
    await step()
    found = []
    for _ in range(rounds):
        began = time.process_time_ns()
        for _ in range(calls):
            await step()
        found.append((time.process_time_ns() - began) / calls / 1000)
    return Figure.of(found)
