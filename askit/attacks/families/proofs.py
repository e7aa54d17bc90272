"""DPoP proofs at the token endpoint that prove nothing.

Spec: RFC 9449 4.3, 5; FAPI2-SP 5.3.2.1-4
Role: AS
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from askit.attacks.altered_jwts import broken_signature, unsigned
from askit.attacks.attack import Attack, Came, answered
from askit.attacks.exchange import Exchange, accepted
from askit.attacks.families.client_assertions import stranger

_MEANS: Final = "Tokens are bound to a key that its owner has not used here, or to none."


def _proof(
    name: str, write: Callable[[Exchange, str], str | None], sends: str, clause: str, remedy: str
) -> Attack:
    def play(exchange: Exchange) -> Came:
        begun = exchange.begun()
        code = exchange.code(begun)
        return answered(exchange.redeem(begun, code, proof=lambda url: write(exchange, url)))

    return Attack(name, play, sends, _MEANS, clause, remedy)


def _claims(**claims: Any) -> Callable[[Exchange, str], str]:
    return lambda exchange, url: exchange.proof("POST", url, **claims)


def _header(**header: Any) -> Callable[[Exchange, str], str]:
    return lambda exchange, url: exchange.proof("POST", url, header=header)


def _twice(exchange: Exchange) -> Came:
    first, second = exchange.begun(), exchange.begun()
    codes = exchange.code(first), exchange.code(second)
    made: list[str] = []

    def proof(url: str) -> str:
        made.append(exchange.proof("POST", url))
        return made[-1]

    accepted(exchange.redeem(first, codes[0], proof=proof))
    return answered(exchange.redeem(second, codes[1], proof=lambda _: made[-1]))


ATTACKS: Final = (
    _proof(
        "a token request without a proof",
        lambda *_: None,
        "It has no DPoP header.",
        "FAPI2-SP 5.3.2.1-4",
        "Refuse to give tokens that are bound to nothing.",
    ),
    _proof(
        "an unsigned proof",
        lambda exchange, url: unsigned(exchange.proof("POST", url)),
        "Its alg is none.",
        "RFC 9449 4.3-5",
        "Allow asymmetric algorithms only.",
    ),
    _proof(
        "a proof with a broken signature",
        lambda exchange, url: broken_signature(exchange.proof("POST", url)),
        "Each octet of the signature is inverted.",
        "RFC 9449 4.3-6",
        "Verify the signature with the key in the header.",
    ),
    _proof(
        "a proof that shows another key",
        lambda exchange, url: exchange.proof("POST", url, header={"jwk": dict(stranger().public_jwk)}),
        "Its jwk is not the key that signed it.",
        "RFC 9449 4.3-6",
        "Verify the signature with the key in the header.",
    ),
    _proof(
        "a proof with its private key",
        lambda exchange, url: exchange.proof("POST", url, header={"jwk": exchange.key.to_private_jwk()}),
        "Its jwk has the private part.",
        "RFC 9449 4.3-7",
        "Refuse a jwk with private members.",
    ),
    _proof(
        "a proof of another kind",
        _header(typ="JWT"),
        "Its typ is JWT.",
        "RFC 9449 4.3-4",
        "Demand the typ dpop+jwt.",
    ),
    _proof(
        "a proof for another method",
        _claims(htm="GET"),
        "htm is GET.",
        "RFC 9449 4.3-8",
        "Compare htm with the method.",
    ),
    _proof(
        "a proof for another URL",
        _claims(htu="https://other.example/token"),
        "htu is the endpoint of another server.",
        "RFC 9449 4.3-9",
        "Compare htu with your own URL.",
    ),
    _proof(
        "an old proof",
        lambda exchange, url: exchange.proof("POST", url, iat=int(time.time()) - 3600),
        "It was made an hour ago.",
        "RFC 9449 4.3-11",
        "Refuse proofs that were not made recently.",
    ),
    _proof(
        "a proof without its time",
        _claims(iat=None),
        "There is no iat.",
        "RFC 9449 4.3-3",
        "Demand iat.",
    ),
    _proof(
        "a proof without its number",
        _claims(jti=None),
        "There is no jti.",
        "RFC 9449 4.3-3",
        "Demand jti.",
    ),
    Attack(
        "a proof that was used before",
        _twice,
        "The same proof comes with two token requests.",
        _MEANS,
        "RFC 9449 11.1",
        "Remember the jti of each proof for as long as it is good.",
    ),
)
