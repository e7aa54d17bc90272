"""Runs the blocks of a page in order, as its reader would: in one folder, in one session of Python."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any, Final

import yaml

from tests.pages.blocks import ROOT, Block, Page
from tests.pages.nginx import require_valid_nginx
from tests.servers import free_port

CUSTOMER: Final = Path(__file__).with_name("customer.py")
SHOWN: Final = {"text", "mermaid", "http", "html", "diff"}  # to be looked at; nothing would run them
_SECONDS: Final = 60


class WrongBlock(AssertionError):
    """A block that does not do what its page says."""


@dataclass
class Reader:
    """Somebody who follows one page in an empty folder. Blocks of Python share `names`."""

    folder: Path
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "__page__"})
    printed: str = ""
    _terminals: dict[int, Terminal] = field(default_factory=dict)

    def follow(self, page: Page) -> None:
        ports = {said: str(free_port()) for said in _ports(page)}
        with ExitStack() as leaving:
            leaving.callback(self._close_terminals)
            for block in page.blocks:
                code = _with_ports(block.code, ports)
                if "not run" in block.said:
                    continue
                try:
                    self._do(block, code, ports)
                except WrongBlock:
                    raise
                except Exception as error:
                    error.add_note(f"in the block at {block.place}")
                    raise

    def _do(self, block: Block, code: str, ports: dict[str, str]) -> None:
        if "output" in block.said:
            require_output(code, self.printed, block.place)
            return
        if "terminal" in block.said:
            command = _with_ports(block.said.get("as", code), ports)
            self._open_terminal(command, int(ports[block.said["terminal"]]), block.place)
            return
        if self._wrote(block, code) or block.language in SHOWN:
            return
        way = {"python": self._python, "sh": self._sh}.get(block.language) or _PARSED.get(block.language)
        if way is None:
            raise WrongBlock(
                f"{block.place}: no way to run a block of {block.language or 'no language'}. Name one of "
                f"{', '.join(sorted({'python', 'sh', *_PARSED, *SHOWN}))}, or say why: <!-- not run: why -->"
            )
        way(block, code)

    def parse(self, block: Block) -> None:
        """Only look at the block, if it is of a language that is parsed."""
        if block.language in _PARSED and "not run" not in block.said:
            _PARSED[block.language](block, block.code)

    def _python(self, block: Block, code: str) -> None:
        # the empty lines give tracebacks the lines of the page
        compiled = compile("\n" * (block.line - 1) + code, str(ROOT / block.page), "exec", dont_inherit=True)
        with redirect_stdout(StringIO()) as printed:
            exec(compiled, self.names)
        if "hidden" not in block.said:
            self.printed = printed.getvalue()

    def _sh(self, block: Block, code: str) -> None:
        run = subprocess.run(
            ["/bin/sh", "-eu", "-c", code], cwd=self.folder, env=self._environment(), capture_output=True,
            text=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
        self.printed = run.stdout
        if (run.returncode != 0) != ("fails" in block.said):
            raise WrongBlock(f"{block.place}: exit status {run.returncode}\n{run.stdout}{run.stderr}")

    def _wrote(self, block: Block, code: str) -> bool:
        """Whether the block is a file, or part of one, which does not run by itself."""
        name = block.said.get("file") or block.said.get("added to")
        if name is None:
            return False
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        before = "" if "file" in block.said else target.read_text("utf-8")
        target.write_text(before + code, "utf-8")
        return block.language in ("python", "sh")

    def _open_terminal(self, command: str, port: int, place: str) -> None:
        """The command runs until the page ends, or another one is to listen where it does."""
        if port in self._terminals:
            self._terminals.pop(port).close()
        self._terminals[port] = Terminal(command, port, self.folder, self._environment(), place)

    def _close_terminals(self) -> None:
        for terminal in self._terminals.values():
            terminal.close()

    def _environment(self) -> dict[str, str]:
        """The commands of this environment, and the packages of this checkout."""
        here = Path(sys.executable).parent
        path = os.pathsep.join([str(here), os.environ["PATH"]])
        quiet = {
            "NO_COLOR": "1",
            "TERM": "dumb",
            "COLUMNS": "80",
            "BROWSER": f"{sys.executable} {CUSTOMER} %s",
        }
        return {**os.environ, **quiet, "PATH": path, "PYTHONPATH": str(ROOT), "HOME": str(self.folder)}


class Terminal:
    """A command that is there once it listens."""

    def __init__(
        self, command: str, port: int, folder: Path, environment: dict[str, str], place: str
    ) -> None:
        log = folder / f"terminal-{port}.log"
        with log.open("wb") as out:
            shell = ["/bin/sh", "-c", f"exec {command.strip()}"]
            self._process = subprocess.Popen(shell, cwd=folder, env=environment, stdout=out, stderr=out)
        deadline = time.monotonic() + _SECONDS
        while not _listens(port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.close()
                raise WrongBlock(f"{place}: nothing listens\n{log.read_text()}")
            time.sleep(0.05)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(20)


def require_output(said: str, printed: str, place: str) -> None:
    """The page shows what the block before prints; `...` stands for what differs from run to run."""
    pattern = ".*?".join(re.escape(part) for part in said.strip().split("..."))
    if not re.fullmatch(pattern, printed.strip(), re.DOTALL):
        raise WrongBlock(f"{place}: the block before does not print this, but:\n{printed}")


def _parsed(parse: Callable[[str], Any]) -> Callable[[Block, str], None]:
    def way(block: Block, code: str) -> None:
        try:
            parse(code)
        except Exception as error:  # of whatever kind: each parser has its own
            raise WrongBlock(f"{block.place}: {error}") from error

    return way


_PARSED: Final = {
    "toml": _parsed(tomllib.loads),
    "json": _parsed(json.loads),
    "yaml": _parsed(lambda code: list(yaml.safe_load_all(code))),
    "nginx": _parsed(require_valid_nginx),
}


def _ports(page: Page) -> list[str]:
    return [*page.ports, *(block.said["terminal"] for block in page.blocks if "terminal" in block.said)]


def _with_ports(code: str, ports: dict[str, str]) -> str:
    """Several tests run at once, so each page gets ports of its own."""
    return re.sub(r"(?<!\d)\d{4,5}(?!\d)", lambda found: ports.get(found[0], found[0]), code)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
