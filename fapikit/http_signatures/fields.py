"""Signature-Input and Signature: read into typed values, within a budget, and written.

Spec: RFC 9421 2.3, 4.1, 4.2; RFC 9651 3.2
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

import http_sf

from fapikit.errors.http_signature import MalformedSignature, MissingHttpSignature
from fapikit.http_message import Headers
from fapikit.http_signatures.messages import FieldLines

INPUT: Final = "signature-input"
SIGNATURE: Final = "signature"
MAX_CHARACTERS: Final = 8192
"""Of each of the two fields."""
MAX_SIGNATURES: Final = 8
MAX_COMPONENTS: Final = 64
_STRINGS: Final = ("alg", "keyid", "nonce", "tag")
_INTEGERS: Final = ("created", "expires")

Parameters: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Component:
    """One covered component: `"@method"`, `"content-digest";req`. Its text is its line in the signature base."""

    name: str
    parameters: tuple[tuple[str, Any], ...] = ()

    @property
    def identity(self) -> tuple[str, frozenset[tuple[str, Any]]]:
        """Parameters in another order are the same component (RFC 9421 2)."""
        return self.name, frozenset(self.parameters)

    def __str__(self) -> str:
        return http_sf.ser((self.name, dict(self.parameters)))


@dataclass(frozen=True, slots=True)
class SignatureInput:
    """What a signature covers, in the order of its signer, and what it says about itself."""

    components: tuple[Component, ...]
    parameters: Parameters

    @property
    def text(self) -> str:
        """The value of `@signature-params` (RFC 9421 2.3)."""
        items = [(component.name, dict(component.parameters)) for component in self.components]
        return http_sf.ser(cast(Any, [(items, dict(self.parameters))]))

    def covers(self, component: Component) -> bool:
        return any(component.identity == covered.identity for covered in self.components)


@dataclass(frozen=True, slots=True)
class ReceivedSignature:
    """One signature of a message, not verified yet."""

    label: str
    input: SignatureInput
    octets: bytes


def has_signature(headers: FieldLines) -> bool:
    """Whether the message says that it is signed."""
    return bool(headers.lines(INPUT) or headers.lines(SIGNATURE))


def read_signature(headers: FieldLines, tag: str) -> ReceivedSignature:
    """The one signature with this tag. Others belong to other parties.

    Raises MissingHttpSignature, MalformedSignature.
    """
    found = read_signatures(headers)
    if not found:
        raise MissingHttpSignature(
            "the message is not signed: Signature-Input and Signature are missing", facts={"tag": tag}
        )
    tagged = [signature for signature in found.values() if signature.input.parameters.get("tag") == tag]
    if not tagged:
        raise MissingHttpSignature(
            f'no signature of the message has the parameter tag="{tag}"', facts={"tag": tag}
        )
    if len(tagged) > 1:
        raise _malformed(
            f'{len(tagged)} signatures have the parameter tag="{tag}", and one is expected', INPUT
        )
    return tagged[0]


def read_signatures(headers: FieldLines) -> dict[str, ReceivedSignature]:
    """All signatures of the message, by their labels. Raises MalformedSignature."""
    inputs, signatures = _read(headers, INPUT), _read(headers, SIGNATURE)
    if inputs.keys() != signatures.keys():
        raise _malformed("Signature-Input and Signature do not have the same labels", SIGNATURE)
    found = {}
    for label, member in inputs.items():
        octets, _ = signatures[label]
        if not isinstance(octets, bytes):
            raise _malformed(f"the member {label} is not a byte sequence", SIGNATURE)
        found[label] = ReceivedSignature(label, _read_input(label, member), octets)
    return found


def write_signature(label: str, signature_input: SignatureInput, octets: bytes) -> Headers:
    """The two fields with one signature."""
    return (INPUT, f"{label}={signature_input.text}"), (SIGNATURE, http_sf.ser({label: (octets, {})}))


def read_dictionary(value: str, field: str) -> dict[str, Any]:
    """A dictionary of RFC 9651 without repeated members. Raises MalformedSignature."""

    def refuse(name: str, context: str) -> None:
        raise _malformed(f"the {context} {name[:40]} is repeated", field)

    try:
        octets = value.encode("ascii")
        return cast(dict[str, Any], http_sf.parse(octets, tltype="dictionary", on_duplicate_key=refuse))
    except (UnicodeEncodeError, http_sf.StructuredFieldError) as error:
        raise _malformed("it is not a dictionary of RFC 9651", field) from error


def _read(headers: FieldLines, field: str) -> dict[str, Any]:
    value = headers.value(field)
    if value is None:
        return {}
    if len(value) > MAX_CHARACTERS:
        raise _malformed(f"it is longer than {MAX_CHARACTERS} characters", field)
    members = read_dictionary(value, field)
    if len(members) > MAX_SIGNATURES:
        raise _malformed(f"it has more than {MAX_SIGNATURES} members", field)
    return members


def _read_input(label: str, member: Any) -> SignatureInput:
    items, parameters = member
    if not isinstance(items, list):
        raise _malformed(f"the member {label} is not a list of components", INPUT)
    if len(items) > MAX_COMPONENTS:
        raise _malformed(f"the member {label} has more than {MAX_COMPONENTS} components", INPUT)
    _require_types(parameters)
    return SignatureInput(tuple(_read_component(item) for item in items), parameters)


def _read_component(item: Sequence[Any]) -> Component:
    name, parameters = item
    if type(name) is not str or not name or name != name.lower():
        raise _malformed("a component is not a string in lower case", INPUT, clause="RFC 9421 2")
    return Component(name, tuple(parameters.items()))


def _require_types(parameters: Parameters) -> None:
    for name in _STRINGS:
        if type(parameters.get(name, "")) is not str:
            raise _malformed(f"the parameter {name} is not a string", name, clause="RFC 9421 2.3")
    for name in _INTEGERS:
        if type(parameters.get(name, 0)) is not int:
            raise _malformed(f"the parameter {name} is not an integer", name, clause="RFC 9421 2.3")


def _malformed(message: str, about: str, *, clause: str | None = None) -> MalformedSignature:
    return MalformedSignature(f"{about}: {message}", clause=clause, facts={"about": about})
