"""Which stores may keep the marks of used consents, which keys a request may have, and what a route must say."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from fapikit import MemoryStore, RedisStore, Seal, SealedStore, SqliteStore
from fapikit.errors import ConfigurationError, UnfitStore
from fapikit.io import SyncDriver
from rskit import Access, ConsentLedger, DetailsType, NotExecuted
from rskit import errors as rs
from rskit.consents.idempotency_key import read_idempotency_key
from rskit.consents.use import use_consent
from rskit.policy.checked_request import CheckedRequest
from tests.hands import Hand
from tests.rskit.consents.paying import ORDER, PAYMENT, Api, a_consent
from tests.rskit.mothers import a_server, a_token, a_view, allowed
from tests.servers import valkey_server


def no_books(_: Any) -> None:
    return None


def test_a_store_in_memory_is_refused_when_the_ledger_is_made() -> None:
    for store in (MemoryStore(), SealedStore(MemoryStore(), Seal([b"k" * 32]))):
        with pytest.raises(UnfitStore, match="the memory of one process"):
            ConsentLedger(store, reconcile=no_books)


def test_unless_it_is_for_development_and_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "rskit")
    ConsentLedger(MemoryStore(), reconcile=no_books, development_only=True)
    assert "development_only=True" in caplog.text


def refused(store: Any) -> str:
    ledger = ConsentLedger(store, reconcile=no_books)
    api = Api(store=store)
    assert api.pay(a_consent("c1")) == "UnfitStore"
    assert api.books.paid == []
    (problem,) = SyncDriver().run(a_server(consents=ledger).warm()).problems
    with pytest.raises(UnfitStore) as error:
        Hand().run(ledger.check())
    assert problem == f"consents: {error.value}"
    return problem


class FiveOperations:
    """A store of somebody's own that does not say what it can keep."""

    def __init__(self) -> None:
        inner = MemoryStore()
        for name in ("get", "put", "take", "add", "swap", "aget", "aput", "atake", "aadd", "aswap"):
            setattr(self, name, getattr(inner, name))


def test_a_store_that_does_not_say_that_it_keeps_marks_keeps_none() -> None:
    assert "forgets at a restart" in refused(FiveOperations())


def test_a_redis_that_writes_nothing_to_disk_is_found_out(valkey_url: str) -> None:
    store = RedisStore(valkey_url)
    assert "forgets at a restart" in refused(store)
    store.close()


def test_a_redis_that_evicts_is_found_out(tmp_path: Path) -> None:
    with valkey_server(tmp_path, "--appendonly", "yes", "--maxmemory-policy", "allkeys-lru") as url:
        store = RedisStore(url)
        assert "noeviction" in refused(store)
        store.close()


def test_a_file_and_a_redis_that_writes_to_disk_are_taken(tmp_path: Path) -> None:
    file = SqliteStore(tmp_path / "marks.db")
    assert Api(store=file).pay(a_consent("c1"))["status"] == "executed"
    file.close()
    with valkey_server(tmp_path, "--appendonly", "yes") as url:
        redis = RedisStore(url)
        api = Api(store=redis)
        assert api.pay(a_consent("c1"))["status"] == "executed"
        assert SyncDriver().run(api.server.warm()).ready
        redis.close()


@pytest.mark.parametrize(
    "settings", [{"lease": 0}, {"lease": -1}, {"unknown_end": 0}, {"lease": float("nan")}]
)
def test_a_span_is_positive(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="positive"):
        ConsentLedger(MemoryStore(), reconcile=no_books, development_only=True, **settings)


def test_a_ledger_shows_no_outcome() -> None:
    api = Api()
    api.pay(a_consent("c1"))
    assert repr(api.ledger).startswith("ConsentLedger(MemoryStore(2 ")
    assert "executed" not in repr(api.ledger)


UUID = "8e03978e-40d5-43e8-bc93-6894a57f9324"


@pytest.mark.spec("Idempotency-Key 2.1")
@pytest.mark.parametrize(
    ("sent", "key"), [(f'"{UUID}"', UUID), (UUID, UUID), (f" {UUID}\t", UUID), ("a=/+:b", "a=/+:b")]
)
def test_a_key_is_read(sent: str, key: str) -> None:
    assert read_idempotency_key("Idempotency-Key", [sent]) == key


@pytest.mark.spec("Idempotency-Key 2.7")
@pytest.mark.parametrize(
    "values",
    [
        [], [""], ['""'], ["a b"], ["a, b"], ["a,b"], ['"a'], ['a"'], ['"a";b=1'], ["a;b"], ["a\\b"], ["é"], ["a\nb"],
        ["x" * 256], ["a", "a"],
    ],
)  # fmt: skip
def test_a_key_that_is_none_is_refused(values: list[str]) -> None:
    with pytest.raises(rs.UnusableIdempotencyKey, match="x-idempotency-key") as refused:
        read_idempotency_key("x-idempotency-key", values)
    assert refused.value.status == 400


def test_the_header_may_have_another_name() -> None:
    api = Api(idempotency_key="x-idempotency-key")
    asked: list[str] = []
    checked = api.admit(a_consent("c1"))
    checked.require_details(Access(), PAYMENT.needed(ORDER), lambda name: asked.append(name) or ["key-1"])
    assert Hand().run(use_consent(checked, api.books.pay))["status"] == "executed"
    assert asked == ["x-idempotency-key"]


def a_checked_request(needed: Any = None, *, granted: Any = None, **settings: Any) -> CheckedRequest:
    server = a_server(**settings)
    view = a_view(f"Bearer {a_token(authorization_details=[granted or a_consent('c1')])}")
    checked = CheckedRequest(server, view, allowed(server, view))
    if needed is not None:
        checked.require_details(Access(), needed, lambda _: ["key-1"])
    return checked


PLAIN = {"type": "payment_initiation", **ORDER}


@pytest.mark.parametrize(
    ("needed", "granted", "settings", "words"),
    [
        (PAYMENT.needed(ORDER), None, {}, r"needs ResourceServer\(consents="),
        (None, None, {"ledger": True}, "put Access"),
        ([PAYMENT.needed(ORDER), {"type": "payment_initiation"}], None, {"ledger": True}, "executes one"),
        (PLAIN, None, {"ledger": True}, r"DetailsType\(...\).needed"),
        (PAYMENT.needed(ORDER), a_consent("c1", consent_id=None), {"ledger": True}, "has no consent_id"),
        (PAYMENT.needed(ORDER), a_consent("c1", consent_id=""), {"ledger": True}, "has no consent_id"),
        (PAYMENT.needed(ORDER), a_consent("c1", consent_id=7), {"ledger": True}, "has no consent_id"),
        (PAYMENT.needed(ORDER), a_consent("x" * 513), {"ledger": True}, "has no consent_id"),
    ],
)
def test_what_a_route_lacks_is_named_and_nothing_is_executed(
    needed: Any, granted: Any, settings: dict[str, Any], words: str
) -> None:
    api = Api()
    given = {"consents": api.ledger} if settings else {}
    with pytest.raises(ConfigurationError, match=words):
        Hand().run(use_consent(a_checked_request(needed, granted=granted, **given), api.books.pay))
    assert api.books.paid == []


def test_a_consent_that_does_not_cover_the_request_is_not_used_up_where_refusals_are_only_observed() -> None:
    api = Api()
    other = DetailsType("payment_initiation", executed=tuple(ORDER)).needed(
        {**ORDER, "creditorName": "thief"}
    )
    checked = api.admit(a_consent("c1"))
    checked.compared = checked.compared._replace(details=(other,))
    with pytest.raises(rs.InsufficientDetails):
        Hand().run(use_consent(checked, api.books.pay))
    assert api.books.paid == []


def test_an_exception_of_its_own_says_that_nothing_was_executed() -> None:
    assert not issubclass(NotExecuted, rs.AccessRefused)
