"""What is still to translate is counted against the English of now, and a translation comes back to its page."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.translation_markup import faults
from tools.translations import Count, count, faulty, incomplete, merge, missing, strings_of, update

FIRST = "A bank asks its customer whom to trust with which of her accounts."
SECOND = "The API verifies every token."


@pytest.fixture
def locale(tmp_path: Path) -> Path:
    (tmp_path / "complete.txt").write_text("docs/index\n")
    update({"docs/index": [FIRST, SECOND]}, tmp_path)
    merge({FIRST: "一", SECOND: "二"}, {"docs/index": [FIRST, SECOND]}, tmp_path)
    return tmp_path


def test_a_page_is_complete_when_all_of_it_is_translated(locale: Path) -> None:
    assert count({"docs/index": [FIRST, SECOND]}, locale) == [Count("docs/index", 2, 0, 0)]
    assert incomplete(count({"docs/index": [FIRST, SECOND]}, locale), locale) == []
    assert incomplete(count({"docs/other": []}, locale), locale) == ["docs/index"]


def test_new_english_is_missing_at_once(locale: Path) -> None:
    strings = {"docs/index": [FIRST, SECOND, "New."]}
    assert count(strings, locale) == [Count("docs/index", 3, 0, 1)]
    assert incomplete(count(strings, locale), locale) == ["docs/index"]
    assert missing("docs/index", strings["docs/index"], locale) == {"New.": ""}


def test_changed_english_makes_the_old_translation_doubtful(locale: Path) -> None:
    changed = FIRST.replace("whom", "whom exactly")
    update({"docs/index": [changed, SECOND]}, locale)
    assert count({"docs/index": [changed, SECOND]}, locale) == [Count("docs/index", 2, 1, 0)]
    assert missing("docs/index", [changed, SECOND], locale) == {changed: "一"}
    merge({changed: "三"}, {"docs/index": [changed, SECOND]}, locale)
    assert count({"docs/index": [changed, SECOND]}, locale)[0].complete


def test_a_second_update_changes_nothing(locale: Path) -> None:
    file = locale / "LC_MESSAGES" / "docs" / "index.po"
    before = file.read_text()
    update({"docs/index": [FIRST, SECOND]}, locale)
    assert file.read_text() == before
    assert before.index(FIRST) < before.index(SECOND)


def test_a_translation_of_nothing_is_told(locale: Path) -> None:
    assert merge({"Nobody says this.": "零"}, {"docs/index": [FIRST]}, locale) == ["Nobody says this."]


def test_a_translation_touches_no_other_page(locale: Path) -> None:
    merge({SECOND: "二"}, {"docs/index": [FIRST, SECOND], "docs/other": [FIRST]}, locale)
    assert [path.name for path in locale.rglob("*.po")] == ["index.po"]


def test_the_file_of_a_page_that_is_gone_goes_too(locale: Path) -> None:
    update({"docs/other": [FIRST]}, locale)
    assert [path.name for path in locale.rglob("*.po")] == ["other.po"]


def test_what_is_the_same_in_every_language_is_no_work(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    entries = [
        "`bank.toml`",
        "[docs](client.md)",
        "2026-01-01",
        "FAPI2-SP 5.2.1-1, 5.2.2-1; RFC 9700 2.1c",
        SECOND,
    ]
    (tmp_path / "docs" / "index.pot").write_text(
        "\n".join(f'msgid "{each}"\nmsgstr ""\n' for each in entries)
    )
    assert strings_of(tmp_path) == {"docs/index": ["[docs](client.md)", SECOND]}


@pytest.mark.parametrize(
    ("english", "japanese", "said"),
    [
        ("Use `PAR`.", "`JAR`を使います。", ["lacks `PAR`", "has `JAR`, which the English has not"]),
        ("See [PAR](par.md).", "[PAR](jar.md)を参照してください。",
         ["lacks a link to par.md", "has a link to jar.md, which the English has not"]),
        ("**PAR.** It is `new`.", "**PAR。**これは`new`です。", ["lacks **bold**"]),
        ("*One* of them.", "そのうちの一つです。", ["lacks *emphasis*"]),
        ("![a flow](flow.png)", "フロー", ["lacks the picture flow.png"]),
        ("The token of DPoP", "DPoP のトークン", ["has a space or a line break in 'P の'"]),
        ("The bank answers.", "銀行が\n返します。", ["has a space or a line break in '\\n'"]),
    ],
)  # fmt: skip
def test_a_translation_that_loses_markup_is_told(english: str, japanese: str, said: list[str]) -> None:
    assert faults(english, japanese) == said


@pytest.mark.parametrize(
    ("english", "japanese"),
    [
        ("**Who.** Your `API` takes [DPoP](dpop.md).", "**対象者。** [DPoP](dpop.md)を受け取る`API`です。"),
        ("`a` or `a`, *never* [b](c.md)", "`a`または`a`。[b](c.md)は*使いません*"),
        ("401 `invalid_token`", "401 `invalid_token`"),
    ],
)
def test_a_translation_may_put_the_same_markup_elsewhere(english: str, japanese: str) -> None:
    assert faults(english, japanese) == []


def test_a_fault_names_its_page(locale: Path) -> None:
    strings = {"docs/index": [FIRST, SECOND, "Use `PAR`."]}
    assert faulty(strings, locale) == []
    merge({"Use `PAR`.": "PARを使います。"}, strings, locale)
    assert faulty(strings, locale) == ["docs/index: 'PARを使います。' lacks `PAR`"]
