"""A key that never enters this process: client assertions, proofs and ID tokens signed by another one."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from fapikit import KeyRing, PrivateKeyJWT, Signer
from fapikit.dpop import check_proof, make_proof
from fapikit.errors import BadSignature
from fapikit.flow import Flow, run_pure
from fapikit.io import AsyncDriver, SyncDriver
from fapikit.jose.claims import Expected
from fapikit.jose.key_set import KeySet
from fapikit.jose.public_key import import_public_jwk
from fapikit.jose.purposes import CLIENT_ASSERTION, ID_TOKEN
from fapikit.jose.sign import sign_jwt
from fapikit.jose.verify import verify_jwt
from tests.clocks import NOW, CountingRandom, FrozenClock
from tests.keys import a_key


class RemoteSigner:
    """What a user writes for a KMS: some forty lines less than the KMS itself."""

    alg = "ES256"
    local = False

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.fapikit.jose.kms_program"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._lock = threading.Lock()
        self.public_jwk: Mapping[str, Any] = json.loads(self._line())
        self.kid: str = self.public_jwk["kid"]

    def sign(self, signing_input: bytes) -> bytes:
        with self._lock:
            assert self._process.stdin is not None
            self._process.stdin.write(signing_input.hex() + "\n")
            self._process.stdin.flush()
            return bytes.fromhex(self._line())

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="module")
def remote() -> Iterator[RemoteSigner]:
    signer = RemoteSigner()
    yield signer
    signer.close()


def run_async(flow: Flow[Any]) -> Any:
    return asyncio.run(AsyncDriver().run(flow))


@pytest.mark.parametrize("run", [SyncDriver().run, run_async], ids=["sync", "async"])
def test_every_kind_of_jwt_can_be_signed_elsewhere(remote: RemoteSigner, run: Any) -> None:
    assert isinstance(remote, Signer)
    keys = KeySet([import_public_jwk(remote.public_jwk)])

    credentials = run(
        PrivateKeyJWT(remote).credentials(
            client_id="app", audience="https://as.example", clock=FrozenClock(), random_bytes=CountingRandom()
        )
    )
    assertion = dict(credentials.parameters)["client_assertion"]
    expected = Expected(issuer="app", audience=("https://as.example",), now=NOW)
    verified = run_pure(
        verify_jwt(assertion, CLIENT_ASSERTION, keys=keys, algorithms=("ES256",), expected=expected)
    )
    assert verified.key.kid == remote.kid

    proof = run(make_proof(remote, method="GET", url="https://api.example/", now=NOW, jti="j"))
    checked = check_proof(
        [proof], method="GET", urls={"https://api.example/"}, now=NOW, algorithms=("ES256",)
    )
    assert checked.jkt == import_public_jwk(remote.public_jwk).thumbprint

    claims = {"iss": "https://as.example", "sub": "alice", "aud": "app", "iat": NOW, "exp": NOW + 60}
    token = run(sign_jwt(claims, ID_TOKEN, remote))
    expected = Expected(issuer="https://as.example", audience=("app",), now=NOW)
    run_pure(verify_jwt(token, ID_TOKEN, keys=keys, algorithms=("ES256",), expected=expected))
    other = run_pure(sign_jwt(claims, ID_TOKEN, a_key())).rpartition(".")[2]
    forged = f"{token.rpartition('.')[0]}.{other}"
    with pytest.raises(BadSignature):
        run_pure(verify_jwt(forged, ID_TOKEN, keys=keys, algorithms=("ES256",), expected=expected))


def test_a_remote_key_stands_in_a_ring_beside_a_local_one(remote: RemoteSigner) -> None:
    ring = KeyRing(remote, next=a_key())
    assert [jwk["kid"] for jwk in ring.jwks()["keys"]] == [remote.kid, a_key().kid]
    assert ring.rotated(a_key("ES256", 1)).retired == (remote,)
