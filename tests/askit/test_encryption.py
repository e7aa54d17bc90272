"""What is registered as encrypted goes encrypted between askit and rpkit, and nothing of it passes in the clear."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from joserfc import jwe
from joserfc.jwk import ECKey, RSAKey

from askit import Config
from askit.clients.client import Client as RegisteredClient
from askit.errors import InvalidClientMetadata
from askit.pytest_plugin.faults import FaultyServer
from askit.pytest_plugin.running import running
from fapikit import PrivateKey, PrivateKeyJWT
from fapikit.errors import (
    ConfigurationError,
    FapiError,
    ForbiddenAlgorithm,
    NotEncrypted,
    PeerRefused,
    UnusableAnswer,
)
from fapikit.jose.encryption_keys import DecryptionKey
from rpkit import Client
from tests.askit.bank import FINTECH
from tests.keys import a_key

RSA = DecryptionKey.generate("RSA-OAEP-256", kid="rsa-enc")
EC = DecryptionKey.generate("ECDH-ES", kid="ec-enc")
SIGNING = a_key("ES256", 1)
ALGORITHMS = ["RSA-OAEP-256", "ECDH-ES", "A128GCM", "A256GCM", "A128CBC-HS256"]
REGISTERED: dict[str, str] = {
    "id_token_signed_response_alg": "ES256",
    "id_token_encrypted_response_alg": "RSA-OAEP-256",
    "id_token_encrypted_response_enc": "A256GCM",
    "authorization_signed_response_alg": "ES256",
    "authorization_encrypted_response_alg": "ECDH-ES",
    "authorization_encrypted_response_enc": "A128GCM",
    "userinfo_signed_response_alg": "ES256",
    "userinfo_encrypted_response_alg": "RSA-OAEP-256",
    "introspection_signed_response_alg": "ES256",
    "introspection_encrypted_response_alg": "ECDH-ES",
    "introspection_encrypted_response_enc": "A256GCM",
    "request_object_encryption_alg": "RSA-OAEP-256",
    "request_object_encryption_enc": "A256GCM",
}
SETTINGS: dict[str, Any] = {
    "profile": "fapi2-message-signing",
    "signing": {"request_object_encryption": ["RSA-OAEP-256", "ECDH-ES"]},
    "resources": [
        {
            "uri": "https://api.example.test/",
            "scopes": ["accounts"],
            "introspection_clients": ["test-client"],
        }
    ],
    "authorization_details_types": [],
    "clients": [
        {
            "client_id": "test-client",
            "redirect_uris": ["https://client.example.test/callback"],
            "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": {"keys": [dict(SIGNING.public_jwk), dict(RSA.public_jwk), dict(EC.public_jwk)]},
            **REGISTERED,
        }
    ],
}


@pytest.fixture(scope="module")
def process() -> Iterator[Any]:
    with running(SETTINGS, kind=FaultyServer) as server:
        yield server


@pytest.fixture
def bank(process: Any) -> Iterator[Any]:
    yield process
    process.app.faults.clear()


def a_client(bank: Any, **options: Any) -> Client:
    return Client.discover(
        bank.issuer,
        client_id="test-client",
        auth=PrivateKeyJWT(SIGNING),
        redirect_uri=bank.redirect_uri,
        **{
            "profile": "fapi2-message-signing",
            "http": bank.http(),
            "decryption_keys": [RSA, EC],
            **REGISTERED,
            **options,
        },
    )


@pytest.mark.spec("OIDC 10.2; JARM 2.2; RFC 9701 5a; RFC 9101 4b; RFC 7519 5.2")
def test_the_whole_way(bank: Any) -> None:
    seen: dict[str, str] = {}
    bank.app.faults["authorization_response"] = lambda members: seen.update(members) or members
    bank.app.faults["token_response"] = lambda members: seen.update(members) or members
    with a_client(bank) as client:
        start = client.begin(scope="openid accounts")
        login = client.complete(bank.browse(start.url), start.transaction)
        info = client.userinfo(login)
        found = client.introspect(login.tokens)
    assert (
        jwe.decrypt_compact(seen["response"], EC.material, algorithms=ALGORITHMS).headers()["enc"]
        == "A128GCM"
    )  # by another library
    inner = jwe.decrypt_compact(seen["id_token"], RSA.material, algorithms=ALGORITHMS)
    assert (inner.headers()["alg"], inner.headers()["cty"]) == ("RSA-OAEP-256", "JWT")
    assert inner.plaintext.decode() == login.id_token.token
    assert login.evidence.id_token == login.id_token.token
    assert info.subject == login.id_token.subject
    assert found.active


def test_the_request_object_is_encrypted_for_the_server(bank: Any) -> None:
    with a_client(bank) as client:
        assert client.begin(scope="openid").transaction.request_object.reveal().count(".") == 4
    plain = a_client(bank, request_object_encryption_alg=None, request_object_encryption_enc=None)
    with plain, pytest.raises(PeerRefused) as refused:
        plain.begin(scope="openid")
    assert refused.value.peer_code == "invalid_request_object"


def test_metadata_and_key_set_say_what_can_be_encrypted(bank: Any) -> None:
    with a_client(bank) as client:
        metadata = client.bank.metadata
        for name in ("id_token", "authorization", "userinfo", "introspection", "request_object"):
            assert "RSA-OAEP-256" in (metadata.strings(f"{name}_encryption_alg_values_supported") or ())
            assert "RSA1_5" not in (metadata.strings(f"{name}_encryption_alg_values_supported") or ())
            assert "A256GCM" in (metadata.strings(f"{name}_encryption_enc_values_supported") or ())
    kinds = [(type(RSAKey.import_key(key) if key["kty"] == "RSA" else ECKey.import_key(key)), key["alg"])
             for key in _jwks(bank)["keys"] if key.get("use") == "enc"]  # fmt: skip
    assert kinds == [(RSAKey, "RSA-OAEP-256"), (ECKey, "ECDH-ES")]


def _jwks(bank: Any) -> Any:
    import httpx

    with httpx.Client(verify=bank.http().tls, trust_env=False) as http:
        return http.get(f"{bank.issuer}/jwks").json()


@pytest.fixture(scope="module")
def clear_bank() -> Iterator[Any]:
    """For this bank the client registered no encryption, so its answers come in the clear."""
    (registered,) = SETTINGS["clients"]
    plain = {name: value for name, value in registered.items() if "_encrypted_response_" not in name}
    with running({**SETTINGS, "clients": [plain]}, kind=FaultyServer) as server:
        yield server


CLEAR: dict[str, tuple[Callable[[Client, Any], object], type[FapiError], str]] = {
    "authorization": (
        lambda client, bank: bank.signed_in(client, scope="openid accounts"),
        NotEncrypted,
        "JARM 2.4-1",
    ),
    "id_token": (
        lambda client, bank: bank.signed_in(client, scope="openid accounts"),
        NotEncrypted,
        "OIDC 3.1.3.7-1",
    ),
    "userinfo": (
        lambda client, bank: client.userinfo(bank.signed_in(client, scope="openid accounts")),
        NotEncrypted,
        "OIDC 5.3.4",
    ),
    "introspection": (
        lambda client, bank: client.introspect(bank.signed_in(client, scope="openid accounts").tokens),
        UnusableAnswer,
        "RFC 9701 6",
    ),
}


@pytest.mark.spec("JARM 2.4-1", "OIDC 3.1.3.7-1", "OIDC 5.3.4", "RFC 9701 6")
@pytest.mark.parametrize("kind", CLEAR)
def test_what_comes_in_the_clear_is_a_downgrade(clear_bank: Any, kind: str) -> None:
    call, error, clause = CLEAR[kind]
    others = {
        name: None for name in REGISTERED if "_encrypted_response_" in name and not name.startswith(kind)
    }
    with a_client(clear_bank, **others) as client, pytest.raises(error, match="is not encrypted") as refused:
        call(client, clear_bank)
    assert refused.value.clause == clause


def test_another_enc_than_agreed(bank: Any) -> None:
    with a_client(bank, id_token_encrypted_response_enc="A128GCM") as client:
        start = client.begin(scope="openid accounts")
        with pytest.raises(ForbiddenAlgorithm) as refused:
            client.complete(bank.browse(start.url), start.transaction)
    assert refused.value.facts["enc"] == "A256GCM"


def test_a_client_that_did_not_agree_opens_nothing(bank: Any) -> None:
    plain = {name: None for name in REGISTERED if "_encrypted_response_" in name}
    with a_client(bank, **plain) as client:
        start = client.begin(scope="openid accounts")
        with pytest.raises(FapiError):
            client.complete(bank.browse(start.url), start.transaction)


def test_an_api_that_agreed_gets_no_plain_answer(bank: Any) -> None:
    with a_client(bank) as client:
        login = bank.signed_in(client, scope="openid accounts")
    names = ("introspection_encrypted_response_alg", "introspection_encrypted_response_enc",
             "introspection_signed_response_alg")  # fmt: skip
    other = a_client(bank, profile="fapi2-security", **dict.fromkeys(names), signed_requests=False,
                     request_object_encryption_alg=None, request_object_encryption_enc=None)  # fmt: skip
    with other, pytest.raises((PeerRefused, UnusableAnswer)):
        other.introspect(login.tokens.access_token_for(None))


WRONG = {
    "RSA1_5": ({"id_token_encrypted_response_alg": "RSA1_5"}, "not allowed"),
    "enc without alg": ({"id_token_encrypted_response_alg": None}, "give both"),
    "an unknown enc": ({"id_token_encrypted_response_enc": "A192GCM"}, "not supported"),
}


@pytest.mark.spec("FAPI1-ADV 8.6.1-1")
@pytest.mark.parametrize(("changes", "told"), WRONG.values(), ids=WRONG)
def test_an_agreement_that_cannot_be_kept(bank: Any, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        a_client(bank, **changes)
    members = {
        name: value for name, value in {**FINTECH, **REGISTERED, **changes}.items() if value is not None
    }
    with pytest.raises(InvalidClientMetadata, match=told):
        RegisteredClient.read(members)


def test_a_client_needs_the_keys_that_open(bank: Any) -> None:
    with pytest.raises(ConfigurationError, match="decryption_keys"):
        a_client(bank, decryption_keys=[EC])
    with pytest.raises(ConfigurationError, match="signed_requests"):
        a_client(bank, profile="fapi2-security", signed_requests=False)
    without = {key: value for key, value in FINTECH.items() if key != "jwks"}
    with pytest.raises(InvalidClientMetadata, match="jwks"):
        RegisteredClient.read({**without, "token_endpoint_auth_method": "none", **REGISTERED})
    with pytest.raises(InvalidClientMetadata, match="userinfo_signed_response_alg"):
        RegisteredClient.read({**FINTECH, "userinfo_encrypted_response_alg": "ECDH-ES"})


def test_a_key_that_is_gone_is_no_reason_to_send_in_the_clear() -> None:
    registered = {**SETTINGS["clients"][0], "jwks": {"keys": [dict(SIGNING.public_jwk), dict(EC.public_jwk)]}}
    with running({**SETTINGS, "clients": [registered]}, kind=FaultyServer) as bank, a_client(bank) as client:
        start = client.begin(scope="openid accounts")
        with pytest.raises(FapiError) as refused:
            client.complete(bank.browse(start.url), start.transaction)
    assert "id_token" not in str(refused.value.facts)


def test_request_object_encryption_is_a_list_of_algorithms() -> None:
    with pytest.raises(ConfigurationError, match="RSA1_5"):
        Config.from_mapping(
            {"issuer": "https://bank.example.test", "signing": {"request_object_encryption": ["RSA1_5"]}}
        )


def test_a_server_that_opens_nothing_says_so() -> None:
    settings = {**SETTINGS, "signing": {}}
    with running(settings, kind=FaultyServer) as bank, pytest.raises(FapiError), a_client(bank) as client:
        client.begin(scope="openid")


def test_query_of_the_fragment_is_not_needed(bank: Any) -> None:
    with a_client(bank) as client:
        callback = bank.browse(client.begin(scope="openid").url)
    assert set(dict(parse_qsl(urlsplit(callback).query))) == {"response"}


def test_client_keys_publish_the_keys_for_encryption() -> None:
    from fapikit import KeyRing
    from rpkit import ClientKeys

    keys = ClientKeys(KeyRing(PrivateKey.generate("ES256")), decryption_keys=[RSA])
    assert keys.jwks()["keys"][-1] == RSA.public_jwk
    assert "d" not in keys.jwks()["keys"][-1]
