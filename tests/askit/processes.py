"""The server as a process of its own: `python -m askit --config bank.toml`."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from askit.throwaway_tls import make_tls_files
from fapikit.io.tls import client_context
from tests.askit.bank import FINTECH, OTHER, an_api
from tests.askit.plain_client import ACCOUNTS, PAYMENTS, PlainClient
from tests.keys import a_key
from tests.servers import free_port

_TOML = """\
issuer = "{issuer}"
listen = "127.0.0.1:{port}"
store = "{store}"
clients_file = "clients.json"
auto_approve = "alice"

[tls]
certificate = "server.pem"
key = "server.key"

[[users]]
username = "alice"
password = "wonderland"

[[resources]]
uri = "{accounts}"
scopes = ["accounts"]
introspection_clients = ["accounts-api"]

[[resources]]
uri = "{payments}"
token_format = "opaque"
scopes = ["payments"]
introspection_clients = ["payments-api"]
"""


@dataclass
class Process:
    """One running server."""

    directory: Path
    issuer: str
    port: int
    process: subprocess.Popen[str]
    ready: dict[str, Any]

    def http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            verify=client_context(ca=self.directory / "ca.pem"),
            base_url=f"https://localhost:{self.port}",
            trust_env=False,
            timeout=30,
            limits=httpx.Limits(max_connections=20),
        )

    def client(self, http: httpx.AsyncClient, client_id: str = "fintech", number: int = 1) -> PlainClient:
        return PlainClient(
            http=http, clock=time.time, client_id=client_id, key=a_key("ES256", number), issuer=self.issuer
        )

    def kill(self) -> None:
        """kill -9: nothing is flushed, nobody says goodbye."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(10)


def prepare(
    directory: Path, *, store: str, port: int, issuer: str | None = None, name: str = "bank.toml"
) -> str:
    """Write a configuration; the issuer it names."""
    issuer = issuer or f"https://localhost:{port}"
    if not (directory / "ca.pem").exists():
        make_tls_files(directory)
        clients = [FINTECH, OTHER, an_api("accounts-api", 3), an_api("payments-api", 4)]
        (directory / "clients.json").write_text(json.dumps(clients))
    (directory / name).write_text(
        _TOML.format(issuer=issuer, port=port, store=store, accounts=ACCOUNTS, payments=PAYMENTS)
    )
    return issuer


@contextmanager
def serving(
    directory: Path,
    issuer: str,
    port: int,
    name: str = "bank.toml",
    *,
    level: str = "warning",
    open_files: int | None = None,
    options: tuple[str, ...] = (),
) -> Iterator[Process]:
    """A server for as long as the block lasts, unless it is killed before. `open_files`: as many as it may have."""

    def before() -> None:
        if open_files is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))

    with (directory / f"{name}.log").open("a") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "askit",
                "--config",
                str(directory / name),
                "--log-level",
                level,
                *options,
            ],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            preexec_fn=before,
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, (directory / f"{name}.log").read_text()
        yield Process(directory, issuer, port, process, json.loads(line))
    finally:
        process.terminate()
        process.wait(15)
        if process.stdout is not None:
            process.stdout.close()


__all__ = ["Process", "free_port", "prepare", "serving"]
