"""JSON, forms, base64url and URLs: read strictly or refused with a typed error, whatever comes."""

from __future__ import annotations

import contextlib
import json
from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fapikit import base64url, strict_json
from fapikit.errors import InsecureUrl, MalformedMessage
from fapikit.parameters import Parameters, parse_parameters
from fapikit.strict_json import MAX_DEPTH, DuplicateName, NotStrictJson
from fapikit.urls import (
    is_loopback_host,
    is_secure,
    origin_of,
    require_no_downgrade,
    require_secure,
    without_query,
)

LETTERS = st.characters(exclude_categories=["Cs"])
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**38), 10**39)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(LETTERS, max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(LETTERS, max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(JSON)
def test_json_reads_what_json_writes(value: Any) -> None:
    assert strict_json.parse_value(json.dumps(value)) == value
    assert strict_json.parse_value(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.binary(max_size=60) | st.text(alphabet='{}[]",:\\u0dDeE-+.1nulltrue ', max_size=40).map(str.encode))
def test_only_value_errors_come_out_of_json(octets: bytes) -> None:
    with contextlib.suppress(DuplicateName, NotStrictJson):
        assert isinstance(strict_json.parse_object(octets), dict)


class Members(list[Any]):
    """An object as it is written, a member perhaps twice."""

    def write(self, ascii_only: bool, colon: str) -> str:
        def text(value: Any) -> str:
            if isinstance(value, Members):
                return value.write(ascii_only, colon)
            return json.dumps(value, ensure_ascii=ascii_only)

        return "{" + ",".join(text(name) + colon + text(value) for name, value in self) + "}"

    def read(self) -> dict[str, Any]:
        """Raises DuplicateName."""
        read = {name: value.read() if isinstance(value, Members) else value for name, value in self}
        if len(read) != len(self):
            raise DuplicateName
        return read


MEMBERS = st.recursive(
    st.none() | st.integers(-(10**38), 10**38) | st.text(LETTERS, max_size=4) | st.just(["[x]", 1]),
    lambda inner: st.lists(st.tuples(st.sampled_from(["a", "b", "c", '"', "é", "{"]), inner), max_size=4).map(
        Members
    ),
    max_leaves=8,
)


@given(
    MEMBERS.filter(lambda value: isinstance(value, Members)),
    st.booleans(),
    st.sampled_from(["", " ", "\n"]),
    st.sampled_from([":", " : "]),
)
def test_an_object_names_each_member_once(members: Members, ascii_only: bool, space: str, colon: str) -> None:
    """The quick way and the careful one: with and without escapes, arrays, objects inside, a member named twice."""
    text = space + members.write(ascii_only, colon) + space
    try:
        expected = members.read()
    except DuplicateName:
        with pytest.raises(DuplicateName):
            strict_json.parse_object(text)
        return
    assert strict_json.parse_object(text) == expected
    with_marks = strict_json.parse_object(text, lambda value: {**value, "seen": True})
    assert with_marks == {**expected, "seen": True} or not any(
        isinstance(value, dict | list) for value in expected.values()
    )


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


@pytest.mark.spec("RFC 8259 6", "RFC 8259 8.1", "RFC 7493 2", "RFC 7519 4", "RFC 8259 4")
@pytest.mark.parametrize(
    "octets, error",
    [
        (b'{"a":1,"a":1}', DuplicateName),
        (rb'{"a":1,"\u0061":2}', DuplicateName),
        (b'[{"x":{"a":1,"a":1}}]', DuplicateName),
        (b"NaN", NotStrictJson),
        (b"1e400", NotStrictJson),
        (b"-1e400", NotStrictJson),
        (b"1" * 41, NotStrictJson),
        (b"1" * 5000, NotStrictJson),
        (rb'"\ud800"', NotStrictJson),
        (rb'"\udc00\ud800"', NotStrictJson),
        (b'"\xed\xa0\x80"', NotStrictJson),
        (b'"\xff"', NotStrictJson),
        (b'\xef\xbb\xbf"a"', NotStrictJson),
        (b"[1,]", NotStrictJson),
        (b"{'a':1}", NotStrictJson),
        (b"[1] x", NotStrictJson),
        (b'"a\nb"', NotStrictJson),
        (b"", NotStrictJson),
        (b"01", NotStrictJson),
        (b'{"a":1}x', NotStrictJson),
        (b'{"a":1} 1', NotStrictJson),
        (b'{"a":1}}', NotStrictJson),
        (b"[" * (MAX_DEPTH + 1) + b"1" + b"]" * (MAX_DEPTH + 1), NotStrictJson),
        (nested(MAX_DEPTH + 1), NotStrictJson),
        (nested(100_000), NotStrictJson),
    ],
)
def test_json_refuses(octets: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        strict_json.parse_value(octets)
    inside = octets if octets.startswith(b"{") else b'{"a":%b}' % octets
    with pytest.raises(error):
        strict_json.parse_object(inside)


def test_json_takes_what_is_well_formed() -> None:
    assert strict_json.parse_value(rb'"\ud83d\ude00"') == "😀"
    assert strict_json.parse_object(b' {"a" : 1e2}\n') == {"a": 100.0}
    assert strict_json.parse_value(nested(MAX_DEPTH))
    assert strict_json.parse_object(b'{"a":[1]}', lambda value: {**value, "seen": 1}) == {"a": [1], "seen": 1}
    assert len(strict_json.parse_value(b"[" + b"{}," * 500 + b"{}]")) == 501
    with pytest.raises(NotStrictJson):
        strict_json.parse_object(b"[]")
    assert strict_json.dump({"é": [1, None]}) == '{"é":[1,null]}'.encode()
    with pytest.raises(ValueError):
        strict_json.dump({"a": float("nan")})


@given(st.binary(max_size=60))
def test_base64url_makes_the_round_trip(octets: bytes) -> None:
    text = base64url.encode(octets)
    assert text == urlsafe_b64encode(octets).rstrip(b"=").decode()
    assert base64url.decode(text) == octets


@given(st.text(max_size=20) | st.text(alphabet="Aa0-_=+/ \n", max_size=12))
def test_base64url_has_one_spelling_for_one_value(text: str) -> None:
    try:
        octets = base64url.decode(text)
    except ValueError:
        return
    assert base64url.encode(octets) == text


@pytest.mark.spec("RFC 4648 3.5", "RFC 4648 5", "RFC 7515 2")
@pytest.mark.parametrize(
    "text", ["A", "AB", "AAB", "AA==", "A A", "A+", "A/", "AA\n", "é", "AA\x00A", "１AAA", "\ud800AAA"]
)
def test_base64url_refuses(text: str) -> None:
    with pytest.raises(ValueError):
        base64url.decode(text)


WORD = st.text(LETTERS, min_size=1, max_size=8)
PAIRS = st.lists(st.tuples(WORD, WORD), max_size=5, unique_by=lambda pair: pair[0])


@given(PAIRS)
def test_forms_read_what_forms_write(pairs: list[tuple[str, str]]) -> None:
    read = parse_parameters(urlencode(pairs))
    for name, value in pairs:
        assert read.all(name) == (value,)


@given(st.text(max_size=40) | st.binary(max_size=40) | st.text(alphabet="a=&%é+2;", max_size=30))
def test_only_typed_errors_come_out_of_forms(encoded: str | bytes) -> None:
    with contextlib.suppress(MalformedMessage):
        assert isinstance(parse_parameters(encoded), Parameters)


@pytest.mark.spec("RFC 6749 3.2", "RFC 6749 3.1")
@pytest.mark.parametrize(
    "encoded",
    [
        "state=a&state=b",
        "state=&state=b",
        "st%61te=a&state=b",
        "a=%",
        "a=%zz",
        "a=%ff",
        "a=é",
        b"a=\xe9",
        "&".join(f"a{n}=1" for n in range(201)),
    ],
)
def test_forms_refuse(encoded: str | bytes) -> None:
    with pytest.raises(MalformedMessage):
        parse_parameters(encoded)


def test_forms_hold_what_specifications_let_repeat() -> None:
    read = parse_parameters(b"resource=https%3A%2F%2Fa&scope=a+b&empty=&resource=https%3A%2F%2Fb")
    assert read.all("resource") == ("https://a", "https://b")
    assert dict(read) == {"scope": "a b"}
    assert "empty" not in read
    assert read.all("missing") == ()
    assert len(read) == 1
    assert repr(parse_parameters("code=secret&resource=x")) == "Parameters(code, resource)"


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example",
        "https://a.example:8443/x?y#z",
        "http://localhost:1/x",
        "http://127.0.0.1",
        "http://127.8.8.8/x",
        "http://[::1]:80/",
    ],
)
def test_urls_that_may_be_called(url: str) -> None:
    assert is_secure(url)
    assert require_secure(url, "it") == url


@pytest.mark.spec("FAPI2-SP 5.2.1-1")
@pytest.mark.parametrize(
    "url",
    [
        "http://a.example",
        "ftp://a.example",
        "https://",
        "https:///x",
        "//a.example",
        "a.example",
        "",
        "https://u@a.example",
        "https://u:p@a.example",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "https://a.example\n",
        " https://a.example",
        "ht\ttps://a.example",
        "https://a.example:70000",
        "https://a\\b.example",
        "https://é.example",
        "http://0.0.0.0",
        "http://evil[::1]",
        "http://[::1]evil",
        "https://[2001:db8::1]evil:8443",
    ],
)
def test_urls_that_may_not(url: str) -> None:
    assert not is_secure(url)
    with pytest.raises(InsecureUrl, match="it must be https"):
        require_secure(url, "it")


def test_small_things_about_urls() -> None:
    assert origin_of("HTTPS://A.example:443/x") == "https://a.example"
    assert origin_of("https://[2001:DB8::1]:8443/x") == "https://[2001:db8::1]:8443"
    assert without_query("https://a.example/x?code=1#f") == "https://a.example/x"
    assert without_query("https://a.example/x#f?code=1") == "https://a.example/x"
    assert not is_loopback_host(None)


def test_parameters_made_from_pairs_hold_each_once_too() -> None:
    with pytest.raises(MalformedMessage) as refused:
        Parameters([("state", "a"), ("state", "b")])
    assert refused.value.facts["parameter"] == "state"
    assert Parameters([("resource", "a"), ("resource", "b")]).all("resource") == ("a", "b")


@pytest.mark.parametrize(
    "named_by, url, passes",
    [
        ("https://as.example", "https://as.example/jwks", True),
        ("http://localhost:1", "http://localhost:1/jwks", True),
        ("http://localhost:1", "https://as.example/jwks", True),
        ("https://as.example", "http://localhost:1/jwks", False),
    ],
)
def test_what_was_named_over_the_network_is_never_clear_text_on_this_machine(
    named_by: str, url: str, passes: bool
) -> None:
    if passes:
        require_no_downgrade(named_by, url, "it")
        return
    with pytest.raises(InsecureUrl, match="it must be https"):
        require_no_downgrade(named_by, url, "it")
