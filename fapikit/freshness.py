"""How long an HTTP answer may be kept, by its own headers and within bounds of ours.

Spec: RFC 9111 5.1, 5.2.2
Role: C, AS, RS
"""

from __future__ import annotations

import re
from typing import Final

from fapikit.http_message import HttpResponse

_SECONDS: Final = re.compile(r"\d{1,9}\Z")
_MAX_AGE: Final = re.compile(r"(?:^|[,\s])max-age=(\d{1,9})(?:$|[,\s])", re.IGNORECASE)
_NOT_AT_ALL: Final = re.compile(r"(?:^|[,\s])no-(?:store|cache)(?:$|[,\s])", re.IGNORECASE)


def fresh_for(response: HttpResponse, *, least: float, most: float, unsaid: float) -> float:
    """Seconds for which the answer serves without another look; `unsaid`: where Cache-Control says nothing of it."""
    control = ", ".join(response.all("cache-control"))
    if _NOT_AT_ALL.search(control):
        return least
    match = _MAX_AGE.search(control)
    if match is None:
        return unsaid
    return min(max(float(match[1]) - age_of(response), least), most)


def age_of(response: HttpResponse) -> float:
    """How long a cache on the way has kept it, in seconds."""
    age = ", ".join(response.all("age"))
    return float(age) if _SECONDS.match(age) else 0.0
