"""What endpoints, grants and checks share: configuration, records, clients, users, keys, pages, clock, driver.

Each kind of outgoing message has one method here that completes it. This module knows no endpoint and no route;
`server` is the ASGI app over it.

Spec: RFC 6749; RFC 8414; FAPI2-SP 5.3.2; FAPI2-MS 5.3.1, 5.4.1, 5.5.1; FAPI1-BL 7.7
Role: AS
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from starlette.responses import Response

from askit.clients.client import Client
from askit.clients.client_ca import ClientCa
from askit.clients.few_at_once import FewAtOnce
from askit.clients.keys import PublicHttp, calls_of
from askit.clients.known_clients import Clients
from askit.clients.registrations import Registrations
from askit.clients.shown_certificates import ShownCertificates
from askit.config.client_certificates import CertificateSources
from askit.config.settings import Config
from askit.decoupled.due_notices import DueNotices
from askit.errors import InvalidScope, InvalidTarget
from askit.issuing import response_modes
from askit.issuing.decryption_keys import DecryptionKeys
from askit.issuing.keys import ServerKeys
from askit.log_budget import BudgetedLogger
from askit.pages.own_pages import check_own_pages
from askit.pages.pages import Pages
from askit.pages.templates import Templates
from askit.record_store import Records
from askit.records import PushedRequest
from askit.requests.hosted_request_objects import HostedRequestObjects
from askit.requests.response_type import HYBRID
from askit.shares import Owner, shares_of, user_owner
from askit.status_cache import StatusCache
from askit.users.guess_counters import GuessCounters
from askit.users.password_attempts import PasswordAttempts
from askit.users.users import Users, code_of, pin_of
from fapikit.clock import Clock, RandomBytes
from fapikit.dpop import NonceIssuer
from fapikit.flow import Flow, store_check
from fapikit.io import AsyncDriver, HttpSettings
from fapikit.io.tls import client_context
from fapikit.jose.purposes import Purpose
from fapikit.jose.sign import sign_jwt
from fapikit.jose.signer import Signer
from fapikit.profiles import Profile, SenderConstraint
from fapikit.stores import Seal, SealedStore, Store, store_from_url

T = TypeVar("T")

log = logging.getLogger("askit")

SIGNED_FOR_CLIENTS: Final = (
    "id_token_signed_response_alg",
    "authorization_signed_response_alg",
    "userinfo_signed_response_alg",
    "introspection_signed_response_alg",
)


class Core:
    """One issuer. Only a test harness may override the methods that complete the outgoing messages."""

    response_types = frozenset({"code", HYBRID})
    response_modes = response_modes.RESPONSE_MODES

    def __init__(
        self,
        config: Config,
        *,
        store: Store | None,
        http: HttpSettings | None,
        signers: Sequence[Signer] = (),
        clock: Clock,
        random_bytes: RandomBytes,
    ) -> None:
        self.config = config
        self.profile = config.profile
        self.clock = clock
        self.random_bytes = random_bytes
        self.log = BudgetedLogger(logging.getLogger("askit"), config.limits.log_lines_per_second)
        self._own_store = store is None
        kept = _store(config, clock) if store is None else store
        self.shares = shares_of(
            kept, config.limits.entries_per_client, config.limits.octets_per_client, clock
        )
        self.records = Records(kept, config.issuer, self.shares, max_octets=config.limits.record_octets)
        self.clients = Clients(
            config.clients,
            self.records,
            profile=config.profile,
            policy=config.registration,
            clock=clock,
            statement_issuers=[each.issuer for each in config.software_statement_issuers],
            pairwise=config.pairwise_salt is not None,
            documents=config.client_metadata_documents,
            waiting_per_host=config.limits.waiting_per_client,
            run=self.run,
            public_only=not config.development_only,
            log=self.log,
        )
        tls = config.tls
        self.issuer_keys = {each.issuer: each.key_source(clock) for each in config.trusted_issuers}
        self.certificates = CertificateSources(tls, config.client_certificates, config.clients)
        self.client_ca = ClientCa(tls.client_ca, tls.client_crl) if tls and tls.client_ca else None
        self.waiting_for_keys = FewAtOnce(config.limits.waiting_per_client, "the keys")
        # Separate, because anybody who loads a link waits here. That must not block client authentication.
        self.waiting_for_request_objects = FewAtOnce(config.limits.waiting_per_client, "a request object")
        self.waiting_for_notifications = FewAtOnce(config.limits.waiting_per_client, "an answer to a notice")
        self.hosted_request_objects = HostedRequestObjects(clock)
        self.registrations = Registrations(
            self.records,
            config.registration,
            per_address=config.limits.registrations_per_address,
            random_bytes=random_bytes,
        )
        self.shown_certificates = ShownCertificates(self.clients, self.registrations, self.run)
        self.due_notices = DueNotices(
            self.records, clock, self.log, record_octets=config.limits.record_octets
        )
        self.polled_streams: set[str] = set()
        """The event streams whose receivers wait here for the next event."""
        self.keys = ServerKeys(
            self.records,
            clock=clock,
            random_bytes=random_bytes,
            default_alg=config.signing_alg,
            fixed=config.signing_jwks,
            signers=signers,
            rotate_after=config.rotate_keys_after,
            retire_after=config.access_token_lifetime + 3600,
        )
        self.decryption_keys = DecryptionKeys(
            self.records, algorithms=config.request_object_encryption, random_bytes=random_bytes
        )
        self.software_statement_keys = {
            each.issuer: each.key_source(clock) for each in config.software_statement_issuers
        }
        self.status_lists = StatusCache()
        self.login_hint_issuers = {each.issuer: each.key_source(clock) for each in config.login_hint_issuers}
        usernames = {
            name
            for user in config.users
            for name in (user.username, pin_of(user.username), code_of(user.username))
        }
        pseudonym = self.keys.pseudonym
        self.guesses = GuessCounters(self.records, pseudonym, config.limits.password_counters, clock=clock)
        self.users = Users(
            config.users,
            PasswordAttempts(self.guesses, self.records, pseudonym, config.limits, usernames),
        )
        parts = urlsplit(config.issuer)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self.path = parts.path.rstrip("/")
        self.pages = Pages(
            name=config.name,
            path=self.path,
            texts=config.texts,
            templates=Templates(config.templates, config.look),
        )
        if config.templates is not None:
            check_own_pages(self.pages, config)
        if http is None and config.http_ca is not None:
            http = HttpSettings(tls=client_context(ca=config.http_ca, profile=config.profile))
        own = http if config.development_only else _public_http(http, config)
        self._driver = AsyncDriver(own, profile=config.profile)

    async def start(self) -> None:
        """Check that the store is reliable, and that every key that a client needs exists and is published.

        Raises FapiError: UnfitStore for a store that would forget valid records.
        """
        try:
            await self._check_and_publish()
        finally:  # also if the store cannot be relied on yet: the server then waits for it
            await self.due_notices.start()

    async def _check_and_publish(self) -> None:
        promise = await self.run(store_check(self.records.store))
        if not promise.durable and not self.config.development_only:
            log.warning(
                "%r: after a restart, grants, refresh tokens, keys and sign-ins are gone", self.records.store
            )
        await self.keys.secret()
        wanted = {self.config.signing_alg}
        for client in self.config.clients:
            wanted |= {alg for name in SIGNED_FOR_CLIENTS if (alg := client.alg(name)) is not None}
        for alg in sorted(wanted):
            await self.keys.signer(alg)
        await self.decryption_keys.all()
        await self.shown_certificates.start()

    async def aclose(self) -> None:
        """Close connections; and the store, unless it was passed in."""
        await self.due_notices.stop()
        await self.shown_certificates.stop()
        await self._driver.aclose()
        if self._own_store and hasattr(self.records.store, "aclose"):
            await self.records.store.aclose()

    # What the endpoints share.

    def profile_of(self, client: Client) -> Profile:
        """The profile for one client: that of the server, unless the settings have another one for it."""
        return self.config.client_profiles.get(client.client_id, self.profile)

    async def run(self, flow: Flow[T]) -> T:
        """Run a shared flow. Raises what it raises."""
        return await self._driver.run(flow)

    def url(self, path: str) -> str:
        """The public URL of a path. It comes from the configuration, never from the request's Host."""
        return self._origin + path

    def alias(self, url: str) -> str:
        """The same, on the host that requests client certificates, if there is a separate one (RFC 8705 5)."""
        return (self.config.mtls_endpoint_aliases or self._origin) + url.removeprefix(self._origin)

    def endpoint(self, name: str) -> str:
        return f"{self._origin}{self.path}/{name}"

    @property
    def bindings(self) -> frozenset[SenderConstraint]:
        """What this server can bind an access token to."""
        certificates = self.certificates.any
        return self.profile.sender_constraints - (set() if certificates else {"mtls"})

    @property
    def client_authentication_methods(self) -> frozenset[str]:
        """The methods of the profile that can work on this server."""
        return self.certificates.available(self.profile.client_authentication_methods)

    @property
    def signing_algorithms(self) -> frozenset[str]:
        """The algorithms that this server can sign with, and may."""
        allowed, fixed = self.profile.signing_algorithms, self.keys.fixed_algorithms
        return allowed if fixed is None else allowed & fixed

    def owners(self, client: Client, username: str) -> tuple[Owner, ...]:
        """Whose shares a user's grant to a client counts against. In a test with auto_approve the user has no share."""
        own = () if username == self.config.auto_approve else (user_owner(username),)
        return (*client.owners, *own)

    def require_scopes(self, scopes: Iterable[str], client: Client) -> None:
        """Raise InvalidScope for a scope that is unknown or not allowed for this client."""
        known = self.config.known_scopes
        for scope in scopes:
            if scope not in known or not client.may_have_scope(scope):
                raise InvalidScope(
                    f"the scope {scope[:80]!a} is unknown here, or not allowed for this client: request one that it is"
                    " registered for, or let the server add it",
                    facts={"scope": scope[:80]},
                )

    def require_resource(self, uri: str, client: Client) -> None:
        """Raise InvalidTarget unless this is a configured API that the client may use."""
        if self.config.resource(uri) is None or not self.config.can_reach(client, uri):
            raise InvalidTarget(
                "this resource is unknown here, or not allowed for this client: write it as the metadata of the API do",
                facts={"resource": uri[:200]},
            )

    # The last step of each outgoing message.

    async def sign(self, claims: Mapping[str, Any], purpose: Purpose, alg: str | None = None) -> str:
        """Signs every JWT of this server. Raises StoreError, ConfigurationError."""
        return await self.run(sign_jwt(claims, purpose, await self.keys.signer(alg)))

    def metadata_body(self, document: dict[str, Any]) -> dict[str, Any]:
        return document

    async def jwks(self) -> dict[str, Any]:
        signing = await self.keys.jwks()
        return {"keys": [*signing["keys"], *await self.decryption_keys.jwks()]}

    def device_authorization_body(self, body: dict[str, Any]) -> dict[str, Any]:
        return body

    def backchannel_authentication_body(self, body: dict[str, Any]) -> dict[str, Any]:
        return body

    def notification_body(self, message: dict[str, Any]) -> dict[str, Any]:
        """What is sent to the notification endpoint of a CIBA client."""
        return message

    def token_body(self, body: dict[str, Any]) -> dict[str, Any]:
        return body

    def userinfo_body(self, claims: dict[str, Any]) -> dict[str, Any]:
        return claims

    def grant_body(self, members: dict[str, Any]) -> dict[str, Any]:
        """What a grant holds, for the client that manages it."""
        return members

    def intent_body(self, members: dict[str, Any]) -> dict[str, Any]:
        """A lodged intent, for the client that lodged it."""
        return members

    def introspection_body(self, members: dict[str, Any]) -> dict[str, Any]:
        return members

    def send_response(
        self, request: PushedRequest, transport: str, parameters: Mapping[str, str]
    ) -> Response:
        """The authorization response with all its parameters."""
        return response_modes.render_response(self.pages, request, transport, parameters)

    async def nonces(self) -> NonceIssuer | None:
        """The issuer of the nonces that DPoP proofs must have. None: no nonce is required, or there are no proofs."""
        return await self.keys.nonces() if self.config.dpop_nonces and "dpop" in self.bindings else None

    async def nonce_header(self) -> dict[str, str]:
        """The nonce for the client's next proof (RFC 9449 8.2)."""
        nonces = await self.nonces()
        return {} if nonces is None else {"dpop-nonce": nonces.issue(self.clock())}


def _public_http(http: HttpSettings | None, config: Config) -> HttpSettings:
    """The URLs in the configuration may have any address, because the operator has chosen them."""
    vouched_for = {call for client in config.clients for call in calls_of(client.metadata)}
    issuers = (
        *config.trusted_issuers,
        *config.login_hint_issuers,
        *config.software_statement_issuers,
    )
    vouched_for |= {("GET", each.jwks_uri) for each in issuers if each.jwks_uri is not None}
    receivers = () if config.shared_signals is None else config.shared_signals.receivers
    vouched_for |= {("POST", url) for each in receivers for url in each.push_endpoints}
    own = http or HttpSettings()
    return PublicHttp(
        tls=own.tls,
        ca=own.ca,
        proxy=own.proxy,
        async_client=own.async_client,
        watcher=own.watcher,
        vouched_for=frozenset(vouched_for),
    )


def _store(config: Config, clock: Clock) -> Store:
    inner = store_from_url(config.store, max_octets=config.limits.store_octets, clock=clock)
    return SealedStore(inner, Seal(config.store_seal)) if config.store_seal else inner
