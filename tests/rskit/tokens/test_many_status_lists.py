"""However many status lists an issuer has, and however often one changes, a process keeps so many octets of them."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from fapikit.status_list import INVALID, StatusList
from rskit import ResourceServer
from rskit import errors as rs
from rskit.issuers import held_lists
from tests.clocks import FrozenClock
from tests.hands import Hand
from tests.rskit.mothers import ISSUER, allowed, refused
from tests.rskit.tokens.test_status_lists import TTL, a_list, listing, status, view

OCTETS = 16
"""Of each list."""


def of_list(number: int) -> tuple[Any, str]:
    """A request with a token of this list, and the URI of the list."""
    uri = f"{ISSUER}/status_lists/{number}"
    return view(status=status(uri=uri), jti=f"token-{number}"), uri


def read(server: ResourceServer, number: int) -> int:
    """Let a token of this list pass. Returns how many lists were fetched for it."""
    asked, uri = of_list(number)
    hand = Hand(a_list(sub=uri))
    allowed(server, asked, hand)
    return len(hand.requests)


@pytest.mark.spec("TSL 11.4")
def test_beyond_the_budget_the_list_that_was_read_least_recently_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(held_lists, "MOST_OCTETS", 2 * OCTETS)
    server = listing()
    assert [read(server, number) for number in (1, 2, 2, 1)] == [1, 1, 0, 0]
    assert read(server, 3) == 1
    assert [read(server, number) for number in (2, 3)] == [0, 0]
    assert read(server, 1) == 1, "its token is still known, and its list is fetched again"
    asked, uri = of_list(2)
    revoked = refused(server, asked, Hand(a_list({7: INVALID}, sub=uri)))
    assert type(revoked.error) is rs.RevokedToken


def test_a_list_that_was_forgotten_is_not_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_lists, "MOST_OCTETS", OCTETS)
    clock = FrozenClock()
    server = listing(clock)
    read(server, 1)
    read(server, 2)
    asked, uri = of_list(1)
    older = a_list(sub=uri, iat=int(clock()) - 1)
    assert refused(server, asked, Hand(older)).status == 503


def test_a_token_that_has_passed_keeps_no_version_of_its_list() -> None:
    clock = FrozenClock()
    server = listing(clock)
    mebibyte = StatusList(2, bytes(1024 * 1024)).member()
    tracemalloc.start()
    try:
        for number in range(20):
            clock.advance(TTL + 1)
            now = int(clock())
            answer = a_list(status_list=mebibyte, iat=now, exp=now + 3600)
            allowed(server, view(jti=f"token-{number}", iat=now, exp=now + 3600), Hand(answer))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 4 * 1024 * 1024
