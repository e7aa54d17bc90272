"""One request's verification inputs never touch another's: 32 threads with 32 keys, tokens and proofs crossed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fapikit import MemoryStore
from fapikit import errors as e
from fapikit.jose.key_set import KeySet
from rskit.decision import Allow
from tests.clocks import FrozenClock
from tests.keys import a_key, mint
from tests.rskit.mothers import a_proof, a_server, a_view, an_issuer, bound_token, decide, token_claims

THREADS = 32
ROUNDS = 25


def test_32_threads_with_32_keys_of_clients_and_of_the_server():
    as_keys = [a_key("ES256", 100 + number) for number in range(THREADS)]
    client_keys = [a_key("ES256", 200 + number) for number in range(THREADS)]
    server = a_server(
        issuers=[an_issuer(keys=KeySet([key.public_key for key in as_keys]))],
        max_cached_tokens=THREADS * 4,  # smaller than what they bring, so that they evict each other's
    )
    together = threading.Barrier(THREADS)

    def run(number: int) -> list[Any]:
        mine, other = client_keys[number], client_keys[(number + 1) % THREADS]
        together.wait()
        wrong: list[Any] = []
        for _ in range(ROUNDS):
            cnf = {"jkt": mine.thumbprint}
            token = mint(token_claims(sub=f"user {number}", cnf=cnf), as_keys[number], typ="at+jwt")
            good = decide(server, a_view(f"DPoP {token}", dpop=(a_proof(token, mine),)))
            if not isinstance(good, Allow) or good.token.subject != f"user {number}":
                wrong.append(good)
            stolen = decide(server, a_view(f"DPoP {token}", dpop=(a_proof(token, other),)))
            if isinstance(stolen, Allow) or type(stolen.error) is not e.WrongProofKey:
                wrong.append(stolen)
        return wrong

    with ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(run, range(THREADS)))
    assert [wrong for wrong in results if wrong] == []


def test_of_many_threads_with_one_proof_one_passes():
    clock = FrozenClock()
    server = a_server(store=MemoryStore(clock=clock), clock=clock)
    token = bound_token()
    view = a_view(f"DPoP {token}", dpop=(a_proof(token),))
    together = threading.Barrier(THREADS)

    def run(_: int) -> bool:
        together.wait()
        return isinstance(decide(server, view), Allow)

    with ThreadPoolExecutor(THREADS) as pool:
        assert sum(pool.map(run, range(THREADS))) == 1
