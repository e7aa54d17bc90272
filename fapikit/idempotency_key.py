"""The idempotency key of a request. It distinguishes a retry from a new request.

The header is a structured string in quotes. Many clients leave the quotes out; both forms are the same key.

Spec: Idempotency-Key 2.1
Role: C, RS, AS
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_KEY: Final = re.compile(r'"([!#-+\--:<-\[\]-~]{1,255})"|([!#-+\--:<-\[\]-~]{1,255})')
"""Printable ASCII without spaces, quotes, commas, semicolons and backslashes."""


RULE: Final = "must be one key of 1 to 255 visible ASCII characters without quotes, commas and semicolons"


def idempotency_key_of(values: Sequence[str]) -> str | None:
    """The key in the values of the header, without its quotes; None if they are not exactly one key (`RULE`)."""
    found = _KEY.fullmatch(values[0].strip(" \t")) if len(values) == 1 else None
    return None if found is None else found[1] or found[2]
