"""One member at a time: the ways of writing it that are read, and what becomes of one that cannot be read."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from fapikit.errors import MalformedMessage, MessageError
from fapikit.members import Members

ABSENT: list[Any] = [None, ""]


def members(value: Any, **options: Any) -> Members:
    return Members({"m": value}, **{"document": "the answer", "clause": "RFC 1 1", **options})


# How it is read, the value, what comes of it, and whether that is worth a line in the log.
READ: list[tuple[str, Any, Any, bool]] = [
    ("text", "a", "a", False),
    ("text", 17, "17", True),
    ("text", 0, "0", True),
    ("spaced", "a b", "a b", False),
    ("spaced", ["a", "b"], "a b", True),
    ("spaced", [], None, True),
    ("strings", ["a", "b"], ("a", "b"), False),
    ("strings", [], (), False),
    ("strings", "a b", ("a", "b"), True),
    ("strings", ["a", 1, None, "b"], ("a", "b"), True),
    ("strings", ["", "a"], ("a",), True),
    ("strings", [1, 2], (), True),
    ("number", 3599, 3599.0, False),
    ("number", 3.5, 3.5, False),
    ("number", 0, 0.0, False),
    ("number", "3599", 3599.0, True),
    ("number", "-1", -1.0, True),
    ("number", "0.5", 0.5, True),
    ("flag", True, True, False),
    ("flag", False, False, False),
    ("flag", "true", True, True),
    ("flag", "False", False, True),
    ("object", {"a": 1}, {"a": 1}, False),
    ("object", {}, {}, False),
]


@pytest.mark.parametrize(("how", "value", "expected", "noted"), READ)
@pytest.mark.parametrize("decides", [False, True])
def test_is_read(how: str, value: Any, expected: Any, noted: bool, decides: bool) -> None:
    document = members(value)
    if decides and how == "strings" and not all(isinstance(item, str) for item in value):
        with pytest.raises(MalformedMessage):
            document.strings("m", decides=True)
        return
    found = getattr(document, how)("m", decides=decides)
    assert found == expected
    assert type(found) is type(expected)
    assert bool(document.borne) is noted


@pytest.mark.parametrize("how", ["text", "spaced", "strings", "number", "flag", "object"])
@pytest.mark.parametrize("decides", [False, True])
def test_null_empty_and_absent_are_one(how: str, decides: bool) -> None:
    for document in (members(None), members(""), Members({}, document="the answer", clause="RFC 1 1")):
        assert getattr(document, how)("m", decides=decides) is None
        assert not document.borne
        assert not document.present


ODD: list[tuple[str, Any]] = [
    ("text", True),
    ("text", 1.5),
    ("text", ["a"]),
    ("text", {}),
    ("spaced", 5),
    ("spaced", ["a", 1]),
    ("spaced", {}),
    ("strings", 5),
    ("strings", {"a": 1}),
    ("strings", True),
    ("number", True),
    ("number", "soon"),
    ("number", "1e9"),
    ("number", "0x10"),
    ("number", " 5"),
    ("number", "9" * 16),
    ("number", "5\n"),
    ("number", "٥"),  # five, in Arabic
    ("number", [5]),
    ("flag", 1),
    ("flag", "yes"),
    ("flag", "1"),
    ("flag", [True]),
    ("object", []),
    ("object", "{}"),
    ("object", 1),
]


@pytest.mark.parametrize(("how", "value"), ODD)
def test_one_that_cannot_be_read_is_left_out_and_said(
    how: str, value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    document = members(value)
    with caplog.at_level(logging.WARNING, "fapikit.peer"):
        assert getattr(document, how)("m") is None
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.message.startswith("the answer: m is left out: it is not ")
    assert document.borne == (record.message.removeprefix("the answer: ").removesuffix(" [RFC 1 1]"),)
    assert "m" not in document.present


@pytest.mark.parametrize(("how", "value"), ODD)
def test_one_on_which_a_decision_hangs_refuses_the_document(how: str, value: Any) -> None:
    class Broken(MessageError):
        pass

    with pytest.raises(Broken) as refused:
        getattr(members(value, refusal=Broken), how)("m", decides=True)
    assert str(refused.value).startswith("m of the answer is not ")
    assert refused.value.clause == "RFC 1 1"
    assert refused.value.facts["member"] == "m"


def test_a_name_that_a_peer_made_up_cannot_break_the_log(caplog: pytest.LogCaptureFixture) -> None:
    document = Members({"a\nb" + "x" * 200: 5}, document="the answer", clause="RFC 1 1")
    name = next(iter(document.present))
    document.leave_out(name, "odd")
    assert caplog.records[0].message.isprintable()
    assert len(caplog.records[0].message) < 150
