"""An access token that passed: what the API's own code may see of it, the same for JWT and introspection.

Spec: RFC 9068 2.2; RFC 7662 2.2; RFC 7800 3; RFC 9396 9; FAPI1-BL 6.2.1-6
Role: RS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from rskit.policy.details_comparison import Budget, covering

CLIENT_CLAIMS: Final = ("client_id", "azp", "appid", "cid")
"""Where servers name the client: RFC 9068; OIDC, Keycloak and Google; Entra; Okta."""

TokenKind: TypeAlias = Literal["jwt", "introspected"]


class Confirmation(NamedTuple):
    """What the token is bound to: `jkt` a DPoP key's thumbprint, `x5t` a certificate's `x5t#S256`."""

    jkt: str | None = None
    x5t: str | None = None


class Token(NamedTuple):
    """A verified access token. Everything in it is read-only; its repr and str show no claim values.

    It is also what frameworks call an authenticated user: `is_authenticated`, `display_name`, `identity`.

    `subject` is None only for introspected tokens whose server tells none. `client_id` is what `Issuer.client_claim`
    holds, else `azp`, `appid` or `cid`. `expires_at` None means that the server gave no end. `name` is a log-safe short
    hash of the token.
    """

    issuer: str
    subject: str | None
    client_id: str | None
    scopes: frozenset[str]
    audience: tuple[str, ...]
    authorization_details: tuple[Mapping[str, Any], ...]
    confirmation: Confirmation
    expires_at: float | None
    claims: Mapping[str, Any]
    kind: TokenKind
    name: str

    @property
    def scope(self) -> str:
        return " ".join(sorted(self.scopes))

    @property
    def is_authenticated(self) -> bool:
        """True: what does not hold never becomes a Token."""
        return True

    @property
    def display_name(self) -> str:
        """The subject, or the client where the server names none."""
        return self.subject or self.client_id or ""

    @property
    def identity(self) -> str:
        """`issuer#subject`, since a subject is one issuer's own (OIDC 5.7). Raises LookupError where none is named."""
        if self.subject is None:
            raise LookupError("the token names no subject")
        return f"{self.issuer}#{self.subject}"

    @property
    def jti(self) -> str | None:
        return self._string("jti")

    @property
    def acr(self) -> str | None:
        """How strongly the user signed in (RFC 9470 6)."""
        return self._string("acr")

    @property
    def auth_time(self) -> float | None:
        """When the user signed in (RFC 9470 6)."""
        value = self.claims.get("auth_time")
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def details(self, type_: str) -> tuple[Mapping[str, Any], ...]:
        """The granted authorization details of one type."""
        return tuple(detail for detail in self.authorization_details if detail["type"] == type_)

    def covering(self, needed: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
        """The granted details of which each allows what a request needs.

        `details` is another question: the first of its type may be a consent to something else.
        """
        return covering(self.authorization_details, needed, Budget())

    def _string(self, name: str) -> str | None:
        value = self.claims.get(name)
        return value if isinstance(value, str) else None

    def __repr__(self) -> str:
        return f"Token({self.name}, {self.kind} of {self.issuer})"
