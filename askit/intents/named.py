"""The intent that an authorization request names: found, held against its client and its state, and put in its place.

UK Open Banking names it by an essential claim in a signed request object; Brazil and the Berlin Group by a scope. The
request then asks for what was lodged, as by `authorization_details`: one page and one set of rules serve both.

Spec: LODGING 2, 4, 6, 8, 9
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from askit.clients.client import Client
from askit.config.values import User
from askit.core import Core
from askit.errors import (
    AccessDenied,
    IntentRefused,
    InvalidAuthorizationDetails,
    MalformedIntentRequest,
    UnknownIntent,
)
from askit.intents import life
from askit.intents.life import Lodged
from askit.record_store import Step
from askit.records import AuthorizationRequest
from fapikit.lodged_intents import INTENT_CLAIM, member_at

_LONGEST: Final = 256
_BESIDE: Final = ("authorization_details", "grant_management_action")


class NamedIntent(NamedTuple):
    """What a request asks for by its intent. `scope`: the scope that named it; None: the claim did."""

    intent_id: str
    scope: str | None
    detail: Mapping[str, Any]


async def read_intent(
    core: Core, members: Mapping[str, Any], client: Client, *, signed: bool
) -> NamedIntent | None:
    """The intent of a request, which awaits its user; None: it names none, or nothing is lodged at this server.

    `members`: in their types. Raises MalformedIntentRequest, UnknownIntent, LapsedIntent, UsedIntent, RejectedIntent,
    RevokedIntent, InvalidAuthorizationDetails, StoreError.
    """
    prefixes = core.config.lodging_prefixes
    if not prefixes:
        return None
    scopes = [scope for scope in members.get("scope", "").split() if _prefix_of(scope, prefixes)]
    claimed = _claimed(members.get("claims"), signed=signed) if "" in prefixes else None
    named = [*dict.fromkeys(scopes), *([claimed] if claimed else [])]
    if not named:
        return None
    if len(named) > 1:
        raise MalformedIntentRequest("a request names one intent: send one request for each")
    for name in _BESIDE:
        if name in members:
            raise MalformedIntentRequest(f"a request for a lodged intent has no {name}: leave it out")
    scope = scopes[0] if scopes else None
    prefix = _prefix_of(scope, prefixes) if scope else ""
    lodged = await _find(core, claimed or named[0][len(prefix) :], prefix, client)
    if not client.may_have_details(lodged.known.type):
        raise InvalidAuthorizationDetails(
            "this client may not have what was lodged", facts={"type": lodged.known.type}
        )
    await life.require_awaiting(core, lodged.intent)
    return NamedIntent(lodged.intent.intent_id, scope, life.detail_of(lodged.shape, lodged.intent))


async def find_awaiting(core: Core, request: AuthorizationRequest, client: Client) -> Lodged | None:
    """The intent of a stored request, which still awaits its user; None: the request names none.

    Raises UnknownIntent, LapsedIntent, UsedIntent, RejectedIntent, RevokedIntent, StoreError.
    """
    if request.intent_id is None:
        return None
    lodged = await life.find(core, request.intent_id, client)
    if lodged is None:
        raise _unknown()
    await life.require_awaiting(core, lodged.intent)
    return lodged


async def require_grantable(
    core: Core, request: AuthorizationRequest, client: Client, user: User | None
) -> Lodged | None:
    """The intent of a stored request, which awaits this user; None: the request names none.

    Raises AccessDenied for another user than the one whose documents the intent has; else as `find_awaiting` does.
    """
    lodged = await find_awaiting(core, request, client)
    if lodged is None:
        return None
    for claim, path in lodged.shape.user_documents.items():
        document = member_at(lodged.intent.body, path)
        own = None if user is None else user.claims.get(claim)
        if document is not None and document not in (own if isinstance(own, list) else [own]):
            raise AccessDenied("this intent is about another user, or another company", clause="LODGING 9")
    return lodged


async def rejecting(core: Core, request: AuthorizationRequest, client: Client) -> list[Step[bool]]:
    """The user's refusal of a lodged intent, which is final. An intent that is over already stays as it is."""
    try:
        lodged = await find_awaiting(core, request, client)
    except IntentRefused:
        return []
    return [] if lodged is None else [life.changing(core, lodged, "rejected")]


async def _find(core: Core, intent_id: str, prefix: str, client: Client) -> Lodged:
    lodged = await life.find(core, intent_id, client) if len(intent_id) <= _LONGEST else None
    if lodged is None or lodged.shape.scope_prefix != prefix:
        raise _unknown()
    return lodged


def _prefix_of(scope: str, prefixes: frozenset[str]) -> str:
    return next((prefix for prefix in prefixes if prefix and scope.startswith(prefix)), "")


def _claimed(claims: Any, *, signed: bool) -> str | None:
    """The id in the `claims` parameter; None if that names no intent. Raises MalformedIntentRequest."""
    places = claims if isinstance(claims, dict) else {}
    found = {
        place: wishes[INTENT_CLAIM]
        for place in ("id_token", "userinfo")
        if isinstance(wishes := places.get(place), dict) and INTENT_CLAIM in wishes
    }
    if not found:
        return None
    if not signed:
        raise _malformed("only a signed request object may name an intent")
    if "id_token" not in found:
        raise _malformed("claims.id_token must name the intent, so that the ID token is bound to it")
    values = set[str]()
    for place, wish in found.items():
        value = wish.get("value") if isinstance(wish, dict) else None
        if not isinstance(value, str) or not value:
            raise _malformed(f"claims.{place}: value must be the id of an intent")
        if wish.get("essential") is not True and place == "id_token":
            raise _malformed("claims.id_token: essential must be true")
        values.add(value)
    if len(values) > 1:
        raise _malformed("claims.id_token and claims.userinfo name two intents")
    return values.pop()


def _malformed(what: str) -> MalformedIntentRequest:
    return MalformedIntentRequest(f"{INTENT_CLAIM}: {what}")


def _unknown() -> UnknownIntent:
    """One error for both, so that a client learns nothing of the intents of others."""
    return UnknownIntent("no such intent was lodged here, or another client lodged it")
