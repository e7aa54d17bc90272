"""The name of a grant, as its server gave it.

Spec: GM 5.5, 6.3
Role: C
"""

from __future__ import annotations

import re
from typing import Any, Final

from fapikit.errors import ConfigurationError

_GRANT_ID: Final = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._~-]{1,512}\Z")


def is_grant_id(value: str) -> bool:
    """Whether a value is URL-safe, so that it can be the last part of a URL."""
    return _GRANT_ID.match(value) is not None


def require_grant_id(grant_id: Any) -> str:
    """Raises ConfigurationError for what can be no grant_id."""
    if not isinstance(grant_id, str) or not is_grant_id(grant_id):
        raise ConfigurationError(
            "grant_id must be what a token response had: give tokens.grant_id of a login with an action",
            clause="GM 5.5",
        )
    return grant_id
