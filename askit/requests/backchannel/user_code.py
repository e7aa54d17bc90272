"""The user code: a secret of the user without which nobody can have this user's phone ring.

A user who has one is asked only if the request has it. A user who has none is asked in any case, so a code is ignored.

Spec: CIBA 4c, 4d, 7.1.2, 13a
Role: AS
"""

from __future__ import annotations

from askit.clients.client import Client
from askit.config.values import User
from askit.core import Core
from askit.errors import InvalidRequest, InvalidUserCode, MissingUserCode


async def require_user_code(core: Core, user: User, code: object, client: Client) -> None:
    """Raise MissingUserCode, InvalidUserCode; TooManyAttempts if a limit of guesses is reached; StoreError."""
    if user.user_code is None:
        return
    if code is None:
        raise MissingUserCode("this user is only asked with the user_code")
    if not isinstance(code, str):
        raise InvalidRequest("user_code must be a string", clause="CIBA 7.1")
    # The place that guesses come from is the client: its requests come from its servers.
    if not await core.users.check_user_code(user.username, code, address=f"client {client.client_id}"):
        raise InvalidUserCode("user_code is wrong")
