"""none: a public client, if the profile allows it. It proves nothing. PKCE and bound tokens protect it.

Spec: RFC 6749 2.1; RFC 9700 2.1.1a; FAPI2-SP 5.3.2.1-3; FAPI1-BL 5.2.2-2
Role: AS
"""

from __future__ import annotations

from starlette.requests import Request

from askit.clients.client import Client
from askit.core import Core
from fapikit.parameters import Parameters


async def check(_server: Core, _request: Request, _parameters: Parameters, _client: Client) -> None:
    """Nothing to check. It is checked before that the profile allows this method, as for every method."""
