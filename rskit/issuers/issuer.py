"""The authorization servers whose tokens are accepted: their configuration, and what this process has fetched of them.

Spec: RFC 9068 4; RFC 8414 3; FAPI2-SP 5.3.3.1-11 (RS-3 to RS-7)
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from fapikit.client_authentication import ClientAuthentication
from fapikit.client_authentication.assertion_audience import ISSUER, check_assertion_audience
from fapikit.clock import Clock
from fapikit.errors import ConfigurationError, FapiError, TransportError
from fapikit.flow import Flow, shared
from fapikit.jose.algorithms import Verify
from fapikit.jose.encryption import Decryption
from fapikit.jose.key_set import KeySet
from fapikit.jose.purposes import ACCESS_TOKEN, Purpose
from fapikit.jwks import DEFAULT_LIMITS, KeyLimits, RemoteKeySet
from fapikit.metadata import ServerMetadata, discover
from fapikit.profiles import Profile, profile_of
from fapikit.urls import require_secure
from rskit.errors import IssuerUnusable
from rskit.issuers.cool_down import CoolDown
from rskit.possession.confirmation import PossessionRules

METADATA_LIFETIME: Final = 3600.0
METADATA_DEADLINE: Final = 12.0
_MAX_HEADERS: Final = 64
OF_ID_TOKENS: Final = frozenset({"nonce", "at_hash", "c_hash"})
"""Claims that show that a JWT is an ID token and no access token."""
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
        if not hasattr(self.auth, "credentials") or not isinstance(self.client_id, str):
            raise ConfigurationError(
                "Introspection(client_id, auth): auth must be a method such as PrivateKeyJWT(key)"
            )


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

    def __post_init__(self) -> None:
        require_secure(self.url, "an issuer")
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


class KnownHeader(NamedTuple):
    """What is known about a JWS header segment after a signature with it was valid: its algorithm and possible keys."""

    verify: Verify
    keys: KeySet


class ServerRules(NamedTuple):
    """What the server holds all its issuers' tokens to. `encrypted`: their JWTs are encrypted for this API."""

    profile: Profile
    possession: PossessionRules
    clock: Clock
    encrypted: bool = False


class TrustedIssuer:
    """An issuer with what this process knows of it: metadata, keys, and header segments of valid signatures."""

    def __init__(self, config: Issuer, server: ServerRules) -> None:
        """Raises ConfigurationError."""
        self.config = config
        clock = server.clock
        self.profile = profile = _profile_for(config, server.profile)
        self.possession = _possession_for(config, profile, server)
        self.encrypted = server.encrypted and not config.clear_tokens
        """Whether a JWT of it in the clear is a downgrade (RFC 9068 4-2)."""
        self.algorithms = profile.signing_algorithms if config.algorithms is None else config.algorithms
        for alg in sorted(self.algorithms):
            profile.require_algorithm(alg, f"an access token of {config.label}")
        if config.introspection is not None:
            config.introspection.auth.check(profile)
            check_assertion_audience(config.introspection.assertion_audience, profile)
        self.purpose: Purpose = replace(
            ACCESS_TOKEN,
            typ_required=config.typ != "any",
            required=config.claims,
            forbidden=ACCESS_TOKEN.forbidden - (OF_ID_TOKENS if config.marked_by else frozenset()),
        )
        # Whether the fast check of claims in `tokens/jwt.py` covers all requirements for this issuer's tokens.
        self.plain = (
            config.max_token_age is None
            and set(config.claims) <= set(ACCESS_TOKEN.required)
            and not config.audience
            and config.marked_by is None
        )
        asking = config.introspection
        self.asked_first = asking is not None and not asking.local_jwts
        """Whether its JWTs are introspected instead of verified here."""
        self.proven = False
        """Whether a token of it was valid here. Anybody can name an issuer in a token, but cannot sign for it."""
        self._clock = clock
        self._remote = self._keys_at(config.jwks_uri) if config.jwks_uri else None
        self._metadata: ServerMetadata | None = None
        self._metadata_until = float("-inf")
        self._discovering = CoolDown(clock)
        self.introspecting = CoolDown(clock)
        """For tokens that were never valid here. Tokens that have passed before have a pause of their own."""
        self.introspecting_known = CoolDown(clock, others=self.introspecting)
        self.headers: dict[str, KnownHeader] = {}

    def purpose_of(self, claims: Mapping[str, Any]) -> Purpose:
        """The rules that these claims must satisfy.

        Keycloak up to version 24 wrote `nonce` into access tokens, together with `typ` Bearer.
        """
        if self.config.typ == "any" and claims.get("typ") == "Bearer" and "nonce" in claims:
            return replace(self.purpose, forbidden=self.purpose.forbidden - {"nonce"})
        return self.purpose

    def keys_at_hand(self, now: float) -> KeySet | None:
        """The keys, if nothing has to be fetched: they are neither stale nor due for an early refresh."""
        if self.config.keys is not None:
            return self.config.keys
        return None if self._remote is None else self._remote.at_hand(now)

    def remember_header(self, segment: str, known: KnownHeader) -> None:
        """Called only after a valid signature, so that nobody else can fill it."""
        if len(self.headers) >= _MAX_HEADERS:
            self.headers = {}
        self.headers[segment] = known
        self.proven = True

    def key_source(self) -> Flow[KeySet | RemoteKeySet]:
        """Where its keys are found. Raises TransportError if that cannot be found out now."""
        if self.config.keys is not None:
            return self.config.keys
        if self.config.jwks_uri is None:
            metadata = yield from self.metadata()
            uri = self._require(metadata, "jwks_uri")
            if self._remote is None or self._remote.uri != uri:
                self._remote = self._keys_at(uri)
        if self._remote is None:  # pragma: no cover - set above or at construction
            raise IssuerUnusable(f"{self.config.label} has no keys")
        return self._remote

    def metadata(self) -> Flow[ServerMetadata]:
        """Its metadata, at most an hour old; older if it cannot be fetched. Raises TransportError."""
        now = self._clock()
        if self._metadata is not None and now < self._metadata_until:
            return self._metadata
        try:
            self._discovering.require()
            return (
                yield from shared(
                    ("rs-metadata", self.config.url), self._fetch_metadata, deadline=METADATA_DEADLINE
                )
            )
        except TransportError:
            if self._metadata is not None:
                return self._metadata
            raise

    def warm(self) -> Flow[None]:
        """Fetch what the first token will need. Raises TransportError."""
        if self.asked_first:
            yield from self.metadata()
        else:
            source = yield from self.key_source()
            if isinstance(source, RemoteKeySet):
                yield from source.load()

    def _fetch_metadata(self) -> Flow[ServerMetadata]:
        try:
            metadata = yield from discover(self.config.url)
        except FapiError as error:
            failure = error if isinstance(error, TransportError) else _unusable(self.config, error)
            self._discovering.failed(failure)
            raise failure from error
        self._discovering.answered()
        self._metadata, self._metadata_until = metadata, self._clock() + METADATA_LIFETIME
        return metadata

    def _keys_at(self, uri: str) -> RemoteKeySet:
        return RemoteKeySet(uri, clock=self._clock, limits=self.config.key_limits)

    def _require(self, metadata: ServerMetadata, member: str) -> str:
        try:
            return metadata.endpoint(member)
        except FapiError as error:
            raise _unusable(self.config, error) from error

    def __repr__(self) -> str:
        return f"TrustedIssuer({self.config.label})"


def _unusable(config: Issuer, error: FapiError) -> IssuerUnusable:
    return IssuerUnusable(f"{config.label} cannot be used: {error.message}", facts=dict(error.facts))


def _profile_for(config: Issuer, general: Profile) -> Profile:
    """That of the server with the issuer's quirks; or another one, in which no rule of the server's is loosened."""
    own = general if config.profile is None else profile_of(config.profile)
    if own.clauses == general.clauses:
        return own
    return replace(
        own,
        signing_algorithms=own.signing_algorithms & general.signing_algorithms,
        sender_constraints=own.sender_constraints & general.sender_constraints,
        sender_constraint_required=own.sender_constraint_required or general.sender_constraint_required,
        signed_introspection_required=own.signed_introspection_required
        or general.signed_introspection_required,
        clock_skew=min(own.clock_skew, general.clock_skew),
    )


def _possession_for(config: Issuer, own: Profile, server: ServerRules) -> PossessionRules:
    """Raises ConfigurationError if the server takes none of the ways in which the issuer's tokens are bound."""
    general = server.possession
    if own.clauses == server.profile.clauses:
        return general
    bindings = general.bindings & own.sender_constraints
    required = general.required or own.sender_constraint_required
    if required and not bindings:
        raise ConfigurationError(
            f"Issuer({config.url!r}, profile={own.name!r}): this server takes "
            f"{' or '.join(sorted(general.bindings)) or 'no bound token'}, and that profile another binding. Set the "
            "profile and bindings= of ResourceServer so that they allow the bindings of all issuers",
            clause=own.clause("sender_constraints"),
        )
    return replace(general, bindings=bindings, required=required)
