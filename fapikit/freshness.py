"""How long an HTTP response may be cached: by its headers, within limits of ours.

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


def fresh_for(response: HttpResponse, *, least: float, most: float, default: float) -> float:
    """The seconds for which the response is fresh. `default`: the result without a max-age in Cache-Control."""
    control = ", ".join(response.all("cache-control"))
    if _NOT_AT_ALL.search(control):
        return least
    match = _MAX_AGE.search(control)
    if match is None:
        return default
    return min(max(float(match[1]) - age_of(response), least), most)


def age_of(response: HttpResponse) -> float:
    """How long HTTP caches have kept the response, in seconds."""
    age = ", ".join(response.all("age"))
    return float(age) if _SECONDS.match(age) else 0.0
