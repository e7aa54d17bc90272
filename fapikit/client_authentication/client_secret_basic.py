"""client_secret_basic: id and secret, each form-encoded first, in the Authorization header.

Spec: RFC 6749 2.3.1; RFC 7617 2
Role: C, RS
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from urllib.parse import quote_plus

from fapikit.client_authentication.method import Credentials, as_secret, check_method
from fapikit.clock import Clock, RandomBytes
from fapikit.flow import Flow
from fapikit.profiles import Profile
from fapikit.secrets import Secret


@dataclass(frozen=True, slots=True)
class ClientSecretBasic:
    """Sign in with a shared secret in the header. OAuth 2.1 allows it; no FAPI profile does."""

    secret: Secret

    def __init__(self, secret: Secret | str) -> None:
        object.__setattr__(self, "secret", as_secret(secret))

    @property
    def method(self) -> str:
        return "client_secret_basic"

    @property
    def mtls(self) -> bool:
        return False

    def check(self, profile: Profile) -> None:
        check_method(self.method, profile)

    def credentials(
        self, *, client_id: str, issuer: str, clock: Clock, random_bytes: RandomBytes
    ) -> Flow[Credentials]:
        del issuer, clock, random_bytes
        # RFC 6749 2.3.1: a colon or a letter outside ASCII would otherwise mean something else on the other side.
        pair = f"{quote_plus(client_id)}:{quote_plus(self.secret.reveal())}"
        return Credentials(headers=(("authorization", f"Basic {b64encode(pair.encode('ascii')).decode()}"),))
        yield  # a flow that asks for nothing
