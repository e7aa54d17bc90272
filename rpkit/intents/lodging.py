"""Lodging an intent, reading what became of it, and ending it. The client shows an access token of its own.

Spec: LODGING 1, 5; Idempotency-Key 2.1
Role: C
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, TypedDict, Unpack
from urllib.parse import quote

from fapikit.errors import ConfigurationError
from fapikit.flow import Flow
from fapikit.http_message import Headers, HttpResponse, read_json_object
from fapikit.idempotency_key import RULE, idempotency_key_of
from fapikit.lodged_intents import IDEMPOTENCY_KEY, IntentShape, member_at
from fapikit.members import Members
from rpkit.api.auth import MAX_BYTES, api_target
from rpkit.api.challenge import raise_resource_error_in_body, read_resource_refusal
from rpkit.api.message_signing import MessageSigning
from rpkit.api.protected_call import call_protected
from rpkit.bank import Bank
from rpkit.errors import NoAccessToken
from rpkit.intents.bodies import IntentBody
from rpkit.intents.lodged_intent import LodgedIntent
from rpkit.tokens.certificate_binding import require_certificate
from rpkit.tokens.token_set import TokenSet

_LODGED: Final = "LODGING 1"
_ENDED: Final = "LODGING 5"
_ID: Final = re.compile(r"[!#-\[\]-~]{1,256}")
"""The characters of a scope, because an id may become part of one."""


class CallOptions(TypedDict, total=False):
    """`resource`: the API that the token was requested for; it may be left out under the rule of `Client.api`.

    `message_signing`: as in `Client.api`, for banks that want bodies to be signed: payments in the UK, all of Brazil.
    """

    resource: str | None
    message_signing: MessageSigning | None


class LodgingOptions(CallOptions, total=False):
    """`idempotency_key`: tells a retry from a new intent, as `x-idempotency-key`. UK banks demand one for payments.

    Where it is not known whether the bank has the intent, lodge it again with the same key.
    """

    idempotency_key: str | None


def lodge_intent(
    bank: Bank, intent: IntentBody, *, url: str, tokens: TokenSet, **how: Unpack[LodgingOptions]
) -> Flow[LodgedIntent]:
    """Lodge an intent at the consent resource `url`. `tokens`: of `client_credentials`, with the scope of this API.

    `how`: the members of `LodgingOptions`. Raises ConfigurationError, InsecureUrl, NoAccessToken before the call; then
    PeerRefused, UnexpectedStatus, MalformedMessage, JwtError, StoreError, TransportError. If it is not known whether
    the bank has the intent, lodge it again, with the same key or as a new one: nothing follows from one that no request
    names.
    """
    key = how.get("idempotency_key")
    if key is not None and idempotency_key_of([str(key)]) != key:
        raise ConfigurationError(f"idempotency_key {RULE}", clause="Idempotency-Key 2.1")
    if not callable(getattr(intent, "body", None)) or not isinstance(
        getattr(intent, "shape", None), IntentShape
    ):
        raise ConfigurationError(
            "what is lodged is an object such as UkAccountAccess(...): with shape, an IntentShape, and body()",
            clause=_LODGED,
        )
    body = json.dumps(intent.body(), ensure_ascii=False, separators=(",", ":")).encode()
    keyed = () if key is None else ((IDEMPOTENCY_KEY, key),)
    response = yield from _call(bank, "POST", url, tokens, how, body=body, headers=keyed)
    members = _members(response, _LODGED)
    intent_id = member_at(members, intent.shape.id)
    if not isinstance(intent_id, str) or not _ID.fullmatch(intent_id) or not intent_id.strip("."):
        raise Members(members, document="the answer of the consent resource", clause=_LODGED).refuse(
            ".".join(intent.shape.id), "is not the id of an intent"
        )
    return _read(intent.shape, intent_id, f"{url.rstrip('/')}/{quote(intent_id, safe=':')}", members)


def read_intent(
    bank: Bank, intent: LodgedIntent, *, tokens: TokenSet, **how: Unpack[CallOptions]
) -> Flow[LodgedIntent]:
    """The intent as it is now. Raises what `lodge_intent` raises; PeerRefused where it was ended (UK)."""
    response = yield from _call(bank, "GET", intent.url, tokens, how)
    members = _members(response, _LODGED)
    found = member_at(members, intent.shape.id)
    if found is not None and found != intent.intent_id:
        raise Members(members, document="the answer about an intent", clause=_LODGED).refuse(
            ".".join(intent.shape.id), "is that of another intent"
        )
    return _read(intent.shape, intent.intent_id, intent.url, members)


def end_intent(
    bank: Bank, intent: LodgedIntent, *, tokens: TokenSet, **how: Unpack[CallOptions]
) -> Flow[None]:
    """End an intent, with all tokens that the user granted because of it.

    Raises ConfigurationError for a shape that has no DELETE; then what `lodge_intent` raises.
    """
    if not intent.shape.deletable:
        raise ConfigurationError(
            f"an intent of the shape {intent.shape.name} cannot be ended by its client", clause=_ENDED
        )
    response = yield from _call(bank, "DELETE", intent.url, tokens, how)
    if not response.success:
        raise read_resource_refusal(response, clause=_ENDED)


def _call(
    bank: Bank,
    method: str,
    url: str,
    tokens: TokenSet,
    how: CallOptions,
    *,
    body: bytes = b"",
    headers: Headers = (),
) -> Flow[HttpResponse]:
    target = api_target(
        bank, tokens, url, how.get("resource"), MAX_BYTES, how.get("message_signing"), argument="url"
    )
    token = tokens.find(target.resource)
    if token is None:
        raise NoAccessToken(
            f"the token set has no access token for {target.resource}: request one with client_credentials"
        )
    require_certificate(bank, token)
    media = (("accept", "application/json"), *((("content-type", "application/json"),) if body else ()))
    return (
        yield from call_protected(
            bank,
            method,
            url,
            token=token,
            dpop=tokens.dpop,
            headers=(*media, *headers),
            body=body,
            signing=target.signing,
        )
    )


def _members(response: HttpResponse, clause: str) -> dict[str, Any]:
    if not response.success:
        raise read_resource_refusal(response, clause=clause)
    members = dict(read_json_object(response, clause=clause, status=response.status))
    if "error" in members:
        raise_resource_error_in_body(response, clause=clause)
    return members


def _read(shape: IntentShape, intent_id: str, url: str, members: dict[str, Any]) -> LodgedIntent:
    status = member_at(members, shape.status)
    return LodgedIntent(
        intent_id=intent_id,
        shape=shape,
        url=url,
        status=status if isinstance(status, str) else None,
        state=shape.state_of(status),
        members=members,
    )
