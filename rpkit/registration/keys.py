"""The signing keys of a client: it signs with the current key, publishes all keys, and rotates while it runs.

Spec: FAPI2-SP 5.4.2a, 6.8; OIDC 10.1.1; RFC 8705 2.2.2
Role: C
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fapikit.client_authentication import Credentials, PrivateKeyJWT
from fapikit.clock import Clock, RandomBytes
from fapikit.flow import Flow
from fapikit.io.tls_client_certificate import TlsClientCertificate
from fapikit.jose.encryption_keys import DecryptionKey
from fapikit.jose.key_ring import KeyRing
from fapikit.jose.signer import Signer
from fapikit.profiles import Profile


class ClientKeys:
    """A key ring that rotates. Before you rotate, publish `next` for as long as servers cache a key set."""

    def __init__(
        self,
        ring: KeyRing,
        *,
        decryption_keys: Sequence[DecryptionKey] = (),
        certificates: Sequence[TlsClientCertificate] = (),
    ) -> None:
        """`decryption_keys`: the keys that decrypt messages of servers. `jwks` publishes their public keys too.

        `certificates`: those of `self_signed_tls_client_auth`, published with `x5c`. Publish the next one before you
        replace the current one by it.
        """
        self._ring = ring
        self.decryption_keys = tuple(decryption_keys)
        self.certificates = tuple(certificates)

    @property
    def current(self) -> Signer:
        return self._ring.current

    @property
    def auth(self) -> ClientKeysJWT:
        """private_key_jwt with the current key."""
        return ClientKeysJWT(self)

    def rotate(self, upcoming: Signer) -> None:
        """The published `next` key becomes the current key. `upcoming` becomes the next one."""
        self._ring = self._ring.rotated(upcoming)

    def jwks(self) -> dict[str, Any]:
        """The key set to serve at the client's jwks_uri."""
        for_encryption = [dict(key.public_jwk) for key in self.decryption_keys]
        certified = {one.thumbprint: one.public_jwk for one in self.certificates}
        return {"keys": [*self._ring.jwks()["keys"], *for_encryption, *certified.values()]}

    def __repr__(self) -> str:
        return f"ClientKeys(current {self._ring.current.kid}, {len(self._ring.all())} published)"


class ClientKeysJWT:
    """private_key_jwt with keys that rotate. The header and the signature of one assertion use the same key."""

    method = "private_key_jwt"
    mtls = False

    def __init__(self, keys: ClientKeys) -> None:
        self.signer = keys

    def check(self, profile: Profile) -> None:
        PrivateKeyJWT(self.signer.current).check(profile)

    def credentials(
        self, *, client_id: str, audience: str, clock: Clock, random_bytes: RandomBytes
    ) -> Flow[Credentials]:
        return (
            yield from PrivateKeyJWT(self.signer.current).credentials(
                client_id=client_id, audience=audience, clock=clock, random_bytes=random_bytes
            )
        )


def signer_now(signer: Signer | ClientKeys) -> Signer:
    """The key for one signature. A rotation in the meantime does not change it."""
    return signer.current if isinstance(signer, ClientKeys) else signer
