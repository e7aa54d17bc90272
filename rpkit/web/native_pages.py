"""The pages that a native app answers the browser with: that the window can be closed, or why nothing came of it.

Spec: RFC 8252 7.3, 8.9; RFC 9700 4.2.4
Role: C
"""

from __future__ import annotations

import html
import re
from typing import Final

from fapikit.io.loopback_server import Page, Verdict
from rpkit.web.messages import PRIVATE_HEADERS

_STATUS: Final[dict[Verdict, int]] = {
    "taken": 200,
    "failed": 400,
    "foreign": 400,
    "late": 409,
    "refused": 400,
    "unknown": 404,
}
_ENGLISH: Final[dict[Verdict, str]] = {
    "taken": "You have signed in. You can close this window and go back to the program.",
    "failed": "Signing in did not work. You can close this window. The program says why.",
    "foreign": "This page belongs to no sign-in that is under way. Nothing has happened.",
    "late": "This sign-in has already been answered. You can close this window.",
    "refused": "This request is not allowed here.",
    "unknown": "There is no such page.",
}
_JAPANESE: Final[dict[Verdict, str]] = {
    "taken": "サインインしました。このウィンドウを閉じて、プログラムに戻ってください。",
    "failed": "サインインできませんでした。このウィンドウを閉じてください。理由はプログラムに表示されます。",
    "foreign": "このページは進行中のサインインのものではありません。何も行われていません。",
    "late": "このサインインはすでに完了しています。このウィンドウを閉じてください。",
    "refused": "このリクエストは許可されていません。",
    "unknown": "このページはありません。",
}
# A phone shows the text at its own size, and a dark browser shows a dark page, without a style.
_HEAD: Final = (
    '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    '<meta name="color-scheme" content="light dark">'
)
_TAG: Final = re.compile(r"\s*([A-Za-z]{1,8})")


def native_page(verdict: Verdict, accept_language: str) -> Page:
    """A page of one sentence, in the first of the browser's languages that is English or Japanese."""
    language = _language(accept_language)
    text = html.escape((_JAPANESE if language == "ja" else _ENGLISH)[verdict])
    headers = (
        ("content-type", "text/html; charset=utf-8"),
        (
            "content-security-policy",
            "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        ),
        *PRIVATE_HEADERS,
    )
    body = f'<!doctype html><html lang="{language}">{_HEAD}<title>{text}</title><p>{text}</p></html>'
    return _STATUS[verdict], headers, body


def _language(accept_language: str) -> str:
    for part in accept_language.split(",")[:10]:
        tag = _TAG.match(part)
        if tag is not None and tag[1].lower() in ("en", "ja"):
            return tag[1].lower()
    return "en"
