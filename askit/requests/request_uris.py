"""Where an authorization request is kept until the user decides, and the request URI that names it.

A request that an authenticated client pushed is kept in the store. Any other request comes from somebody who has proven
nothing. It is sealed inside its own request URI, and uses no room here until a signed-in user decides. A sealed request
is for one purpose, for a limited time, and contains the id under which its single use is marked.

A request that nobody redirects (`askit.decoupled`) is kept in the store too. The URI of its page is not the secret that
its client polls with, and cannot be turned into it.
Role: AS
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from askit.clients.client import Client
from askit.config.limits import Limits
from askit.core import Core
from askit.errors import AnsweredBefore, InvalidRequestUri, TooLarge
from askit.pages.languages import prefer_locales
from askit.record_fields import read_members, reading
from askit.record_store import Step
from askit.records import AuthorizationRequest, Owners, PushedRequest, Record, WaitingRequest
from askit.requests.dpop import use_proof
from fapikit import strict_json
from fapikit.dpop import CheckedProof
from fapikit.errors import SealBroken, UnreadableRecord
from fapikit.secrets import random_token
from fapikit.urns import CIBA

A = TypeVar("A", bound=AuthorizationRequest)

PREFIX: Final = "urn:ietf:params:oauth:request_uri:"
INTERACTION: Final = 900.0
"""Seconds that a user may take after the page is open. The request itself expires earlier."""
WAITING: Final = f"{PREFIX}waiting:"
_SEALED: Final = f"{PREFIX}sealed:"
_PUSHED: Final = "askit pushed request"
_OPENED: Final = "askit opened request"


@dataclass(frozen=True, slots=True)
class OpenedRequest:
    """A request with an open page. `uri` names it on the page, `request_id` in its marks."""

    request_id: str
    uri: str
    request: AuthorizationRequest


def is_given_out_here(uri: str) -> bool:
    """Whether this server may have made this URI: it makes URNs, and clients host request objects behind https."""
    return not uri.lower().startswith(("https:", "http:"))


async def push_request(core: Core, request: PushedRequest, client: Client, proof: CheckedProof | None) -> str:
    """The URI of a pushed request, whose proof is used. Raises ReplayedProof, TooLarge, StoreError."""
    if client.auth_method == "none":
        # A public client's proof is not marked as used: it proves only what `dpop_jkt` says, and anybody may send it.
        return await _seal(core, _PUSHED, random_token(core.random_bytes), request, request.expires_at)
    require_room(request, core.config.limits)
    request_uri = PREFIX + random_token(core.random_bytes)
    # The record is kept longer than the URI is valid, because its user may be on the page.
    ttl = core.profile.par_lifetime + INTERACTION
    kept = core.records.saving("request", request_uri, request, ttl, client.owners)
    await use_proof(core, proof, client, kept)
    return request_uri


async def open_pushed_request(core: Core, request_uri: str, client: Client) -> OpenedRequest:
    """The pushed request of this client's URI, neither expired nor decided. Raises InvalidRequestUri."""
    request: PushedRequest | None
    if request_uri.startswith(_SEALED):
        request_id, request, _ = await _unseal(core, _PUSHED, request_uri)
        decided = await core.records.marked("request-used", request_id)
    else:
        request_id = request_uri
        if request_uri.startswith(WAITING):
            raise _unknown()  # the page of its device opens it
        request, decided = await core.records.together(
            core.records.loading("request", request_uri, PushedRequest),
            core.records.reading_mark("request-used", request_uri),
        )
    request = _usable(request, client, decided, core.clock())
    if core.clock() >= request.expires_at:
        raise InvalidRequestUri("this request_uri has expired: start again at the application")
    if request_id != request_uri:
        return await _opened(core, request_id, request)
    await core.records.mark("request-opened", request_id, INTERACTION, owners=client.owners)
    return OpenedRequest(request_id, request_uri, request)


async def open_waiting_request(core: Core, uri: str, client: Client) -> OpenedRequest:
    """A request that nobody redirects: its page opens for the user who decides. Raises InvalidRequestUri."""
    waiting, decided = await core.records.together(
        _loading(core, uri), core.records.reading_mark("request-used", uri)
    )
    request = _usable(waiting, client, decided, core.clock())
    lives = request.expires_at - core.clock()
    await core.records.mark("request-opened", uri, lives, owners=client.owners)
    return OpenedRequest(uri, uri, request)


async def find_waiting_request(core: Core, uri: str) -> WaitingRequest | None:
    """The stored request with this URI; None if there is none. Raises StoreError."""
    return await core.records.load("request", uri, WaitingRequest)


async def open_direct_request(core: Core, request: PushedRequest) -> OpenedRequest:
    """A request that came through the browser: its page opens at once. Raises TooLarge."""
    prefer_locales(request.ui_locales)
    return await _opened(core, random_token(core.random_bytes), request)


async def load_opened_request(core: Core, uri: str, client: Client) -> OpenedRequest:
    """A request whose page was opened in time, and that is not decided. Raises InvalidRequestUri."""
    request: AuthorizationRequest | None
    if uri.startswith(_SEALED):
        request_id, request, until = await _unseal(core, _OPENED, uri)
        opened = core.clock() < until
        decided = await core.records.marked("request-used", request_id)
    else:
        request_id = uri
        mark, decided, request = await core.records.together(
            core.records.reading_mark("request-opened", uri),
            core.records.reading_mark("request-used", uri),
            _loading(core, uri),
        )
        opened = mark is not None
    _require_undecided(decided)  # first, because only this is the reason if the page was open for too long
    if not opened:
        raise InvalidRequestUri("this page was open for too long: start again at the application")
    return OpenedRequest(request_id, uri, _usable(request, client, decided, core.clock()))


async def use_up(
    core: Core, opened: OpenedRequest, owners: Owners, *others: Step[Any], grant_id: str = ""
) -> list[Any]:
    """Mark a request as decided, once; then do other steps, in the same trip. Returns their results.

    `grant_id`: the grant of the decision. Raises AnsweredBefore, ShareTaken, and then has done none of the others.
    """
    core.shares.require(owners)
    made_at = opened.request.created_at  # a request in a URL may be older than what the store remembers
    lives = opened.request.expires_at - made_at + 2 * INTERACTION  # longer than the request itself
    decided = f"granted {grant_id}" if grant_id else "refused"
    mark = core.records.marking(
        "request-used", opened.request_id, lives, decided, owners=owners, since=made_at
    )
    is_first, *results = await core.records.together(mark, *others)
    if not is_first:
        first = await core.records.marked("request-used", opened.request_id)
        raise _answered(first or "", "FAPI2-SP 5.3.2.2 N3")
    return results


def _loading(core: Core, uri: str) -> Step[PushedRequest | None] | Step[WaitingRequest | None]:
    if uri.startswith(WAITING):
        return core.records.loading("request", uri, WaitingRequest)
    return core.records.loading("request", uri, PushedRequest)


def _usable(request: A | None, client: Client, decided: str | None, now: float) -> A:
    """The request, if this client's page may show it. `decided`: the value of the mark. Raises InvalidRequestUri."""
    if request is None or request.client_id != client.client_id:
        raise _unknown()
    prefer_locales(request.ui_locales)
    _require_undecided(decided)
    if isinstance(request, WaitingRequest) and now >= request.expires_at:
        raise InvalidRequestUri(
            "this request has expired: start again where it was made", clause="RFC 8628 3.2a"
        )
    if isinstance(request, WaitingRequest) and not _may_still_have(client, request):
        raise InvalidRequestUri("this client may no longer ask in this way", clause="RFC 7591 2")
    if isinstance(request, PushedRequest) and not client.accepts_redirect_uri(request.redirect_uri):
        raise InvalidRequestUri("the redirect_uri is no longer registered", clause="RFC 9126 7.4")
    return request


def _may_still_have(client: Client, waiting: WaitingRequest) -> bool:
    """Whether a client is still registered for what it asked for: nobody asks again before tokens are pushed."""
    if waiting.grant_type != CIBA:
        return waiting.grant_type in client.grant_types
    mode = client.delivery_mode
    return mode is not None and (mode == "push") == (waiting.delivery_mode == "push")


def _require_undecided(decided: str | None) -> None:
    """Raise AnsweredBefore, with the grant of that decision, if there is one."""
    if decided is not None:
        raise _answered(decided, "RFC 9126 4b")


def _answered(decided: str, clause: str) -> AnsweredBefore:
    """The error. `decided`: the value of the mark."""
    error = AnsweredBefore("this request was answered before: start again at the application", clause=clause)
    word, _, grant_id = decided.partition(" ")
    error.grant_id = grant_id if word == "granted" else ""
    return error


async def _opened(core: Core, request_id: str, request: PushedRequest) -> OpenedRequest:
    until = core.clock() + INTERACTION
    return OpenedRequest(request_id, await _seal(core, _OPENED, request_id, request, until), request)


async def _seal(core: Core, purpose: str, request_id: str, request: PushedRequest, until: float) -> str:
    """A URI that contains the request itself. Raises TooLarge."""
    limits = core.config.limits
    require_room(request, limits)
    members = strict_json.dump({"id": request_id, "until": until, "request": request.members()})
    seal = await core.keys.request_seal()
    uri = _SEALED + seal.seal_text(zlib.compress(members), purpose)
    if len(uri) > limits.sealed_request_octets:
        raise TooLarge(
            "this request is too long to be kept in a URL: shorten it, or push it as a client that authenticates",
            facts={"octets": len(uri), "limit": limits.sealed_request_octets},
        )
    return uri


async def _unseal(core: Core, purpose: str, uri: str) -> tuple[str, PushedRequest, float]:
    """The id, the request and the end of what `_seal` made for this purpose. Raises InvalidRequestUri."""
    seal = await core.keys.request_seal()
    try:
        sealed = seal.open_text(uri.removeprefix(_SEALED), purpose)
        with reading("request"):  # another version of this server may have sealed it
            members: dict[str, Any] = strict_json.parse_object(zlib.decompress(sealed))
            return members["id"], read_members(PushedRequest, members["request"]), members["until"]
    except (SealBroken, UnreadableRecord, zlib.error) as error:
        raise _unknown() from error


def require_room(request: Record, limits: Limits) -> None:
    """Raise TooLarge unless the request, or the grant that it leads to, fits into a record with what is added to it."""
    octets, limit = len(request.dump()), limits.record_octets * 3 // 4
    if octets > limit:
        raise TooLarge(
            f"this authorization request needs more than {limit} octets: shorten it",
            facts={"octets": octets, "limit": limit},
        )


def _unknown() -> InvalidRequestUri:
    return InvalidRequestUri("this request_uri is unknown, or of another client", clause="RFC 9126 2.2")
