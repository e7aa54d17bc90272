"""Ends a browser's session, and notifies the clients that used it to sign the user in (back-channel logout).

Each client with a backchannel_logout_uri is notified once, all at the same time, with a short timeout. Grants stay
valid: a consent does not end with the session in which it was given.

Spec: OIDC Back-Channel Logout 1.0, sections 2.1, 2.3, 2.4, 2.5, 2.7
Role: AS
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from askit.clients.client import Client
from askit.core import Core
from askit.records import Owners, Session, SessionClients, read_stored
from askit.signals.announce import Announced, announce
from askit.signals.happened import SessionEnded
from askit.users.sessions import Browser, sign_out
from askit.users.subjects import session_for, subject_for
from fapikit.errors import FapiError, StoreUnavailable
from fapikit.flow import http
from fapikit.http_message import form_request
from fapikit.jose.purposes import LOGOUT_TOKEN
from fapikit.secrets import random_token

EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
URI: Final = "backchannel_logout_uri"
LIFETIME: Final = 120
TIMEOUT: Final = 5.0

_TRIES: Final = 50

log = logging.getLogger("askit")


async def remember(core: Core, session: Session, client: Client, owners: Owners) -> None:
    """Remember that a client must be notified of this session's end. Raises StoreError."""
    told = URI in client.metadata or core.config.shared_signals is not None
    if not told or not session.session_id:
        return
    for _ in range(_TRIES):
        seen = await core.records.read("session-clients", session.session_id)
        known = () if seen is None else read_stored("session-clients", SessionClients, seen).clients
        if client.client_id in known:
            return
        # As long as codes are valid: a session keeps its id if its user signs in again.
        new, lives = SessionClients(clients=(*known, client.client_id)), core.config.grant_lifetime
        if await core.records.swap("session-clients", session.session_id, seen, new.dump(), lives, owners):
            return
    raise StoreUnavailable("too many logins in one session at the same time")


async def end_session(core: Core, browser: Browser) -> None:
    """Sign the browser out here, and notify its clients. Raises StoreError before anything has ended."""
    announced = await _announce(core, browser.session)
    await sign_out(core, browser)
    await announced.deliver()
    if browser.session is None:
        return
    # The record is removed, so of two sign-outs at once only one sends the notices.
    octets = await core.records.remove("session-clients", browser.session.session_id)
    if octets is not None:
        told = read_stored("session-clients", SessionClients, octets).clients
        await asyncio.gather(*(_tell(core, browser.session, client_id) for client_id in told))


async def _announce(core: Core, session: Session | None) -> Announced:
    """The event of Shared Signals. Raises StoreError."""
    if core.config.shared_signals is None or session is None or not session.session_id:
        return Announced(core)
    kept = await core.records.load("session-clients", session.session_id, SessionClients)
    found = [await core.clients.at_hand(client_id) for client_id in (kept.clients if kept else ())]
    clients = tuple(client for client in found if client is not None)
    return await announce(core, SessionEnded(session=session, clients=clients))


async def _tell(core: Core, session: Session, client_id: str) -> None:
    """Notify one client. A failure is only logged, because the user can do nothing about it."""
    try:
        client = await core.clients.find(client_id)
        if client is None or URI not in client.metadata:
            return
        token = await _logout_token(core, session, client)
        request = form_request(client.metadata[URI], [("logout_token", token)], timeout=TIMEOUT)
        response = await core.run(http(request))
    except FapiError as error:
        log.warning("%s was not notified of a logout: %s", client_id, error)
        return
    if response.status not in (200, 204):
        log.warning("%s answered %d to the notice of a logout", client_id, response.status)


async def _logout_token(core: Core, session: Session, client: Client) -> str:
    now = int(core.clock())
    user = core.users.find(session.username)
    claims = {
        "iss": core.config.issuer,
        "aud": client.client_id,
        "iat": now,
        "exp": now + LIFETIME,
        "jti": random_token(core.random_bytes),
        "sid": session_for(core, client, session.session_id),
        "events": {EVENT: {}},
        **({} if user is None else {"sub": subject_for(core, client, user.sub)}),
    }
    return await core.sign(claims, LOGOUT_TOKEN, client.alg("id_token_signed_response_alg"))
