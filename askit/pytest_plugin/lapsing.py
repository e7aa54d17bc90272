"""Lets a waiting request end at once, undecided: then a test of what follows needs no clock.

Spec: RFC 8628 3.5; CIBA 11
Role: AS
"""

from __future__ import annotations

from dataclasses import replace

from askit.core import Core
from askit.decoupled.waiting import remembered_for, uri_of
from askit.requests.request_uris import find_waiting_request
from fapikit.secrets import Secret


async def let_lapse(core: Core, secret: str | Secret) -> None:
    """`secret`: the `device_code` or `auth_req_id`. Raises ValueError if this server keeps no such request."""
    uri = uri_of(secret.reveal() if isinstance(secret, Secret) else secret)
    request = await find_waiting_request(core, uri)
    if request is None:
        raise ValueError("no request waits here under this device_code or auth_req_id")
    ended = replace(request, expires_at=core.clock())
    await core.records.save("request", uri, ended, remembered_for(core, ended.expires_at))
