"""What an authorization request says about the client's grants: an action and, to change a grant, its id.

Spec: GM 5.1, 5.2, 5.4
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from askit.clients.client import Client
from askit.clients.grant_management import ACTION_REQUIRED
from askit.core import Core
from askit.errors import InvalidGrantId, InvalidRequest, UnauthorizedClient
from fapikit.grant_management import CREATE, MERGE, REPLACE

ACTION: Final = "grant_management_action"
GRANT_ID: Final = "grant_id"
_REQUESTED: Final = (CREATE, MERGE, REPLACE)
_LONGEST: Final = 128


def read_action(core: Core, members: Mapping[str, Any], client: Client) -> dict[str, str | None]:
    """The two fields of an `AuthorizationRequest`. The grant itself is looked at by `require_changeable`.

    Raises InvalidRequest, UnauthorizedClient, InvalidGrantId.
    """
    action, grant_id = members.get(ACTION), members.get(GRANT_ID)
    if action is None:
        _require_none(core, client, grant_id)
        return {}
    if client.auth_method == "none":
        raise UnauthorizedClient(
            "a public client cannot manage grants: leave out grant_management_action", clause="GM 5.1"
        )
    if action not in _REQUESTED or action not in core.config.grant_management.actions:
        raise InvalidRequest(
            "grant_management_action is not one that this server supports: see its metadata", clause="GM 5.4"
        )
    if not client.may_manage(action):
        raise UnauthorizedClient(
            "this client is not registered for this grant_management_action", clause="GM 5.4"
        )
    if action == CREATE and grant_id is not None:
        raise InvalidRequest("create makes a new grant: leave out grant_id", clause="GM 5.4")
    if action != CREATE and grant_id is None:
        raise InvalidRequest(f"{action} needs grant_id: the grant to change", clause="GM 5.2")
    if grant_id is not None and len(grant_id) > _LONGEST:
        raise InvalidGrantId("grant_id is longer than any id of this server")
    return {ACTION: action, GRANT_ID: grant_id}


def _require_none(core: Core, client: Client, grant_id: str | None) -> None:
    if core.config.grant_management.action_required or client.flag(ACTION_REQUIRED):
        raise InvalidRequest("grant_management_action is missing: each request needs one", clause="GM 5.4")
    if grant_id is not None:
        raise InvalidRequest("grant_id needs a grant_management_action: merge or replace", clause="GM 5.4")
