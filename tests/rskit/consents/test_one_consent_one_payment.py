"""One consent, one payment: retries, other requests, consents that end, and what an attempt leaves behind."""

from __future__ import annotations

from typing import Any

import pytest

from fapikit import MemoryStore, Seal, SealedStore
from fapikit.errors import StoreUnavailable
from rskit import NotExecuted, Reservation
from rskit import errors as rs
from rskit.consents.use import use_consent
from tests.clocks import FrozenClock
from tests.hands import Hand
from tests.rskit.consents.paying import DAY, ORDER, Api, Books, a_consent
from tests.rskit.mothers import RESOURCE

FIRST = {"status": "executed", "number": 1, "order": "2026-1"}
SECOND = {**FIRST, "number": 2}


@pytest.mark.spec("RFC 9396 9", "Idempotency-Key 2.6")
def test_a_consent_pays_once_and_a_retry_is_told_what_came_of_it() -> None:
    api = Api()
    consent = a_consent("c1")
    assert api.pay(consent) == FIRST
    assert api.pay(consent) == FIRST
    assert api.pay(consent, key="key-2") == "ConsentUsed"
    assert api.pay(consent, key=None) == "UnusableIdempotencyKey"
    assert len(api.books.paid) == 1


@pytest.mark.parametrize("hours", [25, 24 * 89, 24 * 90 - 1])
def test_it_pays_once_as_long_as_it_lasts(hours: int) -> None:
    """The token is refreshed again and again, with the same consent."""
    api = Api()
    consent = a_consent("c1")
    assert api.pay(consent) == FIRST
    api.clock.advance(hours * 3600)
    assert api.pay(consent) == FIRST
    assert api.pay(consent, key="another") == "ConsentUsed"
    api.clock.advance(90 * DAY)
    assert api.pay(consent, key="another") == "InsufficientDetails"
    assert len(api.books.paid) == 1


def test_a_consent_that_tells_no_end_is_remembered_for_ten_years() -> None:
    api = Api()
    for told in ({}, {"consent_expires_at": ""}):
        consent = a_consent(f"c{len(api.books.paid)}", ends=None, **told)
        assert api.pay(consent, key=f"key-{len(api.books.paid)}")["status"] == "executed"
        api.clock.advance(3650 * DAY)
        assert api.pay(consent, key="another") == "ConsentUsed"


@pytest.mark.parametrize("told", ["soon", True, "2026-01-01", "2027-01-15T08:00:00"])
def test_a_consent_whose_end_is_a_past_day_or_cannot_be_read_pays_for_nothing(told: object) -> None:
    api = Api()
    assert api.pay(a_consent("c1", ends=None, consent_expires_at=told)) == "InsufficientDetails"
    assert api.books.paid == []


def test_an_end_may_be_told_as_text() -> None:
    api = Api()
    consent = a_consent("c1", ends=None, consent_expires_at="2027-01-15T08:00:01+00:00")  # in a second
    assert api.pay(consent) == FIRST
    api.clock.advance(1)
    assert api.pay(consent, key="another") == "InsufficientDetails"


def test_a_consent_that_has_ended_pays_for_nothing() -> None:
    api = Api()
    assert api.pay(a_consent("c1", ends=0)) == "InsufficientDetails"
    assert api.pay(a_consent("c1", ends=-1), a_consent("c2", ends=1)) == FIRST


@pytest.mark.spec("RFC 9396 2.2")
@pytest.mark.parametrize(
    ("locations", "paid"),
    [
        ([RESOURCE], True),
        (["https://other.example", RESOURCE], True),
        (["https://other.example"], False),
        ([f"{RESOURCE}/"], False),
        ([], False),
        (RESOURCE, False),
        (7, False),
    ],
)
def test_a_consent_for_another_api_pays_nothing_here(locations: Any, paid: bool) -> None:
    api = Api()
    assert api.pay(a_consent("c1", locations=locations)) == (FIRST if paid else "InsufficientDetails")
    assert len(api.books.paid) == int(paid)


def test_two_consents_pay_twice_and_not_three_times() -> None:
    api = Api()
    both = a_consent("c1"), a_consent("c2")
    assert [api.pay(*both, key=key) for key in ("k1", "k2", "k3")] == [FIRST, SECOND, "ConsentUsed"]
    assert len(set(api.books.paid)) == 2
    assert api.pay(*reversed(both), key="k2") == SECOND
    assert api.pay(*both, key="k1") == FIRST


def test_one_consent_told_twice_pays_once() -> None:
    api = Api()
    twice = a_consent("c1"), a_consent("c1", ends=10 * DAY)
    assert [api.pay(*twice, key=key) for key in ("k1", "k2")] == [FIRST, "ConsentUsed"]


@pytest.mark.spec("Idempotency-Key 2.2", "Idempotency-Key 2.4")
@pytest.mark.spec("Idempotency-Key 2.7")
def test_a_key_stands_for_one_request() -> None:
    api = Api()
    other = {**ORDER, "reference": "2026-2"}
    granted = a_consent("c1"), a_consent("c2", reference="2026-2")
    assert api.pay(*granted) == FIRST
    assert api.pay(*granted, order=other) == "IdempotencyKeyReused"
    assert api.pay(*granted, order=other, key="key-2")["order"] == "2026-2"
    assert len(api.books.paid) == 2


def test_a_retry_may_spell_its_amount_otherwise() -> None:
    api = Api()
    spelt = {**ORDER, "instructedAmount": {"amount": 12, "currency": "EUR"}}
    assert api.pay(a_consent("c1")) == FIRST
    assert api.pay(a_consent("c1"), order=spelt) == FIRST


def test_a_retry_with_a_token_for_another_consent_does_not_pay_again() -> None:
    api = Api()
    assert api.pay(a_consent("c1"), a_consent("c2")) == FIRST
    assert api.pay(a_consent("c2")) == FIRST, "the same key: the same request"
    assert len(api.books.paid) == 1
    assert api.pay(a_consent("c2"), key="key-2") == SECOND


def test_a_key_goes_on_only_with_the_consent_that_it_began_with() -> None:
    """That attempt may be on its way still: with another consent the same key might pay twice."""
    api = Api()

    def poor(_: Reservation) -> Any:
        raise NotExecuted

    with pytest.raises(NotExecuted):
        api.pay(a_consent("c1"), execute=poor)
    left_behind(api, crash_before, a_consent("c3"), key="key-3")
    assert api.pay(a_consent("c2"), key="key-3") == "ConsentInUse"
    api.clock.advance(121)
    assert api.pay(a_consent("c2"), key="key-3") == "IdempotencyKeyReused"
    assert api.books.paid == []
    assert api.pay(a_consent("c2")) == FIRST, "nothing happened under this one, and it is forgotten"


def test_nobody_else_is_told_what_came_of_a_request() -> None:
    api = Api()
    granted = a_consent("c1"), a_consent("c2")
    assert api.pay(*granted) == FIRST
    assert api.pay(*granted, sub="bob") == SECOND, "another user's key of the same name"
    assert api.pay(*granted, client_id="other") == "ConsentUsed"
    assert len(api.books.paid) == 2


def test_an_id_of_a_consent_is_one_issuer_s_own() -> None:
    api = Api()
    assert api.pay(a_consent("c1")) == FIRST
    assert api.pay(a_consent("c1"), iss="https://other.example", key="key-2") == SECOND
    assert api.pay(a_consent("c1"), iss="https://other.example", key="key-3") == "ConsentUsed"


def test_while_the_first_request_is_under_way_the_second_waits() -> None:
    api = Api()
    consent = a_consent("c1")
    told: list[Any] = []

    def slowly(reservation: Reservation) -> Any:
        told.append(api.pay(consent))
        told.append(api.pay(consent, key="another"))
        return api.books.pay(reservation)

    assert api.pay(consent, execute=slowly) == FIRST
    assert told == ["ConsentInUse", "ConsentInUse"]
    assert len(api.books.paid) == 1


@pytest.mark.spec("Idempotency-Key 2.7")
def test_how_long_to_wait_is_told() -> None:
    api = Api(lease=60)
    consent = a_consent("c1")

    def slowly(reservation: Reservation) -> Any:
        api.clock.advance(15)
        with pytest.raises(rs.ConsentInUse) as refused:
            Hand().run(use_consent(api.admit(consent), api.books.pay))
        assert refused.value.retry_after == 45
        return api.books.pay(reservation)

    assert api.pay(consent, execute=slowly) == FIRST


class Crash(BaseException):
    """Nothing in the API hears of it: as if the process had been killed."""


def crash_before(_: Reservation) -> Any:
    raise Crash


def crash_after(books: Books) -> Any:
    def execute(reservation: Reservation) -> Any:
        books.pay(reservation)
        raise Crash

    return execute


def left_behind(api: Api, execute: Any, *granted: Any, **request: Any) -> None:
    with pytest.raises(Crash):
        api.pay(*granted, execute=execute, **request)


def test_an_attempt_that_died_before_it_paid_is_resumed_under_the_same_key() -> None:
    api = Api()
    consent = a_consent("c1")
    left_behind(api, crash_before, consent)
    assert api.pay(consent) == "ConsentInUse", "it may be alive"
    api.clock.advance(121)
    assert api.pay(consent) == FIRST
    assert api.pay(consent) == FIRST
    assert len(api.books.paid) == 1


def test_an_attempt_that_died_after_it_paid_is_not_repeated() -> None:
    api = Api()
    consent = a_consent("c1")
    left_behind(api, crash_after(api.books), consent)
    api.clock.advance(121)
    assert api.pay(consent) == {"status": "found"}
    assert api.pay(consent) == {"status": "found"}
    assert len(api.books.paid) == 1
    assert api.pay(consent, key="another") == "ConsentUsed"


def test_a_consent_that_a_dead_attempt_reserved_is_not_lost_for_another_key() -> None:
    api = Api()
    consent = a_consent("c1")
    left_behind(api, crash_before, consent)
    api.clock.advance(121)
    assert api.pay(consent, key="another") == FIRST
    assert api.pay(consent) == "ConsentUsed", "the first key came too late"


def test_a_payment_of_a_dead_attempt_is_found_by_another_key_and_stays_the_first_one_s() -> None:
    api = Api()
    consent = a_consent("c1")
    left_behind(api, crash_after(api.books), consent)
    api.clock.advance(121)
    assert api.pay(consent, key="another") == "ConsentUsed"
    assert api.pay(consent) == {"status": "found"}
    assert len(api.books.paid) == 1


def test_where_it_cannot_be_told_nothing_is_paid_again() -> None:
    api = Api()

    def out_of_order(_: Reservation) -> Any:
        raise ConnectionError("the books do not answer")

    consent = a_consent("c1")
    left_behind(api, crash_after(api.books), consent)
    api.clock.advance(121)
    api.ledger.reconcile = out_of_order
    assert api.pay(consent) == "OutcomeUnknown"
    assert api.pay(consent, key="another") == "OutcomeUnknown"
    api.ledger.reconcile = api.books.find
    assert api.pay(consent) == {"status": "found"}, "at once: asking set nothing in motion"
    assert len(api.books.paid) == 1


def test_books_that_do_not_answer_take_no_payment_and_keep_no_consent() -> None:
    api = Api()

    def out_of_order(_: Reservation) -> Any:
        raise ConnectionError("the books do not answer")

    api.ledger.reconcile = out_of_order
    assert api.pay(a_consent("c1")) == "OutcomeUnknown"
    assert api.books.paid == []
    api.ledger.reconcile = api.books.find
    assert api.pay(a_consent("c1"), key="another") == FIRST, "at once"


def test_a_store_that_lost_its_marks_pays_nothing_twice() -> None:
    """Emptied, replaced, set back to a backup: the books know what was executed."""
    api = Api()
    assert api.pay(a_consent("c1")) == FIRST
    emptied = Api(clock=api.clock, books=api.books)
    assert emptied.pay(a_consent("c1"), key="another") == "ConsentUsed"
    assert emptied.pay(a_consent("c1")) == "ConsentUsed", "whose it was is lost too"
    assert emptied.pay(a_consent("c2"), key="another") == SECOND
    assert len(api.books.paid) == 2


def test_a_failure_leaves_time_for_what_it_has_set_in_motion() -> None:
    api = Api()
    consent = a_consent("c1")

    under_way: list[Reservation] = []

    def fails(reservation: Reservation) -> Any:
        under_way.append(reservation)
        raise ConnectionError("no answer in time; the order may be under way")

    with pytest.raises(ConnectionError):
        api.pay(consent, execute=fails)
    assert api.pay(consent) == "ConsentInUse"
    api.books.paid.append(under_way[0].id)  # it arrives late
    api.clock.advance(121)
    assert api.pay(consent) == {"status": "found"}
    assert len(api.books.paid) == 1


def test_what_took_too_long_is_unknown() -> None:
    api = Api()

    def late(_: Reservation) -> Any:
        raise TimeoutError

    assert api.pay(a_consent("c1"), execute=late) == "OutcomeUnknown"
    assert api.pay(a_consent("c1")) == "ConsentInUse"


def test_what_was_surely_not_executed_gives_the_consent_back_at_once() -> None:
    api = Api()
    consent = a_consent("c1")

    class NotEnoughMoney(NotExecuted):
        pass

    def poor(_: Reservation) -> Any:
        raise NotEnoughMoney

    for key in ("key-1", "key-1", "key-2"):
        with pytest.raises(NotEnoughMoney):
            api.pay(consent, execute=poor, key=key)
    assert api.pay(consent, key="key-3") == FIRST
    assert api.pay(consent, key="key-1") == "ConsentUsed"


def test_keys_under_which_nothing_happened_do_not_fill_the_store() -> None:
    api = Api()

    def poor(_: Reservation) -> Any:
        raise NotExecuted

    for number in range(50):
        with pytest.raises(NotExecuted):
            api.pay(a_consent("c1"), execute=poor, key=f"key-{number}")
    assert isinstance(api.store, MemoryStore)
    written = list(api.store._entries)
    assert len(written) == 51
    api.clock.advance(121)
    assert [key.split(":")[0] for key in written if api.store.get(key)] == ["consent"]


def test_refused_keys_leave_nothing_in_the_store() -> None:
    api = Api()
    api.pay(a_consent("c1"))
    assert isinstance(api.store, MemoryStore)
    before = len(api.store)
    for number in range(50):
        assert api.pay(a_consent("c1"), key=f"other-{number}") == "ConsentUsed"
    assert len(api.store) == before == 2


def test_a_payment_is_not_lost_because_its_outcome_cannot_be_kept() -> None:
    api = Api()
    deep: Any = {}
    for _ in range(40):
        deep = {"deeper": deep}
    for number, outcome in enumerate(
        [{"when": object()}, "executed", None, {"n": float("nan")}, {"x": "y" * 70_000}, deep, {"\ud800": 1}]
    ):
        consent, key = a_consent(f"c{number}"), f"k{number}"
        assert api.pay(consent, key=key, execute=lambda r, o=outcome: [api.books.pay(r), o][1]) is outcome
        assert api.pay(consent, key=key) == {"status": "found"}
        assert api.pay(consent, key="another") == "ConsentUsed"
    assert len(api.books.paid) == 7


def test_an_outcome_that_is_gone_from_the_books_too_is_told_as_unknown() -> None:
    api = Api()
    assert api.pay(a_consent("c1"), execute=lambda _: None) is None
    assert api.pay(a_consent("c1")) == "OutcomeUnknown"


class Failing(MemoryStore):
    """Does not answer the writes that `fails` names, counted from 1."""

    fails: tuple[int, ...] = ()
    writes = 0

    def swap(self, key: str, expected: bytes | None, new: bytes, ttl: float) -> bool:
        self.writes += 1
        if self.writes in self.fails:
            raise StoreUnavailable("the store did not answer")
        return super().swap(key, expected, new, ttl)


@pytest.mark.parametrize(
    ("fails", "first"),
    [(1, "StoreUnavailable"), (2, "StoreUnavailable"), (3, FIRST)],
    ids=["key", "consent", "outcome"],
)
def test_a_store_that_does_not_answer_costs_no_payment_and_pays_none_twice(fails: int, first: Any) -> None:
    clock = FrozenClock()
    store = Failing(clock=clock)
    store.fails = (fails,)
    api = Api(store=store, clock=clock, development_only=True)
    assert api.pay(a_consent("c1")) == first
    api.clock.advance(121)
    assert api.pay(a_consent("c1")) in (FIRST, {"status": "found"})
    assert len(api.books.paid) == 1


def test_a_store_that_does_not_answer_hides_nothing_of_what_went_wrong_before() -> None:
    clock = FrozenClock()
    store = Failing(clock=clock)
    store.fails = (3, 6)
    api = Api(store=store, clock=clock, development_only=True)

    def poor(_: Reservation) -> Any:
        raise NotExecuted

    with pytest.raises(NotExecuted):
        api.pay(a_consent("c1"), execute=poor)
    api.clock.advance(121)

    def out_of_order(_: Reservation) -> Any:
        raise ConnectionError

    api.ledger.reconcile = out_of_order
    assert api.pay(a_consent("c1")) == "OutcomeUnknown"
    assert api.pay(a_consent("c1")) == "ConsentInUse"


def test_an_attempt_that_is_late_for_its_own_lease_executes_nothing() -> None:
    clock = FrozenClock()

    class Slow(MemoryStore):
        def swap(self, key: str, expected: bytes | None, new: bytes, ttl: float) -> bool:
            done = super().swap(key, expected, new, ttl)
            if key.startswith("consent:"):
                clock.advance(60)
            return done

    api = Api(store=Slow(clock=clock), clock=clock, development_only=True)
    assert api.pay(a_consent("c1")) == "StoreUnavailable"
    assert api.books.paid == []


@pytest.mark.parametrize("kind", ["idempotency", "consent"])
@pytest.mark.parametrize("octets", [b"", b"{}", b"[]", b"\xff", b'{"fingerprint": 1}', b"null"])
def test_a_mark_that_cannot_be_read_decides_nothing(kind: str, octets: bytes) -> None:
    api = Api()
    api.pay(a_consent("c1"))
    assert isinstance(api.store, MemoryStore)
    (key,) = [key for key in api.store._entries if key.startswith(kind)]
    api.store.put(key, octets, 60)
    assert api.pay(a_consent("c1")) == "StoreUnavailable"
    assert len(api.books.paid) == 1


def test_marks_may_be_sealed_and_show_nothing() -> None:
    clock = FrozenClock()
    inner = MemoryStore(clock=clock)
    api = Api(store=SealedStore(inner, Seal([b"k" * 32])), clock=clock, development_only=True)
    assert api.pay(a_consent("c1")) == FIRST
    assert api.pay(a_consent("c1")) == FIRST
    assert not [value for value, _ in inner._entries.values() if b"executed" in value]
    assert "key-1" not in " ".join(inner._entries)
