"""An API of a bank: FastAPI with `asgi_mw.Protect` around it, one list to read and one payment to make once.

RESOURCE and ISSUER are set in the environment, and CA_FILE where the issuer's certificate is of no public authority:

    uvicorn --factory examples.bank_api:from_environment --port 9444 --ssl-certfile server.pem --ssl-keyfile server.key
"""

from __future__ import annotations

import os
from typing import Annotated, Any

import fastapi

from asgi_mw import Protect
from asgi_mw.fastapi import Access, document, once
from fapikit import HttpSettings, client_context
from rskit import Issuer, ResourceServer, Token


async def this_payment(request: fastapi.Request) -> dict[str, Any]:
    """What a customer must have consented to for this very request (RFC 9396 9): all of it that is executed."""
    try:
        amount = (await request.json())["instructedAmount"]
    except (ValueError, KeyError, TypeError) as error:
        raise fastapi.HTTPException(400, "this is no payment order") from error
    return {"type": "payment_initiation", "instructedAmount": amount}


def create_app(resource: str, issuer: str, http: HttpSettings | None = None) -> Protect:
    """`resource` is the URL of this API as its clients know it: the audience of its tokens."""
    app = fastapi.FastAPI()

    @app.get("/accounts")
    async def accounts(token: Annotated[Token, Access("accounts")]) -> dict[str, Any]:
        return {"of": token.subject, "accounts": ["DE89370400440532013000"]}

    @app.post("/payments", status_code=201)
    async def pay(
        request: fastapi.Request, token: Annotated[Token, Access("payments", details=this_payment)]
    ) -> dict[str, str]:
        # Each consent that covers this payment pays for one; a consent to another payment for none.
        for consent in token.covering(await this_payment(request)):
            if await once(request, f"payment {consent['consent_id']}", ttl=86_400):
                return {"status": "executed"}
        raise fastapi.HTTPException(409, "this payment was made before")

    document(app)
    server = ResourceServer(resource=resource, issuers=[Issuer(issuer)], profile="fapi2-security", http=http)
    return Protect(app, server)


def from_environment() -> Protect:
    http = HttpSettings(tls=client_context(ca=os.environ.get("CA_FILE")))
    return create_app(os.environ["RESOURCE"], os.environ["ISSUER"], http)
