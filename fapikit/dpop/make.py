"""The making of a DPoP proof.

Spec: RFC 9449 4.2
Role: C
"""

from __future__ import annotations

import hashlib
from typing import Any

from fapikit.base64url import encode
from fapikit.flow import Flow
from fapikit.jose.purposes import DPOP_PROOF
from fapikit.jose.sign import sign_jwt
from fapikit.jose.signer import Signer
from fapikit.secrets import Secret, revealed
from fapikit.urls import without_query


def access_token_hash(access_token: str) -> str:
    """`ath`: the base64url SHA-256 hash of the token in ASCII (RFC 9449 4.2b)."""
    return encode(hashlib.sha256(access_token.encode("ascii")).digest())


def make_proof(
    signer: Signer,
    *,
    method: str,
    url: str,
    now: float,
    jti: str,
    access_token: Secret | str | None = None,
    nonce: str | None = None,
) -> Flow[str]:
    """A proof for one request. A retry needs a new proof with a new `jti` (RFC 9449 7.3)."""
    claims: dict[str, Any] = {"jti": jti, "htm": method, "htu": without_query(url), "iat": int(now)}
    if access_token is not None:
        claims["ath"] = access_token_hash(revealed(access_token))
    if nonce is not None:
        claims["nonce"] = nonce
    return sign_jwt(claims, DPOP_PROOF, signer)
