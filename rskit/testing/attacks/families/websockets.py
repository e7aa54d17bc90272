"""Websockets that are opened without a token, or with an invalid one.

Spec: RFC 6455 4.2; FAPI2-SP 5.3.4-1 (RS-19, N13 of the threats)
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from fapikit.scan_report import NotLookedAt
from rskit.testing.attacks.answer import Headers
from rskit.testing.attacks.attack import Attack, Came, Trial
from rskit.testing.attacks.declared import Family, Maker, Row
from rskit.testing.attacks.forger import Forger

_HANDSHAKE: Final = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "ZmFwaWtpdCBmYXBpa2l0IQ=="),
]
_OPEN: Final = 101


def not_opened(trial: Trial, _: frozenset[int]) -> Came:
    """Everything that is not accepted is refused. Before it is accepted, nothing of the endpoint may run."""
    if trial.ran:
        return f"{trial.answers[-1].status}, and the endpoint ran"
    return str(_OPEN) if trial.answers[-1].status == _OPEN else None


def _opened(write: Callable[[Forger], Headers]) -> Maker:
    def make(forger: Forger) -> Attack:
        url = str(forger.reach.websocket)
        honest = _with()(forger)
        return forger.attack(
            [*_HANDSHAKE, *write(forger)],
            url=url,
            method="GET",
            odd=True,
            control=(url, [*_HANDSHAKE, *honest]),
            unless=NOT_OPENED,
            judge=not_opened,
        )

    return make


def _with(**changes: Any) -> Callable[[Forger], Headers]:
    def write(forger: Forger) -> Headers:
        url = str(forger.reach.websocket)
        asked = f"http{url.removeprefix('ws')}"  # RFC 9449 4.2 calls this the HTTP target URI
        return forger.headers(forger.token(**changes), url=asked, method="GET")

    return write


def _expired(forger: Forger) -> Headers:
    return _with(exp=forger.now() - 3600, iat=forger.now() - 7200)(forger)


def _in_the_query(forger: Forger) -> Attack:
    attack = _opened(lambda _: [])(forger)
    assert isinstance(attack, Attack)  # noqa: S101
    url, headers = attack.requests[0]
    return attack._replace(requests=((f"{url}?access_token={forger.token()}", headers),))


def _subprotocol(forger: Forger) -> Headers:
    return [("Sec-WebSocket-Protocol", f"bearer, {forger.token()}")]


NO_WEBSOCKET: Final = NotLookedAt(
    "websockets", "no websocket was named", "Reach(websocket='wss://...') for a route that this token opens"
)
NOT_OPENED: Final = NotLookedAt(
    "an honest handshake was not accepted with 101, so a refusal shows nothing",
    "an honest handshake was not accepted with 101, so that a refusal shows nothing",
    "a send that opens websockets, such as AsgiSender, and a token for that route",
)

FAMILIES: Final = (
    Family(
        "websockets",
        means="Requests that are refused over HTTP pass through the websocket.",
        clause="FAPI2-SP 5.3.4-1",
        remedy="Protect every kind of connection, and refuse a handshake before it is accepted.",
        rows=(
            Row(
                "a websocket without a token", "a websocket handshake without a token", _opened(lambda _: [])
            ),
            Row(
                "a websocket with letters for a token",
                "a handshake with 32 letters instead of a token",
                _opened(lambda _: [("Authorization", f"Bearer {'x' * 32}")]),
            ),
            Row(
                "a websocket with a token that has expired",
                "a handshake with an expired token",
                _opened(_expired),
            ),
            Row(
                "a websocket with a token for another API",
                "a handshake with a token for another API",
                _opened(_with(aud="https://other.example")),
            ),
            Row(
                "a websocket with the token in the URL",
                "a handshake with the token in the query",
                _in_the_query,
            ),
            Row(
                "a websocket with the token as a subprotocol",
                "a handshake with the token in Sec-WebSocket-Protocol",
                _opened(_subprotocol),
            ),
        ),
        needs=lambda forger: NO_WEBSOCKET if forger.reach.websocket is None else None,
    ),
)
