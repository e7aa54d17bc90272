"""What a login (or a client's own grant) came to: one access token per resource, one refresh token, one binding key.

Only verified answers become a `TokenSet`, and only a `TokenSet` can call an API.

Spec: RFC 8707 2.2; RFC 9396 7; RFC 9449 5; RFC 6749 6; RFC 9700 4.9.3
Role: C
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from fapikit import strict_json
from fapikit.errors import ConfigurationError, FapiError, SealBroken
from fapikit.secrets import Secret
from fapikit.stores.sealed import Seal
from fapikit.tracebacks import forgets_locals
from rpkit.errors import ForeignTransaction, NoAccessToken
from rpkit.tokens.dpop_key import DPoPKey

SCHEMA: Final = 1
SEAL_CONTEXT: Final = "rpkit.tokens"
EXPIRY_MARGIN: Final = 5.0
"""A token this close to its end is not sent any more."""

_BRAND: Final = object()


@dataclass(frozen=True, slots=True)
class TokenKey:
    """Whose tokens, from which server and, where one user has several grants there, for which resource."""

    user: str
    issuer: str
    resource: str | None = None

    @property
    def store_key(self) -> str:
        text = f"{self.user}\0{self.issuer}\0{self.resource or ''}"
        return f"rp:tokens:{hashlib.sha256(text.encode()).hexdigest()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """One access token. `expires_at` None: the server did not say. `resource` None: none was named."""

    value: Secret
    token_type: str
    expires_at: float | None
    scope: str
    authorization_details: tuple[Mapping[str, Any], ...] = field(repr=False)
    resource: str | None

    def fresh(self, now: float) -> bool:
        return self.expires_at is None or now < self.expires_at - EXPIRY_MARGIN


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSet:
    """`scope` and `authorization_details` are as granted at the login. `version` grows with each change.

    `further_members`: what the server's token answers say beyond the specifications (`cdr_arrangement_id`, say), the
    newest of each; spans among them count from `received_at`, the time of the newest answer.
    `grant` is the login's own name: versions of two logins say nothing about each other.
    """

    key: TokenKey
    grant: str
    client_id: str
    subject: str | None
    access_tokens: tuple[AccessToken, ...]
    refresh_token: Secret | None
    scope: str
    authorization_details: tuple[Mapping[str, Any], ...] = field(repr=False)
    dpop: DPoPKey | None
    id_token_claims: Mapping[str, Any] = field(repr=False)
    further_members: Mapping[str, Any] = field(repr=False, default_factory=dict)
    received_at: float | None = None
    version: int = 1
    brand: object = field(repr=False, default=None)

    def __post_init__(self) -> None:
        if self.brand is not _BRAND:
            raise TypeError("a TokenSet comes from a verified answer of the token endpoint alone")

    @property
    def issuer(self) -> str:
        return self.key.issuer

    def find(self, resource: str | None) -> AccessToken | None:
        """The token for a resource; for None the one that was got without naming any, or else the only one."""
        for token in self.access_tokens:
            if token.resource == resource:
                return token
        if resource is None and len(self.access_tokens) == 1:
            return self.access_tokens[0]
        return None

    def has(self, resource: str | None) -> bool:
        return self.find(resource) is not None

    def access_token_for(self, resource: str | None) -> Secret:
        """Raises NoAccessToken."""
        token = self.find(resource)
        if token is None:
            raise NoAccessToken(
                "no access token for this resource is in the set",
                facts={"resource": resource or "", "have": " ".join(self.resources)},
            )
        return token.value

    @property
    def resources(self) -> tuple[str, ...]:
        return tuple(token.resource or "" for token in self.access_tokens)

    def with_token(
        self,
        token: AccessToken,
        *,
        refresh_token: Secret | None,
        further_members: Mapping[str, Any],
        received_at: float,
    ) -> TokenSet:
        """The next version: `token` beside those of other resources; what did not come anew stays as it was."""
        others = tuple(other for other in self.access_tokens if other.resource != token.resource)
        return replace(
            self,
            access_tokens=(*others, token),
            refresh_token=refresh_token or self.refresh_token,
            further_members={**self.further_members, **further_members},
            received_at=received_at,
            version=self.version + 1,
        )

    def with_refresh_token(self, refresh_token: Secret) -> TokenSet:
        """The next version, with the same access tokens."""
        return replace(self, refresh_token=refresh_token, version=self.version + 1)

    def under(self, key: TokenKey) -> TokenSet:
        return replace(self, key=key)

    @classmethod
    def kept_in(cls, error: FapiError) -> TokenSet | None:
        """The set that an error hands over: a refresh was refused, and the server had rotated the refresh token."""
        return error.outcome if isinstance(error.outcome, cls) else None

    def to_bytes(self) -> bytes:
        """For sealing: it holds secrets in clear."""
        # Left out where there are none: a set that was stored before they were known is the same octets again.
        further = {"further": dict(self.further_members)} if self.further_members else {}
        received = {} if self.received_at is None else {"received_at": self.received_at}
        return strict_json.dump(
            {
                **further,
                **received,
                "v": SCHEMA,
                "version": self.version,
                "key": [self.key.user, self.key.issuer, self.key.resource],
                "grant": self.grant,
                "client_id": self.client_id,
                "sub": self.subject,
                "tokens": [_token_to_json(token) for token in self.access_tokens],
                "refresh_token": None if self.refresh_token is None else self.refresh_token.reveal(),
                "scope": self.scope,
                "authorization_details": list(self.authorization_details),
                "dpop": None if self.dpop is None else self.dpop.to_json(),
                "id_token": dict(self.id_token_claims),
            }
        )

    @classmethod
    @forgets_locals
    def from_bytes(cls, octets: bytes) -> TokenSet:
        """Raises SealBroken for anything that `to_bytes` of this schema did not make."""
        try:
            members = strict_json.parse_object(octets)
            if members["v"] != SCHEMA:
                raise SealBroken("this token set was written by another version")
            return cls(
                key=TokenKey(*members["key"]),
                grant=members["grant"],
                client_id=members["client_id"],
                subject=members["sub"],
                access_tokens=tuple(_token_from_json(token) for token in members["tokens"]),
                refresh_token=None if members["refresh_token"] is None else Secret(members["refresh_token"]),
                scope=members["scope"],
                authorization_details=tuple(members["authorization_details"]),
                dpop=DPoPKey.from_json(members["dpop"]),
                id_token_claims=members["id_token"],
                further_members=members.get("further", {}),
                received_at=members.get("received_at"),
                version=members["version"],
                brand=_BRAND,
            )
        except (ValueError, KeyError, TypeError) as error:
            raise SealBroken("this is not a token set") from error

    def seal(self, seal: Seal) -> str:
        """Encrypted and authenticated, fit for a session or a database."""
        return seal.seal_text(self.to_bytes(), SEAL_CONTEXT)

    @classmethod
    @forgets_locals
    def open(cls, sealed: str, seal: Seal) -> TokenSet:
        """Raises SealBroken."""
        return cls.from_bytes(seal.open_text(sealed, SEAL_CONTEXT))


def require_own(tokens: TokenSet, issuer: str, client_id: str) -> None:
    """Before any of it is used by a client of `issuer`: it came from there.

    Raises ForeignTransaction; ConfigurationError for what is no token set.
    """
    if not isinstance(tokens, TokenSet):
        raise ConfigurationError(
            "tokens is a TokenSet: login.tokens, or what load_tokens() gave (None: that user has none, and signs in)"
        )
    if (tokens.issuer, tokens.client_id) != (issuer, client_id):
        raise ForeignTransaction(
            "these tokens are of another client or server", facts={"expected": issuer, "got": tokens.issuer}
        )


def first_token_set(
    token: AccessToken,
    *,
    key: TokenKey,
    client_id: str,
    subject: str | None,
    refresh_token: Secret | None,
    dpop: DPoPKey | None,
    id_token_claims: Mapping[str, Any],
    further_members: Mapping[str, Any],
    received_at: float,
) -> TokenSet:
    """The set that a verified grant begins with."""
    return TokenSet(
        key=key,
        grant=key.user,  # random at first: no application has named the user yet
        client_id=client_id,
        subject=subject,
        access_tokens=(token,),
        refresh_token=refresh_token,
        scope=token.scope,
        authorization_details=token.authorization_details,
        dpop=dpop,
        id_token_claims=id_token_claims,
        further_members=further_members,
        received_at=received_at,
        brand=_BRAND,
    )


def _token_to_json(token: AccessToken) -> dict[str, Any]:
    return {
        "value": token.value.reveal(),
        "type": token.token_type,
        "expires_at": token.expires_at,
        "scope": token.scope,
        "authorization_details": list(token.authorization_details),
        "resource": token.resource,
    }


def _token_from_json(members: Mapping[str, Any]) -> AccessToken:
    return AccessToken(
        value=Secret(members["value"]),
        token_type=members["type"],
        expires_at=members["expires_at"],
        scope=members["scope"],
        authorization_details=tuple(members["authorization_details"]),
        resource=members["resource"],
    )
