"""Making a signed JWT of one purpose.

Spec: RFC 7515 5.1; RFC 7519 7.1
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fapikit import strict_json
from fapikit.base64url import encode
from fapikit.flow import Flow, sign
from fapikit.jose.purposes import Purpose
from fapikit.jose.signer import Signer
from fapikit.secrets import Concealed


def sign_jwt(
    claims: Mapping[str, Any], purpose: Purpose, signer: Signer, *, header: Mapping[str, Any] | None = None
) -> Flow[str]:
    """A compact JWS of `claims`, typed for `purpose`. `header` adds to or replaces `typ`, `alg` and `kid`."""
    members: dict[str, Any] = {"alg": signer.alg}
    if signer.kid:
        members["kid"] = signer.kid
    if purpose.typ is not None:
        members["typ"] = purpose.typ
    signing_input = (
        f"{encode(strict_json.dump({**members, **(header or {})}))}.{encode(strict_json.dump(claims))}"
    )
    return _signed(Concealed(signing_input), signer)


def _signed(signing_input: Concealed[str], signer: Signer) -> Flow[str]:
    signature = yield from sign(signer, signing_input.reveal().encode("ascii"))
    return f"{signing_input.reveal()}.{encode(signature)}"
