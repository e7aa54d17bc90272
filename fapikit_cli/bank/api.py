"""The API beside the bank of `fapikit askit`: accounts to read, and a payment that needs the PIN.

Spec: FAPI2-SP 5.3.4; RFC 9470 3
Role: RS
"""

from __future__ import annotations

from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from asgi_mw import Protect
from asgi_mw.starlette import Access, token_of
from fapikit import HttpSettings, MemoryStore
from fapikit_cli.bank.folder import PIN_LEVEL, BankFolder
from rskit import Issuer, ResourceServer, StatusLists

_ACCOUNTS: Final = ({"iban": "DE89370400440532013000", "balance": {"currency": "EUR", "amount": "1234.56"}},)


@Access("accounts")
async def _accounts(request: Request) -> Response:
    return JSONResponse({"of": token_of(request).subject, "accounts": _ACCOUNTS})


@Access("payments", acr=PIN_LEVEL)
async def _pay(request: Request) -> Response:
    try:
        order: Any = await request.json()
    except ValueError:
        return JSONResponse({"error": "invalid_request", "error_description": "the body is not JSON"}, 400)
    return JSONResponse({"status": "paid", "by": token_of(request).subject, "order": order}, 201)


def make_api(folder: BankFolder, http: HttpSettings) -> Protect:
    """The API, protected. It trusts the bank alone, and learns from its status lists what was revoked."""
    # Not required: `fapikit attack` makes tokens with the key of the bank, which no list knows.
    lists = StatusLists(fresh=2, required=False)
    server = ResourceServer(
        resource=folder.api,
        issuers=[Issuer(folder.issuer, status_lists=lists)],
        profile=folder.profile,
        http=http,
        store=MemoryStore(),  # there is one process
    )
    routes = [Route("/accounts", _accounts), Route("/payments", _pay, methods=["POST"])]
    return Protect(Starlette(routes=routes), server)
