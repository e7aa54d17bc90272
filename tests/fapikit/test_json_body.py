"""JSON bodies as servers really send them: what is read all the same, and what is refused whatever its label."""

from __future__ import annotations

import codecs
import logging

import pytest

from fapikit.errors import MalformedMessage
from fapikit.http_message import HttpResponse, read_json_object
from fapikit.json_body import parse_json_body
from fapikit.strict_json import DuplicateName, NotStrictJson

TEXT = '{"name":"Müller"}'
MEMBERS = {"name": "Müller"}
JSON = "application/json"

READ: dict[str, tuple[bytes, str | None, int]] = {  # body, label, lines about it
    "as it should be": (TEXT.encode(), JSON, 0),
    "without a label": (TEXT.encode(), None, 0),
    "labelled as text": (TEXT.encode(), "text/plain; charset=utf-8", 0),
    "labelled as a page": (TEXT.encode(), "text/html", 0),
    "labelled UTF-8 in capitals and quotes": (TEXT.encode(), 'application/json; Charset="UTF-8"', 0),
    "labelled Latin-1 and UTF-8 all the same": (TEXT.encode(), f"{JSON}; charset=iso-8859-1", 0),
    "with a UTF-8 mark": (codecs.BOM_UTF8 + TEXT.encode(), JSON, 1),
    "UTF-16 with its mark": (TEXT.encode("utf-16"), JSON, 1),
    "UTF-16, the other way round": (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), JSON, 1),
    "UTF-32 with its mark": (TEXT.encode("utf-32"), JSON, 1),
    "Latin-1, as its label says": (TEXT.encode("latin-1"), f"{JSON}; charset=ISO-8859-1", 1),
    "Windows-1252, as its label says": (TEXT.encode("cp1252"), f"{JSON};charset=windows-1252", 1),
}


@pytest.mark.spec("RFC 8259 8.1")
@pytest.mark.parametrize("what", READ)
def test_is_read(what: str) -> None:
    body, label, lines = READ[what]
    members, borne = parse_json_body(body, label)
    assert members == MEMBERS
    assert len(borne) == lines


REFUSED: dict[str, tuple[bytes, str | None, type[ValueError]]] = {
    "Latin-1 without a label": (TEXT.encode("latin-1"), JSON, NotStrictJson),
    "Latin-1 labelled UTF-8": (TEXT.encode("latin-1"), f"{JSON}; charset=utf-8", NotStrictJson),
    "a charset nobody knows": (TEXT.encode("latin-1"), f"{JSON}; charset=klingon", NotStrictJson),
    "a charset in which ASCII is something else": (
        TEXT.encode("latin-1"),
        f"{JSON}; charset=utf-7",
        NotStrictJson,
    ),
    "UTF-16 that breaks off": (TEXT.encode("utf-16")[:-1], JSON, NotStrictJson),
    "two marks": (codecs.BOM_UTF8 * 2 + TEXT.encode(), JSON, NotStrictJson),
    "a page labelled JSON": (b"<!doctype html>", JSON, NotStrictJson),
    "a page in Latin-1": ("<p>é</p>".encode("latin-1"), "text/html; charset=iso-8859-1", NotStrictJson),
    "a member twice behind a mark": (codecs.BOM_UTF8 + b'{"a":1,"a":2}', JSON, DuplicateName),
    "a member twice in Latin-1": (
        '{"é":1,"é":2}'.encode("latin-1"),
        f"{JSON}; charset=latin1",
        DuplicateName,
    ),
    "a list": (b"[{}]", JSON, NotStrictJson),
    "nothing": (b"", JSON, NotStrictJson),
    "a mark and nothing": (codecs.BOM_UTF8, JSON, NotStrictJson),
}


@pytest.mark.parametrize("what", REFUSED)
def test_is_refused(what: str) -> None:
    body, label, error = REFUSED[what]
    with pytest.raises(error):
        parse_json_body(body, label)


def answer(body: bytes, status: int = 200, **headers: str) -> HttpResponse:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return HttpResponse(status, named, body, "https://as.example/token?x=1")


def test_what_was_borne_is_in_the_log_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "fapikit.peer"):
        assert read_json_object(answer(codecs.BOM_UTF8 + b"{}", 201), clause="RFC 1 1") == {}
    assert [record.message for record in caplog.records] == [
        "https://as.example/token: status 201 instead of 200 [RFC 1 1]",
        "https://as.example/token: it begins with a byte order mark (utf-8) [RFC 1 1]",
    ]
    caplog.clear()
    with caplog.at_level(logging.INFO, "fapikit.peer"):
        read_json_object(answer(b"{}"), clause="RFC 1 1")
    assert not caplog.records


@pytest.mark.parametrize("status", [200, 201, 202, 203, 206, 299])
def test_every_success_is_one(status: int) -> None:
    assert read_json_object(answer(b'{"a":1}', status), clause="RFC 1 1") == {"a": 1}


def test_an_answer_that_cannot_be_read_is_handed_over_in_the_error() -> None:
    given = answer(b"<html>", 201)
    with pytest.raises(MalformedMessage) as refused:
        read_json_object(given, clause="RFC 1 1")
    assert refused.value.outcome is given
    assert "html" not in repr(refused.value.outcome)


def test_a_packed_body_that_nobody_unpacked_is_named() -> None:
    with pytest.raises(MalformedMessage, match=r"compressed \(br\) without being asked"):
        read_json_object(answer(b"\x0b\x02\x80", content_encoding="br"), clause="RFC 1 1")
