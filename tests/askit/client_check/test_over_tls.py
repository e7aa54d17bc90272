"""Client certificates over real handshakes: what gets through, and what refuses the rest, and why."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import logging
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from askit import AuthorizationServer
from askit.pytest_plugin.hosts import Hosts
from askit.pytest_plugin.running import RunningServer, running
from askit.serving import handshake
from askit.throwaway_tls import make_tls_files
from fapikit.io.tls import client_context
from tests.askit.client_check.test_client_certificates import jwk_of
from tests.keys import b64
from tests.mothers.certificates import Made, a_certificate, a_name, an_authority, usage
from tests.programs import installed
from tests.proxies import NGINX, proxy_at

NOW = time.time()
HOUR = dt.timedelta(hours=1)
GRANT = {"grant_type": "client_credentials", "scope": "accounts"}


def made(common_name: str = "fintech", **more: Any) -> Made:
    return a_certificate(
        **{"subject": a_name((NameOID.COMMON_NAME, common_name)), "now": NOW, "issuer": CA, **more}
    )


def self_made(**more: Any) -> Made:
    return made(**{"issuer": None, **more})


def authority(name: str, **more: Any) -> Made:
    return an_authority(name, now=NOW, **more)


CA = authority("Client CA")
MIDDLE = authority("Intermediate", issuer=CA)
OWN, EXPIRED_OWN = self_made(), self_made(valid_for=-HOUR)
MALLORY = self_made(
    subject=a_name((NameOID.COMMON_NAME, "mallory")),
    ca=True,
    key_usage=usage(digital_signature=True, key_cert_sign=True),
)
"""Registered, and an authority by its own word."""


def client(client_id: str, method: str, **more: Any) -> dict[str, Any]:
    return {
        "client_id": client_id,
        "grant_types": ["client_credentials"],
        "token_endpoint_auth_method": method,
        "tls_client_certificate_bound_access_tokens": True,
        **more,
    }


CLIENTS = [
    client("under-ca", "tls_client_auth", tls_client_auth_subject_dn="CN=fintech"),
    client("own", "self_signed_tls_client_auth", jwks={"keys": [jwk_of(OWN), jwk_of(EXPIRED_OWN)]}),
    client("mallory", "self_signed_tls_client_auth", jwks={"keys": [jwk_of(MALLORY)]}),
]


class Caller:
    """Shows certificates to one bank."""

    def __init__(self, base: str, ca: Path, directory: Path) -> None:
        self._base, self._ca, self._directory = base, ca, directory

    def files(self, *shows: Made) -> Path:
        file = (
            self._directory / f"{hashlib.sha256(b''.join(each.der for each in shows)).hexdigest()[:16]}.pem"
        )
        file.write_text("".join(each.pem for each in shows) + shows[0].key_pem)
        return file

    def post(
        self,
        path: str,
        *shows: Made,
        headers: dict[str, str] | None = None,
        context: ssl.SSLContext | None = None,
        **form: str,
    ) -> httpx.Response:
        context = client_context(ca=self._ca) if context is None else context
        if shows:
            context.load_cert_chain(self.files(*shows))
        with httpx.Client(verify=context, base_url=self._base, trust_env=False) as http:
            return http.post(path, data=form, headers=headers)

    def careless(self, version: ssl.TLSVersion) -> ssl.SSLContext:
        """The context of a client that would sign with a key of any length."""
        context = ssl.create_default_context(cafile=str(self._ca))
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.maximum_version = version
        return context

    def token(self, client_id: str, *shows: Made, **more: Any) -> httpx.Response:
        return self.post("/token", *shows, client_id=client_id, **GRANT, **more)

    def curl(self, client_id: str, *shows: Made) -> dict[str, Any]:
        sent = {**GRANT, "client_id": client_id}.items()
        form = [word for name, value in sent for word in ("--data-urlencode", f"{name}={value}")]
        shown = ["--cert", str(self.files(*shows))] if shows else []
        curl = installed("curl", shutil.which("curl"))
        command = [curl, "--silent", "--max-time", "20", "--cacert", str(self._ca), *shown, *form]
        ran = subprocess.run([*command, f"{self._base}/token"], check=True, capture_output=True)
        return dict(json.loads(ran.stdout))


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    (folder / "client-ca.pem").write_text(CA.pem)
    return folder


@pytest.fixture(scope="module")
def bank(askit_hosts: Hosts, directory: Path) -> Iterator[RunningServer[AuthorizationServer]]:
    settings = {
        "clients": CLIENTS,
        "tls": {"client_ca": str(directory / "client-ca.pem")},
        "initial_access_token": "opener",
        "registration": {"scopes": ["accounts"], "grant_types": ["client_credentials"]},
    }
    with running(settings, kind=AuthorizationServer, hosts=askit_hosts) as server:
        yield server


@pytest.fixture
def caller(bank: RunningServer[AuthorizationServer], directory: Path) -> Caller:
    return Caller(bank.issuer, bank.ca, directory)


def x5t(shown: Made) -> str:
    return b64(hashlib.sha256(shown.der).digest())


def cnf_of(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    body = answer.json()["access_token"].split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=="))["cnf"]


@pytest.mark.spec("RFC 8705 2.1", "RFC 8705 2.2", "RFC 8705 3.1")
@pytest.mark.parametrize(
    ("client_id", "shows"),
    [
        ("under-ca", (made(),)),
        ("under-ca", (made(issuer=MIDDLE), MIDDLE)),
        ("own", (OWN,)),
    ],
    ids=["issued by the CA", "issued by an intermediate", "self-signed"],
)
def test_a_token_over_a_certificate(caller: Caller, client_id: str, shows: tuple[Made, ...]) -> None:
    assert cnf_of(caller.token(client_id, *shows)) == {"x5t#S256": x5t(shows[0])}


METHODS: dict[str, tuple[str, tuple[Made, ...], str]] = {
    "no certificate": ("under-ca", (), "but the connection has none"),
    "another subject": ("under-ca", (made("other"),), "tls_client_auth_subject_dn"),
    "registered, of another client": ("under-ca", (OWN,), "no chain leads"),
    "minted by a registered one": (
        "under-ca",
        (made(issuer=MALLORY), MALLORY),
        "no chain leads",
    ),
    "expired": ("under-ca", (made(valid_for=-HOUR),), "expired on"),
    "not yet valid": ("under-ca", (made(valid_from=HOUR),), "not valid before"),
    "no certificate, self-signed": ("own", (), "but the connection has none"),
    "of the CA, for a self-signed client": (
        "own",
        (made(),),
        "the client has not registered this certificate",
    ),
    "of another self-signed client": ("own", (MALLORY,), "the client has not registered this certificate"),
    "minted, for a self-signed client": (
        "own",
        (made(issuer=MALLORY), MALLORY),
        "has not registered this certificate",
    ),
    "registered, and expired": ("own", (EXPIRED_OWN,), "expired on"),
}


@pytest.mark.spec("RFC 8705 2b", "RFC 8705 2.1", "RFC 8705 2.2")
@pytest.mark.parametrize("mutation", METHODS)
def test_a_method_refuses(mutation: str, caller: Caller, caplog: pytest.LogCaptureFixture) -> None:
    client_id, shows, why = METHODS[mutation]
    with caplog.at_level(logging.INFO, "askit"):
        refused = caller.token(client_id, *shows)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert why in refused.json()["error_description"]
    assert why in caplog.text


HANDSHAKES: dict[str, tuple[tuple[Made, ...], str]] = {
    "self-signed, and not registered": ((self_made(),), "self-signed certificate"),
    "of another CA": ((made(issuer=authority("Other")),), "unable to get local issuer certificate"),
    "of the name of the CA": ((made(issuer=authority("Client CA")),), "certificate signature failure"),
    "without its intermediate": ((made(issuer=MIDDLE),), "unable to get local issuer certificate"),
    "key usage": ((made(key_usage=usage(key_encipherment=True)),), "unsuitable certificate purpose"),
    "extended key usage": (
        (made(extended=[ExtendedKeyUsageOID.SERVER_AUTH]),),
        "unsuitable certificate purpose",
    ),
}


def hear(why: str, caplog: pytest.LogCaptureFixture) -> None:
    """The server writes it when the client has heard already."""
    give_up = time.monotonic() + 10
    while f"a handshake failed: the client's certificate: {why}" not in caplog.text:
        assert time.monotonic() < give_up
        time.sleep(0.01)


@pytest.mark.spec("RFC 8705 2b")
@pytest.mark.parametrize("mutation", HANDSHAKES)
def test_the_handshake_refuses_and_the_log_says_why(
    mutation: str, caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    shows, why = HANDSHAKES[mutation]
    with caplog.at_level(logging.INFO, "askit"):
        with pytest.raises(httpx.TransportError):
            caller.token("under-ca", *shows)
        hear(why, caplog)
    assert cnf_of(caller.token("under-ca", made())), "others are not disturbed"


SHORT = rsa.generate_private_key(65537, 1024)


def test_a_careful_client_does_not_even_sign_with_a_short_key(caller: Caller) -> None:
    with pytest.raises((httpx.TransportError, ssl.SSLError)):
        caller.token("under-ca", made(key=SHORT))


@pytest.mark.spec("FAPI2-SP 5.4.1-2", "RFC 8705 2b")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    ("client_id", "shown"),
    [("under-ca", made(key=SHORT)), ("own", self_made(key=SHORT))],
    ids=["tls_client_auth", "self_signed_tls_client_auth"],
)
def test_a_short_key_is_refused_and_the_log_says_why(
    client_id: str,
    shown: Made,
    version: ssl.TLSVersion,
    caller: Caller,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, "askit"):
        with pytest.raises(httpx.TransportError):
            caller.token(client_id, shown, context=caller.careless(version))
        hear("EE certificate key too weak", caplog)
    assert cnf_of(caller.token("own", OWN, context=caller.careless(version))), "a long key is not disturbed"


# While the server runs.


def register(
    bank: RunningServer[Any],
    method: str = "POST",
    at: str = "/register",
    token: str = "opener",
    **more: Any,
) -> httpx.Response:
    members = {
        **client("", "self_signed_tls_client_auth"),
        "scope": "accounts",
        "redirect_uris": [],
        "response_types": [],
        **more,
    }
    members = {name: value for name, value in members.items() if value}
    with httpx.Client(verify=client_context(ca=bank.ca), base_url=bank.issuer, trust_env=False) as http:
        return http.request(method, at, json=members, headers={"authorization": f"Bearer {token}"})


@pytest.mark.spec("FAPI2-SP 5.4.1-2", "RFC 8705 2.2.2")
def test_a_short_key_cannot_be_registered_and_the_log_says_why(
    bank: RunningServer[AuthorizationServer], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "fapikit"):
        refused = register(bank, jwks={"keys": [jwk_of(self_made(key=SHORT))]})
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_client_metadata")
    assert "needs a key in jwks whose x5c begins with the client's certificate" in refused.text
    assert "is skipped: the RSA key is too short" in caplog.text


@pytest.mark.spec("RFC 8705 2.2", "RFC 8705 2.2.2")
def test_a_certificate_is_registered_replaced_and_gone_while_the_server_runs(
    bank: RunningServer[AuthorizationServer], caller: Caller
) -> None:
    first, second = self_made(), self_made()
    with pytest.raises(httpx.TransportError):
        caller.token("own", first)
    registered = register(bank, jwks={"keys": [jwk_of(first)]}).json()
    client_id = registered["client_id"]
    assert cnf_of(caller.token(client_id, first)) == {"x5t#S256": x5t(first)}
    own = {"token": registered["registration_access_token"], "at": f"/register/{client_id}"}
    changed = register(bank, "PUT", client_id=client_id, jwks={"keys": [jwk_of(second)]}, **own)
    assert changed.status_code == 200, changed.text
    assert cnf_of(caller.token(client_id, second)) == {"x5t#S256": x5t(second)}
    with pytest.raises(httpx.TransportError):
        caller.token(client_id, first)
    own["token"] = changed.json()["registration_access_token"]
    assert register(bank, "DELETE", **own).status_code == 204
    with pytest.raises(httpx.TransportError):
        caller.token(client_id, second)


def test_a_crowd_of_registered_certificates_pushes_no_configured_client_out(
    bank: RunningServer[AuthorizationServer],
    caller: Caller,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(handshake, "MOST", len([OWN, EXPIRED_OWN, MALLORY]) + 2)
    crowd, other = [self_made(valid_from=-age * HOUR) for age in (3, 2, 1)], self_made()
    registered = []
    with caplog.at_level(logging.WARNING, "askit"):
        for certificates in (crowd, [other]):
            answer = register(bank, jwks={"keys": [jwk_of(each) for each in certificates]})
            assert answer.status_code == 201, answer.text
            registered.append(answer.json())
    assert "2 certificates that clients registered are left out" in caplog.text
    crowded, alone = (each["client_id"] for each in registered)
    for client_id, shown in (("own", OWN), (crowded, crowd[-1]), (alone, other)):
        assert cnf_of(caller.token(client_id, shown)) == {"x5t#S256": x5t(shown)}
    for left_out in crowd[:2]:
        with pytest.raises(httpx.TransportError):
            caller.token(crowded, left_out)
    for each in registered:
        own = {"token": each["registration_access_token"], "at": f"/register/{each['client_id']}"}
        assert register(bank, "DELETE", **own).status_code == 204


def test_a_registered_mimic_of_the_client_ca_shuts_nobody_out(
    bank: RunningServer[AuthorizationServer], caller: Caller
) -> None:
    """OpenSSL looks issuers up by name, and takes the first."""
    for _ in range(5):
        mimic = an_authority("Client CA", now=NOW)
        assert register(bank, jwks={"keys": [jwk_of(mimic)]}).status_code == 201
        assert cnf_of(caller.token("under-ca", made())) is not None


@pytest.mark.spec("RFC 8705 2.2.2")
def test_certificates_behind_a_jwks_uri_are_learnt(
    askit_hosts: Hosts, directory: Path, httpserver: Any
) -> None:
    shown = self_made()
    httpserver.expect_request("/jwks").respond_with_json({"keys": [jwk_of(shown)]})
    entry = client("remote", "self_signed_tls_client_auth", jwks_uri=httpserver.url_for("/jwks"))
    settings = {"clients": [entry], "tls": {"client_ca": str(directory / "client-ca.pem")}}
    with running(settings, kind=AuthorizationServer, hosts=askit_hosts) as bank:
        caller = Caller(bank.issuer, bank.ca, directory)
        give_up = time.monotonic() + 20
        while True:  # it is fetched right after the start
            try:
                assert cnf_of(caller.token("remote", shown)) == {"x5t#S256": x5t(shown)}
                return
            except httpx.TransportError:
                assert time.monotonic() < give_up


# As an engineer would try it.


def test_curl_gets_a_token(caller: Caller) -> None:
    for client_id, shown in (("under-ca", made()), ("own", OWN)):
        assert caller.curl(client_id, shown)["token_type"] == "Bearer"
    assert caller.curl("under-ca", made("other"))["error"] == "invalid_client"
    assert caller.curl("own")["error"] == "invalid_client"


@pytest.mark.spec("RFC 8705 6.5", "RFC 9440 4a")
def test_curl_gets_a_token_behind_nginx(askit_hosts: Hosts, directory: Path) -> None:
    make_tls_files(directory)  # nginx's own, and its authority
    (directory / "ca.pem").write_bytes((directory / "ca.pem").read_bytes() + askit_hosts.ca.read_bytes())
    settings = {
        "clients": CLIENTS,
        "tls": {"client_ca": None},
        "client_certificates": {
            "form": "nginx",
            "networks": ["127.0.0.1/32"],
            "verified": {"header": "X-SSL-Client-Verify", "value": "SUCCESS"},
        },
    }
    with running(settings, kind=AuthorizationServer, hosts=askit_hosts) as bank:
        upstream = bank.issuer.removeprefix("https://localhost")
        moved = {"127.0.0.1:9443": f"127.0.0.1{upstream}"}
        with proxy_at(NGINX, "nginx-askit.conf", directory, upstream=None, also=moved) as base:
            caller = Caller(base, directory / "ca.pem", directory)
            for client_id, shown in (("under-ca", made()), ("own", OWN)):
                assert caller.curl(client_id, shown)["token_type"] == "Bearer"
            for client_id, shows in (
                ("own", (self_made(),)),
                ("own", ()),
                ("under-ca", (self_made(),)),
                ("under-ca", (made(issuer=MALLORY), MALLORY)),
                ("under-ca", (made("other"),)),
            ):
                assert caller.curl(client_id, *shows)["error"] == "invalid_client"
            expired = caller.token("under-ca", made(valid_for=-HOUR))
            assert expired.status_code == 400, "nginx answers that by itself"
            forged = {"x-ssl-client-cert": quote(OWN.pem), "x-ssl-client-verify": "SUCCESS"}
            assert caller.token("own", headers=forged).status_code == 401, "nginx replaces it"
