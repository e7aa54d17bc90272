"""The plugin's client certificates: one under the client CA of the server, and one that `test-client` registered."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pytest

from askit import AuthorizationServer
from askit.pytest_plugin.hosts import Hosts
from askit.pytest_plugin.running import REDIRECT_URI, RunningServer, running
from askit.throwaway_tls import ClientCertificateFiles
from fapikit import HttpSettings, PrivateKeyJWT
from fapikit.client_authentication import SelfSignedTlsClientAuth, TlsClientAuth
from rpkit import Client
from tests.keys import b64

METHODS = ("private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth")


def settings(method: str, **more: Any) -> Mapping[str, Any]:
    entry = {
        "client_id": "test-client",
        "redirect_uris": [REDIRECT_URI],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": method,
    }
    return {"clients": [{**entry, **more}]}


def shown(bank: RunningServer[Any], method: str) -> ClientCertificateFiles:
    return bank.client_certificate() if method == "tls_client_auth" else bank.self_signed_certificate


def a_client(bank: RunningServer[Any], method: str, http: HttpSettings, binding: Any) -> Client:
    auth: Any = {
        "private_key_jwt": lambda: PrivateKeyJWT(bank.client_key),
        "tls_client_auth": TlsClientAuth,
        "self_signed_tls_client_auth": SelfSignedTlsClientAuth,
    }[method]()
    return Client.discover(
        bank.issuer,
        client_id=bank.client_id,
        auth=auth,
        redirect_uri=bank.redirect_uri,
        http=http,
        profile=bank.app.config.profile,
        sender_constraint=binding,
    )


def claims_of(jwt: str) -> dict[str, Any]:
    return dict(json.loads(base64.urlsafe_b64decode(jwt.split(".")[1] + "==")))


@pytest.mark.spec("FAPI2-SP 5.3.2.1-5", "FAPI2-SP 5.3.2.1-6", "RFC 8705 3.1")
@pytest.mark.parametrize("binding", ["dpop", "mtls"])
@pytest.mark.parametrize("method", METHODS)
def test_fapi_2_in_each_combination(method: str, binding: str, askit_hosts: Hosts) -> None:
    flag = {"tls_client_certificate_bound_access_tokens": True} if binding == "mtls" else {}
    with running(settings(method, **flag), kind=AuthorizationServer, hosts=askit_hosts) as bank:
        certificate = shown(bank, method) if (method, binding) != ("private_key_jwt", "dpop") else None
        with a_client(bank, method, bank.http(certificate), binding) as client:
            login = bank.signed_in(client, scope="openid accounts")
            token = login.tokens.access_token_for(None).reveal()
            renewed = client.refresh(login.tokens)
    cnf = claims_of(token)["cnf"]
    if binding == "mtls":
        assert certificate is not None
        der = base64.b64decode(certificate.jwk_x5c[0])
        assert cnf == {"x5t#S256": b64(hashlib.sha256(der).digest())}
    else:
        assert set(cnf) == {"jkt"}
    assert renewed is not None


def test_certificates_of_others_are_others(askit_hosts: Hosts) -> None:
    with running(settings("tls_client_auth"), kind=AuthorizationServer, hosts=askit_hosts) as bank:
        assert bank.client_certificate("other") != bank.client_certificate("other")
        http = bank.http(bank.client_certificate("somebody else"))
        with (
            a_client(bank, "tls_client_auth", http, "dpop") as client,
            pytest.raises(Exception, match=r"subject_dn"),
        ):
            client.begin(scope="openid")
