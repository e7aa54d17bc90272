"""Refresh tokens: each names its family and its place there, under a MAC, and one record keeps what is known of all.

So a family takes one record however often it rotates, and a token of it that comes again is recognised at any age. One
that was used is forgiven once, shortly after and while nobody used its successor: the answer was lost. Its first
successor dies then.

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
from askit.records import Grant, RefreshFamily, read_stored
from fapikit.secrets import random_token

RETRY_WINDOW: Final = 60.0
"""How long after its use a rotated token is still forgiven."""
_TOKEN: Final = re.compile(r"([\w-]{43})\.([0-9]{1,10})\.([\w-]{43})", re.ASCII)
_TRIES: Final = 3
"""Whoever loses a swap finds the token used, then forgiven, then neither."""


@dataclass(frozen=True, slots=True, repr=False)
class PresentedRefreshToken:
    """A token that this server made: its family, its place there, and what is known of the family."""

    name: str
    serial: int
    family: RefreshFamily


async def issue_refresh_token(core: Core, client: Client, grant: Grant, bound_to: Confirmation) -> str:
    """The first token of a family; `bound_to`: what the access token beside it is. Raises StoreError."""
    name = random_token(core.random_bytes)
    # RFC 9449 5d, RFC 8705 4: a public client's is bound as well; others prove themselves, and may change both (5e).
    own = bound_to if client.auth_method == "none" else Confirmation()
    family = RefreshFamily(
        client_id=grant.client_id,
        grant_id=grant.grant_id,
        expires_at=grant.expires_at,
        jkt=own.jkt,
        x5t=own.x5t,
    )
    owners = core.owners(client, grant.username)
    await core.records.save("refresh", name, family, grant.expires_at - core.clock(), owners)
    return await _token(core, name, 0)


async def find_refresh_token(core: Core, value: str) -> PresentedRefreshToken | None:
    """A token of this server, whose family is still known. Raises StoreError."""
    parts = _TOKEN.fullmatch(value)
    if parts is None:
        return None
    name, serial = parts[1], int(parts[2])
    family = await core.records.load("refresh", name, RefreshFamily)
    if family is None or not hmac.compare_digest(value, await _token(core, name, serial)):
        return None
    return PresentedRefreshToken(name, serial, family)


async def use_refresh_token(core: Core, token: PresentedRefreshToken, *, rotated: bool) -> str | None:
    """Its successor, if it is to have one. Raises InvalidGrant, and ends the grant, for one that was used before."""
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
    await core.records.remove("grant", token.family.grant_id)
    raise InvalidGrant("this refresh token was used before: the grant is revoked", clause="RFC 9700 4.14.2")


def _after(family: RefreshFamily, serial: int, now: float) -> RefreshFamily | None:
    """The family once this token of it has a successor; None: it may have none."""
    successor = family.current + 1
    if serial == family.current:
        return replace(family, current=successor, used=serial, used_at=now, forgiven=False)
    forgivable = serial == family.used and not family.forgiven and now - family.used_at <= RETRY_WINDOW
    return replace(family, current=successor, forgiven=True) if forgivable else None


async def _token(core: Core, name: str, serial: int) -> str:
    return f"{name}.{serial}.{await core.keys.mac('refresh', f'{name} {serial}')}"
