"""What can go wrong for a client, as leaves of the common tree (`fapikit.errors`).

FapiError
├── ForbiddenByProfile
│   └── RetiredGrant                  password, implicit: withdrawn for everybody
├── TransportError
│   └── ServerBusy                    429 or 503: carries when to come back
├── MessageError
│   ├── AuthorizationResponseError    what came back through the browser
│   │   ├── WrongResponseMode         two modes mixed, or another one than was asked for
│   │   ├── WrongRedirectUri          it came to another address than the one of this transaction
│   │   ├── MissingResponseIssuer  WrongResponseIssuer
│   │   ├── MissingState  WrongState
│   │   ├── MissingCode
│   │   └── AuthorizationRefused      a genuine refusal by the server or the user
│   ├── InitiationRefused             a login that another site wants to begin
│   ├── NotRevoked                    the server refused to take a token back
│   ├── TokenResponseError            what came back from the token endpoint
│   │   ├── WrongTokenType            a bound token was due and an unbound one came, or the reverse
│   │   ├── UnboundToken              introspection shows no binding, or one to another key
│   │   └── MissingIdToken
│   └── RegistrationError             what came back from dynamic registration
├── ClaimError
│   ├── WrongAcr                      the login is weaker than was asked
│   ├── StaleLogin                    `auth_time` is missing, too long ago or yet to come
│   ├── WrongRequestedClaim           an essential claim is missing or has another value
│   └── BrokenContinuity              an ID token of a refresh that differs from the first
├── UserInfoError                     the answer is unsigned where a signature was registered
├── TransactionError
│   ├── TransactionMissing  TransactionExpired  TransactionUsed  ForeignTransaction
├── GrantEnded                        the refresh token is no longer good: sign in again
└── ApiError                          what an API answered, or what must not be asked of it
    ├── StepUpRequired                carries what to ask for
    ├── NoAccessToken  ForeignOrigin
    ├── BodySpent                     the API wants a request again whose body was a stream
    └── OtherAuthorizationServer      the API trusts other servers than the one of these tokens
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fapikit.errors import (
    ClaimError,
    FapiError,
    Fault,
    ForbiddenByProfile,
    MessageError,
    Remedy,
    TransportError,
)


class RetiredGrant(ForbiddenByProfile):
    """A way to a token that best practice has withdrawn."""


class ServerBusy(TransportError):
    """The server asks to be left alone for a while: `retry_after` seconds, if it says how long."""

    clause = "RFC 9110 10.2.3"

    def __init__(self, message: str, *, status: int, retry_after: float | None) -> None:
        super().__init__(message, facts={"status": status, "retry_after": retry_after})
        self.retry_after = retry_after


class AuthorizationResponseError(MessageError):
    """The response that the browser brought is not the answer to this transaction."""

    remedy = Remedy.SIGN_IN_AGAIN


class WrongResponseMode(AuthorizationResponseError):
    """Parameters arrived another way than was asked for, or two ways at once."""

    clause = "JARM 2.3"


class WrongRedirectUri(AuthorizationResponseError):
    """The response arrived at another address than this transaction's redirect URI."""

    clause = "FAPI1-BL 5.2.3-4"


class MissingResponseIssuer(AuthorizationResponseError):
    """No `iss`, though this server announces it or the profile demands it."""

    clause = "RFC 9207 2.4b"


class WrongResponseIssuer(AuthorizationResponseError):
    """`iss` is another server than the one this transaction was sent to: a mix-up."""

    clause = "RFC 9207 2.4a"


class MissingState(AuthorizationResponseError):
    """No `state`, though one was sent."""

    clause = "RFC 9700 2.1c"


class WrongState(AuthorizationResponseError):
    """`state` is not the one of this transaction."""

    clause = "RFC 9700 2.1c"


class MissingCode(AuthorizationResponseError):
    """Neither a code nor an error."""

    clause = "RFC 6749 4.1.2"


class AuthorizationRefused(AuthorizationResponseError):
    """The server answered this transaction with an error; `peer_code` is its code, `peer_description` its words."""

    clause = "RFC 6749 4.1.2.1"

    def __init__(self, *, peer_code: str, remedy: Remedy, peer_description: str | None = None) -> None:
        said = "" if peer_description is None else f', "{peer_description}"'
        super().__init__(
            f"the authorization server answered {peer_code}{said}", remedy=remedy, facts={"error": peer_code}
        )
        self.peer_code = peer_code
        self.peer_description = peer_description


class InitiationRefused(MessageError):
    """Another site wants a login to begin at a server, or to end at a page, that is not ours."""

    clause = "OIDC 4"


class NotRevoked(MessageError):
    """Every token of a set was tried, and the server refused to revoke some, or did not answer: `refused` has which.

    `refused`: for each of them what it is ("refresh token", "access token for https://api.example") and the error.
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
    """The token endpoint's success answer cannot be used."""

    clause = "RFC 6749 5.1"


class WrongTokenType(TokenResponseError):
    """`token_type` is not the one that the request's sender constraint demands."""

    clause = "RFC 9449 5c"


class UnboundToken(TokenResponseError):
    """The server does not know the token as bound to the key of its login."""

    clause = "RFC 9449 6"


class MissingIdToken(TokenResponseError):
    """`openid` was granted and no ID token came."""

    clause = "OIDC 3.1.3.3"


class RegistrationError(MessageError):
    """The registration endpoint's answer cannot be used, or registered something weaker than was asked.

    `registration` is the `Registration` that was made all the same: with it, it can be changed or given up.
    """

    clause = "RFC 7591 3.2.1"

    @property
    def registration(self) -> Any:
        return self.outcome


class WrongAcr(ClaimError):
    """`acr` is missing or not among those asked for."""

    clause = "OIDC 3.1.3.7-12"
    remedy = Remedy.SIGN_IN_AGAIN


class StaleLogin(ClaimError):
    """`auth_time` is missing although `max_age` was sent, lies further back, or lies in the future."""

    clause = "OIDC 3.1.3.7-13"
    remedy = Remedy.SIGN_IN_AGAIN


class WrongRequestedClaim(ClaimError):
    """A claim asked for as essential is missing or has none of the values asked for."""

    clause = "OIDC 5.5.1"


class BrokenContinuity(ClaimError):
    """The ID token of a refresh speaks of another issuer, user, client or login than the first one."""

    clause = "OIDC 12.2"


class UserInfoError(MessageError):
    """The UserInfo answer is not in the form that was registered."""

    clause = "OIDC 5.3.2"


class TransactionError(FapiError):
    """The login that the browser comes back from cannot be finished."""

    fault = Fault.USER
    remedy = Remedy.SIGN_IN_AGAIN
    clause = "RFC 9700 2.1c"


class TransactionMissing(TransactionError):
    """The browser that brings the answer has begun no such login, or has lost its cookie."""


class TransactionExpired(TransactionError):
    """The login took longer than its transaction lives."""


class TransactionUsed(TransactionError):
    """This transaction has had its answer."""

    clause = "RFC 9700 4.2.4"


class ForeignTransaction(TransactionError):
    """A transaction of another client, server or redirect URI."""

    clause = "RFC 9700 2.1d"
    fault = Fault.CONFIGURATION
    remedy = Remedy.FIX_CONFIGURATION


class GrantEnded(FapiError):
    """The server no longer honours the grant: the user has to sign in again."""

    clause = "RFC 6749 5.2"
    fault = Fault.USER
    remedy = Remedy.SIGN_IN_AGAIN


class ApiError(FapiError):
    """A call to an API cannot be made, or its answer must not be used."""


class StepUpRequired(ApiError):
    """The API wants a stronger or fresher login: `client.begin(scope=..., resources=..., **error.parameters)`.

    `scope`: what the API says is needed there, if it says so.
    """

    clause = "RFC 9470 4"
    fault = Fault.USER
    remedy = Remedy.SIGN_IN_AGAIN

    def __init__(
        self, message: str, *, acr_values: tuple[str, ...], max_age: int | None, scope: str | None
    ) -> None:
        super().__init__(message, facts={"acr_values": " ".join(acr_values), "max_age": max_age})
        self.acr_values = acr_values
        self.max_age = max_age
        self.scope = scope

    @property
    def parameters(self) -> dict[str, Any]:
        """What to add to an authorization request with the scopes that the application needs."""
        asked: dict[str, Any] = {}
        if self.acr_values:
            asked["acr_values"] = self.acr_values
        if self.max_age is not None:
            asked["max_age"] = self.max_age
        return asked


class NoAccessToken(ApiError):
    """The set holds no usable token for this resource, and no refresh token to get one with."""

    clause = "RFC 8707 2.2"
    fault = Fault.USER
    remedy = Remedy.SIGN_IN_AGAIN


class ForeignOrigin(ApiError):
    """Tokens go to the API they are for, and nowhere else."""

    clause = "RFC 9700 4.9.3"
    fault = Fault.CONFIGURATION
    remedy = Remedy.FIX_CONFIGURATION


class BodySpent(ApiError):
    """A request has to be sent again, which only the application can do: its body was a stream of unknown length."""

    clause = "RFC 9449 9"
    fault = Fault.CONFIGURATION
    remedy = Remedy.CORRECT_THE_REQUEST


class OtherAuthorizationServer(ApiError):
    """The API's metadata does not list the issuer of these tokens; `authorization_servers` are those it trusts."""

    clause = "RFC 9728 3.3b"
    fault = Fault.CONFIGURATION
    remedy = Remedy.FIX_CONFIGURATION

    def __init__(self, message: str, *, authorization_servers: tuple[str, ...]) -> None:
        super().__init__(message, facts={"authorization_servers": " ".join(authorization_servers)})
        self.authorization_servers = authorization_servers
