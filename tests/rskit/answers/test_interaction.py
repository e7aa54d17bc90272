"""Interaction ids: the client's UUID comes back, anything else is answered with one that nobody else has."""

from __future__ import annotations

import uuid

import pytest

from fapikit.clock import system_random
from rskit.answers.interaction import InteractionIds
from tests.forks import in_child

SENT = "C770AEF3-6784-41F7-8E0E-FF5F97BDDB3A"


@pytest.mark.spec("FAPI1-BL 6.2.1-11")
def test_a_uuid_comes_back_as_it_was_sent() -> None:
    assert InteractionIds(system_random).choose(SENT) == SENT


@pytest.mark.parametrize(
    "received", [None, "", SENT + "\n", SENT + "0", "g" + SENT[1:], SENT.replace("-", "")]
)
def test_anything_else_is_answered_with_a_new_uuid(received: str | None) -> None:
    made = InteractionIds(system_random).choose(received)
    assert str(uuid.UUID(made)) == made
    assert uuid.UUID(made).version == 4
    assert uuid.UUID(made).variant == uuid.RFC_4122


def test_no_two_are_alike() -> None:
    ids = InteractionIds(system_random)
    assert len({ids.choose(None) for _ in range(500)}) == 500


def test_a_forked_child_makes_its_own() -> None:
    ids = InteractionIds(system_random)
    ids.choose(None)
    left = set(ids._new)
    assert left
    assert in_child(lambda: left.isdisjoint({ids.choose(None) for _ in range(len(left))}))
