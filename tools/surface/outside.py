"""What is used without Python: the settings of askit, the command line, extras, entry points, fixtures of pytest."""

from __future__ import annotations

import enum
import inspect
import tomllib
import typing
from collections.abc import Iterator
from typing import Any

from tools.citations import ROOT
from tools.public_names import shown_annotation
from tools.surface.line import Line
from tools.surface.settings import settings
from tools.surface.shown import shown


def lines() -> Iterator[Line]:
    yield from _project(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"])
    yield from _fixtures()
    yield from settings()
    yield from _commands()


def _project(project: dict[str, Any]) -> Iterator[Line]:
    yield Line("python", "versions", project["requires-python"])
    for extra in project["optional-dependencies"]:
        if extra not in ("test", "docs", "dev", "fuzz"):
            yield Line("extra", extra)
    for name, target in project["scripts"].items():
        yield Line("entry-point", f"console_scripts {name}", target)
    for group, entries in project["entry-points"].items():
        for name, target in entries.items():
            yield Line("entry-point", f"{group} {name}", target)


def _fixtures() -> Iterator[Line]:
    from askit import pytest_plugin

    for name, value in vars(pytest_plugin).items():
        if type(value).__name__ == "FixtureFunctionDefinition":
            returned = inspect.signature(value._get_wrapped_function()).return_annotation
            yield Line("fixture", name, shown_annotation(returned))


def _commands() -> Iterator[Line]:
    from typer.main import get_command

    from fapikit_cli.typer_app import app

    yield from _command("fapikit", get_command(app))


def _command(path: str, command: Any) -> Iterator[Line]:
    """A command of typer (or of click, on which older versions of typer stand)."""
    yield Line("command", path)
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            yield Line("argument", f"{path} {parameter.name}", _accepted(parameter))
            continue
        for option in (*parameter.opts, *parameter.secondary_opts):
            yield Line("option", f"{path} {option}", _accepted(parameter))
    if hasattr(command, "list_commands"):
        for name in command.list_commands(None):
            yield from _command(f"{path} {name}", command.get_command(None, name))


def _accepted(parameter: Any) -> str:
    """What it takes, whether it must be there, and what holds without it."""
    described = getattr(parameter, "type_descriptor", None)
    kind = "" if described is None else f"{_type_shown(described.annotation)} "
    many = "... " if parameter.multiple or parameter.nargs not in (0, 1) else ""
    if parameter.required:
        return f"{kind}{many}required"
    return f"{kind}{many}= {shown(parameter.default)}"


def _type_shown(annotation: Any) -> str:
    """Words that may be given are part of the surface, the type that the program makes of them is not."""
    if inspect.isclass(annotation) and issubclass(annotation, enum.Enum):
        return "|".join(str(member.value) for member in annotation)
    if typing.get_origin(annotation) is typing.Literal:
        return "|".join(map(str, typing.get_args(annotation)))
    return inspect.formatannotation(annotation).removeprefix("pathlib.")
