"""Starts and stops the parties, each in a process of its own."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from examples.demo.bank import USERNAME, write_configuration
from examples.demo.choices import CIBA, CONSENTS, WEB
from examples.demo.ledger import Ledger
from examples.demo.proxy import nginx_command
from examples.demo.trace import FILE
from examples.demo.world import ENVIRONMENT_VARIABLE, LEDGER, World, port_of
from fapikit.io.tls import client_context

PATIENCE = 30.0
PAGES = {WEB: "fintech", CIBA: "shop", CONSENTS: "budget"}
"""The module of the fintech's web app. A television has none."""


class Servers:
    """A context manager: all answer after it is entered, and none runs after it is left."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        try:
            consents = self._world.flow == CONSENTS
            if not consents:
                self._start_payments()  # it asks the banks nothing before its first request
            for bank in self._world.banks:
                configuration = write_configuration(self._world, bank)
                trace = str(self._world.path(FILE))
                self._start(bank.party, "askit", "--config", str(configuration), "--record", trace)
            self._open_accounts()
            for bank in self._world.banks:  # the others fetch their metadata when they start
                self._wait(bank.party, self._world.issuer_of(bank))
            accounts = "consented_accounts_api" if consents else "accounts_api"
            self._start("accounts", "examples.demo.serve", accounts, self._world.accounts)
            if self._world.flow in PAGES:
                self._start("fintech", "examples.demo.serve", PAGES[self._world.flow], self._world.fintech)
            for name in ("accounts", "payments", "fintech"):
                if name in self._processes:
                    self._wait(name, getattr(self._world, name))
            if "payments" in self._processes and self._world.behind_a_proxy:
                self._wait("payments", self._world.payments_inside)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()

    def _open_accounts(self) -> None:
        ledger = Ledger(self._world.path(LEDGER))
        ledger.create()
        for bank in self._world.banks:
            ledger.open_accounts(f"{self._world.issuer_of(bank)}#{USERNAME}", bank.accounts)

    def _start_payments(self) -> None:
        if self._world.behind_a_proxy:
            self._run("payments-proxy", nginx_command(self._world))
        self._start("payments", "gunicorn", "--config", "python:examples.demo.gunicorn_conf")

    def _start(self, name: str, module: str, *arguments: str) -> None:
        self._run(name, [sys.executable, "-m", module, *arguments])

    def _run(self, name: str, command: list[str]) -> None:
        log = self._world.path(f"{name}.log").open("wb")
        root = str(Path(__file__).parents[2])
        environment = {**os.environ, ENVIRONMENT_VARIABLE: self._world.folder}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        self._processes[name] = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=root)
        log.close()

    def _wait(self, name: str, origin: str) -> None:
        """Wait until a connection succeeds; for https also a TLS handshake.

        Raises RuntimeError with the end of the party's log.
        """
        context = client_context(ca=self._world.path("ca.pem"), profile=self._world.profile)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self._processes[name].poll() is None:
            try:
                with socket.create_connection(("127.0.0.1", port_of(origin)), 1) as plain:
                    if origin.startswith("https:"):
                        context.wrap_socket(plain, server_hostname="localhost").close()
                    return
            except (OSError, ssl.SSLError):
                time.sleep(0.05)
        log = self._world.path(f"{name}.log").read_text(errors="replace")
        raise RuntimeError(f"the {name} did not start:\n{log[-2000:]}")
