"""Writes down which versions development, the demo and fuzzing install, with the hashes of all their files.

    make lock                        # keeps the versions that pyproject.toml still allows
    make lock UPGRADE=--upgrade      # takes the newest

A fourth file has the oldest versions that pyproject.toml allows for what it names: `make test-lowest` tests them.

One resolution serves every supported Python and system, so that the hashes of each one's files are there.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib

from tools.citations import ROOT

FILES = {
    "constraints.txt": "dev",
    "constraints-demo.txt": "demo",
    "constraints-fuzz.txt": "fuzz",
}
"""Each with the extra that it is for; the first one decides the versions of all."""
LOWEST = ("constraints-lowest.txt", "test")
OLDEST_PYTHON = "3.11"
EDITABLE = "editables>=0.5"
"""What the build backend asks for, beside itself, when it installs this working copy."""


def lock(options: list[str]) -> None:
    """Raises CalledProcessError."""
    first = next(iter(FILES))
    for name, extra in FILES.items():
        _compile(name, extra, options if name == first else ["--constraints", first])
    _compile(*LOWEST, ["--resolution", "lowest-direct", *options])


def _compile(name: str, extra: str, options: list[str]) -> None:
    backend = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["build-system"]["requires"]
    command = ["uv", "pip", "compile", "pyproject.toml", "-", "--extra", extra, "--output-file", name]
    command += ["--universal", "--python-version", OLDEST_PYTHON, "--generate-hashes", "--quiet"]
    command += ["--no-annotate", "--custom-compile-command", "make lock"]
    subprocess.run(
        [sys.executable, "-m", *command, *options],
        cwd=ROOT,
        input="\n".join([*backend, EDITABLE]),
        text=True,
        check=True,
    )


if __name__ == "__main__":
    lock(sys.argv[1:])
