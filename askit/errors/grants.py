"""The refusals of what is redeemed: grants, codes and tokens. See the tree in `askit.errors`.

Role: AS
"""

from __future__ import annotations

from askit.errors.requests import Refused


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
