"""The making of a signed JWT.

Spec: RFC 7515 5.1; RFC 7519 7.1
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fapikit import strict_json
from fapikit.base64url import encode
from fapikit.flow import Flow, sign
from fapikit.jose.purposes import Purpose
from fapikit.jose.signer import Signer
from fapikit.secrets import Concealed

_PUBLIC_MEMBERS: Final = ("kty", "crv", "x", "y", "n", "e")


def sign_jwt(claims: Mapping[str, Any], purpose: Purpose, signer: Signer) -> Flow[str]:
    """A compact JWS of `claims`, with the header of its purpose."""
    header = strict_json.dump(dict(_header(purpose, signer)))
    return _signed(Concealed(f"{encode(header)}.{encode(strict_json.dump(claims))}"), signer)


def _signed(signing_input: Concealed[str], signer: Signer) -> Flow[str]:
    signature = yield from sign(signer, signing_input.reveal().encode("ascii"))
    return f"{signing_input.reveal()}.{encode(signature)}"


def _header(purpose: Purpose, signer: Signer) -> Iterator[tuple[str, Any]]:
    for name in purpose.header:
        if name == "typ" and purpose.typ is not None:
            yield name, purpose.typ
        elif name == "alg":
            yield name, signer.alg
        elif name == "kid" and signer.kid:
            yield name, signer.kid
        elif name == "jwk":
            yield (
                name,
                {
                    member: signer.public_jwk[member]
                    for member in _PUBLIC_MEMBERS
                    if member in signer.public_jwk
                },
            )
