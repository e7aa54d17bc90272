"""The one way to print: tables and colours on a terminal, plain lines where the output is piped or NO_COLOR is set.

What a server wrote is shown with its unprintable characters escaped, so that it cannot move the cursor or hide text.

Role: RP, RS, AS
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final, TextIO

_STYLES: Final = {
    "good": "green",
    "bad": "bold red",
    "doubt": "yellow",
    "faint": "dim",
    "strong": "bold",
}


def is_plain(stream: TextIO | None = None) -> bool:
    """Whether to write without colours and boxes: no terminal, NO_COLOR (no-color.org), or a terminal without them."""
    stream = stream or sys.stdout
    return not stream.isatty() or bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"


def shown(text: object) -> str:
    """The text with every character escaped that a terminal would obey, except line ends."""
    return "\n".join(
        line if line.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)
        for line in str(text).split("\n")
    )


def say(text: object = "", *, style: str = "") -> None:
    """A paragraph on stdout. `style`: good, bad, doubt, faint, strong."""
    _write(sys.stdout, shown(text), style)


def tell(text: object, *, style: str = "") -> None:
    """A paragraph on stderr: what is for a person, while stdout is for the result."""
    _write(sys.stderr, shown(text), style)


def show_markdown(text: str) -> None:
    """A page on stdout. Plain: as it is written."""
    if is_plain():
        sys.stdout.write(shown(text))
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(shown(text), hyperlinks=False))


def show_json(value: Any) -> None:
    """JSON for a machine on stdout. Other characters than ASCII are escaped."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def show_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    title: str = "",
    styles: Sequence[str] | None = None,
) -> None:
    """A table on stdout. `styles` has the style of the first cell of each row, or "".

    Plain: one line for each row, with aligned columns, and for each further line of a cell one more line. Empty columns
    are left out.
    """
    cells = [[shown(cell) for cell in row] for row in rows]
    kept = [at for at in range(len(columns)) if any(row[at] for row in cells)]
    columns, cells = [columns[at] for at in kept], [[row[at] for at in kept] for row in cells]
    if is_plain():
        sys.stdout.write("".join(f"{line.rstrip()}\n" for line in _plain_lines(title, columns, cells)))
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, title=Text(shown(title)) if title else None, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for at, row in enumerate(cells):
        first, *others = row
        table.add_row(Text(first, _STYLES.get(styles[at], "") if styles else ""), *map(Text, others))
    Console().print(table)


def _plain_lines(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterable[str]:
    split = [[column.split("\n") for column in row] for row in [columns, *rows]]
    widths = [max(len(line) for row in split for line in row[at]) for at in range(len(columns))]
    if title:
        yield title
    for row in split:
        for at in range(max(map(len, row), default=0)):
            yield "  ".join(
                (cell[at] if at < len(cell) else "").ljust(width)
                for cell, width in zip(row, widths, strict=True)
            )


def _write(stream: TextIO, text: str, style: str) -> None:
    if is_plain(stream):
        stream.write(text + "\n")
        return
    from rich.console import Console
    from rich.text import Text

    Console(file=stream).print(Text(text, style=_STYLES.get(style, "")), soft_wrap=True)
