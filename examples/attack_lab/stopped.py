"""What stopped an attack."""

from __future__ import annotations

from typing import NamedTuple, Self

from fapikit import FapiError


class Stopped(NamedTuple):
    """`rule`: the class of the error, or what came instead of one. `clause`: the rule that it names."""

    rule: str
    clause: str
    message: str

    @classmethod
    def by(cls, error: FapiError) -> Self:
        return cls(type(error).__name__, error.clause, error.message)

    @property
    def named(self) -> str:
        """Such as `Expired [RFC 9068 4-6]`."""
        return f"{self.rule} [{self.clause}]" if self.clause else self.rule
