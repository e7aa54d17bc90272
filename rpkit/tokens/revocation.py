"""Revocation of a token set: first the refresh token, which ends the grant, then the access tokens.

Spec: RFC 7009 2.1, 2.2
Role: C
"""

from __future__ import annotations

from typing import Final

from fapikit.errors import FapiError, PeerRefused
from fapikit.flow import Flow
from fapikit.http_message import raise_error_in_body, read_refusal
from fapikit.secrets import Secret
from rpkit.back_channel import call_endpoint
from rpkit.bank import Bank
from rpkit.errors import NotRevoked
from rpkit.tokens.dpop_signer import signer_for
from rpkit.tokens.token_set import TokenSet, require_own

_CLAUSE: Final = "RFC 7009 2.2"


def revoke(bank: Bank, tokens: TokenSet) -> Flow[None]:
    """Revoke every token of the set, and delete the stored set.

    If the stored set is newer than `tokens`, because another process has refreshed it, the stored set is revoked. A
    stored set of another login, which has replaced `tokens`, is left alone.
    Raises ForeignTransaction, MissingMetadata before anything is sent. Raises NotRevoked if the server refused a token
    or did not answer. Every token has been tried then, the stored set stays, and `revoke` can be called again.
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
            # RFC 7009 2.2.1: not every server can revoke access tokens. They expire soon after the grant has ended.
            # But without a refresh token, nothing has ended the grant.
            can_not = hint == "access_token" and error.peer_code == "unsupported_token_type"
            if not can_not or newest.refresh_token is None:
                refused.append((what, error))
        except FapiError as error:
            refused.append((what, error))
    if refused:
        raise NotRevoked(refused)
    yield from store.forget(tokens.key, tokens.grant)


def _tokens_of(tokens: TokenSet) -> list[tuple[str, str, Secret]]:
    """For each token its name for people, its `token_type_hint`, and its value; the refresh token first."""
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
    raise_error_in_body(response, clause=_CLAUSE)
