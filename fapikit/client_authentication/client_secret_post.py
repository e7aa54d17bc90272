"""client_secret_post: id and secret as form parameters.

Spec: RFC 6749 2.3.1
Role: C, RS
"""

from __future__ import annotations

from dataclasses import dataclass

from fapikit.client_authentication.method import Credentials, as_secret, check_method
from fapikit.clock import Clock, RandomBytes
from fapikit.flow import Flow
from fapikit.profiles import Profile
from fapikit.secrets import Secret


@dataclass(frozen=True, slots=True)
class ClientSecretPost:
    """Sign in with a shared secret in the form. OAuth 2.1 allows it; no FAPI profile does."""

    secret: Secret

    def __init__(self, secret: Secret | str) -> None:
        object.__setattr__(self, "secret", as_secret(secret))

    @property
    def method(self) -> str:
        return "client_secret_post"

    @property
    def mtls(self) -> bool:
        return False

    def check(self, profile: Profile) -> None:
        check_method(self.method, profile)

    def credentials(
        self, *, client_id: str, issuer: str, clock: Clock, random_bytes: RandomBytes
    ) -> Flow[Credentials]:
        del issuer, clock, random_bytes
        return Credentials(parameters=(("client_id", client_id), ("client_secret", self.secret.reveal())))
        yield  # a flow that asks for nothing
