"""The public surface lists what somebody may rely on, and the tool tells breaks from additions."""

from __future__ import annotations

import ast
import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from askit.config.limits import Limits
from askit.config.table import Table
from tools.surface.__main__ import document
from tools.surface.changes import changes
from tools.surface.line import Line, read, written
from tools.surface.settings import settings

ROOT = Path(__file__).parents[2]

# What was there, what is there now (an empty word: nothing), and whether that breaks somebody.
CHANGES = [
    ("a name is gone", "function m.f :: -> int", "", True),
    ("a name is new", "", "function m.f :: -> int", False),
    ("a parameter is gone", "parameter m.f x :: 1: int = 1", "", True),
    ("a parameter that must be given", "", "parameter m.f y :: keyword-only: int", True),
    ("a parameter that may be given", "", "parameter m.f y :: keyword-only: int = 1", False),
    ("any further arguments", "", "parameter m.f rest :: variadic: Any", False),
    ("a new function's own parameter", "", "parameter m.g y :: 1: int", False),
    ("it takes more types", "parameter m.f x :: 1: int", "parameter m.f x :: 1: int | str", False),
    ("it takes fewer types", "parameter m.f x :: 1: int | str", "parameter m.f x :: 1: int", True),
    ("a union inside of brackets", "parameter m.f x :: 1: list[int | str]", "parameter m.f x :: 1: list[int]", True),
    ("it may be left out", "parameter m.f x :: 1: int", "parameter m.f x :: 1: int = 1", False),
    ("it must be given", "parameter m.f x :: 1: int = 1", "parameter m.f x :: 1: int", True),
    ("another default", "parameter m.f x :: 1: int = 1", "parameter m.f x :: 1: int = 2", True),
    ("another place", "parameter m.f x :: 1: int", "parameter m.f x :: 2: int", True),
    ("only by name", "parameter m.f x :: 1: int", "parameter m.f x :: keyword-only: int", True),
    ("also by place", "parameter m.f x :: keyword-only: int", "parameter m.f x :: 1: int", False),
    ("it answers less", "method m.C.f :: -> int | None", "method m.C.f :: -> int", False),
    ("it answers more", "method m.C.f :: -> int", "method m.C.f :: -> int | None", True),
    ("it must be awaited", "method m.C.f :: -> int", "method m.C.f :: await -> int", True),
    ("a field has fewer types", "field m.C.x :: int | None", "field m.C.x :: int", False),
    ("a field has more types", "field m.C.x :: int", "field m.C.x :: int | None", True),
    ("a duty that is new", "", "duty m.Store.drop :: -> None", True),
    ("a new protocol's duty", "", "duty m.New.drop :: -> None", False),
    ("caught by more", "error m.E :: FapiError; code", "error m.E :: Worse, FapiError; code", False),
    ("caught by less", "error m.E :: Worse, FapiError", "error m.E :: FapiError", True),
    ("another code", "error m.E :: FapiError; invalid_request", "error m.E :: FapiError; invalid_grant", True),
    ("another rule of a profile", "profile fapi1 par_required :: True", "profile fapi1 par_required :: False", True),
    ("a rule that is new", "", "profile fapi2-security new_rule :: True", False),
    ("a setting is gone", "setting limits.headers :: count", "", True),
    ("a setting that may be there", "", "setting limits.trailers :: count", False),
    ("a setting that must be there", "", "setting limits.trailers :: string, required", True),
    ("a new table's setting", "", "setting colours[].name :: string, required", False),
    ("another default of a setting", "setting nonces :: boolean = true", "setting nonces :: boolean = false", True),
    ("an option is gone", "option fapikit login --scope :: str = None", "", True),
    ("an option that must be there", "", "option fapikit login --where :: str required", True),
    ("a new command's option", "", "option fapikit new --where :: str required", False),
    ("an option may be left out", "option fapikit x --x :: str required", "option fapikit x --x :: str = None", False),
    ("an extra is gone", "extra cli", "", True),
    ("an older Python is gone", "python versions :: >=3.11", "python versions :: >=3.12", True),
]  # fmt: skip
THERE = """\
function m.f :: -> str
class m.C
protocol m.Store
command fapikit login
setting limits :: table
"""


@pytest.mark.parametrize(
    ("old", "new", "breaks"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES]
)
def test_a_change_is_a_break_or_an_addition(old: str, new: str, breaks: bool) -> None:
    owner = THERE if "m.f ::" not in old + new else THERE.replace("function m.f :: -> str\n", "")
    found = changes(read(f"{owner}{old}\n"), read(f"{owner}{new}\n"))
    assert [change.breaks for change in found] == [breaks] * len(found)
    assert found


@pytest.fixture(scope="module")
def surface() -> str:
    return document()


def test_what_is_the_same_is_no_change(surface: str) -> None:
    assert changes(read(surface), read(surface)) == []


def test_a_line_reads_as_it_was_written() -> None:
    lines = [Line("option", "fapikit login --scope", "str = None"), Line("extra", "cli")]
    assert sorted(read(written(lines))) == sorted(lines)


def test_the_surface_is_the_same_in_each_process_and_names_no_folder_of_this_machine(
    surface: str,
) -> None:
    program = "from tools.surface.__main__ import document; print(document(), end='')"
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == surface
    assert " at 0x" not in run.stdout
    assert str(ROOT) not in run.stdout


def test_every_key_that_the_configuration_is_asked_for_is_found() -> None:
    """By the text of the code: a key that only some configurations lead to must not be missed."""
    readers = {name for name in vars(Table) if not name.startswith("_")} - {
        "name",
        "has",
        "require_nothing_else",
    }
    written_there = {
        call.args[0].value
        for path in (ROOT / "askit").rglob("*.py")
        if "table: Table" in (text := path.read_text()) or "entry: Table" in text
        for call in ast.walk(ast.parse(text))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in readers
        and call.args
        and isinstance(call.args[0], ast.Constant)
    }
    found = {line.name.rpartition(".")[2].removesuffix("[]") for line in settings()}
    assert written_there - found == set()
    assert {f"limits.{field.name}" for field in dataclasses.fields(Limits)} <= {
        line.name for line in settings()
    }
