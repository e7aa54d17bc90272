"""The refusals of a resource server. The errors that a token or a proof raises are in `fapikit.errors`.

    FapiError
    ├── AccessRefused
    │   ├── NoCredentials             no token was presented: the challenge has no error code
    │   ├── InvalidToken              UnknownIssuer  InactiveToken  NotAnAccessToken  RevokedToken
    │   │                             UnknownStatus
    │   │   └── BindingRefused        NotSenderConstrained  WrongScheme  UnknownConfirmation
    │   │                             MissingCertificate  WrongCertificate
    │   ├── NotCovered                InsufficientScope  InsufficientDetails  InsufficientAuthentication
    │   └── RequestRefused            independent of the token: `status`, and no challenge
    │       ├── TooManyProofs         of one key in a short time: 429, for that key only
    │       ├── UnsignedRequest       RefusedSignature  UnknownSigner  CodedBody
    │       ├── BodyTooLarge          BodyTooSlow  BodyCutShort: the body of a request whose octets are checked
    │       └── IdempotencyKeyReused  ConsentInUse  ConsentUsed
    ├── ConfigurationError
    │   └── NothingRevoked            a call of `Denylist.revoke` that cannot refuse any token
    └── TransportError
        ├── IssuerUnusable            the issuer's metadata or introspection gave no usable answer
        └── OutcomeUnknown            it cannot be known now whether a payment was executed

Spec: RFC 6750 3.1; RFC 9449 7; RFC 8705 3; RFC 9470 3; FAPI2-SP 5.3.4; Idempotency-Key 2.7
Role: RS
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from fapikit.errors import ConfigurationError, FapiError, Remedy, TransportError


class AccessRefused(FapiError):
    """The request does not pass. `code` goes into the challenge; it is None where RFC 6750 3.1 allows no code."""

    remedy = Remedy.CORRECT_THE_REQUEST


class NoCredentials(AccessRefused):
    """No access token came with the request."""

    clause = "RFC 6750 3.1"


class UnusableCredentials(AccessRefused):
    """Credentials that cannot be read. They are never treated as missing."""

    code = "invalid_request"
    clause = "RFC 6750 3.1"


class ManyCredentials(UnusableCredentials):
    """More than one token, or more than one Authorization header."""


class MalformedCredentials(UnusableCredentials):
    """An Authorization header of a known scheme that does not contain exactly one token."""

    clause = "RFC 6750 2.1"


class TokenInQuery(UnusableCredentials):
    """The token came in the URL. Logs and Referer headers would keep it."""

    clause = "FAPI2-SP 5.3.4-2"


class ForwardedPrefixRefused(AccessRefused):
    """A proxy's X-Forwarded-Prefix is ambiguous, or no prefix of a path: correct what the proxy sends."""

    code = "invalid_request"
    clause = "RFC 9449 4.3-9"
    remedy = Remedy.FIX_CONFIGURATION


class InvalidToken(AccessRefused):
    """The token is not valid, whatever it was granted."""

    code = "invalid_token"
    clause = "FAPI2-SP 5.3.4-3"


class UnknownIssuer(InvalidToken):
    """The token's issuer is not configured."""

    clause = "RFC 9068 4-3"


class InactiveToken(InvalidToken):
    """Introspection returned `active: false`: expired, revoked, unknown, or issued for another server."""

    clause = "RFC 7662 2.2"
    remedy = Remedy.SIGN_IN_AGAIN


class NotAnAccessToken(InvalidToken):
    """Introspection returned a `token_type` other than Bearer or DPoP, for example of an active refresh token."""

    clause = "RFC 7662 4"


class RevokedToken(InvalidToken):
    """The denylist of this server contains the token, its subject or its client; or its status list says so."""

    remedy = Remedy.SIGN_IN_AGAIN


class UnknownStatus(InvalidToken):
    """The token has no entry in a status list, or in one that this server does not read."""

    clause = "TSL 8.3"


class BindingRefused(InvalidToken):
    """Possession of the key or certificate that the token is bound to was not proven."""

    clause = "FAPI2-SP 5.3.4-5"


class NotSenderConstrained(BindingRefused):
    """A bearer token where the profile or the route requires a sender-constrained one."""


class WrongScheme(BindingRefused):
    """A DPoP-bound token under Bearer, or a token without a DPoP binding under DPoP."""

    clause = "RFC 9449 7.2a"


class UnknownConfirmation(BindingRefused):
    """`cnf` has no member that is known here. A binding that cannot be verified is not ignored."""

    clause = "RFC 7800 3.1"


class MissingCertificate(BindingRefused):
    """The token is bound to a certificate, and the connection has none."""

    clause = "RFC 8705 3b"


class WrongCertificate(BindingRefused):
    """The token is bound to a certificate other than the connection's."""

    clause = "RFC 8705 3b"


class NotCovered(AccessRefused):
    """The token is valid, but does not cover this request."""

    code = "insufficient_scope"
    clause = "FAPI2-SP 5.3.4-4"
    remedy = Remedy.SIGN_IN_AGAIN


class InsufficientScope(NotCovered):
    """The token lacks a scope that this operation needs.

    `scopes`: all scopes that it needs, for the challenge.
    """

    def __init__(self, message: str, *, scopes: tuple[str, ...], facts: Mapping[str, object]) -> None:
        super().__init__(message, facts=facts)
        self.scopes = scopes


class InsufficientDetails(NotCovered):
    """A detail that this request needs is not covered by any granted one. `needed`: all details that it needs."""

    code = "insufficient_authorization_details"
    clause = "RFC 9396 9"

    def __init__(
        self, message: str, *, needed: tuple[Mapping[str, Any], ...], facts: Mapping[str, object]
    ) -> None:
        super().__init__(message, facts=facts)
        self.needed = needed


class InsufficientAuthentication(NotCovered):
    """The user's sign-in is too weak or too old. The challenge says what is required."""

    code = "insufficient_user_authentication"
    clause = "RFC 9470 3"

    def __init__(
        self, message: str, *, acr: tuple[str, ...], max_age: int | None, facts: Mapping[str, object]
    ) -> None:
        super().__init__(message, facts=facts)
        self.acr = acr
        self.max_age = max_age


class NothingRevoked(ConfigurationError):
    """A revocation that changes nothing: its tokens have all expired, or no resource server here trusts their issuer.

    If you feed a denylist from a queue, an entry can arrive after its tokens have expired. That is no mistake.
    """


class IssuerUnusable(TransportError):
    """The authorization server gave an answer that cannot be used. This is our outage, not the client's fault."""

    clause = "RFC 6750 3.1"


class RequestRefused(AccessRefused):
    """The request is refused with `status`, independent of its token and without a challenge.

    `retry_after`: seconds after which the same request may pass; None if it never will. `members`: what the body has
    besides `error` and `error_description`.
    """

    status: int = 400
    retry_after: int | None = None
    members: Mapping[str, Any] = MappingProxyType({})


class TooManyProofs(RequestRefused):
    """The key that the token is bound to has used up its share of the replay marks (remembered proofs)."""

    code = "temporarily_unavailable"
    clause = "RFC 9449 11.1b"
    remedy = Remedy.RETRY_LATER
    status = 429
    retry_after = 1


class UnsignedRequest(RequestRefused):
    """The route accepts only requests whose body is signed, and no signature of this one was verified."""

    code = "invalid_request"
    clause = "UK-JWS 6"


class RefusedSignature(RequestRefused):
    """The signature of the request is missing or bad. Its cause is the JwtError. `code` is that of its scheme."""

    def __init__(
        self,
        message: str,
        *,
        code: str,
        clause: str,
        facts: Mapping[str, object],
        members: Mapping[str, Any],
        status: int = 400,
    ) -> None:
        super().__init__(message, code=code, clause=clause, facts=facts)
        self.members = members
        self.status = status


class UnknownSigner(RequestRefused):
    """The client of the token is not one whose signatures this server can verify: it is not in `clients=`."""

    code = "invalid_client"
    clause = "UK-JWS 5"
    status = 403


class CodedBody(RequestRefused):
    """The body is compressed. The signature is over the body before compression, so it must come as it is."""

    code = "invalid_request"
    clause = "RFC 9110 15.5.16"
    status = 415


class BodyTooLarge(RequestRefused):
    """The body is longer than the budget of a check that needs all its octets: 413."""

    code = "invalid_request"
    clause = "RFC 9110 15.5.14"
    status = 413


class BodyTooSlow(RequestRefused):
    """The body did not come in time: 408."""

    code = "invalid_request"
    clause = "RFC 9110 15.5.9"
    status = 408


class BodyCutShort(RequestRefused):
    """The connection ended inside the body, or its announced length is not a number."""

    code = "invalid_request"
    clause = "RFC 9110 8.6"


class MalformedDetail(RequestRefused):
    """The request lacks members that this API executes, or has members that it does not execute."""

    code = "invalid_request"
    clause = "RFC 9396 9"


class UnreadableRequest(RequestRefused):
    """The request lacks what the route's `details` function needs. That function raised, and the message names it."""

    code = "invalid_request"
    clause = "RFC 9396 9"


class UnusableIdempotencyKey(RequestRefused):
    """The Idempotency-Key header is missing, or is not exactly one key."""

    code = "invalid_request"


class IdempotencyKeyReused(RequestRefused):
    """The key was sent before with another request."""

    code = "idempotency_key_reused"
    clause = "Idempotency-Key 2.7"
    status = 422


class ConsentInUse(RequestRefused):
    """A request with this key or this consent is still running. `retry_after`: seconds until the next try."""

    code = "consent_in_use"
    clause = "Idempotency-Key 2.7"
    remedy = Remedy.RETRY_LATER
    status = 409

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ConsentUsed(RequestRefused):
    """Each consent that covers the request was already used up by other requests."""

    code = "consent_used"
    clause = "RFC 9396 9"
    remedy = Remedy.SIGN_IN_AGAIN
    status = 409


class OutcomeUnknown(TransportError):
    """It cannot be known now whether the request was executed. The consent stays reserved until `reconcile` decides."""

    clause = "Idempotency-Key 2.6"
