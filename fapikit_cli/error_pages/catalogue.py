"""All errors, and `docs/errors/index.md`: from a wire code, from a package, to the page of each error.

Role: RP, RS, AS
"""

from __future__ import annotations

import importlib
import inspect
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from fapikit.errors import FapiError
from fapikit_cli.error_pages.page import FAULTS, address, first_sentence, package_of
from fapikit_cli.error_pages.samples import samples_of

PACKAGES: Final = {
    "rpkit": "what a client raises",
    "rskit": "what an API raises, logs and answers",
    "askit": "what the authorization server logs and answers",
    "fapikit": "what all three roles raise",
}

_INTRODUCTION: Final = """\
# Errors

Every error that this project raises on purpose is a `fapikit.FapiError`. Each has a page. Its address is the
package and the name of the error: `fapikit.errors.dpop.WrongUrl` in a traceback is
[fapikit/WrongUrl](fapikit/WrongUrl.md). In a terminal `fapikit explain WrongUrl` shows the same page.

- You have a **traceback**: its last lines begin with the name of the error. Below it stands what to do.
- You have a **line of a log** of an API or of the authorization server: the name stands after `refused:` and the
  status or the code.
- You have an **answer**: it has a code as `error`, in the body or in `WWW-Authenticate`. The table below leads from
  the code to the errors.

The pages say what to do for each reader. **Client** is who writes the program that signs users in and calls APIs.
**API** is who writes the API, **Server** who runs the authorization server, **Operator** who runs proxies, clocks
and stores.

Catch a parent to catch a family: `except fapikit.TransportError` is everything that may pass by itself. Each error
has the same members: `message`, `code` (what goes on the wire), `clause` (the rule), `fault` (whose it is),
`remedy` (what to do next) and `facts` (details that are safe to log; no token, code, key or other secret is among
them).

These pages are made from the classes, and from what the errors said when the tests raised them."""


def all_errors() -> list[type[FapiError]]:
    """Every error class of the packages, by package and by the place in its file."""
    for package in PACKAGES:
        importlib.import_module(f"{package}.errors")
    found = dict.fromkeys(_below(FapiError))
    order = list(PACKAGES)
    ours = [kind for kind in found if package_of(kind) in PACKAGES]
    return sorted(
        ours,
        key=lambda kind: (order.index(package_of(kind)), kind.__module__, inspect.getsourcelines(kind)[1]),
    )


def _below(kind: type[FapiError]) -> Iterator[type[FapiError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _below(child)


def index() -> str:
    """The catalogue in Markdown."""
    parts = [_INTRODUCTION, "## From a code on the wire", "\n".join(_by_code())]
    for package, what in PACKAGES.items():
        parts += [f"## {package}: {what}", "\n".join(_of(package))]
    return "\n\n".join(parts) + "\n"


def _by_code() -> Iterator[str]:
    codes: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for kind in all_errors():
        for code in _codes_of(kind):
            codes[code][package_of(kind)].append(f"[`{kind.__name__}`]({address(kind)})")
    yield "| code | errors |"
    yield "|---|---|"
    for code, packages in sorted(codes.items()):
        errors = " · ".join(f"`{package}` {', '.join(links)}" for package, links in packages.items())
        yield f"| `{code}` | {errors} |"
    undecided = (
        "[TransportError](fapikit/TransportError.md), [StoreError](fapikit/StoreError.md) and their children"
    )
    yield f"| `temporarily_unavailable` with status 503 | {undecided}: the request could not be decided |"
    yield "| `server_error` | [ConfigurationError](fapikit/ConfigurationError.md) too |"


def _codes_of(kind: type[FapiError]) -> set[str]:
    """That of the class, and those with which a test saw it answered: a JWT error has the code of its kind of JWT."""
    answered = (sample for sample in samples_of(kind) if not sample.shown.startswith("raised"))
    return {code for code in (kind.code, *(sample.members.get("code") for sample in answered)) if code}


def _of(package: str) -> Iterator[str]:
    yield "| error | whose fault | what it means |"
    yield "|---|---|---|"
    for kind in all_errors():
        if package_of(kind) == package:
            meaning = first_sentence(kind).replace("|", "\\|")
            yield f"| [`{kind.__name__}`]({address(kind)}) | {FAULTS[kind.fault]} | {meaning} |"
