"""Encrypted JWTs made by hand, as RFC 7516 and RFC 7518 say, with `cryptography` alone."""

from __future__ import annotations

import hashlib
import json
import os
import struct
from typing import Any

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, x25519
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from cryptography.hazmat.primitives.padding import PKCS7

from fapikit.jose.encryption_keys import DecryptionKey
from tests.keys import a_key, b64, unb64

RSA_MATERIAL: rsa.RSAPrivateKey = a_key("PS256", 7)._material  # type: ignore[assignment]
RSA_PEM = a_key("PS256", 7).to_pem()
CURVES: dict[str, Any] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}


def a_decryption_key(alg: str, crv: str = "P-256", kid: str = "enc") -> DecryptionKey:
    if alg.startswith("RSA"):
        return DecryptionKey.from_pem(RSA_PEM, alg=alg, kid=kid)
    return DecryptionKey.generate(alg, crv=crv, kid=kid)


KEY_OCTETS = {"A128GCM": 16, "A256GCM": 32, "A128CBC-HS256": 32, "A256CBC-HS512": 64}


def content(enc: str, key: bytes, aad: bytes, plaintext: bytes) -> tuple[bytes, bytes, bytes]:
    if enc.endswith("GCM"):
        iv = os.urandom(12)
        sealed = AESGCM(key).encrypt(iv, plaintext, aad)
        return iv, sealed[:-16], sealed[-16:]
    half = len(key) // 2
    iv = os.urandom(16)
    padder, cipher = PKCS7(128).padder(), Cipher(algorithms.AES(key[half:]), modes.CBC(iv)).encryptor()
    sealed = cipher.update(padder.update(plaintext) + padder.finalize()) + cipher.finalize()
    mac = hmac.HMAC(key[:half], hashes.SHA256() if half == 16 else hashes.SHA512())
    mac.update(aad + iv + sealed + struct.pack(">Q", len(aad) * 8))
    return iv, sealed, mac.finalize()[:half]


def concat_kdf(secret: bytes, name: str, octets: int) -> bytes:
    info = struct.pack(">I", len(name)) + name.encode() + bytes(8) + struct.pack(">I", octets * 8)
    made = b""
    for counter in range(1, 4):
        made += hashlib.sha256(struct.pack(">I", counter) + secret + info).digest()
    return made[:octets]


def agreed(jwk: Any, header: dict[str, Any], name: str, octets: int) -> bytes:
    """ECDH with a fresh key, whose public half goes into the header."""
    if jwk["crv"] == "X25519":
        mine = x25519.X25519PrivateKey.generate()
        theirs = x25519.X25519PublicKey.from_public_bytes(unb64(jwk["x"]))
        header["epk"] = {"kty": "OKP", "crv": "X25519", "x": b64(mine.public_key().public_bytes_raw())}
        return concat_kdf(mine.exchange(theirs), name, octets)
    curve = CURVES[jwk["crv"]]
    fresh = ec.generate_private_key(curve)
    x, y = (int.from_bytes(unb64(jwk[part]), "big") for part in "xy")
    numbers, size = fresh.public_key().public_numbers(), (curve.key_size + 7) // 8
    header["epk"] = {
        "kty": "EC",
        "crv": jwk["crv"],
        "x": b64(numbers.x.to_bytes(size, "big")),
        "y": b64(numbers.y.to_bytes(size, "big")),
    }
    return concat_kdf(
        fresh.exchange(ec.ECDH(), ec.EllipticCurvePublicNumbers(x, y, curve).public_key()), name, octets
    )


def seal(plaintext: str, key: DecryptionKey, enc: str = "A256GCM", **changes: Any) -> str:
    """A JWE by hand; `changes` alter the header after the key was agreed on."""
    jwk, alg = key.public_jwk, key.alg
    header: dict[str, Any] = {"alg": alg, "enc": enc, "kid": key.kid, "cty": "JWT"}
    octets = KEY_OCTETS[enc]
    if alg.startswith("RSA"):
        cek, digest = os.urandom(octets), hashes.SHA1() if alg == "RSA-OAEP" else hashes.SHA256()
        wrapped = RSA_MATERIAL.public_key().encrypt(cek, padding.OAEP(padding.MGF1(digest), digest, None))
    elif alg == "ECDH-ES":
        cek, wrapped = agreed(jwk, header, enc, octets), b""
    else:
        cek = os.urandom(octets)
        wrapped = aes_key_wrap(agreed(jwk, header, alg, 16 if "128" in alg else 32), cek)
    header = {k: v for k, v in {**header, **changes}.items() if v is not None}
    head = b64(json.dumps(header).encode())
    iv, sealed, tag = content(enc, cek, head.encode(), plaintext.encode())
    return ".".join([head, b64(wrapped), b64(iv), b64(sealed), b64(tag)])
