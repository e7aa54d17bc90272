"""Runs the tests in other environments: on each Python that is here, and with the oldest packages that are allowed.

    python -m tools.environments pythons [--only 3.12 3.13] [-- PYTEST ARGUMENTS]
    python -m tools.environments lowest [-- PYTEST ARGUMENTS]

Each environment is a folder of its own below .environments/, and is made again when its list of packages has changed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.citations import ROOT

MINORS = (11, 12, 13, 14)
"""The minor versions of Python 3 that pyproject.toml declares."""
FOLDER = ROOT / ".environments"
NEWEST, LOWEST = "constraints.txt", "constraints-lowest.txt"
EVERY_TEST = ("-n", "auto", "--every-error-raised")
ONE_PROCESS = ("-n", "0", "--every-error-raised")
"""The oldest pytest-xdist compares names of tests whole, and some have a key in theirs."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools.environments", description=__doc__)
    parser.add_argument("which", choices=("pythons", "lowest"))
    parser.add_argument(
        "--only", nargs="+", default=(), metavar="VERSION", help="some of the Pythons: 3.12 3.13"
    )
    parser.add_argument("pytest", nargs="*", help="arguments for pytest; by default all tests")
    asked = parser.parse_args()
    if asked.which == "lowest":
        arguments = tuple(asked.pytest) or ONE_PROCESS
        return _run({"lowest": _tests_in("lowest", Path(sys.executable), LOWEST, arguments)})
    arguments = tuple(asked.pytest) or EVERY_TEST
    wanted = {f"3.{minor}" for minor in MINORS if not asked.only or f"3.{minor}" in asked.only}
    found = {version: python for version, python in interpreters() if version in wanted}
    for version in sorted(wanted - found.keys()):
        print(f"Python {version} is not on this machine: not tested")
    return _run({v: _tests_in(v, python, NEWEST, arguments) for v, python in found.items()}) if found else 1


def interpreters() -> Iterator[tuple[str, Path]]:
    """Each declared version that can be started here, with one interpreter of it."""
    for minor in MINORS:
        version = f"3.{minor}"
        for candidate in _candidates(version):
            if _version_of(candidate) == version:
                yield version, candidate
                break


def _candidates(version: str) -> Iterator[Path]:
    for name in filter(None, (shutil.which(f"python{version}"), sys.executable, shutil.which("python3"))):
        yield Path(name)
    for home in filter(None, (os.environ.get("PYENV_ROOT"), str(Path.home() / ".pyenv"))):
        yield from sorted(Path(home).glob(f"versions/{version}.*/bin/python"), reverse=True)
    yield from sorted((Path.home() / ".local/share/uv/python").glob(f"cpython-{version}.*/bin/python3"))


def _version_of(python: Path) -> str:
    """Such as 3.12; empty if the program does not start, as a shim of a version that is not chosen."""
    program = "import sys; print('%d.%d' % sys.version_info[:2])"
    run = subprocess.run([python, "-c", program], capture_output=True, text=True, check=False)
    return run.stdout.strip()


def _tests_in(name: str, python: Path, packages: str, arguments: Sequence[str]) -> list[str]:
    """The command that runs the tests in this environment, which is made if it is not there."""
    own = _made(name, python, packages)
    return [str(own), "-m", "pytest", *arguments]


def _made(name: str, python: Path, packages: str) -> Path:
    folder = FOLDER / name
    own, stamp = folder / "bin" / "python", folder / "stamp"
    wanted = hashlib.sha256(
        (ROOT / packages).read_bytes() + (ROOT / "pyproject.toml").read_bytes()
    ).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return own
    print(f"making the environment {name} with {packages}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([python, "-m", "venv", folder], check=True)
    install = [str(own), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # The list is whole, so pip need not resolve: it would not know `pyjwt[crypto]` for the pinned `pyjwt`.
    whole = ["--no-deps", "--require-hashes", "-r", str(ROOT / packages)]
    subprocess.run([*install, *whole], check=True)
    subprocess.run([*install, "--no-deps", "--no-build-isolation", "-e", str(ROOT)], check=True)
    stamp.write_text(wanted)
    return own


def _run(commands: dict[str, list[str]]) -> int:
    """Run all, one after another, whatever becomes of each. The exit status is 1 if one has failed."""
    results = {
        name: subprocess.run(command, cwd=ROOT, check=False).returncode for name, command in commands.items()
    }
    for name, status in results.items():
        print(f"{name}: {'passed' if status == 0 else f'FAILED, exit status {status}'}")
    return 1 if any(results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
