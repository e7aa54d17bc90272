"""The metadata of every profile: what a client may register or send is listed, and all that is listed is accepted."""

from __future__ import annotations

from typing import Any

import pytest

from askit import AuthorizationServer
from fapikit.jose.algorithms import ASYMMETRIC
from fapikit.jose.encryption import CONTENT_ENCRYPTION
from fapikit.jose.encryption_keys import KEY_MANAGEMENT
from fapikit.profiles import PROFILES
from fapikit.urns import CIBA, DEVICE_CODE, JWT_BEARER, TOKEN_EXCHANGE
from tests.askit.bank import FINTECH, Bank
from tests.askit.fapi1.advanced import APIS
from tests.askit.plain_client import PlainClient
from tests.askit.registering import OPEN, register
from tests.keys import a_key
from tests.mothers.certificates import a_certificate

pytestmark = pytest.mark.anyio

KEYS = {"jwks": None, "jwks_uri": "https://fintech.example.test/jwks"}
NOTICES = "https://fintech.example.test/notices"
SIGNED = {"backchannel_authentication_request_signing_alg": "ES256"}
POLLING = {"grant_types": [CIBA], "backchannel_token_delivery_mode": "poll", **SIGNED}
ALGORITHMS = [*sorted(ASYMMETRIC), "HS256", "none"]
MODES = ["query", "fragment", "form_post", "jwt", "query.jwt", "fragment.jwt", "form_post.jwt", "web_message"]
RESPONSE_TYPES = ["code", "code id_token", "code token", "id_token", "token", "none"]


def encrypting(response: str, name: str, value: str) -> dict[str, Any]:
    """Registration members that ask for one algorithm, beside those that must be there too."""
    signed = {} if response == "id_token" else {f"{response}_signed_response_alg": "ES256"}
    alg = {f"{response}_encrypted_response_alg": "RSA-OAEP-256"}
    return {**KEYS, **signed, **alg, f"{response}_encrypted_response_{name}": value}


REGISTRATIONS: dict[str, dict[str, dict[str, Any]]] = {
    "token_endpoint_auth_methods_supported": {
        **{
            method: {"token_endpoint_auth_method": method}
            for method in (
                "none",
                "client_secret_basic",
                "client_secret_post",
                "client_secret_jwt",
                "private_key_jwt",
            )
        },
        "tls_client_auth": {
            "token_endpoint_auth_method": "tls_client_auth",
            "tls_client_auth_san_dns": "a.example",
        },
        "self_signed_tls_client_auth": {**KEYS, "token_endpoint_auth_method": "self_signed_tls_client_auth"},
    },
    "token_endpoint_auth_signing_alg_values_supported": {
        alg: {
            "token_endpoint_auth_method": "client_secret_jwt" if alg == "HS256" else "private_key_jwt",
            "token_endpoint_auth_signing_alg": alg,
        }
        for alg in ALGORITHMS
    },
    "grant_types_supported": {
        **{
            name: {"grant_types": [name]} for name in ("authorization_code", "client_credentials", "password")
        },
        "implicit": {"grant_types": ["implicit"]},
        DEVICE_CODE: {"grant_types": [DEVICE_CODE]},
        TOKEN_EXCHANGE: {"grant_types": [TOKEN_EXCHANGE]},
        CIBA: POLLING,
    },
    "response_types_supported": {name: {"response_types": [name]} for name in RESPONSE_TYPES},
    "subject_types_supported": {name: {"subject_type": name} for name in ("public", "pairwise", "private")},
    "backchannel_token_delivery_modes_supported": {
        mode: {
            **POLLING,
            "backchannel_token_delivery_mode": mode,
            "backchannel_client_notification_endpoint": NOTICES,
        }
        for mode in ("poll", "ping", "push", "pull")
    },
    "backchannel_authentication_request_signing_alg_values_supported": {
        alg: {**POLLING, "backchannel_authentication_request_signing_alg": alg} for alg in ALGORITHMS
    },
    "request_object_signing_alg_values_supported": {
        alg: {"request_object_signing_alg": alg} for alg in ALGORITHMS
    },
    **{
        f"{response}_signing_alg_values_supported": {
            alg: {f"{response}_signed_response_alg": alg} for alg in ALGORITHMS
        }
        for response in ("id_token", "userinfo", "authorization", "introspection")
    },
    **{
        f"{response}_encryption_{name}_values_supported": {
            value: encrypting(response, name, value) for value in (*known, "RSA1_5", "A128KW")
        }
        for response in ("id_token", "userinfo", "authorization", "introspection")
        for name, known in (("alg", KEY_MANAGEMENT), ("enc", CONTENT_ENCRYPTION))
    },
}
"""For each member of the metadata what a client registers to use each value."""


def an_open_bank(profile: str, **changes: Any) -> Bank:
    policy = {
        **OPEN["registration"],
        "grant_types": ["authorization_code", "client_credentials", DEVICE_CODE, TOKEN_EXCHANGE, CIBA],
        "response_types": sorted(PROFILES[profile].response_types),
        "max_clients": 2000,
    }
    return Bank(**{**OPEN, "profile": profile, "registration": policy, **changes})


async def metadata_of(bank: Bank) -> dict[str, Any]:
    document: dict[str, Any] = (await bank.browser().get("/.well-known/openid-configuration")).json()
    return document


@pytest.mark.spec("RFC 8414 2")
@pytest.mark.parametrize("member", REGISTRATIONS)
@pytest.mark.parametrize("profile", PROFILES)
async def test_what_is_listed_can_be_registered_and_nothing_else(profile: str, member: str) -> None:
    bank = an_open_bank(profile)
    listed = set((await metadata_of(bank)).get(member, ()))
    tried = REGISTRATIONS[member]
    registered = {
        name for name, members in tried.items() if (await register(bank, **members)).status_code == 201
    }
    assert registered == listed & tried.keys()
    assert registered


@pytest.mark.spec("RFC 8414 2")
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"tls": {"certificate": "server.pem", "key": "server.key"}},
        {"client_certificates": {"form": "nginx", "networks": ["10.0.0.0/8"]}},
        {"client_certificates": {"form": "nginx", "networks": ["10.0.0.0/8"], "verified": True}},
    ],
    ids=["embedded", "without certificates", "a proxy", "a proxy that verifies"],
)
async def test_certificates_are_listed_where_they_can_come(changes: dict[str, Any]) -> None:
    bank = an_open_bank("oauth-2.1", **changes)
    member = "token_endpoint_auth_methods_supported"
    listed = set((await metadata_of(bank))[member])
    registered = {
        name
        for name, members in REGISTRATIONS[member].items()
        if (await register(bank, **members)).status_code == 201
    }
    assert registered == listed


def a_client(bank: Bank, **more: Any) -> PlainClient:
    """It shows a certificate, so that it gets tokens under every profile."""
    return bank.client(http=bank.browser(shows=[a_certificate()]), **more)


@pytest.mark.spec("RFC 9449 5.1", "FAPI1-ADV 8.2")
@pytest.mark.parametrize("profile", PROFILES)
async def test_what_is_listed_signs_proofs_and_nothing_else(profile: str) -> None:
    bank = an_open_bank(profile)
    listed = set((await metadata_of(bank)).get("dpop_signing_alg_values_supported", ()))
    proven = set()
    for alg in sorted(ASYMMETRIC):
        client = a_client(bank, dpop_key=a_key(alg, 11))
        answer = await client.token({"grant_type": "client_credentials", "scope": "accounts"})
        if answer.status_code == 200:
            proven.add(alg)
    assert proven == listed
    assert bool(listed) is ("dpop" in PROFILES[profile].sender_constraints)


@pytest.mark.spec("FAPI1-ADV 8.2")
@pytest.mark.parametrize("profile", PROFILES)
async def test_who_can_bind_no_token_to_a_key_is_told_so(profile: str) -> None:
    """If these were ignored, a client would believe in a binding that is not there."""
    bank = an_open_bank(profile)
    there = "dpop" in PROFILES[profile].sender_constraints
    asked = await register(bank, dpop_bound_access_tokens=True)
    client = a_client(bank)
    signed = {"response_mode": "jwt", "dpop_jkt": client.dpop_key.thumbprint}
    pushed = await client.push({"request": client.request_object(**signed)})
    answer = await client.token({"grant_type": "client_credentials", "scope": "accounts"})
    statuses = [asked.status_code, pushed.status_code, answer.status_code]
    assert statuses == ([201, 201, 200] if there else [400, 400, 400])
    if not there:
        for refused in (asked, pushed, answer):
            assert refused.json()["error_description"].endswith("[FAPI1-ADV 8.2]"), refused.text
    unbound = await client.push({"request": client.request_object(response_mode="jwt")})
    assert (unbound.status_code, "dpop-nonce" in unbound.headers) == (201, there)
    challenge = (await client.userinfo("made-up")).headers["www-authenticate"]
    assert challenge.startswith("DPoP " if there else "Bearer ")


@pytest.mark.spec("JARM 4")
@pytest.mark.parametrize("profile", PROFILES)
async def test_what_is_listed_is_a_response_mode_and_nothing_else(profile: str) -> None:
    client = {**FINTECH, "response_types": sorted(PROFILES[profile].response_types)}
    bank = Bank(profile=profile, clients=[client, *APIS])
    listed = set((await metadata_of(bank))["response_modes_supported"])
    accepted = set()
    for mode in MODES:
        for response_type in client["response_types"]:
            fintech = bank.client()
            wanted = {"response_type": response_type, "response_mode": mode}
            answer = await fintech.push({"request": fintech.request_object(**wanted)})
            if answer.status_code == 201:
                accepted.add(mode)
    assert accepted == listed


@pytest.mark.spec("RFC 9126 5", "RFC 9101 10.5")
@pytest.mark.parametrize("profile", PROFILES)
async def test_how_a_request_must_come(profile: str) -> None:
    """In the URL, unsigned or signed; pushed, unsigned or signed."""
    bank = Bank(profile=profile)
    client, document = bank.client(), await metadata_of(bank)
    wanted = {"response_mode": "jwt"}
    signed = {"request": client.request_object(**wanted)}
    repeated = {"client_id": "fintech", "response_type": "code", "scope": "openid accounts"}
    opened = [
        (await client.follow(await client.http.get("/authorize", params={**repeated, **members}))).status_code
        == 200
        for members in (client.request(**wanted), signed)
    ]
    pushed = [
        (await client.push(members)).status_code == 201
        for members in (client.request(**wanted), {"request": client.request_object(**wanted)})
    ]
    by_url = not document["require_pushed_authorization_requests"]
    unsigned = not document["require_signed_request_object"]
    assert opened == [by_url and unsigned, by_url]
    assert pushed == [unsigned, True]


@pytest.mark.spec("FAPI2-SP 5.4.1-1.2")
async def test_only_the_algorithms_of_the_keys_that_were_given_are_listed_and_registered() -> None:
    """Of those that the profile has: RS256 is not one."""
    bank = an_open_bank("fapi2-security")
    signers = [a_key("ES256", 40), a_key("RS256", 40)]
    bank.server = AuthorizationServer(bank.config, store=bank.store, clock=bank.clock, signers=signers)
    document = await metadata_of(bank)
    for response in ("id_token", "userinfo", "authorization", "introspection"):
        assert document[f"{response}_signing_alg_values_supported"] == ["ES256"]
        for alg, status in {"ES256": 201, "PS256": 400, "RS256": 400}.items():
            answer = await register(bank, **{f"{response}_signed_response_alg": alg})
            assert answer.status_code == status, answer.text


@pytest.mark.spec("RFC 8414 2")
async def test_the_grant_of_assertions_is_listed_where_an_issuer_of_them_is_trusted() -> None:
    client = {**FINTECH, "grant_types": [JWT_BEARER]}
    trusted = {
        "issuer": "https://staff.example.test",
        "jwks": {"keys": [dict(a_key("ES256", 50).public_jwk)]},
        "clients": ["fintech"],
        "scopes": ["accounts"],
        "subjects_are_usernames": True,
    }
    for issuers, listed in (([], False), ([trusted], True)):
        document = await metadata_of(Bank(trusted_issuers=issuers, clients=[client, *APIS]))
        assert (JWT_BEARER in document["grant_types_supported"]) is listed
