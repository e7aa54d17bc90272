"""Writes what is installed with fapikit, and with each extra, as CycloneDX: `make sbom`, then look into dist/sbom.

    python -m tools.sbom [FOLDER]

The versions are those of the development environment, which constraints.txt names with the hashes of all their files;
markers hold for this Python and this system. The same environment gives the same octets: SOURCE_DATE_EPOCH is the time.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.citations import ROOT
from tools.requirements import direct, needed

FOR_DEVELOPMENT = frozenset({"test", "docs", "dev", "fuzz"})
"""The extras that nobody installs who uses fapikit."""
FOLDER = ROOT / "dist" / "sbom"
SUFFIX = ".cdx.json"


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, bom in boms():
        (folder / f"{name}{SUFFIX}").write_text(f"{json.dumps(bom, indent=2, sort_keys=True)}\n", "utf-8")


def boms() -> Iterator[tuple[str, dict[str, Any]]]:
    """By name: `core`, then each extra, which contains the core."""
    whole, hashes = _of_environment(), locked_hashes()
    yield "core", _part(whole, hashes, "fapikit")
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    for extra in sorted(extras.keys() - FOR_DEVELOPMENT):
        yield extra, _part(whole, hashes, f"fapikit[{extra}]")


def locked_hashes() -> dict[tuple[str, str], list[str]]:
    """By name and version, the SHA-256 of each file that constraints.txt lets pip install."""
    entries = re.split(r"\n(?=[a-z0-9])", (ROOT / "constraints.txt").read_text("utf-8"))
    heads = ((re.match(r"([a-z0-9._-]+)==([^\s;]+)", entry), entry) for entry in entries)
    return {
        (canonicalize_name(head[1]), head[2]): sorted(re.findall(r"--hash=sha256:([0-9a-f]{64})", entry))
        for head, entry in heads
        if head is not None
    }


def _of_environment() -> dict[str, Any]:
    """Every package of this environment, with the project as the root. Raises CalledProcessError."""
    command = [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible", "--no-validate"]
    command += ["--pyproject", str(ROOT / "pyproject.toml"), "--mc-type", "library", sys.executable]
    made = subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    return dict(json.loads(made.stdout))


def _part(whole: dict[str, Any], hashes: dict[tuple[str, str], list[str]], wanted: str) -> dict[str, Any]:
    """Of the whole environment what this requirement leads to."""
    names = needed([wanted])
    components = [
        _with_hashes(component, hashes)
        for component in whole["components"]
        if canonicalize_name(component["name"]) in names
    ]
    refs: dict[str, str] = {
        canonicalize_name(component["name"]): component["bom-ref"] for component in components
    }
    if missing := names - refs.keys():
        raise LookupError(f"not installed: {', '.join(sorted(missing))}")
    root = {**whole["metadata"]["component"]}
    root["purl"] = f"pkg:pypi/{root['name']}@{root['version']}"
    return {
        **whole,
        "metadata": {**whole["metadata"], "component": root},
        "components": sorted(components, key=lambda component: component["bom-ref"]),
        "dependencies": sorted(
            [_edges(root["bom-ref"], _direct_names(wanted), refs), *_edges_among(whole, refs)],
            key=lambda edges: edges["ref"],
        ),
    }


def _with_hashes(component: dict[str, Any], hashes: dict[tuple[str, str], list[str]]) -> dict[str, Any]:
    known = hashes.get((canonicalize_name(component["name"]), component["version"]))
    if not known:
        return component
    files = {
        "type": "distribution",
        "url": component["purl"],
        "comment": "one hash for each file that constraints.txt allows",
        "hashes": [{"alg": "SHA-256", "content": digest} for digest in known],
    }
    return {**component, "externalReferences": [*component.get("externalReferences", ()), files]}


def _direct_names(wanted: str) -> set[str]:
    """Extras that stand for other extras of ours are taken apart."""
    names, waiting = set[str](), [Requirement(wanted), Requirement("fapikit")]
    while waiting:
        for inner in direct(waiting.pop()):
            if canonicalize_name(inner.name) == "fapikit":
                waiting.append(inner)
            else:
                names.add(canonicalize_name(inner.name))
    return names


def _edges(ref: str, names: set[str], refs: dict[str, str]) -> dict[str, Any]:
    return {"ref": ref, "dependsOn": sorted(refs[name] for name in names)}


def _edges_among(whole: dict[str, Any], refs: dict[str, str]) -> Iterator[dict[str, Any]]:
    kept = set(refs.values())
    for edges in whole["dependencies"]:
        if edges["ref"] in kept:
            further = sorted(kept.intersection(edges.get("dependsOn", ())))
            yield {"ref": edges["ref"], **({"dependsOn": further} if further else {})}


if __name__ == "__main__":
    main()
