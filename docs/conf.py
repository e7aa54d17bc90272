"""How Sphinx builds the docs site: `make docs-site`.

The pages are Markdown that GitHub shows too. So the source folder is the whole project: a link from the README to a
guide, or from a guide to SECURITY.md, is the same link in both places.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

project = "fapikit"
author = "the fapikit authors"
root_doc = "docs/index"
include_patterns = ["*.md", "docs/**.md", "examples/proxies/README.md", "benchmarks/RESULTS.md"]
exclude_patterns = [".*", "docs/_build", "docs/locale"]
extensions = ["myst_parser", "tools.diagrams"]

nitpicky = True
suppress_warnings = ["misc.highlighting_failure"]  # blocks with `...`; tests/pages runs or parses the others
myst_heading_anchors = 6
myst_fence_as_directive = ["mermaid"]
linkcheck_ignore = [r"https://localhost"]

locale_dirs = ["docs/locale"]  # from the source folder
gettext_compact = False
gettext_location = False
gettext_uuid = False

html_theme = "furo"
html_title = "fapikit"
pygments_style = "friendly"  # the default of Sphinx is lime green
html_static_path = ["_static"]
html_css_files = ["site.css"]
templates_path = ["_templates"]
html_copy_source = False
html_show_copyright = False
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "language.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}

_COMMENT = re.compile(r"^<!--.*?-->$", re.DOTALL | re.MULTILINE)
_ERROR = re.compile(r"docs/errors/\w+/\w+$")
_FOLDER = re.compile(r"\]\((\S*?)(?:tutorials|how-to|concepts|errors)/?\)")


def for_sphinx(app: Sphinx, page: str, source: list[str]) -> None:
    """Comments are for tests, save those for Sphinx. A folder, which GitHub lists, is the contents.

    Lines keep their numbers.
    """
    if _ERROR.match(page):
        # found by the catalogue and by search: 240 more entries beside each page would help nobody, and cost a minute
        app.env.metadata[page]["orphan"] = ""
    source[0] = _FOLDER.sub(r"](\1index.md)", _COMMENT.sub(_kept, source[0]))


def _kept(comment: re.Match[str]) -> str:
    text = comment[0]
    return (
        text[len("<!-- sphinx") : -len("-->")] if text.startswith("<!-- sphinx") else "\n" * text.count("\n")
    )


def setup(app: Sphinx) -> None:
    app.connect("source-read", for_sphinx)
