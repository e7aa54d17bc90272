"""The files of a release, and environments in which they are installed and nothing of the checkout can be seen."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

from tools.requirements import needed

ROOT = Path(__file__).parents[2]
PACKAGES = ("fapikit", "rpkit", "rskit", "asgi_mw", "wsgi_mw", "askit", "fapikit_viewer", "fapikit_cli")


@dataclass(frozen=True)
class Built:
    wheel: Path
    sdist: Path

    def hashes(self) -> dict[str, str]:
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (self.wheel, self.sdist)}

    def wheel_names(self) -> set[str]:
        with zipfile.ZipFile(self.wheel) as archive:
            return set(archive.namelist())

    def sdist_names(self) -> set[str]:
        """Without the folder that holds them all."""
        with tarfile.open(self.sdist) as archive:
            return {name.partition("/")[2] for name in archive.getnames()}

    def unpacked_sdist(self, folder: Path) -> Path:
        with tarfile.open(self.sdist) as archive:
            archive.extractall(folder, filter="data")
        return folder / self.sdist.name.removesuffix(".tar.gz")


def found(folder: Path) -> Built:
    """The one wheel and the one sdist in a folder. Raises ValueError if there are more or none."""
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return Built(wheel, sdist)


def build(source: Path, target: Path) -> Built:
    """Wheel and sdist of a source tree, as `make dist` builds them. Raises CalledProcessError.

    Nothing is fetched: the build backend is in the development environment.
    """
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(target)]
    subprocess.run(
        command,
        cwd=source,
        check=True,
        capture_output=True,
        env={"SOURCE_DATE_EPOCH": "1700000000", **os.environ},
    )
    return found(target)


def tracked(*folders: str) -> set[str]:
    """The files that belong to the project: git knows them, or would take them."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *folders]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")
    return {name for name in listed if name and (ROOT / name).exists()}


class Installed:
    """An environment with a wheel of ours, and of the packages of others only those that are asked for.

    They are links to what the development environment has, so that nothing is fetched. Its `.pth` file, which leads to
    the checkout, is not among them.
    """

    def __init__(self, wheel: Path, folder: Path) -> None:
        self.folder = folder
        venv.create(folder / "venv", with_pip=False, symlinks=True)
        command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--offline", "--no-deps"]
        subprocess.run([*command, "--python", str(self.bin / "python"), str(wheel)], check=True)
        (folder / "empty").mkdir()

    @property
    def bin(self) -> Path:
        return self.folder / "venv" / "bin"

    def run(
        self, *command: str, packages: Iterable[str], cwd: Path | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """`packages`: requirements such as `fapikit[askit]` or `pytest`, each with all that it needs itself."""
        links = self._links(needed(packages))
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        run = subprocess.run(
            [str(self.bin / command[0]), *command[1:]],
            cwd=cwd or self.folder / "empty",
            env={**kept, "PYTHONPATH": str(links), "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert not check or run.returncode == 0, run.stdout + run.stderr
        return run

    def _links(self, distributions: frozenset[str]) -> Path:
        digest = hashlib.sha256(" ".join(sorted(distributions)).encode()).hexdigest()[:16]
        links = self.folder / f"packages-{digest}"
        if not links.exists():
            links.mkdir()
            for name in distributions:
                for top, target in top_level(name).items():
                    if not (links / top).exists():
                        (links / top).symlink_to(target)
        return links


def top_level(name: str) -> dict[str, Path]:
    """What a distribution has put directly into the folder of installed packages."""
    package = distribution(name)
    tops = {file.parts[0] for file in package.files or () if file.parts[0] not in ("..", "__pycache__")}
    return {top: Path(str(package.locate_file(top))) for top in tops}
