"""`fapikit explain`: the page of an error in the terminal.

Role: RP, RS, AS
"""

from __future__ import annotations

from typing import Annotated

import typer

from fapikit_cli.failing import WrongUsage
from fapikit_cli.printing import say, show_markdown, show_table
from fapikit_cli.typer_app import new_app

app = new_app("Explain an error: what it looks like, why it comes, what to do.")


@app.command()
def explain(
    said: Annotated[
        list[str],
        typer.Argument(
            metavar="ERROR...",
            help="The name of an error, a code of the wire such as invalid_grant, or the whole line of a log.",
        ),
    ],
) -> None:
    """Explain an error: what it looks like, why it comes, what to do.

    Two packages may have an error of one name. Then write both: rskit.InsufficientScope.
    """
    from fapikit_cli import error_pages

    found = error_pages.named(" ".join(said))
    if not found:
        near = error_pages.similar(said[0])
        raise WrongUsage(
            f"no error has the name or the code {said[0]}",
            f"use one of {', '.join(near)}" if near else "give the name as a traceback or a log shows it",
        )
    if len(found) == 1:
        show_markdown(error_pages.terminal_page_of(found[0]))
        return
    say("Several errors fit. Show one of them by its name:")
    show_table(
        ["error", "what it means"],
        [(error_pages.short_name(kind), error_pages.first_sentence(kind)) for kind in found],
    )
