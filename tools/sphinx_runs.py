"""Runs Sphinx: strictly, and each language in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tools.citations import ROOT

BUILD: Final = ROOT / "docs" / "_build"
LANGUAGES: Final = ("en", "ja")


def html(build: Path, some: Mapping[str, tuple[str, ...]] | None = None) -> list[int]:
    """The exit status for each language. The pages go to `build/html/en` and `build/html/ja`.

    `some`: the pages of a language, if not all of them are built. Then links to others are not looked at.
    """
    running = [
        subprocess.Popen(
            _command(
                "html", language, build, build / "html" / language, *_options((some or {}).get(language))
            )
        )
        for language in LANGUAGES
    ]
    return [process.wait() for process in running]


def gettext(build: Path, pages: tuple[str, ...]) -> None:
    """The strings of these pages go to `build/gettext`. Raises CalledProcessError."""
    subprocess.run(_command("gettext", "en", build, build / "gettext", *_options(pages)), check=True)


def _options(pages: tuple[str, ...] | None) -> tuple[str, ...]:
    if pages is None:
        return ("-n", "-W", "--keep-going", "-q")
    return ("-Q", "-D", f"include_patterns={','.join(f'{page}.md' for page in pages)}")


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
