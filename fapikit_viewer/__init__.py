"""Shows a flow: the messages between browser, client, authorization server and APIs, recorded and explained.

`Recording` is the file. `Recorder` writes to it for one party; `capture/` sees what a client sends and a server gets.
`masking/` hides secrets before they are written. `view` turns the events into what the page draws, and `words/` has one
sentence and one clause for each name.

Role: RP, RS, AS
"""

from fapikit_viewer.recorder import Recorder
from fapikit_viewer.recording import Party, Recording
from fapikit_viewer.view import FlowView, view_of

__all__ = ["FlowView", "Party", "Recorder", "Recording", "view_of"]
