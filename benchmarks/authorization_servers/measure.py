"""The CPU time of a server for one login: pushed request, authorization of a signed-in user, redemption with DPoP."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx

from benchmarks.askit_messages import Fintech, Login
from benchmarks.loopback.servers import cpu_of
from benchmarks.report import Bars
from benchmarks.rounds import Effort, Figure, Result, interleaved

HERE = Path(__file__).parent
LOGINS, WARM_UP = 20, 400
OURS, OTHER = "askit through uvicorn", "oidc-provider through node"


def measure_servers(effort: Effort) -> Iterator[Result | Bars]:
    fintech = Fintech()
    with ExitStack() as stack:
        key = json.dumps(dict(fintech.public_jwk))
        commands = {
            OURS: [sys.executable, "-W", "ignore", "-m", "benchmarks.authorization_servers.askit", key]
        }
        if shutil.which("node") and (HERE / "node_modules" / "oidc-provider").exists():
            commands[OTHER] = ["node", str(HERE / "provider.mjs"), key]
        servers = {name: stack.enter_context(running(command)) for name, command in commands.items()}
        for port, session in servers.values():  # a compiler that works while the program runs needs some time
            log_in(port, session, [fintech.login() for _ in range(WARM_UP // (4 if effort.is_quick else 1))])
        times: dict[str, list[float]] = {name: [] for name in servers}
        for name in interleaved(servers, effort.rounds):
            port, session = servers[name]
            logins = [fintech.login() for _ in range(LOGINS)]
            before = cpu_of(port)
            log_in(port, session, logins)
            times[name].append((cpu_of(port) - before) / LOGINS / 1e6)
    figures = {name: Figure.of(values) for name, values in times.items()}
    peers = {name: figure for name, figure in figures.items() if name != OURS}
    yield Result(
        "authorization server", "a login through a socket, ms of CPU time", figures[OURS], peers=peers
    )
    title, values = (
        "CPU time of an authorization server for one login",
        {n: f.median for n, f in figures.items()},
    )
    yield Bars("authorization-servers", title, "ms", values)


@contextmanager
def running(command: list[str]) -> Iterator[tuple[int, str]]:
    """The port of a server process, and the cookie of its user's session, if it needs one."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            port, _, session = process.stdout.readline().strip().partition(" ")
            yield int(port), session
        finally:
            process.terminate()


def log_in(port: int, session: str, logins: list[Login]) -> None:
    """Raises AssertionError if a step does not succeed."""
    headers = {"host": "bank.example", "x-forwarded-proto": "https"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, trust_env=False) as http:
        for login in logins:
            pushed = http.post("/par", data=dict(login.par))
            require(pushed, 201)
            asked = {"client_id": "fintech", "request_uri": pushed.json()["request_uri"]}
            # Each login of the other server sets cookies anew; the session of its user stays the first one.
            sent = httpx.Request("GET", http.base_url.join("/authorize"), params=asked, headers=headers)
            if session:
                sent.headers["cookie"] = f"_session={session}"
            answered = http.send(sent)
            require(answered, 303)
            (code,) = parse_qs(urlsplit(answered.headers["location"]).query)["code"]
            form = {**login.token, "code": code}
            require(http.post("/token", data=form, headers={"dpop": login.proof}), 200)


def require(response: httpx.Response, status: int) -> None:
    if response.status_code != status:
        raise AssertionError(response.status_code, response.text[:500], response.headers.get("location"))
