"""A fintech that signs in by its certificate at askit behind nginx, as the guides and `examples/proxies` have it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from askit.pytest_plugin.visitor import visit, walk
from fapikit import HttpSettings, PrivateKey, TlsClientAuth, TlsClientCertificate
from fapikit.io.tls import client_context
from rpkit import Client, certificate_metadata
from tests.proxies import NGINX, proxy_at
from tests.servers import free_port

CALLBACK = "https://fintech.example/callback"
BANK = """
issuer = "{issuer}"
listen = "127.0.0.1:{port}"
profile = "{profile}"
clients_file = "clients.json"
[tls]
certificate = "server.pem"
key = "server.key"
[client_certificates]
form = "nginx"
networks = ["127.0.0.1/32"]
verified = {{ header = "X-SSL-Client-Verify", value = "SUCCESS" }}
[scopes]
accounts = "see your accounts"
[[users]]
username = "alice"
password = "wonderland"
[[resources]]
uri = "https://api.example/"
name = "Accounts"
scopes = ["accounts"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the guide makes by `trustme`: a server's certificate, and a client's of another authority."""
    ca, clients_ca = trustme.CA(), trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    clients_ca.cert_pem.write_to_path(tmp_path / "clients-ca.pem")
    for made, name in (
        (ca.issue_cert("localhost"), "server"),
        (clients_ca.issue_cert("fintech.example", common_name="fintech"), "client"),
    ):
        made.private_key_pem.write_to_path(tmp_path / f"{name}.key")
        made.cert_chain_pems[0].write_to_path(tmp_path / f"{name}.pem")
    return tmp_path


@contextmanager
def the_bank(folder: Path, issuer: str, port: int, profile: str) -> Iterator[None]:
    (folder / "bank.toml").write_text(BANK.format(issuer=issuer, port=port, profile=profile))
    command = [sys.executable, "-m", "askit", "--config", "bank.toml"]
    with (folder / "bank.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 30
        while b'"issuer"' not in (folder / "bank.log").read_bytes():
            ended = process.poll() is not None or time.monotonic() > deadline
            assert not ended, (folder / "bank.log").read_text()
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.spec("RFC 8705 2.1", "RFC 8705 3")
@pytest.mark.parametrize("profile", ["fapi2-security", "fapi1-advanced"])
def test_a_certificate_signs_in_and_binds_the_token(folder: Path, profile: str) -> None:
    certificate = TlsClientCertificate.from_pem(folder / "client.pem", folder / "client.key")
    signer = PrivateKey.generate("ES256")
    registered: dict[str, Any] = {
        "client_id": "fintech",
        "redirect_uris": [CALLBACK],
        "scope": "openid accounts",
        "grant_types": ["authorization_code", "refresh_token"],
        **certificate_metadata(certificate, "tls_client_auth"),
    }
    options: dict[str, Any] = {}
    if profile == "fapi1-advanced":
        registered |= {"response_types": ["code id_token"], "jwks": {"keys": [dict(signer.public_jwk)]}}
        options = {"request_signer": signer}
    (folder / "clients.json").write_text(json.dumps([registered]))
    port = free_port()
    also = {"proxy_pass         http://127.0.0.1:8000": f"proxy_pass https://127.0.0.1:{port}"}
    with (
        proxy_at(NGINX, "nginx.conf", folder, upstream=None, also=also) as issuer,
        the_bank(folder, issuer, port, profile),
        Client.discover(
            issuer,
            client_id="fintech",
            auth=TlsClientAuth(),
            sender_constraint="mtls",
            redirect_uri=CALLBACK,
            profile=profile,
            http=HttpSettings(ca=folder / "ca.pem", client_certificate=certificate),
            **options,
        ) as client,
        httpx.Client(verify=client_context(ca=folder / "ca.pem"), trust_env=False) as browser,
    ):
        start = client.begin(scope="openid accounts")
        steps = walk(start.url, issuer=issuer, username="alice", password="wonderland", decision="approve")
        login = client.complete(visit(browser, steps), start.transaction)
        assert [token.x5t_s256 for token in login.tokens.access_tokens] == [certificate.thumbprint]
        again = client.refresh(login.tokens)
        assert [token.x5t_s256 for token in again.access_tokens] == [certificate.thumbprint]
