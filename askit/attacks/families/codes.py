"""Codes that were stolen, injected, or used before.

Spec: FAPI2-SP 5.3.2.2-9; RFC 6749 4.1.2, 4.1.3; RFC 7636 4.6; RFC 9700 2.1.1c; RFC 9449 10
Role: AS
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from askit.attacks.attack import Attack, Came, answered
from askit.attacks.exchange import Exchange, accepted
from askit.attacks.families.front_channel import NO_OTHER
from fapikit.jose.private_key import PrivateKey
from fapikit.scan_report import NotLookedAt

_STOLEN: Final = "Who steals a code gets the tokens of its user."


def _redeemed(**how: Any) -> Callable[[Exchange], Came]:
    def play(exchange: Exchange) -> Came:
        begun = exchange.begun()
        return answered(exchange.redeem(begun, exchange.code(begun), **how))

    return play


def _twice(exchange: Exchange) -> Came:
    begun = exchange.begun()
    code = exchange.code(begun)
    accepted(exchange.redeem(begun, code))
    return answered(exchange.redeem(begun, code))


def _tokens_after_reuse(exchange: Exchange) -> Came:
    begun = exchange.begun()
    code = exchange.code(begun)
    token = accepted(exchange.redeem(begun, code))["access_token"]
    before = exchange.userinfo(token)
    if before is None or not before.is_success:
        return NotLookedAt(
            "tokens after a code was used twice", "there is no UserInfo to try them at", "the scope openid"
        )
    exchange.redeem(begun, code)
    after = exchange.userinfo(token)
    return None if after is None else answered(after)


def _by_another(exchange: Exchange) -> Came:
    if exchange.other is None:
        return NO_OTHER
    begun = exchange.begun()
    return answered(exchange.redeem(begun, exchange.code(begun), party=exchange.other))


def _with_another_key(exchange: Exchange) -> Came:
    begun = exchange.begun(dpop_jkt=exchange.key.thumbprint)
    code, key = exchange.code(begun), PrivateKey.generate("ES256")
    return answered(exchange.redeem(begun, code, proof=lambda url: exchange.proof("POST", url, key=key)))


def _crossed(exchange: Exchange) -> Came:
    """The attacker's verifier, for the code of the victim's request."""
    victims, own = exchange.begun(), exchange.begun()
    return answered(exchange.redeem(own, exchange.code(victims)))


ATTACKS: Final = (
    Attack(
        "a code that was used",
        _twice,
        "The code comes a second time, with all that belongs to it.",
        _STOLEN,
        "FAPI2-SP 5.3.2.2-9",
        "Use a code once.",
    ),
    Attack(
        "tokens of a code that was used twice",
        _tokens_after_reuse,
        "After the code has come a second time, the token of the first is used.",
        "Thief or owner, one of the two goes on with tokens of a stolen code.",
        "RFC 6749 4.1.2",
        "Revoke what a code gave when it comes again.",
    ),
    Attack(
        "a code with another verifier",
        _crossed,
        "The code_verifier belongs to another request.",
        _STOLEN,
        "RFC 7636 4.6",
        "Compare the code_verifier with the code_challenge.",
    ),
    Attack(
        "a code without a verifier",
        _redeemed(changes={"code_verifier": None}),
        "There is no code_verifier.",
        _STOLEN,
        "RFC 9700 2.1.1c",
        "Demand the code_verifier wherever there was a code_challenge.",
    ),
    Attack(
        "a code of nobody",
        _redeemed(assertion=None),
        "The token request has no client assertion.",
        _STOLEN,
        "FAPI2-SP 5.3.2.1-6",
        "Authenticate the client.",
    ),
    Attack(
        "a code of another client",
        _by_another,
        "Another client redeems the code, in its own name.",
        _STOLEN,
        "RFC 6749 4.1.3",
        "Bind each code to the client that asked for it.",
    ),
    Attack(
        "a code with another key",
        _with_another_key,
        "The request had a dpop_jkt, and the proof is of another key.",
        _STOLEN,
        "RFC 9449 10",
        "Compare the key of the proof with dpop_jkt.",
    ),
)
