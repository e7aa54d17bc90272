"""The key that the tokens of a login are bound to: a key made for this login, or the `dpop_signer` of the settings.

A key made for the login is kept sealed, first in the transaction and then in the token set. Of a `dpop_signer` only
the thumbprint is kept. With the thumbprint, a set that is opened later shows whether the signer is still the same.

Spec: RFC 9449 4.2a, 10; FAPI2-SP 6.3, 5.4.1-1.2; RFC 7638 3
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fapikit.jose.private_key import PrivateKey


@dataclass(frozen=True, slots=True)
class DPoPKey:
    """`jkt` is the thumbprint. `private` is the key itself, or None if the `dpop_signer` has it."""

    jkt: str
    private: PrivateKey | None = field(repr=False, compare=False)  # jkt is compared instead

    def to_json(self) -> dict[str, Any]:
        """The members of this key. They are secret if the private key is among them."""
        if self.private is None:
            return {"jkt": self.jkt}
        return {"jkt": self.jkt, "jwk": self.private.to_private_jwk()}

    @classmethod
    def from_json(cls, members: Mapping[str, Any] | None) -> DPoPKey | None:
        if members is None:
            return None
        jwk = members.get("jwk")
        return cls(members["jkt"], None if jwk is None else PrivateKey.from_jwk(jwk))
