"""The bills of materials name all that is installed, with licence, address and hashes, and nothing of this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.distribution.built import ROOT
from tools.requirements import needed
from tools.sbom import FOR_DEVELOPMENT, SUFFIX, locked_hashes

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NAMES = ["core", *sorted(PROJECT["optional-dependencies"].keys() - FOR_DEVELOPMENT)]


def write(folder: Path) -> dict[str, str]:
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    subprocess.run([sys.executable, "-m", "tools.sbom", str(folder)], cwd=ROOT, env=environment, check=True)
    return {path.name.removesuffix(SUFFIX): path.read_text() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return write(tmp_path_factory.mktemp("sbom"))


@pytest.fixture(params=NAMES)
def text(request: pytest.FixtureRequest, texts: dict[str, str]) -> str:
    return texts[request.param]


@pytest.fixture
def bom(text: str) -> dict[str, Any]:
    return json.loads(text)


def test_there_is_one_for_the_core_and_one_for_each_extra(texts: dict[str, str]) -> None:
    assert sorted(texts) == sorted(NAMES)


@pytest.mark.parametrize("name", ["core", "demo"])
def test_it_has_the_shape_of_cyclonedx(texts: dict[str, str], name: str) -> None:
    """The smallest and the largest: the schema takes a second for each."""
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(texts[name]) is None


@pytest.mark.parametrize("name", NAMES)
def test_it_names_all_that_is_installed_and_no_more(texts: dict[str, str], name: str) -> None:
    components = {
        component["name"].lower().replace("_", "-") for component in json.loads(texts[name])["components"]
    }
    assert components == needed(["fapikit" if name == "core" else f"fapikit[{name}]"])
    assert {"httpx", "joserfc", "cryptography", "cachetools"} <= components


def test_each_component_has_its_licence_its_address_and_its_hashes(bom: dict[str, Any]) -> None:
    locked = locked_hashes()
    for component in bom["components"]:
        name, version = component["name"].lower().replace("_", "-"), component["version"]
        assert component["licenses"], name
        assert component["purl"] == f"pkg:pypi/{name}@{version}"
        files = [
            reference for reference in component["externalReferences"] if reference["type"] == "distribution"
        ]
        assert locked[name, version] == [
            entry["content"] for each in files for entry in each.get("hashes", ())
        ]


def test_it_says_who_needs_whom(bom: dict[str, Any]) -> None:
    root = bom["metadata"]["component"]
    assert root["version"] == PROJECT["version"]
    assert root["purl"] == f"pkg:pypi/fapikit@{PROJECT['version']}"
    needs = {edges["ref"]: edges.get("dependsOn", []) for edges in bom["dependencies"]}
    reached, waiting = set(), [root["bom-ref"]]
    while waiting:
        reached.update(new := set(needs[waiting.pop()]) - reached)
        waiting += new
    assert reached == {component["bom-ref"] for component in bom["components"]}


def test_a_second_run_writes_the_same_octets_and_no_path_of_this_machine(
    texts: dict[str, str], tmp_path: Path
) -> None:
    assert write(tmp_path) == texts
    assert all(str(ROOT) not in text and str(Path.home()) + "/" not in text for text in texts.values())
