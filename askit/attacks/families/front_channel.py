"""Authorization URLs that were not pushed, or pushed by another, or used before.

Spec: FAPI2-SP 5.3.2.1-7, 5.3.2.2-3; RFC 9126 2.2, 4, 5; RFC 9700 4.11
Role: AS
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from askit.attacks.attack import Attack, Came
from askit.attacks.exchange import Exchange, without_none
from fapikit.scan_report import NotLookedAt

CAME: Final = "a code came"
NO_OTHER: Final = NotLookedAt(
    "what another client may do", "only one client is known", "find_holes(..., other=Party(...))"
)
_IN_URL: Final = "Whoever changes the URL in the browser changes what the user agrees to."


def _told(code: str | None) -> Came:
    return None if code is None else CAME


def _in_the_url(exchange: Exchange) -> Came:
    return _told(exchange.code_of(exchange.url(**exchange.begun().form)))


def _invented(exchange: Exchange) -> Came:
    invented = "urn:ietf:params:oauth:request_uri:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    return _told(exchange.code_of(exchange.url(client_id=exchange.party.client_id, request_uri=invented)))


def _of_another(exchange: Exchange) -> Came:
    if exchange.other is None:
        return NO_OTHER
    pushed = exchange.pushed(exchange.begun())
    return _told(exchange.code_of(exchange.url(client_id=exchange.other.client_id, request_uri=pushed)))


def _twice(exchange: Exchange) -> Came:
    begun = exchange.begun()
    url = exchange.url(client_id=exchange.party.client_id, request_uri=exchange.pushed(begun))
    if exchange.code_of(url) is None:
        raise AssertionError("the honest login brings no code: make it pass first")
    return _told(exchange.code_of(url))


def _parameters_beside(exchange: Exchange) -> Came:
    begun = exchange.begun()
    beside = {"state": "of-the-attacker", "client_id": exchange.party.client_id}
    url = exchange.url(**beside, request_uri=exchange.pushed(begun))
    try:
        answer = exchange.browse(url)
    except Exception:  # noqa: BLE001 - it is refused, which is right as well
        return None
    return "the state of the URL came back" if answer.get("state") == "of-the-attacker" else None


def _open_redirector(exchange: Exchange) -> Came:
    evil = "https://evil.example/"
    form = without_none({**exchange.begun().form, "redirect_uri": evil, "response_type": "nonsense"})
    exchange.requests += 1
    answer = exchange.http.get(exchange.url(**form), follow_redirects=False)
    there = urlsplit(answer.headers.get("location", "")).hostname
    return f"{answer.status_code} to evil.example" if there == "evil.example" else None


ATTACKS: Final = (
    Attack(
        "a request in the URL",
        _in_the_url,
        "The authorization URL has all parameters, and nothing was pushed.",
        _IN_URL,
        "FAPI2-SP 5.3.2.2-3",
        "Refuse authorization requests that were not pushed.",
    ),
    Attack(
        "a request_uri that was invented",
        _invented,
        "The authorization URL has a request_uri that this server did not give.",
        _IN_URL,
        "RFC 9126 2.2",
        "Accept request URIs that you have given, with 128 bits that nobody can guess.",
    ),
    Attack(
        "a request_uri of another client",
        _of_another,
        "The authorization URL has the request_uri of one client, and the client_id of another.",
        "A client starts a login in the name of another.",
        "RFC 9126 2.2",
        "Bind each request_uri to the client that pushed it.",
    ),
    Attack(
        "a request_uri that was used",
        _twice,
        "The same authorization URL is used again, after it has brought a code.",
        "Who finds the URL in a history gets a code for the next user.",
        "RFC 9126 4b",
        "Use a request_uri up when the user has agreed.",
    ),
    Attack(
        "parameters beside the request_uri",
        _parameters_beside,
        "The authorization URL has a state of the attacker beside the request_uri.",
        _IN_URL,
        "RFC 9101 6.3",
        "Ignore parameters that were not pushed.",
    ),
    Attack(
        "a redirect to a stranger",
        _open_redirector,
        "An authorization URL that is refused names a redirect URI of a stranger.",
        "The server's good name sends a user to any site.",
        "FAPI2-SP 5.3.2.1-7",
        "Show a page. Redirect to registered redirect URIs only.",
    ),
)
