"""A stored event as a signed security event token. It is signed whenever it is sent, with the key of that time.

Spec: RFC 8417 2.2; SSF 4.1.1, 4.1.2, 4.1.6, 4.1.7, 4.1.8
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from askit.core import Core
from askit.signals.streams import EventStream
from fapikit.jose.purposes import SECURITY_EVENT_TOKEN


def event_claims(
    core: Core, stream: EventStream, kind: str, members: Mapping[str, Any], subject: Mapping[str, Any]
) -> dict[str, Any]:
    """All claims but `jti`."""
    return {
        "iss": core.config.issuer,
        "aud": stream.client_id,
        "iat": int(core.clock()),
        "sub_id": dict(subject),
        "events": {kind: dict(members)},
    }


async def event_token(core: Core, claims: Mapping[str, Any]) -> str:
    """Raises StoreError, ConfigurationError."""
    return await core.sign(claims, SECURITY_EVENT_TOKEN)
