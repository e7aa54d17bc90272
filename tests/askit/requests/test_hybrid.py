"""The hybrid flow at askit: an ID token goes with the code, signs it, and says little of the user."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from joserfc import jwe

import rpkit
from askit.clients.client import Client
from askit.errors import InvalidRequest
from askit.issuing.response_modes import RESPONSE_MODES
from askit.pytest_plugin.faults import FaultyServer
from askit.pytest_plugin.running import running
from askit.requests.response_type import response_mode_of
from fapikit import FAPI1_ADVANCED, PrivateKeyJWT
from fapikit.jose.encryption_keys import DecryptionKey
from tests.askit.bank import FINTECH, Bank, an_api
from tests.keys import a_key, b64, claims_of, header_of
from tests.mothers.verified_claims import EIDAS

CLIENT = {
    "client_id": "test-client",
    "redirect_uris": ["https://client.example.test/callback"],
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code", "code id_token"],
    "token_endpoint_auth_method": "private_key_jwt",
    "id_token_signed_response_alg": "ES256",
}
IDENTITY = {"verification": {"trust_framework": None}, "claims": {"birthdate": None}}
KEY_FOR_ENCRYPTION = DecryptionKey.generate("RSA-OAEP-256", kid="rsa-enc")
SIGNING_KEY = a_key("ES256", 1)
ENCRYPTED = {
    "id_token_encrypted_response_alg": "RSA-OAEP-256",
    "id_token_encrypted_response_enc": "A256GCM",
}
ENCRYPTING = {
    **CLIENT,
    **ENCRYPTED,
    "client_id": "encrypting",
    "jwks": {"keys": [dict(SIGNING_KEY.public_jwk), dict(KEY_FOR_ENCRYPTION.public_jwk)]},
}
SETTINGS: dict[str, Any] = {
    "profile": "fapi1-baseline",
    "clients": [CLIENT, ENCRYPTING],
    "users": [
        {
            "username": "alice",
            "password": "wonderland",
            "claims": {"name": "Alice", "email": "alice@example.test"},
            "verified_claims": [EIDAS],
        }
    ],
}


pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def bank() -> Any:
    with running(SETTINGS, kind=FaultyServer) as server:
        yield server


@pytest.fixture
def client(bank: Any) -> Any:
    with a_client(bank) as made:
        yield made


def a_client(bank: Any, **options: Any) -> rpkit.Client:
    return rpkit.Client.discover(
        bank.issuer,
        redirect_uri=bank.redirect_uri,
        profile="fapi1-baseline",
        **{
            "client_id": bank.client_id,
            "auth": PrivateKeyJWT(bank.client_key),
            "http": bank.http(),
            "response_type": "code id_token",
            "id_token_signed_response_alg": "ES256",
            **options,
        },
    )


def half(value: str) -> str:
    return b64(hashlib.sha256(value.encode()).digest()[:16])


@pytest.mark.spec("FAPI1-ADV 5.1.1, 5.2.2.1-4, 5.2.2.1-5, 5.2.2.1-6")
@pytest.mark.parametrize("mode", [None, "form_post"])
def test_the_answer_carries_its_signature(bank: Any, mode: str | None) -> None:
    with a_client(bank, response_mode=mode) as client:
        claims = {"id_token": {"name": None, "verified_claims": IDENTITY}}
        start = client.begin(scope="openid email accounts", claims=claims)
        callback = bank.browse(start.url)
        login = client.complete(callback, start.transaction)
    answer = callback if mode else dict(parse_qsl(urlsplit(callback).fragment))
    front = claims_of(answer["id_token"])
    assert front["c_hash"] == half(answer["code"])
    assert front["s_hash"] == half(answer["state"])
    assert not {"name", "email", "at_hash", "verified_claims"} & front.keys()
    assert login.id_token.claims["name"] == "Alice"
    assert login.id_token.verified_claims[0].claims == {"birthdate": "1990-02-03"}
    assert (login.id_token.subject, login.id_token.claims["auth_time"]) == (front["sub"], front["auth_time"])


@pytest.mark.spec("FAPI1-ADV 5.2.2.1-3, 5.2.2.1-6, 5.2.3.1-5; OIDC 10.2")
def test_both_id_tokens_are_signed_and_then_encrypted(bank: Any) -> None:
    seen: dict[str, str] = {}
    bank.app.faults["token_response"] = lambda members: seen.update(members) or members
    registered = {"client_id": "encrypting", "auth": PrivateKeyJWT(SIGNING_KEY), **ENCRYPTED}
    with a_client(bank, decryption_keys=[KEY_FOR_ENCRYPTION], **registered) as client:
        start = client.begin(scope="openid accounts")
        callback = bank.browse(start.url)
        login = client.complete(callback, start.transaction)
    bank.app.faults.clear()
    front, back = (
        jwe.decrypt_compact(token, KEY_FOR_ENCRYPTION.material, algorithms=["RSA-OAEP-256", "A256GCM"])
        for token in (dict(parse_qsl(urlsplit(callback).fragment))["id_token"], seen["id_token"])
    )  # by another library
    assert back.plaintext is not None
    assert back.plaintext.decode() == login.id_token.token
    assert front.plaintext is not None
    assert header_of(front.plaintext.decode())["alg"] == "ES256"
    assert "c_hash" in claims_of(front.plaintext.decode())


REFUSED = {
    "in a query": ({"response_mode": "query"}, "invalid_request"),
    "beside JARM": ({"response_mode": "jwt"}, "invalid_request"),
    "without openid": ({"scope": "accounts"}, "invalid_request"),
    "without nonce": ({"nonce": None}, "invalid_request"),
    "with a token": ({"response_type": "code id_token token"}, "unsupported_response_type"),
    "twice": ({"response_type": "code code id_token"}, "unsupported_response_type"),
}


@pytest.mark.spec("OIDC 3.3.2.1")
@pytest.mark.parametrize(("changes", "error"), REFUSED.values(), ids=REFUSED)
async def test_refuses(changes: dict[str, Any], error: str) -> None:
    fintech = {**FINTECH, "response_types": ["code", "code id_token"]}
    client = Bank(
        profile="fapi1-baseline", clients=[fintech, an_api("accounts-api", 3), an_api("payments-api", 4)]
    ).client()
    asked = {"response_type": "id_token code", **changes}
    response = await client.push(client.request(**asked))
    assert (response.status_code, response.json()["error"]) == (400, error)


async def test_the_client_must_be_registered_for_it() -> None:
    client = Bank(profile="fapi1-baseline").client()
    response = await client.push(client.request(response_type="code id_token"))
    assert response.json()["error"] == "unauthorized_client"


@pytest.mark.spec("FAPI1-ADV 5.2.2-2")
def test_fapi_1_advanced_signs_its_answers() -> None:
    client = Client.read({**FINTECH, "response_types": ["code", "code id_token"]})

    def mode(response_type: str, **members: str) -> str:
        return response_mode_of(members, client, FAPI1_ADVANCED, RESPONSE_MODES, response_type)

    assert mode("code id_token") == "fragment"
    assert mode("code", response_mode="jwt") == "query.jwt"
    for members in ({}, {"response_mode": "fragment"}, {"response_mode": "form_post"}):
        with pytest.raises(InvalidRequest) as refused:
            mode("code", **members)
        assert refused.value.clause == "FAPI1-ADV 5.2.2-2"


def test_metadata_lists_it(client: rpkit.Client) -> None:
    assert client.bank.metadata.strings("response_types_supported") == ("code", "code id_token")


def test_the_user_s_no_comes_without_a_signature(bank: Any, client: rpkit.Client) -> None:
    callback = bank.browse(client.begin(scope="openid").url, decision="deny")
    answer = dict(parse_qsl(urlsplit(callback).fragment))
    assert answer["error"] == "access_denied"
    assert "id_token" not in answer
