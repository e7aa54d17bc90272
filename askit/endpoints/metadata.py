"""The metadata of this server: the same document under both well-known names.

Spec: CIMD 5
Spec: RFC 8414 2, 3; OIDC Discovery 3, 4; RFC 9126 5; RFC 9207 2.3; RFC 9449 5.1; RFC 9396 10; JARM 4; RFC 8705 3.3, 5
Spec: RFC 8628 4; FAPI2-SP 5.3.2.1-1; FAPI1-BL 5.2.2-22
Spec: IDA 8; TSL 9.1; CIBA 4b, 4c; GM 7.1; FAPI-CIBA 5.2.2-3, 5.2.2-4, 5.2.2-5
Role: AS
"""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from askit.clients.certificates import BOUND_TO_CERTIFICATE
from askit.clients.sector_identifier import PAIRWISE, PUBLIC
from askit.core import Core
from askit.grants.by_type import GRANTS
from askit.issuing.status_lists import ENDPOINT
from askit.issuing.verified_claims import verified_claims_metadata
from askit.messages import public_json
from askit.pages.catalogues import LANGUAGES
from askit.users.claims import known_claims
from askit.users.levels import levels_of
from fapikit.claim_requests import VERIFIED_CLAIMS
from fapikit.client_id_metadata import SUPPORTED
from fapikit.jose.encryption import CONTENT_ENCRYPTION
from fapikit.jose.encryption_agreement import ENCRYPTED_RESPONSES
from fapikit.jose.encryption_keys import KEY_MANAGEMENT
from fapikit.jose.shared_secret import HMAC_ALGORITHMS
from fapikit.urns import DEVICE_CODE, JWT_BEARER

_ALIASED: Final = (
    "token_endpoint",
    "pushed_authorization_request_endpoint",
    "introspection_endpoint",
    "revocation_endpoint",
    "userinfo_endpoint",
    "registration_endpoint",
    "device_authorization_endpoint",
    "backchannel_authentication_endpoint",
    "grant_management_endpoint",
)
"""What programs call, and so may call with a certificate."""


async def metadata(core: Core, _request: Request) -> Response:
    return public_json(core.metadata_body(build_metadata(core)), max_age=300)


def build_metadata(core: Core) -> dict[str, Any]:
    """The document, from the profile and the settings."""
    profile, config = core.profile, core.config
    algorithms = sorted(core.signing_algorithms)
    verified = sorted(profile.signing_algorithms)
    methods = sorted(core.client_authentication_methods)
    modes = [mode for mode in core.response_modes if mode in profile.response_modes]
    if profile.jarm_required:
        modes = [mode for mode in modes if "jwt" in mode]
    document: dict[str, Any] = {
        "issuer": config.issuer,
        "authorization_endpoint": core.endpoint("authorize"),
        "token_endpoint": core.endpoint("token"),
        "pushed_authorization_request_endpoint": core.endpoint("par"),
        "introspection_endpoint": core.endpoint("introspect"),
        "revocation_endpoint": core.endpoint("revoke"),
        "userinfo_endpoint": core.endpoint("userinfo"),
        "end_session_endpoint": core.endpoint("end_session"),
        "backchannel_authentication_endpoint": core.endpoint("backchannel_authentication"),
        "backchannel_token_delivery_modes_supported": sorted(profile.backchannel_delivery_modes),
        "backchannel_authentication_request_signing_alg_values_supported": verified,
        "backchannel_user_code_parameter_supported": any(user.user_code for user in config.users),
        "jwks_uri": core.endpoint("jwks"),
        "scopes_supported": list(config.known_scopes),
        "response_types_supported": sorted(profile.response_types & core.response_types),
        "response_modes_supported": modes,
        "grant_types_supported": _grant_types(core),
        "subject_types_supported": [PUBLIC] if config.pairwise_salt is None else [PUBLIC, PAIRWISE],
        "acr_values_supported": list(levels_of(config, None)),
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claims_supported": ["sub", "acr", "auth_time", *_user_claims(core)],
        "claims_parameter_supported": True,
        "claim_types_supported": _claim_types(core),
        "ui_locales_supported": list(LANGUAGES),
        "code_challenge_methods_supported": ["S256"],
        "require_pushed_authorization_requests": profile.par_required,
        "require_signed_request_object": profile.request_object_required,
        "request_parameter_supported": True,
        "request_uri_parameter_supported": not profile.par_required,
        "require_request_uri_registration": not profile.par_required,
        "request_object_signing_alg_values_supported": verified,
        "authorization_response_iss_parameter_supported": not profile.jarm_required,
        "authorization_signing_alg_values_supported": algorithms,
        "id_token_signing_alg_values_supported": algorithms,
        "userinfo_signing_alg_values_supported": algorithms,
        "introspection_signing_alg_values_supported": algorithms,
        "dpop_signing_alg_values_supported": verified if "dpop" in core.bindings else [],
        "authorization_details_types_supported": [
            known.type for known in config.authorization_details_types if known.lodged is None
        ],
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        SUPPORTED: config.client_metadata_documents is not None,
        "protected_resources": [resource.uri for resource in config.resources],
    }
    document |= _grant_management(core)
    document |= verified_claims_metadata(config.users)
    if config.status_list_ttl is not None:
        document["status_list_aggregation_endpoint"] = core.endpoint(ENDPOINT)
    if profile.device_grant:
        document["device_authorization_endpoint"] = core.endpoint("device_authorization")
    for response in ENCRYPTED_RESPONSES:
        document[f"{response}_encryption_alg_values_supported"] = list(KEY_MANAGEMENT)
        document[f"{response}_encryption_enc_values_supported"] = list(CONTENT_ENCRYPTION)
    if config.request_object_encryption:
        document["request_object_encryption_alg_values_supported"] = list(config.request_object_encryption)
        document["request_object_encryption_enc_values_supported"] = list(CONTENT_ENCRYPTION)
    for endpoint in ("token", "introspection", "revocation"):
        document[f"{endpoint}_endpoint_auth_methods_supported"] = methods
        document[f"{endpoint}_endpoint_auth_signing_alg_values_supported"] = _assertion_algorithms(core)
    # RFC 7662 2.1: introspection is only for APIs that authenticate.
    document["introspection_endpoint_auth_methods_supported"] = [name for name in methods if name != "none"]
    if "mtls" in core.bindings:
        document[BOUND_TO_CERTIFICATE] = True
    if config.initial_access_token is not None:
        document["registration_endpoint"] = core.endpoint("register")
    if config.mtls_endpoint_aliases is not None:
        aliases = {name: core.alias(document[name]) for name in _ALIASED if name in document}
        document["mtls_endpoint_aliases"] = aliases
    return {name: value for name, value in document.items() if value != []}


def _grant_types(core: Core) -> list[str]:
    without = set() if core.profile.device_grant else {DEVICE_CODE}
    if not core.config.trusted_issuers:
        without.add(JWT_BEARER)
    return sorted(GRANTS.keys() - without)


def _grant_management(core: Core) -> dict[str, Any]:
    settings = core.config.grant_management
    if not settings.actions:
        return {}
    return {
        "grant_management_actions_supported": list(settings.actions),
        "grant_management_action_required": settings.action_required,
        **({"grant_management_endpoint": core.endpoint("grant_management")} if settings.scopes else {}),
    }


def _assertion_algorithms(core: Core) -> list[str]:
    wanted = "client_secret_jwt" in core.profile.client_authentication_methods
    return sorted(core.profile.signing_algorithms | (HMAC_ALGORITHMS.keys() if wanted else set()))


def _claim_types(core: Core) -> list[str]:
    sources = [source for user in core.config.users for source in user.claims_sources]
    found = ["normal"]
    if any(source.jwt is not None for source in sources):
        found.append("aggregated")
    if any(source.endpoint is not None for source in sources):
        found.append("distributed")
    return found


def _user_claims(core: Core) -> list[str]:
    """Those that could be given."""
    users = core.config.users
    verified = {VERIFIED_CLAIMS} if any(user.verified_claims for user in users) else set()
    return sorted(verified | set[str]().union(*map(known_claims, users)))
