"""The token check: JWTs never seen and seen before, proofs of known and new keys; `raw` is the bare verify call."""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt as pyjwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import import_key

from benchmarks.rounds import Result, medians, result
from fapikit import MemoryStore, PrivateKey
from fapikit.base64url import decode, encode
from fapikit.jose.key_set import KeySet
from rskit import Allow, Issuer, ResourceServer
from rskit.request_view import RequestView

ISSUER, RESOURCE, URL = "https://as.example", "https://api.example", "https://api.example/accounts"
ROUNDS, CALLS = 100, 40
TARGETS = {"ES256": 1.30, "EdDSA": 1.20, "PS256": 1.65}
_numbers = itertools.count()


def sign(key: PrivateKey, header: dict[str, Any], claims: dict[str, Any]) -> str:
    signing_input = f"{encode(json.dumps(header).encode())}.{encode(json.dumps(claims).encode())}"
    return f"{signing_input}.{encode(key.sign(signing_input.encode()))}"


def a_token(key: PrivateKey, **more: Any) -> str:
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": RESOURCE,
        "sub": "alice",
        "client_id": "fintech",
        "scope": "accounts payments",
    }
    stamps = {"iat": now, "exp": now + 3600, "jti": f"{next(_numbers):032d}"}
    return sign(key, {"alg": key.alg, "typ": "at+jwt", "kid": key.kid}, {**claims, **stamps, **more})


def a_proof(key: PrivateKey, token: str) -> str:
    jwk = {name: value for name, value in key.public_jwk.items() if name not in ("kid", "alg", "use")}
    ath = encode(hashlib.sha256(token.encode()).digest())
    claims = {"jti": f"{next(_numbers):032d}", "htm": "GET", "htu": URL, "iat": int(time.time()), "ath": ath}
    return sign(key, {"alg": key.alg, "typ": "dpop+jwt", "jwk": jwk}, claims)


def a_server(*keys: PrivateKey) -> ResourceServer:
    """All checks on, replay marks included."""
    keyset = KeySet([key.public_key for key in keys])
    return ResourceServer(
        resource=RESOURCE, issuers=[Issuer(ISSUER, keys=keyset)], store=MemoryStore(max_entries=1_000_000)
    )


def a_view(scheme: str, token: str, *proofs: str) -> RequestView:
    return RequestView("GET", "/accounts", "", (f"{scheme} {token}",), proofs)


def checking(server: ResourceServer, views: Iterator[RequestView]) -> Callable[[], object]:
    def check() -> object:
        decision = server.check(next(views))
        if type(decision) is not Allow:
            raise AssertionError(decision)
        return decision

    return check


def raw_verify(key: PrivateKey, token: str) -> Callable[[], object]:
    """`cryptography`'s own verify call on octets prepared beforehand."""
    head, body, tail = token.split(".")
    octets, signature, material = f"{head}.{body}".encode(), decode(tail), key.public_key.material
    sha256 = hashes.SHA256()
    if key.alg == "ES256":
        der = encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))
        scheme = ec.ECDSA(sha256)
        return lambda: material.verify(der, octets, scheme)  # type: ignore[call-arg, arg-type, union-attr]
    if key.alg == "PS256":
        pss = padding.PSS(padding.MGF1(sha256), 32)
        return lambda: material.verify(signature, octets, pss, sha256)  # type: ignore[call-arg, arg-type]
    return lambda: material.verify(signature, octets)  # type: ignore[call-arg]


def with_pyjwt(key: PrivateKey, tokens: Iterator[str]) -> Callable[[], object]:
    public = key.public_key.material
    required = ["iss", "aud", "exp", "iat", "sub", "jti"]

    def check() -> object:
        return pyjwt.decode(
            next(tokens), public, [key.alg], audience=RESOURCE, issuer=ISSUER, options={"require": required}
        )

    return check


def with_joserfc(key: PrivateKey, tokens: Iterator[str]) -> Callable[[], object]:
    public = import_key(dict(key.public_jwk))
    registry = joserfc_jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": RESOURCE},
        exp={"essential": True},
    )

    def check() -> object:
        token = joserfc_jwt.decode(next(tokens), public, algorithms=[key.alg])
        registry.validate(token.claims)
        return token

    return check


def measure_tokens() -> list[Result]:
    results = []
    for alg, target in TARGETS.items():
        key = PrivateKey.generate(alg, kid="k1")
        count = ROUNDS * CALLS
        tokens = [a_token(key) for _ in range(count + 1)]
        server = a_server(key)
        warm = a_view("Bearer", tokens[-1])
        server.check(warm)
        views = iter([a_view("Bearer", token) for token in tokens])
        times = medians(
            {
                "raw": raw_verify(key, tokens[0]),
                "ours": checking(server, views),
                "seen": checking(server, itertools.repeat(warm)),
                "PyJWT": with_pyjwt(key, iter(tokens)),
                "joserfc": with_joserfc(key, iter(tokens)),
            },
            rounds=ROUNDS,
            calls=CALLS,
        )
        raw = times["raw"]
        peers = {name: times[name] / raw for name in ("PyJWT", "joserfc")}
        results.append(result(f"JWT, {alg}", "never seen before / raw", times["ours"] / raw, target, peers))
        seen_peers = {name: times[name] for name in ("PyJWT", "joserfc")}
        results.append(result(f"JWT, {alg}", "seen before, us", times["seen"], 5.0, seen_peers))
    return results


def measure_proofs() -> list[Result]:
    as_key = PrivateKey.generate("ES256", kid="k1")
    count = ROUNDS * CALLS
    server, client = a_server(as_key), PrivateKey.generate("ES256")
    token = a_token(as_key, cnf={"jkt": client.thumbprint})
    server.check(a_view("DPoP", token, a_proof(client, token)))
    known = iter([a_view("DPoP", token, a_proof(client, token)) for _ in range(count)])
    # Each new key comes with a token of its own, seen before: what is measured is the proof.
    strangers = [PrivateKey.generate("ES256") for _ in range(count)]
    bound = [a_token(as_key, cnf={"jkt": key.thumbprint}) for key in strangers]
    for each in bound:
        server.check(a_view("DPoP", each))  # refused for want of a proof; the token is remembered
    new = iter([a_view("DPoP", t, a_proof(key, t)) for key, t in zip(strangers, bound, strict=True)])
    times = medians(
        {"raw": raw_verify(as_key, token), "known": checking(server, known), "new": checking(server, new)},
        rounds=ROUNDS,
        calls=CALLS,
    )
    raw = times["raw"]
    return [
        result("DPoP proof, ES256", "known key, whole request / raw", times["known"] / raw, 1.35, {}),
        result("DPoP proof, ES256", "new key, whole request / raw", times["new"] / raw, 1.8, {}),
    ]
