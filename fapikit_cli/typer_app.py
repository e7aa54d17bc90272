"""The typer application of the command and of each file in `commands/`, which is loaded when it is needed.

Role: RP, RS, AS
"""

from __future__ import annotations

import pkgutil
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
        return command


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
