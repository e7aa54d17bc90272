"""Says in a whole sentence for the user what went wrong. The details for a developer are in the log.

Role: AS
"""

from __future__ import annotations

from typing import Final

from askit.errors import InvalidRequestUri, NoSuchEndpoint, ShareTaken, StaleForm, TooManyAttempts
from fapikit.errors import FapiError

_KEYS: Final[tuple[tuple[type[FapiError], str], ...]] = (
    (StaleForm, "refused_stale_form"),
    (TooManyAttempts, "refused_too_many_attempts"),
    (InvalidRequestUri, "refused_request_uri"),
    (ShareTaken, "refused_share_taken"),
    (NoSuchEndpoint, "refused_no_page"),
)


def describe_refusal(error: FapiError, status: int) -> str:
    """The key of the sentence, by the class of the error, else by the status of the answer."""
    for kind, key in _KEYS:
        if isinstance(error, kind):
            return key
    if status == 503:
        return "refused_unavailable"
    if status >= 500:
        return "refused_server_error"
    return "refused_request"
