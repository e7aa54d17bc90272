"""Status lists: the published encodings, every width, and what is refused."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fapikit import base64url
from fapikit.errors import MalformedStatus
from fapikit.status_list import INVALID, MAX_OCTETS, SUSPENDED, VALID, StatusList, StatusReference

LONG = (
    "eNrt3AENwCAMAEGogklACtKQPg9LugC9k_ACvreiogEAAKkeCQAAAAAAAAAAAAAAAAAAAIBylgQAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAXG9IAAAAAAAAAPwsJAAAAAAAAAAAAAAAvhsSAAAAAAAAAAAA7KpLAAAAAAAAAAAAAAAAAAAA"
    "AJsLCQAAAAAAAAAAADjelAAAAAAAAAAAKjDMAQAAAACAZC8L2AEb"
)
"""2^20 entries of 1 bit, as the specification prints it."""


@pytest.mark.spec("TSL 4.1", "TSL 4.2")
@pytest.mark.parametrize(
    "bits, lst, statuses",
    [
        (1, "eNrbuRgAAhcBXQ", [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]),
        (2, "eNo76fITAAPfAgc", [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]),
    ],
)
def test_the_published_examples(bits: int, lst: str, statuses: list[int]) -> None:
    found = StatusList.read({"bits": bits, "lst": lst})
    assert [found.status(index) for index in range(len(statuses))] == statuses
    made = StatusList.of(dict(enumerate(statuses)), size=len(statuses), bits=bits)
    assert made.member() == {"bits": bits, "lst": lst}


@pytest.mark.spec("TSL 4.1")
def test_the_published_long_example() -> None:
    found = StatusList.read({"bits": 1, "lst": LONG})
    ended = [0, 1993, 25460, 159495, 495669, 554353, 645645, 723232, 854545, 934534, 1000345]
    assert list(found.invalid()) == ended
    assert len(found.octets) == 2**20 // 8


@given(bits=st.sampled_from([1, 2, 4, 8]), seen=st.data())
def test_what_is_written_is_read(bits: int, seen: st.DataObject) -> None:
    statuses = seen.draw(st.lists(st.integers(0, 2**bits - 1), min_size=1, max_size=50))
    made = StatusList.of(dict(enumerate(statuses)), size=len(statuses), bits=bits)
    read = StatusList.read(made.member(aggregation_uri="https://as.example/status_lists"))
    assert [read.status(index) for index in range(len(statuses))] == statuses


def of(octets: bytes) -> str:
    return base64url.encode(octets)


GOOD = of(zlib.compress(b"\x01"))


@pytest.mark.spec("TSL 4.1", "TSL 4.2")
@pytest.mark.parametrize(
    "member",
    [
        pytest.param(None, id="no object"),
        pytest.param({"lst": GOOD}, id="no bits"),
        pytest.param({"bits": 3, "lst": GOOD}, id="3 bits"),
        pytest.param({"bits": True, "lst": GOOD}, id="bits is true"),
        pytest.param({"bits": "1", "lst": GOOD}, id="bits is text"),
        pytest.param({"bits": 1}, id="no lst"),
        pytest.param({"bits": 1, "lst": GOOD + "=="}, id="padded"),
        pytest.param({"bits": 1, "lst": of(zlib.compress(b"\x01")[:-1])}, id="cut short"),
        pytest.param({"bits": 1, "lst": of(zlib.compress(b"\x01") + b"\0")}, id="something after it"),
        pytest.param({"bits": 1, "lst": of(zlib.compress(b"\x01", wbits=-15))}, id="raw deflate"),
        pytest.param({"bits": 1, "lst": of(gzip.compress(b"\x01"))}, id="gzip"),
        pytest.param({"bits": 1, "lst": of(zlib.compress(bytes(1001)))}, id="longer than the limit"),
    ],
)
def test_a_list_that_cannot_be_read(member: Any) -> None:
    with pytest.raises(MalformedStatus):
        StatusList.read(member, max_octets=1000)


def test_a_bomb_is_not_decompressed_to_its_end() -> None:
    bomb = of(zlib.compress(bytes(200_000_000), 9))
    tracemalloc.start()
    try:
        with pytest.raises(MalformedStatus, match="longer than"):
            StatusList.read({"bits": 1, "lst": bomb})
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 4 * MAX_OCTETS


@pytest.mark.spec("TSL 8.3")
@pytest.mark.parametrize("index", [8, 9, 2**70, -1])
def test_an_index_that_the_list_does_not_have(index: int) -> None:
    with pytest.raises(MalformedStatus, match="no entry"):
        StatusList(1, b"\0").status(index)


@pytest.mark.spec("TSL 7.1")
def test_the_three_statuses() -> None:
    made = StatusList.of({1: INVALID, 2: SUSPENDED}, size=4, bits=2)
    assert [made.status(index) for index in range(4)] == [VALID, 1, 2, VALID]
    for wrong in ({0: SUSPENDED}, {4: INVALID}, {0: -1}):
        with pytest.raises(ValueError, match="does not fit"):
            StatusList.of(wrong, size=4)


@pytest.mark.spec("TSL 6.2")
def test_a_token_refers_to_its_entry() -> None:
    reference = StatusReference(7, "https://as.example/status_lists/1")
    assert StatusReference.of_token({"status": reference.claim()}) == reference
    assert StatusReference.of_token({"sub": "alice"}) is None
    assert StatusReference.of_token({"status": {"another_mechanism": {}}}) is None


@pytest.mark.spec("TSL 6.2")
@pytest.mark.parametrize(
    "status",
    [
        "status_list",
        {"status_list": []},
        {"status_list": {"uri": "https://as.example/1"}},
        {"status_list": {"idx": -1, "uri": "https://as.example/1"}},
        {"status_list": {"idx": True, "uri": "https://as.example/1"}},
        {"status_list": {"idx": 1.0, "uri": "https://as.example/1"}},
        {"status_list": {"idx": 1}},
        {"status_list": {"idx": 1, "uri": 5}},
        {"status_list": {"idx": 1, "uri": "http://as.example/1"}},
        {"status_list": {"idx": 1, "uri": "file:///etc/passwd"}},
    ],
)
def test_a_reference_that_cannot_be_read(status: Any) -> None:
    with pytest.raises(MalformedStatus, match="idx"):
        StatusReference.of_token({"status": status})
