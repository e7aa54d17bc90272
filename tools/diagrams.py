"""A Sphinx extension: Mermaid blocks become drawings in the page, with the same in words.

GitHub draws the same blocks. Here they are drawn when the site is built: pages need no JavaScript and no network for
them, and `docs/_static/site.css` gives them the colours of the theme, light or dark.
"""

from __future__ import annotations

import json
import re
from html import escape
from itertools import count
from typing import Any, Final
from xml.etree import ElementTree as ET

import mmdr
from docutils import nodes
from docutils.nodes import Node
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

SVG: Final = "http://www.w3.org/2000/svg"
_SETTINGS: Final = {
    "theme": "default",
    "look": "classic",
    "sequence": {  # narrow: a drawing that is wider than the page is made smaller, with its text
        "actorMargin": 16, "width": 110, "height": 44, "diagramMarginX": 8, "wrapPadding": 6,
        "messageFontSize": 14, "noteFontSize": 14, "actorFontSize": 14,
    },
}  # fmt: skip
_PLAIN: Final = f"%%{{init: {json.dumps(_SETTINGS)}}}%%\n"
_IN_WORDS: Final = {"en": "The picture in words", "ja": "図の内容"}
_NAMED: Final = re.compile(
    r'^(?:participant|actor) (\w+) as (.+)$|(\w+)[\[({]+"?([^"\])}]+)"?[\])}]+', re.MULTILINE
)
_MESSAGE: Final = re.compile(r"^(\w+)\s*-{1,2}(?:>>|>|x|\))[+-]?\s*(\w+)\s*:\s*(.*)$")
_ARROW: Final = re.compile(r"^(\w+)[^-]*?\s*(?:--|-\.-|==)>\s*(?:\|([^|]*)\|)?\s*(\w+)")
_NOTE: Final = re.compile(r"^Note (?:over|left of|right of) ([\w, ]+):\s*(.*)$", re.IGNORECASE)
_FRAME: Final = re.compile(r"^(?:alt|else|opt|loop|par|and|rect)\b\s*(.*)$")
_KEPT: Final = ("text-anchor", "font-size")
_COLOURS: Final = ("fill", "stroke", "filter", "font-family", "name")
_LINE_BREAK: Final = re.compile(r"<br\s*/?>")


class Diagram(SphinxDirective):
    """The directive `mermaid`."""

    has_content = True

    def run(self) -> list[Node]:
        source = "\n".join(self.content)
        try:
            drawn = draw(source, f"diagram-{next(_numbers(self.env.temp_data))}")
        except ValueError as error:
            raise self.error(f"Mermaid cannot draw this: {error}") from error
        steps = "".join(f"<li>{escape(step)}</li>" for step in in_words(source))
        summary = _IN_WORDS.get(self.config.language, _IN_WORDS["en"])
        words = f"<details><summary>{summary}</summary><ol>{steps}</ol></details>"
        return [nodes.raw("", f'<figure class="diagram">{drawn}{words}</figure>', format="html")]


def _numbers(of_the_page: Any) -> count[int]:
    numbers: count[int] = of_the_page.setdefault("diagrams", count(1))
    return numbers


def draw(source: str, name: str) -> str:
    """An SVG element without colours. `name` begins its ids. Raises ValueError for what is no Mermaid."""
    drawing = mmdr.render(_PLAIN + source).svg().replace('"merman', f'"{name}').replace("#merman", f"#{name}")
    ET.register_namespace("", SVG)
    root = ET.fromstring(drawing)
    used = set(re.findall(r"url\(#([^)]+)\)", drawing))
    for parent in [*root.iter()]:
        for child in [*parent]:
            kind = child.tag.rpartition("}")[2]
            if kind in ("style", "symbol", "filter") or (kind == "marker" and child.get("id") not in used):
                parent.remove(child)
    for each in root.iter():
        _forget_colours(each)
        if each.get("marker-start", "").endswith("sequencenumber)"):
            _draw_number(each)
    root.attrib.pop("width", None)
    left, top, width, height = (float(part) for part in root.attrib["viewBox"].split())
    root.attrib.update(
        {"width": f"{width:.0f}", "height": f"{height:.0f}", "role": "img", "aria-label": title(source)}
    )
    root.set("viewBox", f"{left:.0f} {top:.0f} {width:.0f} {height:.0f}")
    return ET.tostring(root, encoding="unicode")


def _forget_colours(each: ET.Element) -> None:
    style = dict(part.split(":", 1) for part in each.attrib.pop("style", "").split(";") if ":" in part)
    each.attrib.update({name: style[name].strip() for name in _KEPT if name in style})
    for name in [*each.attrib]:
        if name in _COLOURS or name.startswith(("data-", "aria-")) or name.endswith("}space"):
            del each.attrib[name]


def _draw_number(line: ET.Element) -> None:
    """A marker of a line without width is as wide as the line: browsers draw nothing. So it becomes a circle."""
    line.tag = f"{{{SVG}}}circle"
    line.attrib = {"cx": line.attrib["x1"], "cy": line.attrib["y1"], "r": "9", "class": "numberCircle"}


def title(source: str) -> str:
    """Who takes part, for those who do not see the drawing."""
    named = _names(source)
    lines = [line.strip() for line in source.splitlines()]
    people = [line.split()[1] for line in lines if line.startswith(("participant ", "actor "))]
    return ", ".join(named.get(one, one) for one in people) or ", ".join(named.values())


def in_words(source: str) -> list[str]:
    """One sentence for each message, note, case and arrow, in order."""
    names = _names(source)

    def name(one: str) -> str:
        return names.get(one, one)

    said = []
    for line in (line.strip() for line in source.splitlines()):
        if message := _MESSAGE.match(line):
            said.append(f"{name(message[1])} → {name(message[2])}: {message[3]}")
        elif note := _NOTE.match(line):
            said.append(f"{', '.join(name(one.strip()) for one in note[1].split(','))}: {note[2]}")
        elif arrow := _ARROW.match(line):
            said.append(
                f"{name(arrow[1])} → {name(arrow[3])}" + (f": {arrow[2].strip()}" if arrow[2] else "")
            )
        elif (frame := _FRAME.match(line)) and frame[1]:
            said.append(f"[{frame[1]}]")
    return [_LINE_BREAK.sub(", ", step) for step in said]


def _names(source: str) -> dict[str, str]:
    """By the short names of the source."""
    found: dict[str, str] = {}
    for match in _NAMED.finditer("\n".join(line.strip() for line in source.splitlines())):
        short, shown = (match[1], match[2]) if match[1] else (match[3], match[4])
        found.setdefault(short, _LINE_BREAK.sub(", ", shown).strip())
    return found


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("mermaid", Diagram)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
