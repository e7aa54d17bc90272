"""What ends at the user: a refusal, a sign-in that is missing or too weak, a page that is not shown.

See the tree in `askit.errors`.

Role: AS
"""

from __future__ import annotations

from askit.errors.requests import Refused
from fapikit.errors import Fault, Remedy


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
