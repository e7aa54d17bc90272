"""Signs one message: its digest first, then what FAPI wants covered.

Spec: RFC 9421 3.1, 3.3.7; FAPI2-HS 1.1-1, 2.1-1
"""

from __future__ import annotations

from typing import Final

from fapikit.flow import Flow, sign
from fapikit.http_message import Headers
from fapikit.http_signatures import content_digest
from fapikit.http_signatures.base import signature_base
from fapikit.http_signatures.coverage import REQUEST_TAG, RESPONSE_TAG, Coverage
from fapikit.http_signatures.fields import SignatureInput, write_signature
from fapikit.http_signatures.messages import Message, RequestMessage, ResponseMessage
from fapikit.jose.signer import Signer

REQUEST_LABEL: Final = "request"
RESPONSE_LABEL: Final = "response"


def sign_request(
    request: RequestMessage, body: bytes, signer: Signer, *, coverage: Coverage, now: float
) -> Flow[Headers]:
    """The fields to set on the request: Content-Digest if it has a body, Signature-Input and Signature.

    The request must have its Authorization and DPoP fields already. Raises UnknownComponent.
    """
    digest = _digest(body)
    message = request.with_fields(*digest)
    components = coverage.of_request(message, body=bool(body))
    parameters = {"created": int(now), "keyid": signer.kid, "tag": REQUEST_TAG}
    signed = yield from _sign(message, REQUEST_LABEL, SignatureInput(components, parameters), signer)
    return (*digest, *signed)


def sign_response(
    response: ResponseMessage,
    body: bytes,
    signer: Signer,
    *,
    coverage: Coverage,
    now: float,
    signed_request: bool,
) -> Flow[Headers]:
    """The same for a response. `signed_request`: the request was signed, and its signature is covered too."""
    digest = _digest(body)
    message = response.with_fields(*digest)
    components = coverage.of_response(message, body=bool(body), signed_request=signed_request)
    parameters = {"created": int(now), "keyid": signer.kid, "tag": RESPONSE_TAG}
    signed = yield from _sign(message, RESPONSE_LABEL, SignatureInput(components, parameters), signer)
    return (*digest, *signed)


def _digest(body: bytes) -> Headers:
    return ((content_digest.FIELD, content_digest.content_digest(body)),) if body else ()


def _sign(message: Message, label: str, signature_input: SignatureInput, signer: Signer) -> Flow[Headers]:
    # The signing input is made in the call: no variable of this frame has it while the signer is waited for.
    octets = yield from sign(signer, signature_base(message, signature_input))
    return write_signature(label, signature_input, octets)
