"""Whom or what an event is about: subject identifiers, simple ones, aliases, and those of several parts.

A format that is not known here is kept as it came: the event is good, but nobody here knows whom it means.

Spec: RFC 9493 3, 3.2.1, 3.2.2, 3.2.3, 3.2.4, 3.2.5, 3.2.6, 3.2.7, 3.2.8; SSF 3.1, 3.2, 3.3, 3.4, 3.5, 3.6
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from fapikit.errors import MalformedClaim
from fapikit.jose.purposes import SECURITY_EVENT_TOKEN

FORMATS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "account": ("uri",),
        "did": ("url",),
        "email": ("email",),
        "iss_sub": ("iss", "sub"),
        "jwt_id": ("iss", "jti"),
        "opaque": ("id",),
        "phone_number": ("phone_number",),
        "saml_assertion_id": ("issuer", "assertion_id"),
        "uri": ("uri",),
    }
)
"""The simple formats, and the members that each must have."""
PARTS: Final = ("user", "device", "session", "application", "tenant", "org_unit", "group")
"""What a complex subject may consist of (SSF 3.3). All parts together name it."""
_MOST_ALIASES: Final = 20


@dataclass(frozen=True, slots=True)
class Subject:
    """One subject identifier.

    `members`: those of a simple format. `parts`: those of `complex` that SSF has, by their names; `unknown_parts`: the
    names of others. `aliases`: other names of the same subject. Its repr shows the format alone, because the rest is
    about a person.
    """

    format: str
    members: Mapping[str, str] = field(repr=False, default_factory=dict)
    parts: Mapping[str, Subject] = field(repr=False, default_factory=dict)
    aliases: tuple[Subject, ...] = field(repr=False, default=())
    unknown_parts: frozenset[str] = field(repr=False, default=frozenset())

    @property
    def names(self) -> Iterator[Subject]:
        """The simple identifiers of this one subject: itself, or each of its aliases."""
        if self.format == "aliases":
            yield from self.aliases
        else:
            yield self

    def opaque_id(self) -> str | None:
        return self.members.get("id") if self.format == "opaque" else None


def read_subject(value: object, *, about: str = "sub_id") -> Subject:
    """Read a subject identifier. `about`: where it stands. Raises MalformedClaim, which names the member."""
    if not isinstance(value, dict):
        raise _malformed(about, "is not an object")
    named = value.get("format")
    if not isinstance(named, str) or not named:
        raise _malformed(f"{about}.format", "is not a string with a format of RFC 9493")
    if named == "complex":
        unknown = frozenset(value) - {"format", *PARTS}
        return Subject("complex", parts=MappingProxyType(dict(_parts(value, about))), unknown_parts=unknown)
    if named == "aliases":
        return Subject("aliases", aliases=tuple(_aliases(value, about)))
    return _simple(named, value, about)


def _simple(named: str, value: Mapping[str, Any], about: str) -> Subject:
    for member in FORMATS.get(named, ()):
        if not isinstance(value.get(member), str) or not value[member]:
            raise _malformed(f"{about}.{member}", f"is not a string, and the format {named} needs one")
    known = FORMATS.get(named, ())
    return Subject(named, MappingProxyType({member: value[member] for member in known}))


def _parts(value: Mapping[str, Any], about: str) -> Iterator[tuple[str, Subject]]:
    found = False
    for part in PARTS:
        if part in value:
            found = True
            subject = read_subject(value[part], about=f"{about}.{part}")
            if subject.format in ("complex", "aliases"):
                raise _malformed(f"{about}.{part}.format", "is not that of a simple subject", "SSF 3.3")
            yield part, subject
    if not found and len(value) == 1:
        raise _malformed(about, f"is complex, and has no part such as {', '.join(PARTS)}", "SSF 3.3")


def _aliases(value: Mapping[str, Any], about: str) -> Iterator[Subject]:
    listed = value.get("identifiers")
    if not isinstance(listed, list) or not 0 < len(listed) <= _MOST_ALIASES:
        raise _malformed(
            f"{about}.identifiers", f"is not a list of 1 to {_MOST_ALIASES} subjects", "RFC 9493 3.2.8"
        )
    for number, each in enumerate(listed):
        subject = read_subject(each, about=f"{about}.identifiers[{number}]")
        if subject.format in ("aliases", "complex"):
            raise _malformed(f"{about}.identifiers[{number}]", "is no simple subject", "RFC 9493 3.2.8")
        yield subject


def _malformed(where: str, why: str, clause: str = "RFC 9493 3") -> MalformedClaim:
    return SECURITY_EVENT_TOKEN.fail(
        MalformedClaim, f"{where} of the security event token {why}", clause=clause, facts={"claim": where}
    )
