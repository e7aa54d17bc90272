"""What each error said when a test raised it, and how that is logged and answered today.

`make samples` keeps the samples. An error is made again of its sample, and log line and answer are made by the
functions that the roles use: a page shows what today's code sends.

Role: RP, RS, AS
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from fapikit.errors import FapiError, Remedy

SAMPLES: Final = Path(__file__).parent / "samples.json"
_LONG: Final = 160
"""A message of more characters has something long in it that a peer wrote."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One error as a test saw it. `shown`: where (`raised-by-rpkit`, `api`, `server-json`). `site`: what made it."""

    shown: str
    site: str
    test: str
    members: Mapping[str, Any]
    scheme: str = ""
    where: str = ""

    @property
    def message(self) -> str:
        return str(self.members["message"])


@cache
def _all() -> Mapping[str, tuple[Sample, ...]]:
    found = json.loads(SAMPLES.read_text("utf-8"))
    return MappingProxyType(
        {name: tuple(Sample(**sample) for sample in places.values()) for name, places in found.items()}
    )


def samples_of(kind: type[FapiError], said: str = "") -> list[Sample]:
    """The samples of an error, typical ones first: those whose message has the text `said`, then short ones."""
    found = _all().get(f"{kind.__module__}.{kind.__name__}", ())
    return sorted(found, key=lambda sample: order_of(sample, said))


def order_of(sample: Sample, said: str) -> tuple[bool, bool, str, str]:
    return said not in sample.message, len(sample.message) > _LONG, sample.site, sample.shown


def made_again(kind: type[FapiError], sample: Sample) -> FapiError:
    """The error of a sample, with its members, as unpickling makes it."""
    error = kind.__new__(kind, sample.message)
    FapiError.__init__(error, sample.message, facts=sample.members.get("facts", {}))
    for name, value in sample.members.items():
        if name not in ("message", "facts"):
            setattr(error, name, Remedy(value) if name == "remedy" else value)
    return error
