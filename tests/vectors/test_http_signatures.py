"""The examples of RFC 9421, each checked twice: by the code here, and by the signer and verifier of another library.

What the RFC signs there is not what FAPI wants covered. So these run the parts of the verifier, and not its policy.
"""

from __future__ import annotations

from typing import Any

import pytest
from http_message_signatures import HTTPMessageVerifier, algorithms
from http_message_signatures.resolvers import MappingKeyResolver

from fapikit import errors
from fapikit.http_signatures.algorithms import algorithm_of
from fapikit.http_signatures.base import signature_base
from fapikit.http_signatures.content_digest import require_body
from fapikit.http_signatures.fields import SignatureInput, read_signatures
from fapikit.http_signatures.messages import FieldLines, Message, RequestMessage, ResponseMessage
from fapikit.jose.public_key import import_public_jwk
from tests.vectors.folder import rfc

VECTORS = [vector for _, vector in rfc("http signature")]
NAMES = {
    "PS512": algorithms.RSA_PSS_SHA512,
    "ES256": algorithms.ECDSA_P256_SHA256,
    "Ed25519": algorithms.ED25519,
}


def message_of(vector: dict[str, Any]) -> Message:
    signature = [("Signature-Input", vector["signature_input"]), ("Signature", vector["signature"])]
    request = RequestMessage(vector["method"], vector["url"], FieldLines(map(tuple, vector["headers"])))
    if "status" not in vector:
        return request.with_fields(*signature)
    answer = ResponseMessage(vector["status"], map(tuple, vector["answer_headers"]), request)
    return answer.with_fields(*signature)


@pytest.mark.parametrize("vector", VECTORS, ids=[f"{each['section']} {each['title']}" for each in VECTORS])
class TestExample:
    @pytest.mark.spec("RFC 9421 2.2", "RFC 9421 2.3")
    def test_the_base_is_the_published_one(self, vector: dict[str, Any]) -> None:
        message = message_of(vector)
        found = read_signatures(message.headers)[vector["label"]]
        assert signature_base(message, found.input).decode() == vector["base"]
        assert isinstance(found.input, SignatureInput)

    @pytest.mark.spec("RFC 9421 3.3", "RFC 9421 4.2")
    def test_the_signature_is_valid_here(self, vector: dict[str, Any]) -> None:
        message = message_of(vector)
        found = read_signatures(message.headers)[vector["label"]]
        if vector["expect"] != "valid":
            with pytest.raises(errors.UnusableKey):
                import_public_jwk(vector["key"])
            return
        key = import_public_jwk(vector["key"])
        verify = key.verifier(algorithm_of(key, None, [vector["alg"]]))
        base = signature_base(message, found.input)
        assert verify(found.octets, base)
        assert not verify(found.octets, base + b" ")

    def test_the_digests_are_of_the_bodies(self, vector: dict[str, Any]) -> None:
        for headers, body in (("headers", "body"), ("answer_headers", "answer_body")):
            if headers in vector:
                value = FieldLines(map(tuple, vector[headers])).value("content-digest")
                require_body(value, vector[body].encode())
                with pytest.raises(errors.WrongDigest):
                    require_body(value, vector[body].encode() + b" ")

    def test_another_library_agrees(self, vector: dict[str, Any]) -> None:
        if vector["expect"] != "valid":
            return
        key = import_public_jwk(vector["key"])
        verifier = HTTPMessageVerifier(
            signature_algorithm=NAMES[vector["alg"]],
            key_resolver=MappingKeyResolver(
                public_keys={vector["key"]["kid"]: key.material}, private_keys={}
            ),
        )
        (result,) = verifier.verify(message_of(vector), max_age=None)
        assert result.label == vector["label"]
