"""The browser: a cookie that identifies it, its session after a sign-in, and form tokens that are bound to it.

The cookie changes at sign-in, so an injected one is useless. A form token is a MAC over cookie and purpose: a form of
another site, another browser or an earlier session does not have it.

Spec: RFC 9700 4.7; RFC 6265 4.1; FAPI2-SP 5.2.3
Role: AS
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, replace
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from askit.config.values import User
from askit.core import Core
from askit.errors import StaleForm
from askit.records import Session, digest
from askit.shares import user_owner
from fapikit.parameters import Parameters
from fapikit.secrets import random_token

_VALUE: Final = re.compile(r"[A-Za-z0-9_-]{43}\Z")


@dataclass(frozen=True, slots=True)
class Browser:
    """One browser. `session` is None before a sign-in."""

    cookie: str
    known: bool
    session: Session | None = None

    def __repr__(self) -> str:
        return f"Browser({self.session.username if self.session else 'nobody'})"


def cookie_name(core: Core) -> str:
    """Different for each issuer: a cookie has neither port nor (with `__Host-`) path, and issuers may share a host."""
    return f"__Host-askit-{digest(core.config.issuer)[:12]}"


async def read_browser(core: Core, request: Request) -> Browser:
    """The browser of this request. A new one gets its cookie with the first page. Raises StoreError."""
    value = request.cookies.get(cookie_name(core), "")
    if not _VALUE.match(value):
        return Browser(random_token(core.random_bytes), known=False)
    session = await core.records.load("session", value, Session)
    if session is not None and (
        core.clock() >= session.expires_at or core.users.find(session.username) is None
    ):
        session = None
    return Browser(value, known=True, session=session)


async def sign_in(core: Core, old: Browser, user: User, *, fresh_for: str) -> Browser:
    """A new session with a new cookie. The old session ends, or continues as the new one if it was this user's.

    Raises ShareTaken if the user's share of the store is used up.
    """
    owners = (user_owner(user.username),)
    core.shares.require(owners)
    session_id = random_token(core.random_bytes, 16)
    if old.session is not None:
        await core.records.remove("session", old.cookie)
        if old.session.username == user.username:
            session_id = old.session.session_id or session_id
    now = core.clock()
    session = Session(
        username=user.username,
        auth_time=int(now),
        acr=core.config.acr_levels[0],
        expires_at=now + core.config.session_lifetime,
        fresh_for=fresh_for,
        session_id=session_id,
    )
    cookie = random_token(core.random_bytes)
    await core.records.save("session", cookie, session, core.config.session_lifetime, owners)
    return Browser(cookie, known=False, session=session)


async def raise_level(core: Core, old: Browser, session: Session, *, fresh_for: str) -> Browser:
    """The same session at the highest level, with a new cookie. Its begin and its end stay the same.

    Raises ShareTaken if the user's share of the store is used up.
    """
    owners = (user_owner(session.username),)
    core.shares.require(owners)
    await core.records.remove("session", old.cookie)
    raised = replace(session, acr=core.config.acr_levels[-1], fresh_for=fresh_for)
    cookie = random_token(core.random_bytes)
    await core.records.save("session", cookie, raised, session.expires_at - core.clock(), owners)
    return Browser(cookie, known=False, session=raised)


async def sign_out(core: Core, browser: Browser) -> None:
    await core.records.remove("session", browser.cookie)


def set_cookie(core: Core, response: Response, browser: Browser) -> Response:
    """Give a new browser its cookie. SameSite=Lax, because the client's site sends the browser here."""
    if not browser.known:
        name = cookie_name(core)
        response.set_cookie(name, browser.cookie, secure=True, httponly=True, samesite="lax", path="/")
    return response


async def form_token(core: Core, browser: Browser, purpose: str) -> str:
    """The hidden field of a form, for this browser and this purpose."""
    return await core.keys.mac("form", f"{browser.cookie}\0{purpose}")


async def require_form_token(core: Core, browser: Browser, purpose: str, form: Parameters) -> None:
    """Raises StaleForm."""
    expected = await form_token(core, browser, purpose)
    if not browser.known or not hmac.compare_digest(expected.encode(), form.get("csrf", "").encode()):
        raise StaleForm("this form does not belong to this browser's session: go back and start again")
