"""Merging and replacing: a later decision of the same user changes what a client's grant holds, under the same id.

A merge adds what was consented to, and what the grant had stays as long as it was granted for. A replacement leaves
only what was consented to now, for a new lifetime. Both end all refresh tokens and codes of the grant, because they are
of an older version. An access token keeps what the grant still has; see `askit.issuing.tokens`.

Spec: GM 5.2, 5.2a, 5.2b, 5.4; RFC 9396 12
Role: AS
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from askit.clients.client import Client
from askit.config.details_types import CONSENT_EXPIRES_AT
from askit.config.settings import Config
from askit.config.values import User
from askit.core import Core
from askit.errors import InvalidAuthorizationDetails, InvalidGrantId, InvalidRequest, InvalidTarget
from askit.record_store import Step
from askit.records import AuthorizationRequest, Grant, Owners, read_stored
from askit.requests.authorization_details import MAX_DETAILS, details_for
from askit.requests.details_ends import last_end, require_ends
from askit.requests.request_uris import require_room
from askit.signals.announce import Announced, announce
from askit.signals.happened import grant_replaced
from askit.users import grants as user_grants
from fapikit import strict_json
from fapikit.claim_requests import VERIFIED_CLAIMS
from fapikit.errors import StoreUnavailable
from fapikit.grant_management import MERGE
from fapikit.verified_claims.requested import MAX_REQUESTED

_TRIES: Final = 20


class ManagedGrant(NamedTuple):
    """A grant that its client was given the id of, and its record as it was read."""

    grant: Grant
    seen: bytes


async def require_changeable(core: Core, request: AuthorizationRequest, client: Client) -> None:
    """Check, before any user is asked, that this client may change the grant that its request names, if it names one,
    and that the grant can last as long as the request's details.

    Raises InvalidGrantId, InvalidAuthorizationDetails, StoreError; what a merge cannot hold: InvalidTarget,
    InvalidRequest, TooLarge.
    """
    managed = await read(core, request, client, None)
    require_lasting(core, request, managed)
    if managed is None:
        return
    if request.subjects and managed.grant.sub not in request.subjects:
        raise _not_theirs()
    if request.grant_management_action == MERGE:
        asked = replace(
            managed.grant,
            scopes=request.scopes,
            resources=request.resources,
            authorization_details=request.authorization_details,
            claims=request.claims,
        )
        require_room(_changed(core.config, request, managed.grant, asked), core.config.limits)


async def read(
    core: Core, request: AuthorizationRequest, client: Client, user: User | None
) -> ManagedGrant | None:
    """The grant that a request is to change; None: it changes none. `user`: who decides, once that is known.

    Raises InvalidGrantId, StoreError.
    """
    if request.grant_id is None:
        return None
    seen = await core.records.read("grant", request.grant_id)
    grant = None if seen is None else read_stored("grant", Grant, seen)
    if seen is None or grant is None or not grant.managed or grant.client_id != client.client_id:
        raise _not_theirs()
    if core.users.find(grant.username) is None or (user is not None and user.username != grant.username):
        raise _not_theirs()
    return ManagedGrant(user_grants.without_ended(core, grant), seen)


def ends_at(core: Core, request: AuthorizationRequest, managed: ManagedGrant | None) -> float:
    """When the grant of this request ends, if it is decided now. A merge lengthens nothing that was granted before.

    The grant of a lodged intent ends when that does.
    """
    if request.intent_id is not None:
        return float(request.authorization_details[0][CONSENT_EXPIRES_AT])
    latest = _latest_end(core, request, managed)
    merged = managed is not None and request.grant_management_action == MERGE
    return latest if merged else last_end(request.authorization_details, core.config, latest)


def require_lasting(core: Core, request: AuthorizationRequest, managed: ManagedGrant | None) -> None:
    """Raise InvalidAuthorizationDetails for a detail whose end is over, or later than that of its grant can be."""
    latest = _latest_end(core, request, managed)
    require_ends(request.authorization_details, core.config, now=core.clock(), latest=latest)


def _latest_end(core: Core, request: AuthorizationRequest, managed: ManagedGrant | None) -> float:
    if managed is not None and request.grant_management_action == MERGE:
        return managed.grant.expires_at
    return core.clock() + core.config.grant_lifetime


async def change(
    core: Core,
    request: AuthorizationRequest,
    decided: Grant,
    managed: ManagedGrant,
    owners: Owners,
    answer: Callable[[Grant], Step[None]],
    *,
    newest: bytes | None,
) -> Grant:
    """Store the changed grant; in the same trip, what `answer` makes of it. `decided`: what the user agreed to now.

    Raises InvalidGrantId if the grant has ended meanwhile; InvalidTarget, InvalidAuthorizationDetails, StoreError.
    """
    for _ in range(_TRIES):
        grant = _changed(core.config, request, managed.grant, decided)
        announced = await _announce(core, managed.grant, grant)
        kept = await user_grants.remember(
            core, grant, owners, answer(grant), newest=newest, seen=managed.seen
        )
        if kept:
            await announced.deliver()
            return grant
        seen = await core.records.read("grant", managed.grant.grant_id)  # another request has changed it
        if seen is None:
            raise _not_theirs()
        managed = ManagedGrant(user_grants.without_ended(core, read_stored("grant", Grant, seen)), seen)
        newest = await core.records.do(user_grants.reading_head(core, decided.username))
    raise StoreUnavailable("too many changes of one grant at the same time")


async def _announce(core: Core, before: Grant, grant: Grant) -> Announced:
    """A merged grant has no less than before, so its tokens say nothing wrong."""
    if core.config.shared_signals is None or _rights(core.config, before) <= _rights(core.config, grant):
        return Announced(core)
    client = await core.clients.at_hand(grant.client_id)
    apis = user_grants.reached(core.config, before)
    return await announce(core, grant_replaced(grant, client, apis))


def _changed(config: Config, request: AuthorizationRequest, before: Grant, decided: Grant) -> Grant:
    changed = replace(
        decided,
        grant_id=before.grant_id,
        created_at=before.created_at,
        managed=True,
        version=before.version + 1,
        updated_at=decided.created_at,
    )
    if request.grant_management_action != MERGE:
        return changed
    merged = replace(
        changed,
        expires_at=before.expires_at,
        scopes=tuple(dict.fromkeys((*before.scopes, *decided.scopes))),
        resources=_resources(config, before, decided),
        authorization_details=_details(before, decided),
        claims=_claims(before.claims, decided.claims),
    )
    _require_nothing_else(config, merged, before, decided)
    return merged


def _resources(config: Config, before: Grant, decided: Grant) -> tuple[str, ...]:
    """All APIs of both. Empty if neither request named any: then they are those of the scopes and details."""
    if not before.resources and not decided.resources:
        return ()
    both = (*user_grants.reached(config, before), *user_grants.reached(config, decided))
    return tuple(dict.fromkeys(both))


def _details(before: Grant, decided: Grant) -> tuple[Mapping[str, Any], ...]:
    """Those of both, equal ones once. Each of a `single_use` type has its own `consent_id`, so no two are equal."""
    added = (detail for detail in decided.authorization_details if detail not in before.authorization_details)
    details = (*before.authorization_details, *added)
    if len(details) > MAX_DETAILS:
        raise InvalidAuthorizationDetails(
            f"a grant has at most {MAX_DETAILS} authorization_details: replace it, or create another one",
            clause="GM 5.2",
        )
    return details


def _claims(before: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """The requests for claims of both, by place. Of two for the same claim the later one counts."""
    places = dict.fromkeys((*before, *asked))
    return {place: _both(before.get(place) or {}, asked.get(place) or {}) for place in places}


def _both(before: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """As above, but a request for verified claims says all that it wants: each of both counts by itself (IDA 5.6)."""
    merged = {**before, **asked}
    verified: list[Any] = []
    for wishes in (before, asked):
        found = wishes.get(VERIFIED_CLAIMS, [])
        verified += [wish for wish in (found if isinstance(found, list) else [found]) if wish not in verified]
    if len(verified) > MAX_REQUESTED:
        raise InvalidRequest(
            f"a grant has at most {MAX_REQUESTED} requests for verified claims: replace it, or create another one",
            clause="GM 5.2",
        )
    return {**merged, VERIFIED_CLAIMS: verified} if verified else merged


def _require_nothing_else(config: Config, merged: Grant, before: Grant, decided: Grant) -> None:
    """Raise InvalidTarget if the merged grant would allow at some API what nobody consented to there.

    A grant holds scopes and APIs apart. So a scope of several APIs, granted for one, would reach the others.
    """
    beyond = _rights(config, merged) - _rights(config, before) - _rights(config, decided)
    if beyond:
        resource, right = min(beyond)
        raise InvalidTarget(
            "this merge would allow at a further API what was granted for another one: create a grant of its own",
            clause="GM 5.2",
            facts={"resource": resource[:200], "right": right[:80]},
        )


def _rights(config: Config, grant: Grant) -> set[tuple[str, str]]:
    """What a grant allows: pairs of an API and a scope or a detail."""
    rights = set[tuple[str, str]]()
    reached = user_grants.reached(config, grant)
    for resource in config.resources:
        if resource.uri in reached:
            details = details_for(grant.authorization_details, resource.uri, config)
            rights |= {(resource.uri, scope) for scope in grant.scopes if scope in resource.scopes}
            rights |= {(resource.uri, strict_json.dump_value(detail).decode()) for detail in details}
    return rights


def _not_theirs() -> InvalidGrantId:
    """One error for all, so that a client learns nothing of grants of others."""
    return InvalidGrantId(
        "grant_id is unknown here, has ended, or is of another client or user: create a new grant"
    )
