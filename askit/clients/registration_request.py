"""Reads the body of a registration: strict about values, tolerant about JSON types. What is registered is echoed.

Null, `""` and absent are the same. Words may be an array and the reverse, a flag and a number may be strings. A URI to
which codes or requests are sent must be written as it should be: the redirect and request URIs have to be an array.
Every deviation is logged. What cannot be read is left as it is, and `check_types` refuses it.

Spec: RFC 7591 2, 3.1; RFC 7592 2.2; RFC 8259 8.1
Role: AS
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from askit.clients.metadata import FLAGS, STRING_LISTS
from askit.errors import InvalidClientMetadata
from fapikit.json_body import parse_json_body
from fapikit.members import Members

_SECONDS: Final = re.compile(r"[0-9]{1,9}\Z")
_NEVER_WORDS: Final = frozenset({"redirect_uris", "request_uris", "post_logout_redirect_uris"})


def read_registration_request(body: bytes, content_type: str | None) -> dict[str, Any]:
    """The members that have a value. Raises InvalidClientMetadata if the body is not one JSON object."""
    try:
        asked, deviations = parse_json_body(body, content_type)
    except ValueError as error:
        raise InvalidClientMetadata("the body must be one JSON object") from error
    return read_members(asked, document="a registration request", clause="RFC 7591 2", deviations=deviations)


def read_members(
    said: Mapping[str, Any], *, document: str, clause: str, deviations: Iterable[str] = ()
) -> dict[str, Any]:
    """The members that have a value, in their registered JSON types where they can be read. `document`: for the log."""
    members = Members(said, document=document, clause=clause)
    for deviation in deviations:
        members.bear("the body", deviation)
    found = {name: _read(members, name, value) for name, value in members.present.items()}
    return {name: value for name, value in found.items() if value is not None}


def _read(members: Members, name: str, value: Any) -> Any:
    """The value in its registered JSON type; None if it says nothing; otherwise as it came."""
    match value:
        case str() if name in STRING_LISTS and name not in _NEVER_WORDS:
            return list(members.strings(name) or ()) or None
        case str() if name in FLAGS and value.lower() in ("true", "false"):
            return members.flag(name)
        case str() if name == "default_max_age" and _SECONDS.match(value):
            return int(members.number(name) or 0)
        case list() if name == "scope" and all(isinstance(item, str) for item in value):
            return members.spaced(name)
        case list() if name in STRING_LISTS and (None in value or "" in value):
            members.bear(name, "its items without a value are left out")
            return [item for item in value if item is not None and item != ""] or None
        case _:
            return value
