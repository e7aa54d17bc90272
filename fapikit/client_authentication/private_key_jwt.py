"""private_key_jwt: a short-lived assertion that the client signs with its private key.

Spec: RFC 7523 2.2; OIDC 9; FAPI2-SP 5.3.3.1-2, 5.4.1-1.2; FAPI1-BL 5.2.4-1
Role: C, RS
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fapikit.client_authentication.assertion import assertion_credentials
from fapikit.client_authentication.method import Credentials, check_method
from fapikit.clock import Clock, RandomBytes
from fapikit.errors import ConfigurationError
from fapikit.flow import Flow
from fapikit.jose.signer import Signer
from fapikit.profiles import Profile


@dataclass(frozen=True, slots=True)
class PrivateKeyJWT:
    """Sign in with a private key. Its public key is registered at the server. The key may be in a KMS."""

    method: ClassVar = "private_key_jwt"
    mtls: ClassVar = False

    signer: Signer

    def __post_init__(self) -> None:
        if not hasattr(self.signer, "public_jwk"):  # it may be the text of a key: never show it
            raise ConfigurationError(
                "the argument of PrivateKeyJWT is not a key: give a PrivateKey, such as PrivateKey.from_pem(...), or"
                " another Signer",
                clause="RFC 7523 2.2",
            )

    def check(self, profile: Profile) -> None:
        check_method(self.method, profile)
        profile.require_algorithm(self.signer.alg, "a client assertion")

    def credentials(
        self, *, client_id: str, audience: str, clock: Clock, random_bytes: RandomBytes
    ) -> Flow[Credentials]:
        return (
            yield from assertion_credentials(
                self.signer, client_id=client_id, audience=audience, clock=clock, random_bytes=random_bytes
            )
        )
