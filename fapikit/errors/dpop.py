"""Errors of a DPoP proof.

Spec: RFC 9449 4.3, 5, 7, 8
"""

from __future__ import annotations

from fapikit.errors.base import FapiError, Remedy


class DPoPError(FapiError):
    """A DPoP proof does not prove possession for this request."""

    code = "invalid_dpop_proof"


class MissingProof(DPoPError):
    """The request has no DPoP header, and needs one."""

    clause = "RFC 9449 4.3-1"


class ManyProofs(DPoPError):
    """The request has more than one DPoP header, or several values in one."""

    clause = "RFC 9449 4.3-1"


class WrongMethod(DPoPError):
    """`htm` is not the method of the request."""

    clause = "RFC 9449 4.3-8"


class WrongUrl(DPoPError):
    """`htu` is not the URL of the request."""

    clause = "RFC 9449 4.3-9"


class StaleProof(DPoPError):
    """`iat` (or `nbf`, `exp`) is outside the accepted time window."""

    clause = "RFC 9449 4.3-11"


class ReplayedProof(DPoPError):
    """A proof with this `jti` and this key was used before."""

    clause = "RFC 9449 11.1"


class WrongTokenHash(DPoPError):
    """`ath` is not the hash of the access token in the same request."""

    clause = "RFC 9449 4.3-12"


class WrongProofKey(DPoPError):
    """The proof is not signed with the key that the token, code or request is bound to."""

    clause = "RFC 9449 4.3-12"


class NonceRequired(DPoPError):
    """The proof has no valid nonce. `nonce` is the one to use next.

    The fact `sent` says what the proof had: "none", a nonce that is "too old", or a nonce of "another server".
    """

    code = "use_dpop_nonce"
    clause = "RFC 9449 8"
    remedy = Remedy.CORRECT_THE_REQUEST

    def __init__(self, message: str, *, nonce: str, sent: str = "none", clause: str | None = None) -> None:
        super().__init__(message, clause=clause, facts={"sent": sent})
        self.nonce = nonce
