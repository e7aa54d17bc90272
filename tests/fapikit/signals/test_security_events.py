"""A security event passes as its transmitter made it; each change alone is refused, and the refusal names it."""

from __future__ import annotations

from typing import Any

import pytest

from fapikit import MemoryStore
from fapikit import errors as e
from fapikit.errors import FapiError
from fapikit.secrets import Secret
from fapikit.signals.event_types import (
    CREDENTIAL_CHANGE,
    SESSION_REVOKED,
    STREAM_UPDATED,
    TOKEN_CLAIMS_CHANGE,
    VERIFICATION,
)
from fapikit.signals.push import error_code
from fapikit.signals.receiver import REMEMBERED, EventReceiver, Heard
from fapikit.signals.security_event import SecurityEvent
from fapikit.signals.transmitters import Transmitter
from tests.clocks import NOW, FrozenClock
from tests.hands import Hand, answer
from tests.keys import a_key
from tests.mothers.signals import ALICE, AUDIENCE, BANK, KEY, OF_SESSION, a_transmitter, an_event

STREAM = {"format": "opaque", "id": "stream-1"}


class Receiver:
    """One that keeps what it acted on."""

    def __init__(self, **transmitter: Any) -> None:
        self.acted: list[SecurityEvent] = []
        self.clock = FrozenClock()
        self.store = MemoryStore(clock=self.clock)
        self.failing: FapiError | None = None
        self.events = EventReceiver(
            a_transmitter(**transmitter), store=self.store, name="us", act=self._act, clock=self.clock
        )
        self.hand = Hand()

    def _act(self, event: SecurityEvent) -> Any:
        if self.failing is not None:
            raise self.failing
        self.acted.append(event)
        return
        yield

    def hear(self, token: str) -> Heard:
        return self.hand.run(self.events.hear(Secret(token)))


@pytest.mark.spec("RFC 8417 2.2", "SSF 4.1.1", "SSF 4.1.6", "SSF 4.2.1", "CAEP 2", "CAEP 3.1")
def test_a_good_event_is_acted_on() -> None:
    receiver = Receiver()
    heard = receiver.hear(an_event(jti="1", members={"event_timestamp": int(NOW) - 60}, txn="t"))
    assert receiver.acted == [heard.event]
    event = heard.event
    assert (event.issuer, event.jti, event.audience, event.txn) == (BANK, "1", (AUDIENCE,), "t")
    assert event.types == {SESSION_REVOKED}
    assert (event.issued_at, event.happened_at) == (NOW, NOW - 60)
    assert event.subject.parts["session"].members == {"id": "s1"}
    assert "alice" not in f"{event!r} {event}"


MUTATIONS: dict[str, tuple[dict[str, Any], type[FapiError], str, str]] = {
    # what changes, the error, its clause, and what it says
    "no typ": ({"typ": None}, e.WrongJwtType, "SSF 4.1.1", "typ"),
    "typ JWT": ({"typ": "JWT"}, e.WrongJwtType, "SSF 4.1.1", "typ"),
    "typ of a logout token": ({"typ": "logout+jwt"}, e.WrongJwtType, "SSF 4.1.1", "typ"),
    "sub": ({"sub": "alice"}, e.ForbiddenClaim, "SSF 4.1.2", "must not have sub"),
    "a null sub": ({"sub": "null"}, e.ForbiddenClaim, "SSF 4.1.2", "must not have sub"),
    "exp": ({"exp": int(NOW) + 60}, e.ForbiddenClaim, "SSF 4.1.7", "must not have exp"),
    "another issuer": ({"iss": "https://other.example"}, e.WrongIssuer, "SSF 4.1.6", "iss"),
    "no issuer": ({"iss": None}, e.MissingClaim, "SSF 4.1.6", "iss"),
    "another receiver": ({"aud": "https://other.example"}, e.WrongAudience, "SSF 4.1.8", "aud"),
    "no receiver": ({"aud": None}, e.MissingClaim, "SSF 4.1.8", "aud"),
    "no jti": ({"jti": None}, e.MissingClaim, "RFC 8417 2.2", "jti"),
    "an empty jti": ({"jti": ""}, e.MalformedClaim, "RFC 8417 2.2", "jti"),
    "a long jti": ({"jti": "x" * 257}, e.MalformedClaim, "RFC 8417 2.2", "jti"),
    "a number as jti": ({"jti": 7}, e.MalformedClaim, "RFC 8417 2.2", "jti"),
    "no iat": ({"iat": None}, e.MissingClaim, "RFC 8417 2.2", "iat"),
    "iat as text": ({"iat": "now"}, e.MalformedClaim, "RFC 8417 2.2", "iat"),
    "from the future": ({"iat": int(NOW) + 90}, e.NotYetValid, "FAPI2-SP 5.3.2.1-13", "iat"),
    "older than is remembered": ({"iat": int(NOW - REMEMBERED) - 60}, e.TooOld, "RFC 8417 2.2", "iat"),
    "no events": ({"events": None}, e.MissingClaim, "RFC 8417 2.2", "events"),
    "empty events": ({"events": {}}, e.MalformedClaim, "RFC 8417 2.2", "events"),
    "a list of events": ({"events": [SESSION_REVOKED]}, e.MalformedClaim, "RFC 8417 2.2", "events"),
    "an event that is no object": ({"events": {SESSION_REVOKED: 1}}, e.MalformedClaim, "RFC 8417 2.2", "events"),
    "many events": (
        {"events": {f"https://e.example/{n}": {} for n in range(11)}}, e.MalformedClaim, "RFC 8417 2.2", "events",
    ),
    "a time as text": ({"members": {"event_timestamp": "now"}}, e.MalformedClaim, "CAEP 2", "event_timestamp"),
    "a time before 1970": ({"members": {"event_timestamp": -1}}, e.MalformedClaim, "CAEP 2", "event_timestamp"),
    "toe as text": ({"toe": "now", "members": {}}, e.MalformedClaim, "CAEP 2", "event_timestamp"),
    "no subject": ({"sub_id": None}, e.MissingClaim, "SSF 3.1", "sub_id"),
    "a subject as text": ({"sub_id": "alice"}, e.MalformedClaim, "RFC 9493 3", "sub_id"),
    "a subject without format": ({"sub_id": {"id": "a"}}, e.MalformedClaim, "RFC 9493 3", "sub_id.format"),
    "iss_sub without sub": (
        {"sub_id": {"format": "iss_sub", "iss": BANK}}, e.MalformedClaim, "RFC 9493 3", "sub_id.sub",
    ),
    "an email that is a number": (
        {"sub_id": {"format": "email", "email": 1}}, e.MalformedClaim, "RFC 9493 3", "sub_id.email",
    ),
    "complex without parts": ({"sub_id": {"format": "complex"}}, e.MalformedClaim, "SSF 3.3", "sub_id"),
    "a broken part": (
        {"sub_id": {"format": "complex", "user": {"format": "opaque"}}},
        e.MalformedClaim, "RFC 9493 3", "sub_id.user.id",
    ),
    "complex in complex": (
        {"sub_id": {"format": "complex", "user": OF_SESSION}}, e.MalformedClaim, "SSF 3.3", "sub_id.user.format",
    ),
    "no aliases": (
        {"sub_id": {"format": "aliases", "identifiers": []}},
        e.MalformedClaim, "RFC 9493 3.2.8", "sub_id.identifiers",
    ),
    "aliases in aliases": (
        {"sub_id": {"format": "aliases", "identifiers": [{"format": "aliases", "identifiers": [ALICE]}]}},
        e.MalformedClaim, "RFC 9493 3.2.8", "sub_id.identifiers[0]",
    ),
    "signed by another key": (
        {"key": a_key("ES256", 2), "header": {"kid": KEY.kid}}, e.BadSignature, "RFC 8935 2.3", "signature",
    ),
    "an unknown kid": ({"header": {"kid": "other"}}, e.KeyNotFound, "RFC 7515 6", "kid"),
    "RS256": ({"key": a_key("RS256", 1)}, e.ForbiddenAlgorithm, "RFC 8725 3.1", "alg"),
    "alg none": ({"header": {"alg": "none"}}, e.ForbiddenAlgorithm, "RFC 8725 3.1", "alg"),
    "an unknown crit": ({"header": {"crit": ["x"], "x": 1}}, e.UnknownCritical, "RFC 7515 4.1.11", "crit"),
}  # fmt: skip


@pytest.mark.spec(
    "RFC 8417 2.2",
    "SSF 3.1",
    "SSF 4.1.1",
    "SSF 4.1.2",
    "SSF 4.1.3",
    "SSF 4.1.6",
    "SSF 4.1.7",
    "SSF 4.1.8",
    "RFC 9493 3",
    "SSF 3.3",
)
@pytest.mark.parametrize("name", MUTATIONS)
def test_each_change_is_refused_by_its_own_rule(name: str) -> None:
    changes, error, clause, says = MUTATIONS[name]
    receiver = Receiver()
    with pytest.raises(FapiError) as refused:
        receiver.hear(an_event(**changes))
    assert type(refused.value) is error
    assert refused.value.clause == clause
    assert says in str(refused.value)
    assert receiver.acted == []


@pytest.mark.spec("RFC 8935 2.4")
@pytest.mark.parametrize(
    ("changes", "err"),
    [
        ({"iss": "https://other.example"}, "invalid_issuer"),
        ({"aud": "https://other.example"}, "invalid_audience"),
        ({"header": {"kid": "other"}}, "invalid_key"),
        ({"key": a_key("ES256", 2), "header": {"kid": KEY.kid}}, "invalid_key"),
        ({"exp": int(NOW)}, "invalid_request"),
    ],
    ids=str,
)
def test_the_transmitter_is_told_what_was_wrong(changes: dict[str, Any], err: str) -> None:
    with pytest.raises(FapiError) as refused:
        Receiver().hear(an_event(**changes))
    assert error_code(refused.value) == err


@pytest.mark.parametrize(
    "subject",
    [
        {"format": "account", "uri": "acct:alice@as.example"},
        {"format": "did", "url": "did:example:1"},
        {"format": "email", "email": "alice@example.com"},
        {"format": "jwt_id", "iss": BANK, "jti": "1"},
        {"format": "phone_number", "phone_number": "+12065550100"},
        {"format": "uri", "uri": "urn:uuid:1"},
        {"format": "aliases", "identifiers": [ALICE, {"format": "email", "email": "a@b.example"}]},
        {"format": "of next year", "anything": 1},
        {**ALICE, "unknown": True},
    ],
    ids=lambda subject: subject["format"],
)
@pytest.mark.spec(
    "RFC 9493 3.2.1", "RFC 9493 3.2.2", "RFC 9493 3.2.3", "RFC 9493 3.2.4", "RFC 9493 3.2.5", "SSF 3.2"
)
@pytest.mark.spec("RFC 9493 3.2.6", "RFC 9493 3.2.7", "RFC 9493 3.2.8", "SSF 3.4", "SSF 3.5", "SSF 4.2.3")
def test_every_format_of_a_subject_is_read(subject: dict[str, Any]) -> None:
    heard = Receiver().hear(an_event(sub_id=subject)).event
    assert heard.subject.format == subject["format"]
    assert repr(heard.subject) == f"Subject(format={subject['format']!r})"


@pytest.mark.parametrize("later", [int(NOW) + 3600, int(NOW) * 1000], ids=["ahead", "in milliseconds"])
def test_what_happened_happened_until_now(later: int) -> None:
    assert Receiver().hear(an_event(members={"event_timestamp": later})).event.happened_at == NOW


@pytest.mark.spec("RFC 8417 2.2")
def test_without_a_time_of_its_own_an_event_happened_at_toe_or_iat() -> None:
    receiver = Receiver()
    assert receiver.hear(an_event(members={}, toe=int(NOW) - 9)).event.happened_at == NOW - 9
    assert receiver.hear(an_event(members={}, iat=int(NOW) - 7)).event.happened_at == NOW - 7


@pytest.mark.spec("RFC 8936 2.4")
def test_a_repeated_event_is_taken_and_does_nothing() -> None:
    receiver = Receiver()
    token = an_event(jti="1")
    assert not receiver.hear(token).again
    assert receiver.hear(token).again
    assert receiver.hear(an_event(jti="1", iat=int(NOW) - 1)).again, "issuer and jti are the same"
    assert not receiver.hear(an_event(jti="2")).again
    assert len(receiver.acted) == 2


def test_what_could_not_be_done_is_done_when_it_comes_again() -> None:
    receiver = Receiver()
    receiver.failing = e.StoreUnavailable("down")
    with pytest.raises(e.StoreUnavailable):
        receiver.hear(an_event(jti="1"))
    receiver.failing = None
    assert not receiver.hear(an_event(jti="1")).again
    assert len(receiver.acted) == 1


@pytest.mark.spec("SSF 8.1.4")
def test_a_verification_event_needs_the_state_that_was_asked_for() -> None:
    receiver = Receiver(stream_id="stream-1")
    receiver.hand.run(receiver.events.expect_verification("asked"))

    def verification(**changes: Any) -> str:
        given = {"event": VERIFICATION, "members": {"state": "asked"}, "sub_id": STREAM}
        return an_event(**{**given, **changes})

    receiver.hear(verification())
    receiver.hear(verification(members={}))  # the transmitter looks by itself
    for other in ("another", 7, ["asked"], ""):
        with pytest.raises(e.UnknownVerification) as refused:
            receiver.hear(verification(members={"state": other}))
        assert (refused.value.clause, error_code(refused.value)) == ("SSF 8.1.4", "invalid_state")
    for subject in (ALICE, {"format": "opaque", "id": "stream-2"}):
        with pytest.raises(e.MalformedClaim, match="is not the stream_id"):
            receiver.hear(verification(sub_id=subject))
    assert receiver.acted == []


@pytest.mark.spec("SSF 8.1.5")
def test_a_change_of_the_stream_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    receiver = Receiver(stream_id="stream-1")
    receiver.hear(an_event(event=STREAM_UPDATED, members={"status": "paused"}, sub_id=STREAM))
    assert "says that the stream stream-1 is paused" in caplog.text
    assert receiver.acted == []


METADATA = {"issuer": BANK, "jwks_uri": f"{BANK}/jwks"}


@pytest.mark.spec("SSF 4.1.4", "SSF 7.1", "SSF 7.2", "SSF 7.2.4")
def test_the_keys_are_found_by_the_metadata() -> None:
    receiver = Receiver(keys=None)
    receiver.hand.add([answer(METADATA), answer({"keys": [dict(KEY.public_jwk)]})])
    receiver.hear(an_event())
    asked = [request.url for request in receiver.hand.requests]
    assert asked == [f"{BANK}/.well-known/ssf-configuration", f"{BANK}/jwks"]
    receiver.hear(an_event())
    assert len(receiver.hand.requests) == 2


@pytest.mark.spec("SSF 7.2.4")
@pytest.mark.parametrize(
    "document",
    [
        {**METADATA, "issuer": "https://other.example"},
        {"jwks_uri": f"{BANK}/jwks"},
        {"issuer": BANK},
        {**METADATA, "jwks_uri": "http://as.example/jwks"},
        {**METADATA, "jwks_uri": "http://localhost/jwks"},
        [METADATA],
    ],
    ids=str,
)
def test_nothing_of_other_metadata_is_used(document: Any) -> None:
    """The event may be good, so it is neither taken nor refused."""
    receiver = Receiver(keys=None)
    receiver.hand.add([answer(document)])
    with pytest.raises(e.TransportError):
        receiver.hear(an_event())
    assert receiver.acted == []


@pytest.mark.spec("SSF 3.6")
def test_an_event_with_an_unknown_critical_part_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    receiver = Receiver(keys=None)
    critical = {**METADATA, "critical_subject_members": ["user", "vehicle"]}
    receiver.hand.add([answer(critical), answer({"keys": [dict(KEY.public_jwk)]})])
    receiver.hear(an_event(sub_id={**OF_SESSION, "vehicle": {"format": "opaque", "id": "v"}}))
    assert receiver.acted == []
    assert "vehicle of its subject is critical" in caplog.text
    receiver.hear(an_event())
    assert len(receiver.acted) == 1, "this one has no such part"


def test_rs256_is_for_those_who_name_it() -> None:
    """The interoperability profile of CAEP demands it, FAPI forbids it."""
    from fapikit.jose.key_set import KeySet

    key = a_key("RS256", 1)
    receiver = Receiver(keys=KeySet([key.public_key]), algorithms={"RS256"})
    assert not receiver.hear(an_event(key)).again


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"issuer": "http://as.example"}, "issuer and jwks_uri"),
        ({"jwks_uri": "http://as.example/jwks"}, "issuer and jwks_uri"),
        ({"audience": ""}, "audience"),
        ({"push_authorization": "Bearer clear"}, "push_authorization"),
        ({"algorithms": ["HS256"]}, "'HS256'"),
        ({"algorithms": ["none"]}, "'none'"),
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_refused(setting: dict[str, Any], says: str) -> None:
    with pytest.raises(e.ConfigurationError, match=says):
        a_transmitter(**setting)


def test_no_secret_of_a_transmitter_is_shown() -> None:
    transmitter: Transmitter = a_transmitter()
    assert "a-secret-of-the-stream" not in repr(transmitter)


def test_the_events_of_caep_are_named_as_registered() -> None:
    assert TOKEN_CLAIMS_CHANGE == "https://schemas.openid.net/secevent/caep/event-type/token-claims-change"
    assert CREDENTIAL_CHANGE == "https://schemas.openid.net/secevent/caep/event-type/credential-change"
    assert VERIFICATION == "https://schemas.openid.net/secevent/ssf/event-type/verification"
