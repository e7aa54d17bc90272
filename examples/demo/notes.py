"""What distinguishes a message from others of its kind, in a word or two. It never contains a value of the message."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote, urlsplit

import httpx

from fapikit.urns import CIBA, DEVICE_CODE

_Holds = Callable[[httpx.Request, httpx.Response], bool]


_POLL_ERRORS = ("authorization_pending", "slow_down", "expired_token", "access_denied")
_CONSENT_ERRORS = ("invalid_authorization_details", "invalid_grant_id")


def is_refusal(response: httpx.Response) -> bool:
    """Whether the body has an error code, by which refusals differ."""
    return response.status_code == 400


def error_of(response: httpx.Response) -> str:
    """The error code in the body; empty if there is none."""
    if not is_refusal(response):
        return ""
    try:
        return str(response.json()["error"])
    except (ValueError, TypeError, KeyError):
        return ""


def note_of(request: httpx.Request, response: httpx.Response) -> str:
    """The first matching note, or none."""
    return next((note for note, holds in _NOTES if holds(request, response)), "")


def _asks_for_nonce(response: httpx.Response) -> bool:
    challenges = " ".join(response.headers.get_list("www-authenticate"))
    return "use_dpop_nonce" in challenges or error_of(response) == "use_dpop_nonce"


def _polls(request: httpx.Request) -> bool:
    return any(quote(grant).encode() in request.content for grant in (DEVICE_CODE, CIBA))


def _asks_for_decision(request: httpx.Request) -> bool:
    return request.url.path == "/backchannel_authentication"


def _starts_in_the_url(request: httpx.Request) -> bool:
    return request.url.path == "/authorize" and "request_uri" not in request.url.params


def _arrives_at_callback(request: httpx.Request) -> bool:
    return request.method == "GET" and request.url.path.startswith("/callback")


def _goes_back(response: httpx.Response) -> tuple[str, str]:
    """The query and the fragment of a redirect's target."""
    location = urlsplit(response.headers.get("location", ""))
    return location.query, location.fragment


def _has_error(code: str) -> _Holds:
    return lambda _, answer: error_of(answer) == code


_NOTES: tuple[tuple[str, _Holds], ...] = (
    ("use_dpop_nonce", lambda _, answer: _asks_for_nonce(answer)),
    *((code, _has_error(code)) for code in (*_POLL_ERRORS, *_CONSENT_ERRORS)),
    ("another's intent", lambda _, answer: is_refusal(answer) and "no such intent was lodged" in answer.text),
    ("own token", lambda sent, _: b"grant_type=client_credentials" in sent.content),
    ("new grant", lambda sent, _: b"grant_management_action=create" in sent.content),
    ("merge", lambda sent, _: b"grant_management_action=merge" in sent.content),
    ("poll", lambda sent, _: _polls(sent)),
    ("not here", lambda sent, _: b"holds=no" in sent.content),
    ("denied", lambda sent, _: b"decision=deny" in sent.content),
    ("code in the link", lambda sent, _: "user_code" in sent.url.params),
    (
        "signed authentication request",
        lambda sent, _: _asks_for_decision(sent) and b"request=ey" in sent.content,
    ),
    ("plain authentication request", lambda sent, _: _asks_for_decision(sent)),
    ("request object", lambda sent, _: sent.method == "POST" and b"request=ey" in sent.content),
    (
        "request object in the URL",
        lambda sent, _: _starts_in_the_url(sent) and "request" in sent.url.params,
    ),
    ("request in the URL", lambda sent, _: _starts_in_the_url(sent)),
    ("signed redirect", lambda _, answer: "response=" in _goes_back(answer)[0]),
    ("answer and its ID token", lambda _, answer: "id_token=" in _goes_back(answer)[1]),
    ("signed response", lambda sent, _: "response=" in sent.url.query.decode()),
    ("page for the fragment", lambda sent, _: _arrives_at_callback(sent) and not sent.url.query),
    ("fragment", lambda sent, _: sent.content.startswith(b"fragment=")),
    ("signed answer", lambda _, answer: "introspection+jwt" in answer.headers.get("content-type", "")),
)
