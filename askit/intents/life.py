"""The life of a lodged intent: agreed to once or rejected, and ended by time, by its client or by the user.

    awaiting -> authorised | rejected | revoked | lapsed
    authorised -> revoked (by its client) | withdrawn (by the user) | lapsed

Time is not stored as a state, and the user ends the grant, not the intent. So both are found when an intent is read.

Spec: LODGING 1, 4, 5, 7
Role: AS
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from askit.clients.client import Client
from askit.config.details_schema import BrokenDetail
from askit.config.details_types import CONSENT_EXPIRES_AT, CONSENT_ID, DetailsType
from askit.config.lodging import Lodging
from askit.core import Core
from askit.errors import (
    IntentRefused,
    InvalidIntent,
    LapsedIntent,
    RejectedIntent,
    RevokedIntent,
    UsedIntent,
)
from askit.record_store import Step
from askit.records import Intent, read_stored
from askit.users import grants as user_grants
from fapikit import rfc3339, strict_json
from fapikit.lodged_intents import IntentShape, State, member_at, with_member
from fapikit.secrets import random_token

_REMEMBERED: Final = 86_400.0
"""Seconds. So long after its end an intent is still told to be over, and not unknown."""
_MAX_OCTETS: Final = 32 * 1024
"""As many as `authorization_details` may have."""
_REFUSALS: Final[Mapping[State, tuple[type[IntentRefused], str]]] = {
    "authorised": (UsedIntent, "this intent was agreed to before, and gives one grant: lodge a new one"),
    "rejected": (RejectedIntent, "the user has refused this intent: lodge a new one"),
    "lapsed": (LapsedIntent, "this intent has lapsed: lodge a new one"),
    "revoked": (RevokedIntent, "this intent was ended by its client: lodge a new one"),
    "withdrawn": (RevokedIntent, "what the user agreed to has ended at the bank: lodge a new one"),
}


class Lodged(NamedTuple):
    """An intent, its record as it was read, and its type."""

    intent: Intent
    seen: bytes
    known: DetailsType
    lodging: Lodging

    @property
    def shape(self) -> IntentShape:
        return self.lodging.shape


def make_intent(
    core: Core, client: Client, known: DetailsType, lodging: Lodging, body: Mapping[str, Any]
) -> Intent:
    """A new intent of this type. Raises InvalidIntent and InvalidAuthorizationDetails, which name member and rule."""
    if len(strict_json.dump(body)) > _MAX_OCTETS:
        raise InvalidIntent(f"the body is longer than {_MAX_OCTETS} octets", facts={"type": known.type})
    try:
        lodging.check(body)
        content = member_at(body, lodging.shape.content)
        named = ".".join(lodging.shape.content)
        if not isinstance(content, Mapping):
            raise BrokenDetail(named, "must be of the JSON type object")
        if "type" in content:
            raise BrokenDetail(
                f"{named}.type".lstrip("."), "has the name of a member of every authorization detail"
            )
    except BrokenDetail as broken:
        raise _invalid(broken.path, broken.what) from None
    now = core.clock()
    body, ends_at = _bounded(lodging.shape, body, now, now + core.config.grant_lifetime)
    prefix = f"urn:{lodging.namespace}:" if lodging.shape.id_is_urn else ""
    intent = Intent(
        intent_id=prefix + random_token(core.random_bytes, 16),
        client_id=client.client_id,
        type=known.type,
        body=body,
        state="awaiting",
        created_at=now,
        changed_at=now,
        decide_by=min(now + lodging.authorise_within, ends_at),
        ends_at=ends_at,
    )
    known.check(content_of(lodging.shape, intent))
    return intent


def content_of(shape: IntentShape, intent: Intent) -> dict[str, Any]:
    """What the user agrees to, as a detail of the intent's type."""
    about_user = {path[len(shape.content)] for path in shape.user_documents.values()}
    left_out = {*about_user, *shape.end[-1:]}
    content = member_at(intent.body, shape.content)
    return {"type": intent.type, **{name: content[name] for name in content if name not in left_out}}


def detail_of(shape: IntentShape, intent: Intent) -> dict[str, Any]:
    """The authorization detail that a request for this intent stands for."""
    given = {CONSENT_ID: intent.intent_id, CONSENT_EXPIRES_AT: int(intent.ends_at)}
    return {**content_of(shape, intent), **given}


def keeping(core: Core, client: Client, intent: Intent) -> Step[None]:
    """Stores a new intent. Raises ShareTaken, TooLarge."""
    core.shares.require(client.owners)
    ttl = intent.decide_by - core.clock() + _REMEMBERED
    return core.records.saving("intent", intent.intent_id, intent, ttl, client.owners)


async def find(core: Core, intent_id: str, client: Client) -> Lodged | None:
    """The intent that this client lodged; None: there is none, or another client lodged it. Raises StoreError."""
    seen = await core.records.read("intent", intent_id)
    if seen is None:
        return None
    intent = read_stored("intent", Intent, seen)
    known = core.config.details_type(intent.type)
    if intent.client_id != client.client_id or known is None or known.lodged is None:
        return None
    return Lodged(intent, seen, known, known.lodged)


async def state_of(core: Core, intent: Intent) -> State:
    """The state now. Raises StoreError."""
    now = core.clock()
    if intent.state == "awaiting":
        return "lapsed" if now >= intent.decide_by else "awaiting"
    if intent.state == "authorised":
        if now >= intent.ends_at:
            return "lapsed"
        grant = None if intent.grant_id is None else await user_grants.find(core, intent.grant_id)
        return "withdrawn" if grant is None else "authorised"
    return "rejected" if intent.state == "rejected" else "revoked"


async def require_awaiting(core: Core, intent: Intent) -> None:
    """Raise LapsedIntent, UsedIntent, RejectedIntent or RevokedIntent; StoreError."""
    state = await state_of(core, intent)
    if state in _REFUSALS:
        kind, message = _REFUSALS[state]
        raise kind(message)


def changing(core: Core, lodged: Lodged, state: State, grant_id: str | None = None) -> Step[bool]:
    """Changes the stored state, if it is still as it was read. Whoever comes second loses."""
    intent, now = lodged.intent, core.clock()
    changed = replace(intent, state=state, changed_at=now, grant_id=grant_id or intent.grant_id)
    until = intent.ends_at if state == "authorised" else now
    octets, ttl = changed.dump(), until - now + _REMEMBERED
    return core.records.swapping("intent", intent.intent_id, lodged.seen, octets, ttl)


def _bounded(
    shape: IntentShape, body: Mapping[str, Any], now: float, latest: float
) -> tuple[Mapping[str, Any], float]:
    """The body and when the intent ends. Raises InvalidIntent for an end that is over, or later than it may be."""
    wanted = member_at(body, shape.end) if shape.end else None
    if wanted is None:
        return body, latest
    path = ".".join(shape.end)
    end = rfc3339.end_of(wanted)
    if end is None:
        raise _invalid(path, "is no time that this server can read")
    if end <= now:
        raise _invalid(path, "is over: it must lie in the future")
    if end <= latest:
        return body, end
    if not shape.end_is_bounded:
        last = dt.datetime.fromtimestamp(latest, dt.UTC).date().isoformat()
        raise _invalid(path, f"is too late: this server grants nothing for longer than until {last}")
    day = dt.datetime.fromtimestamp(latest, dt.UTC).date()
    return with_member(body, shape.end, day.isoformat()), latest


def _invalid(path: str, what: str) -> InvalidIntent:
    named = path[:200].encode("ascii", "replace").decode("ascii")
    return InvalidIntent(f"{named} {what}", facts={"member": named})
