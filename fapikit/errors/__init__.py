"""All errors. Each says which rule was broken, who broke it, and what to do next.

    FapiError
    ├── ConfigurationError            two settings contradict each other, or one cannot work
    │   └── ForbiddenByProfile        the profile forbids this setting or request
    ├── TransportError                no usable response came: the question stays undecided
    │   ├── Unreachable               connection refused, reset, timed out
    │   ├── ResponseTooLarge
    │   ├── UnexpectedRedirect        back-channel calls follow no redirect
    │   ├── InsecureUrl               not https, and not loopback
    │   ├── UnusableAnswer            a response about keys or tokens came, and cannot be used
    │   ├── KeyUndecided              an unknown key, and the key set may not be fetched again yet
    │   ├── RevocationUndecided       the revocation list of the authority is out of date
    │   └── DeadlineExceeded          shared work did not end in time
    ├── StoreError
    │   ├── StoreFull                 a bounded store never evicts a live entry
    │   ├── StoreUnavailable
    │   ├── StoreForgot               the store lost its data; wait until the lost marks no longer matter
    │   ├── UnfitStore                the store cannot keep what it is used for; a ConfigurationError too
    │   ├── UnreadableRecord          a stored value is not what was written there
    │   └── SealBroken                a sealed value was altered, or its key was removed
    ├── MessageError                  a peer's HTTP message cannot be used
    │   ├── MalformedMessage
    │   ├── UnexpectedStatus
    │   └── PeerRefused               a well-formed OAuth error: carries the peer's code
    ├── MetadataError
    │   ├── IssuerMismatch
    │   └── MissingMetadata
    ├── JwtError                      a JWT breaks a rule
    │   ├── MalformedJwt  JwtTooLarge  DuplicateMember
    │   ├── WrongJwtType  ForbiddenAlgorithm  UnknownCritical
    │   ├── JwtKeyError:  KeyNotFound  AmbiguousKey  UnusableKey: UnusablePrivateKey
    │   ├── BadSignature  DecryptionFailed  NotEncrypted  MalformedStatus
    │   ├── MissingSignature  UnexpectedSignature  ReplayedBody
    │   └── ClaimError                MissingClaim  MalformedClaim  ForbiddenClaim  WrongIssuer  WrongAudience
    │                                 WrongSubject  WrongNonce  WrongHash  Expired  NotYetValid  TooOld  LivesTooLong
    │                                 UntrustedAnchor
    ├── CertificateError              CertificateHeaderRefused  CertificateNotValidNow  UnfitCertificate
    │                                 UntrustedCertificate  RevokedCertificate  WrongCertificateSubject
    ├── HttpSignatureError            MissingHttpSignature  MalformedSignature  UncoveredComponent  UnknownComponent
    │                                 StaleSignature  WrongDigest  UnknownSignatureKey  WrongSignatureAlgorithm
    │                                 WrongSignature
    ├── SignalError                   WrongPushAuthorization  UnknownVerification  TooManyEvents
    └── DPoPError                     MissingProof  ManyProofs  WrongMethod  WrongUrl  StaleProof  ReplayedProof
                                      WrongTokenHash  WrongProofKey  NonceRequired

The roles add their own errors in `rpkit.errors`, `rskit.errors` and `askit.errors`. `docs/errors` has a page for each.
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
from fapikit.errors.http_signature import (
    HttpSignatureError,
    MalformedSignature,
    MissingHttpSignature,
    StaleSignature,
    UncoveredComponent,
    UnknownComponent,
    UnknownSignatureKey,
    WrongDigest,
    WrongSignature,
    WrongSignatureAlgorithm,
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
    MalformedStatus,
    MissingClaim,
    MissingSignature,
    NotEncrypted,
    NotYetValid,
    ReplayedBody,
    TooOld,
    UnexpectedSignature,
    UnknownCritical,
    UntrustedAnchor,
    UnusableKey,
    UnusablePrivateKey,
    WrongAudience,
    WrongHash,
    WrongIssuer,
    WrongJwtType,
    WrongNonce,
    WrongSubject,
)
from fapikit.errors.signals import SignalError, TooManyEvents, UnknownVerification, WrongPushAuthorization

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
    "HttpSignatureError",
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
    "MalformedSignature",
    "MalformedStatus",
    "ManyProofs",
    "MessageError",
    "MetadataError",
    "MissingClaim",
    "MissingHttpSignature",
    "MissingMetadata",
    "MissingProof",
    "MissingSignature",
    "NonceRequired",
    "NotEncrypted",
    "NotYetValid",
    "PeerRefused",
    "Remedy",
    "ReplayedBody",
    "ReplayedProof",
    "ResponseTooLarge",
    "RevocationUndecided",
    "RevokedCertificate",
    "SealBroken",
    "SignalError",
    "StaleProof",
    "StaleSignature",
    "StoreError",
    "StoreForgot",
    "StoreFull",
    "StoreUnavailable",
    "TooManyEvents",
    "TooOld",
    "TransportError",
    "UncoveredComponent",
    "UnexpectedRedirect",
    "UnexpectedSignature",
    "UnexpectedStatus",
    "UnfitCertificate",
    "UnfitStore",
    "UnknownComponent",
    "UnknownCritical",
    "UnknownSignatureKey",
    "UnknownVerification",
    "Unreachable",
    "UnreadableRecord",
    "UntrustedAnchor",
    "UntrustedCertificate",
    "UnusableAnswer",
    "UnusableKey",
    "UnusablePrivateKey",
    "WrongAudience",
    "WrongCertificateSubject",
    "WrongDigest",
    "WrongHash",
    "WrongIssuer",
    "WrongJwtType",
    "WrongMethod",
    "WrongNonce",
    "WrongProofKey",
    "WrongPushAuthorization",
    "WrongSignature",
    "WrongSignatureAlgorithm",
    "WrongSubject",
    "WrongTokenHash",
    "WrongUrl",
]
