"""How a client is registered at one server, and how it behaves there. Contradictions are refused at construction.

Spec: FAPI2-SP 5.3.3.1-1, -2, 5.4.1; FAPI2-MS 5.3.2, 5.4.2-1; RFC 9700 2.6; OIDC 3.1.3.7;
    FAPI1-ADV 5.2.3, 5.2.3-1, 8.6-1
Role: C
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypedDict
from urllib.parse import urlsplit

from fapikit.client_authentication import ClientAuthentication
from fapikit.client_authentication.assertion_audience import ISSUER, check_assertion_audience
from fapikit.clock import Clock, RandomBytes, system_clock, system_random
from fapikit.errors import ConfigurationError
from fapikit.flow import Flow
from fapikit.io.tls_client_certificate import TlsClientCertificate
from fapikit.jose.encryption_keys import DecryptionKey
from fapikit.jose.signer import Signer
from fapikit.jwks import DEFAULT_LIMITS, KeyLimits
from fapikit.profile import DeliveryMode
from fapikit.profiles import FAPI2_SECURITY, Profile, SenderConstraint
from fapikit.setting_types import check_text_settings
from fapikit.stores.protocol import Store, require_store
from rpkit.backchannel_settings import check_backchannel
from rpkit.claims_providers import ClaimsProvider, check_claims_providers
from rpkit.encryption_settings import check_encryption
from rpkit.registration.keys import ClientKeys, signer_now
from rpkit.registration.redirect_uris import require_redirect_uri
from rpkit.request_settings import HostedRequests, check_requests
from rpkit.sender_constraint_settings import check_client_certificate, check_sender_constraint
from rpkit.tokens.token_set import TokenKey, TokenSet

HYBRID: Final = "code id_token"
JARM_MODES: Final = frozenset({"jwt", "query.jwt", "fragment.jwt", "form_post.jwt"})
TRANSACTION_TTL: Final = 600.0
ID_TOKEN_MAX_AGE: Final = 600.0


class TokenKeeper(Protocol):
    """What keeps token sets between requests. `rpkit.TokenStore` is one, and documents each of these methods."""

    def load(self, key: TokenKey) -> Flow[TokenSet | None]: ...

    def save(self, tokens: TokenSet) -> Flow[None]: ...

    def publish(self, tokens: TokenSet, *, expected: TokenSet | None) -> Flow[bool]: ...

    def forget(self, key: TokenKey, grant: str) -> Flow[None]: ...

    def lock(self, key: TokenKey, holder: str) -> Flow[bool]: ...

    def unlock(self, key: TokenKey, holder: str) -> Flow[None]: ...


class ClientOptions(TypedDict, total=False):
    """The optional keyword arguments of `discover`. Each is a field of `ClientSettings`."""

    store: Store | None
    token_store: TokenKeeper | None
    sender_constraint: SenderConstraint | None
    dpop_signer: Signer | None
    request_signer: Signer | ClientKeys | None
    signed_requests: bool | None
    pushed_requests: bool | None
    hosted_requests: HostedRequests | None
    response_type: str
    response_mode: str | None
    id_token_signed_response_alg: str | None
    authorization_signed_response_alg: str | None
    userinfo_signed_response_alg: str | None
    introspection_signed_response_alg: str | None
    id_token_encrypted_response_alg: str | None
    id_token_encrypted_response_enc: str | None
    authorization_encrypted_response_alg: str | None
    authorization_encrypted_response_enc: str | None
    userinfo_encrypted_response_alg: str | None
    userinfo_encrypted_response_enc: str | None
    introspection_encrypted_response_alg: str | None
    introspection_encrypted_response_enc: str | None
    request_object_encryption_alg: str | None
    request_object_encryption_enc: str | None
    backchannel_token_delivery_mode: DeliveryMode
    backchannel_authentication_request_signing_alg: str | None
    decryption_keys: Sequence[DecryptionKey]
    assertion_audience: str
    trusted_audiences: Collection[str]
    use_mtls_endpoint_aliases: bool
    transaction_ttl: float
    id_token_max_age: float
    key_limits: KeyLimits
    claims_providers: Sequence[ClaimsProvider]
    clock: Clock
    random_bytes: RandomBytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """One client at one server. Durations are in seconds.

    `*_signed_response_alg`, `*_encrypted_response_alg`, `*_encrypted_response_enc`: as registered (RFC 7591). A
    response that is registered as encrypted is refused if it is not encrypted. `decryption_keys`: the keys that
    decrypt it; keep the old ones after a rotation.

    `sender_constraint`: how access tokens are bound, "dpop" or "mtls". None is possible only where the profile allows
    bearer tokens. `client_certificate`: that of `HttpSettings`. "mtls" needs it, and so does an `auth` by certificate.
    `may_show_certificate`: the same of `HttpSettings`. Where a TLS context or a ready client of your own has the
    certificate, "mtls" works too, but a replaced certificate is not noticed.
    `dpop_signer`: one key for all logins, for example in an HSM. Without it each login has its own key.
    `request_signer`: the key that signs request objects. Without it the key of `auth` signs them.
    `pushed_requests`: whether authorization requests use PAR. None: yes, if the server supports it.
    `hosted_requests`: from where the server fetches request objects, instead of PAR. One https address: each request
    object has its own URL below it. A list of URLs, registered as `request_uris`: each holds one request object at a
    time. A function: it stores a request object and returns its URL.
    `backchannel_*`: as registered for CIBA. `backchannel_authentication_request_signing_alg` None: authentication
    requests are not signed. Left out where the client is made: they are signed if authorization requests are.
    `response_type`: "code", or "code id_token" where an ID token is the detached signature of the response.
    `key_limits`: how long the keys of the server are used before they are fetched again.
    `claims_providers`: the other issuers whose aggregated and distributed claims count.
    `assertion_audience`: the `aud` of client assertions: "issuer"; "token_endpoint" where the profile allows it; or a
    name that the bank chose, under `Quirk.NAMED_ASSERTION_AUDIENCE`.
    `trusted_audiences`: other audiences that an ID token may have, under `Quirk.FURTHER_ID_TOKEN_AUDIENCES`.
    """

    client_id: str
    auth: ClientAuthentication
    redirect_uri: str | None
    profile: Profile = FAPI2_SECURITY
    store: Store = field(repr=False)
    token_store: TokenKeeper = field(repr=False)
    sender_constraint: SenderConstraint | None = "dpop"
    client_certificate: TlsClientCertificate | None = None
    may_show_certificate: bool = False
    dpop_signer: Signer | None = None
    request_signer: Signer | ClientKeys | None = None
    signed_requests: bool = False
    pushed_requests: bool | None = None
    hosted_requests: HostedRequests | None = None
    response_type: str = "code"
    response_mode: str | None = None
    id_token_signed_response_alg: str | None = None
    authorization_signed_response_alg: str | None = None
    userinfo_signed_response_alg: str | None = None
    introspection_signed_response_alg: str | None = None
    id_token_encrypted_response_alg: str | None = None
    id_token_encrypted_response_enc: str | None = None
    authorization_encrypted_response_alg: str | None = None
    authorization_encrypted_response_enc: str | None = None
    userinfo_encrypted_response_alg: str | None = None
    userinfo_encrypted_response_enc: str | None = None
    introspection_encrypted_response_alg: str | None = None
    introspection_encrypted_response_enc: str | None = None
    request_object_encryption_alg: str | None = None
    request_object_encryption_enc: str | None = None
    backchannel_token_delivery_mode: DeliveryMode = "poll"
    backchannel_authentication_request_signing_alg: str | None = None
    decryption_keys: Sequence[DecryptionKey] = ()
    assertion_audience: str = ISSUER
    trusted_audiences: Collection[str] = ()
    use_mtls_endpoint_aliases: bool = False
    transaction_ttl: float = TRANSACTION_TTL
    id_token_max_age: float = ID_TOKEN_MAX_AGE
    key_limits: KeyLimits = DEFAULT_LIMITS
    claims_providers: Sequence[ClaimsProvider] = ()
    clock: Clock = field(default=system_clock, repr=False)
    random_bytes: RandomBytes = field(default=system_random, repr=False)

    def __post_init__(self) -> None:
        check_text_settings(self)
        if not hasattr(self.auth, "credentials") or isinstance(self.auth, type):
            raise ConfigurationError(
                "auth is not a client authentication method: give an instance of one, such as PrivateKeyJWT(key)"
            )
        require_store(self.store)
        self.auth.check(self.profile)
        self._check_redirect_uri()
        check_sender_constraint(self)
        check_client_certificate(self)
        self._check_algorithms()
        check_encryption(self)
        check_requests(self)
        check_backchannel(self)
        self._check_response_type()
        self._check_response_mode()
        self._check_audiences()
        check_claims_providers(self.claims_providers, self.profile)

    @property
    def jarm(self) -> bool:
        return self.response_mode in JARM_MODES

    @property
    def hybrid(self) -> bool:
        """Whether the authorization response has an ID token, which is its detached signature."""
        return self.response_type == HYBRID

    @property
    def effective_response_mode(self) -> str:
        """`response_mode`, or the default of the response type (OAuth 2.0 Multiple Response Types 5)."""
        return self.response_mode or ("fragment" if self.hybrid else "query")

    def _check_redirect_uri(self) -> None:
        uri = self.redirect_uri
        if uri is None:
            return
        parts = urlsplit(uri)
        if "#" in uri or not parts.scheme:
            raise ConfigurationError(
                "redirect_uri has a fragment or is not absolute: give an absolute URL without fragment",
                clause="RFC 6749 3.1.2",
                facts={"got": uri[:200]},
            )
        if parts.scheme in ("http", "https"):
            require_redirect_uri(uri, self.profile, "redirect_uri")
        else:
            self.profile.require(
                self.profile.private_use_redirects,
                "redirect_uri must be https, of a native app too",
                "private_use_redirects",
            )

    def _check_algorithms(self) -> None:
        for signer, what in (
            (self.dpop_signer, "a DPoP proof"),
            (self.request_signer, "a request object"),
        ):
            if signer is not None:
                self.profile.require_algorithm(signer_now(signer).alg, what)
        for alg, what in (
            (self.id_token_signed_response_alg, "an ID token"),
            (self.authorization_signed_response_alg, "a JARM response"),
            (self.userinfo_signed_response_alg, "a UserInfo response"),
            (self.introspection_signed_response_alg, "an introspection response"),
        ):
            if alg is not None:
                self.profile.require_algorithm(alg, what)

    def _check_response_type(self) -> None:
        usable = " or ".join(sorted(self.profile.response_types))
        self.profile.require(
            self.response_type in self.profile.response_types,
            f"response_type {self.response_type} is not allowed; use {usable}",
            "response_types",
        )
        if self.hybrid and self.jarm:
            raise ConfigurationError(
                f"response_type {HYBRID} and response_mode {self.response_mode} both sign the response: choose one",
                clause="FAPI1-ADV 5.2.2-2",
            )
        if self.hybrid and self.response_mode == "query":
            raise ConfigurationError(
                f"response_type {HYBRID} forbids response_mode query, because an ID token must not be in a URL query:"
                " use fragment or form_post",
                clause="FAPI1-ADV 5.2.2-2",
                facts={"response_mode": "query"},
            )
        self.profile.require(
            self.hybrid or self.jarm or not self.profile.response_signature_required,
            f"authorization responses must be signed: set response_type {HYBRID}, or response_mode jwt",
            "response_signature_required",
        )

    def _check_response_mode(self) -> None:
        mode = self.response_mode
        if mode is not None:
            self.profile.require(
                mode in self.profile.response_modes,
                f"response_mode {mode} is not allowed; use {' or '.join(sorted(self.profile.response_modes))}",
                "response_modes",
            )
        self.profile.require(
            not self.profile.jarm_required or mode == "jwt",
            "authorization responses must be signed: set response_mode jwt",
            "jarm_required",
        )

    def _check_audiences(self) -> None:
        check_assertion_audience(self.assertion_audience, self.profile)
        self.profile.require(
            not self.trusted_audiences or self.profile.further_id_token_audiences,
            "trusted_audiences must be empty, because an ID token is for this client alone; for a bank that adds"
            " audiences, the profile needs Quirk.FURTHER_ID_TOKEN_AUDIENCES",
            "further_id_token_audiences",
        )
