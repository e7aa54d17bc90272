"""The page of one error, in Markdown.

Role: RP, RS, AS
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from typing import Final

from askit.errors import Refused
from fapikit.errors import FapiError, Fault
from fapikit_cli.error_pages import shown
from fapikit_cli.error_pages.prose import prose_of
from fapikit_cli.error_pages.samples import Sample, made_again, samples_of
from rskit.errors import AccessRefused

FAULTS: Final = {
    Fault.PEER: "the other side",
    Fault.USER: "the user, or time",
    Fault.CONFIGURATION: "a setting",
    Fault.TRANSPORT: "the network, or a service that is down",
}
_SERVER_FORMS: Final = ("json", "challenge", "redirect", "page")
OTHER_MESSAGES: Final = 12
_CLIENT: Final = ("raised-by-rpkit", "raised-by-fapikit", "raised-by-rskit", "raised-by-askit")


def address(kind: type[FapiError]) -> str:
    """Where the page lies below `docs/errors`: the package, then the name. A traceback shows both."""
    return f"{package_of(kind)}/{kind.__name__}.md"


def package_of(kind: type[FapiError]) -> str:
    return kind.__module__.split(".")[0]


def first_sentence(kind: type[FapiError]) -> str:
    """What the catalogue says. It is the first sentence of the docstring, and is translated."""
    return re.split(r"(?<=[.?!])\s+(?=[A-Z`])", _docstring(kind)[0], maxsplit=1)[0]


def _docstring(kind: type[FapiError]) -> list[str]:
    return [" ".join(paragraph.split()) for paragraph in (inspect.getdoc(kind) or "").split("\n\n")]


def children_of(kind: type[FapiError]) -> list[type[FapiError]]:
    return sorted(kind.__subclasses__(), key=lambda child: child.__name__)


def page_of(kind: type[FapiError]) -> str:
    """The whole page. It ends with a line break."""
    prose = prose_of(kind)
    parts = [f"# {kind.__name__}", *_docstring(kind), _facts(kind), *_family(kind)]
    parts += list(_looks(kind, prose.says))
    parts += ["## Why it comes", _from_docs(prose.why), "## What to do", _from_docs(prose.what_to_do)]
    parts += list(_other_messages(kind, prose.says))
    if prose.see:
        parts += ["## More", _from_docs("\n".join(f"- {link}" for link in prose.see))]
    return "\n\n".join(part for part in parts if part) + "\n"


def _from_docs(text: str) -> str:
    """Links are written as in `docs/`, and the pages lie two folders below."""
    return re.sub(r"\]\((?!https?:|#)", "](../../", text)


def _facts(kind: type[FapiError]) -> str:
    parent = kind.__bases__[0]
    rows = [f"| name | `from {_exporter(kind)} import {kind.__name__}` |", "|---|---|"]
    if issubclass(parent, FapiError):
        rows.append(f"| is a | {link_to(parent, kind)} |")
    if kind.code:
        rows.append(f"| code on the wire | `{kind.code}` |")
    if kind.clause:
        rows.append(f"| rule | {_clause(kind.clause)} |")
    rows.append(f"| whose fault | {FAULTS[kind.fault]} |")
    rows.append(f"| next step | {kind.remedy} |")
    return "\n".join(rows)


def _exporter(kind: type[FapiError]) -> str:
    public = f"{package_of(kind)}.errors"
    try:
        found = getattr(importlib.import_module(public), kind.__name__, None)
    except ModuleNotFoundError:
        found = None
    return public if found is kind else kind.__module__


def _clause(clause: str) -> str:
    rfc = re.match(r"RFC (\d+) ([\d.]*\d)", clause)
    if rfc is None:
        return clause
    return f"[{clause}](https://www.rfc-editor.org/rfc/rfc{rfc[1]}#section-{rfc[2]})"


def link_to(kind: type[FapiError], from_: type[FapiError]) -> str:
    return f"[`{kind.__name__}`]({_path_to(kind, from_)})"


def _path_to(kind: type[FapiError], from_: type[FapiError]) -> str:
    same = package_of(kind) == package_of(from_)
    return f"{kind.__name__}.md" if same else f"../{address(kind)}"


def _family(kind: type[FapiError]) -> Iterator[str]:
    children = children_of(kind)
    if children:
        yield "`except " + kind.__name__ + "` also catches:"
        yield "\n".join(f"- {link_to(child, kind)}: {first_sentence(child)}" for child in children)


def _looks(kind: type[FapiError], said: str) -> Iterator[str]:
    found = samples_of(kind, said)
    if not found:
        return
    yield "## What it looks like"
    raised = next((sample for where in _CLIENT if (sample := _first(found, where))), None)
    api = _first(found, "api") or (raised if issubclass(kind, AccessRefused) else None)
    server = next((sample for form in _SERVER_FORMS if (sample := _first(found, f"server-{form}"))), None)
    server = server or (raised if issubclass(kind, Refused) else None)
    client = raised is not None and raised.shown in _CLIENT[:2]
    if raised is not None and (client or (api is None and server is None)):
        yield "In a traceback:"
        yield _block(shown.traceback_of(made_again(kind, raised)))
    if api is not None:
        error = made_again(kind, api)
        yield "In the log of the API (the logger `rskit`), and in its answer to the client:"
        yield _block(shown.log_line_of_api(error, api.scheme))
        yield _block(shown.answer_of_api(error, api.scheme), "http")
    if server is not None:
        error = made_again(kind, server)
        form = server.shown.removeprefix("server-") if server is not raised else "json"
        to = {"page": "on the page that the user sees", "redirect": "in the redirect to the client"}.get(form)
        if server.where:
            yield f"In the log of the authorization server (the logger `askit`), and {to or 'in its answer'}:"
            yield _block(shown.log_line_of_server(error, server.where))
        else:
            yield f"The authorization server tells it {to or 'in its answer'}:"
        yield _block(shown.answer_of_server(error, form), "http")


def _first(found: list[Sample], where: str) -> Sample | None:
    return next((sample for sample in found if sample.shown == where), None)


def _block(text: str, language: str = "text") -> str:
    return f"```{language}\n{text}\n```"


def _other_messages(kind: type[FapiError], said: str) -> Iterator[str]:
    found = samples_of(kind, said)
    messages = list(dict.fromkeys(sample.message for sample in found))
    if len(messages) > 1:
        yield "## What it may say"
        yield "\n".join(f"- {_literal(message)}" for message in messages[:OTHER_MESSAGES])
        if len(messages) > OTHER_MESSAGES:
            yield "There are more. Each names what is wrong."


def _literal(message: str) -> str:
    """A message as code: what a peer wrote in it is no Markdown."""
    fence = "``" if "`" in message else "`"
    return f"{fence}{' ' if fence == '``' else ''}{message}{' ' if fence == '``' else ''}{fence}"
