"""Certificate-bound tokens where TLS ends at a proxy: in both skins and in Django, and forged headers in none."""

from __future__ import annotations

import asyncio
import logging
from typing import Any
from urllib.parse import quote

import flask
import httpx
import pytest
from starlette.responses import JSONResponse
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import EnvironBuilder, run_wsgi_app

import asgi_mw
import wsgi_mw
from fapikit.certificates import CertificateHeader, ProxyTrust
from rskit import ResourceServer
from tests.mothers.certificates import Made, a_certificate
from tests.rskit.behind import SKINS, flask_app, starlette_app
from tests.rskit.mothers import a_server, a_token

CLIENT, THIEF = a_certificate(), a_certificate(serial=8)
NEAR, FAR = "10.0.3.7", "192.0.2.9"
FIELD = "x-ssl-client-cert"


def thumbprint(made: Made) -> str:
    from base64 import urlsafe_b64encode
    from hashlib import sha256

    return urlsafe_b64encode(sha256(made.der).digest()).rstrip(b"=").decode()


def of_nginx(made: Made) -> str:
    return quote(made.pem, safe="")


def a_protected(**settings: Any) -> ResourceServer:
    header = CertificateHeader("nginx", trust=ProxyTrust.of(["10.0.3.0/24"]))
    return a_server(**{"client_certificates": header, **settings})


@pytest.fixture(params=SKINS)
def skin(request: pytest.FixtureRequest) -> Any:
    return SKINS[request.param]


def bearer(made: Made = CLIENT) -> tuple[str, str]:
    return "authorization", f"Bearer {a_token(cnf={'x5t#S256': thumbprint(made)})}"


@pytest.mark.spec("RFC 8705 3b; RFC 9440 4")
def test_the_certificate_that_the_proxy_saw_is_the_token_s(skin: Any) -> None:
    status, seen = skin(a_protected())(NEAR, [bearer(), (FIELD, of_nginx(CLIENT))])
    assert (status, seen) == (200, [FIELD])


REFUSED: dict[str, tuple[str, list[tuple[str, str]], int]] = {
    "no certificate": (NEAR, [], 401),
    "the client showed none": (NEAR, [(FIELD, "")], 401),
    "another client's token": (NEAR, [(FIELD, of_nginx(THIEF))], 401),
    "forged from outside the proxy": (FAR, [(FIELD, of_nginx(CLIENT))], 401),
    "doubled": (NEAR, [(FIELD, of_nginx(THIEF)), (FIELD, of_nginx(CLIENT))], 400),
    "in another form": (NEAR, [(FIELD, f":{'A' * 100}:")], 400),
    "too long": (NEAR, [(FIELD, "A" * 17_000)], 400),
}


@pytest.mark.parametrize(("peer", "fields", "status"), REFUSED.values(), ids=REFUSED)
def test_refuses(skin: Any, peer: str, fields: list[tuple[str, str]], status: int) -> None:
    assert skin(a_protected())(peer, [bearer(), *fields])[0] == status


def test_the_log_names_a_sender_that_is_not_trusted(skin: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "rskit")
    ask = skin(a_protected())
    ignored = f"{FIELD} of {FAR} is ignored: client_certificates= does not trust this sender as the proxy"
    ask(FAR, [bearer(), (FIELD, of_nginx(CLIENT))])
    assert caplog.messages.count(ignored) == 1
    assert of_nginx(CLIENT) not in caplog.text
    caplog.clear()
    for fields in ([], [(FIELD, "")], [(FIELD, of_nginx(CLIENT))]):
        ask(NEAR, [bearer(), *fields])
    ask(FAR, [bearer()])
    assert "is ignored" not in caplog.text


def test_the_spelling_with_underscores_is_another_header_to_asgi() -> None:
    ask = starlette_app(a_protected())
    forged = ("x_ssl_client_cert", of_nginx(CLIENT))
    assert ask(NEAR, [bearer(), forged])[0] == 400
    assert ask(FAR, [bearer(), forged])[0] == 401


def test_the_application_does_not_see_what_does_not_count(skin: Any) -> None:
    unbound = ("authorization", f"Bearer {a_token()}")
    assert skin(a_protected())(FAR, [unbound, (FIELD, of_nginx(CLIENT))]) == (200, [])


def test_the_secret_of_the_proxy_is_not_for_the_application(skin: Any) -> None:
    trust = ProxyTrust.of(secret=("x-proxy-secret", "s" * 32))
    server = a_protected(client_certificates=CertificateHeader("nginx", trust=trust))
    fields = [bearer(), (FIELD, of_nginx(CLIENT))]
    assert skin(server)(FAR, [*fields, ("x-proxy-secret", "s" * 32)]) == (200, [FIELD])
    assert skin(server)(FAR, [*fields, ("x-proxy-secret", "t" * 32)])[0] == 401
    assert skin(server)(FAR, fields)[0] == 401


def test_without_the_setting_a_header_means_nothing(skin: Any) -> None:
    assert skin(a_server())(NEAR, [bearer(), (FIELD, of_nginx(CLIENT))])[0] == 401


def test_a_certificate_of_the_connection_beside_a_header() -> None:
    inner = starlette_app(a_protected())
    del inner

    async def ask() -> int:
        async def nothing(scope: Any, receive: Any, send: Any) -> None:
            await JSONResponse({})(scope, receive, send)

        app = asgi_mw.Protect(nothing, a_protected())

        async def with_tls(scope: Any, receive: Any, send: Any) -> None:
            scope = {**scope, "extensions": {"tls": {"client_cert_chain": (CLIENT.pem,)}}}
            await app(scope, receive, send)

        transport = httpx.ASGITransport(app=with_tls, client=(NEAR, 1))
        async with httpx.AsyncClient(transport=transport, base_url="https://api.example") as client:
            return (await client.get("/accounts", headers=[bearer(), (FIELD, of_nginx(CLIENT))])).status_code

    assert asyncio.run(ask()) == 400


def test_proxy_fix_does_not_hide_the_proxy() -> None:
    """Werkzeug's ProxyFix writes the customer's address into REMOTE_ADDR: the proxy's own stands beside."""
    app = flask.Flask("api")
    app.add_url_rule("/accounts", view_func=lambda: "ok")
    protected = ProxyFix(wsgi_mw.Protect(app.wsgi_app, a_protected()), x_for=1)
    headers = {**dict([bearer()]), FIELD: of_nginx(CLIENT), "x-forwarded-for": FAR}
    environ = EnvironBuilder(path="/accounts", headers=headers).get_environ()
    for peer, expected in ((NEAR, 200), (FAR, 401)):
        _, status, _ = run_wsgi_app(protected, {**environ, "REMOTE_ADDR": peer})
        assert int(status[:3]) == expected


def test_a_unix_socket(skin: Any) -> None:
    header = CertificateHeader("nginx", trust=ProxyTrust.of(unix_socket=True))
    fields = [bearer(), (FIELD, of_nginx(CLIENT))]
    assert skin(a_protected(client_certificates=header))(NEAR, fields)[0] == 401
    assert flask_app(a_protected(client_certificates=header))("", fields)[0] == 200
