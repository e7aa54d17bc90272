"""The page of conformance modules: which marks it reads, what it refuses, and that its table of modules is whole."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tools.conformance import PLANS, UnknownModule, modules_with_tests, read_modules, render
from tools.marked_cases import Mark, UnreadableMark, marks_in

TABLE = 'import pytest\nTABLE = {"a": 1, "b": (2, "c")}\nROWS: list = [("d", "x"), ("e", "y"), (7, "z")]\n'


def marks_of(tmp_path: Path, source: str) -> list[tuple[str, tuple[str, ...]]]:
    (tmp_path / "test_it.py").write_text(TABLE + source)
    return [(mark.test, mark.names) for mark in marks_in(tmp_path, "conformance")]


@pytest.mark.parametrize(
    ("marks", "names"),
    [
        ('@pytest.mark.conformance("plan", "one", "two")', ("one", "two")),
        ('@pytest.mark.conformance("plan", *TABLE)', ("a", "b")),
        ('@pytest.mark.conformance("plan")\n@pytest.mark.parametrize("module", TABLE)', ("a", "b")),
        ('@pytest.mark.conformance("plan")\n@pytest.mark.parametrize("module", [None, *TABLE])', ("a", "b")),
        (
            '@pytest.mark.parametrize(("module", "x"), ROWS)\n@pytest.mark.conformance("plan")',
            ("d", "e"),
        ),
        (
            '@pytest.mark.conformance("plan")\n@pytest.mark.parametrize("module, x", [("f", "g"), ("f", "h")])',
            ("f",),
        ),
    ],
)
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_mark_names_its_modules_or_the_cases_of_its_test(
    kind: str, marks: str, names: tuple[str, ...], tmp_path: Path
) -> None:
    assert marks_of(tmp_path, f"{marks}\n{kind} test_x(module, x, y): ...") == [("test_it.py::test_x", names)]


def test_a_mark_may_stand_for_a_whole_file(tmp_path: Path) -> None:
    source = 'pytestmark = [pytest.mark.anyio, pytest.mark.conformance("plan", "one")]'
    assert marks_of(tmp_path, source) == [("test_it.py", ("one",))]


@pytest.mark.parametrize(
    "source",
    [
        '@pytest.mark.conformance("plan")\ndef test_x(): ...',
        '@pytest.mark.conformance("plan")\n@pytest.mark.parametrize("x", TABLE)\ndef test_x(x): ...',
        '@pytest.mark.conformance("plan", *[each for each in TABLE])\ndef test_x(): ...',
        '@pytest.mark.conformance("plan", *ELSEWHERE)\ndef test_x(): ...',
        '@pytest.mark.conformance()\n@pytest.mark.parametrize("module", TABLE)\ndef test_x(module): ...',
        'pytestmark = pytest.mark.conformance("plan")',
    ],
)
def test_a_mark_that_cannot_be_read_is_no_mark(source: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableMark):
        marks_of(tmp_path, source)


def test_a_table_may_have_cases_beside_the_modules_and_a_mark_may_not() -> None:
    happy = "fapi2-security-profile-final-client-test-happy-path"
    for name in (happy, "client-test-happy-path"):
        for exact in (True, False):
            (module,) = [m for m in modules_with_tests([Mark("t", "fapi2-rp", (name,), exact)]) if m.tests]
            assert (module.id, module.tests, module.open) == (happy, ["t"], module.certificates)
    assert not any(m.tests for m in modules_with_tests([Mark("t", "fapi2-rp", ("no aud",), exact=False)]))
    for plan, name in (("fapi2-rp", "no aud"), ("fapi2-op", happy), ("fapi3-rp", happy)):
        with pytest.raises(UnknownModule):
            modules_with_tests([Mark("t", plan, (name,), exact=True)])


def test_a_module_that_is_due_with_certificates_too_is_open_until_it_has_both() -> None:
    both = [
        Mark("t", plan, ("client-test-happy-path",), exact=True)
        for plan in ("fapi2-rp", "fapi2-rp with certificates")
    ]
    assert [m.open for m in modules_with_tests(both) if m.tests or m.tests_with_certificates] == [False]
    for mark in both:
        assert all(m.open for m in modules_with_tests([mark]))


def test_every_module_of_every_plan_is_in_the_table() -> None:
    modules = read_modules()
    assert Counter(module.plan for module in modules) == {
        "fapi2-rp": 32,
        "fapi1-rp": 27,
        "ciba-rp": 29,
        "oidc-rp": 57,
        "fapi2-op": 78,
        "fapi1-op": 68,
        "ciba-op": 66,
    }
    assert len({module.id for module in modules}) == len(modules)
    for module in modules:
        assert f"{module.id}-".startswith(PLANS[module.plan].prefix)
        assert module.expected in ("accept", "stop")
        assert module.what
    page = render()
    assert all(f"| `{module.id.removeprefix(PLANS[module.plan].prefix)}` |" in page for module in modules)


def test_no_module_is_open() -> None:
    assert [module.id for module in modules_with_tests() if module.open] == []
