"""The consent resources: a client lodges an intent, reads what became of it, and ends it.

Spec: LODGING 1, 5
Role: AS, RS
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from askit.config.details_types import DetailsType
from askit.config.lodging import Lodging
from askit.core import Core
from askit.errors import (
    InsufficientScope,
    InvalidAuthorizationDetails,
    InvalidIntent,
    NoSuchIntent,
    RevokedIntent,
)
from askit.intents import life
from askit.intents.idempotency import KeyedLodging, read_key
from askit.messages import json_answer, read_body
from askit.records import Intent
from askit.requests.protected_resource import Caller, answer_with_token
from askit.users import grants as user_grants
from fapikit import strict_json
from fapikit.errors import StoreUnavailable
from fapikit.lodged_intents import IntentShape, State, with_member

Endpoint = Callable[[Core, Request], Awaitable[Response]]

_TRIES = 5


def lodge_at(known: DetailsType, lodging: Lodging) -> Endpoint:
    """The endpoint that answers 201 with the intent, its id and its status; with an idempotency key, once and again."""

    async def lodge(core: Core, request: Request) -> Response:
        async def answer(caller: Caller) -> Response:
            _require_own(caller, known, lodging)
            key, body = read_key(request), await _read_body(request)
            keyed = None if key is None else KeyedLodging(core, caller.client, known, key, body)
            intent = None if keyed is None else await keyed.lodged_before()
            if intent is None:
                intent = life.make_intent(core, caller.client, known, lodging, body)
                if keyed is None:
                    await core.records.do(life.keeping(core, caller.client, intent))
                else:
                    intent = await keyed.keep(intent)
            return await _answer(core, lodging, intent, 201)

        return await _answered(core, request, f"lodging ({known.type})", lodging, answer)

    return lodge


def read_at(known: DetailsType, lodging: Lodging) -> Endpoint:
    """The endpoint that answers 200 with the intent and its status."""

    async def read(core: Core, request: Request) -> Response:
        async def answer(caller: Caller) -> Response:
            lodged = await _find(core, request, caller, known, lodging)
            return await _answer(core, lodging, lodged.intent, 200)

        return await _answered(core, request, f"a lodged intent ({known.type})", lodging, answer)

    return read


def end_at(known: DetailsType, lodging: Lodging) -> Endpoint:
    """The endpoint that answers 204. The intent has ended, and with it what the user granted because of it."""

    async def end(core: Core, request: Request) -> Response:
        async def answer(caller: Caller) -> Response:
            for _ in range(_TRIES):
                lodged = await _find(core, request, caller, known, lodging)
                intent = lodged.intent
                if intent.state == "revoked":
                    raise RevokedIntent("this intent was ended by its client before")
                # The grant first: whoever is stopped in between has ended what the user granted, and may try again.
                grant = None if intent.grant_id is None else await user_grants.find(core, intent.grant_id)
                if grant is not None:
                    await user_grants.end(core, grant.grant_id, grant.username)
                if intent.state == "rejected" or await core.records.do(
                    life.changing(core, lodged, "revoked")
                ):
                    headers = {"cache-control": "no-store", **await core.nonce_header()}
                    return Response(status_code=204, headers=headers)
            raise StoreUnavailable("too many changes of one intent at the same time")

        return await _answered(core, request, f"the end of an intent ({known.type})", lodging, answer)

    return end


async def _answered(
    core: Core,
    request: Request,
    where: str,
    lodging: Lodging,
    answer: Callable[[Caller], Awaitable[Response]],
) -> Response:
    return await answer_with_token(core, request, where, answer, errors=lodging.errors)


async def _find(
    core: Core, request: Request, caller: Caller, known: DetailsType, lodging: Lodging
) -> life.Lodged:
    """The intent of this URL. Raises InsufficientScope, NoSuchIntent, StoreError."""
    _require_own(caller, known, lodging)
    lodged = await life.find(core, request.path_params["intent_id"], caller.client)
    if lodged is None or lodged.known.type != known.type:
        raise NoSuchIntent("no intent of this client has this URL, or it is long over")
    return lodged


def _require_own(caller: Caller, known: DetailsType, lodging: Lodging) -> None:
    """Raise InsufficientScope unless the token is the client's own, with the scope of this resource."""
    token = caller.token
    own = token.grant_id is None and token.username is None and token.sub == caller.client.client_id
    if not own:
        raise InsufficientScope(
            "an intent is lodged before any user is asked: use a token of client_credentials",
            clause="LODGING 1",
        )
    if lodging.scope not in token.scopes:
        raise InsufficientScope(f"this needs the scope {lodging.scope}", clause="LODGING 1")
    if not caller.client.may_have_details(known.type):
        raise InvalidAuthorizationDetails(
            f"this client may not have details of type {known.type}", facts={"type": known.type}
        )


async def _read_body(request: Request) -> dict[str, Any]:
    """Raises InvalidIntent."""
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != "application/json":
        raise InvalidIntent("the intent must be JSON in the body: send content-type: application/json")
    try:
        return strict_json.parse_object(await read_body(request))
    except ValueError as error:
        raise InvalidIntent(f"the body must be one JSON object: {error}") from error


async def _answer(core: Core, lodging: Lodging, intent: Intent, status: int) -> Response:
    """The intent as it is now. Raises RevokedIntent where an ended one is gone; StoreError."""
    state = await life.state_of(core, intent)
    if lodging.shape.gone and intent.state == "revoked":
        raise RevokedIntent("this intent was ended by its client")
    url = f"{core.endpoint(lodging.path.lstrip('/'))}/{intent.intent_id}"
    members = core.intent_body(_members(lodging.shape, intent, state, url))
    headers = await core.nonce_header()
    if status == 201:
        headers["location"] = url
    return json_answer(members, status, headers)


def _members(shape: IntentShape, intent: Intent, state: State, url: str) -> dict[str, Any]:
    """The body as it was lodged, with what this server adds to it."""
    added: list[tuple[tuple[str, ...], Any]] = [
        (shape.id, intent.intent_id),
        (shape.status, shape.words[state]),
        (shape.created, _time(intent.created_at)),
        (shape.changed, _time(intent.changed_at)),
        (shape.link, url),
    ]
    members = dict(intent.body)
    for path, value in added:
        if path:
            members = with_member(members, path, value)
    return members


def _time(at: float) -> str:
    return dt.datetime.fromtimestamp(int(at), dt.UTC).isoformat().replace("+00:00", "Z")
