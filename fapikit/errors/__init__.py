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
    │   ├── KeyUndecided              an unknown key, and no look at the key set is due
    │   ├── RevocationUndecided       the authority's revocation list is out of date
    │   └── DeadlineExceeded          shared work did not end in time
    ├── StoreError
    │   ├── StoreFull                 a bounded store never evicts a live entry
    │   ├── StoreUnavailable
    │   ├── StoreForgot               it was emptied or replaced, and what was lost is waited out
    │   ├── UnfitStore                it answers, and cannot keep what it is used for; a ConfigurationError too
    │   ├── UnreadableRecord          what is stored is not what was written there
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
    │   ├── JwtKeyError:  KeyNotFound  AmbiguousKey  UnusableKey: UnusablePrivateKey
    │   ├── BadSignature  DecryptionFailed  NotEncrypted
    │   └── ClaimError                MissingClaim  MalformedClaim  ForbiddenClaim  WrongIssuer  WrongAudience
    │                                 WrongSubject  WrongNonce  WrongHash  Expired  NotYetValid  TooOld  LivesTooLong
    ├── CertificateError              CertificateHeaderRefused  CertificateNotValidNow  UnfitCertificate
    │                                 UntrustedCertificate  RevokedCertificate  WrongCertificateSubject
    └── DPoPError                     MissingProof  ManyProofs  WrongMethod  WrongUrl  StaleProof  ReplayedProof
                                      WrongTokenHash  WrongProofKey  NonceRequired

Roles add their own leaves in `rpkit.errors`, `rskit.errors` and `askit.errors`. `docs/errors.md` lists all.
"""

from fapikit.errors.base import (
    ConfigurationError,
    DeadlineExceeded,
    FapiError,
    Fault,
    ForbiddenByProfile,
    InsecureUrl,
    IssuerMismatch,
    KeyUndecided,
    MalformedMessage,
    MessageError,
    MetadataError,
    MissingMetadata,
    PeerRefused,
    Remedy,
    ResponseTooLarge,
    SealBroken,
    StoreError,
    StoreForgot,
    StoreFull,
    StoreUnavailable,
    TransportError,
    UnexpectedRedirect,
    UnexpectedStatus,
    UnfitStore,
    Unreachable,
    UnreadableRecord,
    UnusableAnswer,
)
from fapikit.errors.certificate import (
    CertificateError,
    CertificateHeaderRefused,
    CertificateNotValidNow,
    RevocationUndecided,
    RevokedCertificate,
    UnfitCertificate,
    UntrustedCertificate,
    WrongCertificateSubject,
)
from fapikit.errors.dpop import (
    DPoPError,
    ManyProofs,
    MissingProof,
    NonceRequired,
    ReplayedProof,
    StaleProof,
    WrongMethod,
    WrongProofKey,
    WrongTokenHash,
    WrongUrl,
)
from fapikit.errors.jwt import (
    AmbiguousKey,
    BadSignature,
    ClaimError,
    DecryptionFailed,
    DuplicateMember,
    Expired,
    ForbiddenAlgorithm,
    ForbiddenClaim,
    JwtError,
    JwtKeyError,
    JwtTooLarge,
    KeyNotFound,
    LivesTooLong,
    MalformedClaim,
    MalformedJwt,
    MissingClaim,
    NotEncrypted,
    NotYetValid,
    TooOld,
    UnknownCritical,
    UnusableKey,
    UnusablePrivateKey,
    WrongAudience,
    WrongHash,
    WrongIssuer,
    WrongJwtType,
    WrongNonce,
    WrongSubject,
)

__all__ = [
    "AmbiguousKey",
    "BadSignature",
    "CertificateError",
    "CertificateHeaderRefused",
    "CertificateNotValidNow",
    "ClaimError",
    "ConfigurationError",
    "DPoPError",
    "DeadlineExceeded",
    "DecryptionFailed",
    "DuplicateMember",
    "Expired",
    "FapiError",
    "Fault",
    "ForbiddenAlgorithm",
    "ForbiddenByProfile",
    "ForbiddenClaim",
    "InsecureUrl",
    "IssuerMismatch",
    "JwtError",
    "JwtKeyError",
    "JwtTooLarge",
    "KeyNotFound",
    "KeyUndecided",
    "LivesTooLong",
    "MalformedClaim",
    "MalformedJwt",
    "MalformedMessage",
    "ManyProofs",
    "MessageError",
    "MetadataError",
    "MissingClaim",
    "MissingMetadata",
    "MissingProof",
    "NonceRequired",
    "NotEncrypted",
    "NotYetValid",
    "PeerRefused",
    "Remedy",
    "ReplayedProof",
    "ResponseTooLarge",
    "RevocationUndecided",
    "RevokedCertificate",
    "SealBroken",
    "StaleProof",
    "StoreError",
    "StoreForgot",
    "StoreFull",
    "StoreUnavailable",
    "TooOld",
    "TransportError",
    "UnexpectedRedirect",
    "UnexpectedStatus",
    "UnfitCertificate",
    "UnfitStore",
    "UnknownCritical",
    "Unreachable",
    "UnreadableRecord",
    "UntrustedCertificate",
    "UnusableAnswer",
    "UnusableKey",
    "UnusablePrivateKey",
    "WrongAudience",
    "WrongCertificateSubject",
    "WrongHash",
    "WrongIssuer",
    "WrongJwtType",
    "WrongMethod",
    "WrongNonce",
    "WrongProofKey",
    "WrongSubject",
    "WrongTokenHash",
    "WrongUrl",
]
