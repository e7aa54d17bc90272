"""A valid access token, as the API's own code sees it. It is the same for JWTs and introspected tokens.

Spec: RFC 9068 2.2; RFC 7662 2.2; RFC 7800 3; RFC 8693 4.1b; RFC 9396 9; FAPI1-BL 6.2.1-6
Role: RS
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from rskit.policy.details_comparison import Budget, covering
from rskit.read_only import ReadOnlyDict

CLIENT_CLAIMS: Final = ("client_id", "azp", "appid", "cid")
"""The claims in which servers name the client: RFC 9068; OIDC, Keycloak and Google; Entra; Okta."""

SESSION_CLAIM: Final = "sid"
"""The claim in which servers name the sign-in session that a token came from (OIDC Front-Channel Logout 3)."""

TokenKind: TypeAlias = Literal["jwt", "introspected"]


class Confirmation(NamedTuple):
    """What the token is bound to: `jkt` is a DPoP key's thumbprint, `x5t` is a certificate's `x5t#S256`."""

    jkt: str | None = None
    x5t: str | None = None


class _Fields(NamedTuple):
    """What a token is made of. The garbage collector does not visit `members`, while a read-only view it would."""

    issuer: str
    subject: str | None
    client_id: str | None
    scopes: frozenset[str]
    audience: tuple[str, ...]
    authorization_details: tuple[Mapping[str, Any], ...]
    confirmation: Confirmation
    expires_at: float | None
    members: dict[str, Any]
    kind: TokenKind
    name: str


class Token(_Fields):
    """A verified access token. Everything in it is read-only; its repr and str show no claim values.

    Frameworks can use it as the authenticated user: it has `is_authenticated`, `display_name`, `identity`.

    `subject` is None only for introspected tokens whose server gives none. `client_id` comes from the claim in
    `Issuer.client_claim`, else from `azp`, `appid` or `cid`. `expires_at` is None if the server gave no end. `name` is
    a short hash of the token that is safe to log.
    """

    __slots__ = ()

    @property
    def claims(self) -> Mapping[str, Any]:
        """All claims, read-only."""
        return MappingProxyType(self.members)

    @property
    def scope(self) -> str:
        return " ".join(sorted(self.scopes))

    @property
    def is_authenticated(self) -> bool:
        """Always True, because only valid tokens become a Token."""
        return True

    @property
    def display_name(self) -> str:
        """The subject; the client if the token has no subject."""
        return self.subject or self.client_id or ""

    @property
    def identity(self) -> str:
        """`issuer#subject`, because a subject belongs to one issuer (OIDC 5.7).

        Raises LookupError without a subject.
        """
        if self.subject is None:
            raise LookupError("the token has no subject")
        return f"{self.issuer}#{self.subject}"

    @property
    def jti(self) -> str | None:
        return self._string("jti")

    @property
    def acr(self) -> str | None:
        """The authentication context class of the user's sign-in (RFC 9470 6)."""
        return self._string("acr")

    @property
    def auth_time(self) -> float | None:
        """When the user signed in (RFC 9470 6)."""
        value = self.members.get("auth_time")
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    @property
    def session_id(self) -> str | None:
        """The session at the server in which the token was granted, if the server says so in `sid`."""
        return self._string(SESSION_CLAIM)

    @property
    def issued_at(self) -> float | None:
        value = self.members.get("iat")
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    @property
    def actor(self) -> Mapping[str, Any] | None:
        """Who acts for the subject: the outermost `act`, with `sub` and perhaps `iss`. None: the subject itself acts.

        Earlier actors are left out, because no decision may depend on them (RFC 8693 4.1). A log finds them in
        `claims["act"]`.
        """
        act = self.members.get("act")
        return None if act is None else ReadOnlyDict({name: act[name] for name in act if name != "act"})

    def details(self, type_: str) -> tuple[Mapping[str, Any], ...]:
        """The granted authorization details of one type."""
        return tuple(detail for detail in self.authorization_details if detail["type"] == type_)

    def covering(self, needed: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
        """The granted details that allow what a request needs, each by itself.

        `details` answers another question: its first detail may be a consent to something else.
        """
        return covering(self.authorization_details, needed, Budget())

    def _string(self, name: str) -> str | None:
        value = self.members.get(name)
        return value if isinstance(value, str) else None

    def __repr__(self) -> str:
        return f"Token({self.name}, {self.kind} of {self.issuer})"
