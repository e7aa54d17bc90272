"""The typer application of the command and of each file in `commands/`, which is loaded when it is needed.

Role: RP, RS, AS
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from fapikit_cli import commands
from fapikit_cli.printing import is_plain, say


def new_app(help_text: str | None = None) -> typer.Typer:
    """The application of one file of `commands/`. With one function it is a command, with several it is a group."""
    return typer.Typer(
        help=help_text,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None if is_plain() else "rich",
    )


def command_names() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(commands.__path__))


class FoundCommands(TyperGroup):
    """A group whose commands are the files of `commands/`. Only the file of the command that runs is imported."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer's signature
        return command_names()

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - typer's signature
        if cmd_name not in command_names():
            return None
        command = get_command(import_module(f"{commands.__name__}.{cmd_name}").app)
        command.name = cmd_name
        _tidy_help(command)
        return command

    def get_params(self, ctx: Any) -> Any:
        return _without_types(super().get_params, ctx)


def _tidy_help(command: Any) -> None:
    """The help of a command fits a terminal of any width, and says nothing of the types of Python."""
    for below in getattr(command, "commands", {}).values():
        _tidy_help(below)
    if command.help:
        command.help = "\n\n".join(" ".join(part.split()) for part in command.help.split("\n\n"))
    command.get_params = partial(_without_types, command.get_params)


def _without_types(get_params: Callable[[Any], list[Any]], ctx: Any) -> list[Any]:
    parameters = get_params(ctx)
    for parameter in parameters:
        is_argument = parameter.param_type_name == "argument"
        if is_argument or parameter.is_flag:
            parameter.display_type_rich = _no_type
        if is_argument:
            shown = parameter.metavar if parameter.required else f"[{parameter.metavar}]"
            parameter.get_usage_pieces = partial(_usage, shown)
    return parameters


def _no_type(ctx: Any) -> None:  # noqa: ARG001 - typer's signature
    return None


def _usage(shown: str, ctx: Any) -> list[str]:  # noqa: ARG001 - typer's signature
    return [shown]


app = typer.Typer(
    name="fapikit",
    cls=FoundCommands,
    no_args_is_help=True,
    rich_markup_mode=None if is_plain() else "rich",
)


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        say(f"fapikit {version('fapikit')}")
        raise typer.Exit


@app.callback()
def root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """The FAPI profiles of OAuth 2.0 from a terminal.

    Exit status: 0 good, 1 refused or a check failed, 2 wrong usage, 3 could not be decided.
    """
