"""Refuses a file that is no recording where a recording is shown, or written to.

Role: RP, RS, AS
"""

from __future__ import annotations

from pathlib import Path

from fapikit_cli.failing import WrongUsage
from fapikit_viewer import Recording
from fapikit_viewer.shapes import is_something_else


def require_recording(path: Path) -> None:
    """`path`: a recording, or a file that is empty or does not exist yet. Raises WrongUsage; OSError."""
    if is_something_else(Recording(path)):
        raise WrongUsage(
            f"{path} is no recording: no line of it is an event that was recorded. It was not changed",
            "give the file of --record, or the name of a new file",
        )
