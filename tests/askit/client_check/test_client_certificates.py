"""Clients that are known by their certificate: a valid baseline for each method, and what is refused, and why."""

from __future__ import annotations

import base64
import datetime as dt
import logging
import os
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from askit.errors import InvalidClientMetadata
from fapikit import HttpSettings
from fapikit.errors import ConfigurationError
from tests.askit.bank import FINTECH, OTHER, Bank, an_api
from tests.askit.registering import OPENER, register
from tests.mothers.certificates import FINTECH as FINTECH_NAME
from tests.mothers.certificates import (
    UNREADABLE,
    Made,
    a_certificate,
    a_crl,
    a_name,
    an_authority,
    jwk_of,
    unreadable,
    usage,
)

pytestmark = pytest.mark.anyio

FLAG = {"tls_client_certificate_bound_access_tokens": True}
HOUR = dt.timedelta(hours=1)
CA, OTHER_CA = an_authority(), an_authority("Other CA")
MIDDLE = an_authority("Intermediate", issuer=CA)
DN = "CN=fintech,O=Fintech,C=JP"
APIS = [an_api("accounts-api", 3), an_api("payments-api", 4)]


def unreadable_x5c(kind: str) -> str:
    return base64.b64encode(unreadable(kind, OWN.der)).decode()


def known_by(method: str, **more: Any) -> dict[str, Any]:
    members = {name: value for name, value in FINTECH.items() if name != "jwks"}
    return {**members, **FLAG, "token_endpoint_auth_method": method, **more}


def under_ca(tmp_path: Path, **more: Any) -> Bank:
    """A bank with a client CA, and the fintech known by its name."""
    subject = {key: value for key, value in more.items() if key.startswith("tls_client_auth")}
    settings = {key: value for key, value in more.items() if key not in subject}
    tls = {"certificate": "server.pem", "key": "server.key", "client_ca": str(tmp_path / "ca.pem")}
    (tmp_path / "ca.pem").write_text(CA.pem)
    if crl := settings.pop("crl", None):
        (tmp_path / "crl.pem").write_text(crl)
        tls["client_crl"] = str(tmp_path / "crl.pem")
    client = known_by("tls_client_auth", **(subject or {"tls_client_auth_subject_dn": DN}))
    return Bank(clients=[client, OTHER, *APIS], tls=tls, **settings)


def self_signed(*registered: Made, **more: Any) -> Bank:
    keys = {"keys": [jwk_of(made) for made in registered]}
    client = known_by("self_signed_tls_client_auth", jwks=keys)
    return Bank(clients=[client, OTHER, *APIS], **more)


async def ask(
    bank: Bank, *shows: Made, headers: Sequence[tuple[str, str]] = (), **form: str
) -> httpx.Response:
    http = bank.browser("10.0.3.7", shows=shows)
    http.headers = httpx.Headers([*http.headers.items(), *headers])
    sent = {"grant_type": "client_credentials", "scope": "accounts", "client_id": "fintech", **form}
    return await http.post("/token", data=sent)


async def refused(bank: Bank, *shows: Made, **more: Any) -> str:
    """What it says to a client that it does not believe."""
    answer = await ask(bank, *shows, **more)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), answer.text
    return str(answer.json()["error_description"])


LEAF = a_certificate(issuer=CA)


@pytest.mark.spec("RFC 8705 2.1", "FAPI2-SP 5.3.2.1-6", "FAPI1-BL 5.2.2-4", "FAPI1-ADV 5.2.2-14")
@pytest.mark.parametrize("profile", ["oauth-2.1", "fapi1-baseline", "fapi1-advanced", "fapi2-security"])
async def test_tls_client_auth(profile: str, tmp_path: Path) -> None:
    bank = under_ca(tmp_path, profile=profile)
    assert (await ask(bank, LEAF)).status_code == 200
    assert (await ask(bank, a_certificate(issuer=MIDDLE), MIDDLE)).status_code == 200


SUBJECTS: dict[str, tuple[str, Any, Any]] = {
    "tls_client_auth_subject_dn": (
        "cn=fintech, O=\\46intech, c=JP",
        {},
        {"subject": a_name((NameOID.COMMON_NAME, "fintech"))},
    ),
    "tls_client_auth_san_dns": (
        "API.fintech.example",
        {"names": [x509.DNSName("api.fintech.example")]},
        {"names": [x509.DNSName("fintech.example")]},
    ),
    "tls_client_auth_san_uri": (
        "urn:fintech:1",
        {"names": [x509.UniformResourceIdentifier("urn:fintech:1")]},
        {"names": [x509.UniformResourceIdentifier("urn:fintech:2")]},
    ),
    "tls_client_auth_san_ip": (
        "2001:DB8:0::1",
        {"names": [x509.IPAddress(ip_address("2001:db8::1"))]},
        {"names": [x509.IPAddress(ip_address("2001:db8::2"))]},
    ),
    "tls_client_auth_san_email": (
        "ops@FINTECH.example",
        {"names": [x509.RFC822Name("ops@fintech.example")]},
        {"names": [x509.RFC822Name("dev@fintech.example")]},
    ),
}


@pytest.mark.spec("RFC 8705 2.1.2a", "RFC 8705 2.1, 2.1.2b", "RFC 8705 2.1.2", "RFC 5280 4.2.1.6")
@pytest.mark.parametrize("member", SUBJECTS)
async def test_each_way_to_name_the_subject(member: str, tmp_path: Path) -> None:
    value, mine, other = SUBJECTS[member]
    bank = under_ca(tmp_path, **{member: value})
    assert (await ask(bank, a_certificate(issuer=CA, **mine))).status_code == 200
    told = await refused(bank, a_certificate(issuer=CA, **other))
    assert f"does not have the {member}" in told


SELF_MADE = a_certificate(ca=True)
RSA_1024 = rsa.generate_private_key(65537, 1024)
MUTATIONS: dict[str, tuple[tuple[Made, ...], str]] = {
    "none": ((), "the connection has none [RFC 8705 2a]"),
    "self-signed": ((a_certificate(),), "no chain leads"),
    "of another CA": ((a_certificate(issuer=OTHER_CA), OTHER_CA), "no chain leads"),
    "without what leads to the CA": ((a_certificate(issuer=MIDDLE),), "no chain leads"),
    "minted by a client": ((a_certificate(issuer=SELF_MADE), SELF_MADE), "no chain leads"),
    "minted by a client under the CA": ((a_certificate(issuer=LEAF), LEAF), "no chain leads"),
    "of another subject": (
        (a_certificate(issuer=CA, subject=a_name((NameOID.COMMON_NAME, "other"))),),
        "does not have the tls_client_auth_subject_dn",
    ),
    "expired": ((a_certificate(issuer=CA, valid_for=-HOUR),), "expired on"),
    "not yet valid": ((a_certificate(issuer=CA, valid_from=HOUR),), "not valid before"),
    "key usage": (
        (a_certificate(issuer=CA, key_usage=usage(key_agreement=True)),),
        "digitalSignature [RFC 5280 4.2.1.3]",
    ),
    "extended key usage": (
        (a_certificate(issuer=CA, extended=[ExtendedKeyUsageOID.SERVER_AUTH]),),
        "clientAuth [RFC 5280 4.2.1.12]",
    ),
    "RSA of 1024 bits": ((a_certificate(issuer=CA, key=RSA_1024),), "1024 bits"),
    "EC of 192 bits": (
        (a_certificate(issuer=CA, key=ec.generate_private_key(ec.SECP192R1())),),
        "192 bits",
    ),
}


@pytest.mark.spec("RFC 8705 2b", "RFC 8705 2.1", "RFC 5280 4.2.1.3", "RFC 5280 4.2.1.12", "RFC 5280 6.1.3")
@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_tls_client_auth_refuses(
    mutation: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shows, why = MUTATIONS[mutation]
    bank = under_ca(tmp_path)
    assert (await ask(bank, LEAF)).status_code == 200
    with caplog.at_level(logging.INFO, "askit"):
        assert why in await refused(bank, *shows)
    assert why.split(" [")[0] in caplog.text


@pytest.mark.spec("RFC 8705 2a", "RFC 8705 2")
async def test_a_certificate_is_not_taken_for_another_client_or_method(tmp_path: Path) -> None:
    bank = under_ca(tmp_path)
    assert "is registered for private_key_jwt" in await refused(bank, LEAF, client_id="other")
    assert "not registered" in await refused(bank, LEAF, client_id="nobody")
    secret = {"client_secret": "s" * 40}
    assert "is registered for tls_client_auth" in await refused(bank, LEAF, **secret)
    nameless = await bank.browser(shows=[LEAF]).post("/token", data={"grant_type": "client_credentials"})
    assert (nameless.status_code, nameless.json()["error"]) == (401, "invalid_client")


@pytest.mark.spec("RFC 5280 6.3")
async def test_a_revoked_certificate_and_a_list_that_is_replaced(tmp_path: Path) -> None:
    bank = under_ca(tmp_path, crl=a_crl(CA, 8))
    assert (await ask(bank, LEAF)).status_code == 200
    assert "revoked" in await refused(bank, a_certificate(issuer=CA, serial=8))
    (tmp_path / "crl.pem").write_text(a_crl(CA, 7, 8))
    assert "revoked" in await refused(bank, LEAF)
    # Half a file is no list: what was read before stays in force.
    (tmp_path / "crl.pem").write_text(a_crl(CA)[:-60])
    os.utime(tmp_path / "crl.pem", (1, 1))
    assert "revoked" in await refused(bank, LEAF)
    (tmp_path / "crl.pem").unlink()
    assert "revoked" in await refused(bank, LEAF)


@pytest.mark.spec("RFC 5280 6.3.3")
async def test_a_list_that_is_out_of_date_decides_nothing(tmp_path: Path) -> None:
    bank = under_ca(tmp_path, crl=a_crl(CA, lasts=HOUR))
    bank.clock.advance(3601)
    answer = await ask(bank, LEAF)
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")


@pytest.mark.spec("RFC 8705 2.2", "FAPI2-SP 5.3.2.1-6", "FAPI1-BL 5.2.2-4", "FAPI1-ADV 5.2.2-14")
@pytest.mark.parametrize("profile", ["oauth-2.1", "fapi1-baseline", "fapi1-advanced", "fapi2-security"])
async def test_self_signed_tls_client_auth(profile: str) -> None:
    own, next_one = a_certificate(), a_certificate(key=rsa.generate_private_key(65537, 2048))
    bank = self_signed(own, next_one, profile=profile)
    for made in (own, next_one):
        assert (await ask(bank, made)).status_code == 200


OWN = a_certificate()
SELF_SIGNED_MUTATIONS: dict[str, tuple[Made | None, Made | None, str]] = {
    "none": (OWN, None, "the connection has none [RFC 8705 2a]"),
    "another's": (OWN, a_certificate(), "the client has not registered this certificate [RFC 8705 2.2]"),
    "the same key in another certificate": (
        OWN,
        a_certificate(key=OWN.key, serial=9),
        "the client has not registered this certificate",
    ),
    "expired": ((made := a_certificate(valid_for=-HOUR)), made, "expired on"),
    "not yet valid": ((made := a_certificate(valid_from=HOUR)), made, "not valid before"),
    "key usage": ((made := a_certificate(key_usage=usage(key_cert_sign=True))), made, "digitalSignature"),
    "extended key usage": (
        (made := a_certificate(extended=[ExtendedKeyUsageOID.CODE_SIGNING])),
        made,
        "clientAuth",
    ),
}


@pytest.mark.spec("RFC 8705 2b", "RFC 8705 2.2")
@pytest.mark.parametrize("mutation", SELF_SIGNED_MUTATIONS)
async def test_self_signed_tls_client_auth_refuses(mutation: str, caplog: pytest.LogCaptureFixture) -> None:
    registered, shown, why = SELF_SIGNED_MUTATIONS[mutation]
    bank = self_signed(registered or OWN)
    with caplog.at_level(logging.INFO, "askit"):
        assert why in await refused(bank, *([shown] if shown else []))
    assert why.split(" [")[0] in caplog.text


@pytest.mark.spec("RFC 8705 2.1", "RFC 8705 2.2")
async def test_a_registered_certificate_mints_nothing(tmp_path: Path) -> None:
    """The handshake has it among its trust anchors, and takes whatever it signed."""
    mallory = a_certificate(ca=True)
    thief = known_by("self_signed_tls_client_auth", client_id="mallory", jwks={"keys": [jwk_of(mallory)]})
    bank = under_ca(tmp_path)
    victim = dict(bank.config.clients[0].metadata)
    tls = {"certificate": "server.pem", "key": "server.key", "client_ca": str(tmp_path / "ca.pem")}
    bank = Bank(clients=[victim, thief, *APIS], tls=tls)
    minted = a_certificate(issuer=mallory, subject=FINTECH_NAME)
    for shows in ((minted,), (minted, mallory)):
        assert "no chain leads" in await refused(bank, *shows)
        assert "has not registered this certificate" in await refused(bank, *shows, client_id="mallory")


@pytest.mark.spec("RFC 8705 2.2.2")
async def test_certificates_behind_a_jwks_uri_rotate() -> None:
    served, fetched = {"keys": [jwk_of(OWN)]}, []

    def answer(request: httpx.Request) -> httpx.Response:
        fetched.append(request.url)
        return httpx.Response(200 if served else 503, json=served)

    client = known_by("self_signed_tls_client_auth", jwks_uri="https://fintech.example.test/jwks")
    http = HttpSettings(async_client=httpx.AsyncClient(transport=httpx.MockTransport(answer)))
    bank = Bank(clients=[client, OTHER, *APIS], http=http)
    for _ in range(3):
        assert (await ask(bank, OWN)).status_code == 200
    assert len(fetched) == 1
    renewed = a_certificate()
    served["keys"] = [jwk_of(renewed)]
    assert (await ask(bank, renewed)).status_code == 200
    assert len(fetched) == 2
    assert "has not registered this certificate" in await refused(bank, OWN)
    served.clear()
    bank.clock.advance(4000)
    assert (await ask(bank, renewed)).status_code == 503  # cannot be known now


# Behind a proxy.

PROXY = {"form": "nginx", "networks": ["10.0.3.0/24"], "verified": {"header": "x-verify", "value": "SUCCESS"}}


def field(made: Made) -> tuple[str, str]:
    return "x-ssl-client-cert", quote(made.pem)


@pytest.mark.spec("RFC 8705 2.1", "RFC 8705 6.5")
async def test_the_word_of_a_proxy_stands_for_the_chain() -> None:
    client = known_by("tls_client_auth", tls_client_auth_subject_dn=DN)
    bank = Bank(clients=[client, OTHER, *APIS], client_certificates=PROXY)
    leaf = a_certificate(issuer=OTHER_CA)
    assert (await ask(bank, headers=[field(leaf), ("x-verify", "SUCCESS")])).status_code == 200
    for word in ("FAILED:unable to verify the first certificate", "NONE", "success"):
        told = await refused(bank, headers=[field(leaf), ("x-verify", word)])
        assert "has not been verified" in told
    assert "has not been verified" in await refused(bank, headers=[field(leaf)])
    stranger = a_certificate(issuer=OTHER_CA, subject=a_name((NameOID.COMMON_NAME, "other")))
    assert "subject_dn" in await refused(bank, headers=[field(stranger), ("x-verify", "SUCCESS")])


@pytest.mark.spec("RFC 8705 2.1", "RFC 8705 6.2, 7.4")
async def test_with_a_client_ca_of_its_own_it_takes_nobodys_word(tmp_path: Path) -> None:
    bank = under_ca(tmp_path, client_certificates=PROXY)
    assert (await ask(bank, headers=[field(LEAF)])).status_code == 200
    foreign = a_certificate(issuer=OTHER_CA)
    assert "no chain leads" in await refused(bank, headers=[field(foreign), ("x-verify", "SUCCESS")])


async def test_a_hash_alone_authenticates_nobody() -> None:
    client = known_by("tls_client_auth", tls_client_auth_subject_dn=DN)
    bank = Bank(
        clients=[client, OTHER, *APIS], client_certificates={**PROXY, "form": "envoy", "verified": True}
    )
    headers = [("x-forwarded-client-cert", "Hash=" + "ab" * 32)]
    assert "forwards only a hash" in await refused(bank, headers=headers)


# What is registered.


@pytest.mark.spec("RFC 8705 2.1.2a", "RFC 8705 2.2.2")
@pytest.mark.parametrize(
    ("members", "told"),
    [
        (known_by("tls_client_auth"), "exactly one of tls_client_auth_subject_dn"),
        (
            known_by("tls_client_auth", tls_client_auth_subject_dn=DN, tls_client_auth_san_dns="a.example"),
            "exactly one of",
        ),
        (known_by("tls_client_auth", tls_client_auth_subject_dn="no name"), "cannot be read"),
        (known_by("tls_client_auth", tls_client_auth_subject_dn=""), "tls_client_auth_subject_dn"),
        # It would be the name of every certificate that has no subject.
        (known_by("tls_client_auth", tls_client_auth_subject_dn=" "), "tls_client_auth_subject_dn is empty"),
        (
            known_by("tls_client_auth", tls_client_auth_san_ip="1.2.3"),
            "tls_client_auth_san_ip cannot be read",
        ),
        (known_by("tls_client_auth", tls_client_auth_san_dns=["a.example"]), "must be a string"),
        (known_by("self_signed_tls_client_auth"), "needs jwks or jwks_uri"),
        (
            known_by("self_signed_tls_client_auth", jwks=FINTECH["jwks"]),
            "needs a key in jwks whose x5c begins with the client's certificate",
        ),
        (
            known_by("self_signed_tls_client_auth", jwks={"keys": [jwk_of(OWN, x5c=["AAAA"])]}),
            "needs a key in jwks whose x5c",
        ),
        (
            known_by(
                "self_signed_tls_client_auth",
                jwks={"keys": [jwk_of(OWN, x5c=jwk_of(a_certificate())["x5c"])]},
            ),
            "needs a key in jwks whose x5c",
        ),
        (
            known_by("self_signed_tls_client_auth", jwks={"keys": [jwk_of(OWN, x5c="AAAA")]}),
            "needs a key in jwks whose x5c",
        ),
        *(
            (
                known_by(
                    "self_signed_tls_client_auth", jwks={"keys": [jwk_of(OWN, x5c=[unreadable_x5c(kind)])]}
                ),
                "needs a key in jwks whose x5c",
            )
            for kind in UNREADABLE
        ),
    ],
)
async def test_what_cannot_be_registered(members: dict[str, Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidClientMetadata) as configured:
        Bank(clients=[members, *APIS])
    assert configured.value.message.startswith("client fintech: ")
    assert told in configured.value.message
    bank = under_ca(tmp_path, initial_access_token=OPENER)
    asked = {**dict.fromkeys(["jwks"]), **members}
    answer = await register(bank, **{name: value for name, value in asked.items() if name != "client_id"})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")
    assert told in answer.json()["error_description"]


async def test_clients_that_register_themselves(tmp_path: Path) -> None:
    bank = under_ca(
        tmp_path,
        initial_access_token=OPENER,
        registration={"scopes": ["accounts"], "grant_types": ["client_credentials"]},
    )
    grants = {"grant_types": ["client_credentials"], "redirect_uris": []}
    for members, shown in (
        (
            known_by("tls_client_auth", tls_client_auth_san_dns="a.example"),
            {"names": [x509.DNSName("a.example")]},
        ),
        (known_by("self_signed_tls_client_auth", jwks={"keys": [jwk_of(OWN)]}), None),
    ):
        asked = {name: value for name, value in members.items() if name != "client_id"}
        registered = await register(bank, **{**asked, **grants})
        assert registered.status_code == 201, registered.text
        made = OWN if shown is None else a_certificate(issuer=CA, **shown)
        answer = await ask(bank, made, client_id=registered.json()["client_id"])
        assert answer.status_code == 200, answer.text


@pytest.mark.spec("RFC 8705 2.1")
async def test_a_method_that_cannot_work_is_neither_offered_nor_configured(tmp_path: Path) -> None:
    async def offered(bank: Bank) -> set[str]:
        document = (await bank.browser().get("/.well-known/openid-configuration")).json()
        return set(document["token_endpoint_auth_methods_supported"]) - {"private_key_jwt"}

    plain = {"certificate": "server.pem", "key": "server.key"}
    assert await offered(Bank(tls=plain)) == set()
    assert await offered(Bank(client_certificates=PROXY)) == {
        "tls_client_auth",
        "self_signed_tls_client_auth",
    }
    assert await offered(Bank(client_certificates={**PROXY, "verified": False})) == {
        "self_signed_tls_client_auth"
    }
    assert await offered(under_ca(tmp_path)) == {"tls_client_auth", "self_signed_tls_client_auth"}
    assert await offered(self_signed(OWN, tls=plain)) == {"self_signed_tls_client_auth"}
    for settings in ({"tls": plain}, {"client_certificates": {**PROXY, "verified": False}}):
        with pytest.raises(ConfigurationError, match=r"the chain of a certificate for.*tls\.client_ca"):
            Bank(clients=[known_by("tls_client_auth", tls_client_auth_subject_dn=DN), *APIS], **settings)
    bank = Bank(tls=plain, initial_access_token=OPENER)
    answer = await register(
        bank, token_endpoint_auth_method="tls_client_auth", tls_client_auth_san_dns="a.example"
    )
    assert "tls_client_auth is not available on this server" in answer.json()["error_description"]


@pytest.mark.parametrize(
    ("tls", "told"),
    [
        ({"client_crl": "crl.pem"}, "tls.client_crl contradicts tls.client_ca"),
        ({"client_ca": "nowhere.pem"}, "tls.client_ca or tls.client_crl cannot be read"),
        ({"client_ca": __file__}, "cannot be read as PEM"),
    ],
)
def test_files_that_cannot_be_used(tls: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Bank(tls={"certificate": "server.pem", "key": "server.key", **tls})
    assert told in refused.value.message
