"""A bank of `fapikit askit`, and somebody who types commands against it. No command may show a secret."""

from __future__ import annotations

import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import httpx

from askit.attacks.visitor import Steps, visit, walk_ciba, walk_device
from tests.fapikit_cli.acting.workshop import Command, Workshop
from tests.fapikit_cli.running import COMMAND, environment, run_on_a_terminal

BROWSER = Path(__file__).with_name("open_browser.py")
ROOT = Path(__file__).parents[3]


class Bank:
    """A running `fapikit askit`. `facts` is what it printed."""

    def __init__(self, process: subprocess.Popen[str], workshop: Workshop) -> None:
        self.process, self.workshop = process, workshop
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            assert process.stderr is not None
            raise AssertionError(process.stderr.read())
        self.facts: dict[str, Any] = json.loads(line)

    @property
    def folder(self) -> Path:
        return Path(self.facts["client_file"]).parent

    @property
    def issuer(self) -> str:
        return str(self.facts["issuer"])

    def visit(self, steps: Steps) -> Any:
        with httpx.Client(
            verify=ssl.create_default_context(cafile=self.facts["ca_file"]), trust_env=False
        ) as browser:
            return visit(browser, steps)

    def decide_device(self, user_code: str, decision: str = "approve") -> None:
        alice = {"username": "alice", "password": "wonderland", "decision": decision}
        self.visit(walk_device(user_code, issuer=self.issuer, **alice))

    def decide_ciba(self, message: str, decision: str = "approve") -> None:
        alice = {"username": "alice", "password": "wonderland", "decision": decision}
        self.visit(walk_ciba(message, issuer=self.issuer, **alice))


@contextmanager
def running_bank(folder: Path | None, workshop: Workshop, *options: str) -> Iterator[Bank]:
    """`fapikit askit`, on free ports. `folder`: where it is kept. `workshop`: runs what is typed."""
    kept = [] if folder is None else ["--keep", str(folder)]
    arguments = [*COMMAND, "askit", *kept, "--port", "0", "--api-port", "0", "--json", *options]
    with subprocess.Popen(
        arguments,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(PYTHONPATH=str(ROOT)),
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # the tests may run under nohup
    ) as process:
        try:
            yield Bank(process, workshop)
        finally:
            process.terminate()
            process.communicate(timeout=20)


class Desk:
    """A folder with a client file for that bank, and a person who works in it."""

    def __init__(self, bank: Bank, folder: Path, decision: str = "approve", **settings: str) -> None:
        self.bank, self.folder, self.decision = bank, folder, decision
        text = Path(bank.facts["client_file"]).read_text()
        for name in ("client.key", "client.pem"):
            shutil.copy2(bank.folder / name, folder / name)
        text = text.replace('"ca.pem"', json.dumps(bank.facts["ca_file"]))
        above = "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
        (folder / "fapikit-client.toml").write_text(above + text)

    @property
    def environment(self) -> dict[str, str]:
        return self.environment_at(self.bank, self.decision)

    @staticmethod
    def environment_at(bank: Bank, decision: str = "approve") -> dict[str, str]:
        browser = f"{sys.executable} -I -S {BROWSER} {bank.workshop.at} {bank.facts['ca_file']} {decision} %s"
        return environment(BROWSER=browser, PYTHONPATH=str(ROOT), PASSWORD_OF_ALICE="wonderland")

    def run(
        self, *arguments: object, stdin: str = "", shows_tokens: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """The command in this folder, with its output in pipes. It shows no secret, unless it is asked to."""
        done = self.bank.workshop.run(*arguments, stdin=stdin, cwd=self.folder, env=self.environment)
        if not shows_tokens:
            self.require_no_secret(done.stdout + done.stderr)
        self.require_private_files()
        return done

    def run_on_a_terminal(self, *arguments: object, typed: str = "") -> tuple[int, str]:
        status, seen = run_on_a_terminal(*arguments, typed=typed, cwd=self.folder, env=self.environment)
        self.require_no_secret(seen)
        return status, seen

    @contextmanager
    def started(self, *arguments: object) -> Iterator[Waiting]:
        """A command that waits for somebody."""
        reads, writes = os.pipe()
        what = ["fapikit", *map(str, arguments)]
        with os.fdopen(reads) as told, os.fdopen(writes, "w") as stderr:
            command = Command(
                self.bank.workshop.at, what, cwd=self.folder, env=self.environment, stdin="", stderr=stderr
            )
            stderr.close()
            with command:
                yield Waiting(command, told)
        self.require_private_files()

    def sign_in(self, *arguments: object) -> None:
        done = self.run("login", *arguments)
        assert done.returncode == 0, done.stderr

    @property
    def tokens(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "fapikit-tokens.json").read_text()))

    def secrets(self) -> set[str]:
        """What is kept in the files of this folder and of the bank's client, as far as it is a secret."""
        found = set()
        for path in self.folder.glob("*.json"):
            kept = _json_in(path)
            found |= {token["value"] for token in kept.get("tokens", ())}
            found |= {kept[name] for name in ("refresh_token", "registration_access_token") if kept.get(name)}
            found |= {kept["dpop"]["d"]} if (kept.get("dpop") or {}).get("d") else set()
        private = (self.bank.folder / "client.key").read_text().splitlines()[1]  # the next ones are public
        token = Path(self.bank.facts["initial_access_token_file"]).read_text().strip()
        return found | {token, "wonderland", private}

    def require_no_secret(self, output: str) -> None:
        shown = [secret[:6] for secret in self.secrets() if secret in output]
        assert not shown, f"a secret is shown that begins with {shown}"

    def require_private_files(self) -> None:
        for folder in (self.folder, self.bank.folder):
            for path in folder.iterdir():
                octets = path.read_bytes() if path.is_file() else b""
                if any(secret.encode() in octets for secret in self.secrets()):
                    assert path.stat().st_mode & 0o077 == 0, f"others may read {path}"


class Waiting:
    """A command that runs."""

    def __init__(self, command: Command, stderr: IO[str]) -> None:
        self._command, self._stderr = command, stderr
        self.told = ""

    def line_after(self, words: str) -> str:
        """The next line on stderr that is not empty, after one with these words."""
        seen = False
        for line in self._stderr:
            self.told += line
            if seen and line.strip():
                return line.strip()
            seen = seen or words in line
        raise AssertionError(self.told)

    def finish(self) -> tuple[int, str, str]:
        """Exit status, stdout, and all of stderr."""
        self.told += self._stderr.read()
        status, stdout, _ = self._command.finish()
        return status, stdout, self.told


def _json_in(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
