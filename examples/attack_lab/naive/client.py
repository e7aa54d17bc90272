"""A naive client: it believes every answer, and tells its secret to whatever server the user chose."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from examples.attack_lab.answers import accepted
from examples.attack_lab.jwts import signed
from fapikit import PrivateKey


@dataclass
class NaiveClient:
    """The fintech, registered under the same name at each bank. `metadata`: of the bank that the user chose last."""

    http: httpx.Client
    redirect_uri: str
    key: PrivateKey = field(default_factory=lambda: PrivateKey.generate("ES256"))
    client_id: str = "fintech"
    client_secret: str = "the same at every bank"
    metadata: dict[str, Any] | None = None
    access_token: str = ""
    refresh_token: str = ""

    def choose(self, issuer: str) -> None:
        """The user chooses a bank."""
        url = f"{issuer}/.well-known/oauth-authorization-server"
        self.metadata = accepted(self.http.get(url)).json()

    def _endpoint(self, name: str) -> str:
        assert self.metadata is not None, "choose a bank first"
        return str(self.metadata[name])

    def begin(self, scope: str = "accounts", **further: str) -> str:
        """The URL for the browser. The naive way: no PKCE, and a `state` that nobody will look at."""
        parameters = {
            "client_id": self.client_id,
            "response_type": "code",
            "redirect_uri": self.redirect_uri,
            "scope": scope,
            "state": secrets.token_urlsafe(8),
            **further,
        }
        return f"{self._endpoint('authorization_endpoint')}?{urlencode(parameters)}"

    def complete(self, callback: str) -> None:
        """The naive way: take the code, whoever sent it, and redeem it at the bank that was chosen last."""
        self.redeem(parse_qs(urlsplit(callback).query)["code"][0])

    def redeem(self, code: str) -> None:
        self._ask_for_token(grant_type="authorization_code", code=code, redirect_uri=self.redirect_uri)

    def refresh(self) -> None:
        self._ask_for_token(grant_type="refresh_token", refresh_token=self.refresh_token)

    def _ask_for_token(self, **form: str) -> None:
        """The naive way: the same secret goes to each bank."""
        own = {"client_id": self.client_id, "client_secret": self.client_secret}
        answer = accepted(self.http.post(self._endpoint("token_endpoint"), data={**form, **own})).json()
        self.access_token = answer["access_token"]
        self.refresh_token = answer.get("refresh_token", "")

    def push(self) -> httpx.Response:
        """A pushed request. The naive way: the assertion is for what the metadata call the token endpoint."""
        form = {
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": self.assertion(self._endpoint("token_endpoint")),
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": "accounts",
        }
        return self.http.post(self._endpoint("pushed_authorization_request_endpoint"), data=form)

    def assertion(self, audience: str) -> str:
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": audience,
            "jti": secrets.token_urlsafe(8),
            "exp": int(time.time()) + 60,
        }
        return signed(claims, self.key)
