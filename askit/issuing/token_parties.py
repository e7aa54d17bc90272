"""The client, the user and the grant that an access token needs: it has ended when one of them is gone.

Spec: RFC 9700 4.2.4; RFC 7662 2.2
Role: AS
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from askit.clients.client import Client
from askit.config.settings import Config
from askit.core import Core
from askit.records import AccessToken, Grant
from askit.users import grants as user_grants


class Parties(NamedTuple):
    """The client of a token and, if the user granted it to another one, that client. `grant`: what the user granted."""

    clients: tuple[Client, ...]
    grant: Grant | None = None


async def find_parties(
    core: Core, client_id: str, audience: str, grant_id: str | None, username: str | None
) -> Parties | None:
    """Whose a token is; None if the token has ended.

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
        return Parties((client,))
    grant = await user_grants.find(core, grant_id)
    if grant is None:
        return None
    if grant.client_id == client_id:
        return Parties((client,), grant)
    granted_to = await core.clients.find(grant.client_id)
    return None if granted_to is None else Parties((client, granted_to), grant)


def left_by(config: Config, record: AccessToken, grant: Grant) -> AccessToken | None:
    """The token with what its grant still has after a merge or a replacement.

    None: nothing, or its grant no longer reaches the API of this token.
    """
    scopes = tuple(scope for scope in record.scopes if scope in grant.scopes)
    details = tuple(
        detail for detail in record.authorization_details if detail in grant.authorization_details
    )
    nothing_left = not scopes and not details and bool(record.scopes or record.authorization_details)
    of_an_api = config.resource(record.audience) is not None
    if nothing_left or (of_an_api and record.audience not in user_grants.reached(config, grant)):
        return None
    return replace(record, scopes=scopes, authorization_details=details)
