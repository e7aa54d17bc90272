"""The docs site as a whole, built once: strict, in both languages, with nothing from another host."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.pages.blocks import Page, pages
from tools.site import build
from tools.translations import TRANSLATED


def test_the_site(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """One test, because processes of pytest-xdist would build one site each: a minute of computing."""
    assert build(tmp_path, whole=False) == 0, "see the warnings above: `make docs-site` says the same"
    site = tmp_path / "html"
    for language in ("en", "ja"):
        with subtests.test(
            "every page is there and leads to itself in the other language", language=language
        ):
            every_page_is_there_and_leads_to_itself_in_the_other_language(site, language)
    for check in (
        a_translation_is_shown_on_the_japanese_page_alone,
        nothing_comes_from_another_host,
        diagrams_are_drawn,
        the_front_door_opens_the_english_pages,
        search_works_without_a_server,
    ):
        with subtests.test(check.__name__):
            check(site)


def pages_in(language: str) -> list[Page]:
    """The Japanese pages that are not translated are built by `make docs-site` alone: that saves half of the time."""
    return [
        page
        for page in pages()
        if language == "en" or any(fnmatch(page.name, f"{pattern}.md") for pattern in TRANSLATED)
    ]


def every_page_is_there_and_leads_to_itself_in_the_other_language(site: Path, language: str) -> None:
    other = {"en": "ja", "ja": "en"}[language]
    for page in pages_in(language):
        built = (site / language / page.name).with_suffix(".html")
        text = built.read_text("utf-8")
        assert f'<html class="no-js" lang="{language}"' in text
        (link,) = re.findall(rf'hreflang="{other}" href="([^"]+)"', text)
        assert (built.parent / link).resolve() == (site / other / page.name).with_suffix(".html")


def a_translation_is_shown_on_the_japanese_page_alone(site: Path) -> None:
    page, link = "docs/how-to/django.html", "#what-goes-wrong"
    english, japanese = ((site / language / page).read_text("utf-8") for language in ("en", "ja"))
    assert f'<h2>うまくいかないとき<a class="headerlink" href="{link}"' in japanese
    assert f'<h2>What goes wrong<a class="headerlink" href="{link}"' in english


def nothing_comes_from_another_host(site: Path) -> None:
    fetched = re.compile(
        r"""<(?:script|link|img|source|iframe)\b[^>]*\b(?:src|href)=["'](?:https?:)?//([^"'/]+)"""
    )
    imported = re.compile(r"""(?:url\(|@import\s+)["']?(?:https?:)?//""")
    for page in site.rglob("*.html"):
        assert fetched.findall(page.read_text("utf-8")) == [], page
    for style in site.rglob("*.css"):
        assert not imported.search(style.read_text("utf-8")), style


def diagrams_are_drawn(site: Path) -> None:
    for page in pages():
        text = (site / "en" / page.name).with_suffix(".html").read_text("utf-8")
        assert text.count('<figure class="diagram"><svg') == len(page.in_language("mermaid")), page.name
    assert (site / "en/docs/threats.html").read_text("utf-8").count('<figure class="diagram">') > 70


def the_front_door_opens_the_english_pages(site: Path) -> None:
    (door,) = re.findall(r"url=([^\"]+)", (site / "index.html").read_text("utf-8"))
    assert (site / door).exists()


def search_works_without_a_server(site: Path) -> None:
    for language in ("en", "ja"):
        assert (site / language / "searchindex.js").stat().st_size > 10_000
