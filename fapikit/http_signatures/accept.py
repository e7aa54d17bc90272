"""Accept-Signature: the refusal of a request says what its signature must cover.

Spec: RFC 9421 5, 5.1
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from fapikit.errors.http_signature import MalformedSignature
from fapikit.http_signatures.coverage import REQUEST_TAG
from fapikit.http_signatures.fields import MAX_CHARACTERS, Component, SignatureInput, read_dictionary
from fapikit.http_signatures.sign import REQUEST_LABEL

FIELD: Final = "accept-signature"
_NAME: Final = re.compile(r"@?[a-z0-9!#$%&'*+.^_`|~-]{1,64}")
_MOST_NAMES: Final = 32


def accept_signature(components: Iterable[Component]) -> str:
    """The value of the field: these components, when it was signed, and the tag of FAPI."""
    wanted = SignatureInput(tuple(components), {"created": True, "tag": REQUEST_TAG})
    return f"{REQUEST_LABEL}={wanted.text}"


def wanted_components(value: str | None) -> tuple[str, ...]:
    """The names of the components that the field asks for, under the tag of FAPI; none if it cannot be read.

    Nothing is decided by it: it is for the developer of the client.
    """
    if value is None or len(value) > MAX_CHARACTERS:
        return ()
    try:
        members = read_dictionary(value, FIELD)
    except MalformedSignature:
        return ()
    for items, parameters in members.values():
        if isinstance(items, list) and parameters.get("tag") == REQUEST_TAG:
            names = [name for name, _ in items if isinstance(name, str) and _NAME.fullmatch(name)]
            return tuple(names[:_MOST_NAMES])
    return ()
