"""The page: one HTML file, one style sheet, one JavaScript module, as they are, without a build step.

Role: RP, RS, AS
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Final

HTML: Final = "viewer.html"
STYLE: Final = "viewer.css"
SCRIPT: Final = "viewer.js"

_STYLE_LINK: Final = f'<link rel="stylesheet" href="{STYLE}">'
_SCRIPT_LINK: Final = f'<script type="module" src="{SCRIPT}"></script>'
_FIRST_META: Final = '<meta charset="utf-8">'
NO_DATA: Final = '<script type="application/json" id="recorded">null</script>'
"""Where a saved page has its data. The page's script replaces the same `null`."""


@cache
def text_of(name: str) -> str:
    """One of the three files."""
    return (Path(__file__).parent / name).read_text("utf-8")


@cache
def empty_saved_page() -> str:
    """The page as one file, without data yet. Its policy lets the browser run this script, and reach nothing."""
    style, script = text_of(STYLE), text_of(SCRIPT)
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:; base-uri 'none'; "
        "form-action 'none'; require-trusted-types-for 'script'"
    )
    meta = f'{_FIRST_META}\n  <meta http-equiv="Content-Security-Policy" content="{policy}">'
    whole = text_of(HTML)
    for old, new in (
        (_FIRST_META, meta),
        (_STYLE_LINK, f"<style>{style}</style>"),
        (_SCRIPT_LINK, f'{NO_DATA}\n  <script type="module">{script}</script>'),
    ):
        before, found, after = whole.partition(old)
        assert found, old  # noqa: S101 - the files belong together
        whole = before + new + after
    return whole


def _hash(inline: str) -> str:
    """A source expression of a Content-Security-Policy that allows this element and no other."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()}'"
