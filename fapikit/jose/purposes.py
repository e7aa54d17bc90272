"""The kinds of JWTs. Each has its own rules, so that a JWT of one kind cannot be used as another kind.

If a kind has a registered `typ`, the `typ` is required where the specification allows that. Otherwise `JWT` or no `typ`
is accepted, and every other registered `typ` is refused. Claims that only another kind has are refused too.

`third_party_purposes` has the kinds that an issuer signs for others than its own clients.

Spec: RFC 8725 3.11, 3.12; RFC 9068 2.1; RFC 9101 4; rfc7523bis 4; RFC 9449 4.2; RFC 9701 5; OIDC 2; JARM 2.1;
    CIBA 7.1.1a, 7.1.1b; TSL 5.1; SSF 4.1.1, 4.1.3
"""

from __future__ import annotations

from typing import Final

from fapikit.jose.purpose import Purpose as Purpose  # noqa: PLC0414 - looked for here

ACCESS_TOKEN: Final = Purpose(
    name="access token",
    typ="at+jwt",
    typ_required=True,
    required=("iss", "exp", "aud", "sub", "client_id", "iat", "jti"),
    forbidden=frozenset({"nonce", "at_hash", "c_hash", "events", "token_introspection"}),
    error_code="invalid_token",
    clauses={
        "typ": "RFC 9068 4-1",
        "signature": "RFC 9068 4-5",
        "encryption": "RFC 9068 4-2",
        "iss": "RFC 9068 4-3",
        "aud": "RFC 9068 4-4",
        "exp": "RFC 9068 4-6",
        "sub": "RFC 9068 2.2",
        "client_id": "RFC 9068 2.2",
        "iat": "RFC 9068 2.2",
        "jti": "RFC 9068 2.2",
    },
)
ID_TOKEN: Final = Purpose(
    name="ID token",
    required=("iss", "sub", "aud", "exp", "iat"),
    forbidden=frozenset({"events", "token_introspection", "code", "htm", "htu"}),
    clauses={
        "typ": "RFC 8725 3.11",
        "signature": "OIDC 3.1.3.7-6",
        "iss": "OIDC 3.1.3.7-2",
        "sub": "OIDC 2",
        "aud": "OIDC 3.1.3.7-3",
        "exp": "OIDC 3.1.3.7-9",
        "iat": "OIDC 3.1.3.7-10",
        "nonce": "OIDC 3.1.3.7-11",
        "encryption": "OIDC 3.1.3.7-1",
    },
)
JARM_RESPONSE: Final = Purpose(
    name="JARM response",
    required=("iss", "aud", "exp"),
    forbidden=frozenset(
        {
            "sub",
            "events",
            "token_introspection",
            "nonce",
            "htm",
            "htu",
            "client_id",
            "response_type",
            "redirect_uris",
            "login_hint",
            "login_hint_token",
            "id_token_hint",
            "sub_id",
        }
    ),
    clauses={
        "encryption": "JARM 2.4-1",
        "iss": "JARM 2.4-2",
        "aud": "JARM 2.4-3",
        "exp": "JARM 2.4-4",
        "signature": "JARM 2.4-5",
        "sub": "RFC 8725 3.12",
    },
)
REQUEST_OBJECT: Final = Purpose(
    name="request object",
    typ="oauth-authz-req+jwt",
    required=("iss", "aud", "client_id"),
    forbidden=frozenset(
        {"request", "request_uri", "events", "htm", "htu", "token_introspection", "code", "at_hash", "c_hash"}
    ),
    error_code="invalid_request_object",
    clauses={
        "typ": "FAPI2-MS 5.3.1-5",
        "signature": "RFC 9101 6.2",
        "encryption": "RFC 9101 6.1",
        "iss": "RFC 9101 4",
        "aud": "FAPI2-MS 5.3.1-2",
        "nbf": "FAPI2-MS 5.3.1-3",
        "exp": "FAPI2-MS 5.3.1-4",
        "client_id": "RFC 9101 5b",
        "request": "RFC 9101 4",
        "request_uri": "RFC 9101 4",
    },
    max_octets=64 * 1024,
)
AUTHENTICATION_REQUEST: Final = Purpose(
    name="authentication request",
    typ="oauth-authz-req+jwt",
    required=("iss", "aud", "exp", "iat", "nbf", "jti"),
    # What a request object for the browser has: it must not be sent here by whoever has seen it.
    forbidden=frozenset(
        {"request", "request_uri", "response_type", "redirect_uri", "code_challenge", "events"}
    ),
    error_code="invalid_request",
    clauses={
        "typ": "RFC 8725 3.11",
        "signature": "CIBA 7.2",
        "encryption": "CIBA 7.1.1a",
        "iss": "CIBA 7.1.1b",
        "aud": "CIBA 7.1.1b",
        "exp": "CIBA 7.1.1b",
        "iat": "CIBA 7.1.1b",
        "nbf": "CIBA 7.1.1b",
        "jti": "CIBA 7.1.1b",
        "request": "CIBA 7.1.1a",
        "request_uri": "CIBA 7.1.1a",
        "response_type": "RFC 8725 3.12",
        "redirect_uri": "RFC 8725 3.12",
        "code_challenge": "RFC 8725 3.12",
    },
    max_octets=64 * 1024,
)
"""A signed authentication request of CIBA: the client's backchannel counterpart of a request object."""
REGISTRATION_REQUEST: Final = Purpose(
    name="registration request",
    required=("iss", "aud", "iat", "exp", "jti", "redirect_uris"),
    forbidden=frozenset({"sub", "events", "nonce", "htm", "htu", "token_introspection", "code", "client_id"}),
    error_code="invalid_client_metadata",
    max_octets=64 * 1024,
)
CLIENT_ASSERTION: Final = Purpose(
    name="client assertion",
    typ="client-authentication+jwt",
    required=("iss", "sub", "aud", "exp", "jti"),
    self_issued=True,
    forbidden=frozenset(
        {
            "response_type",
            "events",
            "nonce",
            "htm",
            "htu",
            "token_introspection",
            "login_hint",
            "login_hint_token",
            "id_token_hint",
        }
    ),
    error_code="invalid_client",
    clauses={
        "typ": "rfc7523bis 4b",
        "signature": "RFC 7523 3-9",
        "iss": "RFC 7523 3-1",
        "sub": "RFC 7523 3-2",
        "aud": "FAPI2-SP 5.3.2.1-8",
        "exp": "RFC 7523 3-4",
        "jti": "OIDC 9",
    },
)
DPOP_PROOF: Final = Purpose(
    name="DPoP proof",
    typ="dpop+jwt",
    typ_required=True,
    header=("typ", "alg", "jwk"),  # no kid: the key itself is in the header, and no key set has it
    required=("jti", "htm", "htu", "iat"),
    error_code="invalid_dpop_proof",
    clauses={
        "typ": "RFC 9449 4.3-4",
        "signature": "RFC 9449 4.3-6",
        "alg": "RFC 9449 4.3-5",
        "jti": "RFC 9449 4.3-3",
        "htm": "RFC 9449 4.3-3",
        "htu": "RFC 9449 4.3-3",
        "iat": "RFC 9449 4.3-3",
        "ath": "RFC 9449 4.3-3",
    },
    max_octets=8 * 1024,
)
INTROSPECTION_RESPONSE: Final = Purpose(
    name="introspection response",
    typ="token-introspection+jwt",
    typ_required=True,
    required=("iss", "aud", "iat", "token_introspection"),
    clauses={
        "typ": "RFC 9701 5a",
        "encryption": "RFC 9701 6",
        "iss": "RFC 9701 5a",
        "aud": "RFC 9701 5a",
        "iat": "RFC 9701 5a",
        "token_introspection": "RFC 9701 5a",
    },
    max_octets=64 * 1024,
)
LOGOUT_TOKEN: Final = Purpose(
    name="logout token",
    typ="logout+jwt",
    required=("iss", "aud", "iat", "exp", "jti", "events"),
    forbidden=frozenset({"nonce", "token_introspection", "code"}),
    error_code="invalid_request",
    clauses={"encryption": "OIDC Back-Channel Logout 2.6"},
)
USERINFO_RESPONSE: Final = Purpose(
    name="UserInfo response",
    required=("sub",),
    forbidden=frozenset({"nonce", "at_hash", "events", "token_introspection", "code", "htm", "htu"}),
    clauses={"iss": "OIDC 5.3.2", "aud": "OIDC 5.3.2", "sub": "OIDC 5.3.2", "encryption": "OIDC 5.3.4"},
    max_octets=64 * 1024,
)
SIGNED_METADATA: Final = Purpose(
    name="signed metadata",
    required=("iss",),
    forbidden=frozenset({"nonce", "at_hash", "events", "code", "htm", "htu"}),
    clauses={"iss": "RFC 9728 2.2"},
    max_octets=64 * 1024,
)
STATUS_LIST: Final = Purpose(
    name="status list",
    typ="statuslist+jwt",
    typ_required=True,
    required=("sub", "iat", "status_list"),
    forbidden=frozenset({"nonce", "at_hash", "c_hash", "events", "code", "htm", "htu", "client_id"}),
    clauses={
        "typ": "TSL 5.1",
        "signature": "TSL 8.3",
        "sub": "TSL 8.3",
        "iat": "TSL 5.1",
        "exp": "TSL 8.3",
        "status_list": "TSL 5.1",
    },
    max_octets=6 * 1024 * 1024,
)
"""A list of the statuses of tokens. Its `sub` is its own URI."""
SECURITY_EVENT_TOKEN: Final = Purpose(
    name="security event token",
    typ="secevent+jwt",
    typ_required=True,
    required=("iss", "aud", "iat", "jti", "events", "sub_id"),
    # An event never ends, and names its subject in sub_id: with `sub` and `exp` it could be taken for an ID token.
    forbidden=frozenset(
        {"sub", "exp", "nonce", "at_hash", "c_hash", "token_introspection", "code", "client_id"}
    ),
    error_code="invalid_request",
    clauses={
        "typ": "SSF 4.1.1",
        "signature": "RFC 8935 2.3",
        "iss": "SSF 4.1.6",
        "aud": "SSF 4.1.8",
        "iat": "RFC 8417 2.2",
        "jti": "RFC 8417 2.2",
        "events": "RFC 8417 2.2",
        "sub_id": "SSF 3.1",
        "sub": "SSF 4.1.2",
        "exp": "SSF 4.1.7",
    },
    max_octets=32 * 1024,
)
"""What has happened to a user, a session or a token, said by a transmitter of Shared Signals to one receiver."""
SIGNED_BODY: Final = Purpose(
    name="signed body",
    typ="JWT",
    typ_required=True,
    required=("iss", "aud", "iat", "jti"),
    # What only other kinds of JWT have: the claims of this one are the members of a body, whatever they are.
    forbidden=frozenset(
        [
            "sub",
            "sub_id",
            "client_id",
            "azp",
            "cnf",
            "nonce",
            "at_hash",
            "c_hash",
            "s_hash",
            "htm",
            "htu",
            "events",
            "code",
            "response_type",
            "redirect_uri",
            "redirect_uris",
            "login_hint",
            "login_hint_token",
            "id_token_hint",
            "token_introspection",
            "status_list",
        ]
    ),
    clauses={
        "typ": "BR-JWT 2",
        "alg": "BR-JWT 2",
        "signature": "BR-JWT 2",
        "aud": "BR-JWT 3",
        "iss": "BR-JWT 4",
        "iat": "BR-JWT 5",
        "jti": "BR-JWT 6",
    },
    max_octets=16 * 1024 * 1024,  # the budget of the body is the smaller one
)
"""The body of a request to an API, or of its answer."""
