"""The common part of client_secret_basic and client_secret_post: the request has the secret itself.

Spec: RFC 6749 2.3.1
Role: C, RS
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from fapikit.client_authentication.method import Credentials, as_secret, check_method
from fapikit.clock import Clock, RandomBytes
from fapikit.flow import Flow
from fapikit.profiles import Profile
from fapikit.secrets import Secret


@dataclass(frozen=True, slots=True)
class ClientSecret(ABC):
    """The base class of both methods. They differ only in the place of the secret in the request."""

    method: ClassVar[str]
    mtls: ClassVar = False

    secret: Secret

    def __init__(self, secret: Secret | str) -> None:
        """Raises ConfigurationError for an empty secret."""
        object.__setattr__(self, "secret", as_secret(secret))

    def check(self, profile: Profile) -> None:
        check_method(self.method, profile)

    def credentials(
        self, *, client_id: str, audience: str, clock: Clock, random_bytes: RandomBytes
    ) -> Flow[Credentials]:
        del audience, clock, random_bytes
        return self._shown(client_id)
        yield  # it makes this function a flow, without effects

    @abstractmethod
    def _shown(self, client_id: str) -> Credentials: ...
