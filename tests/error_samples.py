"""`--keep-error-samples` keeps what each error says, and where: docs/errors shows real messages, no invented ones.

A sample is kept when an error is raised in the code of a package, and again when it reaches the log of an API or of the
authorization server. The pages make log lines and answers of it by the functions that the roles themselves use.
"""

from __future__ import annotations

import functools
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from types import FrameType, ModuleType
from typing import Any

import askit.endpoints.introspect
import askit.requests.protected_resource
import askit.server
import askit.users.consent
import askit.wire_errors
import rskit.resource_server
from fapikit.errors import FapiError
from fapikit_cli.error_pages import all_errors
from fapikit_cli.error_pages.page import OTHER_MESSAGES
from fapikit_cli.error_pages.prose import prose_of
from fapikit_cli.error_pages.samples import SAMPLES, Sample, order_of, samples_of
from tools.citations import PACKAGES

_ROLES = {"rpkit": "rpkit", "rskit": "rskit", "asgi_mw": "rskit", "wsgi_mw": "rskit", "askit": "askit"}
_HARNESS = ("rskit.testing", "rpkit.testing", "askit.attacks", "askit.pytest_plugin")
_MAKERS = ("fail", "refuse", "refused", "refusal", "wrong", "malformed", "unusable", "insufficient")
"""Functions that make an error for their callers: the place is the caller."""
_MASKS = [
    (re.compile(r"(127\.0\.0\.1|localhost|\[::1\]):\d{1,5}"), r"\1:8443"),
    (re.compile(r"(https://bank\.example)/test/a/alias"), r"\1"),
    (re.compile(r"/tmp/pytest-of-[^ '\"]*/"), "/etc/bank/"),
    (re.compile(r"/tmp/[^ '\"]*/"), "/etc/bank/"),
    (re.compile(r"/[^ '\"]*/(?:site-packages|tests)/"), "/srv/bank/"),
    (re.compile(r"\b(?=[\w-]*\d)(?=[\w-]*[A-Z])(?=[\w-]*[a-z])[\w-]{22,}\b"), "kRx1mN8uQ2vT7wYb3cE5gA"),
    (re.compile(r"\(reference [0-9a-f]{8}\)"), "(reference 5f2c91aa)"),
    (re.compile(r"\b(?=[0-9]*[a-f])[0-9a-f]{12}\b"), "1f0c9a7be2d4"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "0b7c9d5e-5a3f-4d0e-9c61-8f2a7e4b1d30"),
]

_TERSE = 25
"""A message of fewer characters says little."""

samples: dict[str, dict[str, dict[str, Any]]] = {}
_test = ""
_ran: set[str] = set()
_made: dict[int, tuple[str, str, FapiError]] = {}
"""What was made in the code of a package during this test, by its identity: the role, the place, the error."""


def _masked(text: str) -> str:
    for pattern, by in _MASKS:
        text = pattern.sub(by, text)
    return text


def _frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        yield frame
        frame = frame.f_back


def _site(kind: type[FapiError]) -> str:
    """Where the error is made, as `module.function`; empty if a test makes it."""
    for frame in _frames():
        module = frame.f_globals.get("__name__", "")
        if module == __name__ or module == "tests.raised_errors" or ".errors" in module:
            continue
        if frame.f_code.co_name.strip("_") in _MAKERS:
            continue
        return f"{module}.{frame.f_code.co_name}" if module.split(".")[0] in PACKAGES else ""
    return ""


def _role() -> str:
    for frame in _frames():
        root = frame.f_globals.get("__name__", "").split(".")[0]
        if root in _ROLES:
            return _ROLES[root]
    return "fapikit"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(member) for name, member in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        members = [_plain(member) for member in value]
        return sorted(members, key=str) if isinstance(value, set | frozenset) else members
    return _masked(value) if isinstance(value, str) else value


def _keep(error: FapiError, shown: str, site: str, **more: str) -> None:
    kind = type(error)
    if kind.__module__.split(".")[0] not in PACKAGES or site.startswith(_HARNESS):
        return
    members = {}
    for name, value in vars(error).items():
        if name in ("__notes__", "outcome") or getattr(kind, name, None) == value:
            continue
        with suppress(TypeError):  # what is no JSON, no page shows
            members[name] = json.loads(json.dumps(_plain(value)))
    found = {
        "shown": shown,
        "site": site,
        "test": _test.split("[", maxsplit=1)[0],
        "members": members,
        **more,
    }
    add({f"{kind.__module__}.{kind.__name__}": {f"{shown} {site}": found}})


def add(
    found: Mapping[str, Mapping[str, dict[str, Any]]], to: dict[str, dict[str, dict[str, Any]]] | None = None
) -> None:
    """Of two samples of one place the typical one stays: what the prose chooses, else the shorter message."""
    kept = samples if to is None else to
    for name, places in found.items():
        says = _says().get(name, "")
        for place, sample in places.items():
            other = kept.setdefault(name, {}).setdefault(place, sample)
            kept[name][place] = min(other, sample, key=lambda one: _rank(one, says))


def _rank(sample: Mapping[str, Any], says: str) -> tuple[bool, bool, int, str]:
    message = sample["members"]["message"]
    return says not in message, len(message) < _TERSE, len(message), sample["test"]


@functools.cache
def _says() -> dict[str, str]:
    return {f"{kind.__module__}.{kind.__name__}": prose_of(kind).says for kind in all_errors()}


def _reached(error: FapiError, shown: str, **more: str) -> None:
    """An error is answered or logged. What a test made itself is no sample."""
    if id(error) in _made:
        _keep(error, shown, _made[id(error)][1], **more)


def started(nodeid: str) -> None:
    global _test
    _test = nodeid
    _ran.add(nodeid.split("[", maxsplit=1)[0])


def ended() -> None:
    """The errors of one test are complete now: a subclass sets its own members after the base class has its own."""
    for role, site, error in _made.values():
        _keep(error, f"raised-by-{role}", site)
    _made.clear()


def noting_raised() -> None:
    original = FapiError.__init__

    @functools.wraps(original)
    def noting(self: FapiError, *arguments: Any, **options: Any) -> None:
        original(self, *arguments, **options)
        site = _site(type(self))
        if site:
            _made[id(self)] = (_role(), site, self)

    FapiError.__init__ = noting  # type: ignore[method-assign]


def _form() -> str:
    for frame in _frames():
        if frame.f_code.co_name == "answer" and frame.f_globals.get("__name__") == "askit.routes":
            return "page" if "pages" in frame.f_code.co_qualname else "json"
    return "json"


def noting_answers() -> None:
    """Each refusal that an API or the authorization server logs or sends."""
    log = askit.wire_errors.log_refusal

    def logged(error: FapiError, where: str, *said: Any) -> None:
        log(error, where, *said)
        form = (
            "challenge" if sys._getframe(1).f_globals["__name__"].endswith("protected_resource") else _form()
        )
        _reached(error, f"server-{form}", where=_masked(where))

    modules: list[ModuleType] = [
        askit.wire_errors,
        askit.requests.protected_resource,
        askit.server,
        askit.endpoints.introspect,
    ]
    for module in modules:
        module.log_refusal = logged  # type: ignore[attr-defined]

    record = rskit.resource_server.record

    def recorded(refusal: Any, *, scheme: str | None, method: str, interaction_id: str | None) -> None:
        record(refusal, scheme=scheme, method=method, interaction_id=interaction_id)
        _reached(refusal.error, "api", scheme=scheme or "")

    rskit.resource_server.record = recorded  # type: ignore[attr-defined]

    refuse = askit.users.consent.refuse

    async def redirected(core: Any, request: Any, client: Any, error: Any) -> Any:
        answer = await refuse(core, request, client, error)
        _reached(error, "server-redirect")
        return answer

    askit.users.consent.refuse = redirected  # type: ignore[assignment]


def write(*, whole: bool) -> None:
    """Write the samples of a whole run, or add those of a part to the ones that are there."""
    before = {} if whole else json.loads(SAMPLES.read_text("utf-8"))
    kept = {
        name: {at: one for at, one in places.items() if one["test"] not in _ran}
        for name, places in before.items()
    }
    add(samples, kept)
    SAMPLES.write_text(
        as_text({name: shown_ones(name, places) for name, places in kept.items() if places}), "utf-8"
    )


def shown_ones(name: str, places: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The samples that the page of this error shows: one of each log and answer, and some other messages."""
    in_order = sorted(places.items(), key=lambda item: order_of(Sample(**item[1]), _says().get(name, "")))
    first_ones = {(sample["shown"], sample["members"].get("code")): at for at, sample in reversed(in_order)}
    messages = {sample["members"]["message"]: at for at, sample in reversed(in_order)}
    others = [at for at, sample in in_order if messages[sample["members"]["message"]] == at]
    return {at: places[at] for at in {*first_ones.values(), *others[: OTHER_MESSAGES + 1]}}


def no_longer_said(said: Iterable[tuple[str, str]]) -> list[str]:
    """The errors whose page shows a message that no test saw. `said`: names of classes, and messages."""
    heard = {(name, _masked(message)) for name, message in said}
    shown = {
        f"{kind.__module__}.{kind.__name__}": samples_of(kind, prose_of(kind).says)[:1]
        for kind in all_errors()
    }
    return sorted(
        name for name, samples in shown.items() for sample in samples if (name, sample.message) not in heard
    )


def as_text(kept: dict[str, dict[str, dict[str, Any]]]) -> str:
    """JSON with one sample a line: a change is a line in a diff."""
    errors = []
    for name, places in sorted(kept.items()):
        rows = [
            f"  {json.dumps(place)}: {json.dumps(sample, ensure_ascii=False)}"
            for place, sample in sorted(places.items())
        ]
        errors.append(f" {json.dumps(name)}: {{\n" + ",\n".join(rows) + "\n }")
    return "{\n" + ",\n".join(errors) + "\n}\n"
