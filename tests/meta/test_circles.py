"""The check that keeps the module graph free of circles finds one where there is one."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from tools.circles import first_circle, imports_of


def test_modules_that_import_downwards_only_make_no_circle() -> None:
    assert first_circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_a_circle_is_told_in_the_order_of_its_imports() -> None:
    circle = first_circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})
    assert circle[0] == circle[-1]
    assert set(circle) == {"a", "b", "c"}
    assert all((one, other) in {("a", "b"), ("b", "c"), ("c", "a")} for one, other in pairwise(circle))


def test_an_import_for_types_alone_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "typed_circle"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "one.py").write_text("from typed_circle import two\n")
    (package / "two.py").write_text(
        "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from typed_circle import one\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert set(first_circle(imports_of("typed_circle"))) == {"typed_circle.one", "typed_circle.two"}
