"""Writes what was measured: `results.json` for programs, `RESULTS.md` for readers, and the plots of `docs/img`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.plots import bars, lines
from benchmarks.rounds import Effort, Result

HERE = Path(__file__).parent
IMAGES = HERE.parent / "docs" / "img"


@dataclass
class Curve:
    """How something grows: points by name, with the first axis in powers of ten."""

    name: str
    title: str
    across: str
    up: str
    points: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "title": self.title,
            "across": self.across,
            "up": self.up,
            "points": self.points,
        }


@dataclass
class Bars:
    """Figures side by side. The first `ours` are ours."""

    name: str
    title: str
    unit: str
    values: Mapping[str, float] = field(default_factory=dict)
    ours: int = 1

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "title": self.title,
            "unit": self.unit,
            "values": self.values,
            "ours": self.ours,
        }


def write(
    machine: Mapping[str, str], effort: Effort, seconds: float, found: Iterable[Result | Curve | Bars]
) -> None:
    """Write all of it. Only a whole run writes; a quick one is for the one who ran it."""
    items = list(found)
    results = [item for item in items if isinstance(item, Result)]
    plots = [item for item in items if not isinstance(item, Result)]
    document = {
        "machine": dict(machine),
        "passes": effort.passes,
        "rounds": effort.rounds,
        "seconds": round(seconds),
        "results": [item.as_json() for item in results],
        "plots": [item.as_json() for item in plots],
    }
    (HERE / "results.json").write_text(json.dumps(document, indent=2) + "\n")
    IMAGES.mkdir(exist_ok=True)
    for plot in plots:
        drawn = (
            lines(plot.title, plot.across, plot.up, plot.points)
            if isinstance(plot, Curve)
            else bars(plot.title, plot.unit, plot.values, ours=plot.ours)
        )
        (IMAGES / f"{plot.name}.svg").write_text(drawn)
    (HERE / "RESULTS.md").write_text(_markdown(machine, effort, seconds, results, plots))


def _markdown(
    machine: Mapping[str, str],
    effort: Effort,
    seconds: float,
    results: Sequence[Result],
    plots: Sequence[Curve | Bars],
) -> str:
    how = (
        f"`make bench` wrote this file in {seconds / 60:.0f} minutes. Each figure is the median of {effort.passes}"
        f" passes of {effort.rounds} rounds, with its quartiles. Times are CPU times. In each"
        " round all contenders had their turn, and a ratio or a difference is one of times of the same round. No"
        " pass was left out."
    )
    lines_ = [
        "# What was measured",
        "",
        how,
        "",
        "| | |",
        "|---|---|",
        *[f"| {name} | {words} |" for name, words in machine.items()],
        "",
        "| part | metric | ours | target | others |",
        "|---|---|---|---|---|",
        *[_row(result) for result in results],
        "",
    ]
    for plot in plots:
        lines_ += [f"![{plot.title}](../docs/img/{plot.name}.svg)", ""]
    return "\n".join(lines_)


def _row(result: Result) -> str:
    verdict = {None: "", True: "met", False: "**not met**"}[result.met]
    bound = "at least" if result.at_least else "at most"
    target = "" if result.target is None else f"{bound} {result.target:g}: {verdict}"
    peers = "<br>".join(f"{name}: {figure}" for name, figure in result.peers.items())
    return f"| {result.part} | {result.metric} | {result.ours} | {target} | {peers} |"
