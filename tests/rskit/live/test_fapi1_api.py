"""An API under FAPI 1 Advanced over real TLS: certificate-bound tokens alone, and what each answer carries."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import asgi_mw
from asgi_mw.starlette import Access, token_of
from rskit import customer_of
from rskit.testing import Mint
from tests.keys import b64
from tests.rskit.live.running import Certificates, gunicorn_at, uvicorn_at
from tests.servers import free_port

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@Access("payments")
async def payments(request: Request) -> JSONResponse:
    customer = customer_of(request.headers)
    return JSONResponse({"sub": token_of(request).subject, "customer": str(customer.ip_address)})


@dataclass
class Api:
    """One API with a client's certificate, to which `token()` is bound."""

    base: str
    mint: Mint
    mine: tuple[ssl.SSLContext, bytes]

    def token(self, **claims: Any) -> str:
        cnf = {"x5t#S256": b64(hashlib.sha256(self.mine[1]).digest())}
        return self.mint.token(**{"scope": "payments", "cnf": cnf, **claims})

    def get(self, token: str | None, path: str = "/payments", **headers: str) -> httpx.Response:
        own = {} if token is None else {"Authorization": f"Bearer {token}"}
        return httpx.get(f"{self.base}{path}", headers={**own, **headers}, verify=self.mine[0])


@pytest.fixture(scope="module", params=["uvicorn", "gunicorn"])
def api(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    certificates, mint = Certificates(tmp_path_factory.mktemp("tls")), Mint()
    with ExitStack() as stack:
        if request.param == "uvicorn":
            server = mint.resource_server("https://api.example", profile="fapi1-advanced")
            app = asgi_mw.Protect(Starlette(routes=[Route("/payments", payments)]), server)
            base = stack.enter_context(uvicorn_at(app, certificates))
        else:
            port = free_port()
            mint.resource = f"https://127.0.0.1:{port}"
            store: Path = tmp_path_factory.mktemp("store") / "marks.db"
            environ = {
                "RESOURCE": mint.resource,
                "ISSUER": mint.url,
                "JWKS": json.dumps({"keys": [dict(mint.issuer_key.public_jwk)]}),
                "STORE": f"sqlite:///{store}",
                "NONCE_KEY": secrets.token_hex(32),
                "PROFILE": "fapi1-advanced",
            }
            app_name = "tests.rskit.live.payments_app:app"
            base = stack.enter_context(gunicorn_at(app_name, certificates, environ, port=port, workers=1))
        yield Api(base, mint, certificates.a_client("mine"))


@pytest.mark.spec("FAPI1-ADV 6.2.1-1; FAPI1-BL 6.2.1-1; FAPI1-BL 6.2.1-2; FAPI1-BL 6.2.1-6")
def test_a_bound_token_in_the_header_names_the_customer(api: Api):
    answer = api.get(api.token())
    assert (answer.status_code, answer.json()["sub"]) == (200, "user")


@pytest.mark.spec("FAPI1-ADV 6.2.1-2")
def test_a_token_that_is_not_bound_to_a_certificate_is_refused(api: Api):
    for token in (api.mint.token(bound=False, scope="payments"), api.mint.token(scope="payments")):
        answer = api.get(token)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    by_dpop = api.mint.headers("GET", f"{api.mint.resource}/payments", scope="payments")
    answer = httpx.get(f"{api.base}/payments", headers=by_dpop, verify=api.mine[0])
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    assert api.get(None).headers["www-authenticate"].startswith("Bearer ")  # and no other scheme


REFUSED: dict[str, tuple[Callable[[Api], httpx.Response], int, str]] = {
    "in the query": (
        lambda api: api.get(None, f"/payments?access_token={api.token()}"),
        400,
        "invalid_request",
    ),
    "expired": (lambda api: api.get(api.token(exp=api.mint.now() - 60)), 401, "invalid_token"),
    "of another scope": (lambda api: api.get(api.token(scope="accounts")), 403, "insufficient_scope"),
}


@pytest.mark.spec("FAPI1-BL 6.2.1-3; FAPI1-BL 6.2.1-4; FAPI1-BL 6.2.1-5; FAPI1-BL 6.2.1-7")
@pytest.mark.parametrize(("ask", "status", "code"), REFUSED.values(), ids=REFUSED)
def test_refuses(api: Api, ask: Callable[[Api], httpx.Response], status: int, code: str):
    answer = ask(api)
    assert (answer.status_code, answer.json()["error"]) == (status, code)
    assert f'error="{code}"' in answer.headers["www-authenticate"]


@pytest.mark.spec("FAPI1-BL 6.2.1-8; FAPI1-BL 6.2.1-9; FAPI1-BL 6.2.1-10")
def test_each_answer_is_json_in_utf_8_with_a_date(api: Api):
    nobody = api.get(None)  # without a body, and so without a type
    parsedate_to_datetime(nobody.headers["date"])
    for answer in (api.get(api.token(sub="佐藤")), api.get(api.token(scope="accounts"))):
        assert answer.headers["content-type"] == "application/json"
        answer.content.decode("utf-8")
        parsedate_to_datetime(answer.headers["date"])
    assert api.get(api.token(sub="佐藤")).json()["sub"] == "佐藤"


@pytest.mark.spec("FAPI1-BL 6.2.1-11")
def test_the_interaction_id_comes_back_or_is_made(api: Api):
    mine = "c770aef3-6784-41f7-8e0e-ff5f97bddb3a"
    for token in (api.token(), None):
        assert api.get(token, **{"x-fapi-interaction-id": mine}).headers["x-fapi-interaction-id"] == mine
        assert UUID.fullmatch(api.get(token).headers["x-fapi-interaction-id"])


@pytest.mark.spec("FAPI1-BL 6.2.1-13")
@pytest.mark.parametrize("address", ["203.0.113.9", "2001:db8::1"])
def test_the_customer_s_address_is_no_reason_to_refuse_and_the_application_sees_it(api: Api, address: str):
    answer = api.get(
        api.token(),
        **{"x-fapi-customer-ip-address": address, "x-fapi-auth-date": "Thu, 26 Nov 2026 17:40:05 GMT"},
    )
    assert (answer.status_code, answer.json()["customer"]) == (200, address)
