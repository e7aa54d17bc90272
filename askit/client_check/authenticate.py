"""Client authentication: each request is checked by the one method that its client has registered.

A new method is a new file with a `check`, and a line in `METHODS`. `presented` recognises its use in a request.

Spec: RFC 6749 2.3, 2.3.1; RFC 8705 2; RFC 9126 2.1-1; FAPI2-SP 5.3.2.1-6; FAPI1-BL 5.2.2-1, 5.2.2-19
Role: AS
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

from starlette.requests import Request

from askit.client_check import (
    client_secret_jwt,
    none,
    private_key_jwt,
    secret,
    self_signed_tls_client_auth,
    tls_client_auth,
)
from askit.client_check.assertion import client_id_of
from askit.clients.client import Client
from askit.core import Core
from askit.errors import InvalidClient
from askit.requests.known_client import note_client
from fapikit.parameters import Parameters

ClientCheck: TypeAlias = Callable[["Core", Request, Parameters, Client], Awaitable[None]]

METHODS: Final[Mapping[str, ClientCheck]] = {
    "private_key_jwt": private_key_jwt.check,
    "client_secret_jwt": client_secret_jwt.check,
    "client_secret_basic": secret.check_basic,
    "client_secret_post": secret.check_post,
    "tls_client_auth": tls_client_auth.check,
    "self_signed_tls_client_auth": self_signed_tls_client_auth.check,
    "none": none.check,
}
_NAMED_ONLY: Final = frozenset({"none", "tls_client_auth", "self_signed_tls_client_auth"})
"""The methods of which a request shows nothing but `client_id`."""


async def authenticate_client(core: Core, request: Request, parameters: Parameters) -> Client:
    """The authenticated client of this request.

    Raises InvalidClient, ShareTaken, a JwtError, a CertificateError, TransportError, StoreError.
    """
    shape, client_id = presented(request, parameters)
    named = parameters.get("client_id")
    if named is not None and named != client_id:
        raise InvalidClient("client_id and the authenticated client differ", clause="FAPI1-BL 5.2.2-19")
    client = await core.clients.find(client_id, current=True)
    if client is None:
        raise InvalidClient("this client is not registered here", facts={"client_id": client_id[:80]})
    method = client.auth_method
    check, profile = METHODS.get(method), core.profile_of(client)
    if check is None or method not in profile.client_authentication_methods:
        raise InvalidClient(
            f"{profile.name} does not allow {method}: register one of"
            f" {', '.join(sorted(profile.client_authentication_methods))}",
            clause=profile.clause("client_authentication_methods"),
        )
    if method not in shape:
        raise InvalidClient(
            f"this client is registered for {method}", facts={"client_id": client_id, "registered": method}
        )
    core.shares.require(client.owners)
    await check(core, request, parameters, client)
    note_client(request, client_id, proven=method != "none")
    return client


def presented(request: Request, parameters: Parameters) -> tuple[frozenset[str], str]:
    """The methods that this request may use, and the client it names. Raises InvalidClient if it mixes several."""
    shapes: list[tuple[frozenset[str], str]] = []
    if "authorization" in request.headers:
        shapes.append((frozenset({"client_secret_basic"}), secret.basic_client_id(request)))
    if "client_assertion" in parameters or "client_assertion_type" in parameters:
        shapes.append((frozenset({"private_key_jwt", "client_secret_jwt"}), client_id_of(parameters)))
    if "client_secret" in parameters:
        shapes.append((frozenset({"client_secret_post"}), parameters.get("client_id", "")))
    if len(shapes) > 1:
        raise InvalidClient("a request must authenticate its client in one way only", clause="RFC 6749 2.3")
    if shapes:
        return shapes[0]
    client_id = parameters.get("client_id")
    if client_id is None:
        raise InvalidClient("this request does not authenticate its client")
    return _NAMED_ONLY, client_id
