"""The fintech: a small Starlette web app that executes one payment. What it shares with others is in `web_app`."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from examples.demo import web_app
from examples.demo.pages import render
from examples.demo.world import World, payment
from rpkit import Login


@dataclass
class Session(web_app.Session):
    """`wanted`: the payment that the customer has agreed to."""

    wanted: dict[str, Any] | None = None
    idempotency_key: str = ""


class Fintech(web_app.WebApp[Session]):
    session_kind = Session
    links = (("/accounts", "Accounts"), ("/events", "What happened"))

    def routes(self) -> list[Route]:
        return [
            Route("/", self.home),
            Route("/accounts", self.accounts),
            Route("/pay", self.pay, methods=["POST"]),
            Route("/revoke", self.revoke, methods=["POST"]),
        ]

    async def home(self, request: Request) -> Response:
        return self.page(request, "home", payment=payment())

    async def begin(self, request: Request) -> dict[str, Any]:
        """The parameters of the authorization request: one payment, and two APIs."""
        session, form = await self.submitted(request)
        session.wanted = payment(form["amount"], form["payee"])
        return {
            "scope": "openid profile accounts payments",
            "resources": [self.world.accounts_resource, self.world.payments_resource],
            "authorization_details": [session.wanted],
        }

    async def signed_in(self, request: Request, login: Login) -> Response:
        _, session = self.session_of(request)
        session.idempotency_key = str(uuid.uuid4())
        return await super().signed_in(request, login)

    async def accounts(self, request: Request) -> Response:
        _, session = self.session_of(request)
        if session.tokens is None:
            return RedirectResponse("/", 303)
        async with await self.api(session.tokens, self.world.accounts_resource) as api:
            answer = await api.get(self.world.accounts_resource)
        return self.page(request, "accounts", accounts=answer.json()["accounts"])

    async def pay(self, request: Request) -> Response:
        """Fetch the payment token by a refresh if it is not there yet, then pay."""
        session, _ = await self.submitted(request)
        if session.tokens is None or session.wanted is None:
            return RedirectResponse("/", 303)
        bank = await self.sign_in.client()
        if not session.tokens.has(self.world.payments_resource):
            session.tokens = await bank.refresh(session.tokens, resource=self.world.payments_resource)
        async with await self.api(session.tokens, self.world.payments_resource) as api:
            answer = await api.post(
                self.world.payments_resource,
                json=session.wanted,
                headers={"Idempotency-Key": session.idempotency_key},
            )
        if answer.status_code == 201:
            return self.page(request, "receipt", receipt=answer.json())
        why = answer.headers.get("www-authenticate", answer.text)
        return HTMLResponse(render("problem", why=f"The bank answered {answer.status_code}: {why}"), 502)

    async def revoke(self, request: Request) -> Response:
        session, _ = await self.submitted(request)
        if session.tokens is not None:
            await (await self.sign_in.client()).revoke(session.tokens)
        return self.page(request, "revoked")


def create_app() -> Starlette:
    return Fintech(World.load()).app()
