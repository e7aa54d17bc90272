"""The status lists of JWT access tokens: each one signed, and the list of all of them.

Spec: TSL 8.1, 8.2, 9.3
Role: AS
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from askit.core import Core
from askit.issuing.status_lists import current_lists, signed_list
from askit.messages import public_json
from fapikit.status_list import MEDIA_TYPE


async def aggregation(core: Core, _request: Request) -> Response:
    """The URIs of all lists. Raises StoreError."""
    return public_json({"status_lists": await current_lists(core)}, max_age=_max_age(core))


async def status_list(core: Core, request: Request) -> Response:
    """One list. Raises NoSuchEndpoint, StoreError."""
    signed = await signed_list(core, request.path_params["name"])
    return Response(
        signed, headers={"cache-control": f"public, max-age={_max_age(core)}"}, media_type=MEDIA_TYPE
    )


def _max_age(core: Core) -> int:
    """An HTTP cache would add its time to that of the API, so it may keep a list only for a part of `ttl`."""
    return int((core.config.status_list_ttl or 0) / 10)
