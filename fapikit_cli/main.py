"""Runs the command line.

Role: RP, RS, AS
"""

from __future__ import annotations

import sys

from fapikit_cli.exit_status import ExitStatus


def main() -> None:
    """The script `fapikit`. It ends the process with an `ExitStatus`."""
    try:
        import rich
        import typer

        _ = rich, typer
    except ModuleNotFoundError as error:
        sys.stderr.write(
            f"fapikit: the package {error.name} is missing.\n"
            'What to do: the command line is an extra, install it with  pip install "fapikit[cli]"\n'
        )
        sys.exit(ExitStatus.USAGE)
    from typer.main import get_command

    from fapikit_cli.failing import telling_failures
    from fapikit_cli.secret_arguments import refuse_secrets
    from fapikit_cli.typer_app import app

    with telling_failures():
        refuse_secrets(sys.argv[1:])
        get_command(app)(prog_name="fapikit")
