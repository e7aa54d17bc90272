"""The oldest versions we ask for have no published vulnerability; what development installs is written down whole."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
LOWEST = "constraints-lowest.txt"
LOCKS = {
    "constraints.txt": "dev",
    "constraints-demo.txt": "demo",
    "constraints-fuzz.txt": "fuzz",
    LOWEST: "test",
}

# The first version without any of the vulnerabilities published for a package, and the newest of them.
FIXED = {
    "joserfc": ("1.7.6", "CVE-2026-119284"),
    "cryptography": ("50.0.0", "CVE-2026-69247"),
    "starlette": ("1.3.1", "PYSEC-2026-248"),
    "h11": ("0.16.0", "CVE-2025-43859"),
    "jinja2": ("3.1.6", "CVE-2025-27516"),
    "werkzeug": ("3.1.6", "CVE-2026-27199"),
    "flask": ("3.1.3", "CVE-2026-27205"),
    "gunicorn": ("27.0.0", "CVE-2026-134820"),
    "uvicorn": ("0.11.7", "CVE-2020-7695"),
    "redis": ("4.5.5", "CVE-2023-28859"),
    "httpx": ("0.23.0", "CVE-2021-41945"),
    "djangorestframework": ("3.15.2", "CVE-2024-21520"),
    "gevent": ("23.9.0", "CVE-2023-41419"),
    "pytest": ("9.0.3", "CVE-2025-71176"),
    "authlib": ("1.6.9", "CVE-2026-28490"),
    "pyjwt": ("2.12.0", "CVE-2026-32597"),
}


def asked() -> list[tuple[str, Requirement]]:
    """Every requirement with the extra that it stands in."""
    core = [("core", text) for text in PROJECT["project"]["dependencies"]]
    extras = [(extra, text) for extra, texts in EXTRAS.items() for text in texts]
    return [(extra, Requirement(text)) for extra, text in [*core, *extras]]


def floor_of(requirement: Requirement) -> Version | None:
    floors = [Version(part.version) for part in requirement.specifier if part.operator == ">="]
    return max(floors, default=None)


def locked(name: str) -> dict[str, tuple[str, int]]:
    """Each package of a file with its version and how many files of it may be installed."""
    entries = re.split(r"\n(?=[a-z0-9])", (ROOT / name).read_text())
    found = {}
    for entry in entries:
        head = re.match(r"([a-z0-9._-]+)==([^\s;]+)", entry)
        if head is not None:
            found[head[1]] = (head[2], entry.count("--hash=sha256:"))
    return found


def of_extra(extra: str) -> list[Requirement]:
    """What an extra, the core and the extras inside of it ask for."""
    texts, found = [*EXTRAS[extra], *PROJECT["project"]["dependencies"]], []
    for text in texts:
        requirement = Requirement(text)
        if requirement.name == "fapikit":
            found += [inner for name in requirement.extras for inner in of_extra(name)]
        else:
            found.append(requirement)
    return found


@pytest.mark.parametrize("package", FIXED)
def test_no_floor_lets_in_a_version_with_a_published_vulnerability(package: str) -> None:
    fixed, advisory = FIXED[package]
    floors = [
        (extra, floor_of(requirement))
        for extra, requirement in asked()
        if canonicalize_name(requirement.name) == package
    ]
    assert floors, f"{package} is not asked for any more: take it out of the list"
    for extra, floor in floors:
        assert floor is not None, extra
        assert floor >= Version(fixed), f"{extra}: {advisory}"


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_of_an_extra_is_written_down_with_its_hashes(name: str) -> None:
    packages = locked(name)
    for requirement in of_extra(LOCKS[name]):
        version, _ = packages[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"make lock: {requirement} and {version}"
    assert all(hashes for _, hashes in packages.values())


@pytest.mark.parametrize("name", LOCKS)
def test_what_builds_our_own_package_is_among_them(name: str) -> None:
    """The last step of an installation runs without fetching anything."""
    packages = locked(name)
    for text in PROJECT["build-system"]["requires"]:
        requirement = Requirement(text)
        assert requirement.specifier.contains(packages[canonicalize_name(requirement.name)][0])
    assert "editables" in packages


def test_the_files_agree_on_every_version() -> None:
    development = locked("constraints.txt")
    for name in ("constraints-demo.txt", "constraints-fuzz.txt"):
        for package, (version, _) in locked(name).items():
            assert package == "atheris" or development[package][0] == version


def test_the_oldest_that_are_tested_are_the_floors() -> None:
    """A floor below what the other packages need is a promise that nobody can try."""
    packages = locked(LOWEST)
    floors: dict[str, Version] = {}
    for requirement in of_extra("test"):
        name, floor = canonicalize_name(requirement.name), floor_of(requirement)
        if floor is not None:
            floors[name] = max(floor, floors.get(name, floor))
    found = {name: packages[name][0] for name in floors}
    assert {name: version for name, version in found.items() if Version(version) > floors[name]} == {}


def test_a_package_that_is_compiled_has_files_for_every_python_and_system() -> None:
    """Wheels for three versions of Python on Linux and macOS, or one for all of them, and the source."""
    files = {package: hashes for package, (_, hashes) in locked("constraints.txt").items()}
    assert files["gevent"] > 20
    assert files["httptools"] > 20
    assert files["cryptography"] > 10


def test_make_installs_nothing_without_a_hash() -> None:
    lines = (ROOT / "Makefile").read_text().splitlines()
    installing = [line for line in lines if "$(PIP) " in line or "pip install" in line]
    assert len(installing) == 4
    for line in installing:
        offline = "--no-deps" in line and "--no-build-isolation" in line
        assert "--require-hashes" in line or offline or line.startswith("PIP :=")
