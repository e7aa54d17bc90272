"""Which kind of message this is: by the endpoint that the server's metadata name, else by what the message says.

So the messages with any authorization server are understood, whatever its paths are.

Spec: RFC 8414 2; RFC 9126 5; RFC 8628 4; CIBA 4a
Role: RP, RS, AS
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl

from fapikit.urns import CIBA, DEVICE_CODE
from fapikit_viewer.masking.message import FORM, media_type_of
from fapikit_viewer.urls import parts_of

_BY_ENDPOINT: Final[Mapping[str, str]] = {
    "pushed_authorization_request_endpoint": "par",
    "authorization_endpoint": "authorize",
    "token_endpoint": "token",
    "introspection_endpoint": "introspect",
    "revocation_endpoint": "revoke",
    "userinfo_endpoint": "userinfo",
    "jwks_uri": "jwks",
    "registration_endpoint": "register",
    "end_session_endpoint": "end_session",
    "device_authorization_endpoint": "device_authorization",
    "backchannel_authentication_endpoint": "backchannel_authentication",
    "grant_management_endpoint": "grant_management",
}
_BELOW: Final = frozenset({"registration_endpoint", "grant_management_endpoint"})
"""Endpoints below which each client or grant has an address of its own."""
_WELL_KNOWN: Final[Mapping[str, str]] = {
    "/.well-known/oauth-authorization-server": "as_metadata",
    "/.well-known/openid-configuration": "openid_metadata",
    "/.well-known/oauth-protected-resource": "resource_metadata",
    "/.well-known/ssf-configuration": "signals_metadata",
}
_GRANTS: Final[Mapping[str, str]] = {
    "authorization_code": "token_for_code",
    "refresh_token": "token_refresh",
    "client_credentials": "token_of_the_client",
    DEVICE_CODE: "token_poll",
    CIBA: "token_poll",
    "urn:ietf:params:oauth:grant-type:token-exchange": "token_exchange",
    "urn:ietf:params:oauth:grant-type:jwt-bearer": "token_for_assertion",
}
_MAX_ENDPOINTS: Final = 2000


@dataclass(frozen=True, slots=True)
class Content:
    """What a message says, with its parameters read once."""

    method: str
    url: str
    query: Mapping[str, str]
    form: Mapping[str, str]
    sent: Mapping[str, Any]
    headers: Mapping[str, str]
    status: int | None
    answer: Mapping[str, Any]
    location: Mapping[str, str]
    challenge: str
    channel: str
    roles: tuple[str, str]

    @property
    def asked(self) -> Mapping[str, Any]:
        """Every parameter of the request."""
        return {**self.query, **self.form, **self.sent}

    @property
    def error(self) -> str | None:
        """The code of a refusal: in the answer's body, in its redirect, or in what the browser brings."""
        for members in (self.answer, self.location, self.query, self.form):
            if isinstance(members.get("error"), str) and members["error"]:
                return str(members["error"])
        return None


def content_of(event: Mapping[str, Any], roles: tuple[str, str]) -> Content:
    """The parameters of a recorded message. `roles`: of its sender and of its receiver, empty if unknown."""
    request, response = event["request"], event.get("response") or {}
    url = parts_of(request["url"])
    answer_headers = {name.lower(): value for name, value in response.get("headers", ())}
    target = parts_of(answer_headers.get("location", ""))
    kind = media_type_of(request["headers"])
    return Content(
        request["method"],
        request["url"],
        _pairs(url.query),
        _pairs(request["body"]) if kind.startswith(FORM) else {},
        _object(request["body"], kind),
        {name.lower(): value for name, value in request["headers"]},
        response.get("status"),
        _object(response.get("body", ""), answer_headers.get("content-type", "")),
        {**_pairs(target.query), **_pairs(target.fragment)},
        answer_headers.get("www-authenticate", ""),
        event.get("channel", ""),
        roles,
    )


@dataclass(slots=True)
class Kinds:
    """Knows the endpoints that the metadata in a recording have named so far."""

    _endpoints: dict[str, str] = field(default_factory=dict)
    issuers: set[str] = field(default_factory=set)
    """The origins of authorization servers."""

    def learn(self, content: Content) -> bool:
        """Learn from a message whether it holds a server's metadata. Returns whether it did."""
        if not isinstance(content.answer.get("issuer"), str) or "/.well-known/" not in content.url:
            return False
        members = [*content.answer.items(), *_aliases(content.answer).items()]
        found = {
            _bare(url): name
            for name, url in members
            if name in _BY_ENDPOINT and isinstance(url, str) and len(self._endpoints) < _MAX_ENDPOINTS
        }
        new = not found.items() <= self._endpoints.items()
        self._endpoints.update(found)
        self.issuers.update(origin_of(url) for url in found)
        return new

    def kind_of(self, content: Content) -> str:
        """The kind: a name in `words/messages.toml`."""
        path = parts_of(content.url).path
        for prefix, kind in _WELL_KNOWN.items():
            if path.startswith(prefix) or path.endswith(prefix):
                return kind
        if {"code", "response", "id_token"} & content.location.keys() and content.channel == "front":
            return "answer_by_redirect"
        known = self._by_endpoint(content)
        if known == "token" or "grant_type" in content.form:
            return _GRANTS.get(str(content.form.get("grant_type")), "token")
        if known is None and content.channel == "front" and origin_of(content.url) in self.issuers:
            return "device_page" if "user_code" in content.asked else "as_page"
        return known or next((kind for kind, holds in _BY_CONTENT if holds(content)), "other")

    def _by_endpoint(self, content: Content) -> str | None:
        address = _bare(content.url)
        name = self._endpoints.get(address)
        if name is None:
            above = self._endpoints.get(address.rpartition("/")[0])
            name = above if above in _BELOW else None
        return None if name is None else _BY_ENDPOINT[name]


_Holds: TypeAlias = Callable[[Content], bool]


def _to(role: str, channel: str) -> _Holds:
    return lambda content: content.roles[1] == role and content.channel == channel


_BY_CONTENT: Final[tuple[tuple[str, _Holds], ...]] = (
    ("status_list", lambda c: "statuslist" in c.headers.get("accept", "")),
    ("par", lambda c: "request_uri" in c.answer and c.method == "POST"),
    ("device_authorization", lambda c: "device_code" in c.answer),
    ("ciba_notification", lambda c: "auth_req_id" in c.sent),
    ("backchannel_authentication", lambda c: "auth_req_id" in c.answer),
    ("jwks", lambda c: isinstance(c.answer.get("keys"), list)),
    ("introspect", lambda c: "token" in c.form and "active" in c.answer),
    ("introspect", lambda c: "token" in c.form and "introspection" in c.headers.get("accept", "")),
    ("revoke", lambda c: "token" in c.form),
    ("logout_token", lambda c: "logout_token" in c.form),
    (
        "authorize",
        lambda c: (
            "client_id" in c.query and bool({"request_uri", "response_type", "request"} & c.query.keys())
        ),
    ),
    ("answer_arrives", lambda c: bool({"code", "response"} & c.asked.keys()) and c.channel == "front"),
    ("answer_arrives", lambda c: "fragment" in c.form),
    ("answer_arrives", lambda c: "error" in c.query and bool({"state", "iss"} & c.query.keys())),
    ("device_page", lambda c: "user_code" in c.asked and c.channel == "front"),
    ("userinfo", lambda c: "sub" in c.answer and "authorization" in c.headers),
    ("api_call", lambda c: c.channel == "back" and ("authorization" in c.headers or c.roles[1] == "rs")),
    ("as_page", _to("as", "front")),
    ("client_page", _to("client", "front")),
)


def origin_of(url: str) -> str:
    parts = parts_of(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else url


def _bare(url: str) -> str:
    return url.partition("?")[0].partition("#")[0]


def _aliases(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    aliases = metadata.get("mtls_endpoint_aliases")
    return aliases if isinstance(aliases, dict) else {}


def _pairs(text: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=1000))
    except ValueError:
        return {}


def _object(text: str, media_type: str) -> dict[str, Any]:
    if "json" not in media_type:
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
