"""The sentences: each has its clause, in the words of the spec map, and each name has one sentence in one place."""

from __future__ import annotations

from typing import get_args

import pytest

from fapikit_viewer.words import Place, is_secret, look_up, words_of
from tools.citations import clauses_in


@pytest.mark.parametrize("place", get_args(Place))
def test_each_word_is_one_sentence_with_one_clause(place: Place) -> None:
    words = words_of(place)
    assert len(words) > 20
    for name, word in words.items():
        if (place, name) == ("messages", "other"):
            continue
        assert word.said[0].isupper(), name
        assert word.said.endswith("."), name
        assert len(word.said) <= 110, name
        assert list(clauses_in(word.clause)) == [word.clause], name


def test_a_name_is_found_where_it_stands_or_where_it_comes_from() -> None:
    in_headers, as_client = look_up("headers", "DPoP"), look_up("claims", "client_id")
    assert in_headers is not None
    assert in_headers.clause == "RFC 9449 4.1"
    assert as_client == look_up("parameters", "client_id")
    assert look_up("headers", "client_id") is None
    assert look_up("parameters", "what_nobody_knows") is None


def test_a_header_field_of_proxies_is_no_secret_and_a_password_is() -> None:
    assert is_secret("password")
    assert not is_secret("client_id")
