"""An API of a bank: FastAPI with `asgi_mw.Protect` around it, one list to read and one payment to make once.

Set RESOURCE and ISSUER in the environment; CA_FILE if no public authority issued the issuer's certificate; and DATA, a
folder for the books and for the store:

    uvicorn --factory examples.bank_api:from_environment --port 9444 --ssl-certfile server.pem --ssl-keyfile server.key
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import fastapi

from asgi_mw import Protect
from asgi_mw.fastapi import Access, document, use_consent_sync
from examples.books import Books
from fapikit import HttpSettings, SqliteStore, client_context
from rskit import ConsentLedger, DetailsType, Issuer, ResourceServer, Token

PAYMENT = DetailsType(
    "payment_initiation",
    executed=("instructedAmount", "creditorName", "creditorAccount", "remittanceInformationUnstructured"),
    decimals=("instructedAmount.amount",),
)


async def this_payment(request: fastapi.Request) -> Any:
    """The authorization detail that this request needs (RFC 9396 9): all members that are executed."""
    try:
        return PAYMENT.needed(await request.json())
    except ValueError as error:
        raise fastapi.HTTPException(400, "this is not a payment order") from error


def create_app(
    resource: str, issuer: str, http: HttpSettings | None = None, *, data: Path = Path()
) -> Protect:
    """`resource` is the URL of this API as its clients know it: the audience of its tokens."""
    app = fastapi.FastAPI()
    books = Books(data / "books.db")
    store = SqliteStore(data / "marks.db", synchronous="FULL")

    @app.get("/accounts")
    async def accounts(token: Annotated[Token, Access("accounts")]) -> dict[str, Any]:
        return {"of": token.subject, "accounts": ["DE89370400440532013000"]}

    @app.post("/payments", status_code=201)
    def pay(request: fastapi.Request, _: Annotated[Token, Access("payments", details=this_payment)]) -> Any:
        return use_consent_sync(request, books.pay)

    server = ResourceServer(
        resource=resource,
        issuers=[Issuer(issuer)],
        profile="fapi2-security",
        http=http,
        store=store,
        consents=ConsentLedger(store, reconcile=books.find),
    )
    document(app, server)
    return Protect(app, server)


def from_environment() -> Protect:
    http = HttpSettings(tls=client_context(ca=os.environ.get("CA_FILE")))
    data = Path(os.environ.get("DATA", "."))
    return create_app(os.environ["RESOURCE"], os.environ["ISSUER"], http, data=data)
