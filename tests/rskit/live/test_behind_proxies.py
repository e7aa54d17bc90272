"""Certificate-bound tokens through real proxies, in front of uvicorn and gunicorn: what passes, and what is forged."""

from __future__ import annotations

import base64
import hashlib
import secrets
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import asgi_mw
from asgi_mw.starlette import Access, token_of
from fapikit.certificates import CertificateHeader, ProxyTrust
from rskit.testing import Mint
from tests.keys import b64
from tests.proxies import APACHE, ENVOY, HAPROXY, NGINX, Program, proxy_at
from tests.rskit.live.running import Certificates, gunicorn_behind_a_proxy, uvicorn_at

RESOURCE = "https://api.example"
NEAR, FAR = "127.0.0.1", "127.0.0.9"
"""The proxy connects from the one; who goes around it, from the other."""


def _percent(der: bytes) -> str:
    return quote(ssl.DER_cert_to_PEM_cert(der), safe="")


def _spaces(der: bytes) -> str:
    return ssl.DER_cert_to_PEM_cert(der).strip().replace("\n", " ")


@dataclass(frozen=True)
class Setting:
    """One configuration; `forge` writes a header as this proxy would."""

    program: Program
    example: str
    form: str
    header: str
    forge: Callable[[bytes], str]


SETTINGS = {
    "nginx": Setting(NGINX, "nginx.conf", "nginx", "X-SSL-Client-Cert", _percent),
    "nginx, any certificate": Setting(
        NGINX, "nginx-any-certificate.conf", "nginx", "X-SSL-Client-Cert", _percent
    ),
    "nginx, old variable": Setting(NGINX, "nginx-old-variable.conf", "nginx", "X-SSL-Client-Cert", _spaces),
    "HAProxy": Setting(
        HAPROXY, "haproxy.cfg", "haproxy", "X-SSL-Client-Cert", lambda der: base64.b64encode(der).decode()
    ),
    "HAProxy, RFC 9440": Setting(
        HAPROXY,
        "haproxy-rfc9440.cfg",
        "rfc9440",
        "Client-Cert",
        lambda der: f":{base64.b64encode(der).decode()}:",
    ),
    "Apache": Setting(APACHE, "apache.conf", "apache", "X-SSL-Client-Cert", _spaces),
    "Envoy": Setting(
        ENVOY, "envoy.yaml", "envoy", "X-Forwarded-Client-Cert", lambda der: f'Cert="{_percent(der)}"'
    ),
}
SERVERS = {"uvicorn": "h11", "uvicorn over httptools": "httptools", "gunicorn": None}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def mint() -> Mint:
    mint = Mint()
    mint.resource = RESOURCE
    return mint


@Access("payments")
async def payments(request: Request) -> JSONResponse:
    headers = [name for name in request.headers if "client-cert" in name.replace("_", "-")]
    return JSONResponse({"sub": token_of(request).subject, "headers": headers})


def protected(mint: Mint, form: str, **trust: Any) -> asgi_mw.Protect:
    header = CertificateHeader(form, trust=ProxyTrust.of(**trust or {"networks": [f"{NEAR}/32"]}))
    server = mint.resource_server(RESOURCE, profile="fapi2-security", client_certificates=header)
    return asgi_mw.Protect(Starlette(routes=[Route("/payments", payments)]), server)


@dataclass(frozen=True)
class Played:
    """A proxy (`outside`) and the API behind it (`inside`), with a client's certificate and a thief's."""

    setting: Setting
    server: str
    takes: bool
    """False where the server takes no folded line (RFC 9112 5.2), and the proxy writes one: then all is refused."""
    outside: str
    inside: str
    mine: tuple[ssl.SSLContext, bytes]
    thief: tuple[ssl.SSLContext, bytes]
    nobody: ssl.SSLContext
    bearer: str

    def ask(self, context: ssl.SSLContext, *fields: tuple[str, str]) -> httpx.Response:
        """From outside."""
        with httpx.Client(verify=context) as client:
            return client.get(f"{self.outside}/payments", headers=[("Authorization", self.bearer), *fields])

    def go_around(self, *fields: tuple[str, str], source: str = FAR) -> httpx.Response:
        with httpx.Client(transport=httpx.HTTPTransport(local_address=source)) as client:
            return client.get(f"{self.inside}/payments", headers=[("Authorization", self.bearer), *fields])

    @property
    def forged(self) -> tuple[str, str]:
        return self.setting.header, self.setting.forge(self.mine[1])


@pytest.fixture(scope="module", params=[f"{server} behind {name}" for name in SETTINGS for server in SERVERS])
def played(
    request: pytest.FixtureRequest, mint: Mint, certificates: Certificates, tmp_path_factory: Any
) -> Iterator[Played]:
    server, _, name = request.param.partition(" behind ")
    setting, directory = SETTINGS[name], certificates.directory
    mine, thief = certificates.a_client("mine"), certificates.a_client("thief")
    token = mint.token(scope="payments", cnf={"x5t#S256": b64(hashlib.sha256(mine[1]).digest())})
    with ExitStack() as stack:
        if SERVERS[server]:
            api = uvicorn_at(protected(mint, setting.form), proxy_headers=False, http=SERVERS[server])
        else:
            store: Path = tmp_path_factory.mktemp("store") / "marks.db"
            api = gunicorn_behind_a_proxy(mint, store, secrets.token_hex(32), FORM=setting.form, TRUSTED=NEAR)
        inside = stack.enter_context(api)
        outside = stack.enter_context(
            proxy_at(setting.program, setting.example, directory, upstream=inside.removeprefix("http://"))
        )
        takes = server == "uvicorn" or name != "nginx, old variable"
        yield Played(
            setting, server, takes, outside, inside, mine, thief, certificates.nobody(), f"Bearer {token}"
        )


@pytest.mark.spec("RFC 8705 3b; RFC 9440 4")
def test_the_right_certificate_alone_passes(played: Played):
    answer = played.ask(played.mine[0])
    if not played.takes:
        assert answer.status_code == 400
        return
    assert (answer.status_code, answer.json()["sub"]) == (200, "user")
    for context in (played.thief[0], played.nobody):
        answer = played.ask(context)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")


@pytest.mark.spec("RFC 9440 4")
def test_what_comes_from_outside_is_taken_out(played: Played):
    name, value = played.forged
    for fields in ([(name, value)], [(name, value), (name, value)]):
        assert played.ask(played.nobody, *fields).status_code == 401
        assert played.ask(played.thief[0], *fields).status_code == (401 if played.takes else 400)
    # With underscores it is another name, which a proxy drops or refuses.
    for context in (played.thief[0], played.nobody):
        assert played.ask(context, (name.replace("-", "_"), value)).status_code in (400, 401)
    of_another = (name, played.setting.forge(played.thief[1]))
    assert played.ask(played.mine[0], of_another).status_code == (200 if played.takes else 400)


@pytest.mark.spec("RFC 9440 4")
def test_who_goes_around_the_proxy_is_not_believed(played: Played):
    assert played.go_around(played.forged).status_code == 401
    assert played.go_around(played.forged, source=NEAR).status_code == 200  # the same octets from the proxy


AMBIGUOUS: dict[str, Callable[[str, str], list[tuple[str, str]]]] = {
    "doubled": lambda name, value: [(name, value), (name, value)],
    "beside one with underscores": lambda name, value: [(name, value), (name.replace("-", "_"), value)],
    "over 16 KiB": lambda name, value: [(name, value + "A" * 17_000)],
}


@pytest.mark.spec("RFC 9440 4")
@pytest.mark.parametrize("case", AMBIGUOUS)
def test_from_the_proxy_itself_what_is_ambiguous_is_refused(played: Played, case: str):
    """The API alone decides here, should its proxy be set up wrongly.

    gunicorn has rules of its own: it drops names with underscores, and takes 8 KiB a line.
    """
    own = {"beside one with underscores": 200, "over 16 KiB": 431} if played.server == "gunicorn" else {}
    answer = played.go_around(*AMBIGUOUS[case](*played.forged), source=NEAR)
    assert answer.status_code == own.get(case, 400)


@pytest.mark.spec("RFC 9440 4")
def test_a_header_beside_a_certificate_of_the_connection_is_refused(mint: Mint, certificates: Certificates):
    context, der = certificates.a_client("mine")
    token = mint.token(scope="payments", cnf={"x5t#S256": b64(hashlib.sha256(der).digest())})
    headers = {"Authorization": f"Bearer {token}"}
    with (
        uvicorn_at(protected(mint, "nginx"), certificates, proxy_headers=False) as base,
        httpx.Client(verify=context, base_url=base) as client,
    ):
        assert client.get("/payments", headers=headers).status_code == 200
        headers["X-SSL-Client-Cert"] = _percent(der)
        assert client.get("/payments", headers=headers).status_code == 400


def test_a_unix_socket_and_a_secret(mint: Mint, certificates: Certificates, tmp_path: Path):
    """The same nginx.conf with two lines changed."""
    mine, der = certificates.a_client("mine")
    token = mint.token(scope="payments", cnf={"x5t#S256": b64(hashlib.sha256(der).digest())})
    secret = secrets.token_hex(32)
    path = tmp_path / "api.sock"
    app = protected(mint, "nginx", unix_socket=True, secret=("X-Proxy-Secret", secret))
    with uvicorn_at(app, uds=str(path)):
        for sent, status in ((secret, 200), ("another" * 5, 401)):
            also = {
                "http://127.0.0.1:8000": f"http://unix:{path}:",
                "proxy_set_header Host ": f"proxy_set_header X-Proxy-Secret {sent};\n proxy_set_header Host ",
            }
            with proxy_at(NGINX, "nginx.conf", certificates.directory, upstream=None, also=also) as outside:
                headers = {"Authorization": f"Bearer {token}", "X-Proxy-Secret": secret}
                answer = httpx.get(f"{outside}/payments", headers=headers, verify=mine)
                assert answer.status_code == status


def test_uvicorn_s_own_proxy_headers_close_the_door(
    mint: Mint, certificates: Certificates, caplog: pytest.LogCaptureFixture
):
    """By default uvicorn writes the customer's address over the proxy's, which then is not recognised."""
    caplog.set_level("INFO", "rskit")
    mine, der = certificates.a_client("mine")
    token = mint.token(scope="payments", cnf={"x5t#S256": b64(hashlib.sha256(der).digest())})
    also = {"proxy_set_header Host ": "proxy_set_header X-Forwarded-For 192.0.2.9;\n proxy_set_header Host "}
    for kept, status in ((False, 200), (True, 401)):
        with (
            uvicorn_at(protected(mint, "nginx"), proxy_headers=kept) as inside,
            proxy_at(
                NGINX,
                "nginx.conf",
                certificates.directory,
                upstream=inside.removeprefix("http://"),
                also=also,
            ) as outside,
        ):
            headers = {"Authorization": f"Bearer {token}"}
            assert httpx.get(f"{outside}/payments", headers=headers, verify=mine).status_code == status
    assert "uvicorn needs --no-proxy-headers" in caplog.text


TOLD = {
    "the proxy's address": ("X-Forwarded-For", NEAR),
    "with a port": ("X-Forwarded-For", f"{NEAR}:4711"),
    "in brackets": ("X-Forwarded-For", f"[::ffff:{NEAR}]:4711"),
    "first of several": ("X-Forwarded-For", f"{NEAR}, 192.0.2.9"),
}


@pytest.mark.spec("RFC 9440 4")
@pytest.mark.parametrize("told", TOLD.values(), ids=TOLD)
def test_nobody_becomes_the_proxy_by_saying_so(mint: Mint, certificates: Certificates, told: tuple[str, str]):
    """uvicorn in a container often trusts everybody's X-Forwarded-For, and shows it as the peer's address."""
    der = certificates.a_client("mine")[1]
    token = mint.token(scope="payments", cnf={"x5t#S256": b64(hashlib.sha256(der).digest())})
    sent = [("Authorization", f"Bearer {token}"), ("X-SSL-Client-Cert", _percent(der))]
    with (
        uvicorn_at(protected(mint, "nginx"), forwarded_allow_ips="*") as inside,
        httpx.Client(transport=httpx.HTTPTransport(local_address=FAR)) as client,
    ):
        assert client.get(f"{inside}/payments", headers=[*sent, told]).status_code == 401
    with httpx.Client() as client, uvicorn_at(protected(mint, "nginx"), forwarded_allow_ips="*") as inside:
        assert client.get(f"{inside}/payments", headers=sent).status_code == 200
