"""The parts of the configuration: users, APIs, TLS files.

Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from askit.config.claims_sources import ClaimsSource, check_claims_sources
from askit.config.verified_claims import check_verified_claims
from fapikit.errors import ConfigurationError
from fapikit.grant_management import SCOPES as GRANT_MANAGEMENT_SCOPES
from fapikit.jose.encryption import CONTENT_ENCRYPTION
from fapikit.jose.encryption_keys import KEY_MANAGEMENT
from fapikit.secrets import Secret
from fapikit.setting_types import check_text_settings
from fapikit.signals.event_types import MANAGE_SCOPE, READ_SCOPE

TokenFormat: TypeAlias = Literal["jwt", "opaque"]
Subject: TypeAlias = Literal["client", "user"]

DEFAULT_TOKEN_ENC: Final = "A256GCM"

IDENTITY_SCOPES: Final = ("openid", "profile", "email", "address", "phone", "offline_access")
"""The scopes of this server's own UserInfo. The pages have a text for each."""
CLIENT_SCOPES: Final = (*GRANT_MANAGEMENT_SCOPES.values(), READ_SCOPE, MANAGE_SCOPE)
"""The scopes of this server's own endpoints that a client uses for itself (client_credentials). No user grants them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """`client_ca`: the authorities of client certificates. `client_crl`: the certificates that they have revoked."""

    certificate: Path
    key: Path
    client_ca: Path | None = None
    client_crl: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user who can sign in. A `pin` reaches the second `acr` level. `sub`: the claim `sub`, else the user name.

    `user_code`: without this code no authentication request (CIBA) reaches the user.
    `verified_claims`: each an object with `verification` and `claims` (IDA-S 5.2). `claims_sources`: what other issuers
    say of the user.
    """

    username: str
    password: Secret
    pin: Secret | None = None
    user_code: Secret | None = None
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False)
    verified_claims: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    claims_sources: tuple[ClaimsSource, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        """Raises ConfigurationError."""
        check_text_settings(self)
        if "verified_claims" in self.claims:
            raise ConfigurationError(
                f"users ({self.username}): claims.verified_claims is no plain claim: give users.verified_claims",
                clause="IDA-S 5.2",
                facts={"setting": "users.claims.verified_claims"},
            )
        check_verified_claims(self.username, self.verified_claims)
        check_claims_sources(self.claims_sources, self.claims)

    @property
    def sub(self) -> str:
        return str(self.claims.get("sub", self.username))


@dataclass(frozen=True, slots=True)
class TokenEncryption:
    """The JWTs for an API are encrypted with the key that the client `client_id`, which is this API, publishes."""

    client_id: str
    alg: str
    enc: str = DEFAULT_TOKEN_ENC

    def __post_init__(self) -> None:
        """Raises ConfigurationError."""
        check_text_settings(self)
        for name, value, allowed in (
            ("alg", self.alg, KEY_MANAGEMENT),
            ("enc", self.enc, CONTENT_ENCRYPTION),
        ):
            if value not in allowed:
                raise ConfigurationError(
                    f"resources: encryption_{name} {value} is not allowed: use one of {', '.join(allowed)}",
                    clause="FAPI1-ADV 8.6.1-1",
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """An API. `introspection_clients`: the ids of the clients that may introspect its tokens.

    `subject`: whose `sub` its tokens have, as the client knows the user, or the user's own one. The two differ for a
    client with pairwise subjects.
    """

    uri: str
    token_format: TokenFormat = "jwt"
    scopes: tuple[str, ...] = ()
    introspection_clients: tuple[str, ...] = ()
    name: str = ""
    encryption: TokenEncryption | None = None
    subject: Subject = "client"

    def __post_init__(self) -> None:
        """Raises ConfigurationError."""
        check_text_settings(self)
