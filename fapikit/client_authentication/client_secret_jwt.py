"""client_secret_jwt: an assertion with a MAC under the client secret. Only FAPI 1 Baseline and OAuth 2.1 allow it.

Spec: OIDC 9; RFC 7523 2.2; FAPI1-BL 5.2.2-3, 5.2.2-4, 5.2.4-4; FAPI1-BL 5.2.4-1
Role: C, RS
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from fapikit.client_authentication.assertion import assertion_credentials
from fapikit.client_authentication.method import Credentials, as_secret, check_method
from fapikit.clock import Clock, RandomBytes
from fapikit.flow import Flow
from fapikit.jose.shared_secret import SharedSecret
from fapikit.profiles import Profile
from fapikit.secrets import Secret


@dataclass(frozen=True, slots=True)
class ClientSecretJWT:
    """Sign in with HS256, HS384 or HS512. The secret has at least as many octets as the hash."""

    method: ClassVar = "client_secret_jwt"
    mtls: ClassVar = False

    _octets: int = field(repr=False)
    _signer: SharedSecret

    def __init__(self, secret: Secret | str, *, alg: str = "HS256") -> None:
        """Raises ForbiddenAlgorithm, or UnusableKey for a secret that is too short."""
        secret = as_secret(secret)
        object.__setattr__(self, "_octets", len(secret.reveal().encode()))
        object.__setattr__(self, "_signer", SharedSecret(secret, alg=alg))

    def check(self, profile: Profile) -> None:
        check_method(self.method, profile)
        profile.require(
            self._octets >= profile.symmetric_octets,
            f"the client secret is too short: use one of {profile.symmetric_octets} octets or more",
            "symmetric_octets",
        )

    def credentials(
        self, *, client_id: str, audience: str, clock: Clock, random_bytes: RandomBytes
    ) -> Flow[Credentials]:
        return (
            yield from assertion_credentials(
                self._signer, client_id=client_id, audience=audience, clock=clock, random_bytes=random_bytes
            )
        )
