"""Every published JWS and JWE that is good here, broken in each of the ways that have fooled a library, is refused."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from fapikit.errors import FapiError
from tests.keys import b64, unb64
from tests.vectors.folder import outcome_of, rfc
from tests.vectors.jose import open_jwe, public, verify_jws

Parts = list[str]
Break = Callable[[Parts], str]


def other(part: str) -> str:
    return ("B" if part[:1] == "A" else "A") + part[1:]


def without(number: int) -> Break:
    return lambda parts: ".".join([*parts[:number], *parts[number + 1 :]])


def with_part(number: int, change: Callable[[str], str]) -> Break:
    return lambda parts: ".".join([*parts[:number], change(parts[number]), *parts[number + 1 :]])


def with_header(**members: Any) -> Break:
    def change(part: str) -> str:
        header = {**json.loads(unb64(part)), **members}
        return b64(json.dumps({name: value for name, value in header.items() if value is not None}).encode())

    return with_part(0, change)


def unsigned(parts: Parts) -> str:
    return ".".join([b64(b'{"alg":"none"}'), parts[1], ""])


def flattened(parts: Parts) -> str:
    return json.dumps({"protected": parts[0], "payload": parts[1], "signature": parts[2]})


def general(parts: Parts) -> str:
    return json.dumps({"payload": parts[1], "signatures": [{"protected": parts[0], "signature": parts[2]}]})


def twice(parts: Parts) -> str:
    header = unb64(parts[0]).decode()
    return ".".join([b64((header[:-1] + ',"alg":"none"}').encode()), *parts[1:]])


SHAPES: dict[str, tuple[Break, str]] = {
    "nothing": (lambda _: "", "MalformedJwt"),
    "the header alone": (lambda parts: parts[0], "MalformedJwt"),
    "no header": (with_part(0, lambda _: ""), "MalformedJwt"),
    "no header and no dot": (without(0), "MalformedJwt"),
    "no last part and no dot": (without(-1), "MalformedJwt"),
    "an empty part more": (lambda parts: ".".join([*parts, ""]), "MalformedJwt"),
    "a part more": (lambda parts: ".".join([*parts, parts[-1]]), "MalformedJwt"),
    "space before": (lambda parts: " " + ".".join(parts), "MalformedJwt"),
    "a line break after": (lambda parts: ".".join(parts) + "\n", "MalformedJwt"),
    "padding": (with_part(-1, lambda part: part + "=" * (-len(part) % 4 or 4)), "MalformedJwt"),
    "a question mark inside": (with_part(-1, lambda part: part[:2] + "?" + part[2:]), "MalformedJwt"),
    "a question mark in the header": (with_part(0, lambda part: part[:2] + "?" + part[2:]), "MalformedJwt"),
    "a letter beyond ASCII": (with_part(-1, lambda part: part + "é"), "MalformedJwt"),
    "alg twice": (twice, "DuplicateMember"),
    "no alg": (with_header(alg=None), "ForbiddenAlgorithm"),
    "alg none": (with_header(alg="none"), "ForbiddenAlgorithm"),
    "alg a list": (with_header(alg=["none"]), "ForbiddenAlgorithm"),
    "alg unknown": (with_header(alg="XS256"), "ForbiddenAlgorithm"),
    "crit": (with_header(crit=["exp"]), "UnknownCritical"),
    "zip": (with_header(zip="DEF"), "UnknownCritical"),
    "b64": (with_header(b64=False, crit=["b64"]), "UnknownCritical"),
    "kid a number": (with_header(kid=1), "MalformedJwt"),
    "kid of another key": (with_header(kid="another"), "KeyNotFound"),
}
JWS_BREAKS: dict[str, tuple[Break, str]] = {
    **SHAPES,
    "another payload": (with_part(1, other), "BadSignature"),
    "no payload": (with_part(1, lambda _: ""), "BadSignature"),
    "another signature": (with_part(2, other), "BadSignature"),
    "no signature": (with_part(2, lambda _: ""), "BadSignature"),
    "a signature of zeros": (with_part(2, lambda part: b64(bytes(len(unb64(part))))), "BadSignature"),
    "a signature one octet longer": (with_part(2, lambda part: b64(unb64(part) + b"\0")), "BadSignature"),
    "a signature one octet shorter": (with_part(2, lambda part: b64(unb64(part)[:-1])), "BadSignature"),
    "a header of other spelling": (with_part(0, lambda part: b64(unb64(part) + b" ")), "BadSignature"),
    "unsigned": (unsigned, "ForbiddenAlgorithm"),
    "flattened JSON": (flattened, "MalformedJwt"),
    "general JSON": (general, "MalformedJwt"),
}
JWE_BREAKS: dict[str, tuple[Break, str]] = {
    **SHAPES,
    "another header": (with_header(extra=1), "DecryptionFailed"),
    "another initialization vector": (with_part(2, other), "DecryptionFailed"),
    "no initialization vector": (with_part(2, lambda _: ""), "DecryptionFailed"),
    "another ciphertext": (with_part(3, other), "DecryptionFailed"),
    "no ciphertext": (with_part(3, lambda _: ""), "DecryptionFailed"),
    "another tag": (with_part(4, other), "DecryptionFailed"),
    "no tag": (with_part(4, lambda _: ""), "DecryptionFailed"),
    "a shorter tag": (with_part(4, lambda part: b64(unb64(part)[:-1])), "DecryptionFailed"),
    "RSA1_5": (with_header(alg="RSA1_5"), "ForbiddenAlgorithm"),
    "dir": (with_header(alg="dir"), "ForbiddenAlgorithm"),
    "PBES2": (with_header(alg="PBES2-HS256+A128KW", p2c=10**9), "ForbiddenAlgorithm"),
    "no enc": (with_header(enc=None), "ForbiddenAlgorithm"),
    "enc unknown": (with_header(enc="A512GCM"), "ForbiddenAlgorithm"),
}
SIGNED = [vector for _, vector in rfc("jws") if vector["expect"] == "valid"]
SEALED = [vector for _, vector in rfc("jwe", "nested") if vector["expect"] == "valid"]


def refusals(
    vectors: list[dict[str, Any]], broken: Break, take: Callable[[str, dict[str, Any]], object]
) -> set[str]:
    found = set()
    for vector in vectors:
        token = broken(vector["compact"].split("."))
        assert token != vector["compact"]
        found.add(outcome_of(partial(take, token, vector)))
    return found


@pytest.mark.spec("RFC 7515 5.2", "RFC 8725 3.1")
@pytest.mark.parametrize("name", JWS_BREAKS)
def test_a_broken_jws(name: str) -> None:
    assert len(SIGNED) == 7
    broken, expected = JWS_BREAKS[name]
    assert refusals(SIGNED, broken, lambda token, vector: verify_jws(token, named(vector))) == {expected}


@pytest.mark.spec("RFC 7516 5.2", "RFC 8725 3.1")
@pytest.mark.parametrize("name", JWE_BREAKS)
def test_a_broken_jwe(name: str) -> None:
    assert len(SEALED) == 6
    broken, expected = JWE_BREAKS[name]
    taken = refusals(SEALED, broken, lambda token, vector: open_jwe(token, named(vector), vector["alg"]))
    assert taken == {expected}


def named(vector: dict[str, Any]) -> dict[str, Any]:
    return {"kid": "of the example", **vector["key"]}


@pytest.mark.spec("RFC 8725 3.1")
@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
def test_a_public_key_is_no_shared_secret(alg: str) -> None:
    for vector in SIGNED:
        jwk = public(vector["key"])
        for secret in (json.dumps(jwk).encode(), *(unb64(jwk[name]) for name in ("n", "x") if name in jwk)):
            head = f"{b64(json.dumps({'alg': alg}).encode())}.{vector['compact'].split('.')[1]}"
            tag = b64(hmac.digest(secret, head.encode(), f"sha{alg[2:]}"))
            with pytest.raises(FapiError) as refused:
                verify_jws(f"{head}.{tag}", jwk)
            assert type(refused.value).__name__ == "ForbiddenAlgorithm"
