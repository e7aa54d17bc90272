"""Tokens that are bound to the client's certificate: who gets one, what it says, and where it is worth something."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from fapikit.errors import ConfigurationError
from tests.askit.bank import FINTECH, OTHER, Bank, an_api
from tests.askit.plain_client import CALLBACK, ISSUER, PAYMENTS, PlainClient, read_callback
from tests.keys import b64
from tests.mothers.certificates import Made, a_certificate, an_authority, usage

pytestmark = pytest.mark.anyio

FLAG = {"tls_client_certificate_bound_access_tokens": True}
MINE, THEIRS = a_certificate(), a_certificate(serial=8)
CREDENTIALS = {"grant_type": "client_credentials", "scope": "accounts"}
APIS = [an_api("accounts-api", 3), an_api("payments-api", 4)]


def x5t(made: Made) -> str:
    return b64(hashlib.sha256(made.der).digest())


def claims_of(jwt: str) -> dict[str, Any]:
    body = jwt.split(".")[1]
    return dict(json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4))))


def a_bank(**changes: Any) -> Bank:
    return Bank(**{"clients": [{**FINTECH, **FLAG}, OTHER, *APIS], **changes})


def a_client(bank: Bank, *shows: Made, client_id: str = "fintech") -> PlainClient:
    return bank.client(client_id, http=bank.browser(shows=shows))


async def userinfo(bank: Bank, token: str, *shows: Made, scheme: str = "Bearer") -> httpx.Response:
    headers = {"authorization": f"{scheme} {token}"}
    return await bank.browser(shows=shows).get("/userinfo", headers=headers)


@pytest.mark.spec("RFC 8705 3", "RFC 8705 3.1", "FAPI2-SP 5.3.2.1-4, -5", "RFC 8705 3b")
async def test_a_login_brings_tokens_that_are_worth_something_over_that_certificate_alone() -> None:
    bank = a_bank()
    client = a_client(bank, MINE)
    tokens = (await client.token(client.code_form(await client.code()), proof=False)).json()
    assert tokens["token_type"] == "Bearer"
    assert claims_of(tokens["access_token"])["cnf"] == {"x5t#S256": x5t(MINE)}
    assert (await userinfo(bank, tokens["access_token"], MINE)).status_code == 200
    for shown in ((THEIRS,), ()):
        stolen = await userinfo(bank, tokens["access_token"], *shown)
        assert (stolen.status_code, stolen.json()["error"]) == (401, "invalid_token")
        assert "RFC 8705 3b" in stolen.json()["error_description"]
    assert (await userinfo(bank, tokens["access_token"], MINE, scheme="DPoP")).status_code == 401


@pytest.mark.spec("RFC 8705 3.1")
@pytest.mark.parametrize(
    ("scope", "api"), [("accounts", "accounts-api"), ("payments", "payments-api")], ids=["JWT", "opaque"]
)
async def test_introspection_says_it_too(scope: str, api: str) -> None:
    bank = a_bank()
    form = {"grant_type": "client_credentials", "scope": scope}
    token = (await a_client(bank, MINE).token(form, proof=False)).json()["access_token"]
    told = (await bank.client(api).introspect(token)).json()
    assert told["cnf"] == {"x5t#S256": x5t(MINE)}
    assert told["token_type"] == "Bearer"


@pytest.mark.spec("FAPI2-SP 5.3.2.1-5")
async def test_a_proof_beside_the_certificate_binds_to_both() -> None:
    bank = a_bank()
    client = a_client(bank, MINE)
    tokens = (await client.token(CREDENTIALS)).json()
    assert tokens["token_type"] == "DPoP"
    assert claims_of(tokens["access_token"])["cnf"] == {
        "jkt": client.dpop_key.thumbprint,
        "x5t#S256": x5t(MINE),
    }


async def test_whoever_did_not_ask_for_it_is_bound_to_its_proof_alone() -> None:
    client = a_client(a_bank(), MINE, client_id="other")
    tokens = (await client.token(CREDENTIALS)).json()
    assert claims_of(tokens["access_token"])["cnf"] == {"jkt": client.dpop_key.thumbprint}
    unbound = await client.token(CREDENTIALS, proof=False)
    assert (unbound.status_code, unbound.json()["error"]) == (400, "invalid_dpop_proof")


@pytest.mark.spec("RFC 8705 3.4")
async def test_whoever_asked_for_it_gets_no_token_without_a_certificate() -> None:
    for proof in (True, False):
        refused = await a_client(a_bank()).token(CREDENTIALS, proof=proof)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
        assert refused.json()["error_description"].endswith("connect with it [RFC 8705 3.4]")


UNFIT = {
    "expired": (a_certificate(valid_for=-dt.timedelta(hours=1)), "expired on"),
    "not yet valid": (a_certificate(valid_from=dt.timedelta(hours=1)), "not valid before"),
    "key usage": (a_certificate(key_usage=usage(key_encipherment=True)), "digitalSignature"),
    "extended key usage": (a_certificate(extended=[ExtendedKeyUsageOID.SERVER_AUTH]), "clientAuth"),
    "RSA of 1024 bits": (a_certificate(key=rsa.generate_private_key(65537, 1024)), "1024 bits"),
}


@pytest.mark.spec("FAPI2-SP 5.4.1-3")
@pytest.mark.parametrize("unfit", UNFIT)
async def test_nothing_is_bound_to_a_certificate_that_is_not_fit(unfit: str) -> None:
    made, why = UNFIT[unfit]
    refused = await a_client(a_bank(), made).token(CREDENTIALS, proof=False)
    assert refused.status_code == 401
    assert why in refused.json()["error_description"]


@pytest.mark.spec("RFC 8705 6.3, 7.1")
async def test_a_confidential_client_may_change_its_certificate() -> None:
    bank = a_bank()
    client = a_client(bank, MINE)
    tokens = (await client.token(client.code_form(await client.code()), proof=False)).json()
    renewed = a_client(bank, THEIRS)
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    fresh = (await renewed.token(form, proof=False)).json()
    assert claims_of(fresh["access_token"])["cnf"] == {"x5t#S256": x5t(THEIRS)}


@pytest.mark.spec("RFC 8705 4")
async def test_a_public_clients_refresh_token_is_bound_to_its_certificate() -> None:
    public = {**FINTECH, **FLAG, "client_id": "public", "token_endpoint_auth_method": "none"}
    bank = Bank(profile="oauth-2.1", clients=[public, *APIS], refresh_rotation=False)
    named = {"client_id": "public"}
    mine, thief = (a_client(bank, shown, client_id="public") for shown in (MINE, THEIRS))
    request_uri = (await mine.push(authentication=named)).json()["request_uri"]
    code = read_callback(await mine.decide(request_uri), CALLBACK)["code"]
    tokens = (await mine.token(mine.code_form(code), authentication=named, proof=False)).json()
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    stolen = await thief.token(form, authentication=named, proof=False)
    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    assert "another certificate" in stolen.json()["error_description"]
    kept = (await mine.token(form, authentication=named, proof=False)).json()
    assert claims_of(kept["access_token"])["cnf"] == {"x5t#S256": x5t(MINE)}
    assert "refresh_token" not in kept, "a bound one need not rotate"


# A profile that knows certificates only.


@pytest.mark.spec("FAPI1-ADV 5.2.2-5", "FAPI1-ADV 8.2")
async def test_fapi_1_advanced_binds_every_token_to_a_certificate() -> None:
    bank = Bank(profile="fapi1-advanced")
    token = (await a_client(bank, MINE).token(CREDENTIALS, proof=False)).json()["access_token"]
    assert claims_of(token)["cnf"] == {"x5t#S256": x5t(MINE)}
    for proof, clause in ((True, "FAPI1-ADV 8.2"), (False, "FAPI1-ADV 5.2.2-5")):
        refused = await a_client(bank).token(CREDENTIALS, proof=proof)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
        assert f"[{clause}]" in refused.json()["error_description"]
    assert (await bank.browser().get("/userinfo")).headers["www-authenticate"] == "Bearer"


@pytest.mark.spec("RFC 8705 3.3")
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"profile": "fapi1-advanced"}, True),
        ({"client_certificates": {"form": "nginx", "networks": ["10.0.0.0/8"]}}, True),
        ({"tls": {"certificate": "server.pem", "key": "server.key"}}, None),
        ({"tls": {"certificate": "server.pem", "key": "server.key", "client_ca": "{}/ca.pem"}}, True),
    ],
)
async def test_the_metadata_say_whether_tokens_can_be_bound(
    changes: dict[str, Any], told: bool | None, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_text(an_authority().pem)
    changes = json.loads(json.dumps(changes).replace("{}", str(tmp_path)))
    document = (await Bank(**changes).browser().get("/.well-known/openid-configuration")).json()
    assert document.get("tls_client_certificate_bound_access_tokens") is told


def test_a_profile_of_certificates_needs_somewhere_for_them_to_come_from() -> None:
    with pytest.raises(ConfigurationError, match=r"tls\.client_ca, or client_certificates") as refused:
        Bank(profile="fapi1-advanced", tls={"certificate": "server.pem", "key": "server.key"})
    assert refused.value.clause == "FAPI1-ADV 8.2"


# A certificate that a proxy hands on.

PROXY = {"form": "nginx", "networks": ["10.0.3.0/24"]}


async def behind(bank: Bank, address: str, headers: list[tuple[str, str]], *shows: Made) -> httpx.Response:
    http = bank.browser(address, shows=shows)
    http.headers = httpx.Headers([*http.headers.items(), *headers])
    client = bank.client(http=http)
    return await client.token(CREDENTIALS, proof=False)


def a_field(made: Made, name: str = "X-SSL-Client-Cert") -> tuple[str, str]:
    return name, quote(made.pem)


@pytest.mark.spec("RFC 9440 4a", "RFC 8705 6.5")
async def test_the_header_of_the_proxy_counts_and_nobody_elses() -> None:
    bank = a_bank(client_certificates=PROXY)
    token = (await behind(bank, "10.0.3.7", [a_field(MINE)])).json()["access_token"]
    assert claims_of(token)["cnf"] == {"x5t#S256": x5t(MINE)}
    for forged in (
        await behind(bank, "10.0.4.7", [a_field(MINE)]),
        await behind(a_bank(), "10.0.3.7", [a_field(MINE)]),
    ):
        assert (forged.status_code, forged.json()["error"]) == (400, "invalid_request")
        assert "RFC 8705 3.4" in forged.json()["error_description"]
    # Forged beside a certificate of one's own: that one counts.
    token = (await behind(bank, "10.0.4.7", [a_field(MINE)], THEIRS)).json()["access_token"]
    assert claims_of(token)["cnf"] == {"x5t#S256": x5t(THEIRS)}


@pytest.mark.parametrize(("address", "logged"), [("10.0.3.7", False), ("10.0.4.7", True)])
async def test_the_log_names_the_sender_of_a_header_that_does_not_count(
    address: str, logged: bool, caplog: pytest.LogCaptureFixture
) -> None:
    bank = a_bank(client_certificates=PROXY)
    with caplog.at_level(logging.INFO, "askit"):
        await behind(bank, address, [a_field(MINE)])
        await behind(bank, address, [])
    assert (f"x-ssl-client-cert of {address} is ignored" in caplog.text) is logged


@pytest.mark.spec("RFC 9440 4a")
async def test_a_header_that_can_be_read_in_two_ways_is_refused() -> None:
    bank = a_bank(client_certificates=PROXY)
    for refused in (
        await behind(bank, "10.0.3.7", [a_field(MINE), a_field(THEIRS)]),
        await behind(bank, "10.0.3.7", [a_field(MINE), a_field(THEIRS, "x_ssl_client_cert")]),
        await behind(bank, "10.0.3.7", [a_field(MINE)], THEIRS),
        await behind(bank, "10.0.3.7", [("x-ssl-client-cert", "not a certificate")]),
    ):
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
        assert "RFC 9440 4" in refused.json()["error_description"]


async def test_a_proxy_is_known_by_its_secret_too() -> None:
    secret = "s" * 32
    bank = a_bank(client_certificates={"form": "nginx", "secret": {"header": "x-proxy", "value": secret}})
    assert secret not in repr(bank.config)
    headers = [a_field(MINE), ("x-proxy", secret)]
    assert (await behind(bank, "198.51.100.1", headers)).status_code == 200
    assert (await behind(bank, "198.51.100.1", headers[:1])).status_code == 400


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"form": "nginx"}, "client_certificates: ProxyTrust is empty"),
        (
            {"form": "nginx", "networks": ["0.0.0.0/0"]},
            "client_certificates: networks includes all addresses",
        ),
        ({"form": "nginx", "networks": ["10.0.0.1/8"]}, "client_certificates: networks"),
        ({"form": "squid", "networks": ["10.0.0.0/8"]}, "client_certificates: 'squid' is no form"),
        ({"networks": ["10.0.0.0/8"]}, "client_certificates.form is missing"),
        ({**PROXY, "verified": "yes"}, "client_certificates.verified must be true or false, or a table"),
        ({**PROXY, "verified": {"header": "x-verify"}}, "client_certificates.verified.value is missing"),
        (
            {**PROXY, "secret": {"header": "x", "value": "short"}},
            "client_certificates: the secret of the proxy",
        ),
        ({**PROXY, "network": []}, "client_certificates.network is not a setting; did you mean networks?"),
    ],
)
def test_a_header_is_configured_whole(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Bank(client_certificates=settings)
    assert named in refused.value.message


# The host that asks for certificates.


@pytest.mark.spec("RFC 8705 5")
async def test_the_endpoints_have_a_second_name() -> None:
    alias = "https://mtls.example.test"
    bank = a_bank(mtls_endpoint_aliases=alias, initial_access_token="t" * 32)
    document = (await bank.browser().get("/.well-known/openid-configuration")).json()
    assert document["mtls_endpoint_aliases"] == {
        "token_endpoint": f"{alias}/token",
        "pushed_authorization_request_endpoint": f"{alias}/par",
        "introspection_endpoint": f"{alias}/introspect",
        "revocation_endpoint": f"{alias}/revoke",
        "userinfo_endpoint": f"{alias}/userinfo",
        "registration_endpoint": f"{alias}/register",
        "device_authorization_endpoint": f"{alias}/device_authorization",
        "backchannel_authentication_endpoint": f"{alias}/backchannel_authentication",
        "grant_management_endpoint": f"{alias}/grant_management",
    }
    assert document["token_endpoint"] == f"{ISSUER}/token"
    client = a_client(bank, MINE)
    await client.token(CREDENTIALS)
    for url, status in ((f"{alias}/token", 200), (f"{ISSUER}/token", 200), (f"{PAYMENTS}/token", 400)):
        assert (await client.token(CREDENTIALS, proof=client.proof("POST", url))).status_code == status


@pytest.mark.spec("RFC 9126 2b", "FAPI2-SP 5.3.2.1-8")
@pytest.mark.parametrize(("profile", "status"), [("fapi1-baseline", 201), ("fapi2-security", 401)])
async def test_an_assertion_may_be_for_the_second_name_where_it_may_be_for_the_first(
    profile: str, status: int
) -> None:
    client = Bank(profile=profile, mtls_endpoint_aliases="https://mtls.example.test").client()
    pushed = await client.push(authentication=client.authentication(aud="https://mtls.example.test/token"))
    assert pushed.status_code == status, pushed.text


@pytest.mark.parametrize(
    "origin", ["mtls.example.test", "http://mtls.example.test", "https://mtls.example.test/", "https://"]
)
def test_the_second_name_is_an_origin(origin: str) -> None:
    with pytest.raises(ConfigurationError, match="mtls_endpoint_aliases"):
        Bank(mtls_endpoint_aliases=origin)
