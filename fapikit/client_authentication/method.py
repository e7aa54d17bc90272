"""The interface of a client authentication method.

Spec: RFC 6749 2.3; FAPI2-SP 5.3.3.1-2
Role: C, RS
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from fapikit.clock import Clock, RandomBytes
from fapikit.errors import ConfigurationError, ForbiddenByProfile
from fapikit.flow import Flow
from fapikit.http_message import Headers
from fapikit.profiles import Profile
from fapikit.secrets import Concealed, Secret
from fapikit.setting_types import require_text


@dataclass(frozen=True, slots=True, init=False)
class Credentials:
    """The headers and form parameters that authenticate the client of one request. They are secret."""

    _headers: Concealed[Headers]
    _parameters: Concealed[tuple[tuple[str, str], ...]]

    def __init__(self, headers: Headers = (), parameters: tuple[tuple[str, str], ...] = ()) -> None:
        object.__setattr__(self, "_headers", Concealed(headers))
        object.__setattr__(self, "_parameters", Concealed(parameters))

    @property
    def headers(self) -> Headers:
        return self._headers.reveal()

    @property
    def parameters(self) -> tuple[tuple[str, str], ...]:
        return self._parameters.reveal()


class ClientAuthentication(Protocol):
    """One registered method. `mtls`: its calls use mutual TLS, so they go to the `mtls_endpoint_aliases`."""

    @property
    def method(self) -> str:
        """The registered name, as in `token_endpoint_auth_method`."""
        ...

    @property
    def mtls(self) -> bool: ...

    def check(self, profile: Profile) -> None:
        """Raise ForbiddenByProfile if the profile forbids this method or its algorithm."""
        ...

    def credentials(
        self, *, client_id: str, audience: str, clock: Clock, random_bytes: RandomBytes
    ) -> Flow[Credentials]:
        """New credentials for one request to any endpoint of one server.

        `audience`: the `aud` of an assertion. It is the issuer of the server, unless the server demands another one.
        """
        ...


def check_method(method: str, profile: Profile) -> None:
    """Raise ForbiddenByProfile unless the profile allows this method."""
    if method not in profile.client_authentication_methods:
        allowed = ", ".join(sorted(profile.client_authentication_methods))
        raise ForbiddenByProfile(
            f"{profile.name} does not allow {method}: use {allowed}",
            clause=profile.clause("client_authentication_methods"),
            facts={"profile": profile.name, "method": method},
        )


def as_secret(secret: Secret | str) -> Secret:
    """The client secret as `Secret`. Raises ConfigurationError if it is empty, or no text."""
    if not isinstance(secret, Secret):
        require_text("secret", secret)
    wrapped = secret if isinstance(secret, Secret) else Secret(secret)
    if not wrapped.reveal():
        raise ConfigurationError(
            "the client secret is empty: give the secret that is registered", clause="RFC 6749 2.3.1"
        )
    return wrapped
