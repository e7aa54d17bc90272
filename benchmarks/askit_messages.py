"""The messages of logins at askit, made beforehand: what is measured is the server."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

from askit import AuthorizationServer, Config
from benchmarks.middleware import App
from benchmarks.tokens import sign
from fapikit import PrivateKey
from fapikit.base64url import encode
from fapikit.client_authentication.assertion import ASSERTION_TYPE
from fapikit.clock import Clock, system_clock, system_random
from fapikit.stores import Store

ISSUER, API, CALLBACK = (
    "https://bank.example",
    "https://api.example/accounts",
    "https://fintech.example/callback",
)
VERIFIER = "v" * 43
_CHALLENGE = encode(hashlib.sha256(VERIFIER.encode()).digest())
_numbers = itertools.count()


class Login(NamedTuple):
    """What a client sends for one login: its pushed request, and its token request without the code."""

    par: Mapping[str, str]
    token: Mapping[str, str]
    proof: str


class Fintech:
    """A client with its keys."""

    def __init__(self, clock: Clock = system_clock) -> None:
        self._key = PrivateKey.generate("ES256", kid="fintech")
        self._dpop_key = PrivateKey.generate("ES256")
        self._clock = clock

    @property
    def public_jwk(self) -> Mapping[str, Any]:
        return self._key.public_jwk

    def bank(self, store: Store, username: str = "alice") -> AuthorizationServer:
        return bank(self.public_jwk, store, username)

    def login(self) -> Login:
        request = {
            "response_type": "code",
            "redirect_uri": CALLBACK,
            "scope": "openid accounts",
            "state": "the-state",
            "nonce": "the-nonce",
            "code_challenge": _CHALLENGE,
            "code_challenge_method": "S256",
        }
        token = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        return Login(
            {**request, **self._authentication()}, {**token, **self._authentication()}, self._proof()
        )

    def _authentication(self) -> dict[str, str]:
        now = int(self._clock())
        claims = {
            "iss": "fintech",
            "sub": "fintech",
            "aud": ISSUER,
            "iat": now,
            "exp": now + 60,
            "jti": _jti(),
        }
        assertion = sign(self._key, {"alg": self._key.alg, "kid": self._key.kid}, claims)
        return {
            "client_id": "fintech",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion,
        }

    def _proof(self) -> str:
        key = self._dpop_key
        jwk = {name: value for name, value in key.public_jwk.items() if name in ("kty", "crv", "x", "y")}
        claims = {"jti": _jti(), "htm": "POST", "htu": f"{ISSUER}/token", "iat": int(self._clock())}
        return sign(key, {"alg": key.alg, "typ": "dpop+jwt", "jwk": jwk}, claims)


def bank(client_key: Mapping[str, Any], store: Store, username: str = "alice") -> AuthorizationServer:
    """A server that approves all logins at once, as those of this user."""
    members = {
        "issuer": ISSUER,
        "development_only": True,
        "auto_approve": username,
        "dpop_nonces": False,
        "clients": [
            {
                "client_id": "fintech",
                "redirect_uris": [CALLBACK],
                "grant_types": ["authorization_code", "refresh_token"],
                "response_types": ["code"],
                "token_endpoint_auth_method": "private_key_jwt",
                "jwks": {"keys": [dict(client_key)]},
            }
        ],
        "users": [{"username": username, "password": "wonderland"}],
        "resources": [{"uri": API, "scopes": ["accounts"]}],
        "scopes": {"accounts": "See your accounts"},
    }
    return AuthorizationServer(Config.from_mapping(members), store=store)


async def log_in(app: App, login: Login) -> None:
    """Raises AssertionError if a step does not succeed."""
    _, body = await _call(app, "POST", "/par", 201, form=login.par)
    asked = {"client_id": "fintech", "request_uri": json.loads(body)["request_uri"]}
    headers, _ = await _call(app, "GET", "/authorize", 303, query=urlencode(asked))
    (code,) = parse_qs(urlsplit(headers[b"location"].decode()).query)["code"]
    form, proof = {**login.token, "code": code}, (b"dpop", login.proof.encode())
    await _call(app, "POST", "/token", 200, form=form, headers=[proof])


async def _call(
    app: App,
    method: str,
    path: str,
    status: int,
    *,
    query: str = "",
    form: Mapping[str, str] | None = None,
    headers: Iterable[tuple[bytes, bytes]] = (),
) -> tuple[dict[bytes, bytes], bytes]:
    body = urlencode(form).encode() if form else b""
    sent = [(b"host", b"bank.example"), (b"content-length", b"%d" % len(body)), *headers]
    if form:
        sent.append((b"content-type", b"application/x-www-form-urlencoded"))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "server": ("bank.example", 443),
        "client": ("192.0.2.1", 40000),
        "root_path": "",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": sent,
    }
    messages: list[dict[str, Any]] = []
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if waiting:
            return waiting.pop()
        await asyncio.Event().wait()  # nothing more comes
        raise AssertionError

    async def send(message: Any) -> None:
        messages.append(message)

    await app(scope, receive, send)
    answer = b"".join(message.get("body", b"") for message in messages[1:])
    if messages[0]["status"] != status:
        raise AssertionError(messages[0]["status"], answer[:500])
    return dict(messages[0]["headers"]), answer


def _jti() -> str:
    return f"{next(_numbers):08d}-{system_random(12).hex()}"
