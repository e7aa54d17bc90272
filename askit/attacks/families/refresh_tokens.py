"""Refresh tokens that were stolen, or that are to give more than was agreed.

Spec: RFC 6749 6, 10.4; FAPI2-SP 5.3.2.1-6
Role: AS
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import httpx

from askit.attacks.attack import Attack, Came, answered
from askit.attacks.exchange import Exchange, accepted
from askit.attacks.families.front_channel import NO_OTHER
from fapikit.scan_report import NotLookedAt

_STOLEN: Final = "Who steals a refresh token has the account for months."
_NO_TOKEN: Final = NotLookedAt(
    "refresh tokens", "the honest login brings none", "a client that may have them, or the scope for it"
)


def _refreshed(
    ask: Callable[[Exchange, str], httpx.Response], scope: str | None = None
) -> Callable[[Exchange], Came]:
    def play(exchange: Exchange) -> Came:
        begun = exchange.begun(**({} if scope is None else {"scope": scope}))
        token = accepted(exchange.redeem(begun, exchange.code(begun))).get("refresh_token")
        return _NO_TOKEN if token is None else answered(ask(exchange, token))

    return play


def _refresh(exchange: Exchange, token: str, **how: Any) -> httpx.Response:
    form = {"grant_type": "refresh_token", "refresh_token": token}
    return exchange.post("token_endpoint", form, **how)


def _by_another(exchange: Exchange) -> Came:
    if exchange.other is None:
        return NO_OTHER
    return _refreshed(lambda exchange, token: _refresh(exchange, token, party=exchange.other))(exchange)


def _widened(exchange: Exchange) -> Came:
    *fewer, _ = exchange.party.scope.split()
    if not fewer:
        return NotLookedAt("wider scopes", "the scope is one word", 'Party(scope="openid accounts")')

    def ask(exchange: Exchange, token: str) -> httpx.Response:
        form = {"grant_type": "refresh_token", "refresh_token": token, "scope": exchange.party.scope}
        return exchange.post("token_endpoint", form)

    return _refreshed(ask, " ".join(fewer))(exchange)


ATTACKS: Final = (
    Attack(
        "a refresh token of nobody",
        _refreshed(lambda exchange, token: _refresh(exchange, token, assertion=None)),
        "The token request has no client assertion.",
        _STOLEN,
        "FAPI2-SP 5.3.2.1-6",
        "Authenticate the client.",
    ),
    Attack(
        "a refresh token of another client",
        _by_another,
        "Another client uses the refresh token, in its own name.",
        _STOLEN,
        "RFC 6749 10.4",
        "Bind each refresh token to the client that it was given to.",
    ),
    Attack(
        "a refresh token without a proof",
        _refreshed(lambda exchange, token: _refresh(exchange, token, proof=lambda _: None)),
        "The token request has no DPoP header.",
        "The new access token is bound to nothing.",
        "FAPI2-SP 5.3.2.1-4",
        "Refuse to give tokens that are bound to nothing.",
    ),
    Attack(
        "a refresh token for more",
        _widened,
        "The scope is wider than the user has agreed to.",
        "A client gives itself what its user did not.",
        "RFC 6749 6",
        "Refuse a scope that was not granted.",
    ),
)
