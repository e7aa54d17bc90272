"""The endpoints of an issuer whose tokens are introspected, without a network: metadata, keys, introspection.

Spec: RFC 7662 2.2; RFC 8414 3; RFC 9701 5
Role: RS
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qs

import httpx

from fapikit.io import HttpSettings

_SIGNED: Final = "application/token-introspection+jwt"


def answers_of(
    issuer: str,
    keys: Mapping[str, Any],
    introspect: Callable[[str], dict[str, Any]],
    sign: Callable[[dict[str, Any]], str],
) -> HttpSettings:
    """For `ResourceServer(http=...)`: calls to the issuer are answered here, and no request leaves the process.

    `sign` makes the JWT of RFC 9701 for a resource server that asks for one.
    """

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/introspect":
            form = parse_qs(request.content.decode())
            members = introspect(form["token"][0])
            if request.headers["accept"] == _SIGNED:
                return httpx.Response(200, text=sign(members), headers={"content-type": _SIGNED})
            return _json(members)
        if request.url.path == "/jwks":
            return _json(keys)
        endpoints = {"introspection_endpoint": f"{issuer}/introspect", "jwks_uri": f"{issuer}/jwks"}
        return _json({"issuer": issuer, **endpoints})

    transport = httpx.MockTransport(answer)
    return HttpSettings(
        client=httpx.Client(transport=transport), async_client=httpx.AsyncClient(transport=transport)
    )


def _json(members: Mapping[str, Any]) -> httpx.Response:
    return httpx.Response(200, content=json.dumps(members), headers={"content-type": "application/json"})
