"""How the end of a grant is named, where its tokens may be others' too, or its client is not at hand."""

from __future__ import annotations

from typing import Any

import pytest

from askit.records import Grant
from askit.signals.announce import announce
from askit.signals.happened import GrantEnded
from askit.signals.queue import EventQueue
from askit.signals.streams import EventStream, add_stream
from fapikit.signals.event_types import POLL
from tests.askit.signals.test_push import API, MAPPING, Told

pytestmark = pytest.mark.anyio

USER = {"format": "iss_sub", "iss": MAPPING["issuer"], "sub": "alice"}
APPLICATION = {"format": "opaque", "id": "other"}
EXCHANGING: dict[str, Any] = {
    "token_exchange": [{"clients": ["other"], "received_tokens": True, "resources": [API]}],
}
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


def a_grant() -> Grant:
    return Grant(
        grant_id="g",
        client_id="other",
        username="alice",
        sub="alice",
        scopes=("accounts",),
        resources=(),
        authorization_details=(),
        created_at=0,
        expires_at=1,
        auth_time=0,
        acr="1",
    )


async def subjects(told: Told, *, known: bool = True) -> list[dict[str, Any]]:
    core = told.server.core
    stream = await told.stream(POLL)
    client = await core.clients.at_hand("other") if known else None
    await announce(core, GrantEnded(grant=a_grant(), client=client, reached=(API,)))
    assert core.config.shared_signals is not None
    found, _ = await EventQueue(core, core.config.shared_signals, stream).first(10)
    return [claims["sub_id"] for claims in found]


async def test_a_user_at_a_client() -> None:
    assert await subjects(Told()) == [{"format": "complex", "user": USER, "application": APPLICATION}]


async def test_where_tokens_are_exchanged_all_tokens_of_the_user_end() -> None:
    """An exchanged token names another client than the grant does."""
    clients = [
        {**client, "grant_types": [*client["grant_types"], TOKEN_EXCHANGE]} for client in MAPPING["clients"]
    ]
    told = Told(changes={**EXCHANGING, "clients": clients})
    assert await subjects(told) == [{"format": "complex", "user": USER}]


async def test_of_a_client_that_is_not_at_hand_all_tokens_end() -> None:
    """Nobody knows how it names users, and nothing is fetched to find out."""
    assert await subjects(Told(), known=False) == [{"format": "complex", "application": APPLICATION}]


async def test_nothing_in_two_events_says_that_they_have_the_same_cause() -> None:
    """Otherwise two receivers of different sectors would find the user whom they share."""
    receivers = [{"client_id": "api", "resources": [API]}, {"client_id": "other"}]
    told = Told(changes={"shared_signals": {"receivers": receivers}})
    core = told.server.core
    settings = core.config.shared_signals
    assert settings is not None
    streams = [EventStream(stream_id=name, client_id=name, method=POLL) for name in ("api", "other")]
    for stream in streams:
        assert await add_stream(core, stream)
    client = await core.clients.at_hand("other")
    await announce(core, GrantEnded(grant=a_grant(), client=client, reached=(API,)))
    queues = [EventQueue(core, settings, stream) for stream in streams]
    (one,), (other,) = [(await queue.first(10))[0] for queue in queues]
    same = {name for name in one.keys() & other.keys() if one[name] == other[name]}
    assert same == {"iss", "iat", "events", "sub_id"}, "and sub_id differs where a subject is pairwise"
