"""What can be wrong with a JWT, its key and its claims.

Spec: RFC 7515 5.2; RFC 7519 7.2; RFC 8725 3
"""

from __future__ import annotations

from fapikit.errors.base import FapiError, Fault, Remedy


class JwtError(FapiError):
    """A JWT is not what its purpose demands. `code` is the one its purpose puts on the wire."""


class MalformedJwt(JwtError):
    """Not a compact JWS of three strict base64url parts with JSON objects inside."""

    clause = "RFC 7515 5.2"


class JwtTooLarge(MalformedJwt):
    """Longer than this purpose allows; refused before anything is decoded."""


class DuplicateMember(MalformedJwt):
    """A JSON object names one member twice."""

    clause = "RFC 7515 4"


class WrongJwtType(JwtError):
    """`typ` says that this JWT is of another kind, or a required `typ` is absent."""

    clause = "RFC 8725 3.11"


class ForbiddenAlgorithm(JwtError):
    """`alg` is not among those the caller allows."""

    clause = "RFC 8725 3.1"


class UnknownCritical(JwtError):
    """The header demands an extension (`crit`, `b64`, `zip`) that is not supported here."""

    clause = "RFC 7515 4.1.11"


class JwtKeyError(JwtError):
    """No key can be chosen for this JWT."""


class KeyNotFound(JwtKeyError):
    """No key of the right kind has this `kid`."""

    clause = "RFC 7515 6"


class AmbiguousKey(JwtKeyError):
    """Several keys remain after `kid`, `kty`, `use`, `alg` and `crv`; none is tried at random."""

    clause = "FAPI2-SP 5.4.3"


class UnusableKey(JwtKeyError):
    """A key that is too weak, malformed, of an unknown kind, private where public is due, or off its curve."""

    clause = "FAPI2-SP 5.4.1-2"


class UnusablePrivateKey(UnusableKey):
    """A private key of our own that cannot be read, or cannot sign as it should."""

    fault = Fault.CONFIGURATION
    remedy = Remedy.FIX_CONFIGURATION


class BadSignature(JwtError):
    """The signature does not verify."""

    clause = "RFC 7515 5.2"


class DecryptionFailed(JwtError):
    """An encrypted JWT does not open with the keys at hand."""

    clause = "RFC 7516 5.2"


class NotEncrypted(JwtError):
    """A JWT came in the clear where encryption was agreed."""

    clause = "RFC 9068 4-2"


class ClaimError(JwtError):
    """A claim of a well-signed JWT breaks a rule."""


class MissingClaim(ClaimError):
    """A claim its purpose requires is absent."""


class MalformedClaim(ClaimError):
    """A claim has the wrong JSON type or an impossible value."""


class ForbiddenClaim(ClaimError):
    """A claim that shows the JWT to be of another kind."""

    clause = "RFC 8725 3.12"


class WrongIssuer(ClaimError):
    """`iss` is not the expected issuer, code point for code point."""

    clause = "RFC 8725 3.8"


class WrongAudience(ClaimError):
    """`aud` does not name this recipient, or names one that is not trusted."""

    clause = "RFC 8725 3.9"


class WrongSubject(ClaimError):
    """`sub` is not the subject it must be."""


class WrongNonce(ClaimError):
    """`nonce` is not the one of this transaction."""

    clause = "OIDC 3.1.3.7-11"


class WrongHash(ClaimError):
    """`at_hash`, `c_hash` or `s_hash` does not match what it stands for."""


class Expired(ClaimError):
    """`exp` is past."""

    clause = "RFC 7519 4.1.4"


class NotYetValid(ClaimError):
    """`nbf` or `iat` lies further ahead than the clocks may differ."""

    clause = "FAPI2-SP 5.3.2.1-13"


class TooOld(ClaimError):
    """Issued longer ago than this purpose allows."""


class LivesTooLong(ClaimError):
    """The span from `nbf` to `exp` is longer than this purpose allows."""
