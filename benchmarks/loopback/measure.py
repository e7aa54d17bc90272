"""Requests per second of CPU time of a server: bare, warm, with a new token each, with a DPoP proof each; and peers.

A proof makes a request longer, so it is compared with a bare app that gets the same request.

The throughput of a process on a machine that others use says little. What a request costs its server, in CPU time, is
what bounds the throughput of a core of one's own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial

from benchmarks.loopback.load import a_request, load
from benchmarks.loopback.servers import cpu_of, serving
from benchmarks.report import Bars
from benchmarks.rounds import Effort, Figure, Result, interleaved, pooled
from benchmarks.tokens import a_proof, a_token
from fapikit import PrivateKey

CALLS, QUICK_CALLS = 300, 150
ROUNDS = 2
"""So many times the rounds of the other parts: what a request costs behind a socket varies more than in a loop."""
FAST = "with httptools"
Requests = Callable[[int, int], list[bytes]]
"""For a port and a number: so many requests."""


def contenders(key: PrivateKey) -> dict[str, tuple[str, Requests]]:
    """By name: the server, and what is sent to it."""
    token, client = a_token(key), PrivateKey.generate("ES256")
    bound = a_token(key, cnf={"jkt": client.thumbprint})

    def same(port: int, number: int) -> list[bytes]:
        return [a_request("/accounts", port, {"authorization": f"Bearer {token}"})] * number

    def unseen(port: int, number: int) -> list[bytes]:
        return [
            a_request("/accounts", port, {"authorization": f"Bearer {a_token(key)}"}) for _ in range(number)
        ]

    def proven(port: int, number: int) -> list[bytes]:
        return [
            a_request("/accounts", port, {"authorization": f"DPoP {bound}", "dpop": a_proof(client, bound)})
            for _ in range(number)
        ]

    return {
        "bare Starlette": ("bare", same),
        "trivial middleware": ("trivial", same),
        "fapikit, warm": ("ours", same),
        "fapikit with Access, warm": ("ours-access", same),
        "fapikit, a new token each": ("ours", unseen),
        "bare Starlette, a DPoP proof each": ("bare", proven),
        "fapikit, a DPoP proof each": ("ours", proven),
        "one bare verification, a DPoP proof each": ("verifying", proven),
        f"bare Starlette, {FAST}": ("bare@httptools", same),
        f"fapikit, warm, {FAST}": ("ours@httptools", same),
        f"bare Starlette, a DPoP proof each, {FAST}": ("bare@httptools", proven),
        f"fapikit, a DPoP proof each, {FAST}": ("ours@httptools", proven),
        f"one bare verification, a DPoP proof each, {FAST}": ("verifying@httptools", proven),
        "bare FastAPI": ("fastapi", same),
        "FastAPI + PyJWT": ("fastapi-pyjwt", same),
        "MCP SDK + PyJWT": ("mcp", same),
        "bare Flask": ("flask", same),
        "fapikit on Flask, warm": ("flask-ours", same),
        "Authlib on Flask": ("flask-authlib", same),
    }


def time_loopback(effort: Effort) -> dict[str, list[float]]:
    """CPU time of the server for one request, in microseconds, by round."""
    key = PrivateKey.generate("ES256", kid="k1")
    asked, calls = contenders(key), QUICK_CALLS if effort.is_quick else CALLS
    times: dict[str, list[float]] = {name: [] for name in asked}
    with serving(key, [app for app, _ in asked.values()]) as ports:
        for name in [*asked, *interleaved(asked, effort.rounds * ROUNDS)]:
            app, requests = asked[name]
            made, before = requests(ports[app], calls), cpu_of(ports[app])
            asyncio.run(load(ports[app], made))
            times[name].append((cpu_of(ports[app]) - before) / calls / 1000)
    return {name: values[1:] for name, values in times.items()}  # the first round warms the processes up


def measure_loopback(effort: Effort) -> Iterator[Result | Bars]:
    # A process keeps what its place in memory gains or costs it. So each pass starts new ones.
    times = pooled(partial(time_loopback, effort), effort.passes)

    def share(name: str, of: str) -> Figure:
        return Figure.of(base / one for one, base in zip(times[name], times[of], strict=True))

    for parser in ("", f", {FAST}"):
        bare = f"bare Starlette{parser}"
        metric = f"throughput through uvicorn{parser}, warm, as a share of bare Starlette"
        names = ("trivial middleware", "bare FastAPI", "FastAPI + PyJWT", "MCP SDK + PyJWT")
        peers = {} if parser else {name: share(name, bare) for name in names}
        yield Result("loopback", metric, share(f"fapikit, warm{parser}", bare), 0.85, peers, at_least=True)
        bare = f"bare Starlette, a DPoP proof each{parser}"
        metric = f"throughput through uvicorn{parser}, a DPoP proof each, as a share of bare Starlette"
        least = f"one bare verification, a DPoP proof each{parser}"
        peers = {"one bare verification, and nothing else": share(least, bare)}
        yield Result(
            "loopback", metric, share(f"fapikit, a DPoP proof each{parser}", bare), 0.45, peers, at_least=True
        )
    metric = "throughput through uvicorn, a new token each, as a share of bare Starlette"
    yield Result("loopback", metric, share("fapikit, a new token each", "bare Starlette"))
    pairs = zip(times["fapikit with Access, warm"], times["fapikit, warm"], strict=True)
    added = Figure.of(with_access - without for with_access, without in pairs)
    yield Result("loopback", "through uvicorn, added by Access, us", added, 5)
    of_flask = {name: share(name, "bare Flask") for name in ("fapikit on Flask, warm", "Authlib on Flask")}
    ours, peer = of_flask.values()
    metric = "throughput through gunicorn, warm, as a share of bare Flask"
    yield Result("loopback", metric, ours, peers={"Authlib on Flask": peer})
    per_second = {name: 1e6 / Figure.of(values).median for name, values in times.items()}
    yield from plots(per_second)


def plots(per_second: dict[str, float]) -> Iterator[Bars]:
    """One plot for each server, ours first."""
    flask = {name for name in per_second if "Flask" in name}
    for name, server, shown in (
        ("loopback", "uvicorn", {name for name in per_second.keys() - flask if FAST not in name}),
        ("loopback-flask", "gunicorn", flask),
    ):
        ours = [each for each in per_second if each in shown and each.startswith("fapikit")]
        others = [each for each in per_second if each in shown and each not in ours]
        values = {each: per_second[each] for each in (*ours, *others)}
        yield Bars(name, f"Requests per second of CPU time, through {server}", "/s", values, ours=len(ours))
