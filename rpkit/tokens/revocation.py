"""Giving tokens back: the refresh token first, which ends the grant, then what else is held.

Spec: RFC 7009 2.1, 2.2
Role: C
"""

from __future__ import annotations

from typing import Final

from fapikit.errors import FapiError, PeerRefused
from fapikit.flow import Flow
from fapikit.http_message import read_refusal
from fapikit.secrets import Secret
from rpkit.back_channel import call_endpoint
from rpkit.bank import Bank
from rpkit.errors import NotRevoked
from rpkit.tokens.dpop_signer import signer_for
from rpkit.tokens.token_set import TokenSet, require_own

_CLAUSE: Final = "RFC 7009 2.2"


def revoke(bank: Bank, tokens: TokenSet) -> Flow[None]:
    """Revoke every token of the set and forget what is stored of it.

    What was refreshed elsewhere meanwhile is revoked too: the stored set, if newer, is the one given back. One of
    another login, which has taken the place of `tokens`, stays.
    Raises ForeignTransaction, MissingMetadata before anything is sent; NotRevoked once every token has been tried, if
    the server refused one or did not answer: then what is stored stays, and revoking can be tried again.
    """
    require_own(tokens, bank.issuer, bank.settings.client_id)
    bank.endpoint("revocation_endpoint")
    store = bank.settings.token_store
    stored = yield from store.load(tokens.key)
    replaced = stored is not None and stored.grant != tokens.grant
    newest = tokens if stored is None or replaced or stored.version < tokens.version else stored
    refused: list[tuple[str, FapiError]] = []
    for what, hint, token in _tokens_of(newest):
        try:
            yield from _revoke(bank, tokens, token, hint)
        except PeerRefused as error:
            # RFC 7009 2.2.1: not every server can revoke access tokens. They end by themselves, soon after the grant;
            # where there is no refresh token that ends it, nothing has been revoked.
            can_not = hint == "access_token" and error.peer_code == "unsupported_token_type"
            if not can_not or newest.refresh_token is None:
                refused.append((what, error))
        except FapiError as error:
            refused.append((what, error))
    if refused:
        raise NotRevoked(refused)
    yield from store.forget(tokens.key, tokens.grant)


def _tokens_of(tokens: TokenSet) -> list[tuple[str, str, Secret]]:
    """What each is for people, its hint, and itself: the refresh token first, which ends the grant."""
    found = [] if tokens.refresh_token is None else [("refresh token", "refresh_token", tokens.refresh_token)]
    for token in tokens.access_tokens:
        of = "" if token.resource is None else f" for {token.resource}"
        found.append((f"access token{of}", "access_token", token.value))
    return found


def _revoke(bank: Bank, tokens: TokenSet, token: Secret, hint: str) -> Flow[None]:
    response = yield from call_endpoint(
        bank,
        "revocation_endpoint",
        (("token", token), ("token_type_hint", hint)),
        dpop=signer_for(bank, tokens.dpop),
    )
    if not response.success:
        raise read_refusal(response, clause=_CLAUSE)
