"""The JWS algorithms, each for one type of key.

Spec: RFC 7518 3; RFC 8037 3.1; RFC 9864 2.2; RFC 8725 3.1; FAPI2-SP 5.4.1-1.3; FAPI1-ADV 8.6-1, -2, -3
Not here: `none` and, except in client_secret_jwt, HS256-512. They have no entry, so nothing can select them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

PublicMaterial: TypeAlias = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
PrivateMaterial: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

Verify: TypeAlias = Callable[[bytes, bytes], bool]
"""(signature, signing input) -> whether the signature is valid."""

SignOctets: TypeAlias = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One `alg`: the `kty` and `crv` of its keys, and the functions that verify and sign with it."""

    name: str
    kty: str
    crv: str | None
    hash_name: str
    """The hashlib name of the hash for at_hash, c_hash and s_hash (OIDC 3.1.3.6; sha512 for Ed25519)."""
    verifier: Callable[[PublicMaterial], Verify]
    signer: Callable[[PrivateMaterial], SignOctets]


def _rsa(name: str, hash_: hashes.HashAlgorithm, *, pss: bool) -> Algorithm:
    scheme: padding.AsymmetricPadding
    # RFC 7518 3.5: the salt is as long as the hash.
    scheme = padding.PSS(padding.MGF1(hash_), hash_.digest_size) if pss else padding.PKCS1v15()

    def verifier(key: PublicMaterial) -> Verify:
        verify_octets = cast(rsa.RSAPublicKey, key).verify

        def verify(signature: bytes, signing_input: bytes) -> bool:
            try:
                verify_octets(signature, signing_input, scheme, hash_)
            except InvalidSignature:
                return False
            return True

        return verify

    def signer(key: PrivateMaterial) -> SignOctets:
        private = cast(rsa.RSAPrivateKey, key)
        return lambda signing_input: private.sign(signing_input, scheme, hash_)

    return Algorithm(name, "RSA", None, hash_.name, verifier, signer)


def _deterministic(hash_: hashes.HashAlgorithm) -> ec.ECDSA:
    """RFC 8725 3.2: with OpenSSL 3.2 or newer, no signature depends on a random number."""
    try:
        return ec.ECDSA(hash_, deterministic_signing=True)
    except UnsupportedAlgorithm:
        return ec.ECDSA(hash_)


def _der(r: bytes, s: bytes) -> bytes:
    """ECDSA-Sig-Value (RFC 3279 2.2.3) of two numbers without leading zeros. On P-521 its length takes two octets."""
    if r[0] & 0x80:  # without this octet the number would be negative
        r = b"\0" + r
    if s[0] & 0x80:
        s = b"\0" + s
    length = len(r) + len(s) + 4
    head = b"0" if length < 0x80 else b"0\x81"
    return b"%b%c\2%c%b\2%c%b" % (head, length, len(r), r, len(s), s)


def _ecdsa(name: str, crv: str, hash_: hashes.HashAlgorithm, octets: int) -> Algorithm:
    scheme = ec.ECDSA(hash_)
    signing_scheme = _deterministic(hash_)

    def verifier(key: PublicMaterial) -> Verify:
        verify_octets = cast(ec.EllipticCurvePublicKey, key).verify

        def verify(signature: bytes, signing_input: bytes) -> bool:
            if len(signature) != 2 * octets:
                return False
            r, s = signature[:octets].lstrip(b"\0"), signature[octets:].lstrip(b"\0")
            if not (r and s):  # the "psychic signature" of CVE-2022-21449
                return False
            try:
                verify_octets(_der(r, s), signing_input, scheme)
            except InvalidSignature:
                return False
            return True

        return verify

    def signer(key: PrivateMaterial) -> SignOctets:
        private = cast(ec.EllipticCurvePrivateKey, key)

        def sign(signing_input: bytes) -> bytes:
            r, s = decode_dss_signature(private.sign(signing_input, signing_scheme))
            return r.to_bytes(octets, "big") + s.to_bytes(octets, "big")

        return sign

    return Algorithm(name, "EC", crv, hash_.name, verifier, signer)


def _ed25519(name: str) -> Algorithm:
    def verifier(key: PublicMaterial) -> Verify:
        verify_octets = cast(ed25519.Ed25519PublicKey, key).verify

        def verify(signature: bytes, signing_input: bytes) -> bool:
            try:
                verify_octets(signature, signing_input)
            except InvalidSignature:
                return False
            return True

        return verify

    def signer(key: PrivateMaterial) -> SignOctets:
        return cast(ed25519.Ed25519PrivateKey, key).sign

    return Algorithm(name, "OKP", "Ed25519", "sha512", verifier, signer)


ALGORITHMS: Final[dict[str, Algorithm]] = {
    algorithm.name: algorithm
    for algorithm in (
        _rsa("RS256", hashes.SHA256(), pss=False),
        _rsa("RS384", hashes.SHA384(), pss=False),
        _rsa("RS512", hashes.SHA512(), pss=False),
        _rsa("PS256", hashes.SHA256(), pss=True),
        _rsa("PS384", hashes.SHA384(), pss=True),
        _rsa("PS512", hashes.SHA512(), pss=True),
        _ecdsa("ES256", "P-256", hashes.SHA256(), 32),
        _ecdsa("ES384", "P-384", hashes.SHA384(), 48),
        _ecdsa("ES512", "P-521", hashes.SHA512(), 66),
        _ed25519("EdDSA"),
        _ed25519("Ed25519"),
    )
}

ASYMMETRIC: Final[frozenset[str]] = frozenset(ALGORITHMS)
FAPI1_ALGORITHMS: Final[frozenset[str]] = frozenset({"PS256", "ES256"})
FAPI2_ALGORITHMS: Final[frozenset[str]] = FAPI1_ALGORITHMS | {"EdDSA", "Ed25519"}
SAME_KEY: Final[frozenset[str]] = frozenset({"EdDSA", "Ed25519"})
"""Two registered names of the same algorithm (RFC 9864 2.2). A key with one of the names can be used for both."""
