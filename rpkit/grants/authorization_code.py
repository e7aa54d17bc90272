"""The exchange of an authorization code. Only a verified callback has one.

Spec: RFC 6749 4.1.3; RFC 7636 4.5; FAPI2-SP 5.3.3.2-1, 6.4; RFC 8707 2.2
Role: C
"""

from __future__ import annotations

from fapikit.flow import Flow
from rpkit.bank import Bank
from rpkit.login.callback import VerifiedCallback
from rpkit.login.grant_management import scope_at_most
from rpkit.tokens.token_endpoint import TokenResponse, request_tokens


def exchange_code(bank: Bank, verified: VerifiedCallback, *, resource: str | None) -> Flow[TokenResponse]:
    """Send the code once. It is sent again only if the server demands a nonce: it has not used the code then."""
    transaction = verified.transaction
    form = (
        ("code", verified.code),
        ("redirect_uri", transaction.redirect_uri),
        ("code_verifier", transaction.verifier),
    )
    return (
        yield from request_tokens(
            bank,
            "authorization_code",
            form,
            dpop=transaction.dpop,
            resource=resource,
            asked_scope=scope_at_most(transaction),
        )
    )
