"""The settings of one authorization server: read from a file or built in code, checked once, never changed.

An unknown setting is refused by name, a contradiction with the names of both settings. Paths are relative to the file.

Role: AS
"""

from __future__ import annotations

import logging
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from askit.browser_origins import ANY, check_origins
from askit.clients.client import Client
from askit.clients.metadata import GRANT_TYPES
from askit.clients.registration_policy import ID_OCTETS, RegistrationPolicy
from askit.clients.sector_identifier import PAIRWISE, PUBLIC
from askit.config.acr_levels import check_acr_levels
from askit.config.client_certificates import CertificateSources, check_certificates
from askit.config.client_metadata_documents import ClientMetadataDocuments
from askit.config.details_types import DetailsType, check_lodgings
from askit.config.exchange_rules import OWN_ACCESS_TOKENS, ExchangeRule, check_exchange_rules
from askit.config.file import read_settings
from askit.config.grant_management import GrantManagement
from askit.config.limits import Limits
from askit.config.lodging import Lodging
from askit.config.login_hint_issuers import LoginHintIssuer
from askit.config.look import Look
from askit.config.networks import Network, require_loopback
from askit.config.pairwise_subjects import check_pairwise_subjects
from askit.config.profile_settings import (
    check_assertion_audience,
    check_client_profiles,
    check_polling,
    check_status_list_ttl,
    check_token_lifetime,
)
from askit.config.shared_signals import SCOPES as SIGNALS_SCOPES
from askit.config.shared_signals import SharedSignals, check_shared_signals
from askit.config.software_statement_issuers import (
    SoftwareStatementIssuer,
    check_software_statement_issuers,
)
from askit.config.table import Table
from askit.config.trusted_issuers import TrustedIssuer, check_trusted_issuers
from askit.config.values import CLIENT_SCOPES, IDENTITY_SCOPES, Resource, TlsFiles, User
from askit.pages.catalogues import check_texts
from fapikit.certificates import CertificateHeader
from fapikit.clauses import citing
from fapikit.errors import ConfigurationError
from fapikit.jose.encryption_keys import KEY_MANAGEMENT
from fapikit.profiles import FAPI2_SECURITY, Profile
from fapikit.quirks import Quirk
from fapikit.secrets import Concealed, Secret
from fapikit.setting_types import check_text_settings

log = logging.getLogger("askit")

_SUBJECT: Final = re.compile(r"[\x20-\x7e]{1,255}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All settings of an `AuthorizationServer`. Times are seconds."""

    issuer: str
    profile: Profile = FAPI2_SECURITY
    client_profiles: Mapping[str, Profile] = field(default_factory=dict)
    """The profiles of single clients, by id: with other quirks or, in Message Signing, other required parts."""
    assertion_audience: str | None = None
    """A further audience of client assertions for this server: see Quirk.NAMED_ASSERTION_AUDIENCE."""
    clients: tuple[Client, ...] = ()
    users: tuple[User, ...] = ()
    login_hint_issuers: tuple[LoginHintIssuer, ...] = ()
    resources: tuple[Resource, ...] = ()
    authorization_details_types: tuple[DetailsType, ...] = ()
    grant_management: GrantManagement = field(default_factory=GrantManagement)
    shared_signals: SharedSignals | None = None
    token_exchange: tuple[ExchangeRule, ...] = ()
    trusted_issuers: tuple[TrustedIssuer, ...] = ()
    software_statement_issuers: tuple[SoftwareStatementIssuer, ...] = ()
    client_metadata_documents: ClientMetadataDocuments | None = None
    scopes: Mapping[str, str] = field(default_factory=dict)
    name: str = "The Bank"
    look: Look = field(default_factory=Look)
    texts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    listen: str = "127.0.0.1:9443"
    development_only: bool = True
    trusted_proxies: tuple[Network, ...] = ()
    store: str = "memory:"
    store_seal: tuple[bytes, ...] = field(default=(), repr=False)
    pairwise_salt: Concealed[bytes] | None = None
    """Makes the pairwise subjects. Another one changes all of them. None: this server has public subjects only."""
    auto_approve: str | None = None
    initial_access_token: Secret | None = None
    registration: RegistrationPolicy = field(
        default_factory=lambda: RegistrationPolicy(scopes=IDENTITY_SCOPES)
    )
    tls: TlsFiles | None = None
    client_certificates: CertificateHeader | None = None
    mtls_endpoint_aliases: str | None = None
    signing_jwks: Mapping[str, Any] | None = field(default=None, repr=False)
    signing_alg: str = "ES256"
    request_object_encryption: tuple[str, ...] = ()
    rotate_keys_after: float = 90 * 86_400.0
    access_token_lifetime: float = 300.0
    status_list_ttl: float | None = None
    """How long an API may keep a status list of JWT access tokens; None: this server has no status lists."""
    grant_lifetime: float = 90 * 86_400.0
    session_lifetime: float = 3600.0
    device_code_lifetime: float = 600.0
    auth_req_id_lifetime: float = 600.0
    polling_interval: float = 5.0
    refresh_rotation: bool = False
    dpop_nonces: bool = True
    browser_origins: tuple[str, ...] | None = None
    logo_origins: tuple[str, ...] = ()
    templates: Path | None = None
    http_ca: Path | None = None
    acr: str | tuple[str, ...] = "urn:fapikit:acr:password"
    limits: Limits = field(default_factory=Limits)

    @classmethod
    def load(cls, path: Path | str) -> Config:
        """Read a TOML file. Raises ConfigurationError."""
        path = Path(path)
        try:
            members = tomllib.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"{path} cannot be read: {error}") from error
        return cls.from_mapping(members, base=path.parent)

    @classmethod
    def from_mapping(cls, members: Mapping[str, Any], *, base: Path | str = ".") -> Config:
        """The same settings as a mapping. `clients` may hold RFC 7591 metadata instead of `clients_file`."""
        return cls(**read_settings(Table(members), Path(base)))

    def __post_init__(self) -> None:
        with citing(self.profile):
            self._check()

    def _check(self) -> None:
        check_text_settings(self)
        parts = urlsplit(self.issuer)
        if parts.scheme != "https" or not parts.netloc or parts.query or parts.fragment:
            raise ConfigurationError(
                "issuer must be an https URL without query and fragment", clause="RFC 9207 2"
            )
        self.profile.require_algorithm(self.signing_alg, "a token")
        sources = CertificateSources(self.tls, self.client_certificates, self.clients)
        check_certificates(self.profile, sources, self.mtls_endpoint_aliases)
        check_token_lifetime(self.profile, self.access_token_lifetime)
        check_status_list_ttl(self.status_list_ttl, self.access_token_lifetime)
        check_polling(self.device_code_lifetime, self.auth_req_id_lifetime, self.polling_interval)
        check_origins("browser_origins", self.browser_origins or ())
        check_origins("logo_origins", self.logo_origins)
        types = [known.type for known in self.authorization_details_types]
        check_texts(self.texts, scopes={*self.known_scopes, *self.scopes}, types=types)
        for alg in self.request_object_encryption:
            if alg not in KEY_MANAGEMENT:
                raise ConfigurationError(
                    f"signing.request_object_encryption: {alg} is not allowed: use {', '.join(KEY_MANAGEMENT)}",
                    clause="FAPI1-ADV 8.6.1-1",
                )
        host, _ = self.address
        if self.development_only:
            require_loopback(host, self.listen)
        _require_unique("clients", [client.client_id for client in self.clients])
        _require_unique("users", [user.username for user in self.users])
        _require_unique("login_hint_issuers", [each.issuer for each in self.login_hint_issuers])
        _require_unique("resources", [resource.uri for resource in self.resources])
        for resource in self.resources:  # a scope may belong to several of them, to each of them once
            _require_unique("resources.scopes", list(resource.scopes))
        _require_unique("authorization_details_types", [t.type for t in self.authorization_details_types])
        self._require_references()
        ids = {client.client_id for client in self.clients}
        check_client_profiles(self.profile, self.client_profiles, ids)
        check_assertion_audience(self.assertion_audience, (self.profile, *self.client_profiles.values()))
        check_exchange_rules(self.token_exchange, self.clients, [resource.uri for resource in self.resources])
        check_trusted_issuers(
            self.trusted_issuers,
            own_issuer=self.issuer,
            clients=self.clients,
            users=self.users,
            scopes=self.known_scopes,
            profile=self.profile,
        )
        check_software_statement_issuers(self.software_statement_issuers, self.profile)
        self._require_policy()
        self._require_users()
        check_acr_levels(self.acr_levels, self.users)
        check_pairwise_subjects(self.pairwise_salt, self.clients, self.resources)
        for client in self.clients:
            client.check(self.profile_of(client.client_id))

    def _require_references(self) -> None:
        client_ids = {client.client_id for client in self.clients}
        uris = {resource.uri for resource in self.resources}
        check_shared_signals(self.shared_signals, client_ids, uris)
        for resource in self.resources:
            own = set(resource.scopes) & {*IDENTITY_SCOPES, *CLIENT_SCOPES}
            if own:
                raise ConfigurationError(
                    f"resources: {resource.uri} has the scope {min(own)!r}, which belongs to an endpoint of this"
                    " server: remove it"
                )
            encrypting = () if resource.encryption is None else (resource.encryption.client_id,)
            for setting, named in (
                ("introspection_clients", resource.introspection_clients),
                ("encryption_client", encrypting),
            ):
                if missing := set(named) - client_ids:
                    raise ConfigurationError(
                        f"resources: {setting} of {resource.uri} has no such client: {min(missing)!r}"
                    )
        scopes = {*self.known_scopes, *self.scopes}
        for client in self.clients:
            if unknown := (client.scopes or frozenset()) - scopes:
                raise ConfigurationError(
                    f"client {client.client_id}: scope has {min(unknown)!r}, which no resource has"
                )
        for details in self.authorization_details_types:
            self._require_api(details)
            for uri in details.resources:
                if uri not in uris:
                    raise ConfigurationError(
                        f"authorization_details_types: {details.type!r} has a resource that is not configured: {uri!r}"
                    )
        check_lodgings(self.lodgings, self.resources, action_required=self.grant_management.action_required)

    def _require_policy(self) -> None:
        """Check that whatever the policy lets self-registered clients have exists."""
        policy, profile = self.registration, self.profile
        possible: dict[str, Iterable[str]] = {
            "scopes": self.known_scopes,
            "authorization_details_types": [known.type for known in self.authorization_details_types],
            "grant_management_actions": self.grant_management.actions,
            "grant_types": GRANT_TYPES,
            "response_types": profile.response_types,
            "response_modes": profile.response_modes,
            "token_endpoint_auth_methods": profile.client_authentication_methods,
            "subject_types": [PUBLIC] if self.pairwise_salt is None else [PUBLIC, PAIRWISE],
        }
        if policy.subject_types == ():
            raise ConfigurationError(
                "registration.subject_types is empty: leave it out, or name at least one",
                facts={"setting": "registration.subject_types"},
            )
        for name, known in possible.items():
            if unknown := set(getattr(policy, name) or ()) - set(known):
                raise ConfigurationError(
                    f"registration.{name} has {min(unknown)!r}, which is not one of: {', '.join(sorted(known))}",
                    facts={"setting": f"registration.{name}"},
                )
        if policy.software_statement_required and not self.software_statement_issuers:
            raise ConfigurationError(
                "registration.software_statement_required contradicts software_statement_issuers, which names no"
                " directory: add one",
                clause="RFC 7591 2.3",
                facts={"setting": "registration.software_statement_required"},
            )
        is_open = self.initial_access_token is not None
        if is_open and policy.max_clients * ID_OCTETS > self.limits.record_octets:
            raise ConfigurationError(
                f"registration.max_clients = {policy.max_clients} is too many for limits.record_octets = "
                f"{self.limits.record_octets}: the list of clients needs {ID_OCTETS} octets for each",
                facts={"setting": "registration.max_clients"},
            )

    def _require_api(self, details: DetailsType) -> None:
        """A type must belong to an API. With development_only a missing one is only warned about; no token has it."""
        if details.resources:
            return
        message = (
            f"authorization_details_types ({details.type}) names no API, so no token contains it: "
            "set resource to the API that details of this type are for, or to an array"
        )
        if not self.development_only:
            raise ConfigurationError(message, facts={"setting": "authorization_details_types.resource"})
        log.warning(message)

    def _require_users(self) -> None:
        if self.auto_approve is not None and self.auto_approve not in {user.username for user in self.users}:
            raise ConfigurationError(f"auto_approve = {self.auto_approve!r} is not a configured user")
        if self.auto_approve is not None and not self.development_only:
            raise ConfigurationError("auto_approve needs development_only = true, because it asks no user")
        client_ids = {client.client_id for client in self.clients}
        for user in self.users:
            if not _SUBJECT.match(user.sub):
                raise ConfigurationError(
                    f"users: {user.username!r} cannot be a subject (1 to 255 ASCII characters): set "
                    "claims.sub of this user",
                    clause="OIDC 2",
                    facts={"setting": "users.claims.sub"},
                )
            if user.sub in client_ids:
                # FAPI2-SP 6.7: a client must not be mistaken for a user.
                raise ConfigurationError(
                    f"the user {user.username!r} and a client have the same subject {user.sub!r}: change one of them",
                    clause="FAPI2-SP 6.7",
                )

    @property
    def acr_levels(self) -> tuple[str, ...]:
        """The levels that a sign-in can reach, the weakest first."""
        return (self.acr,) if isinstance(self.acr, str) else self.acr

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to listen on. Raises ConfigurationError."""
        host, _, port = self.listen.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65_535:
            raise ConfigurationError(f"listen = {self.listen!r} must be host:port")
        return host.strip("[]"), int(port)

    @property
    def origins_let_in(self) -> tuple[str, ...]:
        """The origins whose pages may call this server.

        Default: any if development_only has public clients, else none.
        """
        if self.browser_origins is not None:
            return self.browser_origins
        on_a_laptop = self.development_only and "none" in self.profile.client_authentication_methods
        return (ANY,) if on_a_laptop else ()

    def profile_of(self, client_id: str) -> Profile:
        """The profile that applies to one client."""
        return self.client_profiles.get(client_id, self.profile)

    def rotates(self, client: Client) -> bool:
        """Whether this client's refresh tokens rotate. A token that is bound to no key rotates in any case."""
        relaxed = self.profile_of(client.client_id).is_relaxed_by(Quirk.REFRESH_ROTATION)
        return self.refresh_rotation or relaxed

    def exchange_rule(self, client_id: str) -> ExchangeRule:
        """What a client that is registered for token exchange may exchange."""
        named = (rule for rule in self.token_exchange if client_id in rule.clients)
        return next(named, OWN_ACCESS_TOKENS)

    def resource(self, uri: str) -> Resource | None:
        return next((resource for resource in self.resources if resource.uri == uri), None)

    def can_reach(self, client: Client, uri: str) -> bool:
        """Whether a client may have a token for this API. A self-registered client needs a scope or a type of it."""
        if not client.self_registered:
            return True
        resource = self.resource(uri)
        types = (known.type for known in self.authorization_details_types if uri in known.resources)
        return (resource is not None and any(map(client.may_have_scope, resource.scopes))) or any(
            map(client.may_have_details, types)
        )

    def details_type(self, name: str) -> DetailsType | None:
        return next((known for known in self.authorization_details_types if known.type == name), None)

    @property
    def lodgings(self) -> tuple[tuple[DetailsType, Lodging], ...]:
        """The types whose details are lodged before, and how."""
        return tuple((known, known.lodged) for known in self.authorization_details_types if known.lodged)

    @property
    def lodging_prefixes(self) -> frozenset[str]:
        """How requests name lodged intents: the beginning of a scope; empty: by a claim."""
        return frozenset(lodging.shape.scope_prefix for _, lodging in self.lodgings)

    @property
    def known_scopes(self) -> tuple[str, ...]:
        """The identity scopes, those of grant management and of shared signals, then those of the resources."""
        scopes = (scope for resource in self.resources for scope in resource.scopes)
        signals = () if self.shared_signals is None else SIGNALS_SCOPES
        return (*IDENTITY_SCOPES, *self.grant_management.scopes, *signals, *dict.fromkeys(scopes))

    def is_asked_for_by_name(self, resource: Resource) -> bool:
        """Whether an API has neither scopes nor types of details. Then naming the resource requests access to it."""
        return not resource.scopes and not any(
            resource.uri in known.resources for known in self.authorization_details_types
        )


def _require_unique(setting: str, names: list[str]) -> None:
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ConfigurationError(f"{setting}: {min(twice)!r} is given twice", facts={"setting": setting})
