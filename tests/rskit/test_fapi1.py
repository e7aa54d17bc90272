"""What FAPI 1 asks of a resource server, in both middlewares: the rows of part 1, 6.2.1, one after the other."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

import asgi_mw
from rskit.revocation import Denylist
from rskit.testing import Mint
from tests.clocks import FrozenClock
from tests.rskit.live.running import gunicorn_behind_a_proxy, uvicorn_at
from tests.rskit.mothers import ISSUER, a_server, a_token
from tests.rskit.skins import SKINS, Skin, starlette_app

RULES: dict[str, dict[str, Any]] = {"/accounts": {"scopes": ("accounts",)}, "/admin": {"scopes": ("admin",)}}


@pytest.fixture(params=sorted(SKINS))
def skin(request: pytest.FixtureRequest) -> Any:
    return lambda **settings: SKINS[request.param](a_server(profile="fapi1-baseline", **settings), RULES)


def bearer(**changes: Any) -> list[tuple[str, str]]:
    return [("authorization", f"Bearer {a_token(**changes)}")]


@pytest.mark.spec("FAPI1-BL 6.2.1-1, -2, -6")
def test_get_with_a_token_in_the_header_and_the_application_knows_of_whom(skin: Skin):
    answer = skin()("GET", "/accounts", bearer(sub="bob"))
    assert (answer.status, answer.json["sub"]) == (200, "bob")


@pytest.mark.spec("FAPI1-BL 6.2.1-3")
def test_a_token_in_the_query_is_none(skin: Skin):
    answer = skin()("GET", f"/accounts?access_token={a_token()}")
    assert (answer.status, answer.json["error"]) == (400, "invalid_request")


@pytest.mark.spec("FAPI1-BL 6.2.1-4")
def test_a_token_that_has_expired_or_was_revoked(skin: Skin):
    clock = FrozenClock()
    denylist = Denylist(clock=clock)
    call = skin(denylist=denylist, clock=clock)
    assert call("GET", "/accounts", bearer(exp=int(clock()) - 60)).json["error"] == "invalid_token"
    token = bearer(jti="j1")
    assert call("GET", "/accounts", token).status == 200
    denylist.revoke(ISSUER, jti="j1", until=clock() + 300)
    assert call("GET", "/accounts", token).json["error"] == "invalid_token"


@pytest.mark.spec("FAPI1-BL 6.2.1-5, -7")
def test_a_scope_that_does_not_cover_the_resource(skin: Skin):
    answer = skin()("GET", "/admin", bearer())
    assert (answer.status, answer.json["error"]) == (403, "insufficient_scope")
    assert 'scope="admin"' in answer.all("www-authenticate")[0]


@pytest.mark.spec("FAPI1-BL 6.2.1-8, -9")
@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/accounts", [("authorization", "Bearer x")], 401),
        ("/admin", bearer(), 403),
        ("/.well-known/oauth-protected-resource", [], 200),
    ],
    ids=["401", "403", "metadata"],
)
def test_what_is_answered_here_is_json_in_utf_8(skin: Skin, path: str, headers: Any, status: int):
    answer = skin()("GET", path, headers)
    assert (answer.status, answer.header("content-type")) == (status, "application/json")
    assert json.loads(answer.body.decode("utf-8"))


@pytest.mark.spec("FAPI1-BL 6.2.1-13")
@pytest.mark.parametrize("address", ["198.51.100.7", "2001:db8::1893:25c8:1946"])
def test_headers_about_the_customer_are_borne(skin: Skin, address: str):
    told = [
        ("x-fapi-customer-ip-address", address),
        ("x-fapi-auth-date", "Tue, 11 Sep 2012 19:43:31 GMT"),
    ]
    assert skin()("GET", "/accounts", [*bearer(), *told]).status == 200


@pytest.mark.spec("FAPI1-BL 6.2.1-10")
def test_servers_send_the_date(tmp_path: Path):
    """With refusals of rskit too: it is the server that sends it, and nothing here takes it away."""
    app = asgi_mw.Protect(starlette_app(RULES), a_server(profile="fapi1-baseline"))
    with uvicorn_at(app) as base:
        _require_date(httpx.get(f"{base}/accounts"))
    gunicorn = gunicorn_behind_a_proxy(Mint(), tmp_path / "marks.db", secrets.token_hex(32))
    with gunicorn as base:
        _require_date(httpx.get(f"{base}/payments"))


def _require_date(answer: httpx.Response) -> None:
    assert answer.status_code == 401
    (date,) = answer.headers.get_list("date")
    assert abs((datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds()) < 300
