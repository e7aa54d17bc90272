"""Refresh tokens: each contains its family and its number in it, under a MAC. One record keeps the state of a family.

So a family needs one record, however often it rotates, and reuse of one of its tokens is recognised at any age. The
reuse of a token is forgiven once: shortly after its use, and only while nobody has used its successor, because the
answer may have been lost. The first successor is then invalid.

Spec: RFC 6749 6; RFC 9700 2.2.2, 4.14.2; FAPI2-SP 5.3.2.1-9; RFC 9449 5d; RFC 8705 4
Role: AS
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, replace
from typing import Final

from askit.clients.client import Client
from askit.core import Core
from askit.errors import InvalidGrant
from askit.issuing.confirmation import Confirmation
from askit.record_store import Step
from askit.records import Grant, RefreshFamily, read_stored
from askit.users import grants as user_grants
from fapikit.secrets import random_token

RETRY_WINDOW: Final = 60.0
"""Seconds after its use during which the reuse of a rotated token is forgiven."""
_TOKEN: Final = re.compile(r"([\w-]{43})\.([0-9]{1,10})\.([\w-]{43})", re.ASCII)
_TRIES: Final = 3
"""After a lost swap, the token is seen as used, then as forgiven, then as neither."""


@dataclass(frozen=True, slots=True, repr=False)
class PresentedRefreshToken:
    """A token that this server issued: its family, its number there, and the state of the family."""

    name: str
    serial: int
    family: RefreshFamily


async def issue_refresh_token(
    core: Core, client: Client, grant: Grant, bound_to: Confirmation, *, later: list[Step[None]]
) -> str:
    """The first token of a family. `bound_to`: what the access token is bound to. Raises StoreError.

    It is not stored here. The step that stores it is added to `later`.
    """
    name = random_token(core.random_bytes)
    # RFC 9449 5d, RFC 8705 4: a public client's token is bound too. Others authenticate, and may change both (5e).
    own = bound_to if client.auth_method == "none" else Confirmation()
    family = RefreshFamily(
        client_id=grant.client_id,
        grant_id=grant.grant_id,
        expires_at=grant.expires_at,
        jkt=own.jkt,
        x5t=own.x5t,
        grant_version=grant.version,
    )
    owners = core.owners(client, grant.username)
    later.append(core.records.saving("refresh", name, family, grant.expires_at - core.clock(), owners))
    return await _token(core, name, 0)


async def find_refresh_token(core: Core, value: str) -> PresentedRefreshToken | None:
    """A token of this server with a known family. Raises StoreError."""
    parts = _TOKEN.fullmatch(value)
    if parts is None:
        return None
    name, serial = parts[1], int(parts[2])
    family = await core.records.load("refresh", name, RefreshFamily)
    if family is None or not hmac.compare_digest(value, await _token(core, name, serial)):
        return None
    return PresentedRefreshToken(name, serial, family)


async def use_refresh_token(core: Core, token: PresentedRefreshToken, *, rotated: bool) -> str | None:
    """Use a token. Returns its successor if it rotates. Reuse ends the grant and raises InvalidGrant."""
    if not rotated and token.serial == token.family.current:
        return None
    for _ in range(_TRIES):
        seen = await core.records.read("refresh", token.name)
        if seen is None:
            break
        family = read_stored("refresh", RefreshFamily, seen)
        after = _after(family, token.serial, core.clock())
        if after is None or not rotated:
            break
        lives = family.expires_at - core.clock()
        if await core.records.swap("refresh", token.name, seen, after.dump(), lives):
            return await _token(core, token.name, after.current)
    await user_grants.revoke(core, token.family.grant_id)
    raise InvalidGrant("this refresh token was used before: the grant is revoked", clause="RFC 9700 4.14.2")


def _after(family: RefreshFamily, serial: int, now: float) -> RefreshFamily | None:
    """The family after this token of it has been used. None: it may not be used."""
    successor = family.current + 1
    if serial == family.current:
        return replace(family, current=successor, used=serial, used_at=now, forgiven=False)
    forgivable = serial == family.used and not family.forgiven and now - family.used_at <= RETRY_WINDOW
    return replace(family, current=successor, forgiven=True) if forgivable else None


async def _token(core: Core, name: str, serial: int) -> str:
    return f"{name}.{serial}.{await core.keys.mac('refresh', f'{name} {serial}')}"
