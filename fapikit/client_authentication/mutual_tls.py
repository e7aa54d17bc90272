"""What tls_client_auth and self_signed_tls_client_auth share: TLS proves who calls, and the form names the client.

The certificate itself is a matter of the connection: `HttpSettings(client_certificate=...)`.

Spec: RFC 8705 2a; FAPI1-BL 5.2.4-1
Role: C, RS
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fapikit.client_authentication.method import Credentials, check_method
from fapikit.clock import Clock, RandomBytes
from fapikit.flow import Flow
from fapikit.profiles import Profile


@dataclass(frozen=True, slots=True)
class MutualTls:
    """A method that differs from its sibling only in how the server believes the certificate."""

    method: ClassVar[str]
    mtls: ClassVar = True

    def check(self, profile: Profile) -> None:
        check_method(self.method, profile)

    def credentials(
        self, *, client_id: str, audience: str, clock: Clock, random_bytes: RandomBytes
    ) -> Flow[Credentials]:
        del audience, clock, random_bytes
        return Credentials(parameters=(("client_id", client_id),))
        yield  # a flow that asks for nothing
