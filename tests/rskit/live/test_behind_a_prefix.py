"""APIs below a path prefix of a real nginx, which keeps the prefix or strips it, in front of uvicorn and gunicorn."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

import asgi_mw
from asgi_mw.starlette import Access, token_of
from fapikit.certificates import ProxyTrust
from rskit.testing import Mint
from tests.proxies import NGINX, proxy_at
from tests.rskit.live.running import Certificates, gunicorn_behind_a_proxy, uvicorn_at

ORIGIN = "https://api.example"
NEAR = ProxyTrust.of(["127.0.0.1/32"])


@Access("payments")
async def payments(request: Request) -> JSONResponse:
    return JSONResponse({"sub": token_of(request).subject})


def starlette_app(mint: Mint, prefix: str, **settings: Any) -> asgi_mw.Protect:
    routes = [Route("/payments", payments), Route("/payments/{of:path}", payments)]
    server = mint.resource_server(ORIGIN + prefix, profile="fapi2-security", **settings)
    return asgi_mw.Protect(Starlette(routes=routes), server)


def mounted_at_bank(mint: Mint, store: Path) -> AbstractContextManager[str]:
    return uvicorn_at(Starlette(routes=[Mount("/bank", app=starlette_app(mint, "/bank"))]))


def below_script_name(mint: Mint, store: Path) -> AbstractContextManager[str]:
    mint.resource = f"{ORIGIN}/bank"
    return gunicorn_behind_a_proxy(mint, store, secrets.token_hex(32), SCRIPT_NAME="/bank")


def by_header(mint: Mint, store: Path) -> AbstractContextManager[str]:
    return uvicorn_at(starlette_app(mint, "/cards", forwarded_prefix=NEAR), proxy_headers=False)


def by_header_under_gunicorn(mint: Mint, store: Path) -> AbstractContextManager[str]:
    mint.resource = f"{ORIGIN}/cards"
    return gunicorn_behind_a_proxy(mint, store, secrets.token_hex(32), PREFIX_OF="127.0.0.1")


def by_origins(mint: Mint, store: Path) -> AbstractContextManager[str]:
    return uvicorn_at(starlette_app(mint, "/cards", origins=[f"{ORIGIN}/cards"]))


def by_root_path(mint: Mint, store: Path) -> AbstractContextManager[str]:
    return uvicorn_at(starlette_app(mint, "/cards"), root_path="/cards")


KEPT = {"a mount": mounted_at_bank, "SCRIPT_NAME": below_script_name}
STRIPPED = {
    "X-Forwarded-Prefix, uvicorn": by_header,
    "X-Forwarded-Prefix, gunicorn": by_header_under_gunicorn,
    "origins": by_origins,
    "root_path": by_root_path,
}
PREFIXES = dict.fromkeys(KEPT, "/bank") | dict.fromkeys(STRIPPED, "/cards")
APIS: dict[str, Callable[[Mint, Path], AbstractContextManager[str]]] = {**KEPT, **STRIPPED}


class Behind:
    """One API behind nginx, known as `https://api.example<prefix>`."""

    def __init__(
        self, prefix: str, outside: str, inside: str, mint: Mint, tls: Any, *, takes_both: bool = False
    ) -> None:
        """`takes_both`: `origins` adds an origin to the API's own."""
        self.prefix, self.outside, self.inside, self.mint = prefix, outside, inside, mint
        self.takes_both = takes_both
        self._tls = tls

    def get(self, path: str, htu: str | None = None, **headers: str) -> httpx.Response:
        """With a proof for `htu`, and with a nonce where one is asked for."""
        nonce: str | None = None
        while True:
            proof = {} if htu is None else self.mint.headers("GET", htu, scope="payments", nonce=nonce)
            answer = httpx.get(f"{self.outside}{path}", headers={**proof, **headers}, verify=self._tls)
            asked = answer.headers.get("dpop-nonce")
            if asked is None or nonce is not None or answer.status_code != 401:
                return answer
            nonce = asked

    def go_around(self, path: str, htu: str, **headers: str) -> httpx.Response:
        transport = httpx.HTTPTransport(local_address="127.0.0.9")
        with httpx.Client(transport=transport) as client:
            proof = self.mint.headers("GET", htu, scope="payments")
            return client.get(f"{self.inside}{path}", headers={**proof, **headers})


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module", params=APIS)
def behind(
    request: pytest.FixtureRequest, certificates: Certificates, tmp_path_factory: Any
) -> Iterator[Behind]:
    mint, prefix = Mint(), PREFIXES[request.param]
    with ExitStack() as stack:
        inside = stack.enter_context(APIS[request.param](mint, tmp_path_factory.mktemp("store") / "marks.db"))
        address = inside.removeprefix("http://")
        also = {"127.0.0.1:8000": address, "127.0.0.1:8001": address}
        outside = stack.enter_context(
            proxy_at(NGINX, "nginx-prefix.conf", certificates.directory, upstream=None, also=also)
        )
        takes_both = APIS[request.param] is by_origins
        yield Behind(prefix, outside, inside, mint, certificates.nobody(), takes_both=takes_both)


@pytest.mark.spec("RFC 9449 4.3-9")
def test_the_proof_names_the_url_that_the_client_calls(behind: Behind):
    path = f"{behind.prefix}/payments"
    assert behind.get(path, f"{ORIGIN}{path}").json()["sub"] == "user"
    for other in (f"{path}/", f"/other{path}", f"{behind.prefix}{path}"):
        assert behind.get(path, f"{ORIGIN}{other}").status_code == 401
    assert behind.get(path, f"{ORIGIN}/payments").status_code == (200 if behind.takes_both else 401)


def test_an_escape_in_the_path_arrives_as_it_was_sent(behind: Behind):
    path = f"{behind.prefix}/payments/a%2Fb"
    assert behind.get(path, f"{ORIGIN}{path}").status_code == 200
    assert behind.get(path, f"{ORIGIN}{behind.prefix}/payments/a/b").status_code == 401


@pytest.mark.spec("RFC 9728 3.1; RFC 9728 5.1")
def test_the_document_is_where_the_challenge_says(behind: Behind):
    challenge = behind.get(f"{behind.prefix}/payments")
    found = re.search('resource_metadata="([^"]*)"', challenge.headers["www-authenticate"])
    assert found is not None
    assert found[1] == f"{ORIGIN}/.well-known/oauth-protected-resource{behind.prefix}"
    document = behind.get(found[1].removeprefix(ORIGIN))
    assert (document.status_code, document.json()["resource"]) == (200, ORIGIN + behind.prefix)


def test_who_goes_around_the_proxy_names_no_prefix(behind: Behind):
    path = "/payments" if behind.prefix == "/cards" else "/bank/payments"
    forged = {"X-Forwarded-Prefix": "/evil"}
    assert behind.go_around(path, f"{ORIGIN}/evil{path}", **forged).status_code == 401
    assert behind.get(path, f"{ORIGIN}/evil{path}", **forged).status_code in (401, 404)


def test_without_a_setting_the_log_names_it(certificates: Certificates, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, "rskit")
    mint = Mint()
    with uvicorn_at(starlette_app(mint, "/cards")) as inside:
        address = inside.removeprefix("http://")
        also = {"127.0.0.1:8000": address, "127.0.0.1:8001": address}
        with proxy_at(
            NGINX, "nginx-prefix.conf", certificates.directory, upstream=None, also=also
        ) as outside:
            behind = Behind("/cards", outside, inside, mint, certificates.nobody())
            assert behind.get("/cards/payments", f"{ORIGIN}/cards/payments").status_code == 401
    assert f"ResourceServer(origins=['{ORIGIN}/cards'])" in caplog.text
    assert "forwarded_prefix" in caplog.text
