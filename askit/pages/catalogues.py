"""The texts of the pages: one catalogue (a JSON file) per language. The bank may replace single texts.

A text is plain, with placeholders such as {client}. A text of the bank must have the placeholders of the text that it
replaces, so every page still says who requests what.

Role: AS
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib.resources import files
from string import Formatter
from typing import Any, Final, TypeAlias

from markupsafe import Markup, escape

from fapikit.errors import ConfigurationError

Texts: TypeAlias = Mapping[str, str]

_NAMES_OF: Final = ("claim_", "field_")

LANGUAGES: Final = ("en", "ja")
"""Language tags (RFC 5646). The first one is the default."""
CATALOGUES: Final[Mapping[str, Texts]] = {
    language: json.loads(files("askit.pages").joinpath(f"{language}.json").read_text("utf-8"))
    for language in LANGUAGES
}


class Catalogue:
    """The texts of one language. `replaced`: the bank's own texts, by key."""

    def __init__(self, language: str, replaced: Texts | None = None) -> None:
        self.language = language
        self._replaced = replaced or {}
        self._texts = {**CATALOGUES[language], **self._replaced}

    def __call__(self, key: str, /, **values: str) -> str:
        """The plain text. It must be escaped where it is shown."""
        return self._texts[key].format(**values)

    def name_of(self, kind: str, name: str) -> str | None:
        """What a claim, a field, a scope or a type is called, if there is a text for it."""
        key = f"{kind}_{name}"
        return self(key) if key in self._texts and not placeholders(self._texts[key]) else None

    def own_name_of(self, kind: str, name: str) -> str | None:
        """The same, if the bank has a text for it."""
        return self.name_of(kind, name) if f"{kind}_{name}" in self._replaced else None

    def markup(self, key: str, /, **values: str) -> Markup:
        """The text, escaped. Each value that is not markup is escaped too."""
        return escape(self._texts[key]).format(**values)


def placeholders(text: str) -> set[str]:
    """The names of its placeholders. Raises ValueError for a single brace, or for anything but a name in braces."""
    found = set()
    for _, name, form, conversion in Formatter().parse(text):
        if name is not None:
            if not name.isidentifier() or form or conversion:
                raise ValueError("a placeholder must be a name in braces; write a brace itself twice")
            found.add(name)
    return found


def check_texts(replaced: Mapping[str, Any], *, scopes: Iterable[str], types: Iterable[str]) -> None:
    """Raises ConfigurationError for an unknown language or key, and for other placeholders.

    Besides the keys of the catalogues, there may be names for claims and fields, and for these scopes and types.
    """
    names = {*(f"scope_{scope}" for scope in scopes), *(f"type_{type_}" for type_ in types)}
    for language, texts in replaced.items():
        _require_known(f"texts.{language}", language, LANGUAGES)
        if not isinstance(texts, Mapping):
            raise _refused(f"texts.{language}", "must be a table of texts by key")
        catalogue = CATALOGUES[language]
        for key, text in texts.items():
            setting = f"texts.{language}.{key}"
            if key not in catalogue and not key.startswith(_NAMES_OF):
                _require_known(setting, key, {*catalogue, *names})
            if not isinstance(text, str) or not text.strip():
                raise _refused(setting, "must be a text that is not empty")
            _require_placeholders(setting, text, placeholders(catalogue.get(key, "")))


def _require_known(setting: str, name: str, known: Iterable[str]) -> None:
    if name not in known:
        like = get_close_matches(name, known, 1)
        hint = f"did you mean {like[0]}?" if like else f"known here: {', '.join(sorted(known))}"
        raise _refused(setting, f"is not a setting; {hint}")


def _require_placeholders(setting: str, text: str, wanted: set[str]) -> None:
    try:
        found = placeholders(text)
    except ValueError as error:
        raise _refused(setting, f"cannot be read as a text with placeholders: {error}") from error
    if found != wanted:
        named = ", ".join(f"{{{name}}}" for name in sorted(wanted)) or "none"
        raise _refused(setting, f"must have the placeholders of the text that it replaces: {named}")


def _refused(setting: str, what: str) -> ConfigurationError:
    return ConfigurationError(f"{setting} {what}", facts={"setting": setting})
