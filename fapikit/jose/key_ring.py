"""The signing keys of one party: the current key, the next key, which may be published already, and retired keys.

Spec: FAPI2-SP 5.4.2a, 5.4.2-3, 6.8; OIDC 10.1.1
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fapikit.errors import ConfigurationError
from fapikit.jose.signer import Signer


@dataclass(frozen=True, slots=True)
class KeyRing:
    """`current` signs. All keys are published, so that verifiers know the next key before it signs.

    Retired keys stay published until everything that they signed has expired.
    """

    current: Signer
    next: Signer | None = None
    retired: tuple[Signer, ...] = ()

    def __post_init__(self) -> None:
        kids = [signer.kid for signer in self.all()]
        if len(set(kids)) != len(kids):
            raise ConfigurationError(
                "two keys of the ring have the same kid: give each its own", clause="RFC 7517 4.5"
            )
        material = [
            tuple(signer.public_jwk.get(name) for name in ("kty", "n", "x", "y")) for signer in self.all()
        ]
        if len(set(material)) != len(material):
            raise ConfigurationError(
                "the same key is in the ring twice: a key has one algorithm, so give it once",
                clause="RFC 8725 3.1",
            )

    def all(self) -> tuple[Signer, ...]:
        return (self.current, *((self.next,) if self.next else ()), *self.retired)

    def jwks(self) -> dict[str, Any]:
        """The public JWK Set."""
        return {"keys": [dict(signer.public_jwk) for signer in self.all()]}

    def rotated(self, upcoming: Signer) -> KeyRing:
        """The ring after a rotation: `next` (without one, `upcoming`) is current, and the old current is retired."""
        if self.next is None:
            return KeyRing(upcoming, None, (self.current, *self.retired))
        return KeyRing(self.next, upcoming, (self.current, *self.retired))
