"""A self-registered client reads, changes or deletes its registration, with its registration_access_token.

Spec: RFC 7592 2, 2.1, 2.2, 2.3, 3
Role: AS
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from askit.clients.client import REGISTERED_FROM, STATEMENT_ISSUER
from askit.core import Core
from askit.endpoints.register import (
    complete,
    information,
    read_bearer,
    read_metadata,
    require_own_sector,
)
from askit.errors import InvalidClientMetadata, InvalidSoftwareStatement, InvalidToken
from askit.records import digest
from askit.requests.known_client import note_client
from askit.requests.software_statement import read_software_statement
from askit.signals.announce import announce
from askit.signals.happened import ClientEnded
from fapikit.secrets import Secret

_NOT_SENT = (
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
)


async def read(core: Core, request: Request) -> Response:
    """200 with the metadata, within today's policy. Raises InvalidToken."""
    _, metadata, token = await _registered(core, request)
    return information(core, core.config.registration.bound(metadata), token)


async def change(core: Core, request: Request) -> Response:
    """200 with the new metadata; members that were left out are removed. Raises InvalidToken, InvalidClientMetadata.

    A client that was vouched for once stays so: without its directory, its users would have agreed to another software.
    """
    seen, metadata, token = await _registered(core, request)
    asked = await read_metadata(request)
    _require_same_identity(asked, metadata)
    vouched = await read_software_statement(core, asked, str(metadata[REGISTERED_FROM]))
    if STATEMENT_ISSUER in metadata and not vouched.issuer:
        raise InvalidSoftwareStatement(
            "a directory vouched for this client: an update needs a software_statement that counts here",
            clause="RFC 7592 2.2",
        )
    changed = complete(core, asked, metadata, vouched)
    await require_own_sector(core, changed)
    if not await core.registrations.replace(seen, changed, digest(token)):
        raise InvalidClientMetadata(
            "the registration has changed in the meantime: read it again", clause="RFC 7592 2.2"
        )
    await core.shown_certificates.learn(core.clients.read(changed))
    return information(core, changed, token)


async def end(core: Core, request: Request) -> Response:
    """204. From now on nothing that was issued to the client is valid. Raises InvalidToken."""
    _, metadata, _ = await _registered(core, request)
    ended = ClientEnded(
        client_id=metadata["client_id"], registered_from=str(metadata.get(REGISTERED_FROM, ""))
    )
    announced = await announce(core, ended)
    core.clients.forget(metadata["client_id"])
    await core.registrations.end(metadata)
    await announced.deliver()
    await core.shown_certificates.forget(metadata["client_id"])
    return Response(status_code=204, headers={"cache-control": "no-store"})


async def _registered(core: Core, request: Request) -> tuple[bytes, dict[str, Any], str]:
    """The record, its metadata, the token. An unknown client and a wrong token get the same answer (RFC 7592 2.1)."""
    client_id, token = request.path_params["client_id"], read_bearer(request)
    expected = await core.registrations.token_digest(client_id)
    kept = await core.clients.kept(client_id)
    if kept is None or not hmac.compare_digest(expected, digest(token).encode()):
        raise InvalidToken("this is not the registration_access_token of a client", clause="RFC 7592 2")
    note_client(request, client_id, proven=True)
    return *kept, token


def _require_same_identity(asked: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
    """Raise InvalidClientMetadata unless client_id is right, and no member is sent that only this server may set."""
    if asked.get("client_id") != metadata["client_id"]:
        raise InvalidClientMetadata("client_id must be that of this registration", clause="RFC 7592 2.2")
    for name in _NOT_SENT:
        if name in asked:
            raise InvalidClientMetadata(f"{name} is set by this server: leave it out", clause="RFC 7592 2.2")
    if "client_secret" in asked and not Secret(metadata.get("client_secret", "")).matches(
        str(asked["client_secret"])
    ):
        raise InvalidClientMetadata("client_secret is not the one that was issued", clause="RFC 7592 2.2")
