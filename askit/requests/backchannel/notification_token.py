"""The token with which this server shows at the client's notification endpoint that it is the one that was asked.

Spec: CIBA 7.1d; RFC 6750 2.1
Role: AS
"""

from __future__ import annotations

import re
from typing import Final

from askit.errors import InvalidRequest
from fapikit.secrets import Secret

NAME: Final = "client_notification_token"
_BEARER: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*\Z")
_LONGEST: Final = 1024
_SHORTEST: Final = 22
"""Characters of base64url that hold 128 bits."""
_DIFFERENT: Final = 8
"""Different characters. A random token has more; one that repeats a word or a digit has fewer."""


def read_notification_token(value: object) -> Secret:
    """The token of a ping or push client. Raises InvalidRequest."""
    if value is None:
        raise InvalidRequest(f"{NAME} is missing: ping and push need it", clause="CIBA 7.1d")
    if not isinstance(value, str) or len(value) > _LONGEST or not _BEARER.match(value):
        raise InvalidRequest(
            f"{NAME} must be a bearer token of at most {_LONGEST} characters", clause="CIBA 7.1d"
        )
    if len(value) < _SHORTEST or len(set(value)) < _DIFFERENT:
        raise InvalidRequest(f"{NAME} can be guessed: make it of 128 random bits or more", clause="CIBA 7.1d")
    return Secret(value)
