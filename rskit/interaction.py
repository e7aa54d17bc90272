"""The interaction id that ties a client's log to the API's: the client's UUID, or a new one.

Spec: FAPI1-BL 6.2.1-11, 6.2.1-12
Role: RS
"""

from __future__ import annotations

import re
from typing import Final

from fapikit.clock import RandomBytes

_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")


def interaction_id(received: str | None, random_bytes: RandomBytes) -> str:
    """What came, if it is a UUID: anything else is not echoed, and a new one (version 4) takes its place."""
    if received is not None and _UUID.fullmatch(received):
        return received
    digits = random_bytes(16).hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
