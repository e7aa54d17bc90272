"""Every attack on one request of an application under test, and what was let in.

Each attack is the honest request with one thing changed.

Spec: FAPI2-SP 5.3.4; RFC 8725 3; RFC 9449 4.3; RFC 6750 2 (RS, published attacks)
Role: RS
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias
from urllib.parse import quote, urlsplit

from fapikit import base64url
from fapikit.jose.private_key import PrivateKey
from rskit.testing.mint import Mint

Headers: TypeAlias = list[tuple[str, str]]
"""Pairs: a name may come twice."""

Send: TypeAlias = Callable[[str, str, Headers], int]
"""Of method, URL and headers: sends one request to the application under test, and returns the status."""

Claims: TypeAlias = Mapping[str, Any]
_REFUSALS: Final = frozenset({400, 401, 403})


class Attack(NamedTuple):
    """Requests to send one after another, URL and headers of each; the last one has to be refused."""

    name: str
    requests: tuple[tuple[str, Headers], ...]


def find_holes(
    send: Send, mint: Mint, method: str, url: str, *, bound: bool = True, **claims: Any
) -> list[str]:
    """The names of the attacks that were not refused with 400, 401 or 403: an empty list is what you want.

    `claims` are those of a token that this request passes with; `bound=False`: it is a bearer token. The server has
    `nonces=False`, as `Mint.resource_server` makes it. Raises AssertionError if the honest request is refused, before
    or after the attacks: then nothing has been shown.
    """
    _require_honest(send, mint, method, url, bound=bound, claims=claims)
    holes = []
    for attack in attacks(mint, method, url, bound=bound, **claims):
        statuses = [send(method, target, headers) for target, headers in attack.requests]
        if statuses[-1] not in _REFUSALS:
            holes.append(f"{attack.name}: {statuses[-1]}")
    _require_honest(send, mint, method, url, bound=bound, claims=claims)
    return holes


def attacks(mint: Mint, method: str, url: str, *, bound: bool = True, **claims: Any) -> Iterator[Attack]:
    """All attacks on one request, made anew."""
    forger = _Forger(mint, method, url, bound=bound, claims=claims)
    yield from _on_tokens(forger)
    yield from _on_requests(forger)
    if bound:
        yield from _on_proofs(forger)


def _require_honest(send: Send, mint: Mint, method: str, url: str, *, bound: bool, claims: Claims) -> None:
    status = send(method, url, list(mint.headers(method, url, bound=bound, **claims).items()))
    if status in _REFUSALS or status == 429 or status >= 500:
        raise AssertionError(
            f"the honest request was answered with {status}: nothing can be said about attacks"
        )


class _Forger:
    """Makes what an attacker would send; the attacker has a key of its own, and the public ones."""

    def __init__(self, mint: Mint, method: str, url: str, *, bound: bool, claims: Claims) -> None:
        self.mint, self.method, self.url, self.bound = mint, method, url, bound
        self.key = PrivateKey.generate("ES256", kid=mint.issuer_key.kid)
        self.header: dict[str, Any] = {
            "typ": "at+jwt",
            "alg": mint.issuer_key.alg,
            "kid": mint.issuer_key.kid,
        }
        self.token = mint.token(bound=bound, **claims)
        self.claims: dict[str, Any] = _payload(self.token)

    def jwt(
        self,
        header: Claims | None = None,
        claims: Claims | None = None,
        sign: Callable[[bytes], bytes] | None = None,
    ) -> str:
        """The honest token with members changed, None removing one; signed by the issuer unless `sign` says else."""
        members = {"jti": secrets.token_urlsafe(16)} | dict(claims or {})
        return _jws(
            _changed(self.header, header), _changed(self.claims, members), sign or self.mint.issuer_key.sign
        )

    def proof(
        self,
        token: str,
        header: Claims | None = None,
        claims: Claims | None = None,
        sign: Callable[[bytes], bytes] | None = None,
    ) -> str:
        """An honest proof with members changed."""
        key = self.mint.client_key
        honest = {
            "jti": secrets.token_urlsafe(16),
            "htm": self.method,
            "htu": self.url.partition("?")[0],
            "iat": self.mint.now(),
            "ath": base64url.encode(hashlib.sha256(token.encode()).digest()),
        }
        plain = {"typ": "dpop+jwt", "alg": key.alg, "jwk": _public(key)}
        return _jws(_changed(plain, header), _changed(honest, claims), sign or key.sign)

    def headers(self, token: str, *proofs: str) -> Headers:
        """With a good proof unless others are given."""
        if not self.bound:
            return [("Authorization", f"Bearer {token}")]
        sent = proofs or (self.proof(token),)
        return [("Authorization", f"DPoP {token}"), *(("DPoP", proof) for proof in sent)]

    def with_token(self, name: str, token: str) -> Attack:
        return Attack(name, ((self.url, self.headers(token)),))

    def with_headers(self, name: str, *headers: tuple[str, str], url: str | None = None) -> Attack:
        return Attack(name, ((url or self.url, list(headers)),))

    def with_proofs(self, name: str, *proofs: str) -> Attack:
        return Attack(name, ((self.url, self.headers(self.token, *proofs)),))


def _on_tokens(forger: _Forger) -> Iterator[Attack]:
    now, jwt = forger.mint.now(), forger.jwt
    bound_to = forger.claims.get("cnf", {})
    changed: dict[str, Claims] = {
        "a token for another API": {"aud": "https://other.example"},
        "a token for an API whose name begins as this one's": {"aud": f"{forger.claims['aud']}.evil.example"},
        "a token of another issuer": {"iss": "https://evil.example"},
        "a token without an audience": {"aud": None},
        "a token that has expired": {"iat": now - 7200, "exp": now - 3600},
        "a token that never expires": {"exp": None},
        "a token that is not valid yet": {"nbf": now + 3600},
        "a token of the future": {"iat": now + 3600, "exp": now + 7200},
        "a token bound in a way that nobody knows": {"cnf": {"unknown": "x"}},
        "a token bound to a certificate that is not shown": {"cnf": {**bound_to, "x5t#S256": "A" * 43}},
    }
    if not forger.bound:
        changed["a bound token as a bearer token"] = {"cnf": {"jkt": forger.mint.client_key.thumbprint}}
    if forger.claims.get("scope"):
        changed["a token without the scope"] = {"scope": ""}
    for name, claims in changed.items():
        yield forger.with_token(name, jwt(claims=claims))
    public = json.dumps(dict(forger.mint.issuer_key.public_jwk)).encode()
    yield forger.with_token("alg none", jwt({"alg": "none"}, sign=lambda _: b""))
    yield forger.with_token("alg HS256 over the public key", jwt({"alg": "HS256"}, sign=_hmac(public)))
    yield forger.with_token("alg of another kind of key", jwt({"alg": "PS256"}))
    yield forger.with_token("a signature of nothing", jwt(sign=lambda _: bytes(64)))
    yield forger.with_token("no signature", jwt(sign=lambda _: b""))
    yield forger.with_token("another key under the same kid", jwt(sign=forger.key.sign))
    own = {"jwk": _public(forger.key)}
    yield forger.with_token("a key of its own in the header", jwt({**own, "kid": None}, sign=forger.key.sign))
    elsewhere = {"jku": "https://evil.example/jwks"}
    yield forger.with_token("a key set of its own in the header", jwt(elsewhere, sign=forger.key.sign))
    yield forger.with_token("an extension that is critical", jwt({"crit": ["x"], "x": 1}))
    yield forger.with_token("an ID token", jwt({"typ": "JWT"}, {"nonce": "n", "at_hash": "x"}))
    yield forger.with_token("a DPoP proof as a token", jwt({"typ": "dpop+jwt"}))
    head, _, signature = forger.token.split(".")
    altered = _segment({**forger.claims, "sub": "somebody else"})
    yield forger.with_token("claims altered after signing", f"{head}.{altered}.{signature}")
    yield forger.with_token("no JWT at all", "x" * 32)


def _on_requests(forger: _Forger) -> Iterator[Attack]:
    token, url = forger.token, forger.url
    other = ("Authorization", f"Bearer {forger.jwt(sign=forger.key.sign)}")
    yield forger.with_headers("no token")
    yield forger.with_headers("a password", ("Authorization", "Basic dXNlcjpwYXNzd29yZA=="))
    yield forger.with_headers("two Authorization headers", *forger.headers(token), other)
    first, *rest = forger.headers(token)
    yield forger.with_headers("two tokens in one header", (first[0], f"{first[1]}, {other[1]}"), *rest)
    query = f"{url}{'&' if '?' in url else '?'}access_token={quote(token)}"
    yield forger.with_headers("the token in the URL", url=query)
    yield forger.with_headers("a second token in the URL", *forger.headers(token), url=query)


def _on_proofs(forger: _Forger) -> Iterator[Attack]:
    token, url, now, proof = forger.token, forger.url, forger.mint.now(), forger.proof
    yield forger.with_headers("no proof", ("Authorization", f"DPoP {token}"))
    yield forger.with_headers("a bound token as a bearer token", ("Authorization", f"Bearer {token}"))
    with_proof = (("Authorization", f"Bearer {token}"), ("DPoP", proof(token)))
    yield forger.with_headers("a bound token as a bearer token, with a proof", *with_proof)
    unbound = forger.jwt(claims={"cnf": None})
    yield Attack("an unbound token with a proof", ((url, forger.headers(unbound)),))
    own = {"jwk": _public(forger.key)}
    yield forger.with_proofs("a proof of another key", proof(token, own, sign=forger.key.sign))
    yield forger.with_proofs("a proof signed by another key", proof(token, sign=forger.key.sign))
    base = urlsplit(url)
    changed: dict[str, Claims] = {
        "a proof for another method": {"htm": "PUT" if forger.method != "PUT" else "GET"},
        "a proof for another path": {"htu": f"{base.scheme}://{base.netloc}{base.path}/elsewhere"},
        "a proof for another host": {"htu": f"{base.scheme}://evil.example{base.path}"},
        "a proof that is old": {"iat": now - 3600},
        "a proof of the future": {"iat": now + 3600},
        "a proof without a time": {"iat": None},
        "a proof without a name": {"jti": None},
        "a proof for any token": {"ath": None},
        "a proof for another token": {"ath": base64url.encode(hashlib.sha256(b"another").digest())},
    }
    for name, claims in changed.items():
        yield forger.with_proofs(name, proof(token, claims=claims))
    evil = proof(token, claims=changed["a proof for another host"])
    named = [("Host", "evil.example"), *forger.headers(token, evil)]
    yield forger.with_headers("a proof for the host that the request names", *named)
    yield forger.with_proofs("a proof with alg none", proof(token, {"alg": "none"}, sign=lambda _: b""))
    yield forger.with_proofs("a proof of another type", proof(token, {"typ": "JWT"}))
    secret = {"jwk": {**_public(forger.mint.client_key), "d": "AA"}}
    yield forger.with_proofs("a proof that shows its private key", proof(token, secret))
    shared = {"alg": "HS256", "jwk": {"kty": "oct", "k": "c2VjcmV0"}}
    yield forger.with_proofs("a proof with a shared secret", proof(token, shared, sign=_hmac(b"secret")))
    yield forger.with_proofs("two proofs", proof(token), proof(token))
    yield forger.with_proofs("two proofs in one header", f"{proof(token)}, {proof(token)}")
    again = forger.headers(token)
    yield Attack("a proof that was used before", ((url, again), (url, again)))


def _changed(members: Claims, changes: Claims | None) -> dict[str, Any]:
    return {name: value for name, value in {**members, **(changes or {})}.items() if value is not None}


def _jws(header: Claims, claims: Claims, sign: Callable[[bytes], bytes]) -> str:
    signed = f"{_segment(header)}.{_segment(claims)}"
    return f"{signed}.{base64url.encode(sign(signed.encode()))}"


def _segment(members: Claims) -> str:
    return base64url.encode(json.dumps(dict(members)).encode())


def _payload(token: str) -> dict[str, Any]:
    members: dict[str, Any] = json.loads(base64url.decode(token.split(".")[1]))
    return members


def _public(key: PrivateKey) -> dict[str, Any]:
    return {
        name: value for name, value in key.public_jwk.items() if name in ("kty", "crv", "x", "y", "n", "e")
    }


def _hmac(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda octets: hmac.new(secret, octets, hashlib.sha256).digest()
