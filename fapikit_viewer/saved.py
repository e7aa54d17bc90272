"""A recording as one HTML file, which opens from disk without network and shows the same as the live page.

Role: RP, RS, AS
"""

from __future__ import annotations

import json
import os
import secrets
import time
from pathlib import Path

from fapikit_viewer.page import NO_DATA, empty_saved_page
from fapikit_viewer.recording import Recording
from fapikit_viewer.view import view_of


def save(recording: Recording | Path | str, path: Path | str) -> Path:
    """Write the recording as one HTML file; its path. Only its owner may read the file, as the recording itself.

    A file at this path is replaced. Raises OSError if it cannot be written.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    # Nobody else who may write there can have made it before, as a link or as a file of his own.
    unfinished = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(saved_page(recording))
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return target


def saved_page(recording: Recording | Path | str) -> str:
    """The text of that file."""
    view = {"saved_at": time.time(), **view_of(recording_of(recording).read_all())}
    # No value can end the element that it is in.
    data = json.dumps(view, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    data = data.encode("utf-8", "replace").decode()  # JSON may have half a character, and a file may not
    before, _, after = empty_saved_page().partition(NO_DATA)
    return before + NO_DATA.replace("null", data) + after


def recording_of(given: Recording | Path | str) -> Recording:
    """A recording, or the one in this file."""
    return given if isinstance(given, Recording) else Recording(given)
