"""The accounts API: a Starlette app that `asgi_mw` protects. Its access tokens are JWTs, verified here."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import asgi_mw
from asgi_mw.starlette import Access, token_of
from examples.demo.trace import Recorder
from examples.demo.world import World
from fapikit import MemoryStore
from rskit import Issuer, ResourceServer

ACCOUNTS = {
    "alice": [
        {
            "iban": "DE89370400440532013000",
            "name": "Current account",
            "balance": "2450.10",
            "currency": "EUR",
        },
        {"iban": "DE75512108001245126199", "name": "Savings", "balance": "18000.00", "currency": "EUR"},
    ]
}


@Access("accounts")
async def accounts(request: Request) -> JSONResponse:
    """The accounts of the customer who is the token's subject."""
    return JSONResponse({"accounts": ACCOUNTS.get(token_of(request).subject or "", [])})


def create_app() -> asgi_mw.Protect:
    world = World.load()
    resource_server = ResourceServer(
        resource=world.accounts_resource,
        issuers=[Issuer(world.bank)],
        profile=world.profile,
        store=MemoryStore(),  # there is one process, so a store in memory is enough
        http=Recorder(world, "accounts").settings(),
    )
    return asgi_mw.Protect(Starlette(routes=[Route("/accounts", accounts)]), resource_server)
