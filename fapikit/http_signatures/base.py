"""The signature base: one line for each covered component, and the line of the parameters at the end.

Spec: RFC 9421 2, 2.1, 2.2, 2.4, 2.5
"""

from __future__ import annotations

from typing import Final

from http_message_signatures import HTTPMessageSignaturesException, HTTPSignatureComponentResolver
from http_sf.compat import Item

from fapikit.errors.http_signature import UnknownComponent
from fapikit.http_signatures.fields import Component, SignatureInput
from fapikit.http_signatures.messages import Message

_OF_FIELDS: Final[tuple[set[str], ...]] = (set(), {"sf"}, {"bs"}, {"key"}, {"key", "sf"})
_PARAMETERS: Final = "@signature-params"


def signature_base(message: Message, signature_input: SignatureInput) -> bytes:
    """Raises UnknownComponent for a component that is repeated, not in the message, or not defined."""
    try:
        resolver = HTTPSignatureComponentResolver(message)  # type: ignore[no-untyped-call]
    except HTTPMessageSignaturesException as error:
        raise UnknownComponent(
            f"the request cannot be signed: {error}", facts={"component": "@method @target-uri"}
        ) from error
    lines, seen = [], set()
    for component in signature_input.components:
        if component.identity in seen:
            raise _unknown(component, "is covered twice")
        seen.add(component.identity)
        lines.append(f"{component}: {_value(resolver, component)}")
    lines.append(f'"{_PARAMETERS}": {signature_input.text}')
    return "\n".join(lines).encode("ascii")


def _value(resolver: HTTPSignatureComponentResolver, component: Component) -> str:
    _require_defined(component)
    item = Item(component.name)
    item.params.update(component.parameters)
    try:
        value = resolver.resolve(item)
    except (HTTPMessageSignaturesException, AttributeError, TypeError, ValueError) as error:
        raise _unknown(component, f"has no value in this message: {error}") from error
    if not isinstance(value, str) or not value.isascii() or not value.replace("\t", " ").isprintable():
        raise _unknown(component, "has a line break or a character that is not printable ASCII in its value")
    return value


def _require_defined(component: Component) -> None:
    """Raises UnknownComponent for a parameter that RFC 9421 2.1 and 2.2 do not define for this component."""
    parameters = dict(component.parameters)
    if parameters.pop("req", True) is not True:
        raise _unknown(component, "has a req that is not a flag")
    if component.name == _PARAMETERS:
        raise _unknown(component, "is the last line, and is not covered by itself")
    if component.name == "@query-param":
        fine = parameters.keys() == {"name"} and type(parameters["name"]) is str
    elif component.name.startswith("@"):
        fine = not parameters
    else:
        fine = parameters.keys() in _OF_FIELDS and all(
            type(value) is str if name == "key" else value is True for name, value in parameters.items()
        )
    if not fine:
        raise _unknown(component, "has parameters that are not defined for it")


def _unknown(component: Component, why: str) -> UnknownComponent:
    return UnknownComponent(f"the covered component {component} {why}", facts={"component": str(component)})
