"""What is released is built once for all tests of this folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.distribution.built import ROOT, Built, Installed, build, found


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The files in the folder FAPIKIT_DIST, which a release is about to publish; without it, new ones."""
    folder = os.environ.get("FAPIKIT_DIST")
    return found(ROOT / folder) if folder else build(ROOT, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(built.wheel, tmp_path_factory.mktemp("installed"))


@pytest.fixture
def source(built: Built, tmp_path: Path) -> Path:
    """What somebody has who unpacked the sdist."""
    return built.unpacked_sdist(tmp_path)
