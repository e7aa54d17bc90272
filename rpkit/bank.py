"""One authorization server and one client of it: the server's metadata, keys and nonces, and the client's settings.

Endpoints come from the metadata alone. The metadata was fetched from the issuer and names that issuer.

Spec: FAPI2-SP 5.2.2.1b, 5.3.3.1-7, -9, -11, 5.3.3.2-2, -3; RFC 8414 2; RFC 9207 2.3
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from fapikit.client_authentication.assertion_audience import assertion_audience_at
from fapikit.errors import ConfigurationError, MissingMetadata
from fapikit.jose.encryption import Decryption
from fapikit.jose.key_set import KeySource
from fapikit.jwks import RemoteKeySet
from fapikit.metadata import ServerMetadata
from fapikit.profiles import Profile
from fapikit.secrets import random_token
from rpkit.backchannel_settings import check_backchannel_at
from rpkit.encryption_settings import decryption_of
from rpkit.nonces import OriginNonces
from rpkit.settings import ClientSettings

_FALLBACK_ALG: Final = "RS256"
_REGISTERED_AS: Final = {
    "id_token_signing_alg_values_supported": "id_token_signed_response_alg",
    "authorization_signing_alg_values_supported": "authorization_signed_response_alg",
    "userinfo_signing_alg_values_supported": "userinfo_signed_response_alg",
    "introspection_signing_alg_values_supported": "introspection_signed_response_alg",
}


@dataclass(frozen=True, slots=True)
class Bank:
    """`make_bank` checks server and settings against the profile, before a user is sent to the server."""

    metadata: ServerMetadata
    settings: ClientSettings
    keys: KeySource | None
    nonces: OriginNonces = field(default_factory=OriginNonces)
    claims_keys: Mapping[str, KeySource] = field(default_factory=dict)
    """Those of `claims_providers`, by issuer."""
    _key_sets: dict[str, RemoteKeySet] = field(default_factory=dict, repr=False, compare=False)

    @property
    def issuer(self) -> str:
        return self.metadata.issuer

    @property
    def profile(self) -> Profile:
        return self.settings.profile

    def now(self) -> float:
        return self.settings.clock()

    def at(self, moment: float) -> Bank:
        """This bank with its clock standing at a moment, to read a message as of the time when it came."""
        return replace(self, settings=replace(self.settings, clock=lambda: moment))

    def random_string(self) -> str:
        """A fresh unpredictable string."""
        return random_token(self.settings.random_bytes)

    def endpoint(self, name: str) -> str:
        """The URL of an endpoint: the one in `mtls_endpoint_aliases` where the settings of this client demand it.

        Raises MissingMetadata; InsecureUrl, MalformedMessage for a URL that cannot be called.
        """
        return self.metadata.endpoint(name, mtls=_by_mtls(self.settings))

    def require_backchannel(self) -> None:
        """Raises MissingMetadata, ConfigurationError if the server does not take the CIBA requests of this client."""
        check_backchannel_at(self.metadata, self.settings, mtls=_by_mtls(self.settings))

    @property
    def assertion_audience(self) -> str:
        """The `aud` of the client assertions."""
        return assertion_audience_at(
            self.metadata, self.settings.assertion_audience, mtls=_by_mtls(self.settings)
        )

    def key_source(self) -> KeySource:
        """Raises MissingMetadata."""
        if self.keys is None:
            raise MissingMetadata(
                f"{self.issuer} lists no jwks_uri: its signatures cannot be verified without its keys",
                clause="RFC 8414 2",
            )
        return self.keys

    def keys_at(self, jwks_uri: str) -> KeySource:
        """The keys of an API that is configured to have its own, fetched once for all calls. Raises InsecureUrl."""
        known = self._key_sets.get(jwks_uri)
        if known is None:
            made = RemoteKeySet(jwks_uri, clock=self.settings.clock, limits=self.settings.key_limits)
            known = self._key_sets.setdefault(jwks_uri, made)
        return known

    def algorithms(self, registered: str | None, metadata_name: str) -> frozenset[str]:
        """The algorithms that a JWT from this server may be signed with.

        That is the registered one. Without a registered one, it is what both the metadata and the profile list.
        Raises MissingMetadata if that is none.
        """
        if registered is not None:
            return frozenset({registered})
        allowed = self.profile.signing_algorithms
        listed = self.metadata.strings(metadata_name)
        usable = allowed & frozenset(listed if listed is not None else {_FALLBACK_ALG})
        if not usable:
            raise MissingMetadata(
                f"the {metadata_name} of {self.issuer} has no algorithm that {self.profile.name} allows:"
                f" register one, and set {_REGISTERED_AS.get(metadata_name, metadata_name)} to it",
                clause=self.profile.clause("signing_algorithms"),
                facts={"member": metadata_name, "listed": " ".join(listed or ())},
            )
        return usable

    def decryption(self, response: str) -> Decryption | None:
        """How to decrypt a kind of response (see `ENCRYPTED_RESPONSES`); None where it is not encrypted."""
        return decryption_of(self.settings, response)

    @property
    def uses_par(self) -> bool:
        """Whether authorization requests are pushed: as `pushed_requests` says, or where the server has PAR."""
        if self.settings.hosted_requests is not None:
            return False
        wanted = self.settings.pushed_requests
        return self.metadata.has("pushed_authorization_request_endpoint") if wanted is None else wanted


def make_bank(metadata: ServerMetadata, settings: ClientSettings) -> Bank:
    """Check that server, settings and profile fit together, and make the `Bank`.

    Raises MissingMetadata, InsecureUrl, ConfigurationError, ForbiddenByProfile.
    """
    if not isinstance(metadata, ServerMetadata):
        raise ConfigurationError(
            f"metadata is a {type(metadata).__name__}: give"
            ' ServerMetadata(issuer, {"token_endpoint": ..., ...}), or use discover',
            clause="RFC 8414 2",
        )
    _check_endpoints(metadata, settings)
    if settings.profile.backchannel_required:
        check_backchannel_at(metadata, settings, mtls=_by_mtls(settings))
    _check_listed(
        metadata,
        "token_endpoint_auth_methods_supported",
        settings.auth.method,
        settings.profile.clause("client_authentication_methods"),
    )
    if settings.profile.pkce_required:
        _check_listed(
            metadata,
            "code_challenge_methods_supported",
            "S256",
            settings.profile.clause("pkce_required"),
        )
    if settings.hybrid:
        _check_response_type(metadata, settings)
    if settings.response_mode is not None:
        _check_listed(metadata, "response_modes_supported", settings.response_mode, "JARM 4")
    if settings.sender_constraint == "dpop" and settings.dpop_signer is not None:
        _check_listed(metadata, "dpop_signing_alg_values_supported", settings.dpop_signer.alg, "RFC 9449 5.1")
    bound = "tls_client_certificate_bound_access_tokens"
    if settings.sender_constraint == "mtls" and metadata.has(bound) and not metadata.flag(bound):
        raise ConfigurationError(
            f"{metadata.issuer} binds no access tokens to client certificates ({bound} is false):"
            ' sender_constraint="mtls" is not possible there',
            clause="RFC 8705 3.3",
            facts={"member": bound},
        )
    keys = None
    if metadata.has("jwks_uri"):
        uri = metadata.endpoint("jwks_uri")
        keys = RemoteKeySet(uri, clock=settings.clock, limits=settings.key_limits)
    claims_keys = {
        each.issuer: each.key_source(settings.clock, settings.key_limits)
        for each in settings.claims_providers
    }
    return Bank(metadata, settings, keys, claims_keys=claims_keys)


def _check_response_type(metadata: ServerMetadata, settings: ClientSettings) -> None:
    """A list that is absent says nothing. The words of a response type have no order."""
    listed = metadata.strings("response_types_supported")
    wanted = set(settings.response_type.split())
    if listed is not None and not any(set(each.split()) == wanted for each in listed):
        raise ConfigurationError(
            f"{metadata.issuer} does not support response_type {settings.response_type}: it lists"
            f" {', '.join(listed) or 'nothing'}. Does it sign its answers otherwise, by response_mode jwt?",
            clause=settings.profile.clause("response_types"),
            facts={"member": "response_types_supported", "needed": settings.response_type},
        )


def _check_endpoints(metadata: ServerMetadata, settings: ClientSettings) -> None:
    mtls = _by_mtls(settings)
    metadata.endpoint("token_endpoint", mtls=mtls)
    metadata.flag("authorization_response_iss_parameter_supported")
    if settings.redirect_uri is None:
        return
    metadata.endpoint("authorization_endpoint")
    must_push = settings.profile.par_required or settings.pushed_requests
    if must_push and not metadata.has("pushed_authorization_request_endpoint"):
        raise MissingMetadata(
            f"{metadata.issuer} lists no pushed_authorization_request_endpoint, and"
            f" {_who_demands_par(settings)} demands one",
            clause=settings.profile.clause("par_required"),
            facts={"member": "pushed_authorization_request_endpoint"},
        )
    demands_push = metadata.flag("require_pushed_authorization_requests")
    hosted = settings.hosted_requests is not None
    if settings.pushed_requests is False or hosted:
        if demands_push:
            leave_out = "hosted_requests" if hosted else "pushed_requests=False"
            raise ConfigurationError(
                f"{metadata.issuer} takes pushed authorization requests only: leave {leave_out} out",
                clause="RFC 9126 5, 6",
            )
    elif metadata.has("pushed_authorization_request_endpoint"):
        metadata.endpoint("pushed_authorization_request_endpoint", mtls=mtls)
    pushed = metadata.has("pushed_authorization_request_endpoint") and settings.pushed_requests is not False
    in_url = settings.signed_requests and not hosted and not pushed
    if in_url and not metadata.flag("request_parameter_supported", default=True):
        raise ConfigurationError(
            f"{metadata.issuer} takes no request objects in the URL: leave pushed_requests=False out",
            clause="OIDC Discovery 3",
            facts={"member": "request_parameter_supported"},
        )
    if hosted and not metadata.flag("request_uri_parameter_supported", default=True):
        raise ConfigurationError(
            f"{metadata.issuer} does not fetch requests (request_uri_parameter_supported): leave hosted_requests out",
            clause="OIDC Discovery 3",
            facts={"member": "request_uri_parameter_supported"},
        )


def _by_mtls(settings: ClientSettings) -> bool:
    return settings.use_mtls_endpoint_aliases or settings.auth.mtls or settings.sender_constraint == "mtls"


def _who_demands_par(settings: ClientSettings) -> str:
    return settings.profile.name if settings.profile.par_required else "pushed_requests=True"


def _check_listed(metadata: ServerMetadata, name: str, value: str, clause: str) -> None:
    """Raises ConfigurationError if the server publishes the list and `value` is not in it."""
    listed = metadata.strings(name)
    if listed is not None and value not in listed:
        raise ConfigurationError(
            f"{metadata.issuer} does not support {value}: its {name} lists {', '.join(listed) or 'nothing'}",
            clause=clause,
            facts={"member": name, "needed": value},
        )
