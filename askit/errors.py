"""The refusals of this authorization server, one class per error code on the wire.

    FapiError
    └── Refused                       a request that is answered with an OAuth error
        ├── InvalidRequest            TooLarge  HeadTooLarge  TooSlow  MissingCertificate
        ├── NoSuchEndpoint            404 or 405, nothing is served at this path, or not for this method
        ├── InvalidRequestUri: AnsweredBefore  UnusableRequestUri  InvalidRequestObject  UnsupportedResponseType
        ├── ShareTaken                429, the share of one client, address or user is used up; TooManyPending
        ├── InvalidClient             401, client authentication failed; ReplayedAssertion  UnusableMetadataDocument
        ├── UnauthorizedClient        InvalidScope  InvalidTarget  InvalidAuthorizationDetails
        ├── InvalidGrant              UnsupportedGrantType  ForbiddenGrantType
        ├── InvalidGrantId            a grant that this client may not change for this user
        ├── NoSuchGrant               404 at the grant management endpoint; ForeignGrant is 403
        ├── AuthorizationPending      SlowDown  LapsedRequest: a poll (device, CIBA) that gets no tokens
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

from fapikit.errors import FapiError, Fault, Remedy


class Refused(FapiError):
    """A request that this server refuses. `status`: the HTTP status if it is answered directly."""

    status = 400
    remedy = Remedy.CORRECT_THE_REQUEST


class InvalidRequest(Refused):
    """A parameter is missing, malformed or not allowed here."""

    code = "invalid_request"
    clause = "RFC 6749 4.1.2.1"


class TooLarge(InvalidRequest):
    """A body, a parameter or a record is longer than this server accepts."""

    clause = "RFC 9126 2.3"
    status = 413


class HeadTooLarge(InvalidRequest):
    """The request target or the headers are longer than this server reads."""

    clause = "RFC 6585 5"
    status = 431


class TooSlow(InvalidRequest):
    """The body took longer than this server waits."""

    clause = "RFC 9110 15.5.9"
    status = 408


class NoSuchEndpoint(Refused):
    """Nothing is served at this path (404), or not for this method (405)."""

    code = "invalid_request"
    clause = "RFC 8414 3"

    def __init__(self, status: int) -> None:
        what = "this path does not accept this method" if status == 405 else "nothing is served at this path"
        super().__init__(f"{what}: the metadata of the issuer list its endpoints")
        self.status = status


class MissingCertificate(InvalidRequest):
    """The client's tokens are bound to its certificate, and the connection shows none."""

    clause = "RFC 8705 3.4"


class ShareTaken(Refused):
    """The share of this client, address or user in the store is used up for now."""

    code = "temporarily_unavailable"
    clause = "RFC 9126 2.3"
    status = 429
    remedy = Remedy.RETRY_LATER


class TooManyPending(ShareTaken):
    """So many authentication requests wait for this user that no further one is shown to him for now."""

    clause = "CIBA 7.1.2"


class InvalidRequestUri(Refused):
    """The request_uri is unknown, expired, already used, or of another client."""

    code = "invalid_request_uri"
    clause = "RFC 9126 4c"


class AnsweredBefore(InvalidRequestUri):
    """The user has already decided on this request. `grant_id`: the grant of that decision; empty if there is none."""

    clause = "RFC 9126 4b"
    grant_id = ""


class UnusableRequestUri(Refused):
    """A request_uri that the client did not register, or one with no request object behind it."""

    code = "invalid_request_uri"
    clause = "RFC 9101 5.2"


class InvalidRequestObject(Refused):
    """The signed request object breaks a rule."""

    code = "invalid_request_object"
    clause = "RFC 9101 6.2"


class UnsupportedResponseType(Refused):
    """A response type that the profile does not allow."""

    code = "unsupported_response_type"
    clause = "FAPI2-SP 5.3.2.2-1"


class InvalidClient(Refused):
    """The client did not authenticate."""

    code = "invalid_client"
    clause = "RFC 6749 2.3"
    status = 401


class ReplayedAssertion(InvalidClient):
    """The `jti` of this client assertion was used before."""

    clause = "OIDC 9"


class UnauthorizedClient(Refused):
    """This client is not registered for what it requests."""

    code = "unauthorized_client"
    clause = "RFC 6749 5.2"


class InvalidScope(Refused):
    """A scope that is unknown, not allowed for this client, or more than was granted."""

    code = "invalid_scope"
    clause = "RFC 6749 3.3"


class InvalidTarget(Refused):
    """The resource is unknown, not granted, or more than one."""

    code = "invalid_target"
    clause = "RFC 8707 2b"


class InvalidAuthorizationDetails(Refused):
    """An authorization detail of unknown type, or with an unknown, missing or ill-typed field."""

    code = "invalid_authorization_details"
    clause = "RFC 9396 5"


class InvalidGrant(Refused):
    """A code or refresh token that is unknown, used, expired, revoked, or of another client."""

    code = "invalid_grant"
    clause = "RFC 6749 5.2"


class InvalidGrantId(Refused):
    """The grant_id is unknown here, or the grant is of another client or user."""

    code = "invalid_grant_id"
    clause = "GM 5.4"


class NoSuchGrant(Refused):
    """No grant has this URL, or the grant has ended."""

    code = "invalid_request"
    clause = "GM 6.6"
    status = 404


class ForeignGrant(Refused):
    """The client may not do this with grants, or not with this one."""

    code = "unauthorized_client"
    clause = "GM 6.6"
    status = 403


class AuthorizationPending(Refused):
    """The user has not decided yet: poll again after the interval."""

    code = "authorization_pending"
    clause = "RFC 8628 3.5"
    remedy = Remedy.RETRY_LATER


class SlowDown(Refused):
    """Still pending, and this poll came too early: the interval is now five seconds longer."""

    code = "slow_down"
    clause = "RFC 8628 3.5"
    remedy = Remedy.RETRY_LATER


class LapsedRequest(Refused):
    """The `device_code` or `auth_req_id` has expired: stop polling, and start again if the user wants to."""

    code = "expired_token"
    clause = "RFC 8628 3.5"
    remedy = Remedy.SIGN_IN_AGAIN


class UnsupportedGrantType(Refused):
    """A grant type this server does not know."""

    code = "unsupported_grant_type"
    clause = "RFC 6749 5.2"


class ForbiddenGrantType(UnsupportedGrantType):
    """The password and implicit grants do not exist here."""

    clause = "FAPI2-SP 5.3.2.1-2"


class InvalidToken(Refused):
    """The access token is unknown, expired, revoked or bound to another key."""

    code = "invalid_token"
    clause = "RFC 6750 3.1"
    status = 401


class InsufficientScope(Refused):
    """The access token does not have the scope that this needs."""

    code = "insufficient_scope"
    clause = "RFC 6750 3.1"
    status = 403


class AccessDenied(Refused):
    """The user, or this server's policy, refused."""

    code = "access_denied"
    clause = "RFC 6749 4.1.2.1"
    fault = Fault.USER
    remedy = Remedy.SIGN_IN_AGAIN


class DeniedByPolicy(AccessDenied):
    """This server refuses an authentication request before it asks any user."""

    clause = "CIBA 13b"
    status = 403
    fault = Fault.PEER
    remedy = Remedy.CORRECT_THE_REQUEST


class UnknownUser(Refused):
    """The hint of an authentication request names nobody, or more than one user."""

    code = "unknown_user_id"
    clause = "CIBA 13a"


class ExpiredLoginHintToken(Refused):
    """The login_hint_token has expired."""

    code = "expired_login_hint_token"
    clause = "CIBA 13a"


class InvalidBindingMessage(Refused):
    """A binding message that cannot be shown to the user."""

    code = "invalid_binding_message"
    clause = "CIBA 13a"


class MissingUserCode(Refused):
    """This user is only asked if the request has the user's code."""

    code = "missing_user_code"
    clause = "CIBA 13a"


class InvalidUserCode(Refused):
    """The user code is not this user's."""

    code = "invalid_user_code"
    clause = "CIBA 13a"


class LoginRequired(Refused):
    """`prompt=none`, but nobody is signed in, or the sign-in is too old."""

    code = "login_required"
    clause = "OIDC 3.1.2.6"
    fault = Fault.USER
    remedy = Remedy.SIGN_IN_AGAIN


class ConsentRequired(Refused):
    """`prompt=none`, but the user has not agreed to this before."""

    code = "consent_required"
    clause = "OIDC 3.1.2.6"
    fault = Fault.USER
    remedy = Remedy.SIGN_IN_AGAIN


class UnmetAuthentication(Refused):
    """An essential `acr` that this server cannot provide."""

    code = "unmet_authentication_requirements"
    clause = "RFC 9470 5"


class InvalidRedirectUri(Refused):
    """A redirect URI that may not be registered."""

    code = "invalid_redirect_uri"
    clause = "RFC 7591 3.2.2"


class InvalidClientMetadata(Refused):
    """Client metadata that contradicts itself or the profile."""

    code = "invalid_client_metadata"
    clause = "RFC 7591 3.2.2"


class RegistrationsFull(Refused):
    """No further client can register itself."""

    code = "temporarily_unavailable"
    clause = "RFC 7591 5"
    status = 503
    remedy = Remedy.RETRY_LATER


class ServerError(Refused):
    """An unforeseen fault of this server."""

    code = "server_error"
    clause = "RFC 6749 4.1.2.1"
    status = 500
    fault = Fault.CONFIGURATION
    remedy = Remedy.TELL_THE_PEER


class PageRefused(Refused):
    """Shown to the user on a page: no redirect is safe, or the error is about the user's own form."""

    code = "invalid_request"
    fault = Fault.USER
    remedy = Remedy.SIGN_IN_AGAIN


class StaleForm(PageRefused):
    """The form does not belong to this browser's session."""

    clause = "RFC 9700 4.7"
    status = 403


class TooManyAttempts(PageRefused):
    """Too many wrong passwords for this user name or from this address."""

    clause = "FAPI1-BL 5.2.2-11"
    status = 429
    remedy = Remedy.RETRY_LATER
