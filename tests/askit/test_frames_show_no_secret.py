"""However a request to this server breaks, its error leaves no frame in which an error tracker finds a secret."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from askit import AuthorizationServer, wire_errors
from askit.endpoints import introspect
from askit.requests import protected_resource
from fapikit import MemoryStore
from fapikit.errors import FapiError, StoreUnavailable
from tests.askit.bank import OTHER, Bank, settings
from tests.askit.ciba.asking import APIS, PING, PUSH, TOKEN, Asking, asking
from tests.askit.ciba.notified import Notified
from tests.askit.ciba.test_grant import decide
from tests.askit.plain_client import VERIFIER, PlainClient
from tests.askit.registering import ASKED, OPEN, OPENER
from tests.failing import AppError
from tests.frames import shown

pytestmark = pytest.mark.anyio

_SECRET_FIELDS = frozenset(
    {
        "client_assertion", "client_secret", "code", "code_verifier", "id_token_hint", "password", "refresh_token",
        "request", "token", "client_notification_token", "user_code", "auth_req_id",
    }
)  # fmt: skip
PINGED = {**PING, **{name: OTHER[name] for name in ("client_id", "client_name", "jwks")}}
USERS = [
    *settings()["users"],
    {"username": "erin", "password": "harvest-moon", "user_code": "erins-own-code"},
]


class Failing:
    """A store whose operation number `at` fails, in the way of `error`."""

    def __init__(self, inner: MemoryStore, error: type[BaseException]) -> None:
        self._inner = inner
        self._error = error
        self.at = self.done = 0

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._inner, name)

        async def counted(*arguments: Any) -> Any:
            self.done += 1
            if self.done == self.at:
                raise self._error("down")
            return await operation(*arguments)

        return counted


class Customer:
    """A client of a bank and its user, with everything that they were given; all secrets they send are noted."""

    def __init__(self, error: type[BaseException] = StoreUnavailable) -> None:
        self.bank = Bank(http=Notified().http(), **OPEN, clients=[PUSH, PINGED, *APIS], users=USERS)
        self.store = Failing(self.bank.store, error)
        self.bank.server = AuthorizationServer(self.bank.config, store=self.store, clock=self.bank.clock)  # type: ignore[arg-type]
        self.secrets = {OPENER, VERIFIER}
        self.client: PlainClient = self.noted(self.bank.client())

    async def prepare(self) -> None:
        self.tokens = await self.client.tokens()
        self.code = await self.client.code()
        self.uri = await self.client.pushed()
        visitor = self.noted(self.bank.client())
        self.visitor, self.login_page = visitor, await visitor.follow(await visitor.authorize(self.uri))
        self.auth_req_id = await asking(self.bank, "other").started(client_notification_token=TOKEN)
        await decide(self.bank, self.auth_req_id, client_id="other")
        self.waiting = await asking(self.bank).started(client_notification_token=TOKEN, proof=True)
        self.consent_page = await self.client.follow(await self.client.authorize(await self.client.pushed()))
        self.secrets |= {
            self.tokens["access_token"],
            self.tokens["refresh_token"],
            self.tokens["id_token"],
            self.code,
            self.auth_req_id,
            self.waiting,
            TOKEN,
        }

    def noted(self, client: PlainClient) -> PlainClient:
        client.http.event_hooks["request"].append(self._note)
        return client

    async def _note(self, request: httpx.Request) -> None:
        form = dict(parse_qsl(request.content.decode()))
        self.secrets |= {value for name, value in form.items() if name in _SECRET_FIELDS and len(value) > 7}
        sent = (request.headers.get(name) for name in ("authorization", "dpop"))
        self.secrets |= {value.split()[-1] for value in sent if value is not None}


async def _register(customer: Customer) -> httpx.Response:
    headers = {"authorization": f"Bearer {OPENER}"}
    return await customer.client.http.post("/register", json=ASKED, headers=headers)


async def _manage(customer: Customer) -> httpx.Response:
    own = (await _register(customer)).json()
    if "registration_access_token" not in own:
        return await _register(customer)
    customer.secrets.add(own["registration_access_token"])
    headers = {"authorization": f"Bearer {own['registration_access_token']}"}
    return await customer.client.http.put(
        own["registration_client_uri"], json={**ASKED, "client_id": own["client_id"]}, headers=headers
    )


async def _introspect(customer: Customer) -> httpx.Response:
    api = customer.noted(customer.bank.client("accounts-api"))
    return await api.introspect(customer.tokens["access_token"], "application/token-introspection+jwt")


async def _revoke(customer: Customer) -> httpx.Response:
    form = {"token": customer.tokens["refresh_token"], **customer.client.authentication()}
    return await customer.client.post("/revoke", form)


async def _sign_out(customer: Customer) -> httpx.Response:
    hint = {"id_token_hint": customer.tokens["id_token"], "client_id": "fintech"}
    return await customer.client.post("/end_session", hint)


async def _ask(customer: Customer) -> httpx.Response:
    asked = Asking(customer.client)
    return await asked.send(
        client_notification_token=TOKEN, proof=True, login_hint="erin", user_code="erins-own-code"
    )


async def _poll(customer: Customer) -> httpx.Response:
    return await Asking(customer.noted(customer.bank.client("other"))).poll(customer.auth_req_id)


STEPS: dict[str, Callable[[Customer], Awaitable[httpx.Response]]] = {
    "redeem": lambda customer: customer.client.redeem(customer.code),
    "refresh": lambda customer: customer.client.refresh(customer.tokens["refresh_token"]),
    "client credentials": lambda customer: customer.client.token(
        {"grant_type": "client_credentials", "scope": "accounts"}
    ),
    "userinfo": lambda customer: customer.client.userinfo(customer.tokens["access_token"]),
    "introspect": _introspect,
    "revoke": _revoke,
    "push": lambda customer: customer.client.push(),
    "push a request object": lambda customer: customer.client.push(
        {"request": customer.client.request_object(), "client_id": "fintech"}
    ),
    "sign in": lambda customer: customer.visitor.submit(
        customer.login_page, username="alice", password="wonderland"
    ),
    "approve": lambda customer: customer.client.submit(customer.consent_page, decision="approve"),
    "register": _register,
    "manage": _manage,
    "sign out": _sign_out,
    "ask a user": _ask,
    "poll for a user": _poll,
}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """The errors that were told of, kept as one who keeps them too long would."""
    kept: list[BaseException] = []
    log_refusal, refusal_of = wire_errors.log_refusal, wire_errors.refusal_of

    def keeping(error: FapiError, *said: Any) -> None:
        kept.append(error)
        log_refusal(error, *said)

    def keeping_all(error: Exception, *said: Any) -> FapiError:
        kept.append(error)
        return refusal_of(error, *said)

    monkeypatch.setattr(wire_errors, "refusal_of", keeping_all)
    for module in (wire_errors, introspect, protected_resource):
        monkeypatch.setattr(module, "log_refusal", keeping)
    return kept


@pytest.mark.parametrize("step", list(STEPS))
@pytest.mark.parametrize("error", [StoreUnavailable, AppError])
async def test_whichever_store_operation_fails(
    step: str, error: type[Exception], told: list[BaseException]
) -> None:
    for at in range(1, 60):
        customer = Customer(error)
        await customer.prepare()
        told.clear()
        customer.store.at, customer.store.done = at, 0
        response = await STEPS[step](customer)
        assert [shown(kept, customer.secrets) for kept in told if shown(kept, customer.secrets)] == []
        if customer.store.done < at:
            assert (response.status_code < 400, at > 1) == (True, True), response.text
            return
        assert told or response.status_code < 400
    raise AssertionError("the store is asked without end")


def _is_ours(entry: str) -> bool:
    """Not the ASGI scope, which is the server's and stands in every frame of the frameworks."""
    return (" at askit" in entry or " at fapikit" in entry) and not entry.endswith(": scope")


@pytest.mark.parametrize("step", list(STEPS))
async def test_a_request_that_is_cancelled(step: str) -> None:
    for at in range(1, 60):
        customer = Customer(asyncio.CancelledError)
        await customer.prepare()
        customer.store.at, customer.store.done = at, 0
        try:
            await STEPS[step](customer)
        except asyncio.CancelledError as error:
            ours = [entry for entry in shown(error, customer.secrets) if _is_ours(entry)]
            assert ours == []
        if customer.store.done < at:
            return


@pytest.mark.parametrize("step", ["redeem", "refresh", "revoke", "push"])
@pytest.mark.parametrize("broken", ["cut", "another key", "not UTF-8"])
async def test_a_client_that_cannot_prove_itself(step: str, broken: str, told: list[BaseException]) -> None:
    customer = Customer()
    await customer.prepare()
    client = customer.client
    honest = client.authentication

    def authentication(*_: Any, **__: Any) -> dict[str, str]:
        form = honest()
        assertion = form["client_assertion"]
        changed = {
            "cut": assertion[:-3],
            "another key": assertion[:-8] + "AAAAAAAA",
            "not UTF-8": assertion + "\udcff",
        }[broken]
        customer.secrets |= {assertion.split(".")[1], assertion.split(".")[2][:20]}
        return {**form, "client_assertion": changed}

    client.authentication = authentication  # type: ignore[method-assign]
    try:
        response = await STEPS[step](customer)
    except UnicodeEncodeError:
        return  # this client cannot even send it
    assert response.status_code in (400, 401)
    assert told
    assert [shown(kept, customer.secrets) for kept in told if shown(kept, customer.secrets)] == []
