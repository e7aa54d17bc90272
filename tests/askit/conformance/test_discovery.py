"""What certification reads before it starts: metadata and keys (checks 110 to 123)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.askit.bank import Bank
from tests.askit.plain_client import ISSUER

pytestmark = pytest.mark.anyio

FAPI2 = {"PS256", "ES256", "EdDSA", "Ed25519"}


async def _metadata(bank: Bank, path: str = "/.well-known/oauth-authorization-server") -> dict[str, Any]:
    response = await bank.browser().get(path)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    return response.json()


@pytest.mark.conformance("fapi2-op", "discovery-end-point-verification")
@pytest.mark.spec("FAPI2-SP 5.3.2.1-1")
@pytest.mark.spec("RFC 9207 2.3")
async def test_discovery_end_point_verification(bank: Bank) -> None:
    document = await _metadata(bank)
    assert document == await _metadata(bank, "/.well-known/openid-configuration")
    assert document["issuer"] == ISSUER
    for name, value in document.items():
        if name.endswith(("_endpoint", "_uri")):
            assert value.startswith("https://"), name
        if name.endswith("_encryption_alg_values_supported"):
            assert "RSA1_5" not in value, name
        elif name.endswith("_alg_values_supported"):
            assert set(value) <= FAPI2, name
    assert document["response_types_supported"] == ["code"]
    assert {"authorization_code", "refresh_token"} <= set(document["grant_types_supported"])
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["require_pushed_authorization_requests"] is True
    assert document["authorization_response_iss_parameter_supported"] is True
    assert "private_key_jwt" in document["token_endpoint_auth_methods_supported"]
    assert "openid" in document["scopes_supported"]
    assert document["authorization_details_types_supported"] == ["payment_initiation"]


@pytest.mark.spec("FAPI2-MS 5.3.1-1", "FAPI2-MS 5.4.1-1")
@pytest.mark.spec("JARM 4")
async def test_discovery_under_message_signing(signing_bank: Bank) -> None:
    document = await _metadata(signing_bank)
    assert document["require_signed_request_object"] is True
    assert set(document["response_modes_supported"]) == {"jwt", "query.jwt", "fragment.jwt", "form_post.jwt"}
    assert document["authorization_response_iss_parameter_supported"] is False
    assert set(document["authorization_signing_alg_values_supported"]) <= FAPI2


async def test_an_issuer_with_a_path_has_each_document_at_its_place() -> None:
    """RFC 8414 puts the well-known part before the path, OIDC Discovery after it."""
    bank = Bank(issuer="https://bank.example.test/retail")
    document = await _metadata(bank, "/.well-known/oauth-authorization-server/retail")
    assert document == await _metadata(bank, "/retail/.well-known/openid-configuration")
    assert document["token_endpoint"] == "https://bank.example.test/retail/token"
    assert (await bank.browser().get("/.well-known/openid-configuration")).status_code == 404


@pytest.mark.spec("FAPI2-SP 5.4.2-3")
@pytest.mark.spec("FAPI2-SP 5.4.2a")
async def test_the_key_set_holds_public_keys_with_distinct_kids(bank: Bank) -> None:
    response = await bank.browser().get("/jwks")
    keys = response.json()["keys"]
    assert len({key["kid"] for key in keys}) == len(keys) >= 2
    for key in keys:
        assert key["use"] == "sig"
        assert key["alg"] in FAPI2
        assert not {"d", "p", "q", "k"} & key.keys()
    assert "private" not in json.dumps(keys)


async def test_metadata_of_a_profile_with_secrets_lists_them() -> None:
    document = await _metadata(Bank(profile="oauth-2.1"))
    assert "client_secret_basic" in document["token_endpoint_auth_methods_supported"]
    assert "HS256" in document["token_endpoint_auth_signing_alg_values_supported"]
    assert document["require_pushed_authorization_requests"] is False
    assert "none" in document["token_endpoint_auth_methods_supported"]
    assert "none" not in document["introspection_endpoint_auth_methods_supported"]
