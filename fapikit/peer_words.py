"""The error text of a peer, made safe for messages and logs: short, printable, and without the secrets that we sent.

Spec: RFC 6749 4.1.2.1, 5.2, 10.3; RFC 7591 3.2.2
"""

from __future__ import annotations

import codecs
import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

from fapikit import strict_json

LONGEST: Final = 200
"""In characters: how much of a peer's text is quoted."""
_SHORTEST_SECRET: Final = 8
_LONGEST_PAGE: Final = 4096
"""In octets: how much of a page is searched for words."""
_MARKUP: Final = re.compile(
    r"<(script|style)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)|<[^>]*(?:>|\Z)", re.DOTALL | re.IGNORECASE
)
_LONG: Final = re.compile(r"[A-Za-z0-9._~+/=-]{20,}")
_LONGEST_WORD: Final = 40
_NAME: Final = re.compile(r"(?:[a-z]{1,20}|\d{1,2})(?:[._](?:[a-z]{1,20}|\d{1,2}))+\Z")
"""A name of the specifications, or a place in JSON: no such words in small letters are random."""
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
"""A UUID is quoted: gateways identify a request by it, and their operators ask for it."""
_SECRET_HEADERS: Final = frozenset({"authorization", "dpop"})
_NOT_SECRET: Final = frozenset(
    [
        "acr_values",
        "actor_token_type",
        "audience",
        "authorization_details",
        "claims",
        "client_assertion_type",
        "client_id",
        "code_challenge",
        "code_challenge_method",
        "grant_type",
        "prompt",
        "redirect_uri",
        "requested_token_type",
        "resource",
        "response_mode",
        "response_type",
        "scope",
        "subject_token_type",
        "token_type_hint",
    ]
)
"""The values of these parameters may be quoted: most refusals are about one of them."""


@dataclass(frozen=True, slots=True)
class PeerWords:
    """`code`: a well-formed OAuth error code. `description`: the other text, escaped and shortened."""

    code: str | None = None
    description: str | None = None

    def __bool__(self) -> bool:
        return self.code is not None or self.description is not None

    def __str__(self) -> str:
        """Both, for the end of a sentence: `invalid_grant: "expired"`."""
        quoted = None if self.description is None else f'"{self.description}"'
        return ": ".join(part for part in (self.code, quoted) if part is not None)


def is_error_code(text: object) -> bool:
    """Whether this is a string of the characters that RFC 6749 5.2 allows in `error`."""
    if not isinstance(text, str) or not 0 < len(text) <= 100:
        return False
    return all(0x20 <= ord(character) <= 0x7E and character not in '"\\' for character in text)


def words_of(members: Mapping[str, Any], *, hidden: Iterable[str] = ()) -> PeerWords:
    """The error text of a response (its JSON members, or its parameters). `hidden`: texts that must not be quoted.

    A body without a well-formed `error`, such as that of a gateway, is quoted as it is. A null is an absent member.
    """
    hidden = tuple(hidden)
    members = {name: value for name, value in members.items() if value is not None}
    code = members.get("error")
    if is_error_code(code):
        description = members.get("error_description") or members.get("message")
        shown = repeatable(_text(description), hidden) if description else None
        return PeerWords(repeatable(str(code), hidden), shown)
    return PeerWords(None, repeatable(_text(members), hidden) if members else None)


def words_in_text(body: bytes, *, hidden: Iterable[str] = ()) -> PeerWords:
    """The error text in a body that is no JSON: a form with `error`, a page, or plain text. None of other octets."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(
            body[:_LONGEST_PAGE]
        )  # the last character may be cut
    except UnicodeDecodeError:
        return PeerWords()
    if "\0" in text:
        return PeerWords()
    hidden = tuple(hidden)
    form = dict(parse_qsl(text.strip()))
    if is_error_code(form.get("error")):
        return words_of(form, hidden=hidden)
    shown = " ".join(html.unescape(_MARKUP.sub(" ", text)).split())
    return PeerWords(None, repeatable(shown, hidden) if shown else None)


def repeatable(text: str, hidden: Iterable[str] = ()) -> str:
    """At most 200 characters of a peer's text, printable on one line.

    The `hidden` texts are masked, and so is any text that looks like a token: a broken server may send one.
    """
    for secret in hidden:
        text = text.replace(secret, "***")
    text = _LONG.sub(_masked, text)
    shown = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text[:LONGEST])
    return shown if len(text) <= LONGEST and len(shown) <= LONGEST else f"{shown[: LONGEST - 3]}..."


def _masked(found: re.Match[str]) -> str:
    text = found[0]
    harmless = not any(map(str.isdigit, text)) and len(text) < _LONGEST_WORD
    return text if harmless or _NAME.match(text.rstrip(".")) or _UUID.match(text) else "***"


def secrets_in(headers: Iterable[tuple[str, str]], form: bytes) -> Iterable[str]:
    """The secrets in a request that the response might repeat: credentials, codes, tokens."""
    for name, value in headers:
        if name.lower() in _SECRET_HEADERS:
            yield value.rpartition(" ")[2]
    for name, value in parse_qsl(form.decode("latin-1")):
        if name not in _NOT_SECRET and len(value) >= _SHORTEST_SECRET:
            yield value


def _text(value: object) -> str:
    return value if isinstance(value, str) else strict_json.dump_value(value).decode()
