"""The checks of settings that every kind of signed message has.

Spec: UK-JWS 1; BR-JWT 2; FAPI2-SP 5.4.1-1.1
Role: C, RS
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from fapikit.errors import ConfigurationError
from fapikit.jose.algorithms import ALGORITHMS
from fapikit.jose.signer import Signer

PS256: Final = frozenset({"PS256"})
"""The one algorithm of both schemes."""


def check_algorithms(setting: str, signer: Signer, algorithms: Collection[str], *, clause: str) -> None:
    """The signer signs with an allowed algorithm. Raises ConfigurationError, which names the setting."""
    if isinstance(algorithms, str) or not algorithms or not set(algorithms) <= ALGORITHMS.keys():
        raise ConfigurationError(
            f"{setting}(algorithms=): give the allowed algorithms as a collection, such as ('PS256',)",
            clause=clause,
        )
    if not isinstance(signer, Signer):
        raise ConfigurationError(
            f"{setting}(signer=): give a key that signs, such as a PrivateKey", clause=clause
        )
    if signer.alg not in algorithms:
        raise ConfigurationError(
            f"{setting}(signer=): its key signs with {signer.alg}, and algorithms= has {' '.join(sorted(algorithms))}",
            clause=clause,
        )
