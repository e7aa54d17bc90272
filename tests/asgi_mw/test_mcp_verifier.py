"""A ResourceServer behind the MCP SDK's own bearer middleware."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware, get_access_token
from mcp.server.auth.middleware.bearer_auth import BearerAuthBackend, RequireAuthMiddleware
from mcp.server.auth.provider import TokenVerifier
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer
from pydantic import AnyHttpUrl
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from asgi_mw.mcp import Verifier, _as_the_sdk_has_it
from fapikit import errors as e
from fapikit.clock import system_clock
from rskit import Issuer, ResourceServer
from tests.rskit.mothers import CLIENT_KEY, ISSUER, RESOURCE, a_server, a_token, a_view, allowed

LIVE = {"clock": system_clock}


def live_token(**changes: Any) -> str:
    now = int(system_clock())
    return a_token(**{"iat": now, "exp": now + 300, **changes})


async def whoami(request: Request) -> JSONResponse:
    found = get_access_token()
    assert found is not None
    return JSONResponse([found.client_id, found.subject, found.scopes, found.resource, found.claims])


def an_app(server: ResourceServer) -> Starlette:
    verifier: TokenVerifier = Verifier(server)
    backend = BearerAuthBackend(verifier, resource_server_url=AnyHttpUrl(RESOURCE))
    guarded = RequireAuthMiddleware(Starlette(routes=[Route("/", whoami)]), ["accounts"])
    layers = [Middleware(AuthenticationMiddleware, backend=backend), Middleware(AuthContextMiddleware)]
    return Starlette(routes=[Mount("/", app=guarded)], middleware=layers)


def get(server: ResourceServer, token: str, scheme: str = "Bearer") -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=an_app(server), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=RESOURCE) as client:
            return await client.get("/", headers={"authorization": f"{scheme} {token}"})

    return asyncio.run(send())


def test_the_sdk_s_middleware_lets_a_good_token_in_and_knows_whose_it_is():
    answer = get(a_server(**LIVE), live_token())
    assert answer.status_code == 200
    client, subject, scopes, resource, claims = answer.json()
    assert (client, subject, scopes, resource) == ("fintech", "alice", ["accounts", "payments"], RESOURCE)
    assert claims["iss"] == ISSUER
    assert get(a_server(**LIVE), live_token(scope="payments")).status_code == 403


@pytest.mark.spec("RFC 9449 7.1a")
@pytest.mark.spec("RFC 8705 3b")
@pytest.mark.parametrize(
    "changes",
    [
        {"cnf": {"jkt": CLIENT_KEY.thumbprint}},
        {"cnf": {"x5t#S256": "A" * 43}},
        {"cnf": {"kid": "unknown"}},
        {"aud": "https://other.example"},
        {"exp": 1},
    ],
    ids=["DPoP", "a certificate", "unknown", "another audience", "expired"],
)
@pytest.mark.parametrize("scheme", ["Bearer", "DPoP"])
def test_a_bound_token_and_a_bad_one_are_refused(changes: dict[str, Any], scheme: str):
    assert get(a_server(**LIVE), live_token(**changes), scheme).status_code == 401


def test_what_is_no_token_is_none():
    verifier = Verifier(a_server())
    for garbage in ("", " ", "a b", "x, Bearer y", "\x00", "é"):
        assert asyncio.run(verifier.verify_token(garbage)) is None, garbage


def test_what_cannot_be_decided_is_no_401():
    server = a_server(issuers=[Issuer("http://127.0.0.1:1")], **LIVE)
    with pytest.raises(e.TransportError):
        asyncio.run(Verifier(server).verify_token(live_token(iss="http://127.0.0.1:1")))
    assert get(server, live_token(iss="http://127.0.0.1:1")).status_code == 500


@pytest.mark.spec("FAPI2-SP 5.3.4-5")
def test_a_server_that_takes_bound_tokens_only_cannot_be_used_this_way():
    for settings in ({"profile": "fapi2-security"}, {"require_bound": True}):
        with pytest.raises(e.ConfigurationError, match=r"put asgi_mw\.Protect around"):
            Verifier(a_server(**settings))
    with pytest.raises(e.ConfigurationError, match="not its class"):
        Verifier(ResourceServer)  # type: ignore[arg-type]


def test_an_mcp_server_answers_who_has_a_good_token():
    settings = AuthSettings(
        issuer_url=AnyHttpUrl(ISSUER), resource_server_url=AnyHttpUrl(RESOURCE), validate_token_resource=True
    )
    mcp = MCPServer("notes", token_verifier=Verifier(a_server(**LIVE)), auth=settings)

    @mcp.tool()
    def whose() -> str:
        found = get_access_token()
        return found.subject or "" if found else "nobody's"

    app = mcp.streamable_http_app(stateless_http=True, json_response=True)
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "whose", "arguments": {}}}

    async def send() -> tuple[int, Any]:
        transport = httpx.ASGITransport(app=app)
        accept = {"accept": "application/json, text/event-stream"}
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(
                transport=transport, base_url="http://127.0.0.1:8000", headers=accept
            ) as client,
        ):
            bad = await client.post("/mcp", json=call, headers={"authorization": "Bearer x"})
            token = live_token()
            good = await client.post("/mcp", json=call, headers={"authorization": f"Bearer {token}"})
            return bad.status_code, good.json()

    status, answer = asyncio.run(send())
    assert status == 401
    assert answer["result"]["content"][0]["text"] == "alice"


def test_an_introspected_token_that_names_no_issuer_is_its_server_s_all_the_same():
    server = a_server()
    found = allowed(server, a_view(f"Bearer {a_token()}"))._replace(members={})
    assert _as_the_sdk_has_it("a token", found, server).claims == {"iss": ISSUER}
