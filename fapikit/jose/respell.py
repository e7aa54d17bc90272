"""Keys in a peer's key set that are not encoded as RFC 7518 demands, if they can be read in one way only.

They have numbers with wrong leading zero octets, padded or standard base64, `use` in capitals, or `key_ops` as one
string. A key in a DPoP proof is never corrected, because its thumbprint is compared.

Spec: RFC 7517 4.2, 4.3; RFC 7518 6.2.1.2, 6.3.1; RFC 8037 2
Role: C, RS, AS
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from typing import Any, Final

from fapikit import base64url
from fapikit.jose.public_key import EC_CURVES

_TO_STANDARD: Final = str.maketrans("-_", "+/")


def respell(jwk: Mapping[str, Any]) -> dict[str, Any]:
    """The same key in the encoding of RFC 7518. Members that cannot be read stay as they are."""
    spelt = dict(jwk)
    _, octets = EC_CURVES.get(str(jwk.get("crv")), (None, None))
    for name in ("n", "e", "x", "y"):
        if name in spelt:
            spelt[name] = _number(spelt[name], octets, number=jwk.get("kty") != "OKP")
    use, operations = spelt.get("use"), spelt.get("key_ops")
    if isinstance(use, str):
        spelt["use"] = use.lower() or None
    if isinstance(operations, str):
        spelt["key_ops"] = operations.split() or None
    return spelt


def _number(text: Any, octets: int | None, *, number: bool) -> Any:
    if not isinstance(text, str):
        return text
    try:
        bare = "".join(text.split()).rstrip("=").translate(_TO_STANDARD)
        value = b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except ValueError:
        return text
    if number:
        value = value.lstrip(b"\0").rjust(octets or 0, b"\0")
    return base64url.encode(value)
