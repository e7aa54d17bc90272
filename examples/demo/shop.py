"""The shop: a small Starlette web app that asks its customer for a payment on the customer's phone (CIBA).

It is registered twice at the bank: by one registration it polls, by the other the bank tells it when to ask (ping).
"""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from examples.demo import pages
from examples.demo.bank import EMAIL
from examples.demo.client import authentication, certificate_of, keys_of, options
from examples.demo.payment import payment
from examples.demo.trace import Recorder
from examples.demo.world import CLIENT_ID, NOTIFICATION_PATH, PINGED_CLIENT_ID, World
from fapikit import FapiError
from fapikit.parameters import parse_parameters
from fapikit.profile import DeliveryMode
from rpkit import AsyncClient, CibaRequest, Login, binding_message
from rpkit.starlette import CibaNotifications


@dataclass
class Order:
    """What a customer wants to pay, and how far it has come."""

    wanted: dict[str, Any]
    asked: CibaRequest
    number: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    receipt: dict[str, Any] | None = None
    problem: str = ""
    report: str = ""


class Shop:
    def __init__(self, world: World) -> None:
        self.world = world
        self.recorder = Recorder(world, "shop")
        self.orders: dict[str, Order] = {}
        self.notifications = CibaNotifications(self.pinged, path=NOTIFICATION_PATH)
        self._clients: dict[DeliveryMode, AsyncClient] = {}
        self._payments: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """Discover the bank before the first customer comes."""
        self._clients = {"poll": await self.connect(CLIENT_ID, "poll")}
        self._clients["ping"] = await self.connect(PINGED_CLIENT_ID, "ping")
        yield
        for paying in self._payments:
            paying.cancel()

    async def connect(self, client_id: str, mode: DeliveryMode) -> AsyncClient:
        keys = keys_of(self.world)
        chosen = options(self.world, keys)
        chosen["backchannel_token_delivery_mode"] = mode
        return await AsyncClient.discover(
            self.world.bank,
            client_id=client_id,
            auth=authentication(self.world, keys),
            profile=self.world.profile,
            http=self.recorder.settings(certificate_of(self.world)),
            **chosen,
        )

    async def pinged(self) -> AsyncClient:
        """The client that is told of decisions. It has them in its store, which is in memory: there is one process."""
        return self._clients["ping"]

    async def home(self, _request: Request) -> Response:
        return pages.answer("shop", payment=payment(), email=EMAIL)

    async def order(self, request: Request) -> Response:
        """Ask the bank to ask the customer. Nobody is signed in here: a forged form orders no more than anybody can."""
        form = parse_parameters(await request.body())
        client = self._clients["ping" if form.get("delivery") == "ping" else "poll"]
        wanted = payment(form["amount"])
        asked = await client.ciba(
            scope="openid payments",
            login_hint=form["email"],
            binding_message=binding_message(),
            resources=[self.world.payments_resource],
            authorization_details=[wanted],
        )
        order = Order(wanted, asked)
        self.orders[order.number] = order
        paying = asyncio.create_task(self._pay(client, order))
        self._payments.add(paying)
        paying.add_done_callback(self._payments.discard)
        return RedirectResponse(f"/order?number={order.number}", 303)

    async def progress(self, request: Request) -> Response:
        """The page of one order. While nobody has decided, the browser loads it again each second."""
        found = self.orders.get(request.query_params.get("number", ""))
        if found is None:
            return RedirectResponse("/", 303)
        return pages.answer("order", order=found)

    async def notification(self, request: Request) -> Response:
        """A ping. The trace has it from here, for the bank records nothing: who shows the token is the bank."""
        started = time.monotonic()
        answer = await self.notifications.notification(request)
        if answer.status_code == 204:
            elapsed = (time.monotonic() - started) * 1000
            self.recorder.received("bank", "POST", NOTIFICATION_PATH, answer.status_code, elapsed)
        return answer

    async def _pay(self, client: AsyncClient, order: Order) -> None:
        """Wait until the customer has decided, then pay at the payments API."""
        try:
            login = await client.wait(order.asked)
            order.report = str(login.report)
            order.receipt = await self._paid(client, login, order)
        except (FapiError, httpx.HTTPError) as error:
            order.problem = f"{type(error).__name__}: {error}"

    async def _paid(self, client: AsyncClient, login: Login, order: Order) -> dict[str, Any] | None:
        resource = self.world.payments_resource
        async with client.api(login.tokens, base_url=resource, resource=resource) as api:
            answer = await api.post(
                resource, json=order.wanted, headers={"Idempotency-Key": str(uuid.uuid4())}
            )
        if answer.status_code == 201:
            receipt: dict[str, Any] = answer.json()
            return receipt
        order.problem = f"The bank answered {answer.status_code}: {answer.text}"
        return None


async def refused(_request: Request, error: Exception) -> Response:
    return pages.answer("problem", 502, why=str(error))


def create_app() -> Starlette:
    shop = Shop(World.load())
    return Starlette(
        lifespan=shop.lifespan,
        exception_handlers={FapiError: refused},
        routes=[
            Route("/", shop.home),
            Route("/order", shop.order, methods=["POST"]),
            Route("/order", shop.progress),
            Route(NOTIFICATION_PATH, shop.notification, methods=["POST"]),
            pages.STYLE,
        ],
    )
