"""The JSON object in an HTTP body, whatever its media type, byte order mark and charset.

A body is not refused for its media type. Its octets decide whether it is one strict JSON object. JWTs are not read
here: their JSON must be exact UTF-8.

Spec: RFC 8259 8.1; RFC 9110 8.3
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Any, Final

from fapikit import strict_json

_MARKS: Final = (  # UTF-32 comes before UTF-16, because its marks begin with those of UTF-16
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_ONE_OCTET_CHARSETS: Final = frozenset({"iso8859-1", "iso8859-15", "cp1252"})


def parse_json_body(body: bytes, content_type: str | None) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """The object, and the deviations that were tolerated. Raises DuplicateName, NotStrictJson of `strict_json`."""
    for mark, charset in _MARKS:
        if body.startswith(mark):
            return _parsed(body[len(mark) :], charset), (f"it begins with a byte order mark ({charset})",)
    try:
        return strict_json.parse_object(body), ()
    except strict_json.NotStrictJson:
        labelled = _charset(content_type)
        if labelled is None or _is_utf8(body):
            raise
    return _parsed(body, labelled), (f"it is {labelled} and not UTF-8",)


def _parsed(body: bytes, charset: str) -> Mapping[str, Any]:
    try:
        text = body.decode(charset)
    except UnicodeDecodeError:
        text = ""
    return strict_json.parse_object(text)


def _charset(content_type: str | None) -> str | None:
    """The charset in Content-Type, if it is one that some servers use instead of UTF-8."""
    for parameter in (content_type or "").split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            try:
                found = codecs.lookup(value.strip().strip('"')).name
            except LookupError:
                return None
            return found if found in _ONE_OCTET_CHARSETS else None
    return None


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
