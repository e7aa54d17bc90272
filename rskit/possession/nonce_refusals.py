"""How many proofs were refused for their nonce: metrics for the operator, and a warning where nonces go astray.

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
    """Counts since the server was made. Every client is refused for `none` once: so it learns the first nonce.

    `none`: the proof had no nonce. `too_old`: one of ours that has expired. `of_others`: one that no key of this
    process made; after a restart, or of another worker.
    """

    def __init__(self, resource: str) -> None:
        self.none = self.too_old = self.of_others = 0
        self._resource = resource
        # One step each, so that no thread counts what another has counted.
        self._none, self._too_old, self._of_others = count(1), count(1), count(1)

    @property
    def total(self) -> int:
        return self.none + self.too_old + self.of_others

    def count(self, error: NonceRequired) -> None:
        """Note one refusal. The hundredth nonce of others is worth a warning, and so is each tenfold of that."""
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
                "several workers or hosts answer without one nonces= key [RFC 9449 9]",
                self._resource,
                number,
            )

    def __repr__(self) -> str:
        return f"NonceRefusals(none={self.none}, too_old={self.too_old}, of_others={self.of_others})"
