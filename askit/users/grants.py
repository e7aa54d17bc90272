"""What users have granted to clients: written at the decision, listed on a page, revoked there.

A grant is valid while its record exists. Removing the record ends its codes, refresh tokens and access tokens. Each
user's decisions form a chain in the store, newest first. Its head is replaced by a swap, so no list grows in one
record. A grant that was merged or replaced is in the chain again, and is shown where it was last changed.

Spec: RFC 9700 4.2.4; FAPI1-BL 5.2.2-18; FAPI2-SP 6.8; RFC 8252 8.6
Role: AS
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from askit.clients.client import Client
from askit.config.settings import Config
from askit.core import Core
from askit.errors import InvalidGrant
from askit.record_store import Step
from askit.records import (
    Agreement,
    AuthorizationRequest,
    Grant,
    GrantUse,
    Owners,
    PushedRequest,
    read_stored,
)
from askit.requests.details_ends import not_ended
from askit.signals.announce import Announced, announce
from askit.signals.happened import GrantEnded
from askit.users.claims import SCOPE_CLAIMS, asks_for_verified_claims, claims_by_name
from fapikit.errors import StoreError, StoreUnavailable

SHOWN: Final = 100
_WALKED: Final = 1000
_TRIES: Final = 200
_LOOKED_BACK: Final = 20
"""Among so many of a user's newest grants one for the same client is looked for, to be named at consent."""
_USE_STEP: Final = 60.0
"""Seconds. The last use of a grant is written at most so often."""


def reading_head(core: Core, username: str) -> Step[bytes | None]:
    """Reads the newest grant of a user, for `remember`."""
    return core.records.reading("grants-of", username)


async def remember(
    core: Core,
    grant: Grant,
    owners: Owners,
    *others: Step[None],
    newest: bytes | None = None,
    seen: bytes | None = None,
    first: Step[bool] | None = None,
) -> bool:
    """Keep a grant and the agreement behind it; then do other steps, in the same trip. Raises StoreError.

    `newest`: what `reading_head` found just now. If it is not the newest any more, it is read again. `seen`: the record
    of the grant that this one takes the place of. `first`: a swap that must succeed before anything is kept. False, and
    nothing is kept: it is not that record any more, or that swap was lost.
    """
    records, ttl = core.records, grant.expires_at - core.clock()
    listed = core.config.grant_lifetime  # a merged grant may end before others that are found through it
    agreed = Agreement(scopes=grant.scopes, claims=tuple(sorted(claims_by_name(grant.claims))))
    keeping: Step[Any] = records.saving("grant", grant.grant_id, grant, ttl, owners)
    if seen is not None:
        keeping = records.swapping("grant", grant.grant_id, seen, grant.dump(), max(ttl, 1.0))
    steps = [keeping, records.saving("agreed", f"{grant.username}\0{grant.client_id}", agreed, ttl)]
    if first is not None:
        steps.insert(0, first)
    begun = steps[0]
    for _ in range(_TRIES):
        if newest is not None:
            steps.append(records.writing("grant-before", grant.decision, newest, listed, owners))
        steps.append(records.swapping("grants-of", grant.username, newest, grant.decision.encode(), listed))
        results = await records.together(*steps, *others)
        if steps[0] is begun and results[0] is False:
            return False
        if results[len(steps) - 1]:
            return True
        newest, steps = await records.do(reading_head(core, grant.username)), []
    raise StoreUnavailable("too many grants of one user at the same time")


async def find(core: Core, grant_id: str) -> Grant | None:
    """A valid grant: not revoked, and of a user who still exists. Raises StoreError."""
    grant = await core.records.load("grant", grant_id, Grant)
    return None if grant is None or core.users.find(grant.username) is None else without_ended(core, grant)


def without_ended(core: Core, grant: Grant) -> Grant:
    """The grant without the details that have ended before it."""
    left = not_ended(grant.authorization_details, core.config, core.clock())
    return grant if left == grant.authorization_details else replace(grant, authorization_details=left)


async def find_decision(core: Core, decision: str) -> Grant | None:
    """The valid grant, if nothing was decided about it since this decision. Raises StoreError."""
    grant = await find(core, _id_of(decision))
    return None if grant is None or grant.decision != decision else grant


def require_version(grant: Grant, version: int) -> None:
    """Raise InvalidGrant for what was issued before the grant was merged or replaced."""
    if grant.version != version:
        raise InvalidGrant(
            "this grant was merged or replaced since: use the tokens of that request", clause="GM 5.2"
        )


def reached(config: Config, grant: Grant) -> tuple[str, ...]:
    """The APIs of a grant: those that the request named, else those of its scopes and details."""
    if grant.resources:
        return grant.resources
    types = {detail["type"] for detail in grant.authorization_details}
    of_types = {
        uri for known in config.authorization_details_types if known.type in types for uri in known.resources
    }
    return tuple(
        resource.uri
        for resource in config.resources
        if set(resource.scopes) & set(grant.scopes) or resource.uri in of_types
    )


def noting_first_use(core: Core, grant: Grant, owners: Owners) -> Step[None]:
    """Stores that a grant is used now, when its first tokens are issued."""
    use = GrantUse(at=core.clock())
    return core.records.saving("grant-use", grant.grant_id, use, core.config.grant_lifetime, owners)


async def note_use(core: Core, grant_id: str, owners: Owners = ()) -> None:
    """Store when a grant was used. Nothing depends on it, so a failing store only causes a line in the log.

    `owners` are charged for the record once, when its first token is issued.
    """
    try:
        seen, now = await core.records.read("grant-use", grant_id), core.clock()
        if seen is not None and now - read_stored("grant-use", GrantUse, seen).at < _USE_STEP:
            return
        new = GrantUse(at=now).dump()
        # If the swap is lost, another process has stored the same minute.
        await core.records.swap("grant-use", grant_id, seen, new, core.config.grant_lifetime, owners)
    except StoreError as error:
        core.log.warning("the time of a grant's last use was not stored: %s", error)


async def last_use(core: Core, grant_id: str) -> float | None:
    """When a token of this grant was last issued or introspected; None: never. Raises StoreError."""
    use = await core.records.load("grant-use", grant_id, GrantUse)
    return None if use is None else use.at


def still_open_to(client: Client, grant: Grant, config: Config) -> Grant:
    """What `left_to` leaves. Raises InvalidGrant if that is nothing."""
    left = left_to(client, grant, config)
    if not left.scopes and not left.authorization_details:
        raise InvalidGrant("this client may no longer have anything of this grant")
    return left


def left_to(client: Client, grant: Grant, config: Config) -> Grant:
    """The part of a grant that its client may still have; its registration or the policy may be narrower now."""
    return replace(
        grant,
        scopes=tuple(filter(client.may_have_scope, grant.scopes)),
        resources=tuple(uri for uri in grant.resources if config.can_reach(client, uri)),
        authorization_details=tuple(
            detail for detail in grant.authorization_details if client.may_have_details(detail["type"])
        ),
    )


async def agreed_before(core: Core, username: str, request: AuthorizationRequest, client: Client) -> bool:
    """Whether this user agreed to these scopes and claims for this client before.

    Details and verified claims are asked for every time.
    """
    if (
        request.authorization_details
        or asks_for_verified_claims(request.claims)
        or "consent" in request.prompt
    ):
        return False
    # RFC 8252 8.6: another app may use a public client's loopback port or scheme, so the user decides each time.
    at_home = isinstance(request, PushedRequest) and request.redirect_uri.startswith("https:")
    if client.auth_method == "none" and not at_home:
        return False
    agreed = await core.records.load("agreed", f"{username}\0{request.client_id}", Agreement)
    if agreed is None:
        return False
    claims = {name for scope in agreed.scopes for name in SCOPE_CLAIMS.get(scope, ())}
    return set(request.scopes) <= set(agreed.scopes) and claims_by_name(request.claims) <= claims.union(
        agreed.claims
    )


async def grants_of(core: Core, username: str, *, start: str | None = None) -> tuple[list[Grant], str | None]:
    """One page of a user's valid grants, newest first, and the `start` of the next page."""
    found: list[Grant] = []
    link = await core.records.marked("grants-of", username) if start is None else start
    for _ in range(_WALKED):
        if link is None or len(found) == SHOWN:
            break
        here = link
        grant, link = await core.records.together(*_reading_link(core, here))
        # `start` may name another user's grant. A grant that was changed since is further up in the list.
        if grant is not None and grant.username == username and grant.decision == here:
            found.append(without_ended(core, grant))
    return found, link


async def latest_of(core: Core, username: str, client: Client) -> tuple[Grant, float | None] | None:
    """The newest live grant of this user for this client, and when it was last used.

    It is only shown: a store that fails costs a line in the log.
    """
    try:
        link = await core.records.marked("grants-of", username)
        for _ in range(_LOOKED_BACK):
            if link is None:
                break
            here = link
            use = core.records.loading("grant-use", _id_of(here), GrantUse)
            grant, link, used = await core.records.together(*_reading_link(core, here), use)
            if grant is not None and grant.client_id == client.client_id and grant.decision == here:
                return grant, None if used is None else used.at
    except StoreError as error:
        core.log.warning("earlier grants are not shown at consent: %s", error)
    return None


def _reading_link(core: Core, decision: str) -> tuple[Step[Grant | None], Step[str | None]]:
    """Reads the grant of a decision in the chain, and the decision before it."""
    grant = core.records.loading("grant", _id_of(decision), Grant)
    return grant, core.records.reading_mark("grant-before", decision)


def _id_of(decision: str) -> str:
    return decision.partition("~")[0]


async def end(core: Core, grant_id: str, username: str) -> bool:
    """End a grant of this user. Returns whether there was one."""
    grant = await core.records.load("grant", grant_id, Grant)
    if grant is None or grant.username != username:
        return False
    await _remove(core, grant)
    await core.records.remove("agreed", f"{username}\0{grant.client_id}")
    return True


async def revoke(core: Core, grant_id: str) -> None:
    """End a grant, whoever's it is: its client has revoked it, or what was issued for it was used twice."""
    if core.config.shared_signals is None:
        await core.records.remove("grant", grant_id)
    elif (grant := await core.records.load("grant", grant_id, Grant)) is not None:
        await _remove(core, grant)


async def _announce_end(core: Core, grant: Grant) -> Announced:
    if core.config.shared_signals is None:
        return Announced(core)
    client = await core.clients.at_hand(grant.client_id)  # nobody's document must hold up the end of a grant
    return await announce(core, GrantEnded(grant=grant, client=client, reached=reached(core.config, grant)))


async def _remove(core: Core, grant: Grant) -> None:
    announced = await _announce_end(core, grant)
    await core.records.remove("grant", grant.grant_id)
    await announced.deliver()
