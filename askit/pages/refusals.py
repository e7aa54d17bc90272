"""What went wrong, in a whole sentence for a customer; what a developer needs stands in the log.

Role: AS
"""

from __future__ import annotations

from typing import Final

from askit.errors import InvalidRequestUri, ShareTaken, StaleForm, TooManyAttempts
from fapikit.errors import FapiError

_SENTENCES: Final[tuple[tuple[type[FapiError], str], ...]] = (
    (
        StaleForm,
        "This page belongs to an earlier visit, to another browser, or to one that keeps no cookies.",
    ),
    (TooManyAttempts, "There were too many attempts to sign in. Please wait a while before you try again."),
    (
        InvalidRequestUri,
        "This page was open for too long, or it does not belong to a request that is under way.",
    ),
    (ShareTaken, "There is too much under way at once. Please try again in a few minutes."),
)


def describe_refusal(error: FapiError, status: int) -> str:
    """The sentence, by the kind of the error, else by the status of the answer."""
    for kind, sentence in _SENTENCES:
        if isinstance(error, kind):
            return sentence
    if status == 503:
        return "The bank cannot answer right now. Please try again in a moment."
    if status >= 500:
        return "Something went wrong at the bank. This is not your fault."
    return "The application sent you here with a request that the bank cannot accept."
