"""The last DPoP nonce of each origin, taken from every response.

Spec: RFC 9449 8, 8.2, 9; FAPI2-SP 5.3.3.1-8
Role: C
"""

from __future__ import annotations

import re
from typing import Final

from fapikit.urls import origin_of

MAX_ORIGINS: Final = 100
MAX_NONCE: Final = 4096
"""In characters. RFC 9449 8.1 sets no maximum. Some servers encrypt their state into the nonce."""
_NONCE: Final = re.compile(rf"[\x21\x23-\x5b\x5d-\x7e]{{1,{MAX_NONCE}}}\Z")


class OriginNonces:
    """The last nonce of each origin, for the `MAX_ORIGINS` origins that answered last.

    Each step is one dict operation, so that threads need no lock.
    """

    def __init__(self) -> None:
        self._nonces: dict[str, str] = {}

    def get(self, url: str) -> str | None:
        return self._nonces.get(origin_of(url))

    def learn(self, url: str, values: list[str]) -> bool:
        """Keep the nonce of a response. False if the response has none, several or a malformed one."""
        if len(values) != 1 or not _NONCE.match(values[0]):
            return False
        origin = origin_of(url)
        self._nonces.pop(origin, None)  # so that it is the newest again
        self._nonces[origin] = values[0]
        for oldest in list(self._nonces)[:-MAX_ORIGINS]:
            self._nonces.pop(oldest, None)
        return True

    def __repr__(self) -> str:
        return f"OriginNonces({len(self._nonces)} origins)"
