"""Builds the docs site in English and Japanese: `make docs-site`, then open docs/_build/html/index.html.

It fails if a link leads nowhere, a page is in no table of contents, a page that is listed as translated is not, or a
translation has other code, links or emphasis than the English.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tools.sphinx_runs import BUILD, gettext, html, linkcheck
from tools.translations import TRANSLATED, count, faulty, incomplete, report, strings_of

FRONT = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>fapikit</title>
<meta http-equiv="refresh" content="0; url=en/docs/index.html">
<p><a href="en/docs/index.html">English</a> <a lang="ja" href="ja/docs/index.html">日本語</a></p>
</html>
"""


def build(target: Path, *, whole: bool = True) -> int:
    """The exit status. Unless it is the whole site, there are no Japanese pages but those that are translated."""
    statuses = html(target, None if whole else {"ja": TRANSLATED})
    (target / "html" / "index.html").write_text(FRONT, "utf-8")
    gettext(target, TRANSLATED)
    strings = strings_of(target / "gettext")
    counts, faults = count(strings), faulty(strings)
    print(report(counts))
    wanting = incomplete(counts)
    if wanting:
        print(f"listed as complete in docs/locale/ja/complete.txt: {', '.join(wanting)}", file=sys.stderr)
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if any(statuses) or wanting or faults else 0


if __name__ == "__main__":
    raise SystemExit(linkcheck(BUILD) if "--links" in sys.argv else build(BUILD))
