"""Checks client metadata member by member: the type of each, https for URLs, only public keys.

Spec: RFC 7591 2; RFC 9101 5.2; OIDC Registration 2; OIDC Back-Channel Logout 2.2; RFC 7517 9.2
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from askit.clients import backchannel, grant_management, sector_identifier
from askit.clients.certificates import BOUND_TO_CERTIFICATE
from askit.errors import InvalidClientMetadata
from fapikit.certificates.subject import SUBJECT_MEMBERS
from fapikit.errors import FapiError
from fapikit.jose.encryption_agreement import MEMBERS as AGREED_MEMBERS
from fapikit.jose.encryption_agreement import REQUEST_OBJECT, read_agreements
from fapikit.jose.key_set import KeySet
from fapikit.jose.public_key import PRIVATE_MEMBERS
from fapikit.urls import is_secure
from fapikit.urns import CIBA, DEVICE_CODE, JWT_BEARER, TOKEN_EXCHANGE

GRANT_TYPES: Final = frozenset(
    {
        "authorization_code",
        "refresh_token",
        "client_credentials",
        DEVICE_CODE,
        TOKEN_EXCHANGE,
        JWT_BEARER,
        CIBA,
    }
)
_URLS: Final = (
    "client_uri", "logo_uri", "policy_uri", "tos_uri", "jwks_uri", "initiate_login_uri", "backchannel_logout_uri",
    sector_identifier.SECTOR_IDENTIFIER_URI,
)  # fmt: skip
ALGORITHMS: Final = (
    "token_endpoint_auth_signing_alg",
    "id_token_signed_response_alg",
    "userinfo_signed_response_alg",
    "request_object_signing_alg",
    "authorization_signed_response_alg",
    "introspection_signed_response_alg",
    backchannel.SIGNING_ALG,
)
_STRINGS: Final = (
    "client_name",
    "scope",
    "token_endpoint_auth_method",
    *SUBJECT_MEMBERS,
    sector_identifier.SUBJECT_TYPE,
    backchannel.DELIVERY_MODE,
    backchannel.NOTIFICATION_ENDPOINT,
    *_URLS,
    *ALGORITHMS,
    *AGREED_MEMBERS,
)
STRING_LISTS: Final = (
    "redirect_uris",
    "post_logout_redirect_uris",
    "grant_types",
    "response_types",
    "response_modes",
    "request_uris",
    "contacts",
    "authorization_details_types",
    grant_management.ACTIONS,
)
_REQUEST_URI_CHARACTERS: Final = 512
BOUND_TO_KEY: Final = "dpop_bound_access_tokens"
"""All tokens of this client are bound to a key (RFC 9449 5.2)."""
FLAGS: Final = (
    BOUND_TO_KEY,
    BOUND_TO_CERTIFICATE,
    "require_pushed_authorization_requests",
    "require_signed_request_object",
    "require_auth_time",
    "use_mtls_endpoint_aliases",
    "backchannel_logout_session_required",
    backchannel.USER_CODE,
    grant_management.ACTION_REQUIRED,
)
MEMBERS: Final = frozenset(
    {
        *_STRINGS,
        *STRING_LISTS,
        *FLAGS,
        "client_id",
        "client_secret",
        "default_max_age",
        "jwks",
        "may_act",
    }
)
"""The members that this server reads. Others are kept, but have no effect."""


def check_types(members: Mapping[str, Any]) -> None:
    """Raises InvalidClientMetadata."""
    for name in _STRINGS:
        if name in members and not isinstance(members[name], str):
            raise InvalidClientMetadata(f"{name} must be a string")
    for name in STRING_LISTS:
        value = members.get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise InvalidClientMetadata(f"{name} must be an array of strings")
    if "may_act" in members and not _names_an_actor(members["may_act"]):
        raise InvalidClientMetadata(
            "may_act must be an object with sub, and with iss if that is another server",
            clause="RFC 8693 4.4",
        )
    for name in FLAGS:
        if not isinstance(members.get(name, False), bool):
            raise InvalidClientMetadata(f"{name} must be a boolean")


def _names_an_actor(value: Any) -> bool:
    if not isinstance(value, dict) or not value.keys() <= {"iss", "sub"}:
        return False
    return "sub" in value and all(isinstance(name, str) and name for name in value.values())


def check_values(members: Mapping[str, Any]) -> None:
    """Check the values of members with correct types. Raises InvalidClientMetadata."""
    default_max_age = members.get("default_max_age", 0)
    if isinstance(default_max_age, bool) or not isinstance(default_max_age, int) or default_max_age < 0:
        raise InvalidClientMetadata("default_max_age must be a number of seconds")
    for name in _URLS:
        if name in members and not is_secure(members[name]):
            raise InvalidClientMetadata(f"{name} must be an https URL")
    for uri in members.get("request_uris", ()):
        if not is_secure(uri) or len(uri) > _REQUEST_URI_CHARACTERS:
            raise InvalidClientMetadata(
                f"request_uris holds one that is no https URL of at most {_REQUEST_URI_CHARACTERS} characters",
                clause="RFC 9101 5.2",
            )
    if "#" in members.get("backchannel_logout_uri", ""):
        raise InvalidClientMetadata(
            "backchannel_logout_uri must not have a fragment", clause="OIDC Back-Channel Logout 2.2"
        )
    for grant in members.get("grant_types", ()):
        if grant not in GRANT_TYPES:
            raise InvalidClientMetadata("grant_types has a grant that this server does not support")


def check_encryption(members: Mapping[str, Any]) -> None:
    """Check that requested encryption is possible. Raises InvalidClientMetadata."""
    for name in read_agreements(members, InvalidClientMetadata):
        if name != REQUEST_OBJECT and not {"jwks", "jwks_uri"} & members.keys():
            raise InvalidClientMetadata(f"{name}_alg needs a key to encrypt with: register jwks or jwks_uri")
    if "userinfo_encrypted_response_alg" in members and "userinfo_signed_response_alg" not in members:
        raise InvalidClientMetadata(
            "userinfo_encrypted_response_alg needs userinfo_signed_response_alg: UserInfo is signed, then encrypted"
        )


def read_keys(members: Mapping[str, Any]) -> KeySet | None:
    """The keys in `jwks`, if there are any. Raises InvalidClientMetadata."""
    jwks = members.get("jwks")
    if jwks is None:
        return None
    if "jwks_uri" in members:
        raise InvalidClientMetadata("register jwks or jwks_uri, not both")
    if not isinstance(jwks, dict):
        raise InvalidClientMetadata("jwks must be a JWK Set")
    keys = jwks.get("keys")
    if isinstance(keys, list) and any(isinstance(key, dict) and PRIVATE_MEMBERS & key.keys() for key in keys):
        raise InvalidClientMetadata("jwks must hold public keys only", clause="RFC 7517 9.2")
    try:
        return KeySet.from_jwks(jwks)
    except FapiError as error:
        raise InvalidClientMetadata(f"jwks: {error.message}") from error
