"""Published vectors: each one is run, and ends as its publisher says or as is listed here with the reason.

A further folder of vectors needs a function that makes `Vector`s of a document, and for each file an `Expected`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, NamedTuple

from fapikit.errors import FapiError

RFC = Path(__file__).parent / "rfc"
ACCEPTED = "accepted"


def rfc(*kinds: str) -> list[tuple[str, dict[str, Any]]]:
    """The vectors of these kinds in all files of `rfc/`, each with its name."""
    return [
        (f"{path.stem} {vector['section']}", vector)
        for path in sorted(RFC.glob("*.json"))
        for vector in read(path)
        if vector["kind"] in kinds
    ]


def read(path: Traversable) -> Any:
    return json.loads(path.read_text("utf-8"))


class Vector(NamedTuple):
    """`result` is what was published: valid, acceptable or invalid. `run` returns, or raises where it is refused."""

    id: int
    result: str
    flags: frozenset[str]
    run: Callable[[], object]


class Differs(NamedTuple):
    """Vectors that end otherwise than published: these ids, or those with this flag, or all with this result.

    Whether an acceptable vector is accepted is always said.
    """

    why: str
    outcome: str
    ids: frozenset[int] = frozenset()
    flag: str | None = None
    result: str = "valid"

    def covers(self, vector: Vector) -> bool:
        if vector.result != self.result:
            return False
        if self.ids:
            return vector.id in self.ids
        return self.flag is None or self.flag in vector.flags


@dataclass(frozen=True, slots=True)
class Expected:
    """`tally`: how many vectors of a file end how, by "result outcome". The first of `differs` to cover one holds."""

    tally: Mapping[str, int]
    differs: tuple[Differs, ...] = field(default=())


def outcome_of(run: Callable[[], object]) -> str:
    """`accepted`, or the name of the typed error. Anything else that is raised comes through."""
    try:
        run()
    except FapiError as error:
        return type(error).__name__
    return ACCEPTED


def check(vectors: Iterable[Vector], expected: Expected) -> None:
    """Raises AssertionError for a vector that ends otherwise, for an entry no longer needed, for another number."""
    wrong, tally = [], Counter[str]()
    unused = {differs: set(differs.ids) or {-1} for differs in expected.differs}
    for vector in vectors:
        outcome = outcome_of(vector.run)
        tally[f"{vector.result} {outcome}"] += 1
        listed = next((differs for differs in expected.differs if differs.covers(vector)), None)
        if listed is not None:
            unused[listed] -= {vector.id, -1}
        if not _as_said(vector.result, outcome, listed):
            wrong.append((vector.id, vector.result, outcome))
    assert not wrong, f"ends otherwise than published or listed: {wrong}"
    stale = [(differs.why, sorted(left)) for differs, left in unused.items() if left]
    assert not stale, f"listed, and no longer there: {stale}"
    assert tally == expected.tally, f"the numbers are {dict(tally)}"


def _as_said(result: str, outcome: str, listed: Differs | None) -> bool:
    if listed is not None:
        return outcome == listed.outcome
    return result == "valid" if outcome == ACCEPTED else result == "invalid"
