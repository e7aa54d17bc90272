"""ECDSA signatures on their way from JOSE's fixed width to DER."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from fapikit.jose.algorithms import ALGORITHMS, _der
from fapikit.jose.private_key import PrivateKey

EDGES = (1, 0x7F, 0x80, 0xFF, 0x100, 1 << 255, (1 << 256) - 1, (1 << 383) + 1, (1 << 521) - 1, (1 << 528) - 1)


def _octets(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


@pytest.mark.parametrize("r", EDGES)
@pytest.mark.parametrize("s", EDGES)
def test_der_is_what_the_library_writes(r: int, s: int) -> None:
    assert _der(_octets(r), _octets(s)) == encode_dss_signature(r, s)


@given(st.integers(1, (1 << 528) - 1), st.integers(1, (1 << 528) - 1))
def test_der_is_what_the_library_writes_for_any_two_numbers(r: int, s: int) -> None:
    assert _der(_octets(r), _octets(s)) == encode_dss_signature(r, s)


@pytest.mark.parametrize("alg", ["ES256", "ES384", "ES512"])
def test_signatures_hold_and_their_mutations_do_not(alg: str) -> None:
    key = PrivateKey.generate(alg)
    verify = ALGORITHMS[alg].verifier(key.public_key.material)
    for number in range(40):  # numbers of either sign bit, now and then one with a leading zero
        octets = f"{number}".encode()
        signature = key.sign(octets)
        half = len(signature) // 2
        r, s = signature[:half], signature[half:]
        assert verify(signature, octets)
        assert not verify(signature, octets + b"!")
        for bad in (
            s + r,
            bytes(half) + s,
            r + bytes(half),
            b"\xff" * 2 * half,
            signature[1:],
            b"\0" + signature,
        ):
            assert not verify(bad, octets)
