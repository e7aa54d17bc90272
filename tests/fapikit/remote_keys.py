"""A remote key set, a clock, and the answers to come."""

from __future__ import annotations

from typing import Any

from fapikit.errors import Unreachable
from fapikit.http_message import HttpResponse
from fapikit.jose.key_set import KeySet
from fapikit.jose.purposes import ID_TOKEN
from fapikit.jwks import KeyLimits, RemoteKeySet
from tests.clocks import FrozenClock
from tests.hands import Hand, answer
from tests.keys import a_key

URI = "https://as.example/jwks"
DOWN = Unreachable("down")


def jwks(*numbers: int, **headers: str) -> HttpResponse:
    return answer({"keys": [dict(a_key("ES256", number).public_jwk) for number in numbers]}, **headers)


class Bench:
    """A key set, a clock and the answers to come."""

    def __init__(self, *answers: Any, **limits: float) -> None:
        self.clock = FrozenClock()
        self.keys = RemoteKeySet(URI, clock=self.clock, limits=KeyLimits(**limits))
        self.hand = Hand(*answers)

    def find(self, number: int = 0, issued_at: float | None = None) -> str:
        return self.find_kid(a_key("ES256", number).kid, issued_at)

    def find_kid(self, kid: str | None, issued_at: float | None = None) -> str:
        key = self.hand.run(self.keys.find("ES256", kid, ID_TOKEN, issued_at=issued_at))
        return key.thumbprint

    def at_hand(self) -> KeySet | None:
        return self.keys.at_hand(self.clock())

    @property
    def asked(self) -> int:
        return len(self.hand.requests)
