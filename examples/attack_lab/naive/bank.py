"""A bank from before the advice of RFC 9700: it gives codes and tokens to whoever asks in roughly the right form.

Its user is always Alice, who is signed in and approves at once. An attack that needs another fault overrides a method.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from examples.attack_lab.jwts import claims_of


class NaiveBank:
    """`tokens`: for each access token its owner and scope. `codes`: what was asked for. `refresh_tokens`: their owners.

    None of it is ever forgotten.
    """

    def __init__(self, issuer: str, *, redirect_uris: Iterable[str]) -> None:
        self.issuer = issuer
        self.redirect_uris = list(redirect_uris)
        self.user = "alice"
        self.codes: dict[str, Mapping[str, str]] = {}
        self.tokens: dict[str, dict[str, str]] = {}
        self.refresh_tokens: dict[str, str] = {}
        self.app = Starlette(
            routes=[
                Route("/.well-known/oauth-authorization-server", self.publish_metadata),
                Route("/authorize", self.authorize, methods=["GET", "POST"]),
                Route("/token", self.token, methods=["POST"]),
            ]
        )

    @property
    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
        }

    # What a careful bank would check.

    def accepts_redirect_uri(self, uri: str) -> bool:
        """The naive way: whatever begins with a registered URI."""
        return any(uri.startswith(registered) for registered in self.redirect_uris)

    def accepts_client(self, form: Mapping[str, str]) -> bool:
        """The naive way: whoever says its name; or an assertion for any of this bank's URLs."""
        if "client_assertion" in form:
            return str(claims_of(form["client_assertion"]).get("aud")).startswith(self.issuer)
        return "client_id" in form

    def response_parameters(self, asked: Mapping[str, str], code: str) -> dict[str, str]:
        """The naive way: code and state, and not who answers."""
        return {"code": code, **{name: asked[name] for name in ("state",) if name in asked}}

    # The endpoints.

    async def publish_metadata(self, _request: Request) -> Response:
        return JSONResponse(self.metadata)

    async def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        if not self.accepts_redirect_uri(asked["redirect_uri"]):
            return JSONResponse({"error": "invalid_request"}, 400)
        code = secrets.token_urlsafe(8)
        self.codes[code] = {"user": self.user, **asked}
        separator = "&" if "?" in asked["redirect_uri"] else "?"
        answer = urlencode(self.response_parameters(asked, code))
        return RedirectResponse(f"{asked['redirect_uri']}{separator}{answer}", 302)

    async def token(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        if not self.accepts_client(form):
            return JSONResponse({"error": "invalid_client"}, 401)
        owner = self.owner_of(form)
        if owner is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        refresh_token = secrets.token_urlsafe(8)
        self.refresh_tokens[refresh_token] = owner
        answer = {"access_token": self.issue(owner), "refresh_token": refresh_token, "token_type": "Bearer"}
        return JSONResponse({**answer, **self.beside_the_token(owner)})

    def beside_the_token(self, _owner: str) -> dict[str, str]:
        """What else a token response has."""
        return {}

    def owner_of(self, form: Mapping[str, str]) -> str | None:
        """Whose token a token request is for. The naive way: what was good once is good again."""
        match form["grant_type"]:
            case "authorization_code":
                return self.codes.get(form["code"], {}).get("user")
            case "refresh_token":
                return self.refresh_tokens.get(form["refresh_token"])
        return "fintech"

    def issue(self, user: str, scope: str = "accounts payments") -> str:
        """A new access token. It is good for each API of the bank."""
        token = secrets.token_urlsafe(8)
        self.tokens[token] = {"owner": user, "scope": scope}
        return token
