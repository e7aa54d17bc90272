"""The lab's naive bank, with pushed requests, a page and UserInfo: it speaks FAPI 2.0 and enforces nothing of it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from examples.attack_lab.jwts import claims_of
from examples.attack_lab.naive.bank import NaiveBank


class NaivePushingBank(NaiveBank):
    """A pushed request is kept for ever, and is any client's. What is in the URL wins over it."""

    def __init__(self, issuer: str, **settings: Any) -> None:
        super().__init__(issuer, **settings)
        self.pushed: dict[str, dict[str, str]] = {}
        self.app.router.routes += [
            Route("/par", self.par, methods=["POST"]),
            Route("/userinfo", self.userinfo),
        ]

    @property
    def metadata(self) -> dict[str, Any]:
        return {
            **super().metadata,
            "pushed_authorization_request_endpoint": f"{self.issuer}/par",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "code_challenge_methods_supported": ["plain", "S256"],
        }

    def accepts_redirect_uri(self, uri: str) -> bool:
        """Whatever comes: the client has signed in, has it not?"""
        return True

    def accepts_client(self, form: Mapping[str, str]) -> bool:
        return True

    async def par(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        if "request" in form:
            form |= {name: str(value) for name, value in claims_of(form["request"]).items()}
        request_uri = f"urn:ietf:params:oauth:request_uri:{secrets.token_urlsafe(8)}"
        self.pushed[request_uri] = {"redirect_uri": self.redirect_uris[0], **form}
        return JSONResponse({"request_uri": request_uri, "expires_in": 86_400}, 201)

    async def authorize(self, request: Request) -> Response:
        """The page of the login, without a header that protects it; then a redirect that repeats its form."""
        asked = {**self.pushed_as(request.query_params.get("request_uri", "")), **request.query_params}
        if asked.get("response_type") == "nonsense":
            return RedirectResponse(f"{asked['redirect_uri']}?error=unsupported_response_type", 302)
        if "redirect_uri" not in asked:
            return JSONResponse({"error": "invalid_request"}, 400)
        if request.method == "GET":
            return HTMLResponse("<form method=post><input name=password><button>Sign in</button></form>")
        code = secrets.token_urlsafe(8)
        self.codes[code] = {"user": self.user, **asked}
        answer = "&".join(f"{name}={value}" for name, value in self.response_parameters(asked, code).items())
        separator = "&" if "?" in asked["redirect_uri"] else "?"
        return RedirectResponse(f"{asked['redirect_uri']}{separator}{answer}", 307)

    def pushed_as(self, request_uri: str) -> dict[str, str]:
        return self.pushed.get(request_uri, {})

    async def userinfo(self, request: Request) -> Response:
        token = request.headers.get("authorization", "").partition(" ")[2]
        known = self.tokens.get(token)
        return (
            JSONResponse({"error": "invalid_token"}, 401)
            if known is None
            else JSONResponse({"sub": known["owner"]})
        )


class ForgetfulBank(NaivePushingBank):
    """It takes the newest request for any that it does not know, and does not return the state."""

    def pushed_as(self, request_uri: str) -> dict[str, str]:
        return self.pushed.get(request_uri, list(self.pushed.values())[-1])

    def response_parameters(self, asked: Mapping[str, str], code: str) -> dict[str, str]:
        return {"code": code}


def sign_in(browser: httpx.Client, url: str) -> str:
    """The user of this bank types the password, and is sent back."""
    browser.get(url).raise_for_status()
    return browser.post(url, data={"password": "wonderland"}).headers["location"]
