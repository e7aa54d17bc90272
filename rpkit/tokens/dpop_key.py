"""The key that a login's tokens are bound to: made for that login alone, or the one signer that was given.

A key of its own per login travels sealed, in the transaction and then in the token set. Of a given signer only the
thumbprint is kept, so that a set opened later finds it is still the same key.

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
