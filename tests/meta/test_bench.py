"""What the bench makes of its figures; nothing is timed here."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks import report
from benchmarks.__main__ import PARTS
from benchmarks.plots import bars, lines
from benchmarks.rounds import WHOLE, Figure, Result, added, pooled, ratio, share_of_overhead

TIMES = {"raw": [10.0, 20.0, 10.0], "ours": [13.0, 26.0, 12.0], "peer": [20.0, 40.0, 18.0]}


def test_figures_are_of_the_same_round_and_have_their_spread() -> None:
    assert ratio(TIMES, "ours", "raw").median == 1.3
    assert added(TIMES, "ours", "raw") == Figure(3.0, 2.0, 6.0)
    assert share_of_overhead(TIMES, "ours", "peer", "raw").median == pytest.approx(0.3)
    assert str(Figure.of([1234.5])) == "1234"
    assert str(Figure.of([1.0, 2.0, 4.0])) == "2 (1 to 4)"


def test_all_passes_count() -> None:
    passes = iter([{"a": [1.0, 2.0]}, {"a": [9.0, 9.0]}])
    assert pooled(lambda: next(passes), 2) == {"a": [1.0, 2.0, 9.0, 9.0]}


@pytest.mark.parametrize(
    "target, at_least, met",
    [(None, False, None), (2, False, True), (1, False, False), (1, True, True), (3, True, False)],
)
def test_a_target_is_met_or_not(target: float | None, at_least: bool, met: bool | None) -> None:
    assert Result("part", "metric", Figure.of([2.0]), target, at_least=at_least).met is met


def test_plots_are_drawings_that_hold_what_was_found() -> None:
    drawn = ET.fromstring(bars("Some & others", "us", {"ours": 1.0, "a peer's": 4.0}))
    widths = [float(each.get("width", "")) for each in drawn.iter("{http://www.w3.org/2000/svg}rect")]
    assert widths[1] == pytest.approx(4 * widths[0], rel=0.01)
    curves = lines(
        "Growth", "how many", "us", {"level": [(1, 5.0), (1000, 5.0)], "rising": [(1, 1.0), (1000, 900.0)]}
    )
    first, second = ET.fromstring(curves).iter("{http://www.w3.org/2000/svg}polyline")
    heights = [
        [float(place.split(",")[1]) for place in (each.get("points") or "").split()]
        for each in (first, second)
    ]
    assert heights[0][0] == heights[0][1]
    assert heights[1][0] > heights[1][1], "the end of the page is at its top"


def test_the_report_has_every_result_and_names_its_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "HERE", tmp_path)
    monkeypatch.setattr(report, "IMAGES", tmp_path / "img")
    found = [
        Result("a part", "a metric", Figure.of([1.0, 2.0, 3.0]), 1.5, {"a peer": Figure.of([9.0])}),
        report.Bars("sides", "Side by side", "us", {"ours": 1.0}),
        report.Curve("growth", "Growth", "how many", "us", {"one": [(1, 1.0), (10, 2.0)]}),
    ]
    report.write({"Python": "3.14, not an optimised build"}, WHOLE, 120, found)
    words = (tmp_path / "RESULTS.md").read_text()
    assert "| Python | 3.14, not an optimised build |" in words
    assert "| a part | a metric | 2 (1 to 3) | at most 1.5: **not met** | a peer: 9 |" in words
    document = json.loads((tmp_path / "results.json").read_text())
    assert document["results"][0]["ours"] == {"median": 2.0, "low": 1.0, "high": 3.0}
    for name in ("sides", "growth"):
        assert f"../docs/img/{name}.svg" in words
        assert ET.parse(tmp_path / "img" / f"{name}.svg").getroot().tag.endswith("svg")


def test_what_is_written_down_is_of_one_run() -> None:
    here = Path(report.__file__).parent
    document = json.loads((here / "results.json").read_text())
    words = (here / "RESULTS.md").read_text()
    assert len(re.findall(r"^\| [^|]+ \| [^|]+ \| [0-9.-]", words, re.MULTILINE)) == len(document["results"])
    for plot in document["plots"]:
        assert (report.IMAGES / f"{plot['name']}.svg").exists()
    assert all(math.isfinite(result["ours"]["median"]) for result in document["results"])
    assert document["machine"]["Python"]
    assert PARTS
