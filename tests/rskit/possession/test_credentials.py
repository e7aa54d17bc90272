"""Reading credentials off a request: one token of a known scheme, none at all, or a refusal."""

from __future__ import annotations

import hashlib

import pytest

from rskit.errors import MalformedCredentials, ManyCredentials, TokenInQuery
from rskit.possession.credentials import BEARER, DPOP, read_credentials, scheme_used
from tests.rskit.mothers import a_view

LONGEST = "a" * 16_384


@pytest.mark.spec("FAPI2-SP 5.3.4-1", "RFC 6750 2.1", "RFC 9449 7.1")
@pytest.mark.parametrize(
    ("value", "scheme", "token"),
    [
        ("Bearer a", BEARER, "a"),
        ("DPoP a", DPOP, "a"),
        ("bearer a", BEARER, "a"),
        ("dpop a", DPOP, "a"),
        ("BEARER  a", BEARER, "a"),
        ("Bearer  a", BEARER, "a"),
        ("DPoP   a", DPOP, "a"),
        ("Bearer a.b-c_d~e+f/g==", BEARER, "a.b-c_d~e+f/g=="),
        (f"Bearer {LONGEST}", BEARER, LONGEST),
    ],
    ids=lambda value: value[:20],
)
def test_one_token_of_a_known_scheme(value: str, scheme: str, token: str):
    found = read_credentials(a_view(value))
    assert found == (scheme, token, hashlib.sha256(token.encode()).digest())
    assert scheme_used(a_view(value)) == scheme
    assert repr(found) == f"Credentials({scheme} ***)"


@pytest.mark.parametrize("values", [(), ("Basic YTpi",), ("",), ("Bearertoken",), ("Negotiate a, Basic b",)])
def test_what_is_no_access_token_is_none(values: tuple[str, ...]):
    assert read_credentials(a_view(*values)) is None
    assert read_credentials(a_view(*values, query="token=a&access=b%20c")) is None


@pytest.mark.parametrize(
    "value",
    [
        "Bearer",
        "Bearer ",
        "DPoP  ",
        "Bearer =",
        "Bearer a b",
        "Bearer a ",
        " Bearer a",
        "Bearer\ta",
        "Bearer \ta",
        ",Bearer a",
        "bearer,a",
        "Bearer a,b",
        "Bearer a, Bearer b",
        "Bearer a=b",
        "Bearer é",
        "Bearer a\x00",
        f"Bearer {LONGEST}a",
    ],
    ids=lambda value: value[:20],
)
def test_what_is_present_but_bad_is_never_taken_for_absent(value: str):
    with pytest.raises(MalformedCredentials):
        read_credentials(a_view(value))


@pytest.mark.parametrize(
    "values", [("Bearer a", "Bearer a"), ("Basic b", "Bearer a"), ("Basic b, Bearer a",), ("Basic b,dpop a",)]
)
def test_two_headers_are_too_many_joined_or_not(values: tuple[str, ...]):
    with pytest.raises(ManyCredentials):
        read_credentials(a_view(*values))


@pytest.mark.spec("FAPI2-SP 5.3.4-2")
@pytest.mark.parametrize(
    "query", ["access_token=a", "x=1&access_token", "x;access_token=a", "%61ccess_token=a", "access%5Ftoken="]
)
def test_a_token_in_the_url_is_refused_with_a_header_or_without(query: str):
    for values in ((), ("Bearer a",)):
        with pytest.raises(TokenInQuery):
            read_credentials(a_view(*values, query=query))
