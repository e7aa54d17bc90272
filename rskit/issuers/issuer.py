"""The configuration of an authorization server whose tokens are accepted. `trusted_issuer` is what is known of it.

Spec: RFC 9068 4 (RS-3 to RS-7)
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from fapikit.client_authentication import ClientAuthentication
from fapikit.client_authentication.assertion_audience import ISSUER
from fapikit.errors import ConfigurationError
from fapikit.jose.encryption import Decryption
from fapikit.jose.key_set import KeySet
from fapikit.jose.purposes import ACCESS_TOKEN
from fapikit.jwks import DEFAULT_LIMITS, KeyLimits
from fapikit.metadata import refuse_well_known
from fapikit.profiles import Profile
from fapikit.setting_types import check_text_settings
from fapikit.urls import require_secure
from rskit.issuers.status_lists import StatusLists

_NEVER_RELAXED: Final = frozenset({"iss", "exp", "aud"})


@dataclass(frozen=True, slots=True, kw_only=True)
class IntrospectionLimits:
    """Seconds that an answer is reused: `positive` for an active token, `negative` for an inactive one.

    A revocation is seen after `positive` seconds at the latest.
    """

    positive: float = 60.0
    negative: float = 10.0
    timeout: float = 5.0

    def __post_init__(self) -> None:
        if not (0 <= self.positive <= 300 and 0 <= self.negative <= 60 and 0 < self.timeout <= 30):
            raise ConfigurationError(
                "positive= must be 0 to 300 s, negative= 0 to 60 s, timeout= at most 30 s"
            )


@dataclass(frozen=True, slots=True)
class Introspection:
    """Introspect tokens at the authorization server. `client_id` and `auth` authenticate this resource server there.

    `local_jwts`: verify JWTs here; introspect only opaque tokens, and JWTs on routes with `fresh=True`. `opaque`:
    tokens that are no JWT go to this server; at most one issuer may have it. `aud_required`: False accepts an answer
    without `aud`. `signed`: require RFC 9701 answers even if the profile does not. `decryption`: the answers are
    registered as encrypted (RFC 9701 6), and these keys decrypt them; an answer that is not encrypted is refused.
    `assertion_audience`: whom client assertions are meant for where that is not the issuer: `token_endpoint`, or a name
    of the server's own.
    """

    client_id: str
    auth: ClientAuthentication = field(repr=False)
    local_jwts: bool = False
    opaque: bool = True
    aud_required: bool = True
    signed: bool = False
    limits: IntrospectionLimits = IntrospectionLimits()
    decryption: Decryption | None = field(default=None, repr=False)
    assertion_audience: str = field(default=ISSUER, kw_only=True)

    def __post_init__(self) -> None:
        if not hasattr(self.auth, "credentials"):
            raise ConfigurationError(
                "Introspection(client_id, auth): auth must be a method such as PrivateKeyJWT(key)"
            )
        check_text_settings(self)


@dataclass(frozen=True, slots=True)
class Issuer:
    """One trusted authorization server; `url` is its issuer identifier, compared code point for code point.

    Its keys come from its metadata, from `jwks_uri`, or from `keys`. `typ="any"` accepts older JWTs whose `typ` is
    absent or `JWT`. `required` may leave out claims other than iss, exp and aud. `scope_claim`: the claim with the
    scopes (several claims: their union). `client_claim`: the claim with the client id (`cid` or `appid` at some
    servers). `max_token_age` refuses tokens whose `iat` is older. `algorithms` narrows those of the profile.
    `key_limits`: how long fetched keys are used. `name` is its label in logs. `clear_tokens`: its JWTs may be
    unencrypted, although this API has `ResourceServer(decryption=...)` and other issuers encrypt for it. `profile`:
    that of the resource server with other quirks, for this issuer alone; or another one, whose rules about algorithms,
    binding and signed introspection then hold beside the server's, and loosen none.

    `status_lists`: read the status lists in which its JWTs have an entry, and refuse those that have ended early.

    `audience`: the value that this server writes for this API, if it is not `resource`: a GUID, `api://...`, a client
    id. The token must have one of them. `audience_claim`: the claim that has it, if not `aud`. `marked_by`: a claim and
    its value that only this server's access tokens have, such as ("token_use", "access"). The claims of an ID token
    (`nonce`, `at_hash`) are then allowed in an access token. `rskit.presets` has these settings for widely used
    servers.
    """

    url: str
    introspection: Introspection | None = None
    keys: KeySet | None = field(default=None, kw_only=True, repr=False)
    jwks_uri: str | None = field(default=None, kw_only=True)
    algorithms: frozenset[str] | None = field(default=None, kw_only=True)
    typ: Literal["at+jwt", "any"] = field(default="at+jwt", kw_only=True)
    required: tuple[str, ...] = field(default=ACCESS_TOKEN.required, kw_only=True)
    scope_claim: str | tuple[str, ...] = field(default="scope", kw_only=True)
    client_claim: str = field(default="client_id", kw_only=True)
    max_token_age: float | None = field(default=None, kw_only=True)
    key_limits: KeyLimits = field(default=DEFAULT_LIMITS, kw_only=True)
    audience: str | tuple[str, ...] = field(default=(), kw_only=True)
    audience_claim: str = field(default="aud", kw_only=True)
    marked_by: tuple[str, str] | None = field(default=None, kw_only=True)
    name: str | None = field(default=None, kw_only=True)
    clear_tokens: bool = field(default=False, kw_only=True)
    profile: Profile | str | None = field(default=None, kw_only=True)
    status_lists: StatusLists | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        check_text_settings(self)
        require_secure(self.url, "an issuer")
        refuse_well_known(self.url)
        if (
            self.status_lists is not None
            and self.introspection is not None
            and not self.introspection.local_jwts
        ):
            raise ConfigurationError(
                f"{self.url}: status_lists= is for JWTs that are verified here, and introspection= is asked about each "
                "of them: leave one of the two out, or set Introspection(local_jwts=True)",
                clause="TSL 8.3",
            )
        if not set(self.required) >= _NEVER_RELAXED:
            raise ConfigurationError("required= must contain iss, exp and aud", clause="RFC 9068 4")
        if self.algorithms is not None and not self.algorithms:
            raise ConfigurationError(f"{self.url}: algorithms= is empty; leave it out to use the profile's")
        if self.keys is not None and self.jwks_uri is not None:
            raise ConfigurationError(f"{self.url}: give keys= or jwks_uri=, not both")
        if self.keys is not None and self.key_limits != DEFAULT_LIMITS:
            raise ConfigurationError(
                f"{self.url}: key_limits= is for fetched keys, but keys= gives them: leave one of the two out"
            )
        if not all(self.audiences):
            raise ConfigurationError(
                f"{self.url}: audience= must be a string or several, none of them empty",
                clause="RFC 9068 4-4",
            )
        if self.audience_claim != "aud" and not self.audience:
            raise ConfigurationError(
                f"{self.url}: audience_claim = {self.audience_claim!r} needs audience=: the values that mean this API",
                clause="RFC 9068 4-4",
            )

    @property
    def audiences(self) -> tuple[str, ...]:
        return (self.audience,) if isinstance(self.audience, str) else tuple(self.audience)

    @property
    def claims(self) -> tuple[str, ...]:
        """The claims that a token must have. `max_token_age` adds `iat`."""
        named = {"client_id": self.client_claim, "aud": self.audience_claim}
        required = tuple(dict.fromkeys(named.get(name, name) for name in self.required))
        counts = self.max_token_age is not None and "iat" not in required
        return (*required, "iat") if counts else required

    @property
    def label(self) -> str:
        return self.name or self.url


Issuers: TypeAlias = Iterable[Issuer] | Callable[[str], Issuer | None]
"""Several issuers, or a function that returns the issuer for an `iss`. It is called on every request: no I/O."""
