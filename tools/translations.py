"""The Japanese pages: what is still to translate, and where a translation goes (`docs/locale/ja`).

    make docs-translations                                   # bring the .po files up to date, and count
    python -m tools.translations missing docs/index > todo.json   # {"English": ""}: what that page still lacks
    python -m tools.translations merge todo.json             # write what was filled in

A page that is named in `docs/locale/ja/complete.txt` must not lack anything, and a translation must have the code,
links and emphasis of the English: else `make docs-site` fails. `docs/locale/ja/terms.md` has the words to use.
"""

from __future__ import annotations

import io
import json
import re
import sys
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po

from tools.citations import ROOT
from tools.sphinx_runs import BUILD, gettext
from tools.translation_markup import faults

TRANSLATED: Final = (
    "README", "docs/index", "docs/glossary", "docs/tutorials/*", "docs/how-to/*", "docs/issuers/*", "docs/concepts/*",
    "docs/errors/index",
)  # fmt: skip
"""The pages that there are in Japanese. The others stay English there: reference is read beside code and clauses."""
LOCALE: Final = ROOT / "docs" / "locale" / "ja"
_HEADER: Final = (
    'msgid ""\nmsgstr ""\n"Language: ja\\n"\n'
    '"Content-Type: text/plain; charset=utf-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n\n'
)
_SAME_IN_EVERY_LANGUAGE: Final = re.compile(
    r"`[^`]*`|\]\([^)]*\)|https?://\S+|<br\s*/?>"
    r"|\b(?:RFC|FAPI[\w-]*|CIBA|OIDC) \d[\w.-]*|\d[\w.-]*"  # a clause
    r"|[^A-Za-z]|\b[A-Za-z]\b"
)


@dataclass(frozen=True, slots=True)
class Count:
    """How many strings of a page are translated, doubtful (the English has changed since), or missing."""

    page: str
    whole: int
    doubtful: int
    missing: int

    @property
    def complete(self) -> bool:
        return not self.doubtful and not self.missing


def strings_of(folder: Path) -> dict[str, list[str]]:
    """The strings to translate, by page, from what Sphinx's builder `gettext` wrote into this folder."""
    found = {}
    for path in sorted(folder.rglob("*.pot")):
        page = path.relative_to(folder).with_suffix("").as_posix()
        if any(fnmatch(page, pattern) for pattern in TRANSLATED):
            found[page] = [text for text in _texts(_read(path)) if _SAME_IN_EVERY_LANGUAGE.sub("", text)]
    return found


def update(strings: dict[str, list[str]], locale: Path = LOCALE) -> None:
    """Write the .po files anew: new strings are empty, those that are gone are dropped, similar ones are doubtful."""
    for page, texts in strings.items():
        template = Catalog()
        for text in texts:
            template.add(text)
        catalog = _known(page, locale)
        catalog.update(template, no_fuzzy_matching=False)
        catalog.obsolete.clear()
        _write(catalog, texts, _file(page, locale))
    for path in (locale / "LC_MESSAGES").rglob("*.po"):
        if path.relative_to(locale / "LC_MESSAGES").with_suffix("").as_posix() not in strings:
            path.unlink()


def count(strings: dict[str, list[str]], locale: Path = LOCALE) -> list[Count]:
    """One count for each page, against the English of now, whatever the .po files have."""
    counts = []
    for page, texts in strings.items():
        known = _known(page, locale)
        messages = [known.get(text) for text in texts]
        doubtful = sum(1 for message in messages if message and message.string and message.fuzzy)
        missing = sum(1 for message in messages if not message or not message.string)
        counts.append(Count(page, len(texts), doubtful, missing))
    return counts


def incomplete(counts: list[Count], locale: Path = LOCALE) -> list[str]:
    """The pages that are listed as complete, and are not; or that are not there."""
    listed = (locale / "complete.txt").read_text("utf-8").split()
    complete = {each.page for each in counts if each.complete}
    return [page for page in listed if page not in complete]


def faulty(strings: dict[str, list[str]], locale: Path = LOCALE) -> list[str]:
    """What is wrong with the translations there are, one sentence each: page, Japanese, fault."""
    found = []
    for page, texts in strings.items():
        known = _known(page, locale)
        done = {
            text: str(message.string) for text in texts if (message := known.get(text)) and not message.fuzzy
        }
        found += [f"{page}: {each}" for each in wrong(done)]
    return found


def wrong(translations: dict[str, str]) -> list[str]:
    return [
        f"{japanese[:60]!r} {fault}"
        for english, japanese in translations.items()
        if japanese
        for fault in faults(english, japanese)
    ]


def report(counts: list[Count]) -> str:
    rows = [
        f"{each.page:50} {each.whole - each.missing - each.doubtful:4} of {each.whole:4}"
        + (f", {each.doubtful} doubtful" if each.doubtful else "")
        + (f", {each.missing} missing" if each.missing else "")
        for each in counts
    ]
    whole = sum(each.whole for each in counts)
    done = whole - sum(each.doubtful + each.missing for each in counts)
    return "\n".join(["Translated into Japanese:", *rows, f"{'together':50} {done:4} of {whole:4}"])


def missing(page: str, texts: list[str], locale: Path = LOCALE) -> dict[str, str]:
    """What is still to translate, as it stands; a doubtful translation is there to be mended."""
    known = _known(page, locale)
    todo = {}
    for text in texts:
        message = known.get(text)
        if message is None or not message.string or message.fuzzy:
            todo[text] = str(message.string) if message else ""
    return todo


def merge(translations: dict[str, str], strings: dict[str, list[str]], locale: Path = LOCALE) -> list[str]:
    """Write them into every page that has the English. Returns what no page has."""
    for page, texts in strings.items():
        translated = [text for text in texts if translations.get(text)]
        if not translated:
            continue
        known = _known(page, locale)
        for text in translated:
            known.delete(text)
            known.add(text, translations[text])
        _write(known, texts, _file(page, locale))
    everywhere = {text for texts in strings.values() for text in texts}
    return [text for text in translations if text not in everywhere]


def _file(page: str, locale: Path) -> Path:
    return locale / "LC_MESSAGES" / f"{page}.po"


def _known(page: str, locale: Path) -> Catalog:
    path = _file(page, locale)
    return _read(path) if path.exists() else Catalog(locale="ja")


def _read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, charset="utf-8")


def _texts(catalog: Catalog) -> list[str]:
    return [str(message.id) for message in catalog if message.id]


def _write(catalog: Catalog, texts: list[str], path: Path) -> None:
    """In the order of the page, and without a date: so two translators of one page meet in no line."""
    ordered = Catalog(locale="ja")
    for text in texts:
        message = catalog.get(text) or Message(text)
        ordered.add(text, message.string or "", flags=message.flags)
    content = io.BytesIO()
    write_po(content, ordered, width=0, omit_header=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_HEADER + content.getvalue().decode(), "utf-8")


def main(arguments: list[str]) -> int:
    if arguments[:1] not in (["update"], ["missing"], ["merge"]):
        print(__doc__, file=sys.stderr)
        return 2
    gettext(BUILD, TRANSLATED)
    strings = strings_of(BUILD / "gettext")
    if arguments[0] == "missing":
        page = arguments[1].removesuffix(".md")
        print(json.dumps(missing(page, strings[page]), ensure_ascii=False, indent=1))
        return 0
    if arguments[0] == "merge":
        translations = json.loads(Path(arguments[1]).read_text("utf-8"))
        unknown = [f"no page has: {text}" for text in merge(translations, strings)]
        for line in (told := [*unknown, *wrong(translations)]):
            print(line, file=sys.stderr)
        return 1 if told else 0
    update(strings)
    print(report(count(strings)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
