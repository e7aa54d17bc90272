"""Runs the command line.

Role: RP, RS, AS
"""

from __future__ import annotations

import typer

app = typer.Typer(name="fapikit", no_args_is_help=True)


@app.callback()
def root() -> None:
    """The FAPI profiles of OAuth 2.0 from a terminal."""


def main() -> None:
    app()
