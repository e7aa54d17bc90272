"""How many proofs were refused because of their nonce: metrics, and a warning when nonces come from elsewhere.

Spec: RFC 9449 8, 9
Role: RS
"""

from __future__ import annotations

from itertools import count
from typing import Final

from fapikit.errors import NonceRequired
from rskit.answers.trace import LOGGER

_WORTH_A_WARNING: Final = frozenset(10**power for power in range(2, 10))


class NonceRefusals:
    """Counts since the server was made. Every client is refused once for `none`, because so it gets its first nonce.

    `none`: the proof had no nonce. `too_old`: our nonce has expired. `of_others`: no key of this process made the
    nonce; it comes from before a restart, or from another worker.
    """

    def __init__(self, resource: str) -> None:
        self.none = self.too_old = self.of_others = 0
        self._resource = resource
        # Each counter is one atomic step, so threads do not lose counts.
        self._none, self._too_old, self._of_others = count(1), count(1), count(1)

    @property
    def total(self) -> int:
        return self.none + self.too_old + self.of_others

    def count(self, error: NonceRequired) -> None:
        """Count one refusal. The 100th, 1000th, 10000th ... nonce of others is logged as a warning."""
        sent = error.facts["sent"]
        if sent == "none":
            self.none = next(self._none)
            return
        if sent == "too old":
            self.too_old = next(self._too_old)
            return
        self.of_others = number = next(self._of_others)
        if number in _WORTH_A_WARNING:
            LOGGER.warning(
                "%s: %d proofs came with nonces that this process did not make. Unless it has just been restarted, "
                "several workers or hosts answer: set one nonces= key for all of them [RFC 9449 9]",
                self._resource,
                number,
            )

    def __repr__(self) -> str:
        return f"NonceRefusals(none={self.none}, too_old={self.too_old}, of_others={self.of_others})"
