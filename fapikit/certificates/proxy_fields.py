"""Header fields that a proxy sets. From any other sender they are ignored. From the proxy, ambiguous ones are refused.

Spec: RFC 9440 4; RFC 8705 6.5
Role: AS, RS
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import product
from typing import Final, TypeAlias

from fapikit.certificates.trust import ProxyTrust
from fapikit.errors import ConfigurationError, FapiError

MAX_OCTETS: Final = 16 * 1024
"""The limit for one field value. Cloudflare has the largest, with 16 KiB of certificate."""

Field: TypeAlias = tuple[str, str] | tuple[bytes, bytes]
"""A name in lower case and a value, as the server has them: text, or octets."""


class ProxyFields:
    """The fields of one `ProxyTrust`. `names`: all names to look for, in lower case, also with underscores."""

    def __init__(self, first: str, *others: str, trust: ProxyTrust, refused: type[FapiError]) -> None:
        """`refused`: the error for an ambiguous field. Raises ConfigurationError."""
        plain = frozenset((first, *others))
        self._first = first
        for name in sorted(plain):
            if "_" in name:
                raise ConfigurationError(
                    "the header name has an underscore, which some servers change: use hyphens",
                    clause="RFC 9440 4",
                    facts={"header": name},
                )
        self._trust = trust
        self._refused = refused
        self.shown = plain
        """The names that the application may see if the proxy sent them."""
        self._underscored = frozenset[str]().union(*map(with_underscores, plain))
        self.secret = frozenset({trust.secret[0]} if trust.secret else ())
        """The name of the secret field. The application never sees it, whoever sent it."""
        self.names = plain | self._underscored | self.secret
        self._secret_names = frozenset(spelled for name in self.secret for spelled in (name, name.encode()))

    def of_proxy(self, sent: Collection[Field], peer: str | None) -> tuple[Field, ...] | None:
        """The fields, without the secret, if the proxy sent them; else None.

        `peer`: the address of the sender, None for a unix socket.
        """
        trust = self._trust
        if not trust.is_near(peer):
            return None
        if trust.secret is None:
            return tuple(sent)
        told: list[Field] = []
        others: list[Field] = []
        for field in sent:
            (told if field[0] in self._secret_names else others).append(field)
        if len(told) != 1 or not trust.secret[1].matches(_text(told[0][1])):
            return None
        return tuple(others)

    def read(self, of_proxy: Iterable[Field], *, joined: bool) -> dict[str, str]:
        """The value of each field, by its name. Raises `refused`.

        `joined`: the server turns `_` into `-`, so a name with underscores cannot be recognised.
        """
        fields: dict[str, list[str]] = {}
        for name, value in of_proxy:
            fields.setdefault(_text(name).lower(), []).append(_text(value))
        if not joined and not self._underscored.isdisjoint(fields):
            raise self.refusal("a field of this name came with underscores instead of hyphens", self._first)
        return {name: self._one(name, values) for name, values in fields.items()}

    def _one(self, name: str, values: list[str]) -> str:
        if len(values) > 1:
            raise self.refusal("the field is there more than once", name)
        if len(values[0]) > MAX_OCTETS:
            raise self.refusal(f"the value is longer than {MAX_OCTETS} octets", name)
        return values[0]

    def refusal(self, message: str, header: str) -> FapiError:
        return self._refused(f"{header}: {message}", facts={"header": header})


def with_underscores(name: str) -> frozenset[str]:
    """The other names that some servers take for this one: an underscore instead of one hyphen, or of several."""
    first, *parts = name.split("-")
    spellings = product("-_", repeat=len(parts))
    every = ("".join([first, *map("".join, zip(spelling, parts, strict=True))]) for spelling in spellings)
    return frozenset(every) - {name}


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else str(value, "latin-1")
