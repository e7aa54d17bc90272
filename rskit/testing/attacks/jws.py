"""Writes JWTs of any form, valid or not, without the code under test.

Spec: RFC 7515 5.1; RFC 7518 3; RFC 7638 3
Role: RS
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, TypeAlias

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

SignOctets: TypeAlias = Callable[[bytes], bytes]
Members: TypeAlias = Mapping[str, Any]
_HASHES: Final = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
_CURVES: Final = {
    "secp256r1": ("P-256", 32, "256"),
    "secp384r1": ("P-384", 48, "384"),
    "secp521r1": ("P-521", 66, "512"),
}
_EC_KEYS: Final = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
_THUMBPRINT_MEMBERS: Final = ("crv", "e", "k", "kty", "n", "x", "y")


def encode(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def sha256(text: str) -> str:
    """As in `ath`."""
    return encode(hashlib.sha256(text.encode()).digest())


def segment(members: Members | bytes) -> str:
    """Octets are encoded as they are."""
    return encode(
        members if isinstance(members, bytes) else json.dumps(members, separators=(",", ":")).encode()
    )


def compact(header: Members | bytes, payload: Members | bytes, sign: SignOctets) -> str:
    signed = f"{segment(header)}.{segment(payload)}"
    return f"{signed}.{encode(sign(signed.encode()))}"


def payload_of(jwt: str) -> dict[str, Any]:
    """Unverified."""
    members: dict[str, Any] = json.loads(decode(jwt.split(".")[1]))
    return members


def nonce_of(proof: str) -> object:
    """Not verified. None if the proof has no nonce, or cannot be read."""
    try:
        return payload_of(proof).get("nonce")
    except (ValueError, IndexError, AttributeError):
        return None


def keyed(secret: bytes, hash_name: str = "sha256") -> SignOctets:
    """HMAC (HS256 and its siblings) with this secret."""
    return lambda octets: hmac.digest(secret, octets, hash_name)


def nothing(_: bytes) -> bytes:
    """The signature of `none`."""
    return b""


class SigningKey:
    """A private key that signs as RFC 7518 3 says; `jwk` and `thumbprint` are those of its public half."""

    def __init__(self, pem: bytes, alg: str, kid: str) -> None:
        self.private: Any = serialization.load_pem_private_key(pem, None)
        self.public: Any = self.private.public_key()
        self.alg, self.kid = alg, kid
        self.jwk = _public_jwk(self.public)
        canonical = {name: self.jwk[name] for name in _THUMBPRINT_MEMBERS if name in self.jwk}
        self.thumbprint = sha256(json.dumps(canonical, separators=(",", ":"), sort_keys=True))

    @classmethod
    def fresh(cls, alg: str, kid: str) -> SigningKey:
        """A new key for this algorithm, which nobody trusts."""
        private: Any
        if alg[:2] in ("RS", "PS"):
            private = _attackers_rsa_key()
        elif alg in _EC_KEYS:
            private = ec.generate_private_key(_EC_KEYS[alg])
        else:
            private = ed25519.Ed25519PrivateKey.generate()
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return cls(pem, alg, kid)

    @property
    def named_jwk(self) -> dict[str, str]:
        """The JWK as an issuer publishes it."""
        return {**self.jwk, "kid": self.kid, "alg": self.alg, "use": "sig"}

    @property
    def kty(self) -> str:
        return str(self.jwk["kty"])

    def sign(self, octets: bytes) -> bytes:
        return self.sign_as(self.alg)(octets)

    def sign_as(self, alg: str) -> SignOctets:
        """Signs by this algorithm: the key's own, or another one for the same key type."""
        private = self.private
        if isinstance(private, ed25519.Ed25519PrivateKey):
            return private.sign
        if isinstance(private, ec.EllipticCurvePrivateKey):
            _, size, digits = _CURVES[private.curve.name]

            def sign(octets: bytes) -> bytes:
                r, s = decode_dss_signature(private.sign(octets, ec.ECDSA(_HASHES[digits])))
                return r.to_bytes(size, "big") + s.to_bytes(size, "big")

            return sign
        chosen = _HASHES[alg[2:]]
        if alg.startswith("PS"):
            salted = padding.PSS(padding.MGF1(chosen), chosen.digest_size)
            return lambda octets: bytes(private.sign(octets, salted, chosen))
        return lambda octets: bytes(private.sign(octets, padding.PKCS1v15(), chosen))

    def __repr__(self) -> str:
        return f"SigningKey({self.alg}, {self.kid})"


@cache
def _attackers_rsa_key() -> rsa.RSAPrivateKey:
    """Made once, because it takes as long as half a scan."""
    return rsa.generate_private_key(65537, 2048)


def zeros(key: SigningKey) -> SignOctets:
    """A signature of the right length, all zeros."""
    return lambda octets: bytes(len(key.sign(octets)))


def order_of(key: SigningKey) -> int | None:
    """The order of P-256, because each of its signatures has a second valid form; None for other keys."""
    on_p256 = key.jwk.get("crv") == "P-256"
    return 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551 if on_p256 else None


def _public_jwk(public: Any) -> dict[str, str]:
    if isinstance(public, ed25519.Ed25519PublicKey):
        raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return {"kty": "OKP", "crv": "Ed25519", "x": encode(raw)}
    numbers = public.public_numbers()
    if isinstance(public, rsa.RSAPublicKey):
        n, e = (value.to_bytes((value.bit_length() + 7) // 8, "big") for value in (numbers.n, numbers.e))
        return {"kty": "RSA", "n": encode(n), "e": encode(e)}
    name, size, _ = _CURVES[public.curve.name]
    x, y = (value.to_bytes(size, "big") for value in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": name, "x": encode(x), "y": encode(y)}
