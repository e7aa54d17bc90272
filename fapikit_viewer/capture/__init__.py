"""Writes down messages: `http_client` what a client of httpx or httpx2 sends, `asgi` and `wsgi` what a server receives.

Both sides may record the same message. The client's recorder adds a header field with an id (`Fapikit-Recorded`), which
the server's recorder takes over, so that the view shows the message once. The id is no secret.

Role: RP, RS, AS
"""

from __future__ import annotations

from typing import Final

MARK: Final = "fapikit-recorded"
"""The header field with the id of a message that its sender has recorded."""
