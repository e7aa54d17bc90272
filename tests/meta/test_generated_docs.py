"""The tools behind the generated pages: what they take for a citation, and that the pages can be made."""

from __future__ import annotations

import pytest

from tools import citations, spec_map
from tools.caps import too_long


@pytest.mark.parametrize(
    "text, clauses",
    [
        ("Spec: RFC 8414 2, 3, 3.3; OIDC 9", ["RFC 8414 2", "RFC 8414 3", "RFC 8414 3.3", "OIDC 9"]),
        (
            "FAPI2-SP 5.3.3.1-9, -10, -11; RFC 8705 5",
            ["FAPI2-SP 5.3.3.1-9", "FAPI2-SP 5.3.3.1-10", "FAPI2-SP 5.3.3.1-11", "RFC 8705 5"],
        ),
        ("FAPI2-SP 5.4.1-1.2, -2", ["FAPI2-SP 5.4.1-1.2", "FAPI2-SP 5.4.1-2"]),
        ('clause="rfc7523bis 4a"', ["rfc7523bis 4a"]),
        ("FAPI-CIBA 5.2.2-3 and CIBA 7.1b", ["FAPI-CIBA 5.2.2-3", "CIBA 7.1b"]),
        ("FAPI2-SP 5.3.2.2 N3", ["FAPI2-SP 5.3.2.2 N3"]),
        ("RFC 6749 3.1 (no repeats)", ["RFC 6749 3.1"]),
        ("RFC 9449 4.3\n5, 8", ["RFC 9449 4.3"]),
        ("in RFC 7518", []),
    ],
)
def test_a_citation_is_taken_apart(text: str, clauses: list[str]) -> None:
    assert list(citations.clauses_in(text)) == clauses


def test_numbers_sort_as_numbers() -> None:
    names = ["FAPI2-SP 5.3.2.1-10", "FAPI2-SP 5.3.2.1-9", "FAPI2-SP 5.10", "FAPI2-SP 5.3.2.1-9a"]
    assert sorted(names, key=spec_map.natural) == [names[1], names[3], names[0], names[2]]


def test_every_numbered_shall_of_the_fapi_specifications_is_on_the_map() -> None:
    page = spec_map.render()
    for clause in spec_map.read_clauses().values():
        if clause.spec in spec_map.WHOLE and clause.strength in ("M", "N"):
            assert f"\n| {clause.name} |" in page
    for name in spec_map.read_left_to_others():  # of whatever strength
        assert f"\n| {name} |" in page
    assert set(spec_map.read_overridden()) <= set(spec_map.read_clauses())
    assert set(spec_map.read_left_to_others()) <= set(spec_map.read_clauses())


def test_no_file_has_grown_too_long() -> None:
    assert too_long() == []
