"""The members of a peer's JSON document: exact about what they say, forgiving about how they are written.

Null, `""` and absent are one. A number may come as text, a list as one text of words and the reverse, a flag as the
text "true". A member that cannot be read at all is left out of the document, unless a decision hangs on it: then the
document is refused. Whatever was borne with is logged once, where it was read.

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
"""What peers do otherwise than the specifications say, and what was made of it."""
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,9})?\Z")
_FLAGS: Final = {"true": True, "false": False}


class Members:
    """One document. `document` names it in errors and log lines; `refusal` is what a broken member raises.

    Every method gives None for a member that is absent, null or `""`. With `decides` it raises for one that cannot be
    read; without, it leaves that one out.
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
        """The members that say something, as they came."""
        return dict(self._members)

    @property
    def borne(self) -> tuple[str, ...]:
        """What was read although it is written otherwise, or left out because it cannot be read: a line for each."""
        return tuple(self._borne)

    def text(self, name: str, *, decides: bool = False) -> str | None:
        """A string; a whole number is taken as its digits."""
        value = self._members.get(name)
        if type(value) is int:
            self.bear(name, "a number is read as text")
            return str(value)
        return value if value is None or isinstance(value, str) else self._odd(name, "text", decides)

    def spaced(self, name: str, *, decides: bool = False) -> str | None:
        """A string of words with spaces between; a list of strings is taken as that."""
        value = self._members.get(name)
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            self.bear(name, "a list is read as text with spaces between")
            return " ".join(value) or None
        return value if value is None or isinstance(value, str) else self._odd(name, "text", decides)

    def strings(self, name: str, *, decides: bool = False) -> tuple[str, ...] | None:
        """A list of strings; one text of words is taken as that, and items that are no strings are left out."""
        value = self._members.get(name)
        if isinstance(value, str):
            self.bear(name, "text is read as a list of its words")
            return tuple(value.split())
        if value is None or not isinstance(value, list):
            return None if value is None else self._odd(name, "a list of strings", decides)
        found = tuple(item for item in value if isinstance(item, str))
        if len(found) < len(value):
            if decides:
                self._odd(name, "a list of strings", decides)
            self.bear(name, "items that are no strings are left out")
        return found

    def number(self, name: str, *, decides: bool = False) -> float | None:
        """A finite number, as JSON writes it or as text."""
        value = self._members.get(name)
        if isinstance(value, str) and _NUMBER.match(value):
            self.bear(name, "text is read as a number")
            return float(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
            return float(value)
        return None if value is None else cast(None, self._odd(name, "a number", decides))

    def flag(self, name: str, *, decides: bool = False) -> bool | None:
        """true or false, as JSON writes it or as text."""
        value = self._members.get(name)
        if isinstance(value, str) and value.lower() in _FLAGS:
            self.bear(name, "text is read as true or false")
            return _FLAGS[value.lower()]
        return (
            value if value is None or isinstance(value, bool) else self._odd(name, "true or false", decides)
        )

    def object(self, name: str, *, decides: bool = False) -> Mapping[str, Any] | None:
        """A JSON object."""
        value = self._members.get(name)
        return value if value is None or isinstance(value, dict) else self._odd(name, "an object", decides)

    def bear(self, name: str, what: str) -> None:
        """Note what is borne with about a member."""
        self._note(logging.INFO, f"{name[:80]}: {what}")

    def leave_out(self, name: str, why: str) -> None:
        """Take a member for absent."""
        self._members.pop(name, None)
        self._note(logging.WARNING, f"{name[:80]} is left out: {why}")

    def refuse(self, name: str, why: str, *, clause: str | None = None) -> MessageError:
        """The error for a member on which a decision hangs."""
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
