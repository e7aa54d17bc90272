"""The accounts API: a Starlette app that `asgi_mw` protects. Its access tokens are JWTs, verified here.

Both banks have it, as banks do that share a data centre. It asks no bank about a token, and reads their status lists:
so it knows at once when a customer has taken a consent back.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import asgi_mw
from asgi_mw.starlette import Access, token_of
from examples.demo.ledger import Ledger
from examples.demo.trace import Recorder
from examples.demo.world import LEDGER, World
from fapikit import MemoryStore
from rskit import Issuer, ResourceServer, StatusLists


class AccountsApi:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def routes(self) -> list[Route]:
        may_read = Access("accounts", fresh=True)
        return [
            Route("/accounts", may_read(self.accounts)),
            Route("/accounts/{iban}", may_read(self.account)),
        ]

    async def accounts(self, request: Request) -> JSONResponse:
        """The accounts of the customer. A subject means somebody only together with its issuer."""
        return JSONResponse({"accounts": self._ledger.accounts_of(token_of(request).identity)})

    async def account(self, request: Request) -> JSONResponse:
        """One account, with its movements. To everybody else it does not exist."""
        found = self._ledger.account_of(token_of(request).identity, request.path_params["iban"])
        if found is None:
            return JSONResponse({"error": "no_such_account"}, 404)
        return JSONResponse(found)


def create_app() -> asgi_mw.Protect:
    world = World.load()
    resource_server = ResourceServer(
        resource=world.accounts_resource,
        issuers=[Issuer(world.issuer_of(bank), status_lists=StatusLists()) for bank in world.banks],
        profile=world.profile,
        store=MemoryStore(),  # there is one process, so a store in memory is enough
        http=Recorder(world, "accounts").settings(),
    )
    api = AccountsApi(Ledger(world.path(LEDGER)))
    return asgi_mw.Protect(Starlette(routes=api.routes()), resource_server)
