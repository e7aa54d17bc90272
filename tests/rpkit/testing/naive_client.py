"""A client that shares no code with rpkit, and believes every answer. `httpx` and a JWT library are all it has."""

from __future__ import annotations

import hashlib
import secrets
import time
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx

from fapikit import PrivateKey
from tests.keys import b64, claims_of, mint

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class NaiveClient:
    """It pushes its request, and proves its key, because the bank demands both. It compares nothing."""

    def __init__(self, bank: Any, http: httpx.Client) -> None:
        self.bank, self.http = bank, http
        self.key = PrivateKey.generate("ES256")
        self.nonce: str | None = None
        self.metadata = http.get(f"{bank.issuer}/.well-known/openid-configuration").json()

    def log_in(self) -> dict[str, Any]:
        callback = self.bank.browse(self.begin())
        answer = dict(parse_qsl(urlsplit(callback).query))
        self.check_answer(answer)
        tokens = self.redeem(answer["code"])
        return {**self.user_of(tokens), **self.userinfo(tokens["access_token"])}

    def begin(self) -> str:
        self.verifier, self.state = secrets.token_urlsafe(32), secrets.token_urlsafe(16)
        form = {
            "response_type": "code",
            "redirect_uri": self.bank.redirect_uri,
            "scope": "openid accounts",
            "state": self.state,
            "nonce": secrets.token_urlsafe(16),
            "code_challenge": b64(hashlib.sha256(self.verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
        pushed = self.post(self.metadata["pushed_authorization_request_endpoint"], form)
        query = urlencode({"client_id": self.bank.client_id, "request_uri": pushed["request_uri"]})
        return f"{self.metadata['authorization_endpoint']}?{query}"

    def check_answer(self, answer: dict[str, str]) -> None:
        """The naive way: it came through our own browser, so it is right."""

    def redeem(self, code: str) -> dict[str, Any]:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.bank.redirect_uri}
        return self.post(self.metadata["token_endpoint"], {**form, "code_verifier": self.verifier})

    def user_of(self, tokens: dict[str, Any]) -> dict[str, Any]:
        """The naive way: what stands in the ID token is true, and needs no signature."""
        return claims_of(tokens["id_token"]) if "id_token" in tokens else {}

    def userinfo(self, access_token: str) -> dict[str, Any]:
        url = self.metadata["userinfo_endpoint"]
        ath = b64(hashlib.sha256(access_token.encode()).digest())

        def get() -> httpx.Response:
            proof = {"DPoP": self.proof("GET", url, ath=ath)}
            return self.http.get(url, headers={"Authorization": f"DPoP {access_token}", **proof})

        members: dict[str, Any] = self.answered(get).json()
        return members

    def post(self, url: str, form: dict[str, str]) -> dict[str, Any]:
        def post() -> httpx.Response:
            who = {"client_id": self.bank.client_id, "client_assertion_type": ASSERTION}
            signed = {**form, **who, "client_assertion": self.assertion()}
            return self.http.post(url, data=signed, headers={"DPoP": self.proof("POST", url)})

        members: dict[str, Any] = self.answered(post).json()
        return members

    def answered(self, send: Any) -> httpx.Response:
        """Send; if a nonce is asked for, send once more."""
        response = send()
        self.nonce = response.headers.get("dpop-nonce", self.nonce)
        if response.status_code in (400, 401) and "dpop-nonce" in response.headers:
            response = send()
            self.nonce = response.headers.get("dpop-nonce", self.nonce)
        found: httpx.Response = response.raise_for_status()
        return found

    def assertion(self) -> str:
        who, now = self.bank.client_id, int(time.time())
        claims = {"iss": who, "sub": who, "aud": self.bank.issuer, "exp": now + 60, "iat": now}
        return mint({**claims, "jti": secrets.token_urlsafe(16)}, self.bank.client_key)

    def proof(self, method: str, url: str, **further: str) -> str:
        claims: dict[str, Any] = {"htm": method, "htu": url, "iat": int(time.time()), **further}
        claims["jti"] = secrets.token_urlsafe(16)
        if self.nonce is not None:
            claims["nonce"] = self.nonce
        return mint(claims, self.key, header={"typ": "dpop+jwt", "jwk": dict(self.key.public_jwk)})


class HastyClient(NaiveClient):
    """It looks at iss and state, after it has redeemed the code."""

    def redeem(self, code: str) -> dict[str, Any]:
        tokens = super().redeem(code)
        if self.answer.get("iss") != self.bank.issuer or self.answer.get("state") != self.state:
            raise ValueError("not our bank, or not our login")
        return tokens

    def check_answer(self, answer: dict[str, str]) -> None:
        self.answer = answer


class FussyClient(NaiveClient):
    """It wants tokens with a lifetime, and an audience as text."""

    def user_of(self, tokens: dict[str, Any]) -> dict[str, Any]:
        assert int(tokens["expires_in"]) > 0
        claims = super().user_of(tokens)
        return {**claims, "aud": claims["aud"].lower()} if claims.get("aud") else claims
