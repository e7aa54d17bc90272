"""A bank behind TLS at which intents of every shape are lodged, and what a test lodges there, by hand."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

import httpx

from askit import AuthorizationServer
from askit.pytest_plugin.movable_clock import MovableClock
from askit.pytest_plugin.running import RunningServer
from tests.askit.bank import FINTECH, OTHER, an_api
from tests.askit.plain_client import ACCOUNTS, PAYMENTS, PlainClient
from tests.keys import a_key

Running = RunningServer[AuthorizationServer]
CLAIM = "openbanking_intent_id"


def a_type(shape: str, api: str, scope: str, **more: Any) -> dict[str, Any]:
    return {
        "type": shape.replace("-", "_"),
        "resource": api,
        "lodged": {"shape": shape, "scope": scope, **more.pop("lodged", {})},
        **more,
    }


SETTINGS: dict[str, Any] = {
    "clients": [
        FINTECH,
        OTHER,
        {**FINTECH, "client_id": "narrow", "authorization_details_types": ["payment_initiation"]},
        an_api("test-api", 3),
    ],
    "users": [
        {
            "username": "alice",
            "password": "wonderland",
            "claims": {
                "sub": "user-alice",
                "name": "Alice",
                "cpf": "76109277673",
                "cnpj": ["50685362006773", "11222333000181"],
            },
        },
        {"username": "bob", "password": "builder", "claims": {"cpf": "11144477735"}},
        {"username": "carol", "password": "mockturtle"},
    ],
    "resources": [
        {
            "uri": ACCOUNTS,
            "scopes": ["accounts", "consents"],
            "token_format": "opaque",
            "introspection_clients": ["test-api"],
        },
        {
            "uri": PAYMENTS,
            "scopes": ["payments"],
            "token_format": "opaque",
            "introspection_clients": ["test-api"],
        },
    ],
    "authorization_details_types": [
        {"type": "payment_initiation", "resource": PAYMENTS, "single_use": True},
        a_type("uk-account-access", ACCOUNTS, "accounts", name="Access to your accounts"),
        a_type("uk-domestic-payment", PAYMENTS, "payments", single_use=True, name="Payment"),
        a_type("brazil-consent", ACCOUNTS, "consents", lodged={"namespace": "bancoex"}),
        a_type("berlin-group-consent", ACCOUNTS, "accounts"),
        a_type("berlin-group-payment", PAYMENTS, "payments", single_use=True),
    ],
}
PATHS = {
    "uk-account-access": "/open-banking/v4.0/aisp/account-access-consents",
    "uk-domestic-payment": "/open-banking/v4.0/pisp/domestic-payment-consents",
    "brazil-consent": "/open-banking/consents/v3/consents",
    "berlin-group-consent": "/v1/consents",
    "berlin-group-payment": "/v1/payments/sepa-credit-transfers",
}
SCOPES = {
    "uk-account-access": "accounts",
    "uk-domestic-payment": "payments",
    "brazil-consent": "consents",
    "berlin-group-consent": "accounts",
    "berlin-group-payment": "payments",
}
APIS = {shape: PAYMENTS if shape.endswith("payment") else ACCOUNTS for shape in PATHS}
BODIES: dict[str, dict[str, Any]] = {
    "uk-account-access": {
        "Data": {
            "Permissions": ["ReadAccountsBasic", "ReadBalances"],
            "ExpirationDateTime": "2027-03-01T00:00:00+00:00",
        },
        "Risk": {},
    },
    "uk-domestic-payment": {
        "Data": {
            "Initiation": {
                "InstructionIdentification": "ACME412",
                "EndToEndIdentification": "FRESCO.21302.GFX.20",
                "InstructedAmount": {"Amount": "165.88", "Currency": "GBP"},
                "CreditorAccount": {
                    "SchemeName": "UK.OBIE.SortCodeAccountNumber",
                    "Identification": "08080021325698",
                    "Name": "ACME Inc",
                },
            }
        },
        "Risk": {"PaymentContextCode": "EcommerceGoods"},
    },
    "brazil-consent": {
        "data": {
            "loggedUser": {"document": {"identification": "76109277673", "rel": "CPF"}},
            "permissions": ["ACCOUNTS_READ", "RESOURCES_READ"],
            "expirationDateTime": "2027-03-01T00:00:00Z",
        }
    },
    "berlin-group-consent": {
        "access": {"balances": [{"iban": "DE40100100103307118608"}]},
        "recurringIndicator": True,
        "validUntil": "2027-03-01",
        "frequencyPerDay": 4,
        "combinedServiceIndicator": False,
    },
    "berlin-group-payment": {
        "instructedAmount": {"currency": "EUR", "amount": "123.50"},
        "creditorAccount": {"iban": "DE02100100109307118603"},
        "creditorName": "Merchant A",
    },
}
"""One valid body for each shape. The clock of these tests stands still in January 2027."""
IDS = {
    "uk-account-access": ("Data", "ConsentId"),
    "uk-domestic-payment": ("Data", "ConsentId"),
    "brazil-consent": ("data", "consentId"),
    "berlin-group-consent": ("consentId",),
    "berlin-group-payment": ("paymentId",),
}
STATUSES = {
    "uk-account-access": ("Data", "Status"),
    "uk-domestic-payment": ("Data", "Status"),
    "brazil-consent": ("data", "status"),
    "berlin-group-consent": ("consentStatus",),
    "berlin-group-payment": ("transactionStatus",),
}
PREFIXES = {"brazil-consent": "consent:", "berlin-group-consent": "AIS:", "berlin-group-payment": "PIS:"}


def at(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        value = value[name]
    return value


def changed(body: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with another value at this path; None takes the member away."""
    copied = copy.deepcopy(dict(body))
    *way, last = path.split(".")
    inner = at(copied, tuple(way))
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return copied


class Lodger:
    """One client of the bank, over sockets, with the intents that it lodges."""

    def __init__(self, bank: Running, clock: MovableClock, client_id: str = "fintech", key: int = 1) -> None:
        http = httpx.AsyncClient(base_url=bank.issuer, verify=bank.http().tls)
        self.plain = PlainClient(
            http=http, clock=clock, client_id=client_id, key=a_key("ES256", key), issuer=bank.issuer
        )
        self.api = PlainClient(
            http=http, clock=clock, client_id="test-api", key=a_key("ES256", 3), issuer=bank.issuer
        )

    @classmethod
    def of(cls, plain: PlainClient, api: PlainClient) -> Lodger:
        """One at a bank that runs elsewhere. `api`: the API that introspects."""
        made = cls.__new__(cls)
        made.plain, made.api = plain, api
        return made

    async def own_token(self, shape: str, scope: str | None = None) -> str:
        answer = await self.plain.token(
            {"grant_type": "client_credentials", "scope": scope or SCOPES[shape], "resource": [APIS[shape]]}
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    async def call(
        self,
        method: str,
        path: str,
        token: str,
        body: Any = None,
        *,
        content: bytes | None = None,
        media_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """One call of a consent resource. It answers a nonce challenge."""
        sent = json.dumps(body).encode() if content is None else content
        for _ in range(2):
            given = {
                "authorization": f"DPoP {token}",
                "dpop": self.plain.proof(method, f"{self.plain.issuer}{path}", token=token),
                **(headers or {}),
            }
            if method == "POST":
                given["content-type"] = media_type
            answer = await self.plain.http.request(
                method, path, headers=given, content=sent if method == "POST" else None
            )
            self.plain.nonce = answer.headers.get("dpop-nonce", self.plain.nonce)
            if "use_dpop_nonce" not in answer.headers.get("www-authenticate", ""):
                return answer
        return answer

    async def lodge(self, shape: str, body: Any = None, **more: Any) -> httpx.Response:
        token = await self.own_token(shape)
        return await self.call("POST", PATHS[shape], token, BODIES[shape] if body is None else body, **more)

    async def lodged(self, shape: str, body: Any = None) -> str:
        """The id of a new intent."""
        answer = await self.lodge(shape, body)
        assert answer.status_code == 201, answer.text
        return str(at(answer.json(), IDS[shape]))

    async def status(self, shape: str, intent_id: str) -> str:
        answer = await self.call("GET", f"{PATHS[shape]}/{intent_id}", await self.own_token(shape))
        assert answer.status_code == 200, answer.text
        return str(at(answer.json(), STATUSES[shape]))

    async def delete(self, shape: str, intent_id: str) -> httpx.Response:
        return await self.call("DELETE", f"{PATHS[shape]}/{intent_id}", await self.own_token(shape))

    def asked(self, shape: str, intent_id: str, **changes: Any) -> dict[str, Any]:
        """The parameters of a request that names an intent in the way of its shape."""
        scope = f"openid {SCOPES[shape]}"
        if shape in PREFIXES:
            return self.plain.request(scope=f"{scope} {PREFIXES[shape]}{intent_id}", **changes)
        named = {CLAIM: {"value": intent_id, "essential": True}}
        return {
            "request": self.plain.request_object(
                **{"scope": scope, "claims": {"claims": {"id_token": named, "userinfo": named}}, **changes}
            )
        }

    async def push(self, shape: str, intent_id: str, **changes: Any) -> httpx.Response:
        return await self.plain.push(self.asked(shape, intent_id, **changes))

    async def request_uri(self, shape: str, intent_id: str) -> str:
        answer = await self.push(shape, intent_id)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["request_uri"])

    async def decide(self, shape: str, intent_id: str, decision: str = "approve") -> httpx.Response:
        return await self.plain.decide(await self.request_uri(shape, intent_id), decision=decision)

    async def introspected(self, token: str) -> dict[str, Any]:
        answer = await self.api.introspect(token)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())
