"""Project Wycheproof's documents, taken apart: signatures, key agreements, wrapped keys, whole messages."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash

from fapikit.errors import FapiError
from fapikit.jose.encryption import Decryption, decrypt
from fapikit.jose.encryption_keys import DecryptionKey, EncryptionKey
from fapikit.jose.parse import UnverifiedJws
from fapikit.jose.public_key import import_public_jwk
from fapikit.jose.purposes import ID_TOKEN
from fapikit.jose.verify import check_signature
from tests.keys import b64
from tests.vectors.folder import Vector
from tests.vectors.jose import open_jwe, verify_jws

Document = Mapping[str, Any]
Group = Mapping[str, Any]
Test = Mapping[str, Any]
_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521", "edwards25519": "Ed25519"}
_SIZES = {"P-256": 32, "P-384": 48, "P-521": 66}
_ENC = {16: "A128GCM", 32: "A256GCM"}
_PLAINTEXT = b"a signed JWT"


def _each(document: Document, run: Callable[[Group, Test], object]) -> Iterator[Vector]:
    for group in document["testGroups"]:
        for test in group["tests"]:
            fits = len(test.get("msg", "")) // 2 in _ENC
            flags = {*test["flags"], *(() if fits else ("NoKey",))}
            yield Vector(test["tcId"], test["result"], frozenset(flags), partial(run, group, test))


def signatures(document: Document, algs: Sequence[str]) -> Iterator[Vector]:
    """Each signature as that of a JWS of each of `algs`: it counts as accepted if one takes it."""

    def run(group: Group, test: Test) -> None:
        key = import_public_jwk(_public_jwk(group))
        for number, alg in enumerate(algs, start=1):
            jws = UnverifiedJws(alg, None, {}, {}, bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"]))
            try:
                check_signature(jws, key, ID_TOKEN)
                return
            except FapiError:
                if number == len(algs):
                    raise

    return _each(document, run)


def _public_jwk(group: Group) -> dict[str, Any]:
    """As the document has it; where it has none, made of the numbers."""
    jwk = group.get("publicKeyJwk") or group.get("keyJwk")
    if jwk is not None:
        return dict(jwk)
    numbers = group["publicKey"]
    if "modulus" in numbers:
        return {"kty": "RSA", "n": _number(numbers["modulus"]), "e": _number(numbers["publicExponent"])}
    if numbers["type"] == "EDDSAPublicKey":
        return {
            "kty": "OKP",
            "crv": _CURVES.get(numbers["curve"], numbers["curve"]),
            "x": b64(bytes.fromhex(numbers["pk"])),
        }
    crv = _CURVES.get(numbers["curve"], numbers["curve"])
    x, y = (_number(numbers[name], _SIZES.get(crv)) for name in ("wx", "wy"))
    return {"kty": "EC", "crv": crv, "x": x, "y": y}


def _number(digits: str, octets: int | None = None) -> str:
    number = int(digits, 16)
    return b64(number.to_bytes(octets or (number.bit_length() + 7) // 8, "big"))


def key_agreements(document: Document) -> Iterator[Vector]:
    """Each public key as the `epk` of a JWE whose key is derived here from the published shared secret."""

    def run(_: Group, test: Test) -> None:
        key = DecryptionKey.from_jwk({**test["private"], "alg": "ECDH-ES"})
        info = b"".join(len(octets).to_bytes(4, "big") + octets for octets in (b"A128GCM", b"", b""))
        derive = ConcatKDFHash(hashes.SHA256(), 16, info + (128).to_bytes(4, "big")).derive
        header = {"alg": "ECDH-ES", "epk": test["public"]}
        token = _jwe(header, b"", derive(bytes.fromhex(test["shared"])))
        assert decrypt(token, ID_TOKEN, Decryption(keys=(key,))) == _PLAINTEXT

    return _each(document, run)


def public_keys(document: Document) -> Iterator[Vector]:
    """Each public key of a key agreement by itself: as one to encrypt to and, where it could be one, to verify with."""

    def run(_: Group, test: Test) -> None:
        EncryptionKey.from_jwk(test["public"], alg="ECDH-ES")
        if test["public"]["kty"] == "EC":
            import_public_jwk(test["public"])

    return _each(document, run)


def oaep(document: Document, alg: str) -> Iterator[Vector]:
    """Each ciphertext as the encrypted key of a JWE. A message that is no key for AES-GCM has the flag NoKey."""
    load = cache(partial(DecryptionKey.from_pem, alg=alg))

    def run(group: Group, test: Test) -> None:
        message = bytes.fromhex(test["msg"])
        token = _jwe({"alg": alg}, bytes.fromhex(test["ct"]), message if len(message) in _ENC else bytes(16))
        key = load(group["privateKeyPem"].encode())
        assert decrypt(token, ID_TOKEN, Decryption(keys=(key,))) == _PLAINTEXT

    return _each(document, run)


def _jwe(header: Mapping[str, Any], encrypted_key: bytes, key: bytes) -> str:
    head = b64(json.dumps({**header, "enc": _ENC[len(key)]}).encode())
    sealed = AESGCM(key).encrypt(bytes(12), _PLAINTEXT, head.encode())
    return ".".join((head, b64(encrypted_key), b64(bytes(12)), b64(sealed[:-16]), b64(sealed[-16:])))


def messages(document: Document) -> Iterator[Vector]:
    """Each compact JWS verified, and each compact JWE opened, with the key or key set of its group."""

    def run(group: Group, test: Test) -> None:
        token = test.get("jws", test.get("jwe"))
        token = token if isinstance(token, str) else json.dumps(token)
        if "jws" in test:
            verify_jws(token, group.get("public") or group["private"])
        else:
            plaintext = open_jwe(token, group["private"])
            assert plaintext.hex() == test.get("pt", plaintext.hex())

    return _each(document, run)
