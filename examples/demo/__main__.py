"""`make demo`: starts everything, executes one payment, runs attacks on it, and prints the results."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from examples.demo.attackers.invited import attackers_of
from examples.demo.attackers.refusal import Refusal
from examples.demo.bank import PASSWORD, USERNAME
from examples.demo.choices import BINDINGS, CIBA, CONSENTS, DEVICE, FLOWS, METHODS, PROFILES, WEB, Choices
from examples.demo.ports import usual_ports
from examples.demo.servers import PAGES, Servers
from examples.demo.trace import FILE, Trace
from examples.demo.walks.played import walk_of
from examples.demo.world import ENVIRONMENT_VARIABLE, World
from fapikit.errors import ConfigurationError
from fapikit_viewer import serve

_PARTIES = {
    WEB: "two banks, two APIs and a fintech",
    DEVICE: "bank, two APIs and a television",
    CONSENTS: "bank, an API and a budget app",
    CIBA: "bank, two APIs and a shop",
}
USUAL_PROFILE = "fapi2-security"


class Ended(SystemExit):
    """A signal has ended the demo."""


def stop_servers_when_ended() -> None:
    """Let the servers be stopped when a signal ends the demo: gunicorn takes a closed terminal for "start anew"."""
    ending = [signal.SIGTERM]
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup ignores it
        ending.append(signal.SIGHUP)

    def end(number: int, _frame: object) -> None:
        for each in ending:  # a shell may send one more, which must not interrupt the stopping
            signal.signal(each, signal.SIG_IGN)
        raise Ended(128 + number)

    for each in ending:
        signal.signal(each, end)


class Demo:
    """Runs the steps and the attacks, prints each with its messages, and counts the results."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.trace = Trace(world)
        self.passed = self.held = self.failed = 0

    def run(self) -> None:
        walk = walk_of(self.world)
        for number, step in enumerate(walk.steps(), 1):
            if self._attempt(f"{number}. {step.title}", step.run):
                self.passed += 1
        letters = iter("abcdefghijklmnopqrstuvwxyz")
        for attacker in attackers_of(self.world):
            if not self._attempt(attacker.title, attacker.prepare):
                return
            for attack in attacker.attacks():
                if self._attempt_refusal(next(letters), attack):
                    self.held += 1

    def _attempt(self, title: str, run: Callable[[], str | None]) -> bool:
        print(f"\n{title}")
        try:
            said = run()
        except Exception as error:
            self.failed += 1
            self._print_messages()
            print(f"   FAILED: {type(error).__name__}: {error}")
            return False
        self._print_messages()
        if said:
            print(f"      {said}")
        return True

    def _attempt_refusal(self, letter: str, attack: Callable[[], Refusal]) -> bool:
        try:
            refusal = attack()
        except Exception as error:
            self.failed += 1
            print(f"\n{letter}. NOT REFUSED: {type(error).__name__}: {error}")
            self._print_messages()
            return False
        print(f"\n{letter}. {refusal.title}: {refusal.outcome}, {refusal.rule}")
        self._print_messages()
        print(f"      {refusal.error}")
        return True

    def _print_messages(self) -> None:
        for line in self.trace.lines(self.trace.new()):
            print(line)


def main() -> int:
    parser = argparse.ArgumentParser(prog="examples.demo", description=__doc__)
    parser.add_argument("--profile", default=USUAL_PROFILE, choices=PROFILES)
    parser.add_argument(
        "--auth", default="", choices=("", *METHODS), help="how the fintech signs in at the bank"
    )
    parser.add_argument(
        "--binding", default="", choices=("", *BINDINGS), help="what access tokens are bound to"
    )
    parser.add_argument("--flow", default="", choices=("", *FLOWS), help="how the customer is asked")
    arguments = parser.parse_args()
    try:
        choices = Choices.of(arguments.profile, arguments.auth, arguments.binding, arguments.flow)
    except ConfigurationError as error:
        parser.error(str(error))
    folder = Path(tempfile.mkdtemp(prefix="fapikit-demo-"))
    stop_servers_when_ended()
    failed = True
    try:
        with usual_ports() as ports:
            failed = _run(World.create(folder, choices, ports=ports)) != 0
    except Ended:
        failed = False  # by somebody, or by the terminal that was closed
        raise
    finally:
        if failed:
            print(f"what the servers logged is in {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


def _run(world: World) -> int:
    os.environ[ENVIRONMENT_VARIABLE] = world.folder
    started = time.monotonic()
    print(f"fapikit demo under {world.choices}: {_PARTIES[world.flow]} on TLS, on this machine only")
    with Servers(world):
        print(f"the servers are up after {time.monotonic() - started:.1f} s")
        demo = Demo(world)
        demo.run()
        print(
            f"\ndemo: {demo.passed} steps passed, {demo.held} refusals held, {demo.failed} failed", flush=True
        )
        watched = sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("ONCE") != "1"
        if demo.failed == 0 and watched and world.flow in PAGES:
            _keep_serving(world)
        return 1 if demo.failed else 0


def _keep_serving(world: World) -> None:
    # A parent that runs this in the background may have left Ctrl-C ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    viewer = serve(world.path(FILE))
    try:
        print(
            f"\nOpen {world.fintech} (your browser will ask about the throw-away certificate, at a bank too)."
        )
        if world.flow == CIBA:
            print(f"The phone is {world.bank}/authentication_device.")
        if world.flow == CONSENTS:
            print(f"What was granted is on {world.bank}/grants too, and can be ended there.")
        print(f"Sign in as {USERNAME} with the password: {PASSWORD}")
        for bank, issuer in ((bank, world.issuer_of(bank)) for bank in world.banks):
            print(f"{bank.title}: {issuer}   its metadata: {issuer}/.well-known/openid-configuration")
        if world.flow == WEB:
            print("At both banks the page /grants shows what was granted, and ends it.")
        print(f"Watch every message and every check at {viewer.url}")
        print("Ctrl-C stops everything.", flush=True)
        while True:  # signal.pause() would miss a signal that comes just before it
            time.sleep(1)
    except KeyboardInterrupt:
        print()
    finally:
        viewer.close()


if __name__ == "__main__":
    sys.exit(main())
