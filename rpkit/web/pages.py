"""Signing in and out through a browser, whatever the web framework: cookies, headers and pages, as plain values.

Each login has a sealed cookie of its own, named after its transaction, so that tabs do not disturb each other; the
cookie is bound to this browser and this host (`__Host-`). Where a browser has too many, the oldest login gives way. A
login starts only by a POST from our own pages, and no value of a request says where a browser is sent.

Spec: FAPI2-SP 5.3.3.1-4, -12, 5.3.3.2-4; RFC 9700 2.1b, 2.1c, 4.2.4, 4.12, 4.16
Role: C
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urlsplit

from fapikit import base64url, strict_json
from fapikit.clock import RandomBytes
from fapikit.errors import FapiError, Fault, MalformedMessage, Remedy, SealBroken, StoreError, TransportError
from fapikit.parameters import Parameters, parse_parameters
from fapikit.secrets import Concealed, random_token
from fapikit.stores.sealed import Seal
from fapikit.urls import origin_of
from rpkit.errors import TransactionMissing, TransactionUsed
from rpkit.login.authorization_request import Start
from rpkit.login.callback import told_error
from rpkit.login.transaction import Transaction, transaction_id
from rpkit.web.logout import LogoutStart

COOKIE: Final = "__Host-rp-"
LOOPBACK_COOKIE: Final = "rp-"
"""Where the redirect URI is http on this machine: Safari keeps no Secure cookie from there, and `__Host-` needs one."""
MAX_BODY: Final = 64 * 1024
MAX_LOGINS: Final = 5
"""Logins under way in one browser; the sixth takes the place of the oldest."""
MAX_COOKIES: Final = 7000
"""Characters of their cookies: a web server takes 8 KB of Cookie header, and the application has cookies too."""

_CHUNK: Final = 3500
_CHUNKS: Final = 4
_FORM_POST: Final = frozenset({"form_post", "form_post.jwt"})

PRIVATE_HEADERS: Final = (
    ("cache-control", "no-store"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
)


class WebRequest:
    """What a framework's request says. `url` is path and query as they arrived; a code may be in it, or in the body."""

    __slots__ = ("_arrived", "method")

    def __init__(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        cookies: Mapping[str, str],
        body: bytes = b"",
    ) -> None:
        self.method = method
        self._arrived = Concealed((url, headers, cookies, body))

    @property
    def url(self) -> str:
        return self._arrived.reveal()[0]

    @property
    def headers(self) -> Mapping[str, str]:
        return self._arrived.reveal()[1]

    @property
    def cookies(self) -> Mapping[str, str]:
        return self._arrived.reveal()[2]

    @property
    def body(self) -> bytes:
        return self._arrived.reveal()[3]


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """What to answer; Set-Cookie may stand among `headers` several times."""

    status: int
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: str = field(repr=False, default="")


@dataclass(frozen=True, slots=True)
class Returned:
    """A browser that came back: its transaction, and the callback as `complete` takes it."""

    transaction: Transaction
    callback: Concealed[str | bytes]


def may_start(request: WebRequest, redirect_uri: str) -> bool:
    """Whether our own page, and no other site, asks to start a login (FAPI2-SP 5.3.3.1-12)."""
    if request.method != "POST":
        return False
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is not None and origin == origin_of(redirect_uri)


def started(
    start: Start, request: WebRequest, *, seal: Seal, now: float, target: str | None = None
) -> WebAnswer:
    """303 to the bank, with the transaction in a cookie of its own. Raises MalformedMessage if none can hold it."""
    transaction = replace(start.transaction, target=target)
    prefix, same_site = _prefix(transaction), _same_site(transaction)
    lifetime = int(transaction.expires_at - now)
    sealed = transaction.seal(seal)
    chunks = [sealed[at : at + _CHUNK] for at in range(0, len(sealed), _CHUNK)]
    if len(chunks) > _CHUNKS:
        raise MalformedMessage("this login's request is too large to be kept in a cookie")
    cookies = [
        _cookie(f"{prefix}{transaction.id}{_suffix(number)}", chunk, lifetime, same_site)
        for number, chunk in enumerate(chunks)
    ]
    for other in _crowded_out(request, len(sealed), seal):
        cookies += ended(other, request)
    return WebAnswer(303, (("location", start.url), *PRIVATE_HEADERS, *cookies))


def returned(request: WebRequest, redirect_uri: str, *, seal: Seal) -> Returned:
    """Find the login that this browser comes back to.

    Raises TransactionMissing, SealBroken, MalformedMessage.
    """
    parameters, callback = _parameters(request, redirect_uri)
    # `state` chooses the cookie and decides nothing: `complete` compares it with what the cookie holds.
    name = transaction_id(_state_of(parameters))
    sealed = _sealed(request, f"{COOKIE}{name}")
    if not sealed and urlsplit(redirect_uri).scheme == "http":
        sealed = _sealed(request, f"{LOOPBACK_COOKIE}{name}")
    if not sealed:
        raise TransactionMissing(f"this browser has no such login under way{told_error(parameters)}")
    return Returned(Transaction.open(sealed, seal), Concealed(callback))


def needs_fragment(request: WebRequest, response_mode: str) -> bool:
    """Whether the answer is in the fragment, which only a page can read."""
    in_fragment = response_mode in ("fragment", "fragment.jwt")
    return in_fragment and request.method == "GET" and not urlsplit(request.url).query


def fragment_page(redirect_uri: str, random_bytes: RandomBytes) -> WebAnswer:
    """A page that posts its own fragment back to this address, and runs nothing else."""
    nonce = random_token(random_bytes, 16)
    action = html.escape(urlsplit(redirect_uri).path, quote=True)
    body = (
        f'<form id="f" method="post" action="{action}"><input type="hidden" name="fragment" id="v">'
        "<noscript>Signing in needs JavaScript here.</noscript></form>"
        f'<script nonce="{nonce}">'
        "document.getElementById('v').value=location.hash.slice(1);"
        "history.replaceState(null,'',location.pathname);document.getElementById('f').submit()"
        "</script>"
    )
    return page("Signing in", body, f"script-src 'nonce-{nonce}'; form-action 'self'")


def page(
    title: str,
    body: str,
    policy: str,
    *,
    status: int = 200,
    headers: tuple[tuple[str, str], ...] = (),
) -> WebAnswer:
    """A page of ours with a form that posts to us, which nobody can put into a frame."""
    headers = (
        *headers,
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", f"default-src 'none'; {policy}; frame-ancestors 'none'"),
        # no-referrer would blank the Origin that proves the post to be our own page's.
        *((name, "same-origin" if name == "referrer-policy" else value) for name, value in PRIVATE_HEADERS),
    )
    return WebAnswer(status, headers, f'<!doctype html><meta charset="utf-8"><title>{title}</title>{body}')


def refused_start(what: str = "A sign-in") -> WebAnswer:
    """The answer to a login, or a logout, that another site tried to start."""
    return _text(403, f"{what} begins on this site's own page.")


def sent_to_sign_out(start: LogoutStart) -> WebAnswer:
    """303 to the bank's sign-out page."""
    return WebAnswer(303, (("location", start.url), *PRIVATE_HEADERS))


def signed_out_here(error: FapiError) -> WebAnswer:
    """The session here has ended, and the bank's could not be."""
    status = 503 if isinstance(error, TransportError | StoreError) else 500
    return _text(status, "You have signed out here. At the bank you may still be signed in: sign out there.")


def failed(error: FapiError) -> WebAnswer:
    """A page for the user: what to do, and nothing that a stranger could learn from."""
    undecided = isinstance(error, TransportError | StoreError) and not isinstance(error, SealBroken)
    if undecided or error.remedy is Remedy.RETRY_LATER:
        return _text(503, "Signing in is not possible right now. Please try again later.")
    if error.fault is Fault.CONFIGURATION:
        return _text(500, "Signing in is not possible: this site is not set up correctly.")
    if isinstance(error, TransactionMissing | TransactionUsed):  # loaded again, perhaps after it went well
        return _text(
            400,
            "This page has been used before, or belongs to another browser."
            " If you are signed in, go on; if not, please sign in again.",
        )
    return _text(400, "Signing in did not work. Please sign in again.")


def preview() -> WebAnswer:
    """To HEAD, which looks and does nothing: it finishes no login."""
    return WebAnswer(200, PRIVATE_HEADERS)


def logged_out() -> WebAnswer:
    """To a server that told us of a logout."""
    return WebAnswer(200, PRIVATE_HEADERS)


def not_logged_out(error: FapiError) -> WebAnswer:
    """The same where its token does not hold, or cannot be judged now. A server reads this, no user."""
    status = 503 if isinstance(error, TransportError | StoreError) else 400
    body = strict_json.dump({"error": "invalid_request" if status == 400 else "temporarily_unavailable"})
    return WebAnswer(status, (("content-type", "application/json"), *PRIVATE_HEADERS), body.decode())


def ended(name: str, request: WebRequest) -> list[tuple[str, str]]:
    """Headers that take a login's cookies away."""
    held = [
        f"{prefix}{name}{_suffix(number)}"
        for prefix in (COOKIE, LOOPBACK_COOKIE)
        for number in range(_CHUNKS)
    ]
    return [_cookie(cookie, "", 0, "Lax") for cookie in held if cookie in request.cookies]


def ended_after(request: WebRequest, redirect_uri: str) -> list[tuple[str, str]]:
    """The same for the login that this answer names, if it names one."""
    try:
        parameters, _ = _parameters(request, redirect_uri)
        return ended(transaction_id(_state_of(parameters)), request)
    except FapiError:
        return []


def _parameters(request: WebRequest, redirect_uri: str) -> tuple[Parameters, str | bytes]:
    """What arrived, and how `complete` is to be told of it."""
    if request.method != "POST":
        return parse_parameters(urlsplit(request.url).query), request.url
    if len(request.body) > MAX_BODY:
        raise MalformedMessage("the posted answer is too long")
    form = parse_parameters(request.body)
    if set(form) == {"fragment"}:
        # From our own page alone: another site's form carries another origin.
        if not may_start(request, redirect_uri):
            raise TransactionMissing("a fragment is posted by our own page only")
        return parse_parameters(form["fragment"]), f"{request.url}#{form['fragment']}"
    return form, request.body


def _state_of(parameters: Parameters) -> str:
    """`state`, or the one inside a signed answer: unverified, only to choose a cookie."""
    response = parameters.get("response")
    if response is None:
        return parameters.get("state", "")
    try:
        claims = strict_json.parse_object(base64url.decode(response.split(".")[1]))
    except (ValueError, IndexError):
        return ""
    state = claims.get("state")
    return state if isinstance(state, str) else ""


def _prefix(transaction: Transaction) -> str:
    """`__Host-`, unless that keeps Safari from keeping it; an answer that is posted needs it everywhere (SameSite)."""
    on_loopback = urlsplit(transaction.redirect_uri).scheme == "http"
    return LOOPBACK_COOKIE if on_loopback and _same_site(transaction) == "Lax" else COOKIE


def _same_site(transaction: Transaction) -> str:
    return "None" if transaction.response_mode in _FORM_POST else "Lax"


def _sealed(request: WebRequest, name: str) -> str:
    """What the cookies of one login hold together."""
    return "".join(request.cookies.get(f"{name}{_suffix(number)}", "") for number in range(_CHUNKS))


def _under_way(cookies: Mapping[str, str]) -> list[str]:
    """The logins of this browser, each by its cookie's first name, as they come: the older first (RFC 6265 5.4)."""
    held = (name.split(".")[0] for name in cookies if name.startswith((COOKIE, LOOPBACK_COOKIE)))
    return list(dict.fromkeys(held))


def _crowded_out(request: WebRequest, needed: int, seal: Seal) -> list[str]:
    """The logins whose place a new one of this length takes, in number or in room: the oldest."""
    held = [(name, _sealed(request, name)) for name in _under_way(request.cookies)]
    oldest_first = sorted(held, key=lambda login: _ends(login[1], seal))
    leave, room = [], MAX_COOKIES - needed
    for number, (name, sealed) in enumerate(oldest_first[::-1], start=2):
        room -= len(sealed)
        if number > MAX_LOGINS or room < 0:
            leave.append(name.removeprefix(COOKIE).removeprefix(LOOPBACK_COOKIE))
    return leave


def _ends(sealed: str, seal: Seal) -> float:
    """When a login under way ends, by which the oldest is known; one that nobody can open is the first to go."""
    try:
        return Transaction.open(sealed, seal).expires_at
    except SealBroken:
        return float("-inf")


def _suffix(number: int) -> str:
    return f".{number}" if number else ""


def _cookie(name: str, value: str, lifetime: int, same_site: str) -> tuple[str, str]:
    secure = "Secure; " if name.startswith(COOKIE) else ""
    attributes = f"Path=/; Max-Age={lifetime}; {secure}HttpOnly; SameSite={same_site}"
    return "set-cookie", f"{name}={value}; {attributes}"


def _text(status: int, text: str) -> WebAnswer:
    return WebAnswer(status, (("content-type", "text/plain; charset=utf-8"), *PRIVATE_HEADERS), text)
