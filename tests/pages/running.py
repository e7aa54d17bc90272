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
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any, Final

import yaml

from tests.pages.blocks import ROOT, Block, Page
from tests.pages.nginx import require_valid_nginx
from tests.servers import free_port

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

    def follow(self, page: Page) -> None:
        ports = {said: str(free_port()) for said in _ports(page)}
        with ExitStack() as terminals:
            for block in page.blocks:
                code = _with_ports(block.code, ports)
                if "not run" in block.said:
                    continue
                try:
                    self._do(block, code, terminals, ports)
                except WrongBlock:
                    raise
                except Exception as error:
                    error.add_note(f"in the block at {block.place}")
                    raise

    def _do(self, block: Block, code: str, terminals: ExitStack, ports: dict[str, str]) -> None:
        if "output" in block.said:
            require_output(code, self.printed, block.place)
            return
        if "terminal" in block.said:
            port = ports[block.said["terminal"]]
            terminals.enter_context(self._terminal(code, int(port), block.place))
            return
        if "file" in block.said:
            target = self.folder / block.said["file"]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(code, "utf-8")
        if block.language in SHOWN or ("file" in block.said and block.language in ("python", "sh")):
            return
        way = {"python": self._python, "sh": self._sh}.get(block.language) or _PARSED.get(block.language)
        if way is None:
            raise WrongBlock(
                f"{block.place}: no way to run a block of {block.language or 'no language'}. Name one of "
                f"{', '.join(sorted({'python', 'sh', *_PARSED, *SHOWN}))}, or say why: <!-- not run: why -->"
            )
        way(block, code)

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

    @contextmanager
    def _terminal(self, code: str, port: int, place: str) -> Iterator[None]:
        """The command runs until the page ends. The next block comes when it listens."""
        log = self.folder / f"terminal-{port}.log"
        with log.open("wb") as out:
            command = ["/bin/sh", "-c", f"exec {code.strip()}"]
            process = subprocess.Popen(
                command, cwd=self.folder, env=self._environment(), stdout=out, stderr=out
            )
        try:
            deadline = time.monotonic() + _SECONDS
            while not _listens(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise WrongBlock(f"{place}: nothing listens\n{log.read_text()}")
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            process.wait(20)

    def _environment(self) -> dict[str, str]:
        """The commands of this environment, and the packages of this checkout."""
        here = Path(sys.executable).parent
        path = os.pathsep.join([str(here), os.environ["PATH"]])
        quiet = {"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "80"}
        return {**os.environ, **quiet, "PATH": path, "PYTHONPATH": str(ROOT), "HOME": str(self.folder)}


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
