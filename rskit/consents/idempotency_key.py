"""The Idempotency-Key of a request that uses a consent. There must be one.

Spec: Idempotency-Key 2.1, 2.2, 2.7
Role: RS
"""

from __future__ import annotations

from collections.abc import Sequence

from fapikit.idempotency_key import RULE, idempotency_key_of
from rskit.errors import UnusableIdempotencyKey


def read_idempotency_key(header: str, values: Sequence[str]) -> str:
    """The key without its quotes. Raises UnusableIdempotencyKey."""
    if not values:
        raise UnusableIdempotencyKey(
            f"{header} is missing: send a key of its own for each payment, such as a UUID"
        )
    key = idempotency_key_of(values)
    if key is None:
        raise UnusableIdempotencyKey(f"{header} {RULE}")
    return key
