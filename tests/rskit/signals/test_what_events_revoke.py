"""Which tokens an event ends, and which pass on: by session, user, client, or token, and by the time of their issue."""

from __future__ import annotations

from typing import Any

import pytest

from fapikit import MemoryStore
from fapikit.errors import ConfigurationError
from fapikit.signals.event_types import CREDENTIAL_CHANGE, SESSION_REVOKED, TOKEN_CLAIMS_CHANGE
from fapikit.stores.protocol import Store
from rskit import Denylist, ResourceServer, SignalReceiver
from rskit.errors import RevokedToken
from tests.clocks import NOW, FrozenClock
from tests.hands import Hand
from tests.mothers.signals import ALICE, AUDIENCE, BANK, OF_SESSION, a_transmitter, an_event
from tests.rskit.mothers import a_server, a_token, a_view, allowed, refused

LIFETIME = 600.0


class Api:
    """One process of an API."""

    def __init__(self, store: Store | None = None, clock: FrozenClock | None = None, **settings: Any) -> None:
        self.clock = clock or FrozenClock()
        self.store = MemoryStore(clock=self.clock) if store is None else store
        self.denylist = Denylist(clock=self.clock)
        self.server: ResourceServer = a_server(denylist=self.denylist, clock=self.clock)
        given = {
            "denylist": self.denylist,
            "store": self.store,
            "token_lifetime": LIFETIME,
            "clock": self.clock,
        }
        transmitter = settings.pop("transmitter", None) or a_transmitter()
        self.receiver = SignalReceiver(transmitter, **{**given, **settings})
        self.hand = Hand()

    def hear(self, **event: Any) -> None:
        self.hand.run(self.receiver.hear(an_event(**event)))

    def follow(self) -> None:
        self.hand.run(self.receiver.follow())

    def passes(self, **claims: Any) -> bool:
        view = a_view(f"Bearer {a_token(**claims)}")
        decision = self.server.check(view)
        if decision.__class__.__name__ == "Allow":
            allowed(self.server, view)
            return True
        assert type(refused(self.server, view).error) is RevokedToken
        return False


def opaque(identifier: str) -> dict[str, str]:
    return {"format": "opaque", "id": identifier}


def parts(**of: Any) -> dict[str, Any]:
    return {"format": "complex", **of}


ENDED: dict[str, tuple[Any, dict[str, Any], dict[str, Any]]] = {
    # the subject, the claims of a token that ends, and those of one that passes
    "a session of a user": (OF_SESSION, {"sid": "s1"}, {"sid": "s2"}),
    "a session": (parts(session=opaque("s1")), {"sid": "s1"}, {}),
    "a session of a user under another sub": (OF_SESSION, {"sid": "s1", "sub": "pairwise"}, {}),
    "a session that is a token": (
        parts(user=ALICE, session={"format": "jwt_id", "iss": BANK, "jti": "t"}), {"jti": "t"}, {"sid": "s1"},
    ),
    "a user": (ALICE, {}, {"sub": "bob"}),
    "a user by one of its names": (
        {"format": "aliases", "identifiers": [{"format": "email", "email": "a@b.example"}, ALICE]}, {}, {"sub": "bob"},
    ),
    "a user in a complex subject": (parts(user=ALICE), {}, {"sub": "bob"}),
    "a user on a device that no token names": (parts(user=ALICE, device=opaque("phone")), {}, {"sub": "bob"}),
    "a user at a client": (
        parts(user=ALICE, application=opaque("fintech")), {"client_id": "fintech"}, {"client_id": "other"},
    ),
    "a user at a client that azp names": (
        parts(user=ALICE, application=opaque("app")), {"azp": "app"}, {"sub": "bob", "azp": "app"},
    ),
    "a client": (parts(application=opaque("fintech")), {"client_id": "fintech"}, {"client_id": "other"}),
    "a token": ({"format": "jwt_id", "iss": BANK, "jti": "t"}, {"jti": "t"}, {"jti": "u"}),
}  # fmt: skip


@pytest.mark.spec("SSF 3.3", "CAEP 3.1", "RFC 9493 3.2.3", "RFC 9493 3.2.8", "FAPI2-SP 5.3.4-3")
@pytest.mark.parametrize("name", ENDED)
def test_a_session_that_was_revoked_ends_its_tokens_and_no_others(name: str) -> None:
    subject, ended, other = ENDED[name]
    api = Api()
    assert api.passes(**ended)
    assert api.passes(**other)
    api.hear(sub_id=subject)
    assert not api.passes(**ended)
    assert api.passes(**other)


@pytest.mark.spec("CAEP 2", "CAEP 3.1")
@pytest.mark.parametrize("subject", [OF_SESSION, ALICE], ids=["session", "user"])
def test_what_is_issued_later_passes(subject: dict[str, Any]) -> None:
    api = Api()
    api.hear(sub_id=subject, members={"event_timestamp": int(NOW) - 10})
    assert not api.passes(sid="s1", iat=int(NOW) - 10)
    assert api.passes(sid="s1", iat=int(NOW) - 9)


@pytest.mark.spec("CAEP 3.2", "CAEP 3.3")
@pytest.mark.parametrize(
    ("event", "members", "ends"),
    [
        (TOKEN_CLAIMS_CHANGE, {"claims": {"role": "guest"}}, True),
        (TOKEN_CLAIMS_CHANGE, {}, True),
        (CREDENTIAL_CHANGE, {"credential_type": "password", "change_type": "revoke"}, True),
        (CREDENTIAL_CHANGE, {"credential_type": "password", "change_type": "update"}, True),
        (CREDENTIAL_CHANGE, {"credential_type": "password", "change_type": "delete"}, True),
        (CREDENTIAL_CHANGE, {"credential_type": "password", "change_type": "of next year"}, True),
        (CREDENTIAL_CHANGE, {"credential_type": "password"}, True),
        (CREDENTIAL_CHANGE, {"credential_type": "fido2-roaming", "change_type": "create"}, False),
        ("https://schemas.openid.net/secevent/risc/event-type/account-disabled", {}, False),
    ],
    ids=str,
)
def test_what_each_event_does(event: str, members: dict[str, Any], ends: bool) -> None:
    api = Api()
    api.hear(sub_id=ALICE, event=event, members=members)
    assert api.passes() is not ends


@pytest.mark.spec("SSF 4.1.6")
@pytest.mark.parametrize(
    "subject",
    [
        {**ALICE, "iss": "https://other.example"},
        {"format": "jwt_id", "iss": "https://other.example", "jti": "t"},
        parts(user={**ALICE, "iss": "https://other.example"}, session=opaque("s1")),
        {"format": "email", "email": "alice@example.com"},
        parts(tenant=opaque("bank")),
        opaque("alice"),
    ],
    ids=str,
)
def test_a_transmitter_ends_no_tokens_of_others_and_what_it_cannot_end_is_in_the_log(
    subject: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    api = Api()
    api.hear(sub_id=subject)
    assert api.passes(sid="s1", jti="t")
    assert "ends nothing here" in caplog.text
    assert "alice" not in caplog.text


def test_a_transmitter_may_speak_for_another_issuer_that_is_named() -> None:
    api = Api(token_issuers=["https://not-this-one.example"])
    api.hear(sub_id=ALICE)
    assert api.passes()
    told = SignalReceiver(
        a_transmitter(issuer="https://signals.example"),
        denylist=api.denylist,
        store=api.store,
        token_lifetime=LIFETIME,
        token_issuers=[BANK],
        clock=api.clock,
    )
    api.hand.run(told.hear(an_event(iss="https://signals.example", sub_id=ALICE)))
    assert not api.passes()


def test_an_old_event_changes_nothing_any_more() -> None:
    api = Api()
    api.hear(sub_id=ALICE, members={"event_timestamp": int(NOW - LIFETIME) - 100})
    assert api.passes()


@pytest.mark.spec("FAPI2-SP 5.3.4-3")
def test_another_process_and_one_that_starts_later_learn_of_it() -> None:
    first = Api()
    second = Api(first.store, first.clock)
    second.follow()
    first.hear(sub_id=OF_SESSION)
    first.hear(sub_id={"format": "jwt_id", "iss": BANK, "jti": "t"})
    later = Api(first.store, first.clock)
    assert second.passes(sid="s1")
    for process in (second, later):
        process.follow()
        assert not process.passes(sid="s1")
        assert not process.passes(jti="t")
    first.hear(sub_id=ALICE)
    second.follow()
    assert not second.passes()


@pytest.mark.spec("SSF 4.1.8")
@pytest.mark.parametrize("apart", ["by audience", "by name"])
def test_of_two_apis_with_one_store_none_takes_an_event_away_from_the_other(apart: str) -> None:
    first = Api()
    other: dict[str, Any] = {"name": "other"}
    if apart == "by audience":
        other = {"transmitter": a_transmitter(audience="https://other.example/events")}
    second = Api(first.store, first.clock, **other)
    event = an_event(sub_id=OF_SESSION, aud=[AUDIENCE, "https://other.example/events"])
    for api in (first, second):
        assert not api.hand.run(api.receiver.hear(event)).again
        assert not api.passes(sid="s1")
        assert api.hand.run(api.receiver.hear(event)).again


def test_a_process_that_died_after_it_had_written_loses_nothing() -> None:
    """Its entry is there, and the head is one behind."""
    first = Api()
    second = Api(first.store, first.clock)
    first.hear(sub_id={**ALICE, "sub": "bob"})
    second.follow()
    head = first.receiver._log.key
    before = first.store.get(head)
    assert before is not None
    first.hear(sub_id=OF_SESSION)
    first.store.put(head, before, 1000)
    second.follow()
    assert not second.passes(sid="s1")
    first.hear(sub_id=ALICE)
    second.follow()
    assert not second.passes()


def test_entries_that_have_ended_are_passed_over() -> None:
    first = Api()
    second = Api(first.store, first.clock)
    for number in range(30):
        first.hear(sub_id=opaque_session(number), members={"event_timestamp": int(first.clock())})
        first.clock.advance(60)
    first.hear(sub_id=ALICE, iat=int(first.clock()), members={"event_timestamp": int(first.clock())})
    later = Api(first.store, first.clock)
    for process in (second, later):
        process.follow()
        assert not process.passes(iat=int(first.clock()) - 5, exp=int(first.clock()) + 60)


def opaque_session(number: int) -> dict[str, Any]:
    return parts(session=opaque(f"s{number}"))


def test_a_store_that_lost_the_log_is_followed_from_its_new_beginning() -> None:
    first = Api()
    second = Api(first.store, first.clock)
    for number in range(5):
        first.hear(sub_id=opaque_session(number))
    second.follow()
    assert isinstance(first.store, MemoryStore)
    prefix = first.receiver._log.key
    for key in (prefix, *(f"{prefix}:{number}" for number in range(5))):
        first.store.take(key)
    first.clock.advance(1)
    first.hear(sub_id=ALICE)
    second.follow()
    assert not second.passes()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"token_lifetime": 0}, "token_lifetime"),
        ({"token_lifetime": 1e9}, "token_lifetime"),
        ({"token_issuers": []}, "token_issuers"),
        ({"token_issuers": BANK}, "token_issuers"),
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        Api(**settings)


def test_a_pushed_event_shows_nobody(caplog: pytest.LogCaptureFixture) -> None:
    api = Api()
    api.hear(event=SESSION_REVOKED)
    assert "alice" not in caplog.text
