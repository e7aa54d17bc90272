"""Where the code and the tests cite a clause: `Spec:` lines, strings, comments and docstrings, `spec` marks."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ATTACKS = ROOT / "rskit" / "testing" / "attacks"
EQUIVALENTS = ROOT / "fapikit" / "clauses.py"
PACKAGES = ("fapikit", "rpkit", "rskit", "asgi_mw", "wsgi_mw", "askit", "fapikit_viewer", "fapikit_cli")

_SPECS = (
    r"CIMD|IDA-S|IDA|"
    r"RFC \d+|FAPI2-SP|FAPI2-MS|FAPI2-AM|FAPI1-BL|FAPI1-ADV|FAPI-CIBA|CIBA|JARM|rfc7523bis|Idempotency-Key"
    r"|OIDC Registration|OIDC"
    r"|TSL|GM|UK-JWS|BR-JWT|FAPI2-HS"
    r"|LODGING"
    r"|SSF|CAEP"
)
_NUMBER = r"[A-Z]?\d+(?:\.\d+)*(?:-\d+(?:\.\d+)?)?[a-z]?(?: N\d)?"
_CITATION = re.compile(rf"(?<![\w-])({_SPECS}) ({_NUMBER}(?:(?:, (?:and )?|,? and )-?{_NUMBER})*)(?![\w])")
_ITEM = re.compile(rf"-?{_NUMBER}")


def clauses_in(text: str) -> Iterator[str]:
    """Every clause that a text cites, lists such as `FAPI2-SP 5.3.3.1-9, -10, 5.4.3` taken apart."""
    for match in _CITATION.finditer(" ".join(text.split())):
        section = ""
        for item in _ITEM.findall(match[2]):
            if item.startswith("-"):
                yield f"{match[1]} {section}{item}"
            else:
                section = re.split(r"-|(?<=\d)[a-z]| N", item)[0]
                yield f"{match[1]} {item}"


def in_code() -> dict[str, list[str]]:
    """For each clause the modules that cite it."""
    found: dict[str, set[str]] = defaultdict(set)
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if path.is_relative_to(ATTACKS):
                continue  # which break clauses, and enforce none
            if path == EQUIVALENTS:
                continue  # which says what else a clause is called
            for clause in clauses_in(_prose(path.read_text("utf-8"))):
                found[clause].add(str(path.relative_to(ROOT)))
    # A profile names a clause for each value: whoever asks it enforces that, so the profiles come last.
    return {
        clause: sorted(paths, key=lambda path: ("profiles.py" in path, path))
        for clause, paths in found.items()
    }


def _prose(source: str) -> str:
    """Comment signs and quotes at the ends of lines taken away, so that a list may run over two lines."""
    return re.sub(r'(?m)^\s*#\s?|"\s*$', " ", source)


def in_tests() -> dict[str, list[str]]:
    """For each clause the tests whose `spec` mark names it."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                for text in _marks(node.decorator_list):
                    for clause in clauses_in(text):
                        found[clause].add(f"{path.relative_to(ROOT)}::{node.name}")
            elif isinstance(node, ast.Assign) and _is_pytestmark(node):
                for text in _marks([node.value]):
                    for clause in clauses_in(text):
                        found[clause].add(str(path.relative_to(ROOT)))
    return {clause: sorted(names) for clause, names in found.items()}


def _marks(nodes: list[ast.expr]) -> Iterator[str]:
    for node in nodes:
        for call in ast.walk(node):
            if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("mark.spec"):
                for argument in call.args:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        yield argument.value


def _is_pytestmark(node: ast.Assign) -> bool:
    return any(isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets)
