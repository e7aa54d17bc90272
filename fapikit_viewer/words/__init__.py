"""One sentence and one clause for each name of the protocols, and whether its value is a secret.

The `.toml` files here have one line for each name: `name = ["sentence", "clause"]`. A third word, `"secret"`, says that
whoever holds the value could use it. A name without a line is unknown: see `masking` for what happens to its value.

Role: RP, RS, AS
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias

Place: TypeAlias = Literal["parameters", "headers", "claims", "jose", "metadata", "codes", "messages"]
"""Where a name stands: in a form, a query or a JSON body; among header fields; in a JWT's payload or header; in
metadata. An error code and a kind of message are names too."""

_HERE: Final = Path(__file__).parent
_ELSEWHERE: Final[Mapping[Place, tuple[Place, ...]]] = {
    "parameters": ("claims", "metadata", "jose"),
    "claims": ("parameters", "jose", "metadata"),
    "metadata": ("parameters",),
    "jose": ("claims",),
}
"""A name that a place does not know has the meaning that it has there: a request object has parameters as claims."""


_OF_VALUES: Final[tuple[Place, ...]] = ("parameters", "claims", "jose", "metadata")


class Word(NamedTuple):
    """What a name means, by which clause, and whether its value is a secret."""

    said: str
    clause: str
    secret: bool = False


UNKNOWN: Final = Word("", "")


def look_up(place: Place, name: str) -> Word | None:
    """The word for a name, or None if nobody here knows it."""
    if place == "headers":
        return words_of(place).get(name.lower())
    for candidate in (place, *_ELSEWHERE.get(place, ())):
        found = words_of(candidate).get(name)
        if found is not None:
            return found
    return None


def is_secret(name: str) -> bool:
    """Whether any place calls the value of this name a secret."""
    return name in _secret_names()


@cache
def words_of(place: Place) -> Mapping[str, Word]:
    """Every word of one place."""
    lines = tomllib.loads((_HERE / f"{place}.toml").read_text("utf-8"))
    return {name: Word(said, clause, bool(rest)) for name, (said, clause, *rest) in lines.items()}


def all_names() -> frozenset[str]:
    """Every name that a value can have in a form, in JSON or in a JWT."""
    return frozenset(name for place in _OF_VALUES for name in words_of(place))


@cache
def _secret_names() -> frozenset[str]:
    return frozenset(name for place in _OF_VALUES for name, word in words_of(place).items() if word.secret)
