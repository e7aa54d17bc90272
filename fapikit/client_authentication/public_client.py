"""none: a public client, which sends its client_id and no credentials.

Spec: RFC 6749 2.1, 3.2.1
Role: C
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fapikit.client_authentication.method import Credentials, check_method
from fapikit.clock import Clock, RandomBytes
from fapikit.flow import Flow
from fapikit.profiles import Profile


@dataclass(frozen=True, slots=True)
class PublicClient:
    """No authentication. FAPI 1 Advanced, FAPI-CIBA and FAPI 2 forbid such clients."""

    method: ClassVar = "none"
    mtls: ClassVar = False

    def check(self, profile: Profile) -> None:
        profile.require(
            profile.public_clients, "public clients are not allowed: use PrivateKeyJWT(key)", "public_clients"
        )
        check_method(self.method, profile)

    def credentials(
        self, *, client_id: str, audience: str, clock: Clock, random_bytes: RandomBytes
    ) -> Flow[Credentials]:
        del audience, clock, random_bytes
        return Credentials(parameters=(("client_id", client_id),))
        yield  # it makes this function a flow, without effects
