"""Registering this client at a server, and refusing a registration that came out weaker than was asked.

Spec: RFC 7591 2, 3.1, 3.2.1, 3.2.2; FAPI2-SP 5.3.3.1-2, 5.4.1-1.2; JARM 3
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from fapikit import strict_json
from fapikit.errors import ConfigurationError, Remedy, UnusableKey
from fapikit.flow import Flow, http
from fapikit.http_message import Fields, HttpRequest, read_json_object, read_refusal
from fapikit.jose.public_key import import_public_jwk
from fapikit.metadata import ServerMetadata, discover
from fapikit.profiles import Profile
from fapikit.secrets import Secret, revealed
from fapikit.stores.sealed import Seal
from fapikit.tracebacks import forgets_locals
from fapikit.urls import require_no_downgrade, require_secure
from rpkit.errors import RegistrationError
from rpkit.registration.redirect_uris import require_redirect_uri

_LEFT_OUT: Final[Mapping[str, object]] = {
    "token_endpoint_auth_method": "client_secret_basic",
    "redirect_uris": None,
    "request_object_signing_alg": None,
    "require_signed_request_object": False,
    "require_pushed_authorization_requests": False,
    "dpop_bound_access_tokens": False,
    "tls_client_certificate_bound_access_tokens": False,
}
"""What the server is to enforce, with what each means where it is left out: nobody else would notice its loss."""
_RESPONSE_ALGS: Final = (
    "id_token_signed_response_alg",
    "authorization_signed_response_alg",
    "introspection_signed_response_alg",
    "userinfo_signed_response_alg",
)
"""What the client enforces too, on each answer: a server without a say in it may leave them out."""
_SEAL_CONTEXT: Final = "rpkit.registration.registration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What the server registered. The calls of `client_configuration` look after it later: `seal` keeps it for them."""

    client_id: str
    client_secret: Secret | None
    client_secret_expires_at: float | None
    registration_access_token: Secret | None
    registration_client_uri: str | None
    metadata: Mapping[str, Any] = field(repr=False)

    def over(self, before: Registration) -> Registration:
        """With what a later answer need not repeat."""
        return replace(
            self,
            client_secret=self.client_secret or before.client_secret,
            client_secret_expires_at=(self if self.client_secret else before).client_secret_expires_at,
            registration_access_token=self.registration_access_token or before.registration_access_token,
            registration_client_uri=self.registration_client_uri or before.registration_client_uri,
        )

    def seal(self, seal: Seal) -> str:
        """Encrypted and authenticated, fit for a file or a database: it holds the secrets."""
        secrets = (self.client_secret, self.registration_access_token)
        members = {
            "client_id": self.client_id,
            "secrets": [None if secret is None else secret.reveal() for secret in secrets],
            "client_secret_expires_at": self.client_secret_expires_at,
            "registration_client_uri": self.registration_client_uri,
            "metadata": dict(self.metadata),
        }
        return seal.seal_text(strict_json.dump(members), _SEAL_CONTEXT)

    @classmethod
    @forgets_locals
    def open(cls, sealed: str, seal: Seal) -> Registration:
        """Raises SealBroken."""
        members = dict(strict_json.parse_object(seal.open_text(sealed, _SEAL_CONTEXT)))
        secret, access_token = (None if text is None else Secret(text) for text in members.pop("secrets"))
        return cls(client_secret=secret, registration_access_token=access_token, **members)


def register(
    server: ServerMetadata,
    client_metadata: Mapping[str, Any],
    *,
    profile: Profile,
    initial_access_token: Secret | str | None = None,
) -> Flow[Registration]:
    """Raises ForbiddenByProfile, ConfigurationError before the call; PeerRefused, RegistrationError, TransportError."""
    check_request(client_metadata, profile)
    headers: Fields = (("content-type", "application/json"), ("accept", "application/json"))
    if initial_access_token is not None:
        headers = (*headers, ("authorization", Secret(f"Bearer {revealed(initial_access_token)}")))
        initial_access_token = None  # from here on it is in the headers alone
    request = HttpRequest(
        "POST", server.endpoint("registration_endpoint"), headers, strict_json.dump(client_metadata)
    )
    response = yield from http(request)
    if response.status == 401:  # the initial access token is wrong or missing: no protocol is broken
        raise read_refusal(response, clause="RFC 7591 3", remedy=Remedy.FIX_CONFIGURATION)
    return read_registration_answer(
        read_json_object(response, status=201, clause="RFC 7591 3.2.1"),
        client_metadata,
        named_by=server.issuer,
    )


def register_at(
    issuer: str,
    client_metadata: Mapping[str, Any],
    *,
    profile: Profile,
    initial_access_token: Secret | str | None = None,
) -> Flow[Registration]:
    """Discover the server, then register there."""
    token = None if initial_access_token is None else Secret(revealed(initial_access_token))
    initial_access_token = None
    server = yield from discover(issuer)
    return (yield from register(server, client_metadata, profile=profile, initial_access_token=token))


def check_request(asked: Mapping[str, Any], profile: Profile) -> None:
    """Raises ForbiddenByProfile, ConfigurationError."""
    method = asked.get("token_endpoint_auth_method", "client_secret_basic")
    profile.require(
        method in profile.client_authentication_methods,
        f"token_endpoint_auth_method {method} is not allowed",
        "client_authentication_methods",
    )
    for name in ("request_object_signing_alg", *_RESPONSE_ALGS):
        if name in asked:
            profile.require_algorithm(asked[name], name)
    # What is left out is registered as RS256 (RFC 7591 2, JARM 3).
    if "RS256" not in profile.signing_algorithms:
        for name in ("id_token_signed_response_alg", *_jarm(profile)):
            if name not in asked:
                raise ConfigurationError(
                    f"{name} left out means RS256, which {profile.name} does not allow: name one",
                    clause=profile.clause("signing_algorithms"),
                    facts={"member": name},
                )
    for name in ("redirect_uris", "post_logout_redirect_uris"):
        for uri in asked.get(name, ()):
            require_redirect_uri(uri, profile, name)
    if "jwks" in asked and "jwks_uri" in asked:
        raise ConfigurationError("jwks and jwks_uri exclude each other", clause="RFC 7591 2")
    for jwk in asked.get("jwks", {}).get("keys", ()):
        _require_public(jwk)


def _jarm(profile: Profile) -> tuple[str, ...]:
    return ("authorization_signed_response_alg",) if profile.jarm_required else ()


def _require_public(jwk: Mapping[str, Any]) -> None:
    try:
        import_public_jwk(jwk)
    except UnusableKey as error:
        raise ConfigurationError(
            f"a key of jwks cannot be registered: {error.message}", clause=error.clause
        ) from error


def read_registration_answer(
    members: Mapping[str, Any], asked: Mapping[str, Any], *, named_by: str
) -> Registration:
    """What the server says it has registered, and no less than was asked. Raises RegistrationError, InsecureUrl."""
    client_id = _text(members, "client_id")
    if not client_id:
        raise RegistrationError("the registration answer has no client_id", facts={"member": "client_id"})
    secret, expires_at = _secret(members, "client_secret"), members.get("client_secret_expires_at")
    if secret is not None and (isinstance(expires_at, bool) or not isinstance(expires_at, int | float)):
        raise RegistrationError(
            "a client_secret comes with client_secret_expires_at",
            facts={"member": "client_secret_expires_at"},
        )
    # All that is registered is in the answer (RFC 7591 3.2.1): what is not has its default.
    meanings = {**{name: asked.get(name) for name in _RESPONSE_ALGS}, **_LEFT_OUT}
    for name, meaning in meanings.items():
        if name in asked and members.get(name, meaning) != asked[name]:
            raise RegistrationError(
                f"the server registered another {name} than was asked, or none",
                facts={"member": name, "expected": asked[name], "got": members.get(name, "(left out)")},
            )
    uri = _text(members, "registration_client_uri")
    if uri is not None:
        require_no_downgrade(
            named_by, require_secure(uri, "registration_client_uri"), "registration_client_uri"
        )
    shown = {
        name: value
        for name, value in members.items()
        if name not in ("client_secret", "registration_access_token")
    }
    return Registration(
        client_id=client_id,
        client_secret=secret,
        client_secret_expires_at=float(expires_at) if secret is not None and expires_at else None,
        registration_access_token=_secret(members, "registration_access_token"),
        registration_client_uri=uri,
        metadata=shown,
    )


def _text(members: Mapping[str, Any], name: str) -> str | None:
    value = members.get(name)
    if value is None or isinstance(value, str):
        return value
    raise RegistrationError(f"{name} of the registration answer is not a string", facts={"member": name})


def _secret(members: Mapping[str, Any], name: str) -> Secret | None:
    value = _text(members, name)
    return None if value is None else Secret(value)
