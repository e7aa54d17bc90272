"""docs/api.md is the same on each machine."""

from pathlib import Path

from tools.api_doc import document


def test_the_document_names_no_folder_of_this_machine() -> None:
    assert str(Path(__file__).parents[2]) not in document()
