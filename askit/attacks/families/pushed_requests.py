"""Pushed requests that lead the answer elsewhere, or ask for less protection.

A server that puts a check off until the browser comes must refuse then: it is a hole if a code comes.

Spec: FAPI2-SP 5.3.2.2; RFC 9126 2.1; RFC 9700 2.1a, 2.1.1
Role: AS
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from askit.attacks.attack import Attack, Came
from askit.attacks.exchange import Exchange
from fapikit import base64url

_ELSEWHERE: Final = "The code goes to a place that the client has not chosen."
_EXACT: Final = "Compare the redirect URI octet by octet with those that the client has registered."
_INJECTED: Final = "A stolen code can be used: nothing binds it to the client that asked for it."
_S256: Final = "Demand a code_challenge with the method S256."


def came_of(exchange: Exchange, changes: Mapping[str, str | None], **how: Any) -> Came:
    begun = exchange.begun(**changes)
    response = exchange.push(begun, **how)
    if response.status_code >= 500:
        return str(response.status_code)
    if not response.is_success:
        return None
    request_uri = str(response.json().get("request_uri"))
    code = exchange.code_of(exchange.url(client_id=begun.form["client_id"], request_uri=request_uri))
    return None if code is None else f"{response.status_code}, and a code came"


def _request(
    name: str,
    change: Callable[[Exchange], Mapping[str, str | None]],
    sends: str,
    means: str,
    clause: str,
    remedy: str,
) -> Attack:
    return Attack(name, lambda exchange: came_of(exchange, change(exchange)), sends, means, clause, remedy)


def _redirect(name: str, write: Callable[[str], str], sends: str) -> Attack:
    return _request(
        name,
        lambda exchange: {"redirect_uri": write(exchange.party.redirect_uri)},
        sends,
        _ELSEWHERE,
        "RFC 9700 2.1a",
        _EXACT,
    )


def _at_a_similar_host(uri: str) -> str:
    host = urlsplit(uri).hostname or ""
    return uri.replace(f"://{host}", f"://{host}.evil.example", 1)


def _twice(exchange: Exchange) -> Came:
    begun = exchange.begun()
    evil = (("redirect_uri", "https://evil.example/callback"),)
    response = exchange.post("pushed_authorization_request_endpoint", begun.form, more=evil)
    return None if 400 <= response.status_code < 500 else str(response.status_code)


def _reference(exchange: Exchange) -> Came:
    form = {**exchange.begun().form, "request_uri": "urn:ietf:params:oauth:request_uri:invented"}
    response = exchange.post("pushed_authorization_request_endpoint", form)
    return None if 400 <= response.status_code < 500 else str(response.status_code)


ATTACKS: Final = (
    _redirect(
        "a redirect URI of a stranger", lambda _: "https://evil.example/callback", "It is another site."
    ),
    _redirect(
        "a redirect URI that goes on", lambda uri: f"{uri}/../evil", "It begins as the registered one."
    ),
    _redirect("a redirect URI that is longer", lambda uri: f"{uri}x", "It has one character more."),
    _redirect("a redirect URI with a query", lambda uri: f"{uri}?to=evil", "It has a query of its own."),
    _redirect(
        "a redirect URI with a user",
        lambda uri: uri.replace("://", "://evil@", 1),
        "Something stands before the host, and an @.",
    ),
    _redirect(
        "a redirect URI at a similar host",
        _at_a_similar_host,
        "The registered host is the beginning of another.",
    ),
    _redirect(
        "a redirect URI in clear", lambda uri: uri.replace("https://", "http://", 1), "It is an http URL."
    ),
    _request(
        "a request without a redirect URI",
        lambda _: {"redirect_uri": None},
        "It says nothing of where the answer goes.",
        _ELSEWHERE,
        "FAPI2-SP 5.3.2.2-6",
        "Demand redirect_uri.",
    ),
    _request(
        "a request without PKCE",
        lambda _: {"code_challenge": None, "code_challenge_method": None},
        "It has no code_challenge.",
        _INJECTED,
        "FAPI2-SP 5.3.2.2-5",
        _S256,
    ),
    _request(
        "a request with plain PKCE",
        lambda _: {"code_challenge": "v" * 43, "code_challenge_method": "plain"},
        "Its code_challenge_method is plain.",
        _INJECTED,
        "FAPI2-SP 5.3.2.2-5",
        _S256,
    ),
    _request(
        "a request with PKCE of no method",
        lambda _: {
            "code_challenge": base64url.encode(hashlib.sha256(b"v").digest()),
            "code_challenge_method": None,
        },
        "It has a code_challenge without a method, which means plain.",
        _INJECTED,
        "FAPI2-SP 5.3.2.2-5",
        _S256,
    ),
    _request(
        "a request for a token",
        lambda _: {"response_type": "token"},
        "Its response_type is token.",
        "An access token goes through the browser.",
        "FAPI2-SP 5.3.2.2-1",
        "Accept the response type code alone.",
    ),
    _request(
        "a request for a code and a token",
        lambda _: {"response_type": "code token"},
        "Its response_type is code token.",
        "An access token goes through the browser.",
        "FAPI2-SP 5.3.2.2-1",
        "Accept the response type code alone.",
    ),
    Attack(
        "a request with two redirect URIs",
        _twice,
        "It has the registered redirect URI, and that of a stranger.",
        _ELSEWHERE,
        "RFC 6749 3.1",
        "Refuse parameters that come twice.",
    ),
    Attack(
        "a request that refers to another",
        _reference,
        "It has a request_uri, which only an authorization URL may have.",
        "The client is shown one request, and another is used.",
        "RFC 9126 2.1-2",
        "Refuse request_uri at the endpoint for pushed requests.",
    ),
)
