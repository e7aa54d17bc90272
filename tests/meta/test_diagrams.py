"""The drawings of the docs site: of every Mermaid block, without colours of their own, and with the same in words."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from tools.diagrams import SVG, draw, in_words, title

SEQUENCE = """sequenceDiagram
    participant Alice
    participant Bank as The bank
    Alice->>Bank: a request
    Note over Alice,Bank: they know each other
    alt she agrees
    Bank-->>Alice: a code
    else she does not
    Bank-->>Alice: an error
    end
"""
FLOW = """flowchart LR
    subgraph one["first"]
        a["part a<br/>small"] -->|asks| b
    end
    b --> c{"really?"}
    c -.-> a
"""


@pytest.mark.parametrize("source", [SEQUENCE, FLOW])
def test_a_drawing_has_names_and_no_colours(source: str) -> None:
    drawing = ET.fromstring(draw(source, "diagram-7"))
    assert (drawing.tag, drawing.get("role")) == (f"{{{SVG}}}svg", "img")
    assert drawing.get("aria-label")
    for each in drawing.iter():
        assert not {"fill", "stroke", "style"} & set(each.attrib), each.attrib
        assert each.tag.rpartition("}")[2] not in ("style", "script", "image", "foreignObject")
        assert each.get("id", "diagram-7").startswith(("diagram-7", "actor", "root")), each.attrib


def test_messages_are_numbered_where_the_source_asks_for_it() -> None:
    drawing = ET.fromstring(draw(SEQUENCE.replace("\n", "\n    autonumber\n", 1), "diagram-1"))
    classes = [each.get("class") for each in drawing.iter()]
    assert (classes.count("numberCircle"), classes.count("sequenceNumber")) == (3, 3)


def test_the_same_in_words() -> None:
    assert title(SEQUENCE) == "Alice, The bank"
    assert in_words(SEQUENCE) == [
        "Alice → The bank: a request",
        "Alice, The bank: they know each other",
        "[she agrees]",
        "The bank → Alice: a code",
        "[she does not]",
        "The bank → Alice: an error",
    ]
    assert in_words(FLOW) == ["part a, small → b: asks", "b → really?", "really? → part a, small"]


def test_a_mistake_is_told() -> None:
    with pytest.raises(ValueError, match="parse"):
        draw("sequenceDiagram\n Alice->>>Bank broken", "diagram-1")
