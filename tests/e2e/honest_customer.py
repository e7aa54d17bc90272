"""One honest flow over sockets, every message built by hand, so that a test can break one thing at a time."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from examples.demo.bank import PASSWORD, USERNAME
from examples.demo.browser import Browser
from examples.demo.payment import payment
from examples.demo.world import CLIENT_ID, World
from fapikit import PrivateKey
from fapikit.io.tls import client_context
from tests.keys import a_key, b64, mint

VERIFIER = "a-verifier-that-is-long-enough-for-rfc-7636-4.1"
_SECRET_MEMBERS = ("access_token", "refresh_token", "id_token", "request_uri")
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class HonestCustomer:
    """The fintech's messages and the customer's browser. Every method takes what a test wants changed."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.key = world.key_of(CLIENT_ID)
        self.dpop_key = a_key("ES256", 21)
        self.http = httpx.Client(verify=client_context(ca=world.path("ca.pem")), trust_env=False)
        self.nonces: dict[str, str] = {}
        self.secrets: set[str] = set()
        """Everything this flow has made or been given that no log may show."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def assertion(self, **changes: Any) -> str:
        now = int(time.time())
        claims = {"iss": CLIENT_ID, "sub": CLIENT_ID, "aud": self.world.bank, "iat": now, "exp": now + 60}
        return self._secret(mint({**claims, "jti": str(uuid.uuid4()), **changes}, self.key))

    def proof(
        self,
        method: str,
        url: str,
        *,
        token: str | None = None,
        key: PrivateKey | None = None,
        **changes: Any,
    ) -> str:
        key = key or self.dpop_key
        claims: dict[str, Any] = {
            "jti": str(uuid.uuid4()),
            "htm": method,
            "htu": url,
            "iat": int(time.time()),
        }
        if token is not None:
            claims["ath"] = b64(hashlib.sha256(token.encode()).digest())
        if nonce := self.nonces.get(_origin(url)):
            claims["nonce"] = nonce
        jwk = {name: key.public_jwk[name] for name in ("kty", "crv", "x", "y")}
        claims = {name: value for name, value in {**claims, **changes}.items() if value is not None}
        return self._secret(mint(claims, key, header={"typ": "dpop+jwt", "jwk": jwk, "kid": None}))

    def code(self) -> str:
        """A fresh authorization code for one payment: pushed, signed in, approved."""
        form = {
            "response_type": "code",
            "redirect_uri": self.world.redirect_uri,
            "scope": "openid accounts payments",
            "state": "the-state",
            "nonce": "the-nonce",
            "code_challenge": b64(hashlib.sha256(VERIFIER.encode()).digest()),
            "code_challenge_method": "S256",
            "authorization_details": json.dumps([payment()]),
            "resource": [self.world.accounts_resource, self.world.payments_resource],
        }
        pushed = self.post("/par", form, proof=None)
        assert pushed.status_code == 201, pushed.text
        browser = Browser(self.world)
        query = urlencode({"client_id": CLIENT_ID, "request_uri": pushed.json()["request_uri"]})
        page = browser.open(f"{self.world.bank}/authorize?{query}")
        if "username" in page.forms[0].fields:
            browser.submit({"username": USERNAME, "password": PASSWORD})
        browser.submit(press="approve", stop_at=self.world.redirect_uri)
        browser.close()
        return self._secret(parse_qs(urlsplit(browser.url).query)["code"][0])

    def redeem(self, code: str, *, proof: str | None = "", **changes: Any) -> httpx.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.world.redirect_uri,
            "code_verifier": VERIFIER,
            "resource": self.world.accounts_resource,
        }
        return self.post("/token", {**form, **changes}, proof=proof)

    def access_token(self, resource: str) -> str:
        """A fresh access token for one of the two APIs."""
        tokens = self.redeem(self.code()).json()
        if resource != self.world.accounts_resource:
            form = {
                "grant_type": "refresh_token",
                "refresh_token": tokens["refresh_token"],
                "resource": resource,
            }
            tokens = self.post("/token", form).json()
        return str(tokens["access_token"])

    def post(self, path: str, form: dict[str, Any], *, proof: str | None = "") -> httpx.Response:
        """A call to the bank. `proof`: empty makes a good one and answers a nonce challenge, None sends none."""
        url = f"{self.world.bank}{path}"
        for _ in range(2):
            signed_in = {
                "client_id": CLIENT_ID,
                "client_assertion_type": ASSERTION_TYPE,
                "client_assertion": self.assertion(),
            }
            headers = {} if proof is None else {"dpop": proof or self.proof("POST", url)}
            answer = self.http.post(url, data={**signed_in, **form}, headers=headers)
            self._learn(url, answer)
            if proof != "" or "use_dpop_nonce" not in answer.text:
                break
        self.secrets.update(str(answer.json()[name]) for name in _SECRET_MEMBERS if name in answer.json())
        return answer

    def call(
        self,
        method: str,
        url: str,
        token: str,
        *,
        scheme: str = "DPoP",
        proof: str | None = "",
        body: dict[str, Any] | None = None,
        **changes: Any,
    ) -> httpx.Response:
        """A call to one of the APIs, with the same rule for `proof`; `changes` go into a proof made here."""
        for _ in range(2):
            headers = {"authorization": f"{scheme} {token}", "idempotency-key": str(uuid.uuid4())}
            if proof is not None:
                headers["dpop"] = proof or self.proof(method, url, token=token, **changes)
            answer = self.http.request(method, url, headers=headers, json=body)
            self._learn(url, answer)
            if proof != "" or "use_dpop_nonce" not in answer.headers.get("www-authenticate", ""):
                break
        return answer

    def _learn(self, url: str, answer: httpx.Response) -> None:
        if "dpop-nonce" in answer.headers:
            self.nonces[_origin(url)] = answer.headers["dpop-nonce"]

    def _secret(self, value: str) -> str:
        self.secrets.add(value)
        return value


def _origin(url: str) -> str:
    return "/".join(url.split("/")[:3])
