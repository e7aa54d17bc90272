"""`python -m askit` where many come at once: nobody is kept out, and the log stays small."""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.askit.processes import prepare, serving
from tests.servers import free_port

pytestmark = pytest.mark.anyio


async def test_more_connections_than_files_keep_nobody_out_and_fill_no_log(tmp_path: Path) -> None:
    """Without a bound below that of the operating system, none could even be accepted to be closed."""
    port = free_port()
    issuer = prepare(tmp_path, store="memory:", port=port)
    with serving(tmp_path, issuer, port, open_files=256) as process, ExitStack() as opened:
        for _ in range(400):
            with suppress(TimeoutError):  # the system drops some where many come at once
                opened.enter_context(socket.create_connection(("127.0.0.1", port), 5))
        async with process.http() as http:
            for _ in range(3):
                assert (await http.get("/jwks")).status_code == 200
    log = (tmp_path / "bank.toml.log").read_text()
    assert "allows only 64: raise it with `ulimit -n`" in log
    assert len(log) < 2000


async def test_a_flood_of_refusals_is_a_few_lines(tmp_path: Path) -> None:
    port = free_port()
    issuer = prepare(tmp_path, store="memory:", port=port)
    with (tmp_path / "bank.toml").open("a") as settings:
        settings.write("[limits]\nlog_lines_per_second = 1\nlog_line_octets = 100\n")
    with serving(tmp_path, issuer, port, level="info") as process:
        async with process.http() as http:
            answers = await asyncio.gather(*(http.post("/token", data={"x": "y"}) for _ in range(200)))
    assert {answer.status_code for answer in answers} == {401}
    lines = (tmp_path / "bank.toml.log").read_text().splitlines()
    assert 5 < len(lines) < 100
    assert max(map(len, lines)) < 250
