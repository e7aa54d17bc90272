"""A server that breaks rules on purpose, so that clients can be tested against it.

    faulty_askit.app.faults["id_token"] = lambda claims: {**claims, "aud": "somebody-else"}
    faulty_askit.app.faults["metadata"] = lambda document: {**document, "issuer": document["issuer"] + "1"}
    faulty_askit.app.faults["id_token.jwt"] = unsigned
    faulty_askit.app.faults.nonces = "never"

Each fault is a function that takes an outgoing message and returns another:

    "metadata"                 the document                "jwks"             the key set
    "authorization_response"   its parameters, `state` and `iss` included (a JARM response has only `response`)
    "jarm"                     the claims of the response  "jarm.jwt"         the signed JWT
    "token_response"           the JSON body
    "device_authorization_response"    the JSON body of that endpoint
    "backchannel_authentication_response", "notification"    the JSON bodies of CIBA
    "id_token"                 the claims                  "id_token.jwt"     the signed JWT
    "access_token"             the claims                  "access_token.jwt" the signed JWT
    "userinfo"                 the claims                  "userinfo.jwt"     the signed JWT
    "introspection"            the members                 "introspection.jwt" the signed JWT
    "grant"                    what the grant management endpoint tells of a grant
    "logout_token"             the claims                  "logout_token.jwt" the signed JWT

`faults.outages`: the paths at which no answer comes, or not in time: 503, hang, reset, lost answer, slow drip (see
`outages`). `faults.nonces`: "normal", "never" (no nonce is required) or "each_call" (each answer has a new nonce, and
the previous one is refused). `faults.calls`: every request as (method, path), so a test can see which ones were sent.
`faults.headers` are added to every answer. `unsigned`, `broken_signature` and `resigned` help with the JWTs.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TypeAlias

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from askit.attacks.altered_jwts import broken_signature, resigned, unsigned
from askit.core import Core
from askit.pytest_plugin.outages import Outages, answer_badly
from askit.records import PushedRequest
from askit.server import AuthorizationServer
from fapikit import base64url
from fapikit.dpop import NonceIssuer
from fapikit.jose.purposes import (
    ACCESS_TOKEN,
    ID_TOKEN,
    INTROSPECTION_RESPONSE,
    JARM_RESPONSE,
    LOGOUT_TOKEN,
    USERINFO_RESPONSE,
    Purpose,
)

__all__ = ["PLACES", "Faults", "FaultyCore", "FaultyServer", "broken_signature", "resigned", "unsigned"]

Change: TypeAlias = Callable[[Any], Any]

_PLACES: Final = {
    ID_TOKEN.name: "id_token",
    JARM_RESPONSE.name: "jarm",
    ACCESS_TOKEN.name: "access_token",
    USERINFO_RESPONSE.name: "userinfo",
    INTROSPECTION_RESPONSE.name: "introspection",
    LOGOUT_TOKEN.name: "logout_token",
}
PLACES: Final = frozenset(
    {
        "authorization_response",
        "backchannel_authentication_response",
        "device_authorization_response",
        "grant",
        "jwks",
        "metadata",
        "notification",
        "token_response",
        *_PLACES.values(),
    }
    | {f"{place}.jwt" for place in _PLACES.values()}
)


class Faults:
    """The faults by message. There is none at first."""

    def __init__(self) -> None:
        self._changes: dict[str, Change] = {}
        self.nonces: Literal["normal", "never", "each_call"] = "normal"
        self.outages = Outages()
        self.headers: dict[str, str] = {}
        self.calls: list[tuple[str, str]] = []

    def __setitem__(self, place: str, change: Change) -> None:
        if place not in PLACES:
            raise KeyError(f"there is no fault {place!r}; known: {', '.join(sorted(PLACES))}")
        self._changes[place] = change

    def __delitem__(self, place: str) -> None:
        self._changes.pop(place, None)

    def clear(self) -> None:
        self._changes.clear()
        self.outages.clear()
        self.nonces = "normal"
        self.headers.clear()
        self.calls.clear()

    def apply(self, place: str, message: Any) -> Any:
        change = self._changes.get(place)
        return message if change is None else change(message)


class FaultyCore(Core):
    """A `Core` that can change each message in its last step."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.faults = Faults()
        self._each_call = _EachCallNonces()

    async def sign(self, claims: Mapping[str, Any], purpose: Purpose, alg: str | None = None) -> str:
        place = _PLACES.get(purpose.name)
        if place is None:
            return await super().sign(claims, purpose, alg)
        # The claims of UserInfo and introspection were already changed where they were built.
        changed = claims if place in ("userinfo", "introspection") else self.faults.apply(place, dict(claims))
        return str(self.faults.apply(f"{place}.jwt", await super().sign(changed, purpose, alg)))

    def metadata_body(self, document: dict[str, Any]) -> dict[str, Any]:
        return dict(self.faults.apply("metadata", document))

    async def jwks(self) -> dict[str, Any]:
        return dict(self.faults.apply("jwks", await super().jwks()))

    def token_body(self, body: dict[str, Any]) -> dict[str, Any]:
        return dict(self.faults.apply("token_response", body))

    def backchannel_authentication_body(self, body: dict[str, Any]) -> dict[str, Any]:
        return dict(self.faults.apply("backchannel_authentication_response", body))

    def notification_body(self, message: dict[str, Any]) -> dict[str, Any]:
        return dict(self.faults.apply("notification", message))

    def device_authorization_body(self, body: dict[str, Any]) -> dict[str, Any]:
        return dict(self.faults.apply("device_authorization_response", body))

    def userinfo_body(self, claims: dict[str, Any]) -> dict[str, Any]:
        return dict(self.faults.apply("userinfo", claims))

    def grant_body(self, members: dict[str, Any]) -> dict[str, Any]:
        return dict(self.faults.apply("grant", members))

    def introspection_body(self, members: dict[str, Any]) -> dict[str, Any]:
        return dict(self.faults.apply("introspection", members))

    def send_response(
        self, request: PushedRequest, transport: str, parameters: Mapping[str, str]
    ) -> Response:
        changed = self.faults.apply("authorization_response", dict(parameters))
        return super().send_response(request, transport, changed)

    async def nonces(self) -> NonceIssuer | None:
        if self.faults.nonces == "never":
            return None
        return self._each_call if self.faults.nonces == "each_call" else await super().nonces()


class FaultyServer(AuthorizationServer):
    """An `AuthorizationServer` over a `FaultyCore`."""

    core_type = FaultyCore
    core: FaultyCore

    @property
    def faults(self) -> Faults:
        return self.core.faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        outage = None
        if scope["type"] == "http":
            self.faults.calls.append((scope["method"], scope["path"]))
            outage = self.faults.outages.at(scope["path"])

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start" and self.faults.headers:
                more = [(name.encode(), value.encode()) for name, value in self.faults.headers.items()]
                message = {**message, "headers": [*message.get("headers", ()), *more]}
            await send(message)

        if outage is None:
            await super().__call__(scope, receive, send_with_headers)
        else:
            await answer_badly(outage, super().__call__, scope, receive, send_with_headers)


class _EachCallNonces(NonceIssuer):
    """Accepts only the nonce of the latest answer."""

    def __init__(self) -> None:
        super().__init__((secrets.token_bytes(32),))
        self._latest = ""

    def issue(self, now: float) -> str:  # noqa: ARG002 - the time does not matter
        self._latest = base64url.encode(secrets.token_bytes(12))
        return self._latest

    def accepts(self, nonce: str, now: float) -> bool:  # noqa: ARG002
        return nonce == self._latest
