"""Runs Sphinx: strictly, and each language in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from tools.citations import ROOT

BUILD: Final = ROOT / "docs" / "_build"
LANGUAGES: Final = ("en", "ja")


def html(build: Path) -> list[int]:
    """The exit status for each language. The pages go to `build/html/en` and `build/html/ja`."""
    strict = ("-n", "-W", "--keep-going", "-q")
    running = [
        subprocess.Popen(_command("html", language, build, build / "html" / language, *strict))
        for language in LANGUAGES
    ]
    return [process.wait() for process in running]


def gettext(build: Path, pages: tuple[str, ...]) -> None:
    """The strings of these pages go to `build/gettext`. Raises CalledProcessError."""
    only = f"include_patterns={','.join(f'{page}.md' for page in pages)}"
    # links to the other pages lead nowhere here: `html` is strict about them
    subprocess.run(_command("gettext", "en", build, build / "gettext", "-Q", "-D", only), check=True)


def linkcheck(build: Path) -> int:
    """The exit status: 1 if a link to somewhere else is broken. It needs the network."""
    command = _command("linkcheck", "en", build, build / "linkcheck", "-q")
    return subprocess.run(command, check=False).returncode


def _command(builder: str, language: str, build: Path, target: Path, *options: str) -> list[str]:
    return [
        sys.executable, "-m", "sphinx", "-b", builder, "-c", str(ROOT / "docs"),
        "-d", str(build / "doctrees" / f"{builder}-{language}"), "-D", f"language={language}", *options,
        str(ROOT), str(target),
    ]  # fmt: skip
