"""A FAPI resource server, framework-free: a request goes in, a decision comes out.

`check` is one synchronous pass for what is at hand; where something must be asked of the world it returns the flow
that ends in the decision. The middlewares translate, and nothing more.

Spec: FAPI2-SP 5.3.4; FAPI1-BL 6.2.1; RFC 6750 3; RFC 9068 4; RFC 9449 7; RFC 8705 3; RFC 9728 3
Role: RS
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Final

from fapikit.clock import Clock, RandomBytes, system_clock, system_random
from fapikit.dpop import CheckedProof, NonceIssuer, remember_proof, replay_mark
from fapikit.errors import ConfigurationError, FapiError, ReplayedProof
from fapikit.flow import Flow, store_add
from fapikit.io import AsyncDriver, HttpSettings, SyncDriver
from fapikit.profiles import Profile, profile_of
from fapikit.stores import MemoryStore, Store
from rskit.challenge import ChallengeRules, refuse
from rskit.confirmation import Binding, PossessionRules, bases_of, confirm
from rskit.credentials import BEARER, DPOP, Credentials, read_credentials, scheme_used
from rskit.decision import Allow, CannotDecide, Challenge, Decision
from rskit.decision_trace import record
from rskit.errors import NoCredentials
from rskit.interaction import interaction_id
from rskit.introspected_token import Inquiry
from rskit.issuer import IssuerBook, Issuers
from rskit.jwt_token import JwtRules
from rskit.request_view import RequestView
from rskit.resource_metadata import (
    ResourceDescription,
    build_metadata,
    check_resource,
    metadata_path,
    metadata_url,
)
from rskit.token import Token
from rskit.token_cache import MAX_TOKENS, TokenCache
from rskit.token_check import Denylist, TokenCheck

_NONCE_KEY_OCTETS: Final = 32


class ResourceServer:
    """What protects one resource; threads and event loops may share it.

    `resource`: its identifier, the audience of its tokens and the origin of its URLs. `origins`: further public
    origins, each with the prefix that a gateway strips. `store`: where replay marks live; workers and hosts of one API
    share one. `nonces`: demanded of every proof; workers share its keys. Left out, each process makes its own where the
    profile requires bound tokens; False demands none. `bindings`: narrows the profile's sender constraints.
    """

    def __init__(
        self,
        *,
        resource: str,
        issuers: Issuers,
        profile: Profile | str = "oauth-2.1",
        origins: Collection[str] = (),
        store: Store | None = None,
        http: HttpSettings | None = None,
        nonces: NonceIssuer | bytes | bool | None = None,
        bindings: Collection[Binding] | None = None,
        denylist: Denylist | None = None,
        description: ResourceDescription | None = None,
        max_cached_tokens: int = MAX_TOKENS,
        clock: Clock = system_clock,
        random_bytes: RandomBytes = system_random,
    ) -> None:
        self.profile = profile_of(profile)
        self.resource = check_resource(resource)
        self.store: Store = MemoryStore(clock=clock) if store is None else store
        self.clock = clock
        self.sync_driver = SyncDriver(http)
        self.async_driver = AsyncDriver(http)
        self._random_bytes = random_bytes
        # A store in memory answers at once, so that the check stays one pass.
        self._adds_at_once = self.store.add if isinstance(self.store, MemoryStore) else None
        self._bindings = self._narrowed(bindings)
        self._issuers = IssuerBook(issuers, profile=self.profile, clock=clock)
        rules = JwtRules((resource,), frozenset({resource}), self.profile.clock_skew)
        inquiry = Inquiry(rules, self.profile.signed_introspection_required, clock, random_bytes)
        self._tokens = TokenCheck(
            self._issuers,
            rules=rules,
            inquiry=inquiry,
            cache=TokenCache(max_cached_tokens),
            clock=clock,
            denylist=denylist,
        )
        self.nonces = self._nonce_issuer(nonces)
        required = self.profile.sender_constraint_required
        self._possession = PossessionRules(
            bases=bases_of(resource, origins),
            bindings=self._bindings,
            required=required,
            algorithms=self.profile.signing_algorithms,
            nonces=self.nonces,
        )
        self._challenges = ChallengeRules(
            offered=tuple(
                scheme
                for scheme, binding in ((DPOP, "dpop"), (BEARER, "mtls"))
                if binding in self._bindings or (scheme == BEARER and not required)
            ),
            algorithms=tuple(sorted(self.profile.signing_algorithms)),
            resource_metadata=metadata_url(resource),
            nonces=self.nonces,
        )
        self.metadata_path = metadata_path(resource)
        self.metadata = build_metadata(
            resource,
            authorization_servers=[trusted.config.url for trusted in self._issuers.all()],
            bindings=self._bindings,
            required=required,
            algorithms=self.profile.signing_algorithms,
            description=description or ResourceDescription(),
        )

    def check(self, view: RequestView) -> Decision | Flow[Decision]:
        """The decision about one request, or the flow that ends in it; neither raises a FapiError."""
        now = self.clock()
        scheme: str | None = None
        try:
            credentials = read_credentials(view)
            if credentials is None:
                raise NoCredentials("no access token came with the request")
            scheme = credentials.scheme
            entry = self._tokens.at_hand(credentials, now)
            if entry is None:
                return self._check_flow(view, credentials)
            proof = confirm(view, credentials, entry.allow.token, self._possession, now)
            if proof is None:
                return entry.allow
            if self._adds_at_once is None:
                return self._remember(view, scheme, entry.allow, proof)
            key, ttl = replay_mark(proof, now=now, scope=self.resource)
            if not self._adds_at_once(key, b"1", ttl):
                raise ReplayedProof("this DPoP proof was used before")
            return entry.allow
        except FapiError as error:
            return self.refuse(error, view, scheme or scheme_used(view))

    def _check_flow(self, view: RequestView, credentials: Credentials) -> Flow[Decision]:
        scheme = credentials.scheme
        try:
            entry = yield from self._tokens.accept(credentials)
            proof = confirm(view, credentials, entry.allow.token, self._possession, self.clock())
            if proof is None:
                return entry.allow
            return (yield from self._remember(view, scheme, entry.allow, proof))
        except FapiError as error:
            return self.refuse(error, view, scheme)

    def _remember(self, view: RequestView, scheme: str, allow: Allow, proof: CheckedProof) -> Flow[Decision]:
        """The replay mark comes last, so that a proof refused for another reason is not used up."""
        try:
            yield from remember_proof(self.store, proof, now=self.clock(), scope=self.resource)
        except FapiError as error:
            return self.refuse(error, view, scheme)
        return allow

    def check_again(self, view: RequestView, token: Token) -> Flow[Token]:
        """The token of a request that passed, verified anew for a route with `fresh=True`. Raises what refuses it."""
        credentials = read_credentials(view)
        if credentials is None:
            raise NoCredentials("no access token came with the request")
        entry = yield from self._tokens.accept(credentials, fresh=True)
        if entry.allow.token.confirmation != token.confirmation:
            confirm(view, credentials, entry.allow.token, self._possession, self.clock())
        return entry.allow.token

    def refuse(self, error: FapiError, view: RequestView, scheme: str | None) -> Challenge | CannotDecide:
        """The answer for an error, logged."""
        refusal = refuse(error, scheme, self._challenges, self.clock())
        record(refusal, scheme=scheme, method=view.method, interaction_id=view.interaction_id)
        return refusal

    def response_headers(self, view: RequestView, *, nonce: bool) -> list[tuple[str, str]]:
        """What every answer carries: the interaction id and, for a client that sent a proof, its next nonce."""
        headers = [("x-fapi-interaction-id", interaction_id(view.interaction_id, self._random_bytes))]
        if nonce and self.nonces is not None and view.dpop:
            headers.append(("dpop-nonce", self.nonces.issue(self.clock())))
        return headers

    def metadata_headers(self) -> tuple[tuple[str, str], ...]:
        return (
            ("content-type", "application/json"),
            ("content-length", str(len(self.metadata))),
            ("cache-control", "public, max-age=3600"),
            ("access-control-allow-origin", "*"),
        )

    def close(self) -> None:
        """Close the connections of the sync face; a later check opens new ones."""
        self.sync_driver.close()

    async def aclose(self) -> None:
        """Close the connections that this event loop opened; a later check opens new ones."""
        await self.async_driver.aclose()

    def once(self, name: str, ttl: float) -> Flow[bool]:
        """True the first time within `ttl` seconds, for all workers that share the store; for what may happen once."""
        key = hashlib.sha256(f"{self.resource}\0{name}".encode()).hexdigest()
        return (yield from store_add(self.store, f"once:{key}", b"1", ttl))

    def warm(self) -> Flow[None]:
        """Fetch metadata and keys of all issuers ahead of the first request; failures wait until then."""
        for trusted in self._issuers.all():
            try:
                yield from trusted.warm()
            except FapiError:
                continue

    def _narrowed(self, bindings: Collection[Binding] | None) -> frozenset[Binding]:
        if bindings is None:
            return self.profile.sender_constraints
        self.profile.require(
            frozenset(bindings) <= self.profile.sender_constraints,
            f"these bindings are not all allowed: {' '.join(sorted(bindings))}",
            "sender_constraints",
        )
        if self.profile.sender_constraint_required and not bindings:
            raise ConfigurationError(f"{self.profile} requires bound tokens, and bindings is empty")
        return frozenset(bindings)

    def _nonce_issuer(self, nonces: NonceIssuer | bytes | bool | None) -> NonceIssuer | None:
        if "dpop" not in self._bindings:
            return None
        if isinstance(nonces, NonceIssuer):
            return nonces
        if isinstance(nonces, bytes):
            return NonceIssuer((nonces,))
        wanted = self.profile.sender_constraint_required if nonces is None else nonces
        return NonceIssuer((self._random_bytes(_NONCE_KEY_OCTETS),)) if wanted else None

    def __repr__(self) -> str:
        return f"ResourceServer({self.resource}, {self.profile})"
