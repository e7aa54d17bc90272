"""The logins of one browser: how each starts, where its transaction is kept, and how it is found again.

Each login has its own sealed cookie, named after its transaction. So two tabs do not disturb each other. The cookie is
bound to this browser and this host (`__Host-`). If a browser has too many logins, the oldest is dropped. A login starts
only by a POST from our own pages. No value of a request decides where a browser is sent.

Spec: FAPI2-SP 5.3.3.1-4, -12, 5.3.3.2-4; RFC 9700 2.1b, 2.1c, 4.2.4, 4.12, 4.16
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from fapikit import base64url, strict_json
from fapikit.errors import FapiError, MalformedMessage, SealBroken
from fapikit.parameters import Parameters, parse_parameters
from fapikit.secrets import Concealed
from fapikit.stores.sealed import Seal
from fapikit.urls import origin_of
from rpkit.errors import TransactionMissing
from rpkit.login.authorization_request import Start
from rpkit.login.callback import peer_error
from rpkit.login.transaction import Transaction, transaction_id
from rpkit.web.messages import MAX_BODY, PRIVATE_HEADERS, WebAnswer, WebRequest

COOKIE: Final = "__Host-rp-"
LOOPBACK_COOKIE: Final = "rp-"
"""For a redirect URI that is http on loopback. `__Host-` needs a Secure cookie, which Safari does not keep there."""
MAX_LOGINS: Final = 5
"""The limit for logins in one browser that are not completed. One more replaces the oldest."""
MAX_COOKIES: Final = 7000
"""In characters, for the cookies of these logins. A web server accepts 8 KB of cookies, the application's included."""

_CHUNK: Final = 3500
_CHUNKS: Final = 4
_FORM_POST: Final = frozenset({"form_post", "form_post.jwt"})


@dataclass(frozen=True, slots=True)
class Returned:
    """The transaction of a browser that came back, and the callback for `complete`."""

    transaction: Transaction
    callback: Concealed[str | bytes]


def may_start(request: WebRequest, redirect_uri: str) -> bool:
    """Whether the request comes from a page of ours and not from another site (FAPI2-SP 5.3.3.1-12)."""
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
    """A 303 to the bank, with the transaction in its own cookie. Raises MalformedMessage if it is too large."""
    transaction = replace(start.transaction, target=target)
    prefix, same_site = _prefix(transaction), _same_site(transaction)
    lifetime = int(transaction.expires_at - now)
    sealed = transaction.seal(seal)
    chunks = [sealed[at : at + _CHUNK] for at in range(0, len(sealed), _CHUNK)]
    if len(chunks) > _CHUNKS:
        raise MalformedMessage(
            f"the transaction of this login needs more than {_CHUNKS} cookies of {_CHUNK} characters: request less in"
            " authorization_details or claims"
        )
    cookies = [
        _cookie(f"{prefix}{transaction.id}{_suffix(number)}", chunk, lifetime, same_site)
        for number, chunk in enumerate(chunks)
    ]
    for other in _logins_to_drop(request, len(sealed), seal):
        cookies += ended(other, request)
    return WebAnswer(303, (("location", start.url), *PRIVATE_HEADERS, *cookies))


def returned(request: WebRequest, redirect_uri: str, *, seal: Seal) -> Returned:
    """Find the transaction of the login that this browser comes back from.

    Raises TransactionMissing, SealBroken, MalformedMessage.
    """
    parameters, callback = _parameters(request, redirect_uri)
    # `state` only chooses the cookie. `complete` compares it with the state in the cookie.
    name = transaction_id(_state_of(parameters))
    sealed = _sealed(request, f"{COOKIE}{name}")
    if not sealed and urlsplit(redirect_uri).scheme == "http":
        sealed = _sealed(request, f"{LOOPBACK_COOKIE}{name}")
    if not sealed:
        raise TransactionMissing(
            f"this browser has no cookie of the login with this state{peer_error(parameters)}"
        )
    return Returned(Transaction.open(sealed, seal), Concealed(callback))


def ended(name: str, request: WebRequest) -> list[tuple[str, str]]:
    """The headers that delete the cookies of a login."""
    held = [
        f"{prefix}{name}{_suffix(number)}"
        for prefix in (COOKIE, LOOPBACK_COOKIE)
        for number in range(_CHUNKS)
    ]
    return [_cookie(cookie, "", 0, "Lax") for cookie in held if cookie in request.cookies]


def ended_after(request: WebRequest, redirect_uri: str) -> list[tuple[str, str]]:
    """The headers that delete the cookies of the login with the state of this response, if it has one."""
    try:
        parameters, _ = _parameters(request, redirect_uri)
        return ended(transaction_id(_state_of(parameters)), request)
    except FapiError:
        return []


def _parameters(request: WebRequest, redirect_uri: str) -> tuple[Parameters, str | bytes]:
    """The parameters of the response, and the callback for `complete`."""
    if request.method != "POST":
        return parse_parameters(urlsplit(request.url).query), request.url
    if len(request.body) > MAX_BODY:
        raise MalformedMessage(f"the posted response has more than {MAX_BODY} octets")
    form = parse_parameters(request.body)
    if set(form) == {"fragment"}:
        # A fragment is accepted from our own page alone: the form of another site has another Origin.
        if not may_start(request, redirect_uri):
            raise TransactionMissing(
                "a fragment was posted by another site, and only our own page may post one"
            )
        return parse_parameters(form["fragment"]), f"{request.url}#{form['fragment']}"
    return form, request.body


def _state_of(parameters: Parameters) -> str:
    """`state`, or the state inside a signed response. It is not verified, and only chooses a cookie."""
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
    """`__Host-`, except on loopback, for Safari. With form_post it is always `__Host-`: SameSite=None needs Secure."""
    on_loopback = urlsplit(transaction.redirect_uri).scheme == "http"
    return LOOPBACK_COOKIE if on_loopback and _same_site(transaction) == "Lax" else COOKIE


def _same_site(transaction: Transaction) -> str:
    return "None" if transaction.response_mode in _FORM_POST else "Lax"


def _sealed(request: WebRequest, name: str) -> str:
    """The sealed transaction, joined from the cookies of one login."""
    return "".join(request.cookies.get(f"{name}{_suffix(number)}", "") for number in range(_CHUNKS))


def _pending_logins(cookies: Mapping[str, str]) -> list[str]:
    """The names of the logins of this browser. The browser sends older cookies first (RFC 6265 5.4)."""
    held = (name.split(".")[0] for name in cookies if name.startswith((COOKIE, LOOPBACK_COOKIE)))
    return list(dict.fromkeys(held))


def _logins_to_drop(request: WebRequest, needed: int, seal: Seal) -> list[str]:
    """The oldest logins, which must be dropped for a new login of this length, by number or by size."""
    held = [(name, _sealed(request, name)) for name in _pending_logins(request.cookies)]
    oldest_first = sorted(held, key=lambda login: _ends(login[1], seal))
    leave, room = [], MAX_COOKIES - needed
    for number, (name, sealed) in enumerate(oldest_first[::-1], start=2):
        room -= len(sealed)
        if number > MAX_LOGINS or room < 0:
            leave.append(name.removeprefix(COOKIE).removeprefix(LOOPBACK_COOKIE))
    return leave


def _ends(sealed: str, seal: Seal) -> float:
    """When a login expires: the oldest expires first. A login that cannot be opened counts as the oldest."""
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
