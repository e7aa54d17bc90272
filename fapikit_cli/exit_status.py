"""What the exit status of the command says.

Role: RP, RS, AS
"""

from __future__ import annotations

from enum import IntEnum
from typing import Self


class ExitStatus(IntEnum):
    """0: it worked. 1: it was refused, or a check failed. 2: wrong usage. 3: it could not be decided."""

    GOOD = 0
    REFUSED = 1
    USAGE = 2
    UNDECIDED = 3

    @classmethod
    def of_checks(cls, *, failed: bool, undecided: bool) -> Self:
        """The worst of several checks: a failed one counts more than one that could not be made."""
        return cls.REFUSED if failed else cls.UNDECIDED if undecided else cls.GOOD

    @property
    def word(self) -> str:
        """`good`, `refused`, `usage` or `undecided`."""
        return self.name.lower()
