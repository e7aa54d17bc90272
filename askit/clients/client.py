"""Registered clients: their metadata read strictly, and where it is found.

Spec: RFC 7591 2; OIDC Registration 2; FAPI2-SP 5.3.2.1-3, 5.3.2.1-6, 5.3.2.2-8; FAPI2-MS 5.3.3
Spec: FAPI1-BL 5.2.2-3, 7.5-1, 7.5-2; FAPI1-ADV 5.2.2-14, 5.2.2-16
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urldefrag, urlsplit

from askit.clients import backchannel, grant_management, sector_identifier
from askit.clients.certificates import check_certificate_members
from askit.clients.metadata import (
    ALGORITHMS,
    BOUND_TO_KEY,
    check_encryption,
    check_types,
    check_values,
    read_keys,
)
from askit.clients.redirect_uris import check_redirect_uri, is_registered
from askit.errors import InvalidClientMetadata
from askit.shares import Owner
from fapikit.errors import UnusableKey
from fapikit.jose.key_set import KeySet, KeySource
from fapikit.jose.shared_secret import MAC_OCTETS
from fapikit.jwks import RemoteKeySet
from fapikit.profiles import Profile
from fapikit.secrets import Secret
from fapikit.urns import DEVICE_CODE
from fapikit.visible_text import can_be_seen

if TYPE_CHECKING:
    from fapikit.clock import Clock

REGISTERED_FROM: Final = "registered_from"
"""Our own metadata member for a client that registered itself: its address, as a pseudonym."""
STATEMENT_ISSUER: Final = "software_statement_issuer"
"""Our own metadata member for a client whose software statement counted: the directory that signed it."""
SECRET_METHODS: Final = frozenset({"client_secret_basic", "client_secret_post", "client_secret_jwt"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One registered client. `metadata` holds every member as registered, except the secret.

    `self_registered`: it is not from the configuration, so the policy for such clients applies to it.
    `document_host`: where its metadata lie, if its client_id is their URL. The user is shown this host.
    """

    client_id: str
    metadata: Mapping[str, Any]
    secret: Secret | None = None
    self_registered: bool = False
    document_host: str | None = None
    _keys: KeySet | None = field(default=None, repr=False)

    @classmethod
    def read(cls, metadata: Mapping[str, Any]) -> Client:
        """Check the types of the members and their combination. Raises InvalidClientMetadata, InvalidRedirectUri."""
        members = dict(metadata)
        client_id, secret = members.get("client_id"), members.pop("client_secret", None)
        if not isinstance(client_id, str) or not client_id or not client_id.isprintable():
            raise InvalidClientMetadata("client_id must be a non-empty string")
        check_types(members)
        check_values(members)
        check_encryption(members)
        backchannel.check_backchannel_members(members)
        grant_management.check_grant_management(members)
        sector_identifier.check_subject_members(members)
        if secret is not None and not isinstance(secret, str):
            raise InvalidClientMetadata("client_secret must be a string")
        keys = read_keys(members)
        client = cls(
            client_id=client_id,
            metadata=members,
            secret=None if secret is None else Secret(secret),
            _keys=keys,
        )
        check_certificate_members(client.auth_method, members, keys)
        native = client.auth_method == "none" and members.get("application_type") != "web"
        for uri in (*client.redirect_uris, *client.post_logout_redirect_uris):
            check_redirect_uri(uri, native=native)
        client._check_method()
        return client

    def check(self, profile: Profile) -> None:
        """Raise InvalidClientMetadata unless the profile allows this registration."""
        method = self.auth_method
        if method not in profile.client_authentication_methods:
            setting = "public_clients" if method == "none" else "client_authentication_methods"
            raise self._refuse(
                f"{profile.name} does not allow token_endpoint_auth_method {method}", profile.clause(setting)
            )
        if method == "client_secret_jwt":
            self._check_secret(profile)
        for uri in (*self.redirect_uris, *self.post_logout_redirect_uris):
            self._check_redirect(uri, profile)
        for name in ALGORITHMS:
            alg = self.metadata.get(name)
            symmetric = name == "token_endpoint_auth_signing_alg" and method == "client_secret_jwt"
            if alg is not None and alg not in profile.signing_algorithms and not symmetric:
                raise self._refuse(
                    f"{profile.name} does not allow {name} {alg}", profile.clause("signing_algorithms")
                )
        if DEVICE_CODE in self.grant_types and not profile.device_grant:
            raise self._refuse(
                f"{profile.name} does not allow the device grant", profile.clause("device_grant")
            )
        if self.flag(BOUND_TO_KEY) and "dpop" not in profile.sender_constraints:
            raise self._refuse(
                f"{profile.name} does not allow {BOUND_TO_KEY}", profile.clause("sender_constraints")
            )
        backchannel.check_backchannel_profile(self.metadata, profile)
        for response_type in self.metadata.get("response_types", ()):
            if response_type not in profile.response_types:
                raise self._refuse(
                    f"{profile.name} does not allow this response type", profile.clause("response_types")
                )

    def _check_secret(self, profile: Profile) -> None:
        alg = self.alg("token_endpoint_auth_signing_alg") or "HS256"
        if alg not in MAC_OCTETS:
            raise self._refuse(
                f"client_secret_jwt is signed with {', '.join(MAC_OCTETS)}: token_endpoint_auth_signing_alg is {alg}",
                profile.clause("signing_algorithms"),
            )
        if not self.has_secret_for(alg, profile):
            raise self._refuse(
                f"client_secret is shorter than {alg} asks for: {MAC_OCTETS[alg]} octets",
                profile.clause("symmetric_octets"),
            )

    def has_secret_for(self, alg: str, profile: Profile) -> bool:
        """Whether its secret is long enough for a MAC of this algorithm."""
        octets = 0 if self.secret is None else len(self.secret.reveal().encode())
        return octets >= max(profile.symmetric_octets, MAC_OCTETS[alg])

    def _check_redirect(self, uri: str, profile: Profile) -> None:
        """What the profile leaves to native apps; all else was refused when it was read."""
        scheme = urlsplit(uri).scheme
        if scheme == "http" and not profile.loopback_redirects:
            raise self._refuse(
                f"{profile.name} does not allow redirect URIs on loopback",
                profile.clause("loopback_redirects"),
            )
        if scheme not in ("http", "https") and not profile.private_use_redirects:
            raise self._refuse(
                f"{profile.name} does not allow redirect URIs of a private-use scheme",
                profile.clause("private_use_redirects"),
            )

    def _check_method(self) -> None:
        method = self.auth_method
        if method == "private_key_jwt" and self._keys is None and "jwks_uri" not in self.metadata:
            raise self._refuse("private_key_jwt needs jwks or jwks_uri", "RFC 7591 2")
        if method == "private_key_jwt" and self._keys is not None and not self._keys.keys:
            raise self._refuse("private_key_jwt needs a key, but jwks has no usable one", "RFC 7591 2")
        if method in SECRET_METHODS and self.secret is None:
            raise self._refuse(f"{method} needs a client_secret", "RFC 7591 2")
        if "authorization_code" in self.grant_types and not self.redirect_uris and self.response_types:
            raise self._refuse("the authorization_code grant needs redirect_uris", "RFC 7591 2")

    def _refuse(self, message: str, clause: str) -> InvalidClientMetadata:
        return InvalidClientMetadata(
            f"client {self.client_id}: {message}", clause=clause, facts={"client_id": self.client_id}
        )

    @property
    def name(self) -> str:
        """What users read of it: its `client_id`, unless it has a name that can be seen."""
        name = str(self.metadata.get("client_name", ""))
        return name if can_be_seen(name) else self.client_id

    @property
    def owners(self) -> tuple[Owner, ...]:
        """Whose shares its records count against. A client that registered itself gets a part of a full share."""
        if not self.self_registered:
            return (Owner("client", self.client_id),)
        return (
            Owner("client", self.client_id, 4),
            Owner("address", str(self.metadata.get(REGISTERED_FROM, "")), 2),
            Owner("registered clients", ""),
        )

    @property
    def redirect_uris(self) -> tuple[str, ...]:
        return tuple(self.metadata.get("redirect_uris", ()))

    @property
    def post_logout_redirect_uris(self) -> tuple[str, ...]:
        return tuple(self.metadata.get("post_logout_redirect_uris", ()))

    @property
    def grant_types(self) -> tuple[str, ...]:
        default = ("authorization_code",) if self.redirect_uris else ()
        return tuple(self.metadata.get("grant_types", default))

    @property
    def response_types(self) -> tuple[str, ...]:
        return tuple(self.metadata.get("response_types", ("code",)))

    @property
    def response_modes(self) -> tuple[str, ...] | None:
        """The modes that it may use. None: any (FAPI2-MS 5.3.3)."""
        modes = self.metadata.get("response_modes")
        return None if modes is None else tuple(modes)

    @property
    def scopes(self) -> frozenset[str] | None:
        """The scopes that it may request. None: all."""
        scope = self.metadata.get("scope")
        return None if scope is None else frozenset(scope.split())

    @property
    def details_types(self) -> tuple[str, ...] | None:
        types = self.metadata.get("authorization_details_types")
        return None if types is None else tuple(types)

    @property
    def may_act(self) -> Mapping[str, Any] | None:
        """Our own metadata member: who may act for the users of its tokens (RFC 8693 4.4). None: no claim says so."""
        return self.metadata.get("may_act")

    def may_have_scope(self, scope: str) -> bool:
        return self.scopes is None or scope in self.scopes

    def may_have_details(self, type_: str) -> bool:
        return self.details_types is None or type_ in self.details_types

    def may_manage(self, action: str) -> bool:
        """Whether it may use this action of grant management. Public clients have none (GM 5.1)."""
        registered = self.metadata.get(grant_management.ACTIONS)
        return self.auth_method != "none" and (registered is None or action in registered)

    @property
    def pairwise(self) -> bool:
        """Whether it knows users by pairwise subjects (OIDC 8)."""
        return sector_identifier.is_pairwise(self.metadata)

    @property
    def sector(self) -> str:
        """The host that is its sector, if it is pairwise."""
        return sector_identifier.sector_of(self.metadata)

    @property
    def delivery_mode(self) -> str | None:
        """How the tokens of its CIBA requests reach it. None: it may not send any."""
        return str(self.metadata[backchannel.DELIVERY_MODE]) if backchannel.uses_ciba(self.metadata) else None

    @property
    def auth_method(self) -> str:
        return str(self.metadata.get("token_endpoint_auth_method", "client_secret_basic"))

    def alg(self, name: str) -> str | None:
        """A registered algorithm, by the name of its metadata member."""
        value = self.metadata.get(name)
        return None if value is None else str(value)

    def flag(self, name: str) -> bool:
        return self.metadata.get(name) is True

    def accepts_redirect_uri(self, uri: str) -> bool:
        return is_registered(uri, self.redirect_uris)

    def hosts_request_object(self, uri: str) -> bool:
        """Whether it registered this URI; one that it registered without a fragment may come with any."""
        registered = self.metadata.get("request_uris", ())
        return uri in registered or urldefrag(uri).url in registered

    @property
    def own_certificates(self) -> frozenset[bytes]:
        """Those of the keys in its `jwks`, DER."""
        return frozenset() if self._keys is None else self._keys.read_certificates()

    def key_source(self, clock: Clock) -> KeySource:
        """Raises UnusableKey for a client without registered keys."""
        if self._keys is not None:
            return self._keys
        uri = self.metadata.get("jwks_uri")
        if not isinstance(uri, str):
            raise UnusableKey("this client has no keys: register jwks or jwks_uri", clause="RFC 7591 2")
        return RemoteKeySet(uri, clock=clock)
