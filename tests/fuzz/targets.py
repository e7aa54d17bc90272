"""What is fuzzed: each target takes octets and lets typed errors pass, and nothing else.

A target starts from good input (`seeds`), so that the fuzzer has something to break.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from fapikit import strict_json
from fapikit.dpop import NonceIssuer, check_proof
from fapikit.dpop.htu import normalise
from fapikit.errors import FapiError
from fapikit.flow import run_pure
from fapikit.http_signatures.base import signature_base
from fapikit.http_signatures.content_digest import content_digest, require_body
from fapikit.http_signatures.fields import read_signatures
from fapikit.http_signatures.messages import FieldLines, RequestMessage, ResponseMessage
from fapikit.jose.claims import Expected
from fapikit.jose.encryption import Decryption, encrypt_jwt
from fapikit.jose.encryption_keys import DecryptionKey
from fapikit.jose.key_set import KeySet
from fapikit.jose.public_key import import_public_jwk
from fapikit.jose.purposes import ACCESS_TOKEN, ID_TOKEN
from fapikit.jose.verify import verify_jwt
from fapikit.metadata import read_metadata
from fapikit.parameters import parse_parameters
from fapikit.stores import Seal
from fapikit.verified_claims.requested import BrokenRequest, read_requests
from fapikit.www_authenticate import parse_challenges
from rpkit.login.report import LoginReport
from rpkit.login.verified_claims import AskedVerifiedClaims, read_taken, take_verified_claims
from tests.clocks import NOW
from tests.keys import a_key, b64, jws_of, mint, signature_of
from tests.mothers.verified_claims import EIDAS, WISH

URL = "https://api.example/"
KEYS = KeySet([a_key().public_key, a_key("Ed25519").public_key])
OPENER = DecryptionKey.generate("ECDH-ES", kid="enc")
NONCES = NonceIssuer((b"n" * 32,))
SEAL = Seal([b"s" * 32])
CLAIMS: dict[str, Any] = {
    "iss": "https://as.example",
    "sub": "alice",
    "aud": URL,
    "client_id": "app",
    "iat": int(NOW),
    "exp": int(NOW) + 60,
    "jti": "1",
}
PROOF = {"jti": "1", "htm": "GET", "htu": URL, "iat": int(NOW)}
JWK = {name: a_key().public_jwk[name] for name in ("kty", "crv", "x", "y")}
_SIGNATURE = (
    b'sig1=("@status" "@target-uri";req "@query-param";req;name="x" "content-digest";key="sha-256" "signature";bs)'
    b';created=1800000000;keyid="k";tag="fapi-2-response"\n' + content_digest(b"").encode()
)
EXPECTED = Expected(issuer="https://as.example", audience=(URL,), now=NOW, max_age=60)


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")


def jose_token(octets: bytes) -> None:
    """A whole token, as a stranger sends it."""
    run_pure(
        verify_jwt(_text(octets), ACCESS_TOKEN, keys=KEYS, algorithms=("ES256", "Ed25519"), expected=EXPECTED)
    )


def jose_signed(octets: bytes) -> None:
    """Header and payload are the fuzzer's, the signature is good: what lies behind it is reached."""
    header, _, payload = octets.partition(b"\n")
    token = jws_of(header, payload, lambda signed: signature_of(a_key(), "ES256", signed))
    run_pure(verify_jwt(token, ACCESS_TOKEN, keys=KEYS, algorithms=("ES256",), expected=EXPECTED))


def jose_encrypted(octets: bytes) -> None:
    """A JWE."""
    run_pure(
        verify_jwt(
            _text(octets),
            ID_TOKEN,
            keys=KEYS,
            algorithms=("ES256",),
            expected=EXPECTED,
            decryption=Decryption(keys=(OPENER,), required=False),
        )
    )


def jose_key(octets: bytes) -> None:
    """A JWK, and a JWK Set of it."""
    jwk = strict_json.parse_object(octets)
    KeySet.from_jwks({"keys": [jwk]})
    import_public_jwk(jwk)


def dpop_proof(octets: bytes) -> None:
    """The value of a DPoP header."""
    check_proof([_text(octets)], method="GET", urls={URL}, now=NOW, algorithms=("ES256",), nonces=NONCES)


def dpop_signed(octets: bytes) -> None:
    """Header and claims are the fuzzer's, the signature is good."""
    header, _, payload = octets.partition(b"\n")
    proof = jws_of(header, payload, lambda signed: signature_of(a_key(), "ES256", signed))
    check_proof([proof], method="GET", urls={URL}, now=NOW, algorithms=("ES256",), bound_to="other")


def small_parsers(octets: bytes) -> None:
    """What reads URLs, forms, challenges, metadata and seals; the first octet chooses."""
    text, choice = _text(octets[1:]), octets[:1]
    if choice < b"\x20":
        normalise(text)
    elif choice < b"\x40":
        parse_parameters(octets[1:])
    elif choice < b"\x60":
        parse_challenges([text])
    elif choice < b"\x70":
        read_metadata("https://as.example", strict_json.parse_object(octets[1:]))
    else:
        SEAL.open_text(text, "cookie")


def verified_claims(octets: bytes) -> None:
    """A request for verified claims, and an answer to it: the request is held against whatever came."""
    members = strict_json.parse_object(octets)
    requests = read_requests(members.get("asked"))
    taken = take_verified_claims(members, AskedVerifiedClaims(requests, NOW), LoginReport(), of="UserInfo")
    read_taken(taken.claims)


def _dump(members: dict[str, Any]) -> bytes:
    return json.dumps(members).encode()


def _good_header(typ: str, **members: Any) -> bytes:
    return _dump({"alg": "ES256", "typ": typ, **members})


_SIGNED = mint(CLAIMS, a_key(), typ="at+jwt")
_PROOF = mint(PROOF, a_key(), typ="dpop+jwt", header={"kid": None, "jwk": JWK})


def http_signature(octets: bytes) -> None:
    """Signature-Input and Content-Digest of an answer, and the values of what is covered."""
    value, _, digest = octets.decode("latin-1").partition("\n")
    sent = [("signature-input", value), ("signature", "sig1=:AAAA:"), ("content-digest", digest)]
    answer = ResponseMessage(200, sent, RequestMessage("POST", f"{URL}?x=%20", FieldLines(sent)))
    for found in read_signatures(answer.headers).values():
        signature_base(answer, found.input)
    require_body(digest, b"")


TARGETS: dict[str, tuple[Callable[[bytes], None], list[bytes]]] = {
    "jose_token": (jose_token, [_SIGNED.encode()]),
    "jose_signed": (jose_signed, [_good_header("at+jwt", kid=a_key().kid) + b"\n" + _dump(CLAIMS)]),
    "jose_encrypted": (jose_encrypted, [encrypt_jwt(mint(CLAIMS), OPENER).encode()]),
    "jose_key": (jose_key, [_dump(dict(a_key(alg).public_jwk)) for alg in ("ES256", "PS256", "Ed25519")]),
    "dpop_proof": (dpop_proof, [_PROOF.encode()]),
    "dpop_signed": (dpop_signed, [_good_header("dpop+jwt", jwk=JWK) + b"\n" + _dump(PROOF)]),
    "http_signature": (http_signature, [_SIGNATURE]),
    "verified_claims": (verified_claims, [_dump({"asked": WISH, "verified_claims": EIDAS})]),
    "small_parsers": (
        small_parsers,
        [
            b"\x00https://a.example:443/%61?q#f",
            b"\x21a=b&resource=x%20y",
            b'\x41DPoP algs="ES256", error="use_dpop_nonce", Bearer',
            b"\x61" + _dump({"issuer": "https://as.example", "token_endpoint": "https://as.example/token"}),
            b"\x71" + b64(SEAL.seal(b"value", "cookie")).encode(),
        ],
    ),
}
EXPECTED_ERRORS = (FapiError, BrokenRequest, strict_json.NotStrictJson, strict_json.DuplicateName)


def run(name: str, octets: bytes) -> None:
    """Run one target; only errors that are not typed come out."""
    target, _ = TARGETS[name]
    try:
        target(octets)
    except EXPECTED_ERRORS:
        return
