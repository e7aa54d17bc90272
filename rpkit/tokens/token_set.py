"""The tokens of a login or of another grant: one access token per resource, one refresh token, one DPoP key.

Only a verified response becomes a `TokenSet`, and only a `TokenSet` can call an API.

Spec: RFC 8707 2.2; RFC 9396 7; RFC 9449 5; RFC 8705 3.1; RFC 6749 6; RFC 9700 4.9.3; FAPI1-ADV 8.8
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
"""In seconds. A token that expires sooner is no longer sent."""

_BRAND: Final = object()


@dataclass(frozen=True, slots=True)
class TokenKey:
    """The user, the issuer of the tokens and, if a user has several grants there, the resource of the grant."""

    user: str
    issuer: str
    resource: str | None = None

    @property
    def store_key(self) -> str:
        text = f"{self.user}\0{self.issuer}\0{self.resource or ''}"
        return f"rp:tokens:{hashlib.sha256(text.encode()).hexdigest()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """One access token. `expires_at` None: the server gave no `expires_in`. `resource` None: none was requested.

    `x5t_s256`: the `x5t#S256` of the client certificate that it is bound to, if it is bound to one.
    """

    value: Secret
    token_type: str
    expires_at: float | None
    scope: str
    authorization_details: tuple[Mapping[str, Any], ...] = field(repr=False)
    resource: str | None
    x5t_s256: str | None = None

    def fresh(self, now: float) -> bool:
        return self.expires_at is None or now < self.expires_at - EXPIRY_MARGIN


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSet:
    """The tokens of one login. `scope` and `authorization_details` are those that were granted at the login.

    `version` grows with each change. `grant` is the unique name of the login; only versions of one login are compared.
    `grant_id`: the server's name of the grant, if the login had a `grant_management_action`. It is no secret.
    `further_members`: the members of the token responses that no specification defines (`cdr_arrangement_id`, for
    example), each with its newest value. A duration among them counts from `received_at`, the time of the newest
    response.
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
    grant_id: str | None = None
    version: int = 1
    brand: object = field(repr=False, default=None)

    def __post_init__(self) -> None:
        if self.brand is not _BRAND:
            raise TypeError("a TokenSet is made by this package alone, from a verified token response")

    @property
    def issuer(self) -> str:
        return self.key.issuer

    def find(self, resource: str | None) -> AccessToken | None:
        """The token for a resource. For None: the token that was requested without a resource, or else the only one."""
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
                "the token set has no access token for this resource: refresh(resource=...) gets one",
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
        grant_id: str | None = None,
    ) -> TokenSet:
        """The next version: with `token` beside those of other resources. What the response left out stays."""
        others = tuple(other for other in self.access_tokens if other.resource != token.resource)
        return replace(
            self,
            access_tokens=(*others, token),
            refresh_token=refresh_token or self.refresh_token,
            further_members={**self.further_members, **further_members},
            received_at=received_at,
            grant_id=grant_id or self.grant_id,
            version=self.version + 1,
        )

    def with_refresh_token(self, refresh_token: Secret) -> TokenSet:
        """The next version, with the same access tokens."""
        return replace(self, refresh_token=refresh_token, version=self.version + 1)

    def under(self, key: TokenKey) -> TokenSet:
        return replace(self, key=key)

    @classmethod
    def kept_in(cls, error: FapiError) -> TokenSet | None:
        """The token set that an error carries, if the server had rotated the refresh token before the error."""
        return error.outcome if isinstance(error.outcome, cls) else None

    def to_bytes(self) -> bytes:
        """The octets to seal. They have secrets in clear."""
        # Absent members are left out. So a set that an older version stored gives the same octets again.
        further = {"further": dict(self.further_members)} if self.further_members else {}
        received = {} if self.received_at is None else {"received_at": self.received_at}
        named = {} if self.grant_id is None else {"grant_id": self.grant_id}
        return strict_json.dump(
            {
                **further,
                **received,
                **named,
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
                raise SealBroken("another version of rpkit wrote this token set: sign in again")
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
                grant_id=members.get("grant_id"),
                version=members["version"],
                brand=_BRAND,
            )
        except (ValueError, KeyError, TypeError) as error:
            raise SealBroken("these octets are not a token set: sign in again") from error

    def seal(self, seal: Seal) -> str:
        """The set as encrypted and authenticated text, for a session or a database."""
        return seal.seal_text(self.to_bytes(), SEAL_CONTEXT)

    @classmethod
    @forgets_locals
    def open(cls, sealed: str, seal: Seal) -> TokenSet:
        """Raises SealBroken."""
        return cls.from_bytes(seal.open_text(sealed, SEAL_CONTEXT))


def require_own(tokens: TokenSet, issuer: str, client_id: str) -> None:
    """Raises ForeignTransaction for tokens of another issuer or client; ConfigurationError for what is no token set."""
    if not isinstance(tokens, TokenSet):
        raise ConfigurationError(
            f"tokens is a {type(tokens).__name__}: give login.tokens, or the TokenSet of load_tokens(). If"
            " load_tokens() returns None, the user has no tokens and has to sign in"
        )
    if (tokens.issuer, tokens.client_id) != (issuer, client_id):
        raise ForeignTransaction(
            "these tokens belong to another client or server: use them with the client that got them",
            facts={"expected": issuer, "got": tokens.issuer},
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
    grant_id: str | None = None,
) -> TokenSet:
    """The first token set of a grant."""
    return TokenSet(
        key=key,
        grant=key.user,  # a random string: the application has not given its name of the user yet
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
        grant_id=grant_id,
        brand=_BRAND,
    )


def _token_to_json(token: AccessToken) -> dict[str, Any]:
    # Left out where there is none: a set that was stored before it was known is the same octets again.
    bound = {} if token.x5t_s256 is None else {"x5t#S256": token.x5t_s256}
    return {
        **bound,
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
        x5t_s256=members.get("x5t#S256"),
    )
