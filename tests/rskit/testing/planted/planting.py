"""A planted hole: the small API with one method spoiled, and the attacks that have to find it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from rskit.attacks import AsgiSender, KeyServer, Reach, ScanReport, WsgiSender, afind_holes, find_holes
from rskit.testing import Mint
from rskit.testing.attacks.certificates import certificate_of
from rskit.testing.attacks.jws import SigningKey
from tests.clocks import FrozenClock
from tests.keys import a_key
from tests.rskit.testing.planted.api import RESOURCE, SCOPE, Api
from tests.rskit.testing.planted.servers import asgi, wsgi

CERTIFICATE = certificate_of(SigningKey.fresh("ES256", "client"))
OTHER_AUDIENCE = "https://cards.example"
OTHER_SCOPE = "payments"
KEYS_OF_OTHERS = "https://keys.example/jwks"
DETAIL = {
    "type": "payment_initiation",
    "instructedAmount": {"currency": "EUR", "amount": "123.50"},
    "creditorName": "Merchant A",
    "creditorAccount": {"iban": "DE02100100109307118603"},
    "count": 1,
    "urgent": False,
}


@dataclass(frozen=True)
class Planted:
    """`found`: the attacks that must be named."""

    api: type[Api]
    found: tuple[str, ...]
    settings: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.api.__name__


HOLES: list[Planted] = []


def hole(*found: str, **settings: Any) -> Callable[[type[Api]], type[Api]]:
    """Plants the class that it decorates; `settings` are those of `scan`."""

    def plant(api: type[Api]) -> type[Api]:
        HOLES.append(Planted(api, found, settings))
        return api

    return plant


class Published:
    """What the attacker has published, for APIs that fetch keys from where a token says."""

    keys: Mapping[str, Any] = {"keys": []}


def mint_of(clock: FrozenClock, issuer: str = "https://as.test", alg: str = "ES256") -> Mint:
    mint = Mint(issuer, clock=clock)
    mint.resource = RESOURCE
    if alg != "ES256":
        mint.issuer_key = a_key(alg, 1)
    return mint


def scan(
    api_type: type[Api],
    *,
    bound: bool = True,
    skin: str = "wsgi",
    alg: str = "ES256",
    certificate: bytes | None = None,
    seconds: float = 120.0,
    **claims: Any,
) -> ScanReport:
    """With all that the scanner can use: two workers, a second issuer, a clock that moves."""
    clock = FrozenClock()
    mint, second = mint_of(clock, alg=alg), mint_of(clock, "https://second.example")
    api, worker = api_type(mint, second, clock=clock), api_type(mint, second, clock=clock)
    url = f"{RESOURCE}{api.home}"
    if not bound:
        api.only_bound = worker.only_bound = False
    if not getattr(api, "marks_of_its_own", False):
        worker.used = api.used
    worker.revoked = api.revoked
    with ThreadPoolExecutor(8) as executor:
        senders: Any = AsgiSender if skin == "asgi" else WsgiSender
        app: Any = asgi if skin == "asgi" else wsgi
        send, other = (senders(app(one), certificate=certificate) for one in (api, worker))
        reach = Reach(
            workers=[other],
            websocket="wss://api.example/feed" if skin == "asgi" else None,
            reached=lambda: api.runs + worker.runs,
            subject=lambda answer: (answer.body or b"").decode().partition('": "')[2][:-2],
            advance=clock.advance,
            revoke=api.revoke,
            executor=None if skin == "asgi" else executor,
            target=send.target,
            other_scope=OTHER_SCOPE,
            other_audience=OTHER_AUDIENCE,
            other_issuer=second,
            details=DETAIL if "authorization_details" in claims else None,
            certificate=certificate,
            key_server=KeyServer(KEYS_OF_OTHERS, lambda keys: setattr(Published, "keys", keys)),
            only_bound=bound,
            seconds=seconds,
        )
        given: dict[str, Any] = {"bound": bound, "reach": reach, "scope": SCOPE, **claims}
        if skin == "asgi":
            return asyncio.run(afind_holes(send, mint, api.methods[0], url, **given))
        return find_holes(send, mint, api.methods[0], url, **given)


def names(report: ScanReport) -> list[str]:
    """Of what was let in; what broke the API has its status behind it."""
    return [
        finding.attack + (": 500" if finding.came.startswith("500") else "") for finding in report.findings
    ]
