"""The FAPI 1.0 Advanced client modules of the certification suite, each once, for both clients.

With the hybrid flow the faulty ID token comes through the browser, so the code is never used; with JARM it comes from
the token endpoint. Each rejection is asserted by error and clause and by the silence that follows.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from joserfc import jwe

from fapikit.errors import (
    BadSignature,
    Expired,
    FapiError,
    ForbiddenAlgorithm,
    IssuerMismatch,
    MissingClaim,
    NotEncrypted,
    TooOld,
    WrongAudience,
    WrongHash,
    WrongIssuer,
    WrongNonce,
)
from fapikit.jose.encryption_keys import DecryptionKey
from tests.adversary.walk import (
    also_meant_for_another,
    expired,
    flipped_signature,
    refused,
    signed_with_rs256,
    unsigned,
    walk,
    with_one_more,
    without,
)
from tests.keys import claims_of, header_of
from tests.mothers.fake_bank import CLIENT_ID, FakeBank
from tests.mothers.fapi1 import ADVANCED

Connect = Callable[..., Any]

RESPONSES: dict[str, dict[str, Any]] = {"plain_response": {}, "jarm": {"response_mode": "jwt"}}


@pytest.fixture
def bank(bank: FakeBank) -> FakeBank:
    bank.dpop = bank.nonces = False
    bank.faults["metadata"] = without("mtls_endpoint_aliases")
    return bank


def aged_a_week(claims: dict[str, Any]) -> dict[str, Any]:
    return {**claims, "iat": claims["iat"] - 7 * 86_400}


CLAIM_FAULTS: dict[str, tuple[Callable[[Any], Any], type[FapiError], str]] = {
    "client-test-invalid-nonce": (with_one_more("nonce"), WrongNonce, "OIDC 3.1.3.7-11"),
    "client-test-invalid-missing-nonce": (without("nonce"), MissingClaim, "OIDC 3.1.3.7-11"),
    "client-test-invalid-iss": (with_one_more("iss"), WrongIssuer, "OIDC 3.1.3.7-2"),
    "client-test-invalid-missing-iss": (without("iss"), MissingClaim, "OIDC 3.1.3.7-2"),
    "client-test-invalid-aud": (with_one_more("aud"), WrongAudience, "OIDC 3.1.3.7-3"),
    "client-test-invalid-missing-aud": (without("aud"), MissingClaim, "OIDC 3.1.3.7-3"),
    "client-test-invalid-secondary-aud": (also_meant_for_another, WrongAudience, "OIDC 3.1.3.7-3"),
    "client-test-invalid-expired-exp": (expired, Expired, "OIDC 3.1.3.7-9"),
    "client-test-invalid-missing-exp": (without("exp"), MissingClaim, "OIDC 3.1.3.7-9"),
    "client-test-iat-is-week-in-past": (aged_a_week, TooOld, "OIDC 3.1.3.7-10"),
}
TOKEN_FAULTS: dict[str, tuple[Callable[[str], str], type[FapiError], str]] = {
    "client-test-invalid-signature": (flipped_signature, BadSignature, "OIDC 3.1.3.7-6"),
    "client-test-invalid-null-alg": (unsigned, ForbiddenAlgorithm, "FAPI1-ADV 8.6-1"),
    "client-test-invalid-alternate-alg": (signed_with_rs256, ForbiddenAlgorithm, "FAPI1-ADV 8.6-1"),
}
HASH_FAULTS: dict[str, tuple[Callable[[Any], Any], type[FapiError], str]] = {
    "client-test-invalid-shash": (with_one_more("s_hash"), WrongHash, "FAPI1-ADV 5.2.3.1-4"),
    "client-test-invalid-missing-shash": (without("s_hash"), MissingClaim, "FAPI1-ADV 5.2.3.1-4"),
    "client-test-invalid-chash": (with_one_more("c_hash"), WrongHash, "OIDC 3.3.2.11"),
}


def refused_wherever_it_comes(
    connect: Connect, bank: FakeBank, response: str, place: str, hook: Any, error: Any, clause: str
) -> None:
    front = response == "plain_response"
    bank.faults[f"front_{place}" if front else place] = hook
    client = connect(**ADVANCED, **RESPONSES[response])
    refused(client, bank, error, clause, after="callback" if front else "token")
    assert bool(bank.calls("token")) is not front, "with the hybrid flow the code is never used"


@pytest.mark.spec("OIDC 3.1.3.7-2, -3, -9, -10, -11; FAPI1-ADV 5.2.3.1-3, 8.3.3; FAPI1-BL 5.2.3-8")
@pytest.mark.parametrize("response", RESPONSES)
@pytest.mark.parametrize("module", CLAIM_FAULTS)
def test_id_token_with_a_wrong_claim(module: str, response: str, connect: Connect, bank: FakeBank) -> None:
    refused_wherever_it_comes(connect, bank, response, "id_token", *CLAIM_FAULTS[module])


@pytest.mark.spec("OIDC 3.1.3.7-6, -7; FAPI1-ADV 5.2.3.1-2, 8.6-1, -2, -3")
@pytest.mark.parametrize("response", RESPONSES)
@pytest.mark.parametrize("module", TOKEN_FAULTS)
def test_id_token_with_a_wrong_signature(
    module: str, response: str, connect: Connect, bank: FakeBank
) -> None:
    refused_wherever_it_comes(connect, bank, response, "id_token_jwt", *TOKEN_FAULTS[module])


@pytest.mark.spec("FAPI1-ADV 5.1.1, 5.2.3.1-4; OIDC 3.3.2.11")
@pytest.mark.parametrize("module", HASH_FAULTS)
def test_detached_signature_of_something_else(module: str, connect: Connect, bank: FakeBank) -> None:
    refused_wherever_it_comes(connect, bank, "plain_response", "id_token", *HASH_FAULTS[module])


@pytest.mark.spec("RFC 8414 3.3; FAPI1-BL 5.2.3-11")
def test_client_test_discovery_issuer_mismatch(connect: Connect, bank: FakeBank) -> None:
    bank.faults["metadata"] = lambda members: {**members, "issuer": f"{members['issuer']}INVALID"}
    with pytest.raises(IssuerMismatch):
        connect(**ADVANCED)
    assert {call.path.split("/")[1] for call in bank.seen} == {".well-known"}


@pytest.mark.spec(
    "FAPI1-ADV 5.2.3-2, -8, -9, -10, -11, -14, -15, -16, 5.2.3.1-1, 5.2.3.2-1; FAPI1-BL 6.2.2-1"
)
@pytest.mark.parametrize("pushed", [True, False], ids=["pushed", "by_value"])
@pytest.mark.parametrize("response", RESPONSES)
def test_client_test(response: str, pushed: bool, connect: Connect, bank: FakeBank) -> None:
    """Also what part 4 asks of the request object, and of what stands beside it."""
    client = connect(**ADVANCED, **RESPONSES[response], pushed_requests=pushed)
    urls: list[str] = []
    authorize = bank.authorize
    bank.authorize = lambda url: urls.append(url) or authorize(url)  # type: ignore[method-assign, func-returns-value]
    assert walk(client, bank).status_code == 200
    outside = dict(parse_qsl(urlsplit(urls[0]).query))
    form = bank.calls("par")[-1].form if pushed else outside
    if pushed:
        assert set(outside) == {"client_id", "request_uri"}
    else:
        assert set(outside) == {"client_id", "request", "response_type", "scope"}
        assert not bank.calls("par")
    head, inside = header_of(form["request"]), claims_of(form["request"])
    assert head["alg"] == "ES256"
    assert head["typ"] == "oauth-authz-req+jwt"
    for name in set(outside) - {"request", "request_uri"}:
        assert outside[name] == inside[name]
    assert inside["response_type"] == ("code" if response == "jarm" else "code id_token")
    assert (inside["iss"], inside["aud"], inside["client_id"]) == (CLIENT_ID, bank.issuer, CLIENT_ID)
    assert 0 < inside["exp"] - inside["nbf"] <= 3600
    assert inside["nbf"] <= bank.clock()
    assert "openid" in inside["scope"].split()
    assert inside["code_challenge_method"] == "S256"
    assert {"state", "nonce", "redirect_uri", "code_challenge", "jti"} <= inside.keys()
    assert not {"request", "request_uri", "sub", "dpop_jkt"} & inside.keys()
    (exchanged,) = bank.calls("token")
    assert exchanged.form["redirect_uri"] == inside["redirect_uri"]
    (called,) = bank.calls("accounts")
    assert called.headers["authorization"].startswith("Bearer ")
    assert "dpop" not in called.headers


def test_client_test_valid_aud_as_array(connect: Connect, bank: FakeBank) -> None:
    for place in ("front_id_token", "id_token"):
        bank.faults[place] = lambda claims: {**claims, "aud": [claims["aud"]]}
    assert walk(connect(**ADVANCED), bank).status_code == 200


def test_client_test_missing_athash(connect: Connect, bank: FakeBank) -> None:
    bank.faults["id_token"] = without("at_hash")
    assert walk(connect(**ADVANCED), bank).status_code == 200


@pytest.mark.spec("FAPI1-BL 5.2.3-10")
def test_client_test_no_scope_in_token_endpoint_response(connect: Connect, bank: FakeBank) -> None:
    bank.faults["token"] = lambda members: without("expires_in")(without("scope")(members))
    client = connect(**ADVANCED)
    start = client.begin(scope="openid accounts")
    login = client.complete(bank.authorize(start.url), start.transaction)
    assert login.tokens.scope == "openid accounts"


def encrypted(key: DecryptionKey, alg: str) -> Callable[[str], str]:
    """The signed token inside a JWE for this client, by another library."""
    header = {"alg": alg, "enc": "A256GCM", "cty": "JWT", "kid": key.kid}

    def encrypt(token: str) -> str:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that library warns of RSA1_5
            registry = jwe.JWERegistry(algorithms=[alg, "A256GCM"])
            return jwe.encrypt_compact(header, token.encode(), key.material, registry=registry)

    return encrypt


def encrypted_client(connect: Connect, key: DecryptionKey) -> Any:
    return connect(
        **ADVANCED,
        id_token_encrypted_response_alg="RSA-OAEP",
        id_token_encrypted_response_enc="A256GCM",
        decryption_keys=[key],
    )


@pytest.fixture(scope="module")
def own_key() -> DecryptionKey:
    return DecryptionKey.generate("RSA-OAEP")


@pytest.mark.spec("FAPI1-ADV 5.2.3.1-5")
def test_client_test_encrypted_idtoken(connect: Connect, bank: FakeBank, own_key: DecryptionKey) -> None:
    for place in ("front_id_token_jwt", "id_token_jwt"):
        bank.faults[place] = encrypted(own_key, "RSA-OAEP")
    assert walk(encrypted_client(connect, own_key), bank).status_code == 200


@pytest.mark.spec("FAPI1-ADV 8.6.1-1")
def test_client_test_encrypted_idtoken_usingrsa15(
    connect: Connect, bank: FakeBank, own_key: DecryptionKey
) -> None:
    bank.faults["front_id_token_jwt"] = encrypted(own_key, "RSA1_5")
    client = encrypted_client(connect, own_key)
    refused(client, bank, ForbiddenAlgorithm, "FAPI1-ADV 8.6.1-1", after="callback")
    assert not bank.calls("token")


def test_a_clear_id_token_where_an_encrypted_one_was_agreed(
    connect: Connect, bank: FakeBank, own_key: DecryptionKey
) -> None:
    client = encrypted_client(connect, own_key)
    refused(client, bank, NotEncrypted, "OIDC 3.1.3.7-1", after="callback")


def test_client_refresh_token_test(connect: Connect, bank: FakeBank) -> None:
    """The API answers invalid_token until the client has refreshed, with a rotated refresh token the second time."""
    bank.rotate = True
    client = connect(**ADVANCED)
    start = client.begin(scope="openid accounts")
    login = client.complete(bank.authorize(start.url), start.transaction)

    def refreshes() -> list[str]:
        return [
            call.form["refresh_token"]
            for call in bank.calls("token")
            if call.form["grant_type"] == "refresh_token" and call.status == 200
        ]

    bank.faults["api_accounts"] = lambda _: (
        (401, {"www-authenticate": 'Bearer error="invalid_token"'}, {}) if len(refreshes()) < 2 else None
    )
    with client.api(login.tokens, base_url=bank.api_origin) as api:
        assert api.get("/accounts").status_code == 401
        assert api.get("/accounts").status_code == 200
    assert len(set(refreshes())) == 2
