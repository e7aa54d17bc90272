"""Readiness of an API whose issuer is asked about tokens: it names an issuer that does not introspect for this API."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from fapikit.errors import Unreachable
from rskit import ResourceServer
from rskit.health import INTROSPECTED_EVERY, Readiness
from rskit.issuers.cool_down import COOL_DOWN
from tests.clocks import FrozenClock
from tests.hands import Answer, Hand, answer
from tests.rskit.introspecting import METADATA, OPAQUE, asking
from tests.rskit.mothers import ISSUER, a_server, a_view, decide

NOT_ACTIVE = answer({"active": False})
REFUSED = answer({"error": "invalid_client"}, status=401)


class Probes(NamedTuple):
    server: ResourceServer
    clock: FrozenClock

    def find(self, *answers: Answer) -> Readiness:
        """What a probe finds while the issuer gives these answers, and is asked no further question."""
        return Hand(*answers).run(self.server.warm())


@pytest.fixture
def probes() -> Probes:
    clock = FrozenClock()
    return Probes(a_server(issuers=[asking()], clock=clock), clock)


@pytest.mark.spec("RFC 7662 2.2")
def test_an_issuer_that_refuses_the_credentials_of_this_api_is_named(probes: Probes) -> None:
    """Each request would get 503."""
    found = probes.find(METADATA, REFUSED)
    assert not found.ready
    assert "invalid_client" in found.problems[0]
    assert "check that client_id and key are registered there" in found.problems[0]
    assert probes.find(NOT_ACTIVE).ready, "asked again at once, until there is an answer"


def test_an_issuer_without_an_introspection_endpoint_is_named(probes: Probes) -> None:
    (problem,) = probes.find(answer({"issuer": ISSUER, "jwks_uri": f"{ISSUER}/jwks"})).problems
    assert "introspection_endpoint" in problem


def test_an_issuer_that_introspects_is_asked_once_a_minute(probes: Probes) -> None:
    assert probes.find(METADATA, NOT_ACTIVE).ready
    assert probes.find().ready
    probes.clock.advance(INTROSPECTED_EVERY)
    assert not probes.find(REFUSED).ready


def test_an_issuer_that_gave_a_request_no_answer_is_asked_again(probes: Probes) -> None:
    assert probes.find(METADATA, NOT_ACTIVE).ready
    decide(probes.server, a_view(f"Bearer {OPAQUE}"), Hand(Unreachable("away")))
    assert probes.find().problems == (f"{ISSUER}: away",), "while the pause lasts nobody is asked"
    probes.clock.advance(COOL_DOWN)
    assert probes.find(NOT_ACTIVE).ready
