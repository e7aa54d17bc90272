"""Which algorithm a key signs with, where the parameter `alg`, the key and the allowed algorithms must agree.

Spec: RFC 9421 3.2, 3.3, 3.3.7, 6.2.2; FAPI2-SP 5.4.1-1.2
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

from fapikit.errors.http_signature import WrongSignatureAlgorithm
from fapikit.jose.public_key import PublicKey

_REGISTERED: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "ecdsa-p256-sha256": frozenset({"ES256"}),
        "ecdsa-p384-sha384": frozenset({"ES384"}),
        "ed25519": frozenset({"Ed25519", "EdDSA"}),
        "rsa-pss-sha512": frozenset({"PS512"}),
        "rsa-v1_5-sha256": frozenset({"RS256"}),
    }
)
"""The names of RFC 9421 6.2.2 with those that JOSE has for the same. PS256 has no name there."""


def algorithm_of(key: PublicKey, alg: str | None, allowed: Collection[str]) -> str:
    """The JOSE name of the one algorithm. Raises WrongSignatureAlgorithm."""
    fitting = {name for name in allowed if key.supports(name)}
    if alg is not None:
        fitting &= _REGISTERED.get(alg, frozenset())
    if len(fitting) > 1 and fitting <= _REGISTERED["ed25519"]:  # two names of one algorithm
        return "Ed25519"
    if len(fitting) != 1:
        said = "the signature has no alg" if alg is None else f"alg is {alg[:40]}"
        raise WrongSignatureAlgorithm(
            f"the algorithm of the signature is not certain: {said}, the key is {key.described}, and allowed are "
            f"{', '.join(sorted(allowed))}",
            facts={"parameter": "alg", "alg": "none" if alg is None else alg},
        )
    return fitting.pop()
