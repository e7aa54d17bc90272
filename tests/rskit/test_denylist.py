"""A denylist refuses whom it names, in whatever claim they stand, to the end; a call that does nothing says so."""

from __future__ import annotations

from typing import Any

import pytest

from fapikit import errors as e
from rskit import Issuer, ResourceServer
from rskit import errors as rs
from rskit.revocation import Denylist
from tests.clocks import NOW, FrozenClock
from tests.hands import Hand
from tests.rskit.introspecting import METADATA, OPAQUE, asking, says
from tests.rskit.mothers import ISSUER, a_server, a_token, a_view, allowed, an_issuer, refused

LEGACY = ("iss", "exp", "aud")


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def denylist(clock: FrozenClock) -> Denylist:
    return Denylist(clock=clock)


def a_server_with(denylist: Denylist, clock: FrozenClock, **issuer: Any) -> ResourceServer:
    return a_server(denylist=denylist, clock=clock, issuers=[an_issuer(**issuer)])


def view(**claims: Any) -> Any:
    return a_view(f"Bearer {a_token(**claims)}")


@pytest.mark.spec("FAPI2-SP 5.3.4-3")
@pytest.mark.parametrize(
    "claims",
    [
        {"client_id": "fintech"},
        {"client_id": None, "azp": "fintech"},
        {"client_id": None, "appid": "fintech"},
        {"client_id": None, "cid": "fintech"},
        {"client_id": "a gateway", "azp": "fintech"},
        {"client_id": "fintech", "azp": "a gateway"},
        {"client_id": None, "azp": "a gateway", "cid": "fintech"},
        {"client_id": None, "azp": {"not": "a string"}, "cid": "fintech"},
    ],
    ids=str,
)
def test_a_client_is_refused_in_whatever_claim_it_stands(
    clock: FrozenClock, denylist: Denylist, claims: dict[str, Any]
):
    server = a_server_with(denylist, clock, required=LEGACY)
    request = view(**claims)
    allowed(server, request)
    denylist.revoke(ISSUER, client_id="fintech", until=NOW + 600)
    assert type(refused(server, request).error) is rs.RevokedToken
    allowed(server, view(client_id=None, azp="another"))
    allowed(server, view(client_id=None, sub="fintech"))
    allowed(server, view(client_id=None, azp={"not": "a string"}, cid=["fintech"]))


def test_a_client_that_an_introspection_answer_names_otherwise_is_refused(
    clock: FrozenClock, denylist: Denylist
):
    server = a_server(denylist=denylist, clock=clock, issuers=[asking()])
    denylist.revoke(ISSUER, client_id="fintech", until=NOW + 600)
    hand = Hand(METADATA, says(azp="fintech"))
    assert type(refused(server, a_view(f"Bearer {OPAQUE}"), hand).error) is rs.RevokedToken


def test_a_client_under_a_claim_of_its_server_s_own(clock: FrozenClock, denylist: Denylist):
    server = a_server_with(denylist, clock, client_claim="clientId")
    request = view(client_id=None, clientId="fintech")
    assert allowed(server, request).client_id == "fintech"
    assert type(refused(server, view()).error) is e.MissingClaim, "it is required in place of client_id"
    assert type(refused(server, view(clientId=["fintech"])).error) is e.MalformedClaim
    denylist.revoke(ISSUER, client_id="fintech", until=NOW + 600)
    assert type(refused(server, request).error) is rs.RevokedToken


@pytest.mark.parametrize(
    ("claims", "client_id"),
    [
        ({}, "fintech"),
        ({"azp": "other"}, "fintech"),
        ({"client_id": None, "azp": "other"}, "other"),
        ({"client_id": None, "appid": "an app", "cid": "a client"}, "an app"),
        ({"client_id": None, "azp": 7}, None),
        ({"client_id": None}, None),
    ],
    ids=str,
)
def test_a_token_knows_its_client(clock: FrozenClock, claims: dict[str, Any], client_id: str | None):
    server = a_server(clock=clock, issuers=[an_issuer(required=LEGACY)])
    assert allowed(server, view(**claims)).client_id == client_id


@pytest.mark.parametrize("named", [{"jti": "t"}, {"subject": "alice"}, {"client_id": "fintech"}], ids=str)
def test_a_revocation_lasts_as_long_as_clocks_may_differ(
    clock: FrozenClock, denylist: Denylist, named: dict[str, str]
):
    """A token passes for half a minute after its `exp`, which is what `until` is said to be."""
    server = a_server_with(denylist, clock)
    request = view(jti="t", exp=int(NOW) + 60)
    denylist.revoke(ISSUER, until=NOW + 60, **named)  # type: ignore[arg-type]
    for seconds in (0, 59, 20, 10):
        clock.advance(seconds)
        assert type(refused(server, request).error) is rs.RevokedToken
    clock.advance(1)
    assert type(refused(server, request).error) is e.Expired


def test_a_sweep_takes_nothing_that_may_still_pass(clock: FrozenClock, denylist: Denylist):
    denylist.revoke(ISSUER, jti="t", until=NOW + 60)
    for number in range(3000):
        denylist.revoke(ISSUER, jti=f"{number}", until=NOW + 1)
    clock.advance(89)
    for number in range(3000):
        denylist.revoke(ISSUER, jti=f"more {number}", until=NOW + 90)
    assert type(refused(a_server_with(denylist, clock), view(jti="t", exp=int(NOW) + 60)).error) is (
        rs.RevokedToken
    )
    assert len(denylist._entries) < 6000


def test_a_revocation_of_what_has_ended_says_that_it_changes_nothing(clock: FrozenClock, denylist: Denylist):
    for late in (NOW - 60, 0, 3600, float("-inf")):
        with pytest.raises(rs.NothingRevoked, match="until= has passed"):
            denylist.revoke(ISSUER, subject="alice", until=late)
    assert len(denylist._entries) == 0


def test_what_expired_a_moment_ago_is_refused_all_the_same(clock: FrozenClock, denylist: Denylist):
    server, request = a_server_with(denylist, clock), view(jti="t", exp=int(NOW) - 10)
    allowed(server, request)
    with pytest.raises(rs.NothingRevoked):
        denylist.revoke(ISSUER, jti="t", until=NOW - 10)
    assert type(refused(server, request).error) is rs.RevokedToken


def test_a_revocation_at_an_issuer_that_nobody_trusts_says_so(clock: FrozenClock, denylist: Denylist):
    a_server_with(denylist, clock)
    with pytest.raises(rs.NothingRevoked, match="trusts this issuer") as said:
        denylist.revoke(f"{ISSUER}/", subject="alice", until=NOW + 60)
    assert said.value.facts == {"got": f"{ISSUER}/", "trusted": ISSUER}
    a_server(denylist=denylist, issuers=[Issuer("https://second.example")])
    denylist.revoke("https://second.example", subject="alice", until=NOW + 60)
    denylist.revoke(ISSUER, subject="alice", until=NOW + 60)
    a_server(denylist=denylist, issuers={}.get)
    denylist.revoke("https://of-a-function.example", subject="alice", until=NOW + 60)


def test_a_shorter_revocation_does_not_shorten_a_longer_one(clock: FrozenClock, denylist: Denylist):
    server = a_server_with(denylist, clock)
    denylist.revoke(ISSUER, subject="alice", until=NOW + 6000)
    denylist.revoke(ISSUER, subject="alice", until=NOW + 60)
    clock.advance(1000)
    assert type(refused(server, view(exp=int(clock()) + 60)).error) is rs.RevokedToken


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"jti": "a", "subject": "b"},
        {"jti": ""},
        {"subject": 7},
        {"client_id": b"fintech"},
        {"jti": "a", "until": float("nan")},
        {"jti": "a", "until": "soon"},
        {"jti": "a", "until": True},
        {"jti": "a", "until": None},
        {"jti": "a", "issuer": ""},
        {"jti": "a", "issuer": None},
    ],
    ids=str,
)
def test_what_no_token_could_equal_is_refused(denylist: Denylist, arguments: dict[str, Any]):
    given = {"issuer": ISSUER, "until": NOW + 60, **arguments}
    with pytest.raises(e.ConfigurationError) as said:
        denylist.revoke(given.pop("issuer"), **given)
    assert type(said.value) is e.ConfigurationError
    assert len(denylist._entries) == 0
