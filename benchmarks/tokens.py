"""The token check: JWTs never seen and seen before, proofs of known and new keys; `raw` is the bare verify call."""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any

import jwt as pyjwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import import_key

from benchmarks.rounds import (
    Contender,
    Effort,
    Result,
    pooled,
    ratio,
    share_of_overhead,
    taken,
    time_rounds,
)
from fapikit import MemoryStore, PrivateKey
from fapikit.base64url import decode, encode
from fapikit.jose.key_set import KeySet
from rskit import Allow, Issuer, ResourceServer
from rskit.request_view import RequestView

ISSUER, RESOURCE, URL = "https://as.example", "https://api.example", "https://api.example/accounts"
CALLS, FULL = 80, 1_000
TARGETS = {"ES256": 0.35, "EdDSA": 0.35, "PS256": 0.33}
"""Shares of PyJWT's overhead. A ratio to the raw call would move with the interpreter."""
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


def a_server(*keys: PrivateKey, **options: Any) -> ResourceServer:
    """All checks on, replay marks included."""
    keyset = KeySet([key.public_key for key in keys])
    store = MemoryStore(max_entries=1_000_000)
    return ResourceServer(
        **{"resource": RESOURCE, "issuers": [Issuer(ISSUER, keys=keyset)], "store": store, **options}
    )


def a_view(scheme: str, token: str, *proofs: str) -> RequestView:
    return RequestView("GET", "/accounts", "", (f"{scheme} {token}",), proofs)


def guarding(server: ResourceServer, arrive: Callable[[int], Iterable[RequestView]]) -> Contender:
    return Contender(server.check, arrive, all_allowed)


def all_allowed(decisions: list[Any]) -> None:
    for decision in decisions:
        if not isinstance(decision, Allow):
            raise AssertionError(decision)


def bearing(tokens: Iterator[str]) -> Callable[[int], Iterable[RequestView]]:
    return lambda number: [a_view("Bearer", token) for token in islice(tokens, number)]


def proving(proofs: Iterator[tuple[str, str]]) -> Callable[[int], Iterable[RequestView]]:
    return lambda number: [a_view("DPoP", token, proof) for token, proof in islice(proofs, number)]


def raw_verify(key: PrivateKey, tokens: Iterator[str]) -> Contender:
    """`cryptography`'s own verify call on octets prepared beforehand: of the same tokens, for not all take as long."""
    material: Any = key.public_key.material
    extra: tuple[Any, ...] = {
        "ES256": (ec.ECDSA(hashes.SHA256()),),
        "PS256": (padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256()),
        "EdDSA": (),
    }[key.alg]

    def prepare(number: int) -> Iterable[tuple[bytes, ...]]:
        for token in islice(tokens, number):
            signing_input, _, tail = token.rpartition(".")
            signature = decode(tail)
            if key.alg == "ES256":
                signature = encode_dss_signature(
                    int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
                )
            yield signature, signing_input.encode(), *extra

    return Contender(lambda prepared: material.verify(*prepared), prepare)


def with_pyjwt(key: PrivateKey, tokens: Iterator[str]) -> Contender:
    public = key.public_key.material
    required = ["iss", "aud", "exp", "iat", "sub", "jti"]

    def check(header: str) -> object:
        token = header.removeprefix("Bearer ")
        return pyjwt.decode(
            token, public, [key.alg], audience=RESOURCE, issuer=ISSUER, options={"require": required}
        )

    return Contender(check, headers(tokens))


def with_joserfc(key: PrivateKey, tokens: Iterator[str]) -> Contender:
    public = import_key(dict(key.public_jwk))
    registry = joserfc_jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": RESOURCE},
        exp={"essential": True},
    )

    def check(header: str) -> object:
        token = joserfc_jwt.decode(header.removeprefix("Bearer "), public, algorithms=[key.alg])
        registry.validate(token.claims)
        return token

    return Contender(check, headers(tokens))


def headers(tokens: Iterator[str]) -> Callable[[int], Iterable[str]]:
    return lambda number: [f"Bearer {token}" for token in islice(tokens, number)]


def measure_tokens(effort: Effort) -> Iterator[Result]:
    for alg, target in TARGETS.items():
        key = PrivateKey.generate(alg, kid="k1")
        times = pooled(partial(time_tokens, key, effort.rounds), effort.passes)
        part = f"JWT, {alg}"
        share = share_of_overhead(times, "ours", "PyJWT", "raw")
        yield Result(part, "never seen before, overhead over raw as a share of PyJWT's", share, target)
        yield Result(
            part,
            "never seen before, as a multiple of raw",
            ratio(times, "ours", "raw"),
            peers={
                "PyJWT": ratio(times, "PyJWT", "raw"),
                "joserfc": ratio(times, "joserfc", "raw"),
                "ours, cache full": ratio(times, "full", "raw"),
            },
        )
        peers = {name: taken(times, name) for name in ("PyJWT", "joserfc")}
        yield Result(part, "seen before, us", taken(times, "seen"), 5.0, peers)


def time_tokens(key: PrivateKey, rounds: int) -> dict[str, list[float]]:
    tokens = [a_token(key) for _ in range(rounds * CALLS)]
    server, familiar = a_server(key), a_token(key)
    server.check(a_view("Bearer", familiar))
    return time_rounds(
        {
            "raw": raw_verify(key, iter(tokens)),
            "ours": guarding(server, bearing(iter(tokens))),
            "full": guarding(a_full_server(key), bearing(iter(tokens))),
            "seen": guarding(server, bearing(itertools.repeat(familiar))),
            "PyJWT": with_pyjwt(key, iter(tokens)),
            "joserfc": with_joserfc(key, iter(tokens)),
        },
        rounds=rounds,
        calls=CALLS,
    )


def a_full_server(key: PrivateKey) -> ResourceServer:
    """Its token cache is full, so each new token evicts another one."""
    server = a_server(key, max_cached_tokens=FULL)
    for _ in range(FULL):
        server.check(a_view("Bearer", a_token(key)))
    return server


def measure_proofs(effort: Effort) -> Iterator[Result]:
    times = pooled(partial(time_proofs, effort.rounds), effort.passes)
    metric = "{} key, whole request, as a multiple of raw"
    yield Result("DPoP proof, ES256", metric.format("known"), ratio(times, "known", "raw"), 1.35)
    yield Result("DPoP proof, ES256", metric.format("new"), ratio(times, "new", "raw"), 1.8)


def time_proofs(rounds: int) -> dict[str, list[float]]:
    as_key, count = PrivateKey.generate("ES256", kid="k1"), rounds * CALLS
    server, client = a_server(as_key), PrivateKey.generate("ES256")
    token = a_token(as_key, cnf={"jkt": client.thumbprint})
    server.check(a_view("DPoP", token, a_proof(client, token)))
    known = [(token, a_proof(client, token)) for _ in range(count)]
    # Each new key comes with a token of its own, seen before: what is measured is the proof.
    new = []
    for _ in range(count):
        stranger = PrivateKey.generate("ES256")
        bound = a_token(as_key, cnf={"jkt": stranger.thumbprint})
        new.append((bound, a_proof(stranger, bound)))
        server.check(a_view("DPoP", bound))  # refused for want of a proof; the token is remembered
    return time_rounds(
        {
            "raw": raw_verify(as_key, (token for token, _ in new)),
            "known": guarding(server, proving(iter(known))),
            "new": guarding(server, proving(iter(new))),
        },
        rounds=rounds,
        calls=CALLS,
    )
