"""The key that a login's tokens are bound to: made for that login alone, or the one signer that was given.

A key of its own per login travels sealed, in the transaction and then in the token set. Of a given signer only the
thumbprint is kept, so that a set opened later finds it is still the same key.

Spec: RFC 9449 4.2a, 10; FAPI2-SP 6.3, 5.4.1-1.2; RFC 7638 3
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from fapikit.errors import ConfigurationError
from fapikit.jose.private_key import PrivateKey
from fapikit.jose.public_key import import_public_jwk
from fapikit.jose.signer import Signer

if TYPE_CHECKING:
    from rpkit.bank import Bank

_PREFERENCE: Final = ("ES256", "EdDSA", "Ed25519", "PS256")


@dataclass(frozen=True, slots=True)
class DPoPKey:
    """`jkt` is the thumbprint; `private` the key itself, None where a given signer keeps it."""

    jkt: str
    private: PrivateKey | None = field(repr=False, compare=False)  # jkt stands for it

    def to_json(self) -> dict[str, Any]:
        """Secret where the private key is in it."""
        if self.private is None:
            return {"jkt": self.jkt}
        return {"jkt": self.jkt, "jwk": self.private.to_private_jwk()}

    @classmethod
    def from_json(cls, members: Mapping[str, Any] | None) -> DPoPKey | None:
        if members is None:
            return None
        jwk = members.get("jwk")
        return cls(members["jkt"], None if jwk is None else PrivateKey.from_jwk(jwk))


def new_dpop_key(bank: Bank) -> DPoPKey | None:
    """A key for a new login, or None if tokens are not bound by DPoP.

    Raises ConfigurationError if no `alg` suits both.
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
        f"{bank.issuer} takes no DPoP algorithm that {bank.profile.name} allows",
        clause="RFC 9449 5.1",
        facts={"listed": " ".join(listed)},
    )


def signer_for(bank: Bank, key: DPoPKey | None) -> Signer | None:
    """The signer behind a stored key. Raises ConfigurationError if the given signer is another one by now."""
    if key is None or key.private is not None:
        return None if key is None else key.private
    signer = bank.settings.dpop_signer
    if signer is None or thumbprint_of(signer) != key.jkt:
        raise ConfigurationError(
            "these tokens are bound to a DPoP signer that this client does not have",
            clause="RFC 9449 4.3-12",
            facts={"jkt": key.jkt},
        )
    return signer


def thumbprint_of(signer: Signer) -> str:
    return import_public_jwk(signer.public_jwk).thumbprint
