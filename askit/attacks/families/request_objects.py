"""Request objects that the client did not sign, or for another server or time, or with parameters beside them.

Spec: FAPI2-MS 5.3.1; RFC 9101 5b, 6.1, 6.2, 6.3, 10.5
Role: AS
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from askit.attacks.altered_jwts import broken_signature, unsigned
from askit.attacks.attack import Attack, Came, answered
from askit.attacks.exchange import Exchange
from askit.attacks.families.client_assertions import impostor
from fapikit.scan_report import NotLookedAt

_MEANS: Final = "Somebody else writes what the user is asked to agree to."
_NONE_SIGNED: Final = NotLookedAt(
    "request objects", "this client does not sign its requests", "Party(signs_requests=True)"
)


def _object(
    name: str,
    write: Callable[[Exchange, Mapping[str, str]], str],
    sends: str,
    clause: str,
    remedy: str,
) -> Attack:
    def play(exchange: Exchange) -> Came:
        if not exchange.party.signs_requests:
            return _NONE_SIGNED
        form = {"client_id": exchange.party.client_id, "request": write(exchange, exchange.begun().form)}
        return answered(exchange.post("pushed_authorization_request_endpoint", form))

    return Attack(name, play, sends, _MEANS, clause, remedy)


def _claims(**claims: Any) -> Callable[[Exchange, Mapping[str, str]], str]:
    return lambda exchange, form: exchange.request_object(
        form, **{name: value() if callable(value) else value for name, value in claims.items()}
    )


def _plain(exchange: Exchange) -> Came:
    if not exchange.party.signs_requests:
        return _NONE_SIGNED
    return answered(exchange.post("pushed_authorization_request_endpoint", exchange.begun().form))


def _long_ago() -> int:
    return int(time.time()) - 7200


ATTACKS: Final = (
    Attack(
        "a request that is not signed at all",
        _plain,
        "The parameters come as a form, without a request object.",
        _MEANS,
        "FAPI2-MS 5.3.1-1",
        "Demand request objects of clients that sign.",
    ),
    _object(
        "an unsigned request object",
        lambda exchange, form: unsigned(exchange.request_object(form)),
        "Its alg is none.",
        "RFC 9101 10.5",
        "Refuse none.",
    ),
    _object(
        "a request object with a broken signature",
        lambda exchange, form: broken_signature(exchange.request_object(form)),
        "Each octet of the signature is inverted.",
        "RFC 9101 6.2",
        "Verify the signature with the registered keys.",
    ),
    _object(
        "a request object of a stranger",
        lambda exchange, form: exchange.request_object(form, key=impostor(exchange.party.key)),
        "Another key has signed it, under the kid of the client's key.",
        "RFC 9101 6.2",
        "Verify the signature with the registered keys.",
    ),
    _object(
        "a request object for another server",
        _claims(aud="https://other.example"),
        "aud is another server.",
        "FAPI2-MS 5.3.1-2",
        "Demand your issuer as the audience.",
    ),
    _object(
        "a request object without a beginning",
        _claims(nbf=None),
        "There is no nbf.",
        "FAPI2-MS 5.3.1-3",
        "Demand nbf.",
    ),
    _object(
        "an old request object",
        _claims(nbf=_long_ago, iat=_long_ago),
        "Its nbf lies two hours back.",
        "FAPI2-MS 5.3.1-3",
        "Refuse an nbf that lies more than an hour back.",
    ),
    _object(
        "a request object that never expires",
        _claims(exp=None),
        "There is no exp.",
        "FAPI2-MS 5.3.1-4",
        "Demand exp.",
    ),
    _object(
        "a request object of another client",
        _claims(client_id="somebody-else"),
        "The client_id inside is another.",
        "RFC 9101 5b",
        "Compare the client_id inside with that of the authenticated client.",
    ),
)
