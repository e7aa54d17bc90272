"""WWW-Authenticate: the whole grammar, and nothing beside it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fapikit.errors import MalformedMessage
from fapikit.www_authenticate import MAX_CHARACTERS, Challenge, parse_challenges

GOOD: dict[str, tuple[list[str], list[tuple[str, dict[str, str], str | None]]]] = {
    "nothing": ([], []),
    "empty": ([" , ,"], []),
    "scheme alone": (["Bearer"], [("bearer", {}, None)]),
    "one parameter": (['DPoP error="use_dpop_nonce"'], [("dpop", {"error": "use_dpop_nonce"}, None)]),
    "token value": (["Bearer error=invalid_token"], [("bearer", {"error": "invalid_token"}, None)]),
    "names in any case": (['bearer REALM="x"'], [("bearer", {"realm": "x"}, None)]),
    "space around =": (['Bearer realm = "x" , error= "e"'], [("bearer", {"realm": "x", "error": "e"}, None)]),
    "escapes": ([r'Bearer realm="a\"b\\c, d=\e"'], [("bearer", {"realm": r'a"b\c, d=e'}, None)]),
    "a comma in quotes": (['Bearer realm="a, Basic b"'], [("bearer", {"realm": "a, Basic b"}, None)]),
    "token68": (["Negotiate YWJj/+_-.~=="], [("negotiate", {}, "YWJj/+_-.~==")]),
    "token68 between others": (
        ["Basic realm=x, Negotiate abc=, Bearer"],
        [("basic", {"realm": "x"}, None), ("negotiate", {}, "abc="), ("bearer", {}, None)],
    ),
    "two schemes in one field": (
        ['Bearer realm="x", error="e", DPoP algs="ES256 PS256", error="f"'],
        [
            ("bearer", {"realm": "x", "error": "e"}, None),
            ("dpop", {"algs": "ES256 PS256", "error": "f"}, None),
        ],
    ),
    "schemes without parameters": (["Bearer, DPoP"], [("bearer", {}, None), ("dpop", {}, None)]),
    "two fields": (
        ["Bearer", 'DPoP algs="ES256"'],
        [("bearer", {}, None), ("dpop", {"algs": "ES256"}, None)],
    ),
    "empty elements": (
        [",Bearer ,, DPoP a=b,,c=d,"],
        [("bearer", {}, None), ("dpop", {"a": "b", "c": "d"}, None)],
    ),
    "empty string": (['Bearer realm=""'], [("bearer", {"realm": ""}, None)]),
    "two spaces": (["Bearer  realm=x"], [("bearer", {"realm": "x"}, None)]),
}


@pytest.mark.spec("RFC 9110 11.2", "RFC 9110 11.3", "RFC 9728 5.1", "RFC 9110 11.6.1")
@pytest.mark.parametrize("name", GOOD)
def test_reads(name: str) -> None:
    values, wanted = GOOD[name]
    found = [(one.scheme, dict(one.parameters), one.token68) for one in parse_challenges(values)]
    assert found == wanted


@pytest.mark.parametrize(
    "value",
    [
        'Bearer realm="open',
        'Bearer realm="x" error="y"',
        "Bearer realm=x y",
        'Bearer error="a", error="b"',
        'Bearer error="a", ERROR="b"',
        "Bearer abc, realm=x",
        'realm="x"',
        "=x",
        'Bearer "x"',
        'Bearer realm="x\ny"',
        'Bearer realm="\x00"',
        "Bearer\x00",
        "Beärer",
        "Bearer realm=x;y",
        "Negotiate abc=d=",
        'Bearer realm="\\',
    ],
)
def test_refuses(value: str) -> None:
    with pytest.raises(MalformedMessage) as refused:
        parse_challenges([value])
    assert refused.value.clause == "RFC 9110 11.6.1"


def test_refuses_absurd_length_over_all_fields() -> None:
    long = "Bearer realm=" + "x" * (MAX_CHARACTERS // 2)
    assert len(parse_challenges([long])) == 1
    with pytest.raises(MalformedMessage, match="has more than 16384"):
        parse_challenges([long, long])


@given(st.lists(st.text(alphabet=st.characters(max_codepoint=0xFF), max_size=60), max_size=3))
def test_only_typed_errors_come_out(values: list[str]) -> None:
    try:
        for challenge in parse_challenges(values):
            assert isinstance(challenge, Challenge)
    except MalformedMessage:
        pass


TOKEN = st.text(alphabet="abcXYZ019-_.!", min_size=1, max_size=8)
VALUE = st.text(alphabet=st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20)


@given(st.lists(st.tuples(TOKEN, st.dictionaries(TOKEN.map(str.lower), VALUE, max_size=4)), max_size=4))
def test_what_is_rendered_is_read_back(challenges: list[tuple[str, dict[str, str]]]) -> None:
    def quoted(text: str) -> str:
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'

    rendered = [
        f"{scheme} " + ", ".join(f"{name}={quoted(value)}" for name, value in parameters.items())
        if parameters
        else scheme
        for scheme, parameters in challenges
    ]
    read = parse_challenges([", ".join(rendered)])
    assert [(one.scheme, dict(one.parameters)) for one in read] == [
        (scheme.lower(), parameters) for scheme, parameters in challenges
    ]
