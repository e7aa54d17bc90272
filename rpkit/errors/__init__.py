"""The errors of a client. They are subclasses of the common errors (`fapikit.errors`).

FapiError
├── ConfigurationError
│   └── NoBrowser                     no browser can be opened here, and there is no other way to sign in
├── ForbiddenByProfile
│   └── RetiredGrant                  password, implicit: forbidden in every profile
├── TransportError
│   └── ServerBusy                    429 or 503: carries when to try again
├── MessageError
│   ├── AuthorizationResponseError    the response that came through the browser
│   │   ├── WrongResponseMode         two response modes at once, or not the requested one
│   │   ├── WrongRedirectUri          it came to another URL than the redirect URI of this transaction
│   │   ├── MissingResponseIssuer  WrongResponseIssuer
│   │   ├── MissingState  WrongState
│   │   ├── MissingCode
│   │   └── AuthorizationRefused      the server or the user refused this transaction
│   ├── InitiationRefused             another site wants to start a login, and its request is refused
│   ├── NotRevoked                    the server did not revoke a token
│   ├── ClaimsSourceError             a source of aggregated or distributed claims cannot be used
│   │   └── UnknownClaimsSource       no setting trusts its issuer, or names its endpoint
│   ├── WrongNotificationToken        a ping or a push that does not come from the server
│   ├── TokenResponseError            the response of the token endpoint
│   │   ├── WrongTokenType            an unbound token instead of a bound one, or the reverse
│   │   ├── UnaskedScope              more was granted than was asked for, where the profile does not bear that
│   │   ├── UnaskedDetails            a part of what was granted was asked for, and another came
│   │   ├── WrongIssuedTokenType      a token exchange gave something else than an access token
│   │   ├── UnboundToken              introspection shows no binding, or a binding to another key
│   │   └── MissingIdToken
│   └── RegistrationError             the response to a registration
├── ClaimError
│   ├── WrongAcr                      the user authenticated in a weaker way than was requested
│   ├── StaleLogin                    `auth_time` is missing, too old or in the future
│   ├── WrongRequestedClaim           an essential claim is missing or has another value
│   ├── WrongAuthReqId                the ID token of a push is about another request
│   ├── OtherUser                     the ID token is about another user than the one of the hint
│   └── BrokenContinuity              the ID token of a refresh differs from the first one
├── UserInfoError                     the response is unsigned where a signature was registered
├── TransactionError
│   ├── TransactionMissing  TransactionExpired  TransactionUsed  ForeignTransaction
├── DecoupledRequestError             the user decides on another device, and the request gave no tokens
│   ├── RequestDenied                 the user or the server said no
│   ├── RequestExpired                nobody decided in time
│   ├── RequestEnded                  the request was answered before: a request gives tokens once
│   └── WaitCancelled                 this application no longer waits
├── GrantEnded                        the refresh token is no longer valid: the user signs in again
└── ApiError                          a response of an API, or a call that must not be made
    ├── StepUpRequired                carries the parameters of the next authorization request
    ├── NoAccessToken  ForeignOrigin
    ├── NoSuchGrant                   the server knows no such grant, or it has ended
    ├── BodySpent                     a request must be sent again, and its body was a stream
    └── OtherAuthorizationServer      the API does not trust the server that issued these tokens
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fapikit.errors import (
    ClaimError,
    ConfigurationError,
    FapiError,
    Fault,
    ForbiddenByProfile,
    MessageError,
    Remedy,
    TransportError,
)
from rpkit.errors.api import (
    ApiError,
    BodySpent,
    ForeignOrigin,
    NoAccessToken,
    NoSuchGrant,
    OtherAuthorizationServer,
    StepUpRequired,
)
from rpkit.errors.claims import ClaimsSourceError, UnknownClaimsSource
from rpkit.errors.decoupled import (
    DecoupledRequestError,
    OtherUser,
    RequestDenied,
    RequestEnded,
    RequestExpired,
    WaitCancelled,
    WrongAuthReqId,
    WrongNotificationToken,
)

__all__ = [
    "ApiError",
    "AuthorizationRefused",
    "AuthorizationResponseError",
    "BodySpent",
    "BrokenContinuity",
    "ClaimsSourceError",
    "DecoupledRequestError",
    "ForeignOrigin",
    "ForeignTransaction",
    "GrantEnded",
    "InitiationRefused",
    "MissingCode",
    "MissingIdToken",
    "MissingResponseIssuer",
    "MissingState",
    "NoAccessToken",
    "NoSuchGrant",
    "NotRevoked",
    "OtherAuthorizationServer",
    "OtherUser",
    "RegistrationError",
    "RequestDenied",
    "RequestEnded",
    "RequestExpired",
    "RetiredGrant",
    "ServerBusy",
    "StaleLogin",
    "StepUpRequired",
    "TokenResponseError",
    "TransactionError",
    "TransactionExpired",
    "TransactionMissing",
    "TransactionUsed",
    "UnaskedDetails",
    "UnaskedScope",
    "UnboundToken",
    "UnknownClaimsSource",
    "UserInfoError",
    "WaitCancelled",
    "WrongAcr",
    "WrongAuthReqId",
    "WrongNotificationToken",
    "WrongRedirectUri",
    "WrongRequestedClaim",
    "WrongResponseIssuer",
    "WrongResponseMode",
    "WrongState",
    "WrongTokenType",
]


class NoBrowser(ConfigurationError):
    """A native app cannot open a browser, and it cannot be authorized as a device either."""

    clause = "RFC 8252 5"


class RetiredGrant(ForbiddenByProfile):
    """A grant that RFC 9700 forbids."""


class ServerBusy(TransportError):
    """The server asks the client to wait before it tries again: `retry_after` seconds, or None if it did not say.

    `peer_code`: the `error` in the response, if it has one.
    """

    clause = "RFC 9110 10.2.3"

    def __init__(
        self, message: str, *, status: int, retry_after: float | None, peer_code: str | None = None
    ) -> None:
        super().__init__(message, facts={"status": status, "retry_after": retry_after})
        self.retry_after = retry_after
        self.peer_code = peer_code


class AuthorizationResponseError(MessageError):
    """The authorization response is not the response to this transaction."""

    remedy = Remedy.SIGN_IN_AGAIN


class WrongResponseMode(AuthorizationResponseError):
    """The response has another response mode than was requested, or two response modes at once."""

    clause = "JARM 2.3"


class WrongRedirectUri(AuthorizationResponseError):
    """The response arrived at another URL than the redirect URI of this transaction."""

    clause = "FAPI1-BL 5.2.3-4"


class MissingResponseIssuer(AuthorizationResponseError):
    """The response has no `iss`, although the metadata announce it or the profile demands it."""

    clause = "RFC 9207 2.4b"


class WrongResponseIssuer(AuthorizationResponseError):
    """`iss` is not the server that this transaction was sent to. This is a mix-up attack."""

    clause = "RFC 9207 2.4a"


class MissingState(AuthorizationResponseError):
    """The response has no `state`, although the request had one."""

    clause = "RFC 9700 2.1c"


class WrongState(AuthorizationResponseError):
    """`state` is not the one of this transaction."""

    clause = "RFC 9700 2.1c"


class MissingCode(AuthorizationResponseError):
    """The response has neither a code nor an error."""

    clause = "RFC 6749 4.1.2"


class AuthorizationRefused(AuthorizationResponseError):
    """The server answered this transaction with an error.

    `peer_code` is its `error`, `peer_description` its `error_description`.
    """

    clause = "RFC 6749 4.1.2.1"

    def __init__(self, *, peer_code: str, remedy: Remedy, peer_description: str | None = None) -> None:
        description = "" if peer_description is None else f', "{peer_description}"'
        super().__init__(
            f"the authorization server answered {peer_code}{description}",
            remedy=remedy,
            facts={"error": peer_code},
        )
        self.peer_code = peer_code
        self.peer_description = peer_description


class InitiationRefused(MessageError):
    """Another site asks for a login at a server that is not ours, or for a page that is not ours after the login."""

    clause = "OIDC 4"


class NotRevoked(MessageError):
    """The server refused to revoke some tokens of a set, or did not answer. Every token of the set was tried.

    `refused`: for each of them its name ("refresh token", "access token for https://api.example") and the error.
    """

    clause = "RFC 7009 2.2"

    def __init__(self, refused: Sequence[tuple[str, FapiError]]) -> None:
        remedies = {error.remedy for _, error in refused}
        super().__init__(
            "not revoked: " + "; ".join(f"the {what}: {error.message}" for what, error in refused),
            remedy=Remedy.RETRY_LATER if Remedy.RETRY_LATER in remedies else refused[0][1].remedy,
            facts={"refused": len(refused)},
        )
        self.refused = tuple(refused)


class TokenResponseError(MessageError):
    """The successful response of the token endpoint cannot be used."""

    clause = "RFC 6749 5.1"


class WrongTokenType(TokenResponseError):
    """`token_type` is not the one that the request's sender constraint demands."""

    clause = "RFC 9449 5c"


class UnaskedScope(TokenResponseError):
    """The answer grants scope that the client did not ask for."""

    clause = "FAPI1-BL 5.2.3-10"


class UnaskedDetails(TokenResponseError):
    """The token was requested for a part of what was granted, and the answer is not that part."""

    clause = "RFC 9396 7"


class WrongIssuedTokenType(TokenResponseError):
    """`issued_token_type` of a token exchange is missing, or is not the type of an access token."""

    clause = "RFC 8693 2.2.1a"


class UnboundToken(TokenResponseError):
    """According to the server, the token is not bound to the key of its login."""

    clause = "RFC 9449 6"


class MissingIdToken(TokenResponseError):
    """The scope `openid` was granted, and the response has no ID token."""

    clause = "OIDC 3.1.3.3"


class RegistrationError(MessageError):
    """The response of the registration endpoint cannot be used, or the registration is weaker than was requested.

    `registration` is the `Registration` that exists at the server. Use it to update or to delete the registration.
    """

    clause = "RFC 7591 3.2.1"

    @property
    def registration(self) -> Any:
        return self.outcome


class WrongAcr(ClaimError):
    """`acr` is missing, or is not one of the requested values."""

    clause = "OIDC 3.1.3.7-12"
    remedy = Remedy.SIGN_IN_AGAIN


class StaleLogin(ClaimError):
    """`max_age` was sent, and `auth_time` is missing, older than `max_age`, or in the future."""

    clause = "OIDC 3.1.3.7-13"
    remedy = Remedy.SIGN_IN_AGAIN


class WrongRequestedClaim(ClaimError):
    """A claim was requested as essential. It is missing, or has none of the requested values."""

    clause = "OIDC 5.5.1"


class BrokenContinuity(ClaimError):
    """The ID token of a refresh has another issuer, user, client or `auth_time` than the first one."""

    clause = "OIDC 12.2"


class UserInfoError(MessageError):
    """The UserInfo response does not have the registered form (signed, encrypted)."""

    clause = "OIDC 5.3.2"


class TransactionError(FapiError):
    """The browser comes back from the server, and the login cannot be completed."""

    fault = Fault.USER
    remedy = Remedy.SIGN_IN_AGAIN
    clause = "RFC 9700 2.1c"


class TransactionMissing(TransactionError):
    """The browser that brings the response has not started this login, or has lost its cookie."""


class TransactionExpired(TransactionError):
    """The login took longer than `transaction_ttl`."""


class TransactionUsed(TransactionError):
    """A response to this transaction was already accepted."""

    clause = "RFC 9700 4.2.4"


class ForeignTransaction(TransactionError):
    """The transaction belongs to another client, server or redirect URI."""

    clause = "RFC 9700 2.1d"
    fault = Fault.CONFIGURATION
    remedy = Remedy.FIX_CONFIGURATION


class GrantEnded(FapiError):
    """The server no longer accepts the grant. The user has to sign in again."""

    clause = "RFC 6749 5.2"
    fault = Fault.USER
    remedy = Remedy.SIGN_IN_AGAIN
