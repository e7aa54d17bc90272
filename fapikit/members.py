"""The members of a peer's JSON document: strict about their values, tolerant about their JSON types.

Null, `""` and absent mean the same. A number may be a string, a list may be one string of words or the reverse, a flag
may be the string "true". A member that cannot be read is left out. But if a decision depends on it, the document is
refused. Every deviation is logged once, where it is read.

Spec: RFC 6749 5.1; RFC 7591 3.2.1; RFC 7662 2.2; RFC 8414 3.2; RFC 9728 3.2; RFC 8259 3
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from math import isfinite
from typing import Any, Final, cast

from fapikit.errors import MalformedMessage, MessageError
from fapikit.errors.base import on_one_line

LOG: Final = logging.getLogger("fapikit.peer")
"""Deviations of peers from the specifications, and how they were handled."""
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,9})?\Z")
_FLAGS: Final = {"true": True, "false": False}


class Members:
    """One document. `document`: its name in errors and log lines. `refusal`: the error for a broken member.

    Every method returns None for a member that is absent, null or `""`. If a member cannot be read, `decides=True`
    raises; otherwise the member is left out.
    """

    def __init__(
        self,
        members: Mapping[str, Any],
        *,
        document: str,
        clause: str,
        refusal: type[MessageError] = MalformedMessage,
    ) -> None:
        self._members = {name: value for name, value in members.items() if value is not None and value != ""}
        self._document = document
        self._clause = clause
        self._refusal = refusal
        self._borne: list[str] = []

    @property
    def present(self) -> dict[str, Any]:
        """The members that have a value, exactly as they came."""
        return dict(self._members)

    @property
    def borne(self) -> tuple[str, ...]:
        """The deviations that were tolerated, and the members that were left out: one line for each."""
        return tuple(self._borne)

    def text(self, name: str, *, decides: bool = False) -> str | None:
        """A string. An integer is accepted as its digits."""
        value = self._members.get(name)
        if type(value) is int:
            self.bear(name, "it is a number and is read as a string")
            return str(value)
        return value if value is None or isinstance(value, str) else self._odd(name, "a string", decides)

    def spaced(self, name: str, *, decides: bool = False) -> str | None:
        """A string of words with spaces between them. A list of strings is accepted instead."""
        value = self._members.get(name)
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            self.bear(name, "it is a list and is read as words with spaces between them")
            return " ".join(value) or None
        return value if value is None or isinstance(value, str) else self._odd(name, "a string", decides)

    def strings(self, name: str, *, decides: bool = False) -> tuple[str, ...] | None:
        """A list of strings. One string of words is accepted instead. Items without text are left out."""
        value = self._members.get(name)
        if isinstance(value, str):
            self.bear(name, "it is a string and is read as the list of its words")
            return tuple(value.split())
        if value is None or not isinstance(value, list):
            return None if value is None else self._odd(name, "a list of strings", decides)
        found = tuple(item for item in value if isinstance(item, str) and item)
        if decides and not all(isinstance(item, str) for item in value):
            self._odd(name, "a list of strings", decides)
        if len(found) < len(value):
            self.bear(name, "its items that are empty or not strings are left out")
        return found

    def number(self, name: str, *, decides: bool = False) -> float | None:
        """A finite number, as a JSON number or as a string."""
        value = self._members.get(name)
        if isinstance(value, str) and _NUMBER.match(value):
            self.bear(name, "it is a string and is read as a number")
            return float(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
            return float(value)
        return None if value is None else cast(None, self._odd(name, "a number", decides))

    def flag(self, name: str, *, decides: bool = False) -> bool | None:
        """true or false, as JSON or as a string."""
        value = self._members.get(name)
        if isinstance(value, str) and value.lower() in _FLAGS:
            self.bear(name, "it is a string and is read as true or false")
            return _FLAGS[value.lower()]
        return (
            value if value is None or isinstance(value, bool) else self._odd(name, "true or false", decides)
        )

    def object(self, name: str, *, decides: bool = False) -> Mapping[str, Any] | None:
        """A JSON object."""
        value = self._members.get(name)
        return value if value is None or isinstance(value, dict) else self._odd(name, "an object", decides)

    def bear(self, name: str, what: str) -> None:
        """Note and log a deviation that is tolerated."""
        self._note(logging.INFO, f"{name[:80]}: {what}")

    def leave_out(self, name: str, why: str) -> None:
        """Treat a member as absent; note and log that."""
        self._members.pop(name, None)
        self._note(logging.WARNING, f"{name[:80]} is left out: {why}")

    def refuse(self, name: str, why: str, *, clause: str | None = None) -> MessageError:
        """The error for a member that a decision depends on."""
        return self._refusal(
            f"{name[:80]} of {self._document} {why}",
            clause=clause or self._clause,
            facts={"member": name[:80]},
        )

    def _odd(self, name: str, expected: str, decides: bool) -> Any:
        if decides:
            raise self.refuse(name, f"is not {expected}")
        self.leave_out(name, f"it is not {expected}")
        return None

    def _note(self, level: int, line: str) -> None:
        self._borne.append(on_one_line(line))
        LOG.log(level, "%s: %s [%s]", self._document, on_one_line(line), self._clause)
