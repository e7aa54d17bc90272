"""Apps on phones and desktops, and pages in browsers: they bring one registration to whatever server they meet."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from askit import Config
from fapikit.errors import ConfigurationError
from tests.askit.bank import Bank, settings
from tests.askit.registering import OPENER, register

pytestmark = pytest.mark.anyio

APP: dict[str, Any] = {
    "token_endpoint_auth_method": "none",
    "jwks": None,
    "redirect_uris": ["com.example.app:/callback"],
}
BROWSER = {"origin": "https://app.example.test"}
PREFLIGHT = {**BROWSER, "access-control-request-method": "POST", "access-control-request-headers": "dpop"}


def a_bank(**changes: Any) -> Bank:
    return Bank(initial_access_token=OPENER, **{"profile": "oauth-2.1", **changes})


async def test_grants_and_response_types_unknown_here_are_left_out() -> None:
    device = "urn:ietf:params:oauth:grant-type:device_code"
    answer = await register(
        a_bank(),
        grant_types=["authorization_code", "refresh_token", device],
        response_types=["code", "token"],
    )
    assert answer.status_code == 201
    assert answer.json()["grant_types"] == ["authorization_code", "refresh_token"]
    assert answer.json()["response_types"] == ["code"]
    assert (await register(a_bank(), grant_types=[device])).status_code == 400


async def test_a_public_client_none_of_whose_scopes_is_open_has_those_of_the_policy() -> None:
    answer = await register(a_bank(registration={"scopes": ["openid"]}), **APP, scope="accounts")
    assert answer.json()["scope"] == "openid"


@pytest.mark.spec("RFC 8252 7", "RFC 8252 7.1", "RFC 8252 8.4a")
async def test_a_scheme_of_its_own_is_for_a_public_client() -> None:
    assert (await register(a_bank(), **APP)).status_code == 201
    assert (await register(a_bank(), redirect_uris=APP["redirect_uris"])).status_code == 400
    assert (await register(a_bank(), **APP, application_type="web")).status_code == 400
    baseline = await register(a_bank(profile="fapi1-baseline"), **APP)
    assert (baseline.status_code, "private-use" in baseline.text) == (400, True)


@pytest.mark.spec("RFC 8252 7.1", "RFC 8252 8.4c")
@pytest.mark.parametrize(
    "uri",
    ["myapp:/cb", "com.example.app://host/cb", "com.example.app:cb", "com.example.app:/cb#f", "Com.example:/cb",
     "com.example.app:/c b", "javascript:alert(1)", "com..example:/cb", "com.example.app:/\\evil"],
)  # fmt: skip
async def test_what_is_no_scheme_of_its_own_is_refused_saying_what_is(uri: str) -> None:
    answer = await register(a_bank(), **{**APP, "redirect_uris": [uri]})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_redirect_uri")
    assert "https" in answer.text


async def test_the_page_may_lead_to_the_app() -> None:
    bank = a_bank()
    app = (await register(bank, **APP)).json()
    query = {
        "client_id": app["client_id"], "redirect_uri": APP["redirect_uris"][0], "response_type": "code",
        "scope": "openid", "nonce": "n" * 20, "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
    }  # fmt: skip
    page = await bank.browser().get("/authorize", params=query)
    assert page.status_code == 200
    assert "form-action 'self' com.example.app:" in page.headers["content-security-policy"]


# Pages of other origins


async def _allowed(bank: Bank, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
    return await bank.browser().request(method, path, headers=headers)


@pytest.mark.spec("RFC 9700 2.6")
@pytest.mark.parametrize("path", ["/token", "/register", "/par", "/revoke", "/userinfo"])
async def test_a_page_that_the_settings_name_may_ask(path: str) -> None:
    bank = a_bank(browser_origins=[BROWSER["origin"]])
    preflight = await _allowed(bank, "OPTIONS", path, PREFLIGHT)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == BROWSER["origin"]
    assert "dpop" in preflight.headers["access-control-allow-headers"].lower()
    answer = await _allowed(bank, "POST", path, BROWSER)
    assert answer.status_code in (400, 401)
    assert answer.headers["access-control-allow-origin"] == BROWSER["origin"]
    assert "dpop-nonce" in answer.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in answer.headers


DOCUMENTS = ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", "/jwks")
ENDPOINTS = ("/token", "/register", "/par", "/revoke", "/userinfo")


def _preflight(method: str, header: str) -> dict[str, str]:
    return {
        **BROWSER,
        "access-control-request-method": method,
        "access-control-request-headers": header,
    }


@pytest.mark.parametrize(
    ("paths", "method", "header", "status"),
    [
        (DOCUMENTS, "GET", "mcp-protocol-version", 200),
        (DOCUMENTS, "GET", "x-header-that-nobody-knows", 200),
        (DOCUMENTS, "HEAD", "x-header-that-nobody-knows", 200),
        (DOCUMENTS, "POST", "content-type", 400),
        (ENDPOINTS, "POST", "mcp-protocol-version", 200),
        (ENDPOINTS, "POST", "x-header-that-nobody-knows", 400),
        (["/userinfo"], "HEAD", "authorization", 200),
        (["/token"], "HEAD", "authorization", 400),
    ],
)
async def test_documents_may_be_asked_for_with_any_headers_and_endpoints_with_those_of_clients(
    paths: list[str], method: str, header: str, status: int
) -> None:
    bank = a_bank(browser_origins=[BROWSER["origin"]])
    for path in paths:
        answer = await _allowed(bank, "OPTIONS", path, _preflight(method, header))
        assert answer.status_code == status, path
        if status == 200:
            assert header in answer.headers["access-control-allow-headers"]
            assert method in answer.headers["access-control-allow-methods"].split(", ")


@pytest.mark.parametrize(
    ("headers", "status"), [({"content-length": "9" * 12}, 413), ({"x-long": "x" * 70_000}, 431)]
)
@pytest.mark.parametrize("path", ["/token", "/authorize"])
async def test_a_page_may_read_that_its_request_is_too_long_where_it_may_ask_at_all(
    path: str, headers: dict[str, str], status: int
) -> None:
    bank = a_bank(browser_origins=[BROWSER["origin"]])
    answer = await _allowed(bank, "POST", path, {**BROWSER, **headers})
    assert answer.status_code == status
    allowed = BROWSER["origin"] if path == "/token" else None
    assert answer.headers.get("access-control-allow-origin") == allowed
    other = await _allowed(bank, "POST", path, {"origin": "https://other.example.test", **headers})
    assert other.status_code == status
    assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize("path", ["/.well-known/oauth-authorization-server", "/jwks"])
async def test_a_page_of_another_origin_may_not_read(path: str) -> None:
    bank = a_bank(browser_origins=["https://other.example.test"])
    assert "access-control-allow-origin" not in (await _allowed(bank, "GET", path, BROWSER)).headers
    assert (await _allowed(bank, "OPTIONS", path, PREFLIGHT)).status_code == 400


@pytest.mark.parametrize(
    ("changes", "let_in"),
    [
        ({}, ("*",)),
        ({"development_only": False}, ()),
        ({"profile": "fapi2-security"}, ()),
        ({"browser_origins": []}, ()),
    ],
)
async def test_unsaid_any_page_on_a_laptop_with_public_clients_and_none_elsewhere(
    changes: dict[str, Any], let_in: tuple[str, ...]
) -> None:
    bank = a_bank(**changes)
    assert bank.config.origins_let_in == let_in
    answer = await _allowed(bank, "GET", "/jwks", BROWSER)
    assert ("access-control-allow-origin" in answer.headers) is bool(let_in)
    for page in ("/authorize", "/grants", "/introspect"):
        assert "access-control-allow-origin" not in (await _allowed(bank, "GET", page, BROWSER)).headers


@pytest.mark.parametrize(
    "origin", ["app.example.test", "https://app.example.test/", "http://app.example.test"]
)
async def test_what_is_no_origin_is_refused_in_the_settings(origin: str) -> None:
    with pytest.raises(ConfigurationError, match="browser_origins"):
        Config.from_mapping(settings(browser_origins=[origin]))
