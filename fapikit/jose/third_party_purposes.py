"""The kinds of JWTs of third parties: a setting of the reader trusts their issuer. `purposes` has all other kinds.

Spec: RFC 7523 3; CIBA 7.1c, 14b; RFC 7591 2.3; OIDC 5.6.2; IDA 6.1, 6.2
"""

from __future__ import annotations

from typing import Final

from fapikit.jose.purpose import Purpose

LOGIN_HINT_TOKEN: Final = Purpose(
    name="login hint token",
    required=("iss", "aud", "exp", "sub_id"),
    forbidden=frozenset({"events", "htm", "htu", "token_introspection", "code", "at_hash", "nonce"}),
    error_code="invalid_request",
    clauses={
        "typ": "RFC 8725 3.11",
        "signature": "CIBA 14b",
        "iss": "CIBA 14b",
        "aud": "CIBA 7.1c",
        "exp": "CIBA 13a",
        "sub_id": "RFC 9493 4.1",
    },
)
"""Somebody whom the server trusts says in it which user is meant."""
SOFTWARE_STATEMENT: Final = Purpose(
    name="software statement",
    required=("iss",),
    forbidden=frozenset(
        {
            "response_type",
            "events",
            "nonce",
            "at_hash",
            "c_hash",
            "s_hash",
            "htm",
            "htu",
            "token_introspection",
            "code",
            "azp",
            "cnf",
        }
    ),
    error_code="invalid_software_statement",
    clauses={
        "typ": "RFC 8725 3.11",
        "signature": "RFC 7591 2.3",
        "iss": "RFC 7591 2.3",
        "aud": "RFC 7519 4.1.3",
        "exp": "RFC 7519 4.1.4",
        "iat": "RFC 7519 4.1.6",
    },
)
"""A directory says in it what a software is. Its other claims are client metadata."""
GRANT_ASSERTION: Final = Purpose(
    name="assertion",
    required=("iss", "sub", "aud", "exp", "jti"),
    # cnf: this grant is for bearer assertions (RFC 7521 3). A token that is bound to a key must not be traded without.
    # act, may_act: the new token names no actor, so a delegation would become an impersonation (RFC 8693 1.1).
    # sub_id: a login hint token says whom to ask (CIBA 7.1), and must not be traded for an answer.
    forbidden=frozenset(
        {
            "response_type",
            "events",
            "nonce",
            "at_hash",
            "c_hash",
            "s_hash",
            "htm",
            "htu",
            "token_introspection",
            "client_id",
            "azp",
            "cnf",
            "sub_id",
            "act",
            "may_act",
        }
    ),
    error_code="invalid_grant",
    clauses={
        "typ": "RFC 8725 3.11",
        "signature": "RFC 7523 3-9",
        "iss": "RFC 7523 3-1",
        "sub": "RFC 7523 3-2",
        "aud": "RFC 7523 3-3",
        "exp": "RFC 7523 3-4",
        "iat": "RFC 7523 3-6",
        "jti": "RFC 7523 3-7",
        "cnf": "RFC 7521 3",
    },
)
"""The assertion of a JWT bearer grant: an issuer speaks of a user. In a client assertion `sub` is `iss` itself."""
CLAIMS_OF_SOURCE: Final = Purpose(
    name="JWT of a claims source",
    required=("iss",),
    # Whoever names a source must not pass off as one what its issuer signed for another end, a sign-in above all.
    forbidden=frozenset(
        {
            "nonce",
            "at_hash",
            "c_hash",
            "auth_time",
            "azp",
            "sid",
            "events",
            "token_introspection",
            "code",
            "cnf",
        }
        | {
            "client_id",
            "scope",
            "htm",
            "htu",
            "sub_id",
            "response_type",
            "redirect_uris",
            "software_id",
            "resource",
        }
        | {"status_list", "login_hint", "login_hint_token", "id_token_hint", "verified_claims"}
    ),
    clauses=dict.fromkeys(("typ", "signature", "iss", "aud"), "OIDC 5.6.2"),
    max_octets=64 * 1024,
)
"""Plain claims that another issuer says of a user (aggregated or distributed)."""
PROVIDED_CLAIMS: Final = Purpose(
    name="provided claims",
    typ="provided-claims+jwt",
    typ_required=True,
    required=("iss", "sub", "verified_claims"),
    forbidden=frozenset(
        {"exp", "aud", "nonce", "at_hash", "c_hash", "events", "code", "client_id", "htm", "htu"}
    ),
    clauses={"typ": "IDA 6.1"}
    | dict.fromkeys(("signature", "iss", "sub", "verified_claims", "exp", "aud"), "IDA 6.2"),
    max_octets=64 * 1024,
)
"""Verified claims that another issuer says of a user. They are for anybody who gets them, and have no end."""
