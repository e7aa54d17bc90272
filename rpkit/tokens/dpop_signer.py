"""The DPoP key of a new login, and the signer that belongs to a stored key.

Spec: RFC 9449 4.2a, 4.3-12, 5.1; FAPI2-SP 5.4.1-1.2; RFC 7638 3
Role: C
"""

from __future__ import annotations

from typing import Final

from fapikit.errors import ConfigurationError
from fapikit.jose.private_key import PrivateKey
from fapikit.jose.public_key import import_public_jwk
from fapikit.jose.signer import Signer
from rpkit.bank import Bank
from rpkit.tokens.dpop_key import DPoPKey

_PREFERENCE: Final = ("ES256", "EdDSA", "Ed25519", "PS256")


def new_dpop_key(bank: Bank) -> DPoPKey | None:
    """A key for a new login, or None if tokens are not bound by DPoP.

    Raises ConfigurationError if no `alg` is in both the metadata and the profile.
    """
    if bank.settings.sender_constraint != "dpop":
        return None
    signer = bank.settings.dpop_signer
    if signer is not None:
        return DPoPKey(thumbprint_of(signer), None)
    listed = bank.metadata.strings("dpop_signing_alg_values_supported") or _PREFERENCE
    for alg in _PREFERENCE:
        if alg in listed and alg in bank.profile.signing_algorithms:
            key = PrivateKey.generate(alg)
            return DPoPKey(key.thumbprint, key)
    raise ConfigurationError(
        f"the dpop_signing_alg_values_supported of {bank.issuer} has no algorithm that {bank.profile.name} allows:"
        " choose another profile or sender_constraint",
        clause="RFC 9449 5.1",
        facts={"listed": " ".join(listed)},
    )


def signer_for(bank: Bank, key: DPoPKey | None) -> Signer | None:
    """The signer for a stored key. Raises ConfigurationError if `dpop_signer` has another key now."""
    if key is None or key.private is not None:
        return None if key is None else key.private
    signer = bank.settings.dpop_signer
    if signer is None or thumbprint_of(signer) != key.jkt:
        raise ConfigurationError(
            "these tokens are bound to the key of another dpop_signer: set dpop_signer to the one with the thumbprint"
            f" {key.jkt}, or sign in again",
            clause="RFC 9449 4.3-12",
            facts={"jkt": key.jkt},
        )
    return signer


def thumbprint_of(signer: Signer) -> str:
    return import_public_jwk(signer.public_jwk).thumbprint
