"""What a server packed unasked is unpacked within the limit, however the octets arrive."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fapikit.io.unpack import Overlong, Unpacker, unpack


def raw_deflate(octets: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(octets) + packer.flush()


FORMS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "gzip in two members": lambda octets: gzip.compress(octets[:3]) + gzip.compress(octets[3:]),
    "zlib": zlib.compress,
    "bare deflate": raw_deflate,
}


@pytest.mark.spec("RFC 9110 8.4.1")
@pytest.mark.parametrize("form", FORMS)
@given(octets=st.binary(max_size=2000), size=st.integers(1, 50))
def test_comes_back_whole(form: str, octets: bytes, size: int) -> None:
    packed = FORMS[form](octets)
    assert unpack(packed, len(octets)) == octets
    unpacker = Unpacker(len(octets))
    pieces = [packed[at : at + size] for at in range(0, len(packed), size)]
    assert b"".join(unpacker.feed(piece) for piece in pieces) == octets
    unpacker.require_end()


@pytest.mark.parametrize("form", FORMS)
def test_never_gives_more_than_the_limit_and_one_octet(form: str) -> None:
    packed = FORMS[form](b"0" * 10_000_000)
    with pytest.raises(Overlong):
        unpack(packed, 9_999_999)
    unpacker = Unpacker(100)
    with pytest.raises(Overlong):
        unpacker.feed(packed)
    assert unpacker._left == -1


@pytest.mark.parametrize("form", FORMS)
def test_a_body_that_breaks_off_is_not_taken_for_whole(form: str) -> None:
    with pytest.raises(ValueError):
        unpack(FORMS[form](b"some text")[:-1], 1000)


@pytest.mark.parametrize("octets", [b"{}", b"\x1f\x8bnot", b"\xff\xff\xff", b"<html>"])
def test_what_is_not_packed_is_said_to_be_not(octets: bytes) -> None:
    with pytest.raises(ValueError):
        unpack(octets, 1000)


@pytest.mark.parametrize("form", FORMS)
def test_empty_bodies_in_a_row_do_not_cost_time(form: str) -> None:
    """Half a mebibyte of them would hold a server up for seconds."""
    packed = FORMS[form](b"")
    with pytest.raises(ValueError, match="more than one compressed body"):
        unpack(packed * 100, 1000)


def test_a_gzip_body_of_many_members() -> None:
    assert unpack(gzip.compress(b"x") * 64, 64) == b"x" * 64
