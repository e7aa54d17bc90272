"""Each error has a page that is whole: what it looks like, why it comes, what to do."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from fapikit.errors import FapiError, WrongUrl
from fapikit_cli import error_pages
from fapikit_cli.error_pages.page import package_of
from fapikit_cli.error_pages.prose import FOLDER, prose_of, written
from fapikit_cli.error_pages.samples import made_again, samples_of
from rskit.errors import ConsentInUse, InsufficientScope
from tools.citations import PACKAGES, ROOT
from tools.errors_doc import import_everything, pages

KINDS = error_pages.all_errors()
_LINK = re.compile(r"\]\(([^)#]+)(?:#([\w-]+))?\)")


def name_of(kind: type[FapiError]) -> str:
    return f"{kind.__module__}.{kind.__name__}"


@pytest.mark.parametrize("kind", KINDS, ids=name_of)
def test_an_error_has_what_its_page_is_made_of(kind: type[FapiError]) -> None:
    prose = prose_of(kind)
    assert re.match(r"[A-Z`].*\.$", error_pages.first_sentence(kind)), (
        "the catalogue has one sentence of each"
    )
    assert samples_of(kind) or kind.__subclasses__(), "run make samples with a test that raises it"
    assert len(prose.why) > 40, "why it comes, in fapikit_cli/error_pages/prose"
    assert re.match(r"- \*\*(Client|API|Server|Operator):\*\* ", prose.what_to_do), "who does what"
    assert any(prose.says in sample.message for sample in samples_of(kind)) or not prose.says


def test_no_prose_is_about_an_error_that_is_gone() -> None:
    assert written() == {name_of(kind) for kind in KINDS}
    assert {path.suffix for path in FOLDER.iterdir()} == {".md"}


def test_the_code_can_still_say_what_the_samples_say() -> None:
    """A message whose words are nowhere in the code was said by an older version: `make samples` with its test."""
    texts, forms, parts = set[str](), list[re.Pattern[str]](), set[str]()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.JoinedStr):
                    constants = [
                        part.value if isinstance(part, ast.Constant) else None for part in node.values
                    ]
                    parts.update(str(text).strip() for text in constants if text is not None)
                    if sum(len(str(text)) for text in constants if text is not None) > 8:
                        form = "".join(".*" if text is None else re.escape(str(text)) for text in constants)
                        forms.append(re.compile(form, re.DOTALL))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    texts.add(node.value)
    parts |= {text.strip() for text in texts}
    for kind in KINDS:
        for message in {sample.message for sample in samples_of(kind)}:
            if message in texts or any(form.fullmatch(message) for form in forms):
                continue  # else it is composed of parts: the longest one has a quarter of it
            longest = max((part for part in parts if part in message), key=len)
            assert len(longest) > len(message) / 4, f"{kind.__name__}: {message}"


def test_prose_names_settings_and_functions_that_exist() -> None:
    sources = [path.read_text("utf-8") for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    known = set(re.findall(r"\w+", " ".join(sources)))
    for path in FOLDER.iterdir():
        for code in re.findall(r"`([^`\n]+)`", path.read_text("utf-8")):
            for name in re.findall(r"(?<![\w.-])[A-Za-z]\w*(?:[._]\w+)*(?=[(=])", code):
                missing = set(name.split(".")) - known
                assert not missing, f"{path.name}: `{code}`"


def test_an_address_is_guessed_from_the_name_and_no_two_are_the_same() -> None:
    assert error_pages.address(WrongUrl) == "fapikit/WrongUrl.md"
    assert len({error_pages.address(kind) for kind in KINDS}) == len(KINDS)


def test_every_error_is_defined_where_the_pages_look_for_it() -> None:
    import_everything()
    everywhere = {FapiError, *_below(FapiError)}
    assert {kind for kind in everywhere if package_of(kind) in PACKAGES} == set(KINDS)


def _below(kind: type[FapiError]) -> set[type[FapiError]]:
    children = kind.__subclasses__()
    return {*children, *(found for child in children for found in _below(child))}


def test_links_lead_to_files_and_headings_that_exist() -> None:
    made = pages()
    for path, text in made.items():
        for target, anchor in _LINK.findall(text):
            if target.startswith("https:"):
                continue
            found = (path.parent / target).resolve()
            assert found in made or found.exists(), f"{path.name}: {target}"
            assert not anchor or anchor in _anchors(found), f"{path.name}: {target}#{anchor}"


def _anchors(path: Path) -> set[str]:
    headings = re.findall(r"(?m)^#+ (.+)$", path.read_text("utf-8"))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("kind, member", [(InsufficientScope, "scopes"), (ConsentInUse, "retry_after")])
def test_an_error_is_made_again_with_all_that_its_answer_needs(kind: type[FapiError], member: str) -> None:
    sample = samples_of(kind)[0]
    error = made_again(kind, sample)
    assert getattr(error, member) == sample.members[member]
    assert str(error) == f"{sample.message} [{error.clause}]"


def test_a_page_shows_the_traceback_the_log_and_the_wire() -> None:
    page = error_pages.page_of(WrongUrl)
    assert (
        "INFO rskit: refused: 401 WrongUrl [RFC 9449 4.3-9] htu of the proof is not the URL of this request"
        in page
    )
    assert 'HTTP/1.1 401 Unauthorized\nwww-authenticate: DPoP error="invalid_dpop_proof"' in page
    assert "(is this API known by another origin" in page, "the hint of the log"
    assert "| code on the wire | `invalid_dpop_proof` |" in page


def test_pages_name_no_place_of_the_machine_that_made_the_samples() -> None:
    for path, text in pages().items():
        assert not re.search(
            r"/tmp/|/work/|/root/|/home/|127\.0\.0\.1:(?!8443)\d|localhost:(?!8443)\d{4}", text
        ), path
    assert str(ROOT) not in (FOLDER.parent / "samples.json").read_text("utf-8")
