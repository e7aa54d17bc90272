"""Save and load the token set of a user, under the application's name for the user and this bank.

Spec: FAPI2-SP 6.8; RFC 9700 4.9.3
Role: C
"""

from __future__ import annotations

from fapikit.flow import Flow
from rpkit.bank import Bank
from rpkit.tokens.token_set import TokenKey, TokenSet, require_own


def save_tokens(bank: Bank, user: str, tokens: TokenSet, *, resource: str | None = None) -> Flow[TokenSet]:
    """`user`: the application's own name for the user. `resource`: separates several grants of one user.

    Raises ForeignTransaction, StoreError.
    """
    require_own(tokens, bank.issuer, bank.settings.client_id)
    named = tokens.under(TokenKey(user, bank.issuer, resource))
    yield from bank.settings.token_store.save(named)
    return named


def load_tokens(bank: Bank, user: str, *, resource: str | None = None) -> Flow[TokenSet | None]:
    """Raises StoreError, SealBroken."""
    return (yield from bank.settings.token_store.load(TokenKey(user, bank.issuer, resource)))
