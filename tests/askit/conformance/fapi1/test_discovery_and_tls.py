"""The FAPI 1.0 Advanced module about metadata and keys, and the probes of TLS, over real sockets."""

from __future__ import annotations

import asyncio
import socket
import ssl

import pytest

from fapikit.metadata import read_metadata
from fapikit.metadata_audit import audit
from tests.askit.fapi1.live import LiveBank
from tests.askit.plain_client import PlainClient

pytestmark = pytest.mark.anyio

SUITES = ("ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384")
"""Of the four that the profile names. Python gives a server no parameters for the other two, which are DHE."""
OTHERS = (
    "ECDHE-RSA-AES128-SHA256",
    "AES128-GCM-SHA256",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-RSA-AES256-SHA",
)


@pytest.mark.conformance("fapi1-op", "discovery-end-point-verification")
async def test_discovery_end_point_verification(bank: LiveBank, client: PlainClient) -> None:
    answer = await client.http.get("/.well-known/openid-configuration")
    document = answer.json()
    assert answer.headers["content-type"].startswith("application/json")
    assert document["issuer"] == bank.issuer
    for name, value in document.items():
        if name.endswith(("_endpoint", "_uri")):
            assert value.startswith(f"{bank.issuer}/"), name
    assert "openid" in document["scopes_supported"]
    assert "code id_token" in document["response_types_supported"]
    assert {"fragment", "jwt"} <= set(document["response_modes_supported"])
    assert "authorization_code" in document["grant_types_supported"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["subject_types_supported"] == ["public"]
    assert document["claims_parameter_supported"] is True
    assert document["request_parameter_supported"] is True
    assert document["request_uri_parameter_supported"] is True
    assert document["require_request_uri_registration"] is True
    assert document["tls_client_certificate_bound_access_tokens"] is True
    assert "private_key_jwt" in document["token_endpoint_auth_methods_supported"]
    for what in (
        "request_object", "id_token", "token_endpoint_auth", "authorization", "userinfo", "introspection"
    ):  # fmt: skip
        assert set(document[f"{what}_signing_alg_values_supported"]) == {"PS256", "ES256"}, what


async def test_the_audit_of_rpkit_finds_nothing_lacking(bank: LiveBank, client: PlainClient) -> None:
    document = (await client.http.get("/.well-known/openid-configuration")).json()
    assert audit(read_metadata(bank.issuer, document), "fapi1-advanced").lacking == ()


async def test_the_keys(client: PlainClient) -> None:
    keys = (await client.http.get("/jwks")).json()["keys"]
    assert len({key["kid"] for key in keys}) == len(keys)
    for key in keys:
        assert not {"d", "p", "q", "k"} & key.keys()
        assert key["kty"] == "EC"
        assert key["alg"] in ("PS256", "ES256")


def _probe(
    bank: LiveBank, version: ssl.TLSVersion, ciphers: str = "ALL:@SECLEVEL=0"
) -> tuple[str | None, str] | None:
    """The version and the suite that the bank agrees to; None: it does not."""
    context = bank.trusting()
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = version
    context.set_ciphers(ciphers)
    with socket.create_connection(("localhost", bank.port)) as plain:
        try:
            with context.wrap_socket(plain, server_hostname="localhost") as secure:
                return secure.version(), (secure.cipher() or ("",))[0]
        except (ssl.SSLError, ConnectionError):
            return None


@pytest.mark.spec("FAPI1-ADV 8.5-1, -2, -3", "FAPI1-BL 7.1a")
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_what_the_bank_agrees_to(bank: LiveBank) -> None:
    newest, chosen = await asyncio.to_thread(_probe, bank, ssl.TLSVersion.TLSv1_3) or ("", "")
    assert (newest, chosen[:4]) == ("TLSv1.3", "TLS_")
    tls12 = ssl.TLSVersion.TLSv1_2
    for suite in SUITES:
        assert await asyncio.to_thread(_probe, bank, tls12, suite) == ("TLSv1.2", suite)
    for suite in OTHERS:
        assert await asyncio.to_thread(_probe, bank, tls12, f"{suite}:@SECLEVEL=0") is None, suite
    for old in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        assert await asyncio.to_thread(_probe, bank, old) is None
