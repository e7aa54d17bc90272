"""What a login and a call of an API cost a client: rpkit beside the same messages written by hand with httpx and PyJWT.

The bank answers in this process. What it takes itself is subtracted.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import jwt as pyjwt

import rpkit
from benchmarks.rounds import Effort, Figure, Result, added, interleaved, taken
from benchmarks.tokens import sign
from fapikit import HttpSettings, PrivateKey, PrivateKeyJWT
from fapikit.base64url import encode
from fapikit.client_authentication.assertion import ASSERTION_TYPE
from tests.keys import a_key
from tests.mothers.fake_bank import CLIENT_ID, REDIRECT_URI, FakeBank

LOGINS, CALLS = 5, 40
ACCOUNTS, SCOPE = "https://bank.example/accounts", "openid accounts"


class Answering(httpx.BaseTransport):
    """The way to the bank. `spent`: nanoseconds of CPU time on its other side."""

    def __init__(self, bank: FakeBank) -> None:
        self._bank = bank
        self.spent = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        began = time.process_time_ns()
        status, headers, body = self._bank.respond(
            request.method, str(request.url), request.headers.multi_items(), request.read()
        )
        del self._bank.seen[:]
        self.spent += time.process_time_ns() - began
        return httpx.Response(status, headers=headers, content=body)


class ByHand:
    """A FAPI 2 client with httpx and PyJWT, for this one bank: what somebody would write who needs nothing else.

    It checks the callback's `state` and `iss`, and the ID token. It handles no failure, no nonce and no refresh.
    """

    def __init__(self, bank: FakeBank, http: httpx.Client, key: PrivateKey) -> None:
        self._bank, self._http, self._key = bank, http, key
        self._jwks = pyjwt.PyJWKSet.from_dict(bank.jwks())
        self.dpop_key = PrivateKey.generate("ES256")

    def begin(self) -> str:
        self._verifier, self._state, self._nonce = (secrets.token_urlsafe(32) for _ in range(3))
        form = {
            "response_type": "code",
            "redirect_uri": REDIRECT_URI,
            "scope": SCOPE,
            "resource": ACCOUNTS,
            "state": self._state,
            "nonce": self._nonce,
            "code_challenge": encode(hashlib.sha256(self._verifier.encode()).digest()),
            "code_challenge_method": "S256",
            **self._authentication(),
        }
        pushed = self._http.post(self._bank.url("par"), data=form).raise_for_status().json()
        asked = {"client_id": CLIENT_ID, "request_uri": pushed["request_uri"]}
        return f"{self._bank.url('authorize')}?{urlencode(asked)}"

    def complete(self, callback: str) -> str:
        """The access token."""
        answer = dict(parse_qsl(urlsplit(callback).query))
        if answer["state"] != self._state or answer["iss"] != self._bank.issuer:
            raise AssertionError(answer)
        url = self._bank.url("token")
        form = {
            "grant_type": "authorization_code",
            "code": answer["code"],
            "redirect_uri": REDIRECT_URI,
            "code_verifier": self._verifier,
            "resource": ACCOUNTS,
            **self._authentication(),
        }
        tokens = (
            self._http.post(url, data=form, headers={"dpop": self.proof("POST", url)})
            .raise_for_status()
            .json()
        )
        key = self._jwks[pyjwt.get_unverified_header(tokens["id_token"])["kid"]]
        claims = pyjwt.decode(
            tokens["id_token"], key, algorithms=["ES256"], audience=CLIENT_ID, issuer=self._bank.issuer
        )
        if claims["nonce"] != self._nonce:
            raise AssertionError(claims)
        return str(tokens["access_token"])

    def call(self, token: str) -> httpx.Response:
        headers = {"authorization": f"DPoP {token}", "dpop": self.proof("GET", ACCOUNTS, token)}
        return self._http.get(ACCOUNTS, headers=headers).raise_for_status()

    def proof(self, method: str, url: str, token: str | None = None) -> str:
        jwk = {
            name: value
            for name, value in self.dpop_key.public_jwk.items()
            if name in ("kty", "crv", "x", "y")
        }
        claims: dict[str, Any] = {
            "jti": secrets.token_urlsafe(16),
            "htm": method,
            "htu": url,
            "iat": int(time.time()),
        }
        if token is not None:
            claims["ath"] = encode(hashlib.sha256(token.encode()).digest())
        return sign(self.dpop_key, {"alg": "ES256", "typ": "dpop+jwt", "jwk": jwk}, claims)

    def _authentication(self) -> dict[str, str]:
        now = int(time.time())
        claims = {"iss": CLIENT_ID, "sub": CLIENT_ID, "aud": self._bank.issuer, "iat": now, "exp": now + 60}
        claims["jti"] = secrets.token_urlsafe(16)
        assertion = sign(self._key, {"alg": self._key.alg, "kid": self._key.kid}, claims)
        return {
            "client_id": CLIENT_ID,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion,
        }


def measure_client(effort: Effort) -> Iterator[Result]:
    bank = FakeBank(clock=time.time, nonces=False)  # type: ignore[arg-type]
    transport, key = Answering(bank), a_key("ES256", 1)
    with httpx.Client(transport=transport) as http:
        ours = rpkit.Client.discover(
            bank.issuer,
            client_id=CLIENT_ID,
            auth=PrivateKeyJWT(key),
            redirect_uri=REDIRECT_URI,
            profile="fapi2-security",
            http=HttpSettings(client=http),
        )
        by_hand = ByHand(bank, http, key)

        def with_rpkit() -> None:
            start = ours.begin(scope=SCOPE, resources=[ACCOUNTS])
            login = ours.complete(
                at_the_bank(transport, bank, start.url), start.transaction, resource=ACCOUNTS
            )
            with ours.api(login.tokens, base_url=ACCOUNTS, resource=ACCOUNTS, transport=transport) as api:
                api.get(ACCOUNTS).raise_for_status()

        def with_httpx() -> None:
            by_hand.call(by_hand.complete(at_the_bank(transport, bank, by_hand.begin())))

        logins = timed(transport, {"rpkit": with_rpkit, "by hand": with_httpx}, effort, LOGINS)
        start = ours.begin(scope=SCOPE, resources=[ACCOUNTS])
        login = ours.complete(bank.authorize(start.url), start.transaction, resource=ACCOUNTS)
        token = by_hand.complete(bank.authorize(by_hand.begin()))
        with ours.api(login.tokens, base_url=ACCOUNTS, resource=ACCOUNTS, transport=transport) as api:
            steps = {
                "rpkit": lambda: api.get(ACCOUNTS),
                "by hand": lambda: by_hand.call(token),
                "httpx": lambda: http.get(ACCOUNTS),
            }
            calls = timed(transport, steps, effort, CALLS)
    milliseconds = {name: Figure.of(value / 1000 for value in values) for name, values in logins.items()}
    peers = {"the same by hand, with httpx and PyJWT": milliseconds["by hand"]}
    yield Result("client", "a login and the first call, ms", milliseconds["rpkit"], 4.0, peers)
    peers = {"the same by hand": added(calls, "by hand", "httpx"), "httpx alone": taken(calls, "httpx")}
    yield Result("client", "a call, added to that of httpx, us", added(calls, "rpkit", "httpx"), 200, peers)


def at_the_bank(transport: Answering, bank: FakeBank, url: str) -> str:
    began = time.process_time_ns()
    callback = bank.authorize(url)
    transport.spent += time.process_time_ns() - began
    return callback


def timed(transport: Answering, steps: dict[str, Any], effort: Effort, number: int) -> dict[str, list[float]]:
    """CPU time of one step, in microseconds, by round; without that of the bank."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for name in [*steps, *interleaved(steps, effort.rounds)]:
        transport.spent, began = 0, time.process_time_ns()
        for _ in range(number):
            steps[name]()
        times[name].append((time.process_time_ns() - began - transport.spent) / number / 1000)
    return {name: values[1:] for name, values in times.items()}
