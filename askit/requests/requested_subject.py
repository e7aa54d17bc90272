"""The one user that a request may name: by an earlier ID token (`id_token_hint`), or by the value of the claim `sub`.

Such a request is answered only for that user: never silently for another session, nor after another user's sign-in.

Spec: OIDC 3.1.2.1, 3.1.2.2, 5.5.1
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from askit.clients.client import Client
from askit.core import Core
from askit.errors import InvalidRequest
from askit.issuing.id_token import verify_own_id_token
from askit.users.subjects import own_subject
from fapikit.claim_requests import PLACES, accepted_values, wishes_of
from fapikit.errors import JwtError
from fapikit.jose.claims import audiences_of
from fapikit.jose.parse import parse_jws
from fapikit.jose.purposes import ID_TOKEN


async def read_subjects(core: Core, members: Mapping[str, Any], client: Client) -> tuple[str, ...]:
    """The users' own subjects for whom a request may be answered. Empty: any. Raises InvalidRequest, StoreError.

    The client names each user by the `sub` that it knows.
    """
    named = _claimed(members)
    hint = members.get("id_token_hint")
    if hint is None:
        return tuple(own_subject(core, client, sub) for sub in named)
    hinted = await hinted_subject(core, hint, client)
    if named and hinted not in named:
        raise InvalidRequest("id_token_hint and claims name different users", clause="OIDC 3.1.2.2")
    return (own_subject(core, client, hinted),)


def _claimed(members: Mapping[str, Any]) -> tuple[str, ...]:
    """The values that are requested of the claim `sub`, in all places where it has some. Empty: any."""
    asked = [accepted_values(wishes_of(members.get("claims"), place).get("sub")) for place in PLACES]
    first, *others = [values for values in asked if values is not None] or [[]]
    if not all(isinstance(value, str) for values in (first, *others) for value in values):
        raise InvalidRequest("the value of the claim sub must be a string", clause="OIDC 5.5.1")
    named = tuple(value for value in first if all(value in values for values in others))
    if first and not named:
        raise InvalidRequest("claims name different users for UserInfo and the ID token", clause="OIDC 5.5.1")
    return named


async def hinted_subject(core: Core, hint: str, client: Client) -> str:
    """The subject of an ID token that this server issued to this client, at any time. Raises InvalidRequest."""
    try:
        claims = await verify_own_id_token(core, hint, client)
    except JwtError as error:
        raise InvalidRequest(
            "id_token_hint must be an ID token of this server for this client", clause="OIDC 3.1.2.2"
        ) from error
    subject = claims.get("sub")
    if not isinstance(subject, str):
        raise InvalidRequest("id_token_hint has no sub", clause="OIDC 3.1.2.2")
    return subject


def hinted_client(core: Core, hint: str) -> str:
    """The client that the ID token names. It is not verified; `hinted_subject` does that. Raises InvalidRequest."""
    try:
        named = audiences_of(parse_jws(hint, ID_TOKEN, core.signing_algorithms).unverified_claims, ID_TOKEN)
    except JwtError as error:
        raise InvalidRequest(
            "id_token_hint must be an ID token of this server", clause="OIDC 3.1.2.2"
        ) from error
    return named[0]
