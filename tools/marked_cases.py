"""The marks `@pytest.mark.NAME(subject, *names)` of the tests, read from the source without importing it.

A mark that gives no names stands for the cases of the test's parameter `module`. They are written in its `parametrize`
mark, or in a table that it names: the keys of a dict, or the first item of each row.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tools.citations import ROOT

PARAMETER = "module"
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Mark:
    test: str
    subject: str
    names: tuple[str, ...]
    exact: bool
    """Whether the mark itself gives the names. A table may have cases of other kinds too."""


class UnreadableMark(Exception):
    """Its names, or the cases of its test, are not literals that a reader of the source can follow."""


def marks_in(folder: Path, name: str) -> Iterator[Mark]:
    for path in sorted(folder.rglob("test_*.py")):
        if f"mark.{name}" in path.read_text("utf-8"):
            yield from _marks_of(path, name)


def _marks_of(path: Path, name: str) -> Iterator[Mark]:
    where = str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name
    for node in ast.walk(_parsed(path)):
        if isinstance(node, _Function):
            for call in _calls(node.decorator_list, name):
                names = _names(call, path)
                test = f"{where}::{node.name}"
                yield _mark(test, call, names or _cases(node, path), exact=bool(names))
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark":
            for call in _calls([node.value], name):
                yield _mark(where, call, _names(call, path), exact=True)


def _mark(test: str, call: ast.Call, names: tuple[str, ...], *, exact: bool) -> Mark:
    subject = call.args[0] if call.args else None
    if not names or not isinstance(subject, ast.Constant):
        raise UnreadableMark(f"{test}: name what it stands for, or have a parameter `{PARAMETER}`")
    return Mark(test, str(subject.value), tuple(dict.fromkeys(names)), exact)


def _calls(nodes: list[ast.expr], name: str) -> Iterator[ast.Call]:
    for node in nodes:
        for call in ast.walk(node):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == f"pytest.mark.{name}":
                yield call


def _names(call: ast.Call, path: Path) -> tuple[str, ...]:
    return tuple(name for argument in call.args[1:] for name in _literals(argument, path))


def _cases(function: _Function, path: Path) -> tuple[str, ...]:
    for call in _calls(function.decorator_list, "parametrize"):
        parameters, cases = call.args[0], call.args[1]
        first = next(iter(_literals(parameters, path)), "").split(",")[0]
        if first == PARAMETER:
            return tuple(_literals(cases, path))
    return ()


def _literals(node: ast.expr, path: Path) -> Iterator[str]:
    """The texts of a literal: a text, the keys of a dict, the first item of each row, and what names lead to."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield node.value
    elif isinstance(node, ast.Name):
        yield from _literals(*_value_of(node.id, path))
    elif isinstance(node, ast.Starred):
        yield from _literals(node.value, path)
    elif isinstance(node, ast.Dict):
        for key in node.keys:
            if key is not None:
                yield from _literals(key, path)
    elif isinstance(node, ast.List | ast.Tuple | ast.Set):
        for item in node.elts:
            yield from _literals(item.elts[0] if isinstance(item, ast.Tuple) else item, path)
    else:
        raise UnreadableMark(f"{path.name}:{node.lineno}: {ast.unparse(node)} is no literal")


def _value_of(name: str, path: Path) -> tuple[ast.expr, Path]:
    """What a module-level name stands for, and the file in which that is written."""
    for node in _parsed(path).body:
        if isinstance(node, ast.Assign) and any(ast.unparse(target) == name for target in node.targets):
            return node.value, path
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == name and node.value is not None:
            return node.value, path
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _value_of(alias.name, ROOT / (node.module.replace(".", "/") + ".py"))
    raise UnreadableMark(f"{path.name}: {name} is not set or imported there")


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))
