"""The accounts API where each account has its own consent: an account is shown to a token whose details name it.

It verifies JWTs by itself, and learns from the bank's status lists which of them have ended early.
"""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import asgi_mw
from asgi_mw.starlette import Access
from examples.demo.consents import ACCOUNT_INFORMATION, ACCOUNTS, balance_of
from examples.demo.trace import Recorder
from examples.demo.world import World
from fapikit import MemoryStore
from rskit import Issuer, ResourceServer, StatusLists


def this_account(request: Request) -> Any:
    """The authorization detail that this request needs (RFC 9396)."""
    return ACCOUNT_INFORMATION.needed(balance_of(request.path_params["iban"]))


@Access("accounts", details=this_account)
async def account(request: Request) -> JSONResponse:
    """One account, if the customer consented to this one."""
    found = ACCOUNTS.get(request.path_params["iban"])
    if found is None:
        raise HTTPException(404)
    return JSONResponse(found)


def create_app() -> asgi_mw.Protect:
    world = World.load()
    resource_server = ResourceServer(
        resource=world.accounts_resource,
        issuers=[Issuer(world.bank, status_lists=StatusLists())],
        profile=world.profile,
        store=MemoryStore(),  # there is one process, so a store in memory is enough
        http=Recorder(world, "accounts").settings(),
    )
    return asgi_mw.Protect(Starlette(routes=[Route("/accounts/{iban}", account)]), resource_server)
