"""The reason for a refusal in the operator's log: error class, clause and log-safe facts. The client sees much less.

A client cannot create new labels: they are class names, configured issuer names, and the two schemes.

Spec: FAPI1-BL 6.2.1-12; RFC 9700 4.9.3 (RS-21)
Role: RS
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import Final

from fapikit.errors import KeyUndecided, NonceRequired
from rskit.answers.hints import hint_for
from rskit.decision import Refusal
from rskit.errors import NoCredentials

LOGGER: Final = logging.getLogger("rskit")
_LINE_BREAKING: Final = re.compile(r"[^\x20-\x7e]")
"""A message may name members of the request's body. Their names must not start a new line of the log."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One refusal. `facts` are safe to log. `interaction_id` connects it with the client's own log.

    A path may name an account or a customer, so it is in the facts of errors about the URL alone.
    """

    reason: str
    status: int
    code: str | None
    clause: str
    message: str
    scheme: str | None
    method: str
    interaction_id: str | None
    facts: dict[str, str]
    hint: str | None = None
    """The setting that would accept this, if the operator's authorization server writes its tokens so on purpose."""

    def __str__(self) -> str:
        facts = "".join(f" {name}={value!r}" for name, value in self.facts.items())
        hint = f" ({self.hint})" if self.hint else ""
        rule = f" [{self.clause}]" if self.clause else ""
        asked = f" interaction_id={self.interaction_id!r}" if self.interaction_id else ""
        return f"{self.status} {self.reason}{rule} {self.message}{facts}{hint}{asked}"


def record(refusal: Refusal, *, scheme: str | None, method: str, interaction_id: str | None) -> None:
    """Log one refusal: expected ones at DEBUG, other refusals at INFO, our own outages at WARNING."""
    level = level_of(refusal)
    if LOGGER.isEnabledFor(level):
        trace = trace_of(refusal, scheme=scheme, method=method, interaction_id=interaction_id)
        LOGGER.log(level, "refused: %s", trace, extra={"rskit": trace})


def trace_of(refusal: Refusal, *, scheme: str | None, method: str, interaction_id: str | None) -> Trace:
    error = refusal.error
    return Trace(
        type(error).__name__,
        refusal.status,
        error.code,
        error.clause,
        _LINE_BREAKING.sub("?", error.message),
        scheme,
        method if method.isalpha() and len(method) <= 10 else "other",
        None if interaction_id is None else _LINE_BREAKING.sub("?", interaction_id[:36]),
        dict(error.facts),
        hint_for(error),
    )


def level_of(refusal: Refusal) -> int:
    error = refusal.error
    if refusal.status == 503 and not isinstance(error, KeyUndecided):  # anybody can cause it by a kid
        return logging.WARNING
    return logging.DEBUG if isinstance(error, NoCredentials | NonceRequired) else logging.INFO
