"""What the exit status of the command says.

Role: RP, RS, AS
"""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """0: it worked. 1: it was refused, or a check failed. 2: wrong usage. 3: it could not be decided."""

    GOOD = 0
    REFUSED = 1
    USAGE = 2
    UNDECIDED = 3
