"""FastAPI on a server with signed JWT bodies: models, the OpenAPI types and consents see the JSON that was signed."""

from __future__ import annotations

import asyncio
import inspect
import uuid
from typing import Annotated, Any

import httpx
from fastapi import FastAPI, Request
from pydantic import BaseModel

from asgi_mw import Protect
from asgi_mw.fastapi import Access
from rskit import JwtBodies, SigningClient, Token
from rskit import access as rules
from tests.clocks import NOW
from tests.keys import a_key, claims_of, mint
from tests.rskit.mothers import RESOURCE, a_server, a_token

KEY, BANK_KEY = a_key("PS256", 1), a_key("PS256", 2)


class Order(BaseModel):
    amount: str


class Body(BaseModel):
    data: Order


async def detail(request: Request) -> dict[str, Any]:
    return {"type": "payment", **(await request.json())["data"]}


PAY = Access("payments", details=detail, signed=True)


def app() -> Any:
    api = FastAPI()

    @api.post("/payments")
    async def pay(body: Body, token: Annotated[Token, PAY]) -> dict[str, str]:
        return {"paid": body.data.amount, "by": token.subject or ""}

    clients = {"fintech": SigningClient(names=("org",), jwks={"keys": [KEY.public_jwk]})}
    return Protect(api, a_server(message_signing=JwtBodies(clients=clients, signer=BANK_KEY, issuer="bank")))


def post(amount: str, granted: str) -> httpx.Response:
    claims = {"aud": f"{RESOURCE}/payments", "iss": "org", "iat": int(NOW), "jti": str(uuid.uuid4())}
    jwt = mint({**claims, "data": {"amount": amount}}, KEY, typ="JWT")
    token = a_token(authorization_details=[{"type": "payment", "amount": granted}])
    headers = {"authorization": f"Bearer {token}", "content-type": "application/jwt"}

    async def send() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app()), base_url=RESOURCE) as client:
            return await client.post("/payments", content=jwt, headers=headers)

    return asyncio.run(send())


def test_a_model_and_a_consent_are_of_the_body_that_was_signed() -> None:
    answer = post("1.00", granted="1.00")
    assert answer.status_code == 200, answer.text
    assert {**claims_of(answer.text), "aud": "org"}["paid"] == "1.00"
    other = post("9.00", granted="1.00")
    assert (other.status_code, other.json()["error"]) == (403, "insufficient_authorization_details")


def test_its_access_has_every_rule_that_the_others_have() -> None:
    def names(function: Any) -> set[str]:
        return set(inspect.signature(function).parameters)

    assert names(Access) == names(rules.Access)
