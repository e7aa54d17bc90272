"""A FAPI resource server without a framework: it takes a request and returns a decision.

`check` is one synchronous pass when everything needed is in memory. When it must fetch something, it returns the flow
that ends in the decision. The middlewares only translate.

Spec: FAPI2-SP 5.3.4; FAPI1-BL 6.2.1; RFC 6750 3; RFC 9068 4; RFC 9449 7; RFC 8705 3; RFC 9728 3
Role: RS
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection

from fapikit.certificates import CertificateHeader, ProxyTrust
from fapikit.clauses import cite_what_is_in_force
from fapikit.client_authentication.mutual_tls import require_certificate
from fapikit.clock import Clock, RandomBytes, system_clock, system_random
from fapikit.dpop import CheckedProof, NonceIssuer, remember_proof, replay_mark
from fapikit.errors import FapiError, NonceRequired, ReplayedProof
from fapikit.flow import Flow, store_add
from fapikit.io import AsyncDriver, HttpSettings, SyncDriver
from fapikit.jose.encryption import Decryption
from fapikit.profiles import Profile, profile_of
from fapikit.refusals import tell
from fapikit.secrets import Concealed
from fapikit.stores import MemoryStore, Store, unsealed
from fapikit.stores.protocol import require_store
from fapikit.tracebacks import forget_locals, without_frames
from rskit import observe as observing
from rskit.answers.challenge import ChallengeRules, refuse
from rskit.answers.interaction import INTERACTION_ID, InteractionIds
from rskit.answers.resource_metadata import (
    ResourceDescription,
    build_metadata,
    check_resource,
    metadata_path,
    metadata_url,
)
from rskit.answers.trace import LOGGER, record
from rskit.consents.ledger import ConsentLedger
from rskit.decision import Allow, CannotDecide, Challenge, Decision, Refusal
from rskit.errors import NoCredentials, UnsignedRequest
from rskit.forwarded import Forwarded
from rskit.health import Readiness, check_readiness, find_worries, is_for_one_process
from rskit.http_signatures.refusal import missing_signature
from rskit.http_signatures.settings import HttpSignatures
from rskit.issuers.book import IssuerBook
from rskit.issuers.issuer import Issuers
from rskit.issuers.trusted_issuer import ServerRules
from rskit.policy.stream import StreamWatch
from rskit.possession.confirmation import Binding, PossessionRules, bases_of, confirm
from rskit.possession.credentials import (
    BEARER,
    Credentials,
    read_credentials,
    require_credentials,
    scheme_used,
)
from rskit.possession.fair_share import FairShare
from rskit.possession.nonce_refusals import NonceRefusals
from rskit.possession.proof_budget import ProofBudget, proofs_of_one_key
from rskit.request_view import RequestView
from rskit.revocation import Denylist, RevocationHook
from rskit.settings import offered_schemes, read_bindings, read_nonces, read_observe
from rskit.signed_messages.making import make_signing
from rskit.signed_messages.message_signing import MessageSigning, SigningServer
from rskit.tokens.cache import MAX_TOKENS, TokenCache, UnboundJwt
from rskit.tokens.check import TokenCheck
from rskit.tokens.introspected import Inquiry
from rskit.tokens.jwt import JwtRules
from rskit.tokens.token import Token


class ResourceServer:
    """Protects one resource. Threads and event loops may share it.

    `resource`: its identifier. It is the audience of its tokens and the origin of its URLs. `origins`: further public
    origins, each with the path prefix that a gateway strips. `store`: keeps replay marks; all workers and hosts of one
    API share it. `nonces`: required in every proof; all workers share its keys. Left out, each process makes its own if
    bound tokens are required; False requires none. `bindings`: narrows the sender constraints of the profile, and
    `require_bound` requires them if the profile does not. `denylist`: the revocations that this process has received.
    `decryption`: the keys that decrypt the JWTs of issuers that encrypt for this API; others are then refused.
    `client_certificates`: the header in which a TLS-terminating proxy forwards certificates, and the trusted proxies.
    `forwarded_prefix`: the trusted proxies whose `X-Forwarded-Prefix` names the path prefix that they strip.
    `proofs_per_key`: how many DPoP proofs of one key are remembered at once; more of them are refused with 429.
    `consents`: records which consents are used up, for routes that execute once what a user agreed to.
    `observe`: for a limited time, log refusals and let the requests pass. `warnings`: the warnings of start-up.
    `nonce_refusals`: how many proofs were refused because of their nonce, and why.
    `message_signing`: requests are signed, and answers too: `HttpSignatures`, `DetachedJws` or `JwtBodies`.
    `interaction_id(received)`: the id that connects a request's answer and its trace with the client's log.
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
        require_bound: bool = False,
        denylist: RevocationHook | None = None,
        decryption: Decryption | None = None,
        client_certificates: CertificateHeader | None = None,
        forwarded_prefix: ProxyTrust | None = None,
        consents: ConsentLedger | None = None,
        observe: observing.Observe | None = None,
        message_signing: MessageSigning | HttpSignatures | None = None,
        description: ResourceDescription | None = None,
        max_cached_tokens: int = MAX_TOKENS,
        proofs_per_key: int | None = None,
        clock: Clock = system_clock,
        random_bytes: RandomBytes = system_random,
    ) -> None:
        self.profile = profile_of(profile)
        self.resource = check_resource(resource)
        self.store: Store = MemoryStore(clock=clock) if store is None else require_store(store)
        self.consents = consents
        self.clock = clock
        self.forwarded = Forwarded(client_certificates, forwarded_prefix)
        """What a trusted proxy may forward, and what the application must not see."""
        self.random_bytes = random_bytes
        self.sync_driver = SyncDriver(http, profile=self.profile)
        self.async_driver = AsyncDriver(http, profile=self.profile)
        self.interaction_id = InteractionIds(random_bytes).choose
        # A store in memory answers at once. Then the check stays one pass.
        self._proofs = ProofBudget(
            proofs_of_one_key(self.store) if proofs_per_key is None else proofs_per_key
        )
        keeper = unsealed(self.store)
        self._shares = FairShare(keeper) if isinstance(keeper, MemoryStore) else None
        self._adds_at_once = self.store.add if isinstance(self.store, MemoryStore) else None
        self.require_bound = required = self.profile.sender_constraint_required or require_bound
        allowed = read_bindings(self.profile, bindings, required=required)
        self.nonces = read_nonces(nonces, random_bytes, wanted=required) if "dpop" in allowed else None
        self._observe = read_observe(observe, self.profile, clock())
        self._possession = PossessionRules(
            bases=bases_of(resource, origins),
            bindings=allowed,
            required=required,
            algorithms=self.profile.signing_algorithms,
            nonces=self.nonces,
        )
        encrypted = decryption is not None and decryption.required
        self._issuers = IssuerBook(
            issuers, ServerRules(self.profile, self._possession, clock, encrypted=encrypted)
        )
        self.messages, self.http_signatures = make_signing(
            message_signing,
            SigningServer(
                resource=self.resource,
                issuers=len(list(self._issuers.all())),
                clock=clock,
                random_bytes=random_bytes,
                store=self.store,
                urls=self._possession.urls,
                skew=self.profile.clock_skew,
            ),
            self.profile,
            self._possession.bases,
        )
        """What verifies and signs messages; None without `message_signing`."""
        if isinstance(denylist, Denylist):
            denylist.learn_issuers(self._issuers.identifiers)
        rules = JwtRules((resource,), frozenset({resource}))
        self._tokens = TokenCheck(
            self._issuers,
            rules=rules,
            inquiry=Inquiry(rules, clock, random_bytes),
            cache=TokenCache(max_cached_tokens),
            clock=clock,
            denylist=denylist,
            decryption=decryption,
        )
        self.recognise = self._tokens.recognise
        """What `check` would find at once, by the digest of a bearer token. None says nothing."""
        self._challenges = ChallengeRules(
            offered=offered_schemes(allowed, required=required),
            algorithms=tuple(sorted(self.profile.signing_algorithms)),
            resource_metadata=metadata_url(resource),
            nonces=self.nonces,
        )
        for trusted in self._issuers.all():
            if trusted.config.introspection is not None:
                may_show = http is not None and http.may_show_certificate
                require_certificate(trusted.config.introspection.auth, may_show=may_show)
        self.metadata_path = metadata_path(resource)
        self.metadata = build_metadata(
            resource,
            authorization_servers=[trusted.config.url for trusted in self._issuers.all()],
            bindings=allowed,
            required=required,
            algorithms=self.profile.signing_algorithms,
            description=description or ResourceDescription(),
        )
        self.one_process = is_for_one_process(
            store,
            self.nonces,
            dpop="dpop" in allowed,
            required=required,
            signed_once=self.messages is not None and self.messages.once,
        )
        """Whether several processes would refuse one another's nonces, or accept a proof once each (RFC 9449 11.1b)."""
        self.nonce_refusals = NonceRefusals(resource)
        self.warnings = tuple(
            find_worries(
                self.profile,
                self._issuers.all(),
                denylist=denylist is not None,
                store_given=store,
                dpop="dpop" in allowed,
                nonces=self.nonces,
            )
        )
        for warning in self.warnings:
            LOGGER.warning("%s: %s", resource, warning)

    def check(self, view: RequestView) -> Decision | Flow[Decision]:
        """The decision about one request, or the flow that ends in it. Neither raises a FapiError."""
        now = self.clock()
        scheme: str | None = None
        try:
            credentials = read_credentials(view)
            if credentials is None:
                raise NoCredentials("no access token came with the request")
            scheme = credentials.scheme
            entry = self._tokens.at_hand(credentials, now)
            if entry is None:
                return self._check_flow(Concealed(view), Concealed(credentials))
            if type(entry) is UnboundJwt and scheme == BEARER:
                return Allow(entry.token)  # nothing to confirm
            proof = confirm(view, credentials, entry.token, entry.trusted.possession, now)
            if proof is None:
                return Allow(entry.token)
            if self._adds_at_once is None:
                return self._remember(Concealed(view), scheme, Allow(entry.token), proof)
            budgeted = self._proofs.require(proof.jkt, now)
            shares = self._shares
            if shares is not None and shares.taken() >= shares.begins:
                shares.require(entry.token, now)
            key, ttl = replay_mark(proof, now=now, scope=self.resource)
            if not self._adds_at_once(key, b"1", ttl):
                raise ReplayedProof("this DPoP proof was used before")
            self._proofs.spend(proof.jkt, budgeted, now)
            return Allow(entry.token)
        except FapiError as error:
            return self.refuse(error, view, scheme or scheme_used(view))
        except BaseException as error:  # the frames of an unforeseen error must not hold the token
            view = credentials = None  # type: ignore[assignment]
            forget_locals(error)
            raise

    def _check_flow(
        self, view: Concealed[RequestView], credentials: Concealed[Credentials]
    ) -> Flow[Decision]:
        scheme = credentials.reveal().scheme
        try:
            entry = yield from self._tokens.accept(credentials)
            proof = confirm(
                view.reveal(), credentials.reveal(), entry.token, entry.trusted.possession, self.clock()
            )
            if proof is None:
                return Allow(entry.token)
            return (yield from self._remember(view, scheme, Allow(entry.token), proof))
        except FapiError as error:
            return self.refuse(error, view.reveal(), scheme)

    def _remember(
        self, view: Concealed[RequestView], scheme: str, allow: Allow, proof: CheckedProof
    ) -> Flow[Decision]:
        """Mark the proof as used. This comes last: a proof that is refused for another reason stays unused."""
        now = self.clock()
        try:
            budgeted = self._proofs.require(proof.jkt, now)
            if self._shares is not None:
                self._shares.require(allow.token, now)
            yield from remember_proof(self.store, proof, now=now, scope=self.resource)
            self._proofs.spend(proof.jkt, budgeted, now)
        except FapiError as error:
            return self.refuse(error, view.reveal(), scheme)
        return allow

    def check_again(self, view: RequestView, token: Token) -> Flow[Token]:
        """Verify the token of an accepted request again, for a route with `fresh=True`. Raises the refusal."""
        return self._check_again(Concealed(view), token)

    def _check_again(self, view: Concealed[RequestView], token: Token) -> Flow[Token]:
        credentials = Concealed(require_credentials(view.reveal()))
        entry = yield from self._tokens.accept(credentials, fresh=True)
        if entry.token.confirmation != token.confirmation:
            confirm(view.reveal(), credentials.reveal(), entry.token, entry.trusted.possession, self.clock())
        return entry.token

    def refuse(self, error: FapiError, view: RequestView, scheme: str | None) -> Challenge | CannotDecide:
        """The answer for an error. It is logged. It keeps the error without the frames that hold the token."""
        if isinstance(error, NonceRequired):
            self.nonce_refusals.count(error)
        cite_what_is_in_force(error, self.profile)
        tell(error)
        refusal = refuse(without_frames(error), scheme, self._challenges, self.clock())
        record(refusal, scheme=scheme, method=view.method, interaction_id=view.interaction_id)
        return refusal

    def unsigned(self) -> FapiError:
        """The refusal of a request whose signature was not verified, on a route that needs one."""
        if self.http_signatures is not None and self.http_signatures.checks_requests:
            return missing_signature()
        return UnsignedRequest("this operation accepts only signed requests, and this one has no signature")

    def excuses(self, refusal: Refusal, view: RequestView, token: Token | None) -> bool:
        """Whether this refusal is only observed. If so, it is logged as such."""
        if self._observe is None or isinstance(refusal, CannotDecide):
            return False
        if not self._observe.lasts(self.clock()) or not observing.may_excuse(refusal.error, view, token):
            return False
        LOGGER.warning(
            "observed, not enforced until %s: %s", self._observe.until, type(refusal.error).__name__
        )
        return True

    def watch(self, view: RequestView, token: Token) -> StreamWatch:
        """For a websocket or an answer without a length: how long it may continue with its token."""
        return StreamWatch(
            view, token, self._tokens, clock=self.clock, skew=self.profile.clock_skew, refuse=self.refuse
        )

    def forget(self, token: str) -> None:
        """Remove what is cached about a token. The next request verifies or introspects it again.

        A JWT that its server has reported as revoked stays refused: its signature and claims alone would still pass.
        """
        self._tokens.forget(hashlib.sha256(token.encode()).digest())

    def response_headers(self, view: RequestView, *, nonce: bool) -> list[tuple[str, str]]:
        """The headers of every answer: the interaction id and, if the client sent a proof, its next nonce."""
        headers = [(INTERACTION_ID, view.interaction_id or self.interaction_id(None))]
        if nonce and self.nonces is not None and view.dpop:
            headers.append(("dpop-nonce", self.nonces.issue(self.clock())))
        return headers

    @property
    def schemes(self) -> tuple[str, ...]:
        """The authentication schemes under which tokens are accepted, in the order of the challenges."""
        return self._challenges.offered

    def is_metadata(self, path: str, mounted_at: str) -> bool:
        """Whether this is the path of the RFC 9728 document, at the root or below the application's mount point."""
        return path in (self.metadata_path, mounted_at.rstrip("/") + self.metadata_path)

    def metadata_headers(self) -> tuple[tuple[str, str], ...]:
        return (
            ("content-type", "application/json"),
            ("content-length", str(len(self.metadata))),
            ("cache-control", "public, max-age=3600"),
            ("access-control-allow-origin", "*"),
        )

    def close(self) -> None:
        """Close the connections of the synchronous methods. A later check opens new ones."""
        self.sync_driver.close()

    async def aclose(self) -> None:
        """Close the connections that this event loop has opened. A later check opens new ones."""
        await self.async_driver.aclose()

    def once(self, name: str, ttl: float) -> Flow[bool]:
        """True the first time within `ttl` seconds, across all workers that share the store."""
        key = hashlib.sha256(f"{self.resource}\0{name}".encode()).hexdigest()
        earliest = self.clock() - ttl  # a mark older than this no longer counts
        return (yield from store_add(self.store, f"once:{key}", b"1", ttl, since=earliest))

    def warm(self) -> Flow[Readiness]:
        """Fetch in advance what the first requests need. A failure is logged; the first request then tries again."""
        found = yield from self._look()
        for problem in found.problems:
            LOGGER.warning("%s is not ready: %s", self.resource, problem)
        return found

    def readiness(self) -> Readiness:
        """For a readiness probe: are each issuer's keys or metadata available, and can the store keep its marks?"""
        return self.sync_driver.run(self._look())

    async def areadiness(self) -> Readiness:
        return await self.async_driver.run(self._look())

    def _look(self) -> Flow[Readiness]:
        return check_readiness(self._issuers.all(), self.store, self.consents)

    def __repr__(self) -> str:
        return f"ResourceServer({self.resource}, {self.profile})"
