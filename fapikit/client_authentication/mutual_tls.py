"""The common part of tls_client_auth and self_signed_tls_client_auth: TLS authenticates, the form has the client_id.

The certificate is a setting of the connection: `HttpSettings(client_certificate=...)`.

Spec: RFC 8705 2a; FAPI1-BL 5.2.4-1
Role: C, RS
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fapikit.client_authentication.method import ClientAuthentication, Credentials, check_method
from fapikit.clock import Clock, RandomBytes
from fapikit.errors import ConfigurationError
from fapikit.flow import Flow
from fapikit.profiles import Profile


@dataclass(frozen=True, slots=True)
class MutualTls:
    """The base class of both methods. They differ only in how the server verifies the certificate."""

    method: ClassVar[str]
    mtls: ClassVar = True

    def check(self, profile: Profile) -> None:
        check_method(self.method, profile)

    def credentials(
        self, *, client_id: str, audience: str, clock: Clock, random_bytes: RandomBytes
    ) -> Flow[Credentials]:
        del audience, clock, random_bytes
        return Credentials(parameters=(("client_id", client_id),))
        yield  # it makes this function a flow, without effects


def require_certificate(auth: ClientAuthentication, *, may_show: bool) -> None:
    """Raises ConfigurationError for a method of mutual TLS where there is no certificate to show.

    `may_show`: as `HttpSettings.may_show_certificate` says.
    """
    if auth.mtls and not may_show:
        raise ConfigurationError(
            f"{auth.method} signs in with a client certificate, and none is given:"
            " set http=HttpSettings(client_certificate=...)",
            clause="RFC 8705 2a",
            facts={"setting": "client_certificate"},
        )
