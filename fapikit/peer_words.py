"""The error text of a peer, made safe for messages and logs: short, printable, and without the secrets that we sent.

Spec: RFC 6749 4.1.2.1, 5.2, 10.3; RFC 7591 3.2.2
"""

from __future__ import annotations

import codecs
import html
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

from fapikit import base64url, strict_json

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
_NAMED: Final = re.compile(r"\A[a-z]{1,20}=")
"""What stands before a value, as in `kid=...`."""
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
        "dpop_jkt",
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


def words_of(
    members: Mapping[str, Any], *, hidden: Iterable[str] = (), known: Collection[str] = ()
) -> PeerWords:
    """The error text of a response (its JSON members, or its parameters). `hidden`, `known`: as in `repeatable`.

    A body without a well-formed `error`, such as that of a gateway, is quoted as it is. A null is an absent member.
    """
    hidden = tuple(hidden)
    members = {name: value for name, value in members.items() if value is not None}
    code = members.get("error")
    if is_error_code(code):
        description = members.get("error_description") or members.get("message")
        shown = repeatable(_text(description), hidden, known) if description else None
        return PeerWords(repeatable(str(code), hidden, known), shown)
    return PeerWords(None, repeatable(_text(members), hidden, known) if members else None)


def words_in_text(body: bytes, *, hidden: Iterable[str] = (), known: Collection[str] = ()) -> PeerWords:
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
        return words_of(form, hidden=hidden, known=known)
    shown = " ".join(html.unescape(_MARKUP.sub(" ", text)).split())
    return PeerWords(None, repeatable(shown, hidden, known) if shown else None)


def repeatable(text: str, hidden: Iterable[str] = (), known: Collection[str] = ()) -> str:
    """At most 200 characters of a peer's text, printable on one line.

    The `hidden` texts are masked, and so is any text that looks like a token: a broken server may send one. The `known`
    texts are no secrets, whatever they look like. A text that is in both is masked.
    """
    for secret in hidden:
        text = text.replace(secret, "***")
    text = _LONG.sub(lambda found: _masked(found[0], known), text)
    shown = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text[:LONGEST])
    return shown if len(text) <= LONGEST and len(shown) <= LONGEST else f"{shown[: LONGEST - 3]}..."


def _masked(text: str, known: Collection[str]) -> str:
    harmless = not any(map(str.isdigit, text)) and len(text) < _LONGEST_WORD
    if harmless or _NAME.match(text.rstrip(".")) or _UUID.match(text):
        return text
    return text if _NAMED.sub("", text.rstrip(".")) in known else "***"


def secrets_in(headers: Iterable[tuple[str, str]], form: bytes) -> Iterable[str]:
    """The secrets in a request that the response might repeat: credentials, codes, tokens."""
    for name, value in headers:
        if name.lower() in _SECRET_HEADERS:
            yield value.rpartition(" ")[2]
    for name, value in parse_qsl(form.decode("latin-1")):
        if name not in _NOT_SECRET and len(value) >= _SHORTEST_SECRET:
            yield value


def known_in(headers: Iterable[tuple[str, str]], form: bytes) -> Iterator[str]:
    """What a request tells openly: the values of `_NOT_SECRET`, and the `kid` of each JWT, which names a public key."""
    pairs = parse_qsl(form.decode("latin-1"))
    for name, value in pairs:
        if name in _NOT_SECRET:
            yield value
    for value in (*(value for _, value in pairs), *(value for _, value in headers)):
        head, dot, _ = value.rpartition(" ")[2].partition(".")
        if dot and head.startswith("eyJ"):  # the beginning of a JSON object
            kid = _member(head, "kid")
            if kid is not None:
                yield kid


def _member(part: str, name: str) -> str | None:
    try:
        found = strict_json.parse_object(base64url.decode(part)).get(name)
    except ValueError:
        return None
    return found if isinstance(found, str) else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else strict_json.dump_value(value).decode()
