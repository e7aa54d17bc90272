"""The profiles as data: what each requires and forbids, every value with its clause.

Code reads a rule of the profile, and never asks which profile it is. A protection that a profile does not mention
stays on.

Spec: FAPI2-SP 5; FAPI2-MS 5a, 5.1; FAPI1-BL 5; FAPI1-ADV 5; FAPI-CIBA 5, 5.2.2; RFC 9700 2
Role: C, AS, RS
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from types import MappingProxyType
from typing import Final

from fapikit.errors import ConfigurationError
from fapikit.jose.algorithms import ASYMMETRIC, FAPI1_ALGORITHMS, FAPI2_ALGORITHMS
from fapikit.profile import AssertionAudience, Profile, SenderConstraint
from fapikit.quirks import Quirk
from fapikit.setting_types import require_text

__all__ = [
    "FAPI1_ADVANCED",
    "FAPI1_BASELINE",
    "FAPI2_MESSAGE_SIGNING",
    "FAPI2_SECURITY",
    "FAPI_CIBA",
    "OAUTH_2_1",
    "PROFILES",
    "RULES",
    "AssertionAudience",
    "Profile",
    "Quirk",
    "SenderConstraint",
    "message_signing",
    "profile_of",
]

_ECDHE_GCM: Final = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
)
_RSA_GCM: Final = (
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "DHE-RSA-AES128-GCM-SHA256",
    "DHE-RSA-AES256-GCM-SHA384",
)
_ALL_RESPONSE_MODES: Final = frozenset(
    {"query", "fragment", "form_post", "jwt", "query.jwt", "fragment.jwt", "form_post.jwt"}
)
_ALL_METHODS: Final = frozenset(
    {
        "none",
        "client_secret_basic",
        "client_secret_post",
        "client_secret_jwt",
        "private_key_jwt",
        "tls_client_auth",
        "self_signed_tls_client_auth",
    }
)
_FAPI_METHODS: Final = frozenset({"private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"})


OAUTH_2_1: Final = Profile(
    name="oauth-2.1",
    signing_algorithms=ASYMMETRIC,
    client_authentication_methods=_ALL_METHODS,
    public_clients=True,
    par_required=False,
    pkce_required=True,
    pkce_required_when_pushed=False,
    request_object_required=False,
    response_types=frozenset({"code"}),
    response_modes=_ALL_RESPONSE_MODES,
    jarm_required=False,
    response_signature_required=False,
    iss_in_response_required=False,
    nonce_required=False,
    state_required=False,
    sender_constraints=frozenset({"dpop", "mtls"}),
    sender_constraint_required=False,
    assertion_audiences=frozenset({"issuer"}),
    assertion_audience_as_array=True,
    named_assertion_audience=False,
    id_token_signature_required=False,
    further_id_token_audiences=False,
    jarm_iss_twice=False,
    scope_beyond_request=True,
    acr_essential=False,
    signed_introspection_required=False,
    token_in_query=False,
    device_grant=True,
    revocation_checked=False,
    refresh_rotation=True,
    code_lifetime=60.0,
    par_lifetime=90.0,
    request_object_max_age=None,
    request_object_max_lifetime=None,
    clock_skew=30.0,
    rsa_bits=2048,
    ec_bits=224,
    symmetric_octets=32,
    tls12_ciphers=_ECDHE_GCM,
    redirect_uri_https=True,
    loopback_redirects=True,
    private_use_redirects=True,
    bearer_token_lifetime=600.0,
    clauses=MappingProxyType(
        {
            "signing_algorithms": "RFC 8725 3.1",
            "client_authentication_methods": "RFC 6749 2.3",
            "public_clients": "RFC 6749 2.1",
            "par_required": "RFC 9126 5",
            "pkce_required": "RFC 9700 2.1.1a",
            "pkce_required_when_pushed": "RFC 9700 2.1.1a",
            "request_object_required": "RFC 9101 10.5",
            "response_types": "RFC 9700 2.1.2",
            "response_modes": "JARM 2.3",
            "jarm_required": "JARM 2.3",
            "response_signature_required": "JARM 2.3",
            "iss_in_response_required": "RFC 9207 2.4b",
            "nonce_required": "OIDC 3.1.2.1",
            "state_required": "RFC 9700 2.1c",
            "sender_constraints": "RFC 9700 2.2.1",
            "sender_constraint_required": "RFC 9700 2.2.1",
            "assertion_audiences": "rfc7523bis 4a",
            "assertion_audience_as_array": "rfc7523bis 4a",
            "named_assertion_audience": "rfc7523bis 4a",
            "id_token_signature_required": "OIDC 3.1.3.7-6",
            "further_id_token_audiences": "OIDC 3.1.3.7-3",
            "jarm_iss_twice": "RFC 7519 4",
            "scope_beyond_request": "RFC 6749 3.3",
            "acr_essential": "OIDC 3.1.2.1",
            "signed_introspection_required": "RFC 9701 4a",
            "token_in_query": "RFC 9700 4.3.2",
            "device_grant": "RFC 8628 3.1",
            "revocation_checked": "RFC 7662 4",
            "refresh_rotation": "RFC 9700 2.2.2",
            "code_lifetime": "RFC 6749 4.1.2",
            "par_lifetime": "RFC 9126 2.2",
            "request_object_max_age": "RFC 9101 4",
            "request_object_max_lifetime": "RFC 9101 4",
            "clock_skew": "RFC 9068 4-6",
            "rsa_bits": "RFC 7518 3.3",
            "ec_bits": "RFC 9325 4.5",
            "symmetric_octets": "RFC 7518 3.2",
            "tls12_ciphers": "RFC 9325 4.2",
            "redirect_uri_https": "RFC 9700 2.6",
            "loopback_redirects": "RFC 8252 7.3",
            "private_use_redirects": "RFC 8252 7.1",
            "bearer_token_lifetime": "RFC 6750 5.3",
            "backchannel_required": "CIBA 4a",
            "backchannel_delivery_modes": "CIBA 4b",
            "backchannel_context_required": "CIBA 7.1e",
        }
    ),
)

FAPI1_BASELINE: Final = replace(
    OAUTH_2_1,
    name="fapi1-baseline",
    revocation_checked=True,
    client_authentication_methods=_FAPI_METHODS | {"client_secret_jwt", "none"},
    response_types=frozenset({"code", "code id_token"}),
    nonce_required=True,
    state_required=True,
    assertion_audiences=frozenset({"issuer", "token_endpoint", "par_endpoint", "backchannel_endpoint"}),
    id_token_signature_required=True,
    scope_beyond_request=False,
    tls12_ciphers=_ECDHE_GCM,
    loopback_redirects=False,
    private_use_redirects=False,
    clauses=MappingProxyType(
        {
            **OAUTH_2_1.clauses,
            "client_authentication_methods": "FAPI1-BL 5.2.2-4",
            "public_clients": "FAPI1-BL 5.2.2-2",
            "pkce_required": "FAPI1-BL 5.2.2-7",
            "nonce_required": "FAPI1-BL 5.2.2.2-1",
            "state_required": "FAPI1-BL 5.2.2.3-1",
            "assertion_audiences": "RFC 9126 2b",
            "assertion_audience_as_array": "RFC 7523 3-3",
            "named_assertion_audience": "RFC 7523 3-3",
            "id_token_signature_required": "FAPI1-BL 5.2.2.1-6",
            "scope_beyond_request": "FAPI1-BL 5.2.3-10",
            "token_in_query": "FAPI1-BL 6.2.1-3",
            "revocation_checked": "FAPI1-BL 6.2.1-4",
            "rsa_bits": "FAPI1-BL 5.2.2-5",
            "ec_bits": "FAPI1-BL 5.2.2-6",
            "symmetric_octets": "FAPI1-BL 5.2.2-3",
            "tls12_ciphers": "FAPI1-BL 7.1a",
            "redirect_uri_https": "FAPI1-BL 5.2.2-20",
            "loopback_redirects": "FAPI1-BL 7.5-2",
            "private_use_redirects": "FAPI1-BL 7.5-1",
            "bearer_token_lifetime": "FAPI1-BL 5.2.2-21",
        }
    ),
)

FAPI1_ADVANCED: Final = replace(
    FAPI1_BASELINE,
    name="fapi1-advanced",
    signing_algorithms=FAPI1_ALGORITHMS,
    client_authentication_methods=_FAPI_METHODS,
    public_clients=False,
    pkce_required=False,
    pkce_required_when_pushed=True,
    request_object_required=True,
    response_signature_required=True,
    response_modes=frozenset({"fragment", "form_post", "jwt", "query.jwt", "fragment.jwt", "form_post.jwt"}),
    sender_constraints=frozenset({"mtls"}),
    sender_constraint_required=True,
    acr_essential=True,
    device_grant=False,
    request_object_max_age=3600.0,
    request_object_max_lifetime=3600.0,
    tls12_ciphers=_RSA_GCM,
    clauses=MappingProxyType(
        {
            **FAPI1_BASELINE.clauses,
            "signing_algorithms": "FAPI1-ADV 8.6-1",
            "client_authentication_methods": "FAPI1-ADV 5.2.2-14",
            "public_clients": "FAPI1-ADV 5.2.2-16",
            "pkce_required": "FAPI1-ADV 5.2.2",
            "pkce_required_when_pushed": "FAPI1-ADV 5.2.2-18",
            "request_object_required": "FAPI1-ADV 5.2.2-1",
            "response_types": "FAPI1-ADV 5.2.2-2",
            "response_modes": "FAPI1-ADV 5.2.2-2",
            "response_signature_required": "FAPI1-ADV 5.2.2-2",
            "sender_constraints": "FAPI1-ADV 8.2",
            "sender_constraint_required": "FAPI1-ADV 5.2.2-5",
            "id_token_signature_required": "FAPI1-ADV 5.2.3.1-2",
            "acr_essential": "FAPI1-ADV 5.2.3-3",
            "device_grant": "FAPI1-ADV 5.2.2-2",
            "request_object_max_age": "FAPI1-ADV 5.2.2-17",
            "request_object_max_lifetime": "FAPI1-ADV 5.2.2-13",
            "tls12_ciphers": "FAPI1-ADV 8.5-1",
        }
    ),
)

FAPI_CIBA: Final = replace(
    FAPI1_ADVANCED,
    name="fapi-ciba",
    backchannel_required=True,
    backchannel_delivery_modes=frozenset({"poll", "ping"}),
    backchannel_context_required=True,
    clauses=MappingProxyType(
        {
            **FAPI1_ADVANCED.clauses,
            "public_clients": "FAPI-CIBA 5.2.2-1",
            "backchannel_required": "FAPI-CIBA 5.2.2-4",
            "backchannel_delivery_modes": "FAPI-CIBA 5.2.2-3",
            "backchannel_context_required": "FAPI-CIBA 5.2.2-2",
            "request_object_required": "FAPI-CIBA 5.2.2-6",
            "request_object_max_lifetime": "FAPI-CIBA 5.2.2-9",
            "assertion_audiences": "CIBA 7.1b",
            "signing_algorithms": "FAPI-CIBA 7.10",
            "tls12_ciphers": "FAPI-CIBA 7.9",
        }
    ),
)

FAPI2_SECURITY: Final = replace(
    OAUTH_2_1,
    name="fapi2-security",
    revocation_checked=True,
    signing_algorithms=FAPI2_ALGORITHMS,
    client_authentication_methods=_FAPI_METHODS,
    public_clients=False,
    par_required=True,
    iss_in_response_required=True,
    sender_constraint_required=True,
    assertion_audience_as_array=False,
    id_token_signature_required=True,
    refresh_rotation=False,
    par_lifetime=300.0,
    clauses=MappingProxyType(
        {
            **OAUTH_2_1.clauses,
            "signing_algorithms": "FAPI2-SP 5.4.1-1.2",
            "client_authentication_methods": "FAPI2-SP 5.3.2.1-6",
            "public_clients": "FAPI2-SP 5.3.2.1-3",
            "par_required": "FAPI2-SP 5.3.2.2-3",
            "pkce_required": "FAPI2-SP 5.3.2.2-5",
            "response_types": "FAPI2-SP 5.3.2.2-1",
            "iss_in_response_required": "FAPI2-SP 5.3.2.2-7",
            "sender_constraints": "FAPI2-SP 5.3.2.1-5",
            "sender_constraint_required": "FAPI2-SP 5.3.2.1-4",
            "assertion_audiences": "FAPI2-SP 5.3.2.1-8",
            "assertion_audience_as_array": "FAPI2-SP 5.3.2.1-8",
            "named_assertion_audience": "FAPI2-SP 5.3.3.1-5",
            "id_token_signature_required": "OIDC 3.1.3.7-6",
            "token_in_query": "FAPI2-SP 5.3.4-2",
            "revocation_checked": "FAPI2-SP 5.3.4-3",
            "refresh_rotation": "FAPI2-SP 5.3.2.1-9",
            "code_lifetime": "FAPI2-SP 5.3.2.1-11",
            "par_lifetime": "FAPI2-SP 5.3.2.2-12",
            "clock_skew": "FAPI2-SP 5.3.2.1-13",
            "rsa_bits": "FAPI2-SP 5.4.1-2",
            "ec_bits": "FAPI2-SP 5.4.1-3",
            "tls12_ciphers": "FAPI2-SP 5.2.2-1",
            "redirect_uri_https": "FAPI2-SP 5.3.2.2-8",
            "loopback_redirects": "FAPI2-SP 5.3.2.2-8",
        }
    ),
)


def message_signing(
    *,
    signed_requests: bool = True,
    signed_responses: bool = True,
    signed_introspection: bool = True,
    signed_id_tokens: bool = True,
) -> Profile:
    """FAPI 2.0 Message Signing with the parts that an ecosystem has chosen. Each part can be used alone (5.1)."""
    return replace(
        FAPI2_SECURITY,
        name="fapi2-message-signing",
        request_object_required=signed_requests,
        request_object_max_age=3600.0,
        request_object_max_lifetime=3600.0,
        jarm_required=signed_responses,
        signed_introspection_required=signed_introspection,
        id_token_signature_required=signed_id_tokens or FAPI2_SECURITY.id_token_signature_required,
        clauses=MappingProxyType(
            {
                **FAPI2_SECURITY.clauses,
                "request_object_required": "FAPI2-MS 5.3.1-1",
                "request_object_max_age": "FAPI2-MS 5.3.1-3",
                "request_object_max_lifetime": "FAPI2-MS 5.3.1-4",
                "jarm_required": "FAPI2-MS 5.4.1-1",
                "response_modes": "FAPI2-MS 5.4.2-1",
                "signed_introspection_required": "FAPI2-MS 5.5.2-1",
                "id_token_signature_required": "FAPI2-MS 5.6.2-1",
            }
        ),
    )


FAPI2_MESSAGE_SIGNING: Final = message_signing()

PROFILES: Final[Mapping[str, Profile]] = MappingProxyType(
    {
        known.name: known
        for known in (
            OAUTH_2_1,
            FAPI1_BASELINE,
            FAPI1_ADVANCED,
            FAPI2_SECURITY,
            FAPI2_MESSAGE_SIGNING,
            FAPI_CIBA,
        )
    }
)


def profile_of(profile: Profile | str) -> Profile:
    """The profile itself, or the profile with this name in `PROFILES`. Raises ConfigurationError."""
    if isinstance(profile, Profile):
        return profile
    require_text("profile", profile)
    found = PROFILES.get(profile)
    if found is None:
        raise ConfigurationError(
            f"there is no profile {profile!r}: use one of {', '.join(PROFILES)}", facts={"profile": profile}
        )
    return found


RULES: Final = tuple(f.name for f in fields(Profile) if f.name not in {"name", "clauses", "relaxations"})
"""The names of all rules of a profile. Each has a clause in every profile."""
