"""private_key_jwt: a short-lived assertion signed with the client's own key.

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
    """Sign in with a key whose public half is registered at the server. The key may live in a KMS."""

    method: ClassVar = "private_key_jwt"
    mtls: ClassVar = False

    signer: Signer

    def __post_init__(self) -> None:
        if not hasattr(self.signer, "public_jwk"):  # a key's text, say, which no repr may show
            raise ConfigurationError(
                "PrivateKeyJWT takes a PrivateKey, such as PrivateKey.from_pem(...), or another Signer",
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
