"""The fintech: a small Starlette web app with the accounts of several banks side by side, which pays from each.

The customer links each bank once (`accounts`), and agrees to each payment alone. What it shares with others is in
`web_app`; what it remembers about a bank is in `linked`.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from examples.demo import web_app
from examples.demo.bank import STATUS_LIST_LAG
from examples.demo.banks import Bank
from examples.demo.linked import Link, Ordered, Session
from examples.demo.pages import answer
from examples.demo.payment import PAYMENT, TYPE, payment
from examples.demo.web_app import WrongInput
from examples.demo.world import World
from rpkit import Login, TokenSet
from rpkit.errors import GrantEnded

_AMOUNT = re.compile(r"\d{1,7}([.,]\d{1,2})?")
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")


class Fintech(web_app.WebApp[Session]):
    session_kind = Session
    links = (("/consents", "What you allowed"), ("/events", "What was checked"))

    def routes(self) -> list[Route]:
        return [
            Route("/", self.home),
            Route("/accounts/{bank}/{iban}", self.account),
            Route("/payments/{key}", self.paid),
            Route("/consents", self.consents),
            Route("/revoke/{bank}", self.revoke, methods=["POST"]),
            Route("/try/{bank}", self.try_again, methods=["POST"]),
        ]

    async def home(self, request: Request) -> Response:
        """All accounts, bank by bank."""
        _, session = self.session_of(request)
        shown, total = [], Decimal(0)
        for bank in self.banks.values():
            link = session.links.get(bank.name)
            answered = None if link is None else await self._read(session, link, self.world.accounts_resource)
            accounts = [] if answered is None else answered.json()["accounts"]
            total += sum(Decimal(account["balance"]) for account in accounts)
            shown.append((bank, link, accounts))
        return self.page(request, "home", shown=shown, total=str(total))

    async def account(self, request: Request) -> Response:
        """One account with its movements, and a form to pay from it."""
        _, session = self.session_of(request)
        link = session.links.get(request.path_params["bank"])
        iban = request.path_params["iban"]
        answered = None if link is None else await self._read_account(session, link, iban)
        if link is None or answered is None:
            return RedirectResponse("/", 303)
        if answered.status_code != 200:
            return answer("problem", 404, why=f"{link.bank.title} has no such account of yours.")
        return self.page(request, "account", bank=link.bank, account=answered.json(), payment=payment())

    async def begin(self, bank: Bank, request: Request) -> dict[str, Any]:
        """Either the accounts of a bank, or one payment from one of them."""
        session, form = await self.submitted(request)
        if "amount" not in form:
            return {"scope": "openid profile accounts", "resources": [self.world.accounts_resource]}
        if bank.name not in session.links:
            raise PermissionError(f"link {bank.title} first")
        order = payment(
            _amount(form["amount"]),
            form.get("payee", ""),
            to=_iban(form.get("to", "")),
            reference=form.get("reference", ""),
            debtor=_iban(form.get("iban", "")),
        )
        return {
            "scope": "openid payments",
            "resources": [self.world.payments_resource],
            "authorization_details": [order],
        }

    async def signed_in(self, bank: Bank, request: Request, login: Login) -> Response:
        """Back from the bank: its accounts may be read now, or one payment may be made."""
        _, session = self.session_of(request)
        granted = next((each for each in login.tokens.authorization_details if each["type"] == TYPE), None)
        if granted is None:
            session.link(bank, login)
            return await super().signed_in(bank, request, login)
        link = session.links.get(bank.name)
        if link is None or not link.belongs_to(login):
            return answer("problem", 403, why="Somebody else signed in at the bank. Nothing was paid.")
        # Exactly what the customer agreed to, by the bank's own answer.
        members = ("type", *PAYMENT.executed, *PAYMENT.optional)
        order = link.order({name: granted[name] for name in members if name in granted}, login.tokens)
        await self._pay(link, order)
        return RedirectResponse(f"/payments/{order.key}", 303)

    async def paid(self, request: Request) -> Response:
        """The receipt, and the balance of the account after it."""
        _, session = self.session_of(request)
        found = session.order_of(request.path_params["key"])
        if found is None:
            return RedirectResponse("/", 303)
        link, order = found
        if order.receipt is None:
            return answer("problem", 502, why=order.refusal)
        answered = await self._read_account(session, link, order.receipt["debtor_account"]["iban"])
        account = answered.json() if answered is not None and answered.status_code == 200 else None
        return self.page(request, "receipt", bank=link.bank, receipt=order.receipt, account=account)

    async def consents(self, request: Request) -> Response:
        """What was granted at each bank, and what has ended."""
        _, session = self.session_of(request)
        at = {bank.name: f"{self.world.issuer_of(bank)}/grants" for bank in self.banks.values()}
        return self.page(request, "consents", granted=list(session.links.values()), at=at)

    async def revoke(self, request: Request) -> Response:
        """The customer takes back everything at one bank: the bank ends each grant with all its tokens."""
        session, link = await self._submitted_for(request)
        client = await self.client(link.bank.name)
        for tokens in link.all_tokens:
            await client.revoke(tokens)
        session.end(link, "You took it back here, and the bank has been told.")
        return RedirectResponse("/consents", 303)

    async def try_again(self, request: Request) -> Response:
        """Use what was taken back all the same. The bank's API refuses, and a page says why."""
        _, link = await self._submitted_for(request)
        if link.orders and (await self.submitted(request))[1].get("what") == "payment":
            await self._pay(link, link.orders[-1])
            return answer("problem", 502, why=link.orders[-1].refusal)
        answered = await self._get(link, self.world.accounts_resource)
        why = f"The bank's API answered {answered.status_code}."
        if answered.status_code == 200:
            why += (
                f" The list from which it learns what has ended is up to {STATUS_LIST_LAG} s old. Try again."
            )
        return answer("problem", 502, why=why)

    async def _submitted_for(self, request: Request) -> tuple[Session, Link]:
        session, _ = await self.submitted(request)
        link = session.links.get(request.path_params["bank"])
        if link is None:
            raise PermissionError("nothing was granted there")
        return session, link

    async def _pay(self, link: Link, order: Ordered) -> None:
        resource = self.world.payments_resource
        async with await self.api(link.bank, order.tokens, resource) as api:
            answered = await api.post(resource, json=order.detail, headers={"Idempotency-Key": order.key})
        if answered.status_code == 201:
            order.receipt = answered.json()
            return
        if answered.status_code == 422:
            order.refusal = f"{link.bank.title} did not pay: {answered.json()['error_description']}."
            return
        why = answered.headers.get("www-authenticate", answered.text)
        order.refusal = f"The bank answered {answered.status_code}: {why}"

    async def _read_account(self, session: Session, link: Link, iban: str) -> httpx.Response | None:
        return await self._read(session, link, f"{self.world.accounts_resource}/{quote(iban, safe='')}")

    async def _read(self, session: Session, link: Link, url: str) -> httpx.Response | None:
        """The API's answer. None: the customer has taken the consent back, here or at the bank."""
        if link.ended:
            return None
        try:
            return await self._get(link, url)
        except GrantEnded as error:  # the API said 401, and the bank gives no other token
            session.end(link, f"{link.bank.title} no longer lets this app see your accounts.", error.message)
        return None

    async def _get(self, link: Link, url: str) -> httpx.Response:
        tokens: TokenSet = link.login.tokens
        async with await self.api(link.bank, tokens, self.world.accounts_resource) as api:
            answered: httpx.Response = await api.get(url)
        return answered


def _amount(typed: str) -> str:
    """An amount of euros with its cents. Raises WrongInput."""
    if not _AMOUNT.fullmatch(typed.strip()) or not (amount := Decimal(typed.strip().replace(",", "."))):
        raise WrongInput(f"{typed!r} is not an amount: write it as 123.50")
    return f"{amount:.2f}"


def _iban(typed: str) -> str:
    """An IBAN without its spaces. Raises WrongInput."""
    iban = "".join(typed.split()).upper()
    if not _IBAN.fullmatch(iban):
        raise WrongInput(f"{typed!r} is not an IBAN")
    return iban


def create_app() -> Starlette:
    return Fintech(World.load()).app()
