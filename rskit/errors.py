"""What a resource server refuses, beside the errors of `fapikit.errors` that a token or a proof raises.

    FapiError
    ├── AccessRefused
    │   ├── NoCredentials             nothing was presented: challenged without an error code
    │   ├── UnusableCredentials       ManyCredentials  MalformedCredentials  TokenInQuery
    │   ├── InvalidToken              UnknownIssuer  InactiveToken  NotAnAccessToken  RevokedToken
    │   │   └── BindingRefused        NotSenderConstrained  WrongScheme  UnknownConfirmation
    │   │                             MissingCertificate  WrongCertificate
    │   ├── NotCovered                InsufficientScope  InsufficientDetails  InsufficientAuthentication
    │   └── RequestRefused            whatever the token says: `status`, and no challenge
    │       ├── TooManyProofs         of one key, lately: 429, for that key alone
    │       ├── UnusableIdempotencyKey  MalformedDetail
    │       └── IdempotencyKeyReused  ConsentInUse  ConsentUsed
    ├── ConfigurationError
    │   └── NothingRevoked            a call of `Denylist.revoke` that can refuse no token
    └── TransportError
        ├── IssuerUnusable            the issuer's metadata or introspection gave no answer that can be used
        └── OutcomeUnknown            whether a payment was executed cannot be told now

Spec: RFC 6750 3.1; RFC 9449 7; RFC 8705 3; RFC 9470 3; FAPI2-SP 5.3.4; Idempotency-Key 2.7
Role: RS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fapikit.errors import ConfigurationError, FapiError, Remedy, TransportError


class AccessRefused(FapiError):
    """The request does not pass. `code` goes into the challenge; None where none may (RFC 6750 3.1)."""

    remedy = Remedy.CORRECT_THE_REQUEST


class NoCredentials(AccessRefused):
    """No access token came with the request."""

    clause = "RFC 6750 3.1"


class UnusableCredentials(AccessRefused):
    """Credentials that cannot be read; never taken for no credentials."""

    code = "invalid_request"
    clause = "RFC 6750 3.1"


class ManyCredentials(UnusableCredentials):
    """More than one token, or more than one Authorization header."""


class MalformedCredentials(UnusableCredentials):
    """An Authorization header of a known scheme that does not hold one token."""

    clause = "RFC 6750 2.1"


class TokenInQuery(UnusableCredentials):
    """The token came in the URL, where logs and Referer headers keep it."""

    clause = "FAPI2-SP 5.3.4-2"


class InvalidToken(AccessRefused):
    """The token does not hold, whatever it would allow."""

    code = "invalid_token"
    clause = "FAPI2-SP 5.3.4-3"


class UnknownIssuer(InvalidToken):
    """No configured issuer is the token's."""

    clause = "RFC 9068 4-3"


class InactiveToken(InvalidToken):
    """Introspection says `active: false`: expired, revoked, unknown, or not meant for this server."""

    clause = "RFC 7662 2.2"
    remedy = Remedy.SIGN_IN_AGAIN


class NotAnAccessToken(InvalidToken):
    """Introspection names another `token_type` than Bearer or DPoP: an active refresh token opens nothing here."""

    clause = "RFC 7662 4"


class RevokedToken(InvalidToken):
    """The denylist of this server names the token, its subject or its client."""

    remedy = Remedy.SIGN_IN_AGAIN


class BindingRefused(InvalidToken):
    """Possession of the key or certificate that the token is bound to was not proven."""

    clause = "FAPI2-SP 5.3.4-5"


class NotSenderConstrained(BindingRefused):
    """A bearer token where the profile or the route demands a bound one."""


class WrongScheme(BindingRefused):
    """A DPoP-bound token under Bearer, or a token that is not under DPoP."""

    clause = "RFC 9449 7.2a"


class UnknownConfirmation(BindingRefused):
    """`cnf` holds no member known here: what cannot be verified is not ignored."""

    clause = "RFC 7800 3.1"


class MissingCertificate(BindingRefused):
    """The token is bound to a certificate, and the connection shows none."""

    clause = "RFC 8705 3b"


class WrongCertificate(BindingRefused):
    """The token is bound to another certificate than the connection's."""

    clause = "RFC 8705 3b"


class NotCovered(AccessRefused):
    """The token holds, and does not cover this request."""

    code = "insufficient_scope"
    clause = "FAPI2-SP 5.3.4-4"
    remedy = Remedy.SIGN_IN_AGAIN


class InsufficientScope(NotCovered):
    """`scopes`: all that this operation needs, for the challenge."""

    def __init__(self, message: str, *, scopes: tuple[str, ...], facts: Mapping[str, object]) -> None:
        super().__init__(message, facts=facts)
        self.scopes = scopes


class InsufficientDetails(NotCovered):
    """No granted authorization detail covers one that this request needs; `needed` are all of them."""

    clause = "RFC 9396 9"

    def __init__(
        self, message: str, *, needed: tuple[Mapping[str, Any], ...], facts: Mapping[str, object]
    ) -> None:
        super().__init__(message, facts=facts)
        self.needed = needed


class InsufficientAuthentication(NotCovered):
    """The user did not sign in strongly or recently enough; the challenge says what would be."""

    code = "insufficient_user_authentication"
    clause = "RFC 9470 3"

    def __init__(
        self, message: str, *, acr: tuple[str, ...], max_age: int | None, facts: Mapping[str, object]
    ) -> None:
        super().__init__(message, facts=facts)
        self.acr = acr
        self.max_age = max_age


class NothingRevoked(ConfigurationError):
    """A revocation that changes nothing: its tokens have all expired, or nobody here trusts their issuer.

    Whoever feeds a denylist from a queue may meet the first by being late: there it is no mistake.
    """


class IssuerUnusable(TransportError):
    """The authorization server answered with something that decides nothing: this is our outage, not the client's."""

    clause = "RFC 6750 3.1"


class RequestRefused(AccessRefused):
    """The request is refused whatever its token says: by `status`, without a challenge.

    `retry_after`: seconds after which the same request may pass; None where it never will.
    """

    status: int = 400
    retry_after: int | None = None


class TooManyProofs(RequestRefused):
    """The key that the token is bound to has used up its share of the replay marks that are kept."""

    code = "temporarily_unavailable"
    clause = "RFC 9449 11.1b"
    remedy = Remedy.RETRY_LATER
    status = 429
    retry_after = 1


class MalformedDetail(RequestRefused):
    """The request does not hold the members that this API executes, or holds others beside them."""

    code = "invalid_request"
    clause = "RFC 9396 9"


class UnreadableRequest(RequestRefused):
    """What the route's `details` needs of the request is not in it: the function raised, and is named."""

    code = "invalid_request"
    clause = "RFC 9396 9"


class UnusableIdempotencyKey(RequestRefused):
    """The header that tells a retry from another request is missing, or is not one key."""

    code = "invalid_request"
    clause = "Idempotency-Key 2.7"


class IdempotencyKeyReused(RequestRefused):
    """The key was sent before with another request."""

    code = "idempotency_key_reused"
    clause = "Idempotency-Key 2.7"
    status = 422


class ConsentInUse(RequestRefused):
    """A request with this key, or with this consent, is still under way; `retry_after` says when to ask again."""

    code = "consent_in_use"
    clause = "Idempotency-Key 2.7"
    remedy = Remedy.RETRY_LATER
    status = 409

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ConsentUsed(RequestRefused):
    """Each consent that covers the request was used up before, by other requests."""

    code = "consent_used"
    clause = "RFC 9396 9"
    remedy = Remedy.SIGN_IN_AGAIN
    status = 409


class OutcomeUnknown(TransportError):
    """Whether the request was executed cannot be told now. The consent stays reserved until `reconcile` tells."""

    clause = "Idempotency-Key 2.6"
