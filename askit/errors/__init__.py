"""The refusals of this authorization server, one class per error code on the wire.

    FapiError
    └── Refused                       a request that is answered with an OAuth error
        ├── InvalidRequest            TooLarge  HeadTooLarge  TooSlow  MissingCertificate
        ├── NoSuchEndpoint            404 or 405, nothing is served at this path, or not for this method
        ├── InvalidRequestUri: AnsweredBefore  UnusableRequestUri  InvalidRequestObject  UnsupportedResponseType
        ├── ShareTaken                429, the share of one client, address or user is used up; TooManyPending
        ├── NoReceiver                403, Shared Signals: NoSuchStream 404, StreamExists 409, TooManyVerifications 429
        ├── InvalidClient             401, client authentication failed; ReplayedAssertion  UnusableMetadataDocument
        ├── UnauthorizedClient        InvalidScope  InvalidTarget  InvalidAuthorizationDetails
        ├── InvalidGrant              UnsupportedGrantType  ForbiddenGrantType
        ├── InvalidGrantId            a grant that this client may not change for this user
        ├── NoSuchGrant               404 at the grant management endpoint; ForeignGrant is 403
        ├── AuthorizationPending      SlowDown  LapsedRequest: a poll (device, CIBA) that gets no tokens
        ├── InvalidIntent             a lodged body breaks its schema; NoSuchIntent: 404
        ├── UnusableIdempotencyKey    IdempotencyKeyReused: 422
        ├── IntentRefused             MalformedIntentRequest  UnknownIntent  LapsedIntent  UsedIntent  RejectedIntent
        │                             RevokedIntent
        ├── InvalidToken              401 at UserInfo and registration; InsufficientScope is 403
        ├── UnknownUser               ExpiredLoginHintToken  InvalidBindingMessage  MissingUserCode  InvalidUserCode
        ├── AccessDenied              the user refused; DeniedByPolicy: 403, before any user was asked
        │   LoginRequired             ConsentRequired  UnmetAuthentication
        ├── InvalidRedirectUri        InvalidClientMetadata  RegistrationsFull (registration)
        │   InvalidSoftwareStatement  UnapprovedSoftwareStatement (both are InvalidClientMetadata)
        ├── ServerError               500
        └── PageRefused               shown to the user, never redirected: StaleForm  TooManyAttempts

Role: AS
"""

from __future__ import annotations

from askit.errors.clients import (
    InvalidClient,
    InvalidClientMetadata,
    InvalidRedirectUri,
    InvalidSoftwareStatement,
    RegistrationsFull,
    ReplayedAssertion,
    UnapprovedSoftwareStatement,
    UnauthorizedClient,
    UnusableMetadataDocument,
)
from askit.errors.decoupled import (
    AuthorizationPending,
    ExpiredLoginHintToken,
    InvalidBindingMessage,
    InvalidUserCode,
    LapsedRequest,
    MissingUserCode,
    SlowDown,
    TooManyPending,
    UnknownUser,
)
from askit.errors.grants import (
    ForbiddenGrantType,
    ForeignGrant,
    InsufficientScope,
    InvalidGrant,
    InvalidGrantId,
    InvalidToken,
    NoSuchGrant,
    UnsupportedGrantType,
)
from askit.errors.intents import (
    IdempotencyKeyReused,
    IntentRefused,
    InvalidIntent,
    LapsedIntent,
    MalformedIntentRequest,
    NoSuchIntent,
    RejectedIntent,
    RevokedIntent,
    UnknownIntent,
    UnusableIdempotencyKey,
    UsedIntent,
)
from askit.errors.requests import (
    AnsweredBefore,
    HeadTooLarge,
    InvalidAuthorizationDetails,
    InvalidRequest,
    InvalidRequestObject,
    InvalidRequestUri,
    InvalidScope,
    InvalidTarget,
    MissingCertificate,
    NoSuchEndpoint,
    Refused,
    ServerError,
    ShareTaken,
    TooLarge,
    TooSlow,
    UnsupportedResponseType,
    UnusableRequestUri,
)
from askit.errors.signals import NoReceiver, NoSuchStream, StreamExists, TooManyVerifications
from askit.errors.users import (
    AccessDenied,
    ConsentRequired,
    DeniedByPolicy,
    LoginRequired,
    PageRefused,
    StaleForm,
    TooManyAttempts,
    UnmetAuthentication,
)

__all__ = [
    "AccessDenied",
    "AnsweredBefore",
    "AuthorizationPending",
    "ConsentRequired",
    "DeniedByPolicy",
    "ExpiredLoginHintToken",
    "ForbiddenGrantType",
    "ForeignGrant",
    "HeadTooLarge",
    "IdempotencyKeyReused",
    "InsufficientScope",
    "IntentRefused",
    "InvalidAuthorizationDetails",
    "InvalidBindingMessage",
    "InvalidClient",
    "InvalidClientMetadata",
    "InvalidGrant",
    "InvalidGrantId",
    "InvalidIntent",
    "InvalidRedirectUri",
    "InvalidRequest",
    "InvalidRequestObject",
    "InvalidRequestUri",
    "InvalidScope",
    "InvalidSoftwareStatement",
    "InvalidTarget",
    "InvalidToken",
    "InvalidUserCode",
    "LapsedIntent",
    "LapsedRequest",
    "LoginRequired",
    "MalformedIntentRequest",
    "MissingCertificate",
    "MissingUserCode",
    "NoReceiver",
    "NoSuchEndpoint",
    "NoSuchGrant",
    "NoSuchIntent",
    "NoSuchStream",
    "PageRefused",
    "Refused",
    "RegistrationsFull",
    "RejectedIntent",
    "ReplayedAssertion",
    "RevokedIntent",
    "ServerError",
    "ShareTaken",
    "SlowDown",
    "StaleForm",
    "StreamExists",
    "TooLarge",
    "TooManyAttempts",
    "TooManyPending",
    "TooManyVerifications",
    "TooSlow",
    "UnapprovedSoftwareStatement",
    "UnauthorizedClient",
    "UnknownIntent",
    "UnknownUser",
    "UnmetAuthentication",
    "UnsupportedGrantType",
    "UnsupportedResponseType",
    "UnusableIdempotencyKey",
    "UnusableMetadataDocument",
    "UnusableRequestUri",
    "UsedIntent",
]
