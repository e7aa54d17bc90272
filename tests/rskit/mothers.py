"""A resource server, tokens, proofs and requests for tests, each valid unless a test changes one thing."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Generator, Mapping
from typing import Any

from fapikit import MemoryStore, PrivateKey
from fapikit.jose.key_set import KeySet
from rskit import Issuer, ResourceServer
from rskit.decision import Allow, Decision, Refusal
from rskit.request_view import RequestView
from rskit.tokens.token import Token
from tests.clocks import NOW, CountingRandom, FrozenClock
from tests.hands import Hand
from tests.keys import a_key, b64, mint

ISSUER = "https://as.example"
RESOURCE = "https://api.example"
CLIENT_KEY = a_key("ES256", 7)
AS_KEY = a_key("ES256", 1)
_jtis = itertools.count()


def an_issuer(**settings: Any) -> Issuer:
    given: dict[str, Any] = {"keys": KeySet([AS_KEY.public_key])}
    return Issuer(ISSUER, **{**given, **settings})


def a_server(**settings: Any) -> ResourceServer:
    clock = settings.pop("clock", None) or FrozenClock()
    given: dict[str, Any] = {
        "resource": RESOURCE,
        "issuers": [an_issuer()],
        "store": MemoryStore(clock=clock),
        "clock": clock,
        "random_bytes": CountingRandom(),
    }
    return ResourceServer(**{**given, **settings})


def token_claims(**changes: Any) -> dict[str, Any]:
    """Claims of RFC 9068 2.2; a change to None removes one."""
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": RESOURCE,
        "sub": "alice",
        "client_id": "fintech",
        "scope": "accounts payments",
        "iat": int(NOW) - 5,
        "exp": int(NOW) + 300,
        "jti": f"t{next(_jtis)}",
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def a_token(
    key: PrivateKey = AS_KEY,
    *,
    header: Mapping[str, Any] | None = None,
    typ: str | None = "at+jwt",
    alg: str | None = None,
    **changes: Any,
) -> str:
    return mint(token_claims(**changes), key, typ=typ, alg=alg, header=header)


def bound_token(client_key: PrivateKey = CLIENT_KEY, **changes: Any) -> str:
    return a_token(**{"cnf": {"jkt": client_key.thumbprint}, **changes})


def hash_of(token: str) -> str:
    return b64(hashlib.sha256(token.encode()).digest())


def public_jwk(key: PrivateKey) -> dict[str, Any]:
    return {n: v for n, v in key.public_jwk.items() if n not in ("kid", "alg", "use")}


def a_proof(
    token: str | None,
    key: PrivateKey = CLIENT_KEY,
    *,
    method: str = "GET",
    url: str = f"{RESOURCE}/accounts",
    header: Mapping[str, Any] | None = None,
    typ: str = "dpop+jwt",
    alg: str | None = None,
    **changes: Any,
) -> str:
    claims: dict[str, Any] = {
        "jti": f"p{next(_jtis)}",
        "htm": method,
        "htu": url,
        "iat": int(NOW),
        "ath": None if token is None else hash_of(token),
        **changes,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    return mint(claims, key, typ=typ, alg=alg, header={"kid": None, "jwk": public_jwk(key), **(header or {})})


def a_view(
    *authorization: str, dpop: tuple[str, ...] = (), method: str = "GET", path: str = "/accounts", **more: Any
) -> RequestView:
    return RequestView(method, path, more.pop("query", ""), authorization, dpop, **more)


def decide(server: ResourceServer, view: RequestView, hand: Hand | None = None) -> Decision:
    outcome = server.check(view)
    return (hand or Hand()).run(outcome) if isinstance(outcome, Generator) else outcome


def allowed(server: ResourceServer, view: RequestView, hand: Hand | None = None) -> Token:
    decision = decide(server, view, hand)
    assert isinstance(decision, Allow), decision.error
    return decision.token


def refused(server: ResourceServer, view: RequestView, hand: Hand | None = None) -> Refusal:
    decision = decide(server, view, hand)
    assert isinstance(decision, Refusal), decision
    return decision
