"""The budget app: a fintech that sees those of a customer's accounts for which the customer gave it a consent.

The consent is a grant that the app manages (Grant Management for OAuth 2.0): it creates it for one account, adds
another, asks the bank what it holds, and ends it.
"""

from __future__ import annotations

from collections.abc import Container
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from examples.demo import web_app
from examples.demo.banks import Bank
from examples.demo.consents import ACCOUNTS, DURATIONS, END_MEMBER, account_information, accounts_in, from_now
from examples.demo.world import World
from rpkit import HeldByGrant, Login, TokenSet
from rpkit.errors import GrantEnded, NoSuchGrant


@dataclass
class Session(web_app.Session):
    """`ended`: that the consent is no longer there, in words for the customer. `why`: in words for developers."""

    tokens: TokenSet | None = None
    ended: str = ""
    why: str = ""


class Budget(web_app.WebApp[Session]):
    session_kind = Session

    def __init__(self, world: World) -> None:
        super().__init__(world)
        (self.bank,) = world.banks
        self.links = (("/events", "What was checked"), (f"{world.bank}/grants", "Your consents at the bank"))

    def routes(self) -> list[Route]:
        return [
            Route("/", self.home),
            Route("/balance", self.balance),
            Route("/end", self.end, methods=["POST"]),
        ]

    async def begin(self, _bank: Bank, request: Request) -> dict[str, Any]:
        """One account: the first one in a new grant, a further one added to the grant."""
        session, form = await self.submitted(request)
        action: dict[str, Any] = {"grant_management_action": "create"}
        if session.tokens is None:
            until = from_now(int(_offered(form.get("seconds", ""), DURATIONS)))
        else:
            action = {"grant_management_action": "merge", "grant_id": session.tokens.grant_id}
            until = session.tokens.authorization_details[0][END_MEMBER]
        account = _offered(form.get("account", ""), ACCOUNTS)
        return {
            "scope": "openid profile accounts",
            "resources": [self.world.accounts_resource],
            "authorization_details": [account_information(account, until=until)],
            **action,
        }

    async def signed_in(self, bank: Bank, request: Request, login: Login) -> Response:
        _, session = self.session_of(request)
        session.tokens, session.ended, session.why = login.tokens, "", ""
        return await super().signed_in(bank, request, login)

    async def home(self, request: Request) -> Response:
        """What the consent holds by the bank's own words, and the balances that it allows to read."""
        _, session = self.session_of(request)
        held, balances = None, []
        if session.tokens is not None:
            held = await self._held(session, session.tokens)
        if held is not None and session.tokens is not None:
            for iban in accounts_in(held.authorization_details):
                answer = await self._read(session, session.tokens, iban)
                if answer is not None and answer.status_code == 200:
                    balances.append(answer.json())
        chosen = {account["iban"] for account in balances}
        return self.page(
            request,
            "budget",
            held=held if session.tokens else None,
            balances=balances,
            others=[account for iban, account in ACCOUNTS.items() if iban not in chosen],
            durations=DURATIONS,
        )

    async def balance(self, request: Request) -> Response:
        """Ask for any account, and show what the API says."""
        _, session = self.session_of(request)
        if session.tokens is None:
            return RedirectResponse("/", 303)
        answer = await self._read(session, session.tokens, request.query_params.get("account", ""))
        if answer is None:
            return RedirectResponse("/", 303)
        return self.page(request, "balance", answer=answer)

    async def end(self, request: Request) -> Response:
        """The customer takes the consent back here: the bank ends the grant with all its tokens."""
        session, _ = await self.submitted(request)
        if session.tokens is not None:
            with suppress(NoSuchGrant):  # it has ended already, which is what the customer wants
                await (await self.client(self.bank.name)).revoke_grant(session.tokens)
            session.tokens, session.why = None, ""
            session.ended = "You took your consent back here, and the bank has ended it."
        return RedirectResponse("/", 303)

    async def _held(self, session: Session, tokens: TokenSet) -> HeldByGrant | None:
        try:
            return await (await self.client(self.bank.name)).query_grant(tokens)
        except NoSuchGrant as error:
            self._forget(session, error)
        return None

    async def _read(self, session: Session, tokens: TokenSet, iban: str) -> httpx.Response | None:
        """The API's answer; None: the consent has ended."""
        resource = self.world.accounts_resource
        try:
            async with await self.api(self.bank, tokens, resource) as api:
                answer: httpx.Response = await api.get(f"{resource}/{quote(iban, safe='')}")
                return answer
        except GrantEnded as error:  # the API said 401, and the bank gives no other token
            self._forget(session, error)
        return None

    def _forget(self, session: Session, error: GrantEnded | NoSuchGrant) -> None:
        session.tokens = None
        session.ended = "Your consent has ended at the bank. This app sees nothing of your accounts any more."
        session.why = error.message


def _offered(chosen: str, choices: Container[str]) -> str:
    """What the customer chose. Raises PermissionError for what the page does not offer."""
    if chosen not in choices:
        raise PermissionError("this form was not made here: it has a choice that the page does not offer")
    return chosen


def create_app() -> Starlette:
    return Budget(World.load()).app()
