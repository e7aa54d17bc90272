"""Readiness of an API whose issuer is asked about tokens: it names an issuer that does not introspect for this API."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from fapikit.errors import Unreachable
from rskit import CannotDecide, ResourceServer
from rskit.health import INTROSPECTED_EVERY, Readiness
from rskit.issuers.cool_down import COOL_DOWN
from tests.clocks import FrozenClock
from tests.hands import Answer, Hand, answer
from tests.rskit.introspecting import METADATA, OPAQUE, asking
from tests.rskit.mothers import ISSUER, a_server, a_view, decide
from tests.rskit.tokens.test_status_lists import URI, a_list, listing, view

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


@pytest.mark.spec("TSL 8.2")
def test_an_issuer_whose_status_lists_cannot_be_had_is_named_until_they_can() -> None:
    clock = FrozenClock()
    server = listing(clock)
    down = Unreachable(f"{URI} cannot be reached: Connection refused")
    assert isinstance(decide(server, view(), Hand(down)), CannotDecide)
    assert Hand().run(server.warm()).problems == (str(down),), "while the pause lasts nobody is asked"
    clock.advance(COOL_DOWN)
    assert Hand(down).run(server.warm()).problems == (str(down),)
    clock.advance(COOL_DOWN)
    assert Hand(a_list()).run(server.warm()).ready
    assert Hand().run(server.warm()).ready


def test_a_status_list_that_is_gone_makes_no_server_unready() -> None:
    """Its tokens are undecided, and nobody else's."""
    clock = FrozenClock()
    server = listing(clock)
    decide(server, view(), Hand(Unreachable("away")))
    clock.advance(COOL_DOWN)
    assert Hand(answer(b"gone", status=404)).run(server.warm()).ready
