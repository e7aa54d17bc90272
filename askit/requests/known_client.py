"""Which client a request comes from, for the log: the one that proved who it is, or else the registered one it names.

Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from starlette.requests import Request

from askit.clients.client import Client
from askit.core import Core
from askit.errors import InvalidRequest
from fapikit.parameters import Parameters

_KEY: Final = "askit.known_client"
_NOBODY: Final[Mapping[str, str]] = MappingProxyType({})


def note_client(request: Request, client_id: str, *, proven: bool) -> None:
    """From now on a refusal of this request is logged with `client`, or with `client_id` for one that is only named."""
    request.scope[_KEY] = {"client" if proven else "client_id": client_id}


def known_client(request: Request) -> Mapping[str, str]:
    """Its facts for the log; empty as long as nobody is known."""
    found: Mapping[str, str] = request.scope.get(_KEY, _NOBODY)
    return found


async def named_client(
    core: Core, request: Request, parameters: Parameters, *, current: bool = False
) -> Client:
    """The registered client that `client_id` names, who proves nothing. `current`: as in `Clients.find`.

    Raises InvalidRequest.
    """
    client = await core.clients.find(parameters.get("client_id", ""), current=current)
    if client is None:
        raise InvalidRequest("client_id is missing or unknown")
    note_client(request, client.client_id, proven=False)
    return client
