"""The parts of the configuration: users, APIs, TLS files.

Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from fapikit.secrets import Secret

TokenFormat: TypeAlias = Literal["jwt", "opaque"]

IDENTITY_SCOPES: Final = ("openid", "profile", "email", "address", "phone", "offline_access")
"""The scopes of this server's own UserInfo. The pages have a text for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """`client_ca`: the authorities of client certificates. `client_crl`: the certificates that they have revoked."""

    certificate: Path
    key: Path
    client_ca: Path | None = None
    client_crl: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user who can sign in. A `pin` reaches the second `acr` level. `sub`: the claim `sub`, else the user name."""

    username: str
    password: Secret
    pin: Secret | None = None
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def sub(self) -> str:
        return str(self.claims.get("sub", self.username))


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """An API. `introspection_clients`: the ids of the clients that may introspect its tokens."""

    uri: str
    token_format: TokenFormat = "jwt"
    scopes: tuple[str, ...] = ()
    introspection_clients: tuple[str, ...] = ()
    name: str = ""
