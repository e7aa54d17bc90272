"""The Idempotency-Key of a request. It distinguishes a retry from a new request.

The header is a structured string in quotes. Many clients leave the quotes out; both forms are the same key.

Spec: Idempotency-Key 2.1, 2.2, 2.7
Role: RS
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from rskit.errors import UnusableIdempotencyKey

_KEY: Final = re.compile(r'"([!#-+\--:<-\[\]-~]{1,255})"|([!#-+\--:<-\[\]-~]{1,255})')
"""Printable ASCII without spaces, quotes, commas, semicolons and backslashes."""


def read_idempotency_key(header: str, values: Sequence[str]) -> str:
    """The key without its quotes. Raises UnusableIdempotencyKey."""
    if not values:
        raise UnusableIdempotencyKey(
            f"{header} is missing: send a key of its own for each payment, such as a UUID"
        )
    found = _KEY.fullmatch(values[0].strip(" \t"))
    if len(values) > 1 or found is None:
        raise UnusableIdempotencyKey(
            f"{header} must be one key of 1 to 255 visible ASCII characters without quotes, commas and semicolons"
        )
    return found[1] or found[2]
