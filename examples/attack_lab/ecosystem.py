"""The toolkit as shipped, under one profile: a bank, two APIs that trust it, a fintech, and a client of Mallory's.

The bank is `askit.AuthorizationServer`. The APIs are Starlette apps behind `asgi_mw.Protect`. The fintech is
`rpkit.Client`. Nothing here switches a rule off: an attack that needs an option, such as bearer tokens, takes a profile
that allows them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import asgi_mw
from asgi_mw.starlette import Access, token_of
from askit.pytest_plugin.hosts import Hosts
from askit.pytest_plugin.running import RunningServer, running
from askit.pytest_plugin.visits import trusting
from askit.server import AuthorizationServer
from examples.attack_lab.street import Place, Street
from fapikit import MemoryStore, PrivateKey, PrivateKeyJWT, PublicClient, profile_of
from fapikit.clock import Clock
from rpkit import Client, Login
from rskit import DetailsType, Issuer, ResourceServer

FINTECH, APP, MALLORY_LTD = "fintech", "fintech-app", "mallory-ltd"
USERS = [
    {
        "username": "alice",
        "password": "wonderland",
        "claims": {"name": "Alice", "email": "alice@example.test"},
    },
    {"username": "mallory", "password": "overdrawn", "claims": {"name": "Mallory"}},
]
GROCERIES = {
    "type": "payment_initiation",
    "instructed_amount": {"currency": "EUR", "amount": "12.50"},
    "creditor_name": "Green Grocer",
}
"""A payment that Alice wants to make (RFC 9396)."""
PAYMENT = DetailsType("payment_initiation", executed=("instructed_amount", "creditor_name"))
BALANCES = {"alice": "18000.00", "mallory": "0.13"}


@dataclass(frozen=True)
class Ecosystem:
    """One bank and who deals with it. Resource identifiers are the URLs of the APIs' endpoints."""

    bank: RunningServer[AuthorizationServer]
    accounts: str
    payments: str
    fintech_key: PrivateKey
    mallory_key: PrivateKey
    redirect_uri: str
    mallorys_redirect_uri: str
    ends: ExitStack
    """What is closed with the ecosystem."""

    @cached_property
    def fintech(self) -> Client:
        """The fintech, with nothing but the settings that the profile needs."""
        return self.client()

    def client(self, issuer: str | None = None, **options: Any) -> Client:
        """The fintech at this bank or, registered under the same name, at another. `options`: those of rpkit."""
        made = Client.discover(issuer or self.bank.issuer, **self.settings(**options))
        self.ends.callback(made.close)
        return made

    def settings(self, **options: Any) -> dict[str, Any]:
        """The arguments of `discover` for the fintech."""
        return {
            "client_id": FINTECH,
            "auth": PrivateKeyJWT(self.fintech_key),
            "redirect_uri": self.redirect_uri,
            "profile": self.bank.app.config.profile,
            "http": self.bank.http(),
            "clock": self.bank.app.core.clock,
            **options,
        }

    def app(self, issuer: str | None = None, **options: Any) -> Client:
        """The fintech's app: no client authentication, bearer tokens, and the request in the URL.

        It has nothing but the defence in question, so a profile must allow all this.
        """
        plain = {"auth": PublicClient(), "sender_constraint": None, "pushed_requests": False}
        return self.client(issuer, **{"client_id": APP, **plain, **options})

    @property
    def metadata(self) -> dict[str, Any]:
        """The metadata that the bank publishes."""
        well_known = f"{self.bank.issuer}/.well-known/oauth-authorization-server"
        found: dict[str, Any] = httpx.get(well_known, verify=trusting(self.bank.ca), trust_env=False).json()
        return found

    def mallorys_client(self, **options: Any) -> Client:
        """A client of the attacker's own, honestly registered."""
        own = {"auth": PrivateKeyJWT(self.mallory_key), "redirect_uri": self.mallorys_redirect_uri}
        return self.client(**{"client_id": MALLORY_LTD, **own, **options})

    def signed_in(
        self, client: Client | None = None, *, resource: str | None = None, **request: Any
    ) -> Login:
        """Alice signs in with the fintech, for the accounts API unless told otherwise."""
        asked = {"scope": "openid accounts", "resources": [self.accounts], **request}
        login: Login = self.bank.signed_in(client or self.fintech, resource=resource, **asked)
        return login


@contextmanager
def ecosystem(
    hosts: Hosts,
    street: Street,
    profile: str,
    *,
    redirect_uris: tuple[str, str],
    clock: Clock,
    **settings: Any,
) -> Iterator[Ecosystem]:
    """`redirect_uris`: the fintech's and that of Mallory Ltd. `clock`: of all parties.

    `settings`: further ones of the bank, by the keys of askit's configuration file.
    """
    places = {"accounts": Place(), "payments": Place()}
    urls = {name: f"{place.origin}/{name}" for name, place in places.items()}
    fintech_key, mallory_key = PrivateKey.generate("ES256"), PrivateKey.generate("ES256")
    own = {
        "profile": profile,
        "name": "Honest Bank",
        "users": USERS,
        "scopes": {
            "accounts": "See your accounts and balances",
            "payments": "Make payments from your accounts",
        },
        "resources": [
            {"uri": urls[name], "scopes": ["accounts", "payments"], "token_format": "jwt"}
            for name in ("accounts", "payments")
        ],
        "authorization_details_types": [
            {"type": "payment_initiation", "resource": urls["payments"], "single_use": True}
        ],
        "clients": [
            _client(FINTECH, "Penny Fintech", redirect_uris[0], fintech_key),
            _client(MALLORY_LTD, "Mallory Ltd", redirect_uris[1], mallory_key),
            *([_app(redirect_uris[0])] if profile_of(profile).public_clients else []),
        ],
    }
    made = running({**own, **settings}, clock=clock, kind=AuthorizationServer, hosts=hosts)
    with ExitStack() as ends:
        try:
            bank = ends.enter_context(made)
        except BaseException:  # such as a registration that the profile forbids
            for place in places.values():
                place.socket.close()
            raise
        for name, place in places.items():
            street.serve(_api(bank, name, urls[name], clock), place)
        ends.callback(street.end, [place.origin for place in places.values()])
        yield Ecosystem(
            bank, urls["accounts"], urls["payments"], fintech_key, mallory_key, *redirect_uris, ends
        )


def _client(client_id: str, name: str, redirect_uri: str, key: PrivateKey) -> Mapping[str, Any]:
    return {
        "client_id": client_id,
        "client_name": name,
        "redirect_uris": [redirect_uri],
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        "authorization_details_types": ["payment_initiation"],
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [dict(key.public_jwk)]},
    }


def _app(redirect_uri: str) -> Mapping[str, Any]:
    """The fintech's app: a public client, which has no secret."""
    return {
        "client_id": APP,
        "client_name": "Penny Fintech on your phone",
        "redirect_uris": [redirect_uri],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none",
    }


def _api(
    bank: RunningServer[AuthorizationServer], scope: str, resource: str, clock: Clock
) -> asgi_mw.Protect:
    """An API with few endpoints. `/accounts` and `/payments` take any token for them, and tell the user's balance.

    `/payments/order` executes the payment that the user has agreed to.
    """

    @Access(scope)
    async def endpoint(request: Request) -> JSONResponse:
        token = token_of(request)
        return JSONResponse({"owner": token.subject, "balance": BALANCES.get(token.subject or "", "")})

    async def payment(request: Request) -> Any:
        return PAYMENT.needed(await request.json())

    @Access(scope, details=payment)
    async def order(request: Request) -> JSONResponse:
        return JSONResponse({"owner": token_of(request).subject, "executed": await request.json()})

    server = ResourceServer(
        resource=resource,
        issuers=[Issuer(bank.issuer)],
        profile=bank.app.config.profile,
        store=MemoryStore(clock=clock),
        http=bank.http(),
        clock=clock,
    )
    routes = [
        Route(f"/{scope}", endpoint, methods=["GET", "POST"]),
        Route(f"/{scope}/history", endpoint),
        Route(f"/{scope}/order", order, methods=["POST"]),
    ]
    return asgi_mw.Protect(Starlette(routes=routes), server)
