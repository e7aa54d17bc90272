"""What a client registers about its grants. Both members are our own: the specification has none.

Spec: GM 5.1, 7.1
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from askit.errors import InvalidClientMetadata
from fapikit.grant_management import ACTIONS as KNOWN

ACTIONS: Final = "grant_management_actions"
"""The actions that the client may use. Left out: all that the server has."""
ACTION_REQUIRED: Final = "grant_management_action_required"
"""Whether each authorization request of the client must have an action."""


def check_grant_management(members: Mapping[str, Any]) -> None:
    """Check the values of members with correct types. Raises InvalidClientMetadata."""
    for action in members.get(ACTIONS, ()):
        if action not in KNOWN:
            raise InvalidClientMetadata(
                f"{ACTIONS} has an unknown action: use {', '.join(KNOWN)}", clause="GM 7.1"
            )
    public = members.get("token_endpoint_auth_method") == "none"
    if public and (members.get(ACTIONS) or members.get(ACTION_REQUIRED)):
        raise InvalidClientMetadata(
            f"{ACTIONS} and {ACTION_REQUIRED} need a client that authenticates: token_endpoint_auth_method is none",
            clause="GM 5.1",
        )
