"""What an error tracker would see of an exception: it walks every traceback and shows each frame's local variables.

The walk is as deep as such a tool may go: into containers, dataclasses and what functions close over, along causes and
contexts, and over an error's own arguments. A value that the project calls secret is where it ends.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from functools import partial
from pathlib import Path
from types import FrameType, FunctionType, MethodType
from typing import Any

from fapikit.secrets import Concealed

TESTS = str(Path(__file__).parent)
_DEEPEST = 7


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error, what caused it, and what was being handled meanwhile."""
    waiting, seen = [error], set()
    while waiting:
        found = waiting.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        waiting += [other for other in (found.__cause__, found.__context__) if other is not None]
        waiting += list(getattr(found, "exceptions", ()))


def frames(error: BaseException) -> Iterator[FrameType]:
    """The frames of its traceback, without those of the tests."""
    traceback = error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        if not frame.f_code.co_filename.startswith(TESTS):
            yield frame
        traceback = traceback.tb_next


def texts(value: Any, depth: int = 0, seen: set[int] | None = None) -> Iterator[str]:
    """Every text that a tool may make of a value."""
    seen = set() if seen is None else seen
    if depth > _DEEPEST or id(value) in seen or isinstance(value, Concealed):
        return
    seen.add(id(value))
    if isinstance(value, str):
        yield value
        return
    if isinstance(value, bytes | bytearray | memoryview):
        yield bytes(value).decode("latin-1")
        return
    try:
        yield repr(value)
    except Exception as error:  # half made
        yield f"{type(error).__name__}"
    for inner in _inside(value):
        yield from texts(inner, depth + 1, seen)


def _inside(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from (part for item in list(value.items()) for part in item)
    elif isinstance(value, list | tuple | AbstractSet) or type(value).__name__ == "deque":
        yield from list(value)
    elif isinstance(value, partial):
        yield from (value.func, value.args, value.keywords)
    elif isinstance(value, MethodType):
        yield value.__func__
    elif isinstance(value, FunctionType):
        for cell in value.__closure__ or ():
            try:
                yield cell.cell_contents
            except ValueError:  # not bound yet
                continue
    elif is_dataclass(value) and not isinstance(value, type):
        for entry in fields(value):
            yield getattr(value, entry.name, None)


def spellings(secret: str) -> set[str]:
    """As it is, and as Basic credentials or octets would have it."""
    return {secret, base64.b64encode(secret.encode()).decode().rstrip("=")[:-2] or secret}


def shown(error: BaseException, secrets: Iterable[str], *, but: Iterable[object] = ()) -> list[str]:
    """Where the secrets stand in what can be seen of an error; empty is good. `but`: what is the framework's own."""
    others = {id(value) for value in but}
    wanted = {spelling for secret in secrets for spelling in spellings(secret)}
    assert all(len(spelling) > 7 for spelling in wanted), "too short to be found for sure"
    found = []
    for link in chain(error):
        for text in texts([str(link), link.args, getattr(link, "__notes__", []), dict(vars(link))]):
            if any(secret in text for secret in wanted):
                found.append(f"{type(link).__name__} itself: {text[:60]!r}")
        for frame in frames(link):
            where = f"{frame.f_globals.get('__name__')}:{frame.f_code.co_name}"
            for name, value in frame.f_locals.items():
                for text in texts(value, seen=set(others)):
                    if any(secret in text for secret in wanted):
                        found.append(f"{type(link).__name__} at {where}: {name}")
                        break
    return sorted(set(found))
