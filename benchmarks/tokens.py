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

from benchmarks.rounds import Contender, Result, least_disturbed, medians, result
from fapikit import MemoryStore, PrivateKey
from fapikit.base64url import decode, encode
from fapikit.jose.key_set import KeySet
from rskit import Allow, Issuer, ResourceServer
from rskit.request_view import RequestView

ISSUER, RESOURCE, URL = "https://as.example", "https://api.example", "https://api.example/accounts"
ROUNDS, CALLS = 30, 80
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


def measure_tokens() -> list[Result]:
    results = []
    for alg, target in TARGETS.items():
        key = PrivateKey.generate(alg, kid="k1")
        times = least_disturbed(partial(time_tokens, key), "raw")
        raw = times["raw"]
        peers = {name: times[name] / raw for name in ("PyJWT", "joserfc")}
        results.append(result(f"JWT, {alg}", "never seen before / raw", times["ours"] / raw, target, peers))
        seen_peers = {name: times[name] for name in ("PyJWT", "joserfc")}
        results.append(result(f"JWT, {alg}", "seen before, us", times["seen"], 5.0, seen_peers))
    return results


def time_tokens(key: PrivateKey) -> dict[str, float]:
    tokens = [a_token(key) for _ in range(ROUNDS * CALLS)]
    server, familiar = a_server(key), a_token(key)
    server.check(a_view("Bearer", familiar))
    return medians(
        {
            "raw": raw_verify(key, iter(tokens)),
            "ours": guarding(server, bearing(iter(tokens))),
            "seen": guarding(server, bearing(itertools.repeat(familiar))),
            "PyJWT": with_pyjwt(key, iter(tokens)),
            "joserfc": with_joserfc(key, iter(tokens)),
        },
        rounds=ROUNDS,
        calls=CALLS,
    )


def measure_proofs() -> list[Result]:
    times = least_disturbed(time_proofs, "raw")
    known, new = times["known"] / times["raw"], times["new"] / times["raw"]
    return [
        result("DPoP proof, ES256", "known key, whole request / raw", known, 1.35, {}),
        result("DPoP proof, ES256", "new key, whole request / raw", new, 1.8, {}),
    ]


def time_proofs() -> dict[str, float]:
    as_key, count = PrivateKey.generate("ES256", kid="k1"), ROUNDS * CALLS
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
    return medians(
        {
            "raw": raw_verify(as_key, (token for token, _ in new)),
            "known": guarding(server, proving(iter(known))),
            "new": guarding(server, proving(iter(new))),
        },
        rounds=ROUNDS,
        calls=CALLS,
    )
