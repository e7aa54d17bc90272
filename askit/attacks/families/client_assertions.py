"""Client assertions of a stranger, for another server, of another time, or sent again.

Spec: RFC 7523 3; FAPI2-SP 5.3.2.1-6, 5.3.2.1-8, 5.4.1-1.2; rfc7523bis 4a
Role: AS
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from askit.attacks.altered_jwts import broken_signature, unsigned
from askit.attacks.attack import Attack, Came, answered
from askit.attacks.exchange import Exchange
from fapikit.jose.private_key import PrivateKey
from fapikit.scan_report import NotLookedAt

_MEANS: Final = "Somebody else asks in the name of this client."
_REPLAYED: Final = "What a hostile server was sent is used here: it asks in the name of this client."
_SIGNED: Final = "Verify the signature with the registered keys, by the algorithms of the profile."


def _assertion(
    name: str,
    write: Callable[[Exchange], str | None],
    sends: str,
    clause: str,
    remedy: str,
    means: str = _MEANS,
) -> Attack:
    def play(exchange: Exchange) -> Came:
        return answered(exchange.push(exchange.begun(), assertion=write(exchange)))

    return Attack(name, play, sends, means, clause, remedy)


def _claims(**claims: Any) -> Callable[[Exchange], str]:
    return lambda exchange: exchange.assertion(
        **{name: value(exchange) if callable(value) else value for name, value in claims.items()}
    )


@cache
def stranger(alg: str = "ES256") -> PrivateKey:
    return PrivateKey.generate(alg)


@cache
def impostor(own: PrivateKey) -> PrivateKey:
    """Another key, which goes by the name of this one."""
    return PrivateKey.generate(own.alg, kid=own.kid)


def _twice(exchange: Exchange) -> Came:
    assertion = exchange.assertion()
    first = exchange.push(exchange.begun(), assertion=assertion)
    if not first.is_success:
        return NotLookedAt(
            "replayed assertions", f"the first was answered with {first.status_code}", "a server at rest"
        )
    return answered(exchange.push(exchange.begun(), assertion=assertion))


ATTACKS: Final = (
    _assertion(
        "a pushed request of nobody",
        lambda _: None,
        "It has no client assertion.",
        "FAPI2-SP 5.3.2.2-4",
        "Authenticate the client at the endpoint for pushed requests.",
    ),
    _assertion(
        "an unsigned assertion",
        lambda exchange: unsigned(exchange.assertion()),
        "Its alg is none.",
        "FAPI2-SP 5.4.1-1.2",
        _SIGNED,
    ),
    _assertion(
        "an assertion with a broken signature",
        lambda exchange: broken_signature(exchange.assertion()),
        "Each octet of the signature is inverted.",
        "RFC 7523 3-9",
        _SIGNED,
    ),
    _assertion(
        "an assertion of a stranger",
        lambda exchange: exchange.assertion(key=impostor(exchange.party.key)),
        "Another key has signed it, under the kid of the client's key.",
        "RFC 7523 3-9",
        _SIGNED,
    ),
    _assertion(
        "an assertion with RS256",
        lambda exchange: exchange.assertion(key=stranger("RS256")),
        "Another key has signed it, with an algorithm that FAPI does not allow.",
        "FAPI2-SP 5.4.1-1.2",
        _SIGNED,
    ),
    _assertion(
        "an assertion for another server",
        _claims(aud="https://other.example"),
        "aud is another server.",
        "FAPI2-SP 5.3.2.1-8",
        "Accept your issuer as the audience, and nothing else.",
        _REPLAYED,
    ),
    _assertion(
        "an assertion for the token endpoint",
        _claims(aud=lambda exchange: exchange.metadata["token_endpoint"]),
        "aud is the URL of the token endpoint, which a hostile server can name as its own.",
        "FAPI2-SP 5.3.2.1-8",
        "Accept your issuer as the audience, and nothing else.",
        _REPLAYED,
    ),
    _assertion(
        "an assertion for several servers",
        _claims(aud=lambda exchange: [exchange.issuer, "https://other.example"]),
        "aud names this server and another.",
        "FAPI2-SP 5.3.2.1-8",
        "Accept one audience, as a string.",
        _REPLAYED,
    ),
    _assertion(
        "an assertion for no server",
        _claims(aud=None),
        "There is no aud.",
        "FAPI2-SP 5.3.2.1-8",
        "Demand aud.",
        _REPLAYED,
    ),
    _assertion(
        "an assertion of another issuer",
        _claims(iss="somebody-else"),
        "iss is another client.",
        "RFC 7523 3-1",
        "Compare iss with the client_id.",
    ),
    _assertion(
        "an assertion about another client",
        _claims(sub="somebody-else"),
        "sub is another client.",
        "RFC 7523 3-2",
        "Compare sub with the client_id.",
    ),
    _assertion(
        "an expired assertion",
        _claims(iat=lambda _: int(time.time()) - 3600, exp=lambda _: int(time.time()) - 3000),
        "It expired 50 minutes ago.",
        "RFC 7523 3-4",
        "Compare exp with the time.",
    ),
    _assertion(
        "an assertion that never expires",
        _claims(exp=None),
        "There is no exp.",
        "RFC 7523 3-4",
        "Demand exp.",
    ),
    Attack(
        "an assertion that was used before",
        _twice,
        "The same assertion comes with two requests.",
        _MEANS,
        "RFC 7523 3-7",
        "Remember the jti of each assertion until it expires.",
    ),
)
