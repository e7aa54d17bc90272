"""An authorization server whose tokens are accepted, with what this process has fetched of it: metadata and keys.

Spec: RFC 9068 4; RFC 8414 3; FAPI2-SP 5.3.3.1-11 (RS-3 to RS-7)
Role: RS
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from fapikit.client_authentication.assertion_audience import check_assertion_audience
from fapikit.clock import Clock
from fapikit.errors import ConfigurationError, FapiError, TransportError
from fapikit.flow import Flow, shared
from fapikit.jose.algorithms import Verify
from fapikit.jose.key_set import KeySet
from fapikit.jose.purposes import ACCESS_TOKEN, Purpose
from fapikit.jwks import RemoteKeySet
from fapikit.metadata import ServerMetadata, discover
from fapikit.profiles import Profile, profile_of
from rskit.errors import IssuerUnusable
from rskit.issuers.cool_down import CoolDown
from rskit.issuers.issuer import Issuer
from rskit.issuers.status_lists import IssuerStatusLists, ListedBy
from rskit.possession.confirmation import PossessionRules

METADATA_LIFETIME: Final = 3600.0
METADATA_DEADLINE: Final = 12.0
_MAX_HEADERS: Final = 64
_OF_ID_TOKENS: Final = frozenset({"nonce", "at_hash", "c_hash"})
"""Claims that show that a JWT is an ID token and no access token."""


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
            forbidden=ACCESS_TOKEN.forbidden - (_OF_ID_TOKENS if config.marked_by else frozenset()),
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
        self.clock = self._clock = clock
        self.introspected_at = float("-inf")
        """When readiness last saw that it introspects for this API."""
        self._remote = self._keys_at(config.jwks_uri) if config.jwks_uri else None
        self._metadata: ServerMetadata | None = None
        self._metadata_until = float("-inf")
        self._discovering = CoolDown(clock)
        self.introspecting = CoolDown(clock)
        """For tokens that were never valid here. Tokens that have passed before have a pause of their own."""
        self.introspecting_known = CoolDown(clock, others=self.introspecting)
        self.headers: dict[str, KnownHeader] = {}
        self.status_lists: IssuerStatusLists | None = None
        if config.status_lists is not None:
            listed_by = ListedBy(config.url, self.key_source, self.algorithms, profile.clock_skew, clock)
            self.status_lists = IssuerStatusLists(config.status_lists, listed_by)

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

    def require_status_lists(self) -> Flow[None]:
        """Raises Unreachable if the server of a status list that was needed does not answer."""
        if self.status_lists is not None:
            yield from self.status_lists.require_reachable()

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
