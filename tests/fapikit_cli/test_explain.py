"""`fapikit explain`: a name, a code or a line of a log leads to the page of the error."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import askit.errors
import rskit.errors
from fapikit.errors import FapiError, WrongUrl
from fapikit_cli import error_pages
from tests.fapikit_cli.running import run, run_on_a_terminal

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "said, found",
    [
        ("WrongUrl", [WrongUrl]),
        ("wrongurl", [WrongUrl]),
        ("fapikit.errors.dpop.WrongUrl", [WrongUrl]),
        ("INFO rskit: refused: 401 WrongUrl [RFC 9449 4.3-9] htu of the proof is not ...", [WrongUrl]),
        ("askit.InsufficientScope", [askit.errors.InsufficientScope]),
        ("rskit.errors.InsufficientScope: the token", [rskit.errors.InsufficientScope]),
        ("consent_used", [rskit.errors.ConsentUsed]),
        ('{"error":"consent_used"}', [rskit.errors.ConsentUsed]),
        ("no such thing", []),
    ],
)
def test_what_a_person_has_read_leads_to_the_error(said: str, found: list[type[FapiError]]) -> None:
    assert error_pages.named(said) == found


def test_a_name_that_two_packages_have_is_shown_with_its_package() -> None:
    both = error_pages.named("InsufficientScope")
    assert [error_pages.short_name(kind) for kind in both] == [
        "rskit.InsufficientScope",
        "askit.InsufficientScope",
    ]
    assert error_pages.short_name(WrongUrl) == "WrongUrl"


def test_the_page_is_shown_as_text_where_no_terminal_is() -> None:
    told = run("explain", "WrongUrl")
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout == error_pages.terminal_page_of(WrongUrl)


def test_no_link_leads_nowhere() -> None:
    """Outside the site there is no page beside this one. A page of the repository is named by its path there."""
    targets = set()
    for kind in error_pages.all_errors():
        page, shown = error_pages.page_of(kind), error_pages.terminal_page_of(kind)
        assert re.findall(r"\]\((?!https:)", shown) == []
        assert re.findall(r"https://[^)\s]*", shown) == re.findall(r"https://[^)\s]*", page)
        targets |= set(re.findall(r"\((docs/[^)]*)\)", shown))
    assert "docs/askit.md" in targets
    assert [target for target in targets if not (ROOT / target).is_file()] == []
    refused = error_pages.terminal_page_of(askit.errors.InvalidGrant)
    assert "| is a | `Refused` |" in refused


def test_the_page_is_laid_out_on_a_terminal() -> None:
    status, seen = run_on_a_terminal("explain", "WrongUrl")
    assert status == 0
    assert "What to do" in seen
    assert "## What to do" not in seen


def test_a_code_that_several_errors_have_lists_them() -> None:
    told = run("explain", "invalid_client_metadata")
    assert told.returncode == 0
    assert told.stdout == error_pages.terminal_page_of(askit.errors.InvalidClientMetadata)
    told = run("explain", "use_dpop_nonce", "or", "invalid_scope")
    assert "NonceRequired" in told.stdout
    assert "InvalidScope" in told.stdout


def test_a_name_with_a_slip_is_answered_with_the_nearest_ones() -> None:
    told = run("explain", "WrongUri")
    assert told.returncode == 2
    assert "no error has the name or the code WrongUri" in told.stderr
    assert "WrongUrl" in told.stderr
