"""Verifies the one signature of a message that counts here: coverage, age and digest first, then key and signature.

Spec: RFC 9421 3.2, 3.2.1, 7.2.1, 7.2.2, 7.2.6; FAPI2-HS 1.2-1, 1.2-2, 1.2-4, 1.2-6, 2.2-1, 2.2-2, 2.2-3, 2.2-5
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from fapikit.errors import AmbiguousKey, KeyNotFound, UnusableKey
from fapikit.errors.http_signature import (
    StaleSignature,
    UncoveredComponent,
    UnknownSignatureKey,
    WrongSignature,
)
from fapikit.flow import Flow
from fapikit.http_signatures.algorithms import algorithm_of
from fapikit.http_signatures.base import signature_base
from fapikit.http_signatures.coverage import FAPI, MAX_AGE, REQUEST_TAG, RESPONSE_TAG, Coverage
from fapikit.http_signatures.fields import (
    INPUT,
    SIGNATURE,
    Component,
    Parameters,
    ReceivedSignature,
    read_signature,
)
from fapikit.http_signatures.messages import Message, RequestMessage, ResponseMessage
from fapikit.jose.key_set import KeySource
from fapikit.jose.public_key import PublicKey
from fapikit.jose.purposes import Purpose

_PURPOSE: Final = Purpose(name="HTTP message signature", error_code="invalid_signature")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """Who signs, with which algorithms, and for how many seconds after `created` a signature counts.

    `skew`: how many seconds the signer's clock may be ahead.
    """

    keys: KeySource
    algorithms: Collection[str]
    coverage: Coverage = FAPI
    max_age: float = MAX_AGE
    skew: float = 30.0


@dataclass(frozen=True, slots=True)
class VerifiedSignature:
    """A valid signature. `components`: what it covers, as RFC 9421 writes it. `request`: at an API, what was signed."""

    label: str
    keyid: str | None
    created: int
    components: tuple[str, ...]
    nonce: str | None = field(repr=False)
    request: RequestMessage | None = field(default=None, repr=False)

    def of(self, request: RequestMessage) -> VerifiedSignature:
        return replace(self, request=request)


def verify_request(
    requests: Sequence[RequestMessage], verifier: Verifier, *, body: bool, now: float
) -> Flow[tuple[int, VerifiedSignature]]:
    """`requests`: the request at each URL under which its API is known. The first result says at which it was signed.

    The digest of its body must be checked already. Raises HttpSignatureError; TransportError if the keys cannot be
    fetched now.
    """
    received = read_signature(requests[0].headers, REQUEST_TAG)
    for component in verifier.coverage.of_request(requests[0], body=body):
        _require_covered(received, component)
    return (yield from _verify(requests, received, verifier, now))


def verify_response(
    response: ResponseMessage, verifier: Verifier, *, body: bool, signed_request: bool, now: float
) -> Flow[VerifiedSignature]:
    """The same of a response. `signed_request`: we signed the request. Then the response must be bound to that."""
    received = read_signature(response.headers, RESPONSE_TAG)
    own = read_signature(response.request.headers, REQUEST_TAG).label if signed_request else None
    for component in verifier.coverage.of_response(response, body=body, signed_request=signed_request):
        _require_covered(received, component, own_label=own)
    _, signature = yield from _verify([response], received, verifier, now)
    return signature


def _verify(
    messages: Sequence[Message],
    received: ReceivedSignature,
    verifier: Verifier,
    now: float,
) -> Flow[tuple[int, VerifiedSignature]]:
    parameters = received.input.parameters
    created = _require_age(parameters, verifier, now)
    keyid = parameters.get("keyid")
    try:
        key = yield from verifier.keys.find(verifier.algorithms, keyid, _PURPOSE, issued_at=created)
        at = _require_signature(messages, received, key, verifier.algorithms)
    except (KeyNotFound, AmbiguousKey, UnusableKey) as error:
        raise UnknownSignatureKey(error.message, facts={**error.facts, "parameter": "keyid"}) from error
    covered = tuple(str(component) for component in received.input.components)
    return at, VerifiedSignature(received.label, keyid, created, covered, parameters.get("nonce"))


def _require_covered(
    received: ReceivedSignature, component: Component, *, own_label: str | None = None
) -> None:
    """`own_label`: the label of our request's signature. `"signature";req;key="label"` covers it as the whole does."""
    if received.input.covers(component):
        return
    if component.name in (INPUT, SIGNATURE) and own_label is not None:
        member = Component(component.name, (*component.parameters, ("key", own_label)))
        if received.input.covers(member):
            return
    raise UncoveredComponent(
        f"the signature does not cover {component}, and must",
        facts={"component": str(component), "label": received.label},
    )


def _require_age(parameters: Parameters, verifier: Verifier, now: float) -> int:
    created, expires = parameters.get("created"), parameters.get("expires")
    if created is None:
        raise StaleSignature(
            "the signature has no created, so its age is unknown", facts={"parameter": "created"}
        )
    if created > now + verifier.skew:
        raise StaleSignature(
            "created is in the future: are both clocks right?",
            facts={"parameter": "created", "got": created, "now": int(now)},
        )
    if created < now - verifier.max_age:
        raise StaleSignature(
            f"the signature is older than {verifier.max_age:g} seconds",
            facts={"parameter": "created", "got": created, "now": int(now)},
        )
    if expires is not None and expires <= now - verifier.skew:
        raise StaleSignature(
            "expires has passed", facts={"parameter": "expires", "got": expires, "now": int(now)}
        )
    return int(created)


def _require_signature(
    messages: Sequence[Message], received: ReceivedSignature, key: PublicKey, algorithms: Collection[str]
) -> int:
    """Which message it is the signature of."""
    verify = key.verifier(algorithm_of(key, received.input.parameters.get("alg"), algorithms))
    for at, message in enumerate(messages):
        if verify(received.octets, signature_base(message, received.input)):
            return at
    raise WrongSignature(
        "the signature is not that of this message under this key",
        facts={"label": received.label, "covered": " ".join(map(str, received.input.components))},
    )
