"""What the signature of an answer replaces, and the answer in the place of one that cannot be signed.

Spec: FAPI2-HS 2.1-1; RFC 9110 15.6.1
Role: RS
"""

from __future__ import annotations

import json
from typing import Final

from fapikit.http_message import Headers
from rskit.answers.trace import LOGGER

OURS: Final = frozenset({"content-digest", "signature-input", "signature"})
"""The fields of an answer that its signature brings. Those that the application has set are replaced."""
BODILESS: Final = frozenset({204, 304})
"""The statuses of answers without a body."""
_BODY: Final = json.dumps(
    {"error": "server_error", "error_description": "the answer cannot be signed"}, separators=(",", ":")
).encode()


def refused_answer(limit: int) -> tuple[int, Headers, bytes]:
    """The status, headers and body. The log names the setting."""
    LOGGER.error(
        "an answer is a stream or longer than %d octets, so it cannot be signed, and the client gets status 500: raise "
        'HttpSignatures(body=), or let such answers pass without a signature with streams="unsigned" '
        "[FAPI2-HS 2.1-1]",
        limit,
    )
    headers = (
        ("content-type", "application/json"),
        ("cache-control", "no-store"),
        ("content-length", str(len(_BODY))),
    )
    return 500, headers, _BODY
