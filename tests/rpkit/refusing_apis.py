"""APIs that refuse for a while: hooks for the fake bank."""

from __future__ import annotations

from typing import Any

from tests.mothers.fake_bank import Seen


def refusing(times: int, *answer: Any) -> Any:
    """An API that refuses so many times, then serves."""
    left = [times]

    def refuse(_call: Seen) -> Any:
        left[0] -= 1
        return answer if left[0] >= 0 else None

    return refuse


def invalid_token(times: int = 1) -> Any:
    return refusing(times, 401, {"www-authenticate": 'DPoP error="invalid_token", algs="ES256"'}, {})
