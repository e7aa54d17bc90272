"""One tree of errors: each says which rule was broken, by whom, and what to do next.

    FapiError
    ├── ConfigurationError            two settings contradict, or one is impossible
    │   └── ForbiddenByProfile        the profile forbids this setting or request
    ├── TransportError                no usable answer came: the question stays undecided
    │   ├── Unreachable               refused, reset, timed out
    │   ├── ResponseTooLarge
    │   ├── UnexpectedRedirect        back-channel calls follow none
    │   ├── InsecureUrl               clear text outside loopback
    │   ├── UnusableAnswer            an answer came about keys or tokens, and cannot be used
    │   └── DeadlineExceeded          shared work did not end in time
    ├── StoreError
    │   ├── StoreFull                 a bounded store never evicts a live entry
    │   ├── StoreUnavailable
    │   └── SealBroken                a sealed value was altered, or its key is gone
    ├── MessageError                  a peer's HTTP message cannot be used
    │   ├── MalformedMessage
    │   ├── UnexpectedStatus
    │   └── PeerRefused               a well-formed OAuth error: carries the peer's code
    ├── MetadataError
    │   ├── IssuerMismatch
    │   └── MissingMetadata
    ├── JwtError                      a JWT is not what it must be
    │   ├── MalformedJwt  JwtTooLarge  DuplicateMember
    │   ├── WrongJwtType  ForbiddenAlgorithm  UnknownCritical
    │   ├── JwtKeyError:  KeyNotFound  AmbiguousKey  UnusableKey
    │   ├── BadSignature  DecryptionFailed  NotEncrypted
    │   └── ClaimError                MissingClaim  MalformedClaim  ForbiddenClaim  WrongIssuer  WrongAudience
    │                                 WrongSubject  WrongNonce  WrongHash  Expired  NotYetValid  TooOld  LivesTooLong
    └── DPoPError                     MissingProof  ManyProofs  WrongMethod  WrongUrl  StaleProof  ReplayedProof
                                      WrongTokenHash  WrongProofKey  NonceRequired

Roles add their own leaves in `rpkit.errors`, `rskit.errors` and `askit.errors`. `docs/errors.md` lists all.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Fault(StrEnum):
    """Who broke the rule."""

    PEER = "peer"
    USER = "user"
    CONFIGURATION = "configuration"
    TRANSPORT = "transport"


class Remedy(StrEnum):
    """What the reader of the error should do next."""

    SIGN_IN_AGAIN = "sign in again"
    RETRY_LATER = "retry later"
    CORRECT_THE_REQUEST = "correct the request"
    FIX_CONFIGURATION = "fix your configuration"
    TELL_THE_PEER = "the other side broke the protocol: tell its operator"


_NO_FACTS: Mapping[str, str] = MappingProxyType({})
_LONGEST_FACT = 300


def _log_safe(value: object) -> str:
    """On one line, printable, of bounded length: a peer wrote part of it."""
    text = str(value)[:_LONGEST_FACT]
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")


class FapiError(Exception):
    """Base of every error this project raises on purpose.

    `code` is the registered OAuth error code that goes on the wire, or None where nothing is sent.
    `clause` is the rule, written as `FAPI2-SP 5.3.3.1-5` or `RFC 9207 2.4`. `facts` are log-safe
    strings (expected, got, claim); no token, code, key or other secret is ever among them.
    """

    code: str | None = None
    clause: str = ""
    fault: Fault = Fault.PEER
    remedy: Remedy = Remedy.TELL_THE_PEER

    def __init__(
        self,
        message: str,
        *,
        clause: str | None = None,
        code: str | None = None,
        remedy: Remedy | None = None,
        facts: Mapping[str, object] = _NO_FACTS,
    ) -> None:
        super().__init__(message)
        self.message = message
        if clause is not None:
            self.clause = clause
        if code is not None:
            self.code = code
        if remedy is not None:
            self.remedy = remedy
        self.facts: Mapping[str, str] = MappingProxyType({k: _log_safe(v) for k, v in facts.items()})

    def __str__(self) -> str:
        return f"{self.message} [{self.clause}]" if self.clause else self.message


# --- configuration -------------------------------------------------------------------------------


class ConfigurationError(FapiError):
    """Settings that contradict each other or cannot work; raised at construction, naming them."""

    fault = Fault.CONFIGURATION
    remedy = Remedy.FIX_CONFIGURATION


class ForbiddenByProfile(ConfigurationError):
    """The chosen profile forbids what was configured or asked for."""


# --- transport -----------------------------------------------------------------------------------


class TransportError(FapiError):
    """No usable answer came back. It proves nothing: a caller that needed it cannot decide."""

    fault = Fault.TRANSPORT
    remedy = Remedy.RETRY_LATER


class Unreachable(TransportError):
    """The peer refused the connection, broke it, failed TLS or did not answer in time."""


class ResponseTooLarge(TransportError):
    """The body passed the cap set for this call."""


class UnexpectedRedirect(TransportError):
    """A back-channel endpoint answered with a redirect; none is ever followed."""

    clause = "RFC 9700 4.11"
    remedy = Remedy.TELL_THE_PEER


class InsecureUrl(TransportError):
    """A URL that is not https, outside loopback."""

    clause = "FAPI2-SP 5.2.1-1"
    fault = Fault.CONFIGURATION
    remedy = Remedy.FIX_CONFIGURATION


class UnusableAnswer(TransportError):
    """A server answered a question about its keys or about a token with something that settles nothing.

    It stands for what was wrong with that answer (the cause), so that a broken answer about a token is never
    taken for a broken token.
    """

    fault = Fault.PEER


class DeadlineExceeded(TransportError):
    """Work shared with other callers did not finish in the time this caller could wait."""


# --- stores --------------------------------------------------------------------------------------


class StoreError(FapiError):
    """A store could not do what was asked; whoever asked cannot decide."""

    fault = Fault.TRANSPORT
    remedy = Remedy.RETRY_LATER


class StoreFull(StoreError):
    """A bounded store holds only live entries and takes no more."""


class StoreUnavailable(StoreError):
    """The store did not answer."""


class SealBroken(StoreError):
    """A sealed value does not open: altered, cut short, or sealed under a key that is gone."""

    fault = Fault.PEER
    remedy = Remedy.SIGN_IN_AGAIN


# --- messages ------------------------------------------------------------------------------------


class MessageError(FapiError):
    """A peer's HTTP message cannot be used."""


class MalformedMessage(MessageError):
    """A message breaks its own syntax: duplicates, wrong types, bad encoding, missing members."""

    code = "invalid_request"
    clause = "RFC 6749 3.1"


class UnexpectedStatus(MessageError):
    """A status the specification does not provide for here."""


class PeerRefused(MessageError):
    """The peer answered with a well-formed OAuth error; `peer_code` is its code."""

    def __init__(self, message: str, *, peer_code: str, status: int, clause: str | None = None) -> None:
        super().__init__(message, clause=clause, facts={"error": peer_code, "status": status})
        self.peer_code = peer_code
        self.status = status


# --- metadata ------------------------------------------------------------------------------------


class MetadataError(FapiError):
    """An authorization server's metadata cannot be trusted or used."""


class IssuerMismatch(MetadataError):
    """The metadata's `issuer` is not the issuer it was asked of."""

    clause = "RFC 8414 3.3"


class MissingMetadata(MetadataError):
    """The metadata lacks a member that the profile or the request needs."""


# --- JWTs ----------------------------------------------------------------------------------------


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


# --- DPoP ----------------------------------------------------------------------------------------


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
    """The proof has no nonce, or one that is too old; `nonce` is the one to use next."""

    code = "use_dpop_nonce"
    clause = "RFC 9449 8"
    remedy = Remedy.CORRECT_THE_REQUEST

    def __init__(self, message: str, *, nonce: str, clause: str | None = None) -> None:
        super().__init__(message, clause=clause)
        self.nonce = nonce
