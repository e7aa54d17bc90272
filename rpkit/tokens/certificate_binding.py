"""Certificate-bound access tokens, and the check that the present certificate can use them.

A certificate can be replaced while the process runs. The access tokens of the old certificate are then refreshed,
because the API would refuse them over a connection with the new one.

Spec: RFC 8705 3a, 3.1, 6.3, 7.1
Role: C
"""

from __future__ import annotations

from rpkit.bank import Bank
from rpkit.errors import NoAccessToken
from rpkit.tokens.token_set import AccessToken


def present_thumbprint(bank: Bank) -> str | None:
    """`x5t#S256` of the present certificate; None if access tokens are not bound to a certificate."""
    certificate = bank.settings.client_certificate
    if bank.settings.sender_constraint != "mtls" or certificate is None:
        return None
    return certificate.thumbprint


def is_usable(bank: Bank, token: AccessToken) -> bool:
    """Whether the token has not expired, and is not bound to another certificate than the present one."""
    return token.fresh(bank.now()) and _has_its_certificate(bank, token)


def require_certificate(bank: Bank, token: AccessToken) -> None:
    """Raises NoAccessToken for a token that is bound to another certificate than the present one."""
    if not _has_its_certificate(bank, token):
        raise NoAccessToken(
            "the access token is bound to a client certificate that has been replaced: refresh the token set",
            clause="RFC 8705 6.3",
            facts={"x5t#S256": token.x5t_s256},
        )


def _has_its_certificate(bank: Bank, token: AccessToken) -> bool:
    return token.x5t_s256 is None or token.x5t_s256 == present_thumbprint(bank)
