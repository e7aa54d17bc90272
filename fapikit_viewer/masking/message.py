"""One message and its answer as they are recorded: method, URL, headers and body, masked unless keys are throw-away.

A body of another kind than form, JSON, JWT or plain text is not recorded: the pages of a server have hidden fields, and
a picture explains nothing.

Spec: RFC 9110 8.3; RFC 6265 4.1, 4.2
Role: RP, RS, AS
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from typing import Any, Final

from fapikit_viewer.masking.values import MASK, Masker, to_json
from fapikit_viewer.words import look_up

MAX_BODY: Final = 64 * 1024
"""A longer body is not recorded: what is cut cannot be masked."""
FORM: Final = "application/x-www-form-urlencoded"
_SIGNATURE_BYTES: Final = re.compile(r":[A-Za-z0-9+/=]+:")
_URLS: Final = frozenset({"location", "content-location", "referer", "origin"})
_SCHEMES: Final = frozenset(
    {"basic", "bearer", "dpop", "digest", "negotiate", "gnap", "hoba", "mutual", "signature"}
)


class MaskedMessage:
    """Masks a request, and then its answer. `throwaway`: nothing is masked. `shown`: names of fields of your own."""

    def __init__(self, *, throwaway: bool, shown: Collection[str] = ()) -> None:
        self._masker = Masker(shown)
        self._throwaway = throwaway
        self._shown = {name.lower() for name in shown}

    def url(self, url: str) -> str:
        return url if self._throwaway else self._masker.url(url)

    def headers(self, headers: Iterable[tuple[str, str]]) -> list[list[str]]:
        if self._throwaway:
            return [[name, value] for name, value in headers]
        return [[name, self._masker.unecho(self._header(name.lower(), value))] for name, value in headers]

    def body(self, body: bytes | None, media_type: str, length: int | None = None) -> str:
        """The text of a body. `None`: it is not at hand; `length`: its octets, if somebody counted them.

        In square brackets: what it was, if it is not recorded.
        """
        if body is None or len(body) > MAX_BODY:
            counted = length if body is None else len(body)
            return f"[{media_type or 'a body'}, {_octets(counted)}: too long to record]"
        if not body:
            return ""
        kind = media_type.partition(";")[0].strip().lower()
        text = body.decode("utf-8", "replace")
        # What has a NUL is in another encoding, in which nothing here would be found.
        masked = None if "\0" in text else self._text(text, kind)
        return f"[{kind or 'a body'}, {_octets(len(body))}: not recorded]" if masked is None else masked

    def _text(self, text: str, kind: str) -> str | None:
        """Body text by its media type, or None if bodies of this kind are not recorded."""
        masker = self._masker
        try:
            if kind == FORM:
                return text if self._throwaway else masker.unecho(masker.form(text))
            if kind == "application/json" or kind.endswith("+json"):
                value = json.loads(text)
                return to_json(value) if self._throwaway else masker.unecho(to_json(masker.json(value)))
            if kind in ("application/jwt", "application/jose") or kind.endswith("+jwt"):
                return text if self._throwaway else masker.jwt(text.strip()) or MASK
            if kind == "text/plain":
                return text if self._throwaway else masker.unecho(self._plain(text))
        except (ValueError, RecursionError):
            return None
        return None

    def _plain(self, text: str) -> str:
        """Text that nobody describes. It may be JSON or a form of a server that is careless with the media type."""
        if "=" in text and not any(map(str.isspace, text.strip())):
            return self._masker.form(text.strip())
        return "\n".join(map(self._masker.prose, text.split("\n")))

    def _header(self, name: str, value: str) -> str:
        masker = self._masker
        if name in ("authorization", "proxy-authorization"):
            scheme, _, credentials = value.partition(" ")
            known = credentials and scheme.lower() in _SCHEMES
            return f"{scheme} {masker.secret('', credentials)}" if known else masker.hide(value)
        if name == "cookie":
            return "; ".join(self._cookie(pair) for pair in value.split(";"))
        if name == "set-cookie":
            pair, semicolon, attributes = value.partition(";")
            return f"{self._cookie(pair)}{semicolon}{attributes}"
        if name in _URLS:
            return masker.url(value)
        if name == "signature":
            return _SIGNATURE_BYTES.sub(f":{MASK}:", value)
        word = look_up("headers", name)
        if word is None:
            return value if name in self._shown else masker.hide(value)
        return masker.secret(name, value) if word.secret else masker.jwt(value) or value

    def _cookie(self, pair: str) -> str:
        name, equals, value = pair.strip().partition("=")
        return f"{name}={self._masker.hide(value)}" if equals else self._masker.hide(name)


def media_type_of(headers: Iterable[tuple[str, str]]) -> str:
    return next((value for name, value in headers if name.lower() == "content-type"), "")


def _octets(length: int | None) -> str:
    return "of unknown length" if length is None else f"{length} octets"


def recorded_request(
    masked: MaskedMessage,
    *,
    method: str,
    url: str,
    headers: list[tuple[str, str]],
    body: bytes | None,
    length: int | None = None,
) -> dict[str, Any]:
    """The member `request` of an event."""
    return {
        "method": method,
        "url": masked.url(url),
        "headers": masked.headers(headers),
        "body": masked.body(body, media_type_of(headers), length),
    }


def recorded_response(
    masked: MaskedMessage,
    *,
    status: int,
    headers: list[tuple[str, str]],
    body: bytes | None,
    length: int | None = None,
) -> dict[str, Any]:
    """The member `response` of an event. `masked`: the one that masked the request."""
    return {
        "status": status,
        "headers": masked.headers(headers),
        "body": masked.body(body, media_type_of(headers), length),
    }
