"""Errors of a JWT, its key and its claims.

Spec: RFC 7515 5.2; RFC 7519 7.2; RFC 8725 3
"""

from __future__ import annotations

from fapikit.errors.base import FapiError, Fault, Remedy


class JwtError(FapiError):
    """A JWT breaks a rule of its purpose. `code` is the OAuth error code of that purpose."""


class MalformedJwt(JwtError):
    """The text is not a compact JWS: three strict base64url parts with JSON objects."""

    clause = "RFC 7515 5.2"


class JwtTooLarge(MalformedJwt):
    """The JWT is longer than its purpose allows. It is refused before anything is decoded."""


class DuplicateMember(MalformedJwt):
    """A JSON object has the same member twice."""

    clause = "RFC 7515 4"


class WrongJwtType(JwtError):
    """`typ` is that of another kind of JWT, or a required `typ` is absent."""

    clause = "RFC 8725 3.11"


class ForbiddenAlgorithm(JwtError):
    """`alg` is not an allowed algorithm."""

    clause = "RFC 8725 3.1"


class UnknownCritical(JwtError):
    """The header demands an extension (`crit`, `b64`, `zip`) that is not supported."""

    clause = "RFC 7515 4.1.11"


class JwtKeyError(JwtError):
    """There is no key, or more than one, for this JWT."""


class KeyNotFound(JwtKeyError):
    """No key of the right type has this `kid`."""

    clause = "RFC 7515 6"


class AmbiguousKey(JwtKeyError):
    """Several keys match `kid`, `kty`, `use`, `alg` and `crv`. None of them is chosen at random."""

    clause = "FAPI2-SP 5.4.3"


class UnusableKey(JwtKeyError):
    """A key is too weak, malformed, of an unknown type, private instead of public, or not on its curve."""

    clause = "FAPI2-SP 5.4.1-2"


class UnusablePrivateKey(UnusableKey):
    """A private key of our own cannot be read, or cannot be used for this signature."""

    fault = Fault.CONFIGURATION
    remedy = Remedy.FIX_CONFIGURATION


class BadSignature(JwtError):
    """The signature does not verify."""

    clause = "RFC 7515 5.2"


class MissingSignature(JwtError):
    """A message that must be signed has no signature."""


class ReplayedBody(JwtError):
    """The `jti` of a signed body was used before."""

    clause = "BR-JWT 6"


class UnexpectedSignature(JwtError):
    """A message has a signature where there is nothing that it could sign."""


class DecryptionFailed(JwtError):
    """An encrypted JWT cannot be decrypted with the configured keys."""

    clause = "RFC 7516 5.2"


class NotEncrypted(JwtError):
    """A JWT is not encrypted, and encryption was registered."""

    clause = "OIDC Registration 2"


class MalformedStatus(JwtError):
    """A status list, or a token's reference to its entry, cannot be read, or the list has no such entry."""

    code = "invalid_token"
    clause = "TSL 8.3"


class ClaimError(JwtError):
    """A claim of a JWT with a valid signature breaks a rule."""


class MissingClaim(ClaimError):
    """A required claim is absent."""


class MalformedClaim(ClaimError):
    """A claim has the wrong JSON type or an impossible value."""


class ForbiddenClaim(ClaimError):
    """A claim shows that this is another kind of JWT."""

    clause = "RFC 8725 3.12"


class WrongIssuer(ClaimError):
    """`iss` is not exactly the expected issuer."""

    clause = "RFC 8725 3.8"


class WrongAudience(ClaimError):
    """`aud` does not have this recipient, or has one that is not trusted."""

    clause = "RFC 8725 3.9"


class WrongSubject(ClaimError):
    """`sub` is not the expected subject."""


class UntrustedAnchor(ClaimError):
    """The signer names a trust anchor, for its key, that is not trusted."""

    clause = "UK-JWS 5"


class WrongNonce(ClaimError):
    """`nonce` is not that of this transaction."""

    clause = "OIDC 3.1.3.7-11"


class WrongHash(ClaimError):
    """`at_hash`, `c_hash` or `s_hash` is not the hash of its value."""


class Expired(ClaimError):
    """`exp` is in the past."""

    clause = "RFC 7519 4.1.4"


class NotYetValid(ClaimError):
    """`nbf` or `iat` is in the future, by more than the allowed clock skew."""

    clause = "FAPI2-SP 5.3.2.1-13"


class TooOld(ClaimError):
    """The JWT was issued longer ago than its purpose allows."""


class LivesTooLong(ClaimError):
    """The time from `nbf` to `exp` is longer than the purpose of the JWT allows."""
