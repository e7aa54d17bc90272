"""Pings and pushes: what a server tells of a CIBA request, kept in the store for whoever waits for it.

The record of a request lies under the hash of its notification token and is sealed with that token. So only who shows
the token finds and opens it: any worker can receive the notification, and a thief of the store reads nothing. The
record exists before the request is sent; the `auth_req_id` is added when the server has answered. A notification is
written once and stays after the waiting process has died: that process, or another one, reads it later.

Spec: CIBA 7.1d, 10.2b, 10.3.1, 10.3.1c, 12; RFC 6750 2.1; FAPI2-SP 5.4.1-4
Role: C
"""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from fapikit import strict_json
from fapikit.errors import MalformedMessage, StoreError, StoreForgot
from fapikit.flow import Flow, store_add, store_get, store_put
from fapikit.profile import DeliveryMode
from fapikit.secrets import Concealed, Secret
from fapikit.stores.sealed import Seal
from rpkit.bank import Bank
from rpkit.errors import WrongNotificationToken

UNNAMED: Final = 3600.0
"""In seconds: how long a request whose `auth_req_id` is not written down may be notified of."""
GRACE: Final = 60.0
"""In seconds: how long after its end a request may be notified of. A push may say that it has expired."""
KEPT: Final = 86_400.0
"""In seconds: how long a notification waits to be read."""
_BEARER: Final = re.compile(r"Bearer +([A-Za-z0-9._~+/-]{16,1024}=*)\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Notification:
    """What the server said of one request, and when it arrived. `octets`: the JSON as it came; it may have tokens."""

    received_at: float
    octets: Concealed[bytes]

    @property
    def members(self) -> dict[str, Any]:
        return strict_json.parse_object(self.octets.reveal())


def expect_notification(bank: Bank, token: Secret, mode: DeliveryMode) -> Flow[None]:
    """Write the record of a request that is about to be sent. Raises StoreError."""
    yield from _write(bank, token, mode, None, UNNAMED)


def name_notification(
    bank: Bank, token: Secret, mode: DeliveryMode, auth_req_id: Secret, *, expires_at: float
) -> Flow[None]:
    """Add the `auth_req_id` to the record. Where that fails, `heard_notification` still finds a wrong one."""
    ttl = max(expires_at - bank.now(), 0.0) + GRACE
    with suppress(StoreError):  # the request has been sent: it is not lost because of this
        yield from _write(bank, token, mode, auth_req_id, ttl)


def hear_notification(bank: Bank, authorization: Concealed[str | None], body: Concealed[bytes]) -> Flow[None]:
    """Keep a notification for whoever waits. One that was heard before changes nothing.

    `authorization`: the value of that header. Raises WrongNotificationToken for a token that belongs to no request or
    to another one; MalformedMessage; StoreError if it cannot be kept now.
    """
    token = _token_in(authorization)
    record = yield from _record(bank, token)
    _check(record.reveal(), _parsed(body))
    key = _key(token, "heard")
    heard = Concealed(strict_json.dump({"at": bank.now(), "body": body.reveal().decode()}))
    yield from _keep(bank, key, _seal(token).seal(heard.reveal(), key))


def heard_notification(bank: Bank, token: Secret, auth_req_id: Secret) -> Flow[Notification | None]:
    """The notification of this request, if it has come. Raises StoreError, WrongNotificationToken."""
    key = _key(token, "heard")
    sealed = yield from store_get(bank.settings.store, key)
    if sealed is None:
        return None
    members = strict_json.parse_object(_seal(token).open(sealed, key))
    notification = Notification(members["at"], Concealed(members["body"].encode()))
    if not auth_req_id.matches(notification.members["auth_req_id"]):
        raise WrongNotificationToken("the notification of this request names another auth_req_id")
    return notification


def _keep(bank: Bank, key: str, sealed: bytes) -> Flow[None]:
    store = bank.settings.store
    try:
        yield from store_add(store, key, sealed, KEPT)
    except StoreForgot:
        # The store cannot promise that this is the first. To write it twice does no harm, and to lose it would.
        if (yield from store_get(store, key)) is None:
            yield from store_put(store, key, sealed, KEPT)


def _token_in(authorization: Concealed[str | None]) -> Secret:
    found = _BEARER.match(authorization.reveal() or "")
    if found is None:
        raise WrongNotificationToken("the notification has no bearer token")
    return Secret(found[1])


def _record(bank: Bank, token: Secret) -> Flow[Concealed[dict[str, Any]]]:
    key = _key(token, "expected")
    sealed = yield from store_get(bank.settings.store, key)
    if sealed is None:
        raise _wrong_token()
    return Concealed(strict_json.parse_object(_seal(token).open(sealed, key)))


def _parsed(body: Concealed[bytes]) -> dict[str, Any]:
    try:
        return strict_json.parse_object(body.reveal())
    except ValueError:
        pass
    # Raised here, without a cause: that error may show the tokens of a push.
    raise MalformedMessage("the notification is not one JSON object", clause="CIBA 10.2a")


def _check(record: dict[str, Any], members: dict[str, Any]) -> None:
    """Raises WrongNotificationToken, MalformedMessage if this notification is not for the request of this record."""
    told_id = members.get("auth_req_id")
    if not isinstance(told_id, str):
        raise MalformedMessage("the notification has no auth_req_id", clause="CIBA 10.2a")
    if record["auth_req_id"] is not None and not Secret(record["auth_req_id"]).matches(told_id):
        raise _wrong_token()
    if record["mode"] == "ping" and "access_token" in members:
        raise MalformedMessage(
            "a ping has tokens in it, and this client is registered for pings: the tokens are not used",
            clause="CIBA 10.2a",
        )
    if record["mode"] == "push" and not {"access_token", "error"} & members.keys():
        raise MalformedMessage("the push has neither tokens nor an error", clause="CIBA 10.3.1a")


def _write(
    bank: Bank, token: Secret, mode: DeliveryMode, auth_req_id: Secret | None, ttl: float
) -> Flow[None]:
    key = _key(token, "expected")
    named = None if auth_req_id is None else auth_req_id.reveal()
    record = strict_json.dump({"mode": mode, "auth_req_id": named})
    return store_put(bank.settings.store, key, _seal(token).seal(record, key), ttl)


def _seal(token: Secret) -> Seal:
    return Seal([hashlib.sha256(b"rpkit ciba seal\0" + token.reveal().encode()).digest()])


def _key(token: Secret, what: str) -> str:
    return f"rp:ciba:{what}:{hashlib.sha256(b'rpkit ciba key' + token.reveal().encode()).hexdigest()}"


def _wrong_token() -> WrongNotificationToken:
    return WrongNotificationToken("the bearer token is not that of this CIBA request, or there is none such")
