"""Shows a flow: the messages between browser, client, authorization server and APIs, recorded and explained.

`Recording` is the file. `Recorder` writes to it for one party; `capture/` sees what a client sends and a server gets.
`masking/` hides secrets before they are written. `view` turns the events into what the page draws, and `words/` has one
sentence and one clause for each name. `serve` shows the page (`page/`) while the recording grows; `save` writes it as
one file.

Role: RP, RS, AS
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fapikit_viewer.recorder import Recorder
from fapikit_viewer.recording import Party, Recording
from fapikit_viewer.saved import save
from fapikit_viewer.view import FlowView, view_of

if TYPE_CHECKING:
    from fapikit_viewer.serving import Viewer, serve

__all__ = ["FlowView", "Party", "Recorder", "Recording", "Viewer", "save", "serve", "view_of"]


def __getattr__(name: str) -> object:
    """Imports the server at first use: recording and saving work without the `viewer` extra."""
    if name in ("Viewer", "serve"):
        from fapikit_viewer import serving

        return getattr(serving, name)
    raise AttributeError(name)
