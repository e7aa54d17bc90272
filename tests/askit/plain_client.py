"""A client that builds every message by hand, signs with `cryptography`, and walks pages as a browser does.

It shares no code with the server under test but the reading of URLs. Each step takes overrides, so that a test can
break one thing at a time.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx

from fapikit import PrivateKey
from fapikit.clock import Clock
from tests.keys import a_key, b64, mint

ISSUER = "https://bank.example.test"
ACCOUNTS = "https://api.example.test/accounts"
PAYMENTS = "https://api.example.test/payments"
CALLBACK = "https://fintech.example.test/callback"
VERIFIER = "v" * 43
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
PAYMENT = {
    "type": "payment_initiation",
    "instructedAmount": {"currency": "EUR", "amount": "123.50"},
    "creditorName": "Merchant A",
    "creditorAccount": {"iban": "DE02100100109307118603"},
}

_counter = itertools.count(1)


def challenge_of(verifier: str) -> str:
    return b64(hashlib.sha256(verifier.encode()).digest())


def fresh(prefix: str = "id") -> str:
    return f"{prefix}-{next(_counter)}-" + "x" * 24


def without(members: Mapping[str, Any]) -> dict[str, Any]:
    """The members that are not None: an override of None takes one away."""
    return {name: value for name, value in members.items() if value is not None}


@dataclass
class PlainClient:
    """One client of the bank, with its keys and one browser."""

    http: httpx.AsyncClient
    clock: Clock
    client_id: str = "fintech"
    key: PrivateKey = field(default_factory=lambda: a_key("ES256", 1))
    dpop_key: PrivateKey = field(default_factory=lambda: a_key("ES256", 11))
    redirect_uri: str = CALLBACK
    issuer: str = ISSUER
    nonce: str | None = None
    """The latest DPoP nonce of the server."""
    proves: bool = True
    """Whether a token request has a DPoP proof, where a test does not say it."""

    # Messages, each made whole and then changed as the test says.

    def assertion(self, *, key: PrivateKey | None = None, alg: str | None = None, **claims: Any) -> str:
        now = int(self.clock())
        members = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.issuer,
            "iat": now,
            "exp": now + 60,
            "jti": fresh("assertion"),
            **claims,
        }
        return mint(without(members), key or self.key, alg=alg)

    def authentication(self, assertion: str | None = None, **claims: Any) -> dict[str, str]:
        return {
            "client_id": self.client_id,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion or self.assertion(**claims),
        }

    def proof(
        self,
        method: str,
        url: str,
        *,
        token: str | None = None,
        key: PrivateKey | None = None,
        header: Mapping[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        key = key or self.dpop_key
        jwk = {
            name: key.public_jwk[name]
            for name in ("kty", "crv", "x", "y", "n", "e")
            if name in key.public_jwk
        }
        members = {
            "jti": fresh("proof"),
            "htm": method,
            "htu": url,
            "iat": int(self.clock()),
            "nonce": self.nonce,
            "ath": b64(hashlib.sha256(token.encode()).digest()) if token else None,
            **claims,
        }
        return mint(
            without(members), key, header={"typ": "dpop+jwt", "jwk": jwk, "kid": None, **(header or {})}
        )

    def request(self, **changes: Any) -> dict[str, Any]:
        """The parameters of an authorization request."""
        return without(
            {
                "response_type": "code",
                "redirect_uri": self.redirect_uri,
                "scope": "openid accounts",
                "state": "the-state",
                "nonce": "the-nonce",
                "code_challenge": challenge_of(VERIFIER),
                "code_challenge_method": "S256",
                **changes,
            }
        )

    def request_object(
        self, *, key: PrivateKey | None = None, alg: str | None = None, claims: Mapping[str, Any] | None = None,
        typ: str = "oauth-authz-req+jwt", **changes: Any
    ) -> str:  # fmt: skip
        now = int(self.clock())
        members = {
            **self.request(**changes),
            "client_id": self.client_id,
            "iss": self.client_id,
            "aud": self.issuer,
            "nbf": now,
            "exp": now + 300,
            **(claims or {}),
        }
        return mint(without(members), key or self.key, typ=typ, alg=alg)

    # Calls.

    async def post(
        self, path: str, form: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """A form post; the latest DPoP nonce is kept."""
        pairs: list[tuple[str, str]] = []
        for name, value in form.items():
            if isinstance(value, list) and name in ("resource", "audience"):
                pairs += [(name, item) for item in value]
            else:
                pairs.append((name, value if isinstance(value, str) else json.dumps(value)))
        response = await self.http.post(
            path,
            content=urlencode(pairs),
            headers={"content-type": "application/x-www-form-urlencoded", **(headers or {})},
        )
        self.nonce = response.headers.get("dpop-nonce", self.nonce)
        return response

    async def push(
        self, request: Mapping[str, Any] | None = None, *, proof: str | None = None,
        authentication: Mapping[str, str] | None = None,
    ) -> httpx.Response:  # fmt: skip
        form = {
            **(self.request() if request is None else request),
            **(authentication or self.authentication()),
        }
        return await self.post("/par", form, {"dpop": proof} if proof else None)

    async def pushed(self, **changes: Any) -> str:
        """The request URI of a request that is accepted."""
        response = await self.push(self.request(**changes))
        assert response.status_code == 201, response.text
        return str(response.json()["request_uri"])

    async def authorize(self, request_uri: str, **more: str) -> httpx.Response:
        return await self.http.get(
            "/authorize", params={"client_id": self.client_id, "request_uri": request_uri, **more}
        )

    async def submit(self, page: httpx.Response, **fields: str) -> httpx.Response:
        """Send the form of a page, with its hidden fields, and follow redirects within the bank."""
        action = re.search(r'<form method="post" action="([^"]+)"', page.text)
        assert action, page.text
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
        response = await self.post(
            unescape(action[1]), {**{k: unescape(v) for k, v in hidden.items()}, **fields}
        )
        return await self.follow(response)

    async def follow(self, response: httpx.Response) -> httpx.Response:
        while response.status_code == 303 and response.headers["location"].startswith(self.issuer):
            response = await self.http.get(response.headers["location"])
        return response

    async def decide(
        self,
        request_uri: str,
        *,
        decision: str = "approve",
        username: str = "alice",
        password: str = "wonderland",
    ) -> httpx.Response:
        """Sign in if asked, then decide; the response that leaves the bank."""
        page = await self.follow(await self.authorize(request_uri))
        if 'name="password"' in page.text:
            page = await self.submit(page, username=username, password=password)
        if 'name="decision"' not in page.text:
            return page
        return await self.submit(page, decision=decision)

    async def code(self, **changes: Any) -> str:
        """A fresh authorization code."""
        callback = read_callback(await self.decide(await self.pushed(**changes)))
        assert "code" in callback, callback
        return callback["code"]

    async def token(
        self, form: Mapping[str, Any], *, authentication: Mapping[str, str] | None = None,
        proof: str | bool | None = None, key: PrivateKey | None = None, **claims: Any,
    ) -> httpx.Response:  # fmt: skip
        """A token request with client authentication and proof; answers one nonce challenge."""
        proof = self.proves if proof is None else proof
        for _ in range(2):
            headers = {}
            if proof is True:
                headers["dpop"] = self.proof("POST", f"{self.issuer}/token", key=key, **claims)
            elif isinstance(proof, str):
                headers["dpop"] = proof
            response = await self.post(
                "/token", {**form, **(authentication or self.authentication())}, headers
            )
            if proof is not True or response.json().get("error") != "use_dpop_nonce" or "nonce" in claims:
                return response
        return response

    def code_form(self, code: str, **changes: Any) -> dict[str, Any]:
        return without(
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self.redirect_uri,
                "code_verifier": VERIFIER,
                **changes,
            }
        )

    async def redeem(self, code: str, **changes: Any) -> httpx.Response:
        return await self.token(self.code_form(code, **changes))

    async def tokens(self, **changes: Any) -> dict[str, Any]:
        """The tokens of a whole flow."""
        response = await self.redeem(await self.code(**changes))
        assert response.status_code == 200, response.text
        return response.json()

    async def refresh(self, refresh_token: str, **changes: Any) -> httpx.Response:
        return await self.token(
            without({"grant_type": "refresh_token", "refresh_token": refresh_token, **changes})
        )

    async def userinfo(
        self, token: str, *, scheme: str = "DPoP", proof: str | None = None, **claims: Any
    ) -> httpx.Response:
        """A UserInfo call; answers one nonce challenge."""
        for _ in range(2):
            made = proof or self.proof("GET", f"{self.issuer}/userinfo", token=token, **claims)
            headers = {"authorization": f"{scheme} {token}", "dpop": made}
            response = await self.http.get("/userinfo", headers=headers)
            self.nonce = response.headers.get("dpop-nonce", self.nonce)
            if proof or "use_dpop_nonce" not in response.headers.get("www-authenticate", ""):
                return response
        return response

    async def introspect(self, token: str, accept: str = "application/json") -> httpx.Response:
        return await self.post("/introspect", {"token": token, **self.authentication()}, {"accept": accept})


def read_callback(response: httpx.Response, at: str = CALLBACK) -> dict[str, str]:
    """The parameters of a redirect to the client, each once."""
    assert response.status_code == 303, (response.status_code, response.text[:500])
    location = urlsplit(response.headers["location"])
    assert location._replace(query="", fragment="").geturl() == at
    assert not (location.query and location.fragment)
    pairs = parse_qsl(location.query or location.fragment, keep_blank_values=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def query_of(url: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(url).query)
