"""What can be wrong with a DPoP proof.

Spec: RFC 9449 4.3, 5, 7, 8
"""

from __future__ import annotations

from fapikit.errors.base import FapiError, Remedy


class DPoPError(FapiError):
    """A DPoP proof does not prove possession for this request."""

    code = "invalid_dpop_proof"


class MissingProof(DPoPError):
    """No DPoP header where one is needed."""

    clause = "RFC 9449 4.3-1"


class ManyProofs(DPoPError):
    """More than one DPoP header, or several values in one."""

    clause = "RFC 9449 4.3-1"


class WrongMethod(DPoPError):
    """`htm` is not the request's method."""

    clause = "RFC 9449 4.3-8"


class WrongUrl(DPoPError):
    """`htu` is not the request's URL."""

    clause = "RFC 9449 4.3-9"


class StaleProof(DPoPError):
    """`iat` (or `nbf`, `exp`) lies outside the window."""

    clause = "RFC 9449 4.3-11"


class ReplayedProof(DPoPError):
    """This `jti` was used before with this key."""

    clause = "RFC 9449 11.1"


class WrongTokenHash(DPoPError):
    """`ath` is not the hash of the access token beside it."""

    clause = "RFC 9449 4.3-12"


class WrongProofKey(DPoPError):
    """The proof is signed by another key than the one that is bound."""

    clause = "RFC 9449 4.3-12"


class NonceRequired(DPoPError):
    """The proof has no nonce, or one that is too old; `nonce` is the one to use next.

    The fact `sent` says what came: "none", one "too old", or "another's", which no key of this server made.
    """

    code = "use_dpop_nonce"
    clause = "RFC 9449 8"
    remedy = Remedy.CORRECT_THE_REQUEST

    def __init__(self, message: str, *, nonce: str, sent: str = "none", clause: str | None = None) -> None:
        super().__init__(message, clause=clause, facts={"sent": sent})
        self.nonce = nonce
