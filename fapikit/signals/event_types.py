"""The URIs of the events that are understood here, and of the two ways of delivery; the scopes of receivers.

Spec: CAEP 3.1, 3.2, 3.3; SSF 6.1, 8.1.4, 8.1.5
"""

from __future__ import annotations

from typing import Final

_CAEP: Final = "https://schemas.openid.net/secevent/caep/event-type/"
_SSF: Final = "https://schemas.openid.net/secevent/ssf/event-type/"

SESSION_REVOKED: Final = f"{_CAEP}session-revoked"
TOKEN_CLAIMS_CHANGE: Final = f"{_CAEP}token-claims-change"
CREDENTIAL_CHANGE: Final = f"{_CAEP}credential-change"
VERIFICATION: Final = f"{_SSF}verification"
STREAM_UPDATED: Final = f"{_SSF}stream-updated"

ABOUT_THE_STREAM: Final = frozenset({VERIFICATION, STREAM_UPDATED})

READ_SCOPE: Final = "ssf.read"
"""Of the token with which a receiver fetches its events, and reads its stream."""
MANAGE_SCOPE: Final = "ssf.manage"
"""Of the token with which a receiver does all with its stream."""

PUSH: Final = "urn:ietf:rfc:8935"
POLL: Final = "urn:ietf:rfc:8936"
