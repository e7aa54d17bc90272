"""Where an authorization request waits for its user, and the request URI that stands for it meanwhile.

A request that an authenticated client pushed waits in the store. Any other one came from somebody who proved nothing:
it waits inside its own request URI, sealed, and takes no room here until a user who signed in decides. What is sealed
serves one purpose, for a time, and holds the id under which its one use is marked.

Spec: RFC 9126 2.2, 4, 4b, 7.4; FAPI2-SP 5.3.2.2 N3
Role: AS
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any, Final

from askit.clients.client import Client
from askit.config.limits import Limits
from askit.core import Core
from askit.errors import AnsweredBefore, InvalidRequestUri, TooLarge
from askit.pages.languages import prefer_locales
from askit.record_fields import read_members, reading
from askit.records import Owners, PushedRequest
from fapikit import strict_json
from fapikit.errors import SealBroken, UnreadableRecord
from fapikit.secrets import random_token

PREFIX: Final = "urn:ietf:params:oauth:request_uri:"
INTERACTION: Final = 900.0
"""How long a user may take once the page is open; the request itself expires sooner."""
_SEALED: Final = f"{PREFIX}sealed:"
_PUSHED: Final = "askit pushed request"
_OPENED: Final = "askit opened request"


@dataclass(frozen=True, slots=True)
class OpenedRequest:
    """A request whose page is open. `uri` names it on the page, `request_id` in the marks that are kept of it."""

    request_id: str
    uri: str
    request: PushedRequest


def is_given_out_here(uri: str) -> bool:
    """Whether this server may have made this URI: it makes URNs, and clients host request objects behind https."""
    return not uri.lower().startswith(("https:", "http:"))


async def push_request(core: Core, request: PushedRequest, client: Client) -> str:
    """The URI of a request that was pushed. Raises TooLarge, StoreError."""
    if client.auth_method == "none":
        return await _seal(core, _PUSHED, random_token(core.random_bytes), request, request.expires_at)
    _require_small(request, core.config.limits)
    request_uri = PREFIX + random_token(core.random_bytes)
    # The record outlives the URI while its user is at the page.
    ttl = core.profile.par_lifetime + INTERACTION
    await core.records.save("request", request_uri, request, ttl, client.owners)
    return request_uri


async def open_pushed_request(core: Core, request_uri: str, client: Client) -> OpenedRequest:
    """The pushed request behind a URI of this client's, not yet expired nor decided. Raises InvalidRequestUri."""
    if request_uri.startswith(_SEALED):
        request_id, request, _ = await _unseal(core, _PUSHED, request_uri)
    else:
        request_id, request = request_uri, await _stored(core, request_uri)
    await _require_usable(core, request_id, request, client)
    if core.clock() >= request.expires_at:
        raise InvalidRequestUri("this request_uri has expired: start again at the application")
    if request_id != request_uri:
        return await _opened(core, request_id, request)
    await core.records.mark("request-opened", request_id, INTERACTION, owners=client.owners)
    return OpenedRequest(request_id, request_uri, request)


async def open_direct_request(core: Core, request: PushedRequest) -> OpenedRequest:
    """A request that came through the browser: it is open at once. Raises TooLarge."""
    prefer_locales(request.ui_locales)
    return await _opened(core, random_token(core.random_bytes), request)


async def load_opened_request(core: Core, uri: str, client: Client) -> OpenedRequest:
    """A request whose page was opened in time, not yet decided. Raises InvalidRequestUri."""
    if uri.startswith(_SEALED):
        request_id, request, until = await _unseal(core, _OPENED, uri)
        opened = core.clock() < until
    else:
        request_id, request = uri, None
        opened = await core.records.marked("request-opened", uri) is not None
    await _require_undecided(
        core, request_id
    )  # first, for a page that was open too long must not say otherwise
    if not opened:
        raise InvalidRequestUri("this page was open for too long: start again at the application")
    request = request or await _stored(core, uri)
    await _require_usable(core, request_id, request, client)
    return OpenedRequest(request_id, uri, request)


async def use_up(core: Core, opened: OpenedRequest, owners: Owners, *, grant_id: str = "") -> None:
    """Of many decisions on one request, one counts; `grant_id`: what it grants. Raises AnsweredBefore, ShareTaken."""
    core.shares.require(owners)
    lives = core.profile.par_lifetime + 2 * INTERACTION  # longer than the request itself
    made_at = opened.request.created_at  # a request in a URL outlives the store's memory of it
    decided = f"granted {grant_id}" if grant_id else "refused"
    mark = core.records.mark("request-used", opened.request_id, lives, decided, owners=owners, since=made_at)
    if not await mark:
        first = await core.records.marked("request-used", opened.request_id)
        raise _answered(first or "", "FAPI2-SP 5.3.2.2 N3")


async def _stored(core: Core, request_uri: str) -> PushedRequest:
    request = await core.records.load("request", request_uri, PushedRequest)
    if request is None:
        raise _unknown()
    return request


async def _require_usable(core: Core, request_id: str, request: PushedRequest, client: Client) -> None:
    if request.client_id != client.client_id:
        raise _unknown()
    prefer_locales(request.ui_locales)
    await _require_undecided(core, request_id)
    if not client.accepts_redirect_uri(request.redirect_uri):
        raise InvalidRequestUri("the redirect_uri is not registered any more", clause="RFC 9126 7.4")


async def _require_undecided(core: Core, request_id: str) -> None:
    """Raise AnsweredBefore, which says what was granted then."""
    decided = await core.records.marked("request-used", request_id)
    if decided is not None:
        raise _answered(decided, "RFC 9126 4b")


def _answered(decided: str, clause: str) -> AnsweredBefore:
    """The error; `decided` is the value of the mark."""
    error = AnsweredBefore("this request was answered before: start again at the application", clause=clause)
    word, _, grant_id = decided.partition(" ")
    error.grant_id = grant_id if word == "granted" else ""
    return error


async def _opened(core: Core, request_id: str, request: PushedRequest) -> OpenedRequest:
    until = core.clock() + INTERACTION
    return OpenedRequest(request_id, await _seal(core, _OPENED, request_id, request, until), request)


async def _seal(core: Core, purpose: str, request_id: str, request: PushedRequest, until: float) -> str:
    """A URI that holds the request itself. Raises TooLarge."""
    limits = core.config.limits
    _require_small(request, limits)
    members = strict_json.dump({"id": request_id, "until": until, "request": request.members()})
    seal = await core.keys.request_seal()
    uri = _SEALED + seal.seal_text(zlib.compress(members), purpose)
    if len(uri) > limits.sealed_request_octets:
        raise TooLarge(
            "this request is too long to wait in a URL: shorten it, or push it as a client that authenticates",
            facts={"octets": len(uri), "limit": limits.sealed_request_octets},
        )
    return uri


async def _unseal(core: Core, purpose: str, uri: str) -> tuple[str, PushedRequest, float]:
    """Id, request and end of what `_seal` made for this purpose. Raises InvalidRequestUri."""
    seal = await core.keys.request_seal()
    try:
        sealed = seal.open_text(uri.removeprefix(_SEALED), purpose)
        with reading("request"):  # another version of this server may have sealed it
            members: dict[str, Any] = strict_json.parse_object(zlib.decompress(sealed))
            return members["id"], read_members(PushedRequest, members["request"]), members["until"]
    except (SealBroken, UnreadableRecord, zlib.error) as error:
        raise _unknown() from error


def _require_small(request: PushedRequest, limits: Limits) -> None:
    """Raise TooLarge unless what a grant and a token add to this request will still fit into a record."""
    octets, limit = len(request.dump()), limits.record_octets * 3 // 4
    if octets > limit:
        raise TooLarge("this authorization request is too long", facts={"octets": octets, "limit": limit})


def _unknown() -> InvalidRequestUri:
    return InvalidRequestUri("this request_uri is unknown, or another client's", clause="RFC 9126 2.2")
