"""What distinguishes a message from others of its kind, in a word or two. It never contains a value of the message."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from fapikit.urns import CIBA, DEVICE_CODE

_POLL_ERRORS = ("authorization_pending", "slow_down", "expired_token", "access_denied")
_CONSENT_ERRORS = ("invalid_authorization_details", "invalid_grant_id")


@dataclass(frozen=True)
class Exchange:
    """What a recorded request and its answer say. Secrets are masked in both, names are not."""

    method: str
    path: str
    query: Mapping[str, str]
    form: Mapping[str, str]
    challenges: str
    kind: str
    """The media type of the answer."""
    back: tuple[str, str]
    """The query and the fragment of a redirect's target."""
    refused: Mapping[str, Any]
    """The JSON of a 400."""

    @classmethod
    def of(cls, request: Mapping[str, Any], response: Mapping[str, Any]) -> Exchange:
        url, headers = urlsplit(request["url"]), _headers(response)
        back = urlsplit(headers.get("location", ""))
        return cls(
            request["method"],
            url.path,
            dict(parse_qsl(url.query)),
            dict(parse_qsl(request["body"])),
            headers.get("www-authenticate", ""),
            headers.get("content-type", ""),
            (back.query, back.fragment),
            _json(response["body"]) if response["status"] == 400 else {},
        )

    @property
    def error(self) -> str:
        return str(self.refused.get("error", ""))


_Holds = Callable[[Exchange], bool]


def note_of(request: Mapping[str, Any], response: Mapping[str, Any]) -> str:
    """The first matching note, or none."""
    exchange = Exchange.of(request, response)
    return next((note for note, holds in _NOTES if holds(exchange)), "")


def _headers(response: Mapping[str, Any]) -> dict[str, str]:
    """The header fields, with the values of a repeated one in one line."""
    found: dict[str, str] = {}
    for name, value in response["headers"]:
        found[name.lower()] = f"{found[name.lower()]} {value}" if name.lower() in found else value
    return found


def _json(body: str) -> Mapping[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _asks_for_nonce(exchange: Exchange) -> bool:
    return "use_dpop_nonce" in f"{exchange.challenges} {exchange.error}"


def _is_signed(exchange: Exchange) -> bool:
    return exchange.form.get("request", "").startswith("ey")


def _asks_for_decision(exchange: Exchange) -> bool:
    return exchange.path == "/backchannel_authentication"


def _starts_in_the_url(exchange: Exchange) -> bool:
    return exchange.path == "/authorize" and "request_uri" not in exchange.query


def _arrives_at_callback(exchange: Exchange) -> bool:
    return exchange.method == "GET" and exchange.path.startswith("/callback")


def _has_error(code: str) -> _Holds:
    return lambda exchange: exchange.error == code


def _has(name: str, value: str) -> _Holds:
    return lambda exchange: exchange.form.get(name) == value


_NOTES: tuple[tuple[str, _Holds], ...] = (
    ("use_dpop_nonce", _asks_for_nonce),
    *((code, _has_error(code)) for code in (*_POLL_ERRORS, *_CONSENT_ERRORS)),
    ("another's intent", lambda each: "no such intent was lodged" in str(each.refused)),
    ("own token", _has("grant_type", "client_credentials")),
    ("new grant", _has("grant_management_action", "create")),
    ("merge", _has("grant_management_action", "merge")),
    ("poll", lambda each: each.form.get("grant_type") in (DEVICE_CODE, CIBA)),
    ("not here", _has("holds", "no")),
    ("denied", _has("decision", "deny")),
    ("code in the link", lambda each: "user_code" in each.query),
    ("signed authentication request", lambda each: _asks_for_decision(each) and _is_signed(each)),
    ("plain authentication request", _asks_for_decision),
    ("request object", lambda each: each.method == "POST" and _is_signed(each)),
    ("request object in the URL", lambda each: _starts_in_the_url(each) and "request" in each.query),
    ("request in the URL", _starts_in_the_url),
    ("signed redirect", lambda each: "response=" in each.back[0]),
    ("answer and its ID token", lambda each: "id_token=" in each.back[1]),
    ("signed response", lambda each: "response" in each.query),
    ("page for the fragment", lambda each: _arrives_at_callback(each) and not each.query),
    ("fragment", lambda each: "fragment" in each.form),
    ("signed answer", lambda each: "introspection+jwt" in each.kind),
)
