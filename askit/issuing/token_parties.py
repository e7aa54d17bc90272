"""The client, the user and the grant that an access token needs: it has ended when one of them is gone.

Spec: RFC 9700 4.2.4; RFC 7662 2.2
Role: AS
"""

from __future__ import annotations

from askit.clients.client import Client
from askit.core import Core
from askit.users import grants as user_grants


async def find_parties(
    core: Core, client_id: str, audience: str, grant_id: str | None, username: str | None
) -> tuple[Client, ...] | None:
    """The client of a token and, if the user granted it to another one, that client; None if the token has ended.

    `username`: the user of a token without a grant. Raises StoreError.
    """
    client = await core.clients.find(client_id)
    if client is None:
        return None
    of_an_api = core.config.resource(audience) is not None
    if of_an_api and not core.config.can_reach(client, audience):
        return None
    if username is not None and core.users.find(username) is None:
        return None
    if grant_id is None:
        return (client,)
    grant = await user_grants.find(core, grant_id)
    if grant is None:
        return None
    if grant.client_id == client_id:
        return (client,)
    granted_to = await core.clients.find(grant.client_id)
    return None if granted_to is None else (client, granted_to)
