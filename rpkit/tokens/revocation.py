"""Giving tokens back: the refresh token first, which ends the grant, then what else is held.

Spec: RFC 7009 2.1, 2.2
Role: C
"""

from __future__ import annotations

from typing import Final

from fapikit.errors import PeerRefused
from fapikit.flow import Flow
from fapikit.http_message import read_refusal
from rpkit.back_channel import call_endpoint
from rpkit.bank import Bank
from rpkit.tokens.dpop_signer import signer_for
from rpkit.tokens.token_set import TokenSet, require_own

_CLAUSE: Final = "RFC 7009 2.2"


def revoke(bank: Bank, tokens: TokenSet) -> Flow[None]:
    """Revoke every token of the set and forget what is stored of it.

    What was refreshed elsewhere meanwhile is revoked too: the stored set, if newer, is the one given back. One of
    another login, which has taken the place of `tokens`, stays.
    Raises ForeignTransaction before anything is sent; PeerRefused, UnexpectedStatus, TransportError. Where the server
    revokes no access tokens and there is no refresh token, nothing has ended there: that is forgotten here, and raised.
    """
    require_own(tokens, bank.issuer, bank.settings.client_id)
    store = bank.settings.token_store
    stored = yield from store.load(tokens.key)
    replaced = stored is not None and stored.grant != tokens.grant
    newest = tokens if stored is None or replaced or stored.version < tokens.version else stored
    ended = newest.refresh_token is not None
    if newest.refresh_token is not None:
        yield from _revoke(bank, tokens, newest.refresh_token.reveal(), "refresh_token")
    unsupported: PeerRefused | None = None
    for token in newest.access_tokens:
        try:
            yield from _revoke(bank, tokens, token.value.reveal(), "access_token")
            ended = True
        except PeerRefused as error:
            if error.peer_code != "unsupported_token_type":  # RFC 7009 2.2.1: not every server can
                raise
            unsupported = error
    yield from store.forget(tokens.key, tokens.grant)
    if unsupported is not None and not ended:
        raise unsupported


def _revoke(bank: Bank, tokens: TokenSet, token: str, hint: str) -> Flow[None]:
    response = yield from call_endpoint(
        bank,
        "revocation_endpoint",
        (("token", token), ("token_type_hint", hint)),
        dpop=signer_for(bank, tokens.dpop),
    )
    if response.status != 200:
        raise read_refusal(response, clause=_CLAUSE)
