"""Writes docs/errors: the catalogue, and one page for each error. `--check` only compares."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path

from fapikit.errors import FapiError
from fapikit_cli import error_pages
from tools.citations import PACKAGES, ROOT
from tools.generated import write_or_check_all

FOLDER = ROOT / "docs" / "errors"


def import_everything() -> None:
    """Every module of the packages: an error class outside of the `errors` modules is found too."""
    for package in PACKAGES:
        module = importlib.import_module(package)
        for found in pkgutil.walk_packages(module.__path__, f"{package}."):
            if not found.name.endswith("__main__"):
                importlib.import_module(found.name)


def leaves() -> list[type[FapiError]]:
    """All error classes of the packages, wherever they are defined."""
    import_everything()
    return error_pages.all_errors()


def pages() -> dict[Path, str]:
    kinds = error_pages.all_errors()
    made = {FOLDER / error_pages.address(kind): error_pages.page_of(kind) for kind in kinds}
    return {FOLDER / "index.md": error_pages.index()} | made


if __name__ == "__main__":
    sys.exit(write_or_check_all(FOLDER, pages()))
