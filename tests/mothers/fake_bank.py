"""A bank made of plain functions: an authorization server and an API that can be told to misbehave.

It is no product code and shares none with it: tokens are minted by hand (`tests.keys`), forms are read with the
standard library. Fault hooks change what goes out: each takes the honest artefact and returns the one to send.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx

from fapikit import HttpSettings
from tests.clocks import FrozenClock
from tests.keys import a_key, b64, claims_of, header_of, mint
from tests.mothers.certificates import a_client_certificate

CLIENT_ID = "fintech"
REDIRECT_URI = "https://fintech.example/callback"
RS256_KID = "rsa-none-alt-arg"
ENDPOINTS = {
    "authorization_endpoint": "authorize",
    "token_endpoint": "token",
    "pushed_authorization_request_endpoint": "par",
    "revocation_endpoint": "revoke",
    "introspection_endpoint": "introspect",
    "registration_endpoint": "register",
    "device_authorization_endpoint": "device",
    "userinfo_endpoint": "userinfo",
    "jwks_uri": "jwks",
}
_SHAPES = {"jwt": "query", "query.jwt": "query", "fragment.jwt": "fragment", "form_post.jwt": "form_post"}

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"

Answer = tuple[int, dict[str, str], Any]


@dataclass
class Seen:
    """One request as it arrived, and the status that answered it."""

    method: str
    path: str
    headers: Mapping[str, str]
    pairs: list[tuple[str, str]]
    body: bytes
    certificate: str | None = None
    """`x5t#S256` of the one that was shown, at a bank over TLS."""
    status: int = 0

    @property
    def form(self) -> dict[str, str]:
        return dict(self.pairs)


@dataclass
class FakeBank:
    """`faults` by the name of what they change: metadata, jwks, par, callback (parameters), jarm (claims),
    jarm_jwt (text), id_token (claims), id_token_jwt (text), front_id_token, front_id_token_jwt,
    refresh_id_token, token (members), userinfo (members), device (members),
    userinfo_jwt; and, with a whole answer as the result, par_answer, token_answer, api_accounts and so on.
    """

    clock: FrozenClock = field(default_factory=FrozenClock)
    issuer: str = "https://bank.example/test/a/alias/"
    nonces: bool = True
    faults: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    alg: str = "ES256"
    rotate: bool = False
    dpop: bool = True
    acr: str | None = None
    fetch: Callable[[str], bytes] = lambda url: httpx.get(url).content
    user: dict[str, Any] = field(default_factory=lambda: {"sub": "alice", "name": "Alice"})

    def __post_init__(self) -> None:
        self.key = a_key(self.alg)
        self.requests: dict[str, dict[str, str]] = {}
        self.codes: dict[str, dict[str, Any]] = {}
        self.devices: dict[str, dict[str, Any]] = {}
        self.decision: str | None = None
        self.refresh_tokens: dict[str, dict[str, Any]] = {}
        self.access_tokens: dict[str, dict[str, Any]] = {}
        self.nonce = "nonce-0"
        self._count = 0

    # --- how tests reach it ---------------------------------------------------------------------

    def http(self) -> HttpSettings:
        """In memory, so a client certificate is only spoken of; `tests.mothers.mtls_bank` is shown one."""
        transport = self.transport()
        return HttpSettings(
            client=httpx.Client(transport=transport),
            async_client=httpx.AsyncClient(transport=transport),
            client_certificate=a_client_certificate(),
        )

    def transport(self) -> httpx.MockTransport:
        def answer(request: httpx.Request) -> httpx.Response:
            status, headers, body = self.respond(
                request.method, str(request.url), request.headers.multi_items(), request.read()
            )
            return httpx.Response(status, headers=headers, content=body)

        return httpx.MockTransport(answer)

    def calls(self, name: str) -> list[Seen]:
        """The requests to an endpoint, by the last part of its path."""
        return [call for call in self.seen if call.path.rsplit("/", 1)[-1] == name]

    def called_after(self, name: str) -> set[str]:
        """The endpoints called after the last success answer of this one; "callback": after the browser's return."""
        last = {"callback": "par"}.get(name, name)
        at = max(n for n, call in enumerate(self.seen) if call.path.endswith(last) and call.status < 300)
        return {call.path.rsplit("/", 1)[-1] for call in self.seen[at + 1 :]}

    @property
    def api_origin(self) -> str:
        return "{0.scheme}://{0.netloc}".format(urlsplit(self.issuer))

    api_path = "/accounts"

    def url(self, path: str) -> str:
        return f"{self.issuer.rstrip('/')}/{path}"

    # --- the front channel ----------------------------------------------------------------------

    def authorize(self, url: str, *, error: str | None = None) -> str:
        """What the browser is sent back with: the callback URL, or the form of a form_post."""
        query = dict(parse_qsl(urlsplit(url).query))
        asked: dict[str, Any] = self.requests.get(query.get("request_uri", ""), query)
        if asked.get("request_uri", "").startswith("http"):
            asked = {"request": self._fetched(asked["request_uri"])}
        if "request" in asked:
            asked = claims_of(asked["request"])
        code = f"code-{uuid.uuid4().hex}{uuid.uuid4().hex}"
        self.codes[code] = asked
        answer: dict[str, Any] = {"code": code} if error is None else {"error": error}
        answer |= {"state": asked["state"], "iss": self.issuer}
        hybrid = "id_token" in asked.get("response_type", "code").split()
        if hybrid and error is None:
            answer["id_token"] = self.front_id_token(asked, code)
        mode = asked.get("response_mode", "fragment" if hybrid else "query")
        if "jwt" in mode:
            answer = self._fault("jarm", {**answer, "aud": CLIENT_ID, "exp": int(self.clock()) + 300})
            answer = {"response": self._fault("jarm_jwt", mint(answer, self.key))}
        text = urlencode(self._fault("callback", answer))
        shape = _SHAPES.get(mode, mode)
        if shape == "form_post":
            return text
        return f"{asked['redirect_uri']}{'#' if shape == 'fragment' else '?'}{text}"

    def _fetched(self, request_uri: str) -> str:
        """A request object that the client hosts, if it is the one whose hash the URI carries."""
        address, _, expected = request_uri.partition("#")
        octets = self.fetch(address)
        assert b64(hashlib.sha256(octets).digest()) == expected
        return octets.decode()

    # --- the back channel -----------------------------------------------------------------------

    def respond(
        self,
        method: str,
        url: str,
        headers: list[tuple[str, str]],
        body: bytes,
        *,
        certificate: str | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        named = {name.lower(): value for name, value in headers}
        form = "x-www-form-urlencoded" in named.get("content-type", "")
        path = urlsplit(url).path
        call = Seen(method, path, named, parse_qsl(body.decode()) if form else [], body, certificate)
        self.seen.append(call)
        call.status, extra, answer = self.route(call)
        if self.nonces and "well-known" not in path and not path.endswith("jwks"):
            self._count += 1
            self.nonce = f"nonce-{self._count}"
            extra = {"dpop-nonce": self.nonce, **extra}
        octets = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return call.status, {"content-type": "application/json", **extra}, octets

    def route(self, call: Seen) -> Answer:
        if "/.well-known/oauth" in call.path and "no_oauth_metadata" in self.faults:
            return 404, {}, {}
        if "/.well-known/" in call.path:
            return 200, {}, self._fault("metadata", self.metadata())
        name = call.path.rsplit("/", 1)[-1]
        if name == "jwks":
            return 200, {}, self._fault("jwks", self.jwks())
        if name not in ENDPOINTS.values() or name == "userinfo":
            return self._resource(name, call)
        problem = self._nonce_problem(call, 400)
        if problem is not None:
            return problem
        override = self.faults.get(f"{name}_answer")
        replaced = None if override is None else override(call)
        return getattr(self, f"_{name}")(call) if replaced is None else replaced

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            **{name: self.url(path) for name, path in ENDPOINTS.items()},
            "mtls_endpoint_aliases": {"token_endpoint": "https://mtls.bank.example/token"},
            "authorization_response_iss_parameter_supported": True,
            "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": [self.alg, "RS256"],
            "authorization_signing_alg_values_supported": [self.alg, "RS256"],
            "userinfo_signing_alg_values_supported": [self.alg, "RS256"],
            "introspection_signing_alg_values_supported": [self.alg, "RS256"],
            "dpop_signing_alg_values_supported": ["ES256", "PS256"],
            "response_types_supported": ["code", "code id_token"],
        }

    def jwks(self) -> dict[str, Any]:
        """The signing key, a decoy under the same kid, and an RSA key for the wrong algorithm."""
        real = dict(self.key.public_jwk)
        decoy = {**a_key("ES256" if self.alg == "Ed25519" else "Ed25519", 7).public_jwk, "kid": real["kid"]}
        return {"keys": [decoy, real, {**a_key("RS256", 1).public_jwk, "kid": RS256_KID}]}

    def _par(self, call: Seen) -> Answer:
        request_uri = f"urn:ietf:params:oauth:request_uri:{uuid.uuid4().hex}"
        self.requests[request_uri] = call.form
        return 201, {}, self._fault("par", {"request_uri": request_uri, "expires_in": 60})

    def _device(self, call: Seen) -> Answer:
        """The user decides by `decision`: "approved", or the error code of the answer."""
        device_code = f"dc-{uuid.uuid4().hex}{uuid.uuid4().hex}"
        self.devices[device_code] = claims_of(call.form["request"]) if "request" in call.form else call.form
        uri = self.url("activate")
        shown = {
            "user_code": "WDJB-MJHT",
            "verification_uri": uri,
            "verification_uri_complete": f"{uri}?c=WDJB-MJHT",
        }
        members = {"device_code": device_code, **shown, "expires_in": 600, "interval": 5}
        return 200, {}, self._fault("device", members)

    def _token(self, call: Seen) -> Answer:
        kind, refused = call.form["grant_type"], (400, {}, {"error": "invalid_grant"})
        asked: dict[str, Any] | None = {"scope": call.form.get("scope", "")}
        if kind == "authorization_code":
            asked = self.codes.pop(call.form["code"], None)
            if asked is None or not _pkce_holds(asked, call.form):
                return refused
        elif kind == DEVICE_GRANT:
            if self.decision is None:
                return 400, {}, {"error": "authorization_pending"}
            if self.decision != "approved":
                return 400, {}, {"error": self.decision}
            asked = self.devices.pop(call.form["device_code"], None)
            if asked is None or asked.get("dpop_jkt") != _thumbprint_of(call):
                return refused
        elif kind == "refresh_token":
            asked = self.refresh_tokens.get(call.form["refresh_token"])
            if asked is None:
                return refused
            if self.rotate:
                del self.refresh_tokens[call.form["refresh_token"]]
        return 200, {}, self._fault("token", self._tokens(asked or {}, call))

    def _tokens(self, asked: dict[str, Any], call: Seen) -> dict[str, Any]:
        access_token = f"at-{uuid.uuid4().hex}{uuid.uuid4().hex}"
        self.access_tokens[access_token] = {"jkt": _jkt_of(call), "resource": call.form.get("resource")}
        members: dict[str, Any] = {
            "access_token": access_token,
            "token_type": "DPoP" if self.dpop else "Bearer",
            "expires_in": 900,
        }
        kind = call.form["grant_type"]
        if kind in ("authorization_code", DEVICE_GRANT) or (kind == "refresh_token" and self.rotate):
            members["refresh_token"] = f"rt-{uuid.uuid4().hex}{uuid.uuid4().hex}"
            self.refresh_tokens[members["refresh_token"]] = asked
        refreshed = kind == "refresh_token"
        if "openid" in asked.get("scope", "") and (not refreshed or "refresh_id_token" in self.faults):
            members["id_token"] = self.id_token(asked, access_token, refreshed=refreshed)
        return members

    def id_token(self, asked: dict[str, Any], access_token: str, *, refreshed: bool = False) -> str:
        claims = {**self._sign_in(asked, nonce=not refreshed), "at_hash": self._half_hash(access_token)}
        claims = self._fault("refresh_id_token" if refreshed else "id_token", claims)
        return self._fault("id_token_jwt", mint(claims, self.key))

    def front_id_token(self, asked: dict[str, Any], code: str) -> str:
        """The one that comes with the authorization response, as its detached signature."""
        hashes = {"c_hash": self._half_hash(code), "s_hash": self._half_hash(asked["state"])}
        claims = self._fault("front_id_token", {**self._sign_in(asked, nonce=True), **hashes})
        return self._fault("front_id_token_jwt", mint(claims, self.key))

    def _sign_in(self, asked: dict[str, Any], *, nonce: bool) -> dict[str, Any]:
        now = int(self.clock())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "sub": self.user["sub"],
            "aud": CLIENT_ID,
            "exp": now + 300,
            "iat": now,
            "auth_time": now - 10,
        }
        if nonce and "nonce" in asked:
            claims["nonce"] = asked["nonce"]
        if self.acr is not None:
            claims["acr"] = self.acr
        return claims

    def _half_hash(self, value: str) -> str:
        digest = hashlib.new("sha512" if self.alg == "Ed25519" else "sha256", value.encode()).digest()
        return b64(digest[: len(digest) // 2])

    def _revoke(self, call: Seen) -> Answer:
        self.refresh_tokens.pop(call.form["token"], None)
        self.access_tokens.pop(call.form["token"], None)
        return 200, {}, b""

    # --- resources ------------------------------------------------------------------------------

    def _resource(self, name: str, call: Seen) -> Answer:
        problem = self._nonce_problem(call, 401)
        if problem is not None:
            return problem
        override = self.faults.get(f"api_{name}")
        replaced = None if override is None else override(call)
        if replaced is not None:
            return replaced
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        known = self.access_tokens.get(token)
        if known is None or (self.dpop and known["jkt"] != _jkt_of(call)):
            return 401, {"www-authenticate": f'{scheme or "DPoP"} error="invalid_token"'}, {}
        if name == "userinfo":
            members = self._fault("userinfo", dict(self.user))
            if "userinfo_jwt" in self.faults:
                text = self.faults["userinfo_jwt"](members)
                return 200, {"content-type": "application/jwt"}, text.encode()
            return 200, {}, members
        echo = {n: v for n, v in call.headers.items() if n == "x-fapi-interaction-id"}
        return 200, echo, {name: [{"id": 1}], "method": call.method}

    def _nonce_problem(self, call: Seen, status: int) -> Answer | None:
        proof = call.headers.get("dpop")
        if not self.nonces or proof is None or claims_of(proof).get("nonce") == self.nonce:
            return None
        scheme = self._fault("challenge_scheme", "DPoP")
        challenge = {"www-authenticate": f'{scheme} error="use_dpop_nonce", algs="ES256"'}
        return status, challenge if status == 401 else {}, {"error": "use_dpop_nonce"}

    def _fault(self, name: str, honest: Any) -> Any:
        hook = self.faults.get(name)
        return honest if hook is None else hook(honest)


def _pkce_holds(asked: dict[str, Any], form: dict[str, str]) -> bool:
    return b64(hashlib.sha256(form["code_verifier"].encode()).digest()) == asked["code_challenge"]


def _thumbprint_of(call: Seen) -> str | None:
    """RFC 7638, for the EC keys of our clients."""
    proof = call.headers.get("dpop")
    if proof is None:
        return None
    jwk = {name: header_of(proof)["jwk"][name] for name in ("crv", "kty", "x", "y")}
    return b64(hashlib.sha256(json.dumps(jwk, separators=(",", ":")).encode()).digest())


def _jkt_of(call: Seen) -> str | None:
    proof = call.headers.get("dpop")
    if proof is None:
        return None
    jwk = header_of(proof)["jwk"]
    return hashlib.sha256(json.dumps(jwk, sort_keys=True).encode()).hexdigest()
