"""How this client is registered at one server, and how it means to behave there; refused at construction if impossible.

Spec: FAPI2-SP 5.3.3.1-1, -2, 5.4.1; FAPI2-MS 5.3.2, 5.4.2-1; RFC 9700 2.6; OIDC 3.1.3.7
Role: C
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypedDict
from urllib.parse import urlsplit

from fapikit.client_authentication import ClientAuthentication
from fapikit.clock import Clock, RandomBytes, system_clock, system_random
from fapikit.errors import ConfigurationError
from fapikit.flow import Flow
from fapikit.jose.encryption_keys import DecryptionKey
from fapikit.jose.signer import Signer
from fapikit.jwks import DEFAULT_LIMITS, KeyLimits
from fapikit.profiles import FAPI2_SECURITY, Profile, SenderConstraint
from fapikit.stores.protocol import Store, require_store
from rpkit.encryption_settings import check_encryption
from rpkit.registration.keys import ClientKeys, signer_now
from rpkit.registration.redirect_uris import require_redirect_uri
from rpkit.request_settings import HostedRequests, check_requests
from rpkit.tokens.token_set import TokenKey, TokenSet

HYBRID: Final = "code id_token"
JARM_MODES: Final = frozenset({"jwt", "query.jwt", "fragment.jwt", "form_post.jwt"})
TRANSACTION_TTL: Final = 600.0
ID_TOKEN_MAX_AGE: Final = 600.0
ISSUER: Final = "issuer"
TOKEN_ENDPOINT: Final = "token_endpoint"


class TokenKeeper(Protocol):
    """What keeps token sets between requests, such as `rpkit.TokenStore`, which says what each of these does."""

    def load(self, key: TokenKey) -> Flow[TokenSet | None]: ...

    def save(self, tokens: TokenSet) -> Flow[None]: ...

    def publish(self, tokens: TokenSet, *, expected: TokenSet | None) -> Flow[bool]: ...

    def forget(self, key: TokenKey, grant: str) -> Flow[None]: ...

    def lock(self, key: TokenKey, holder: str) -> Flow[bool]: ...

    def unlock(self, key: TokenKey, holder: str) -> Flow[None]: ...


class ClientOptions(TypedDict, total=False):
    """The keyword arguments of `discover` beside the four everybody gives. Each is a field of `ClientSettings`."""

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
    decryption_keys: Sequence[DecryptionKey]
    assertion_audience: str
    trusted_audiences: Collection[str]
    use_mtls_endpoint_aliases: bool
    transaction_ttl: float
    id_token_max_age: float
    key_limits: KeyLimits
    clock: Clock
    random_bytes: RandomBytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """One client at one server. Spans are seconds; `*_signed_response_alg` and `*_encrypted_response_alg` are as
    registered (RFC 7591). What is registered as encrypted is refused in the clear. `decryption_keys`: those that open
    it, the old ones too.

    `sender_constraint`: how access tokens are bound; None only where the profile allows bearer tokens.
    `dpop_signer`: one key for all logins, perhaps in an HSM; without it each login gets its own. `request_signer` signs
    request objects; without it the key of `auth` does. `pushed_requests` None: wherever the server can.
    `hosted_requests`: the server fetches signed requests from us. Under this https address each has one of its own; of
    a list of addresses, registered as `request_uris`, each serves one at a time; a function of yours takes a request,
    puts it somewhere, and returns its address.
    `response_type`: "code", or "code id_token" where the answer comes with its detached signature.
    `key_limits`: how long the server's keys are believed.
    `assertion_audience`: whom client assertions are meant for: "issuer"; where the profile leaves it "token_endpoint";
    or a name of the bank's own, under `Quirk.NAMED_ASSERTION_AUDIENCE`.
    `trusted_audiences`: who else an ID token may be for, under `Quirk.FURTHER_ID_TOKEN_AUDIENCES`.
    """

    client_id: str
    auth: ClientAuthentication
    redirect_uri: str | None
    profile: Profile = FAPI2_SECURITY
    store: Store = field(repr=False)
    token_store: TokenKeeper = field(repr=False)
    sender_constraint: SenderConstraint | None = "dpop"
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
    decryption_keys: Sequence[DecryptionKey] = ()
    assertion_audience: str = ISSUER
    trusted_audiences: Collection[str] = ()
    use_mtls_endpoint_aliases: bool = False
    transaction_ttl: float = TRANSACTION_TTL
    id_token_max_age: float = ID_TOKEN_MAX_AGE
    key_limits: KeyLimits = DEFAULT_LIMITS
    clock: Clock = field(default=system_clock, repr=False)
    random_bytes: RandomBytes = field(default=system_random, repr=False)

    def __post_init__(self) -> None:
        if not hasattr(self.auth, "credentials") or isinstance(self.auth, type):
            raise ConfigurationError("auth is how the client signs in, such as PrivateKeyJWT(key)")
        require_store(self.store)
        self.auth.check(self.profile)
        self._check_redirect_uri()
        self._check_sender_constraint()
        self._check_algorithms()
        check_encryption(self)
        check_requests(self)
        self._check_response_type()
        self._check_response_mode()
        self._check_audiences()

    @property
    def jarm(self) -> bool:
        return self.response_mode in JARM_MODES

    @property
    def hybrid(self) -> bool:
        """Whether an ID token comes with the authorization response, as its detached signature."""
        return self.response_type == HYBRID

    @property
    def arrives_in(self) -> str:
        """The response mode, where none was asked for the one of the response type (OAuth 2.0 Multiple Response Types
        5).
        """
        return self.response_mode or ("fragment" if self.hybrid else "query")

    def _check_redirect_uri(self) -> None:
        uri = self.redirect_uri
        if uri is None:
            return
        parts = urlsplit(uri)
        if "#" in uri or not parts.scheme:
            raise ConfigurationError(
                "redirect_uri is an absolute URL without fragment",
                clause="RFC 6749 3.1.2",
                facts={"got": uri[:200]},
            )
        # RFC 8252 7.1: a native app's own scheme, where the profile leaves such apps their choice.
        if parts.scheme in ("http", "https") or not self.profile.loopback_redirects:
            require_redirect_uri(uri, self.profile, "redirect_uri")

    def _check_sender_constraint(self) -> None:
        if self.sender_constraint is None:
            self.profile.require(
                not self.profile.sender_constraint_required,
                "access tokens are bound to a key: choose a sender_constraint",
                "sender_constraint_required",
            )
            if self.dpop_signer is not None:
                raise ConfigurationError("dpop_signer is given, but sender_constraint is None")
            return
        self.profile.require(
            self.sender_constraint in self.profile.sender_constraints,
            f"access tokens are not bound by {self.sender_constraint}",
            "sender_constraints",
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
            f"response_type {self.response_type} is not allowed here; use {usable}",
            "response_types",
        )
        if self.hybrid and self.jarm:
            raise ConfigurationError(
                f"response_type {HYBRID} contradicts response_mode {self.response_mode}: choose one signature",
                clause="FAPI1-ADV 5.2.2-2",
            )
        if self.hybrid and self.response_mode == "query":
            raise ConfigurationError(
                "an ID token does not travel in a query: use fragment or form_post",
                clause="FAPI1-ADV 5.2.2-2",
                facts={"response_mode": "query"},
            )
        self.profile.require(
            self.hybrid or self.jarm or not self.profile.response_signature_required,
            f"the answer is signed: ask for response_type {HYBRID}, or for response_mode jwt",
            "response_signature_required",
        )

    def _check_response_mode(self) -> None:
        mode = self.response_mode
        if mode is not None:
            self.profile.require(
                mode in self.profile.response_modes,
                f"response_mode {mode} is not allowed",
                "response_modes",
            )
        self.profile.require(
            not self.profile.jarm_required or mode == "jwt",
            "responses are signed: response_mode is jwt",
            "jarm_required",
        )

    def _check_audiences(self) -> None:
        audience = self.assertion_audience
        if audience == TOKEN_ENDPOINT:
            self.profile.require(
                audience in self.profile.assertion_audiences,
                "client assertions are meant for the issuer (Quirk.TOKEN_ENDPOINT_AUDIENCE, where it is left)",
                "assertion_audiences",
            )
        elif audience != ISSUER:
            self.profile.require(
                bool(audience) and self.profile.named_assertion_audience,
                "client assertions are meant for the issuer (a name of the bank's own:"
                " Quirk.NAMED_ASSERTION_AUDIENCE)",
                "named_assertion_audience",
            )
        if isinstance(self.trusted_audiences, str):
            raise ConfigurationError("trusted_audiences is a list of names", clause="OIDC 3.1.3.7-3")
        self.profile.require(
            not self.trusted_audiences or self.profile.further_id_token_audiences,
            "an ID token is for this client alone (others that are trusted: Quirk.FURTHER_ID_TOKEN_AUDIENCES)",
            "further_id_token_audiences",
        )
