"""Following docs/askit.md in order gives a bank, an API and a fintech that pay each other: each command as it stands.

Only the ports are others, which the system chooses.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from askit.pytest_plugin.visitor import visit, walk
from fapikit.io.tls import client_context
from tests.pages.blocks import ROOT, Page, parse_page, read_page

GUIDE = read_page("docs/askit.md")


def a_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@pytest.fixture
def ports() -> dict[str, int]:
    return {port: a_port() for port in ("9443", "9444", "9445")}


@pytest.fixture
def guide(ports: dict[str, int]) -> Page:
    text = GUIDE.text.replace(
        'issuer = "https://localhost:9443"', 'issuer = "https://localhost:9443"\nlisten = "127.0.0.1:9443"', 1
    )
    for port, free in ports.items():
        text = text.replace(port, str(free))
    return parse_page(GUIDE.name, text)


@contextmanager
def a_terminal(command: str, port: int) -> Iterator[None]:
    """The command runs, and listens, for as long as the block lasts."""
    path = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHON": sys.executable}
    mine = "exec env " + command.replace("python -m", '"$PYTHON" -m')
    with Path(f"{port}.log").open("wb") as log:
        process = subprocess.Popen(["/bin/sh", "-c", mine], env=path, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 30
        while not listens(port):
            ended = process.poll() is not None or time.monotonic() > deadline
            assert not ended, Path(f"{port}.log").read_text()
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(20)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_bank_an_api_and_a_fintech_pay_each_other(
    guide: Page, ports: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    toml, *_ = guide.in_language("toml")
    clients, *_ = guide.in_language("json")
    Path("bank.toml").write_text(toml)
    Path("clients.json").write_text(clients)
    exec(guide.in_language("python")[0], {})
    with ExitStack() as terminals:
        for command, port in zip(guide.in_language("sh"), ports.values(), strict=True):
            terminals.enter_context(a_terminal(command, port))
        pay(f"https://localhost:{ports['9443']}", f"https://localhost:{ports['9445']}")


def pay(bank: str, fintech: str) -> None:
    tls = client_context(ca="ca.pem")
    order = {"amount": "12.00"}
    with (
        httpx.Client(verify=tls, base_url=fintech, trust_env=False, timeout=20) as browser,
        httpx.Client(verify=tls, trust_env=False, timeout=20) as at_the_bank,
    ):
        start = browser.post("/login", data=order, headers={"origin": fintech})
        steps = walk(
            start.headers["location"],
            issuer=bank,
            username="alice",
            password="wonderland",
            decision="approve",
        )
        callback = visit(at_the_bank, steps)
        assert isinstance(callback, str)
        assert browser.get(callback).headers["location"] == "/"
        home = browser.get("/").text
        assert "alice" in home
        assert 'action="/pay"' in home, "the next step of the guide is a button of this page"
        receipt = browser.post("/pay", data=order)
        assert (receipt.status_code, receipt.json()["status"]) == (201, "executed")
        assert browser.post("/pay", data=order).json() == receipt.json(), "paid once"
        assert browser.post("/pay", data={"amount": "13.00"}).status_code == 403
