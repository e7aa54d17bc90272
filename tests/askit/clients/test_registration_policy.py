"""Who registers itself has what the policy of the configuration gives to such clients: by default no API."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from askit import AuthorizationServer, Config
from fapikit.errors import ConfigurationError, FapiError
from tests.askit.bank import Bank, settings
from tests.askit.plain_client import ACCOUNTS, CALLBACK, PAYMENTS, PlainClient
from tests.askit.registering import OPENER, register
from tests.keys import a_key

pytestmark = pytest.mark.anyio

PAYMENT = {
    "type": "payment_initiation",
    "instructedAmount": {"currency": "EUR", "amount": "12.00"},
    "creditorName": "Shop",
}
EVERYTHING = {
    "scopes": ["openid", "accounts", "payments"],
    "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
    "authorization_details_types": ["payment_initiation"],
}


def bank_with(policy: dict[str, Any] | None = None, **changes: Any) -> Bank:
    return Bank(initial_access_token=OPENER, registration=policy, **changes)


def narrowed(bank: Bank, policy: dict[str, Any] | None) -> None:
    """The same bank, started again with another policy."""
    bank.config = Config.from_mapping(settings(initial_access_token=OPENER, registration=policy))
    bank.server = AuthorizationServer(bank.config, store=bank.store, clock=bank.clock)


async def registered(bank: Bank, **asked: Any) -> dict[str, Any]:
    response = await register(bank, **asked)
    assert response.status_code == 201, response.text
    return response.json()


def client_of(bank: Bank, answer: dict[str, Any]) -> PlainClient:
    return bank.client(answer["client_id"], key=a_key("ES256", 7))


async def change(bank: Bank, answer: dict[str, Any], **changes: Any) -> httpx.Response:
    ours = {"registration_access_token", "registration_client_uri", "client_id_issued_at"}
    asked = {**{name: value for name, value in answer.items() if name not in ours}, **changes}
    headers = {"authorization": f"Bearer {answer['registration_access_token']}"}
    return await bank.browser().put(answer["registration_client_uri"], json=asked, headers=headers)


# The default


async def test_by_default_a_client_that_registers_itself_reaches_no_api() -> None:
    bank = bank_with()
    answer = await registered(bank)
    client = client_of(bank, answer)
    assert answer["scope"].split() == ["openid", "profile", "email", "address", "phone", "offline_access"]
    assert answer["authorization_details_types"] == []
    assert (await client.tokens(scope="openid"))["scope"] == "openid"
    for scope in ("accounts", "openid payments"):
        assert (await client.push(client.request(scope=scope))).json()["error"] == "invalid_scope"
    for resource in (ACCOUNTS, PAYMENTS):
        pushed = await client.push(client.request(scope="openid", resource=resource))
        assert pushed.json()["error"] == "invalid_target"
    pushed = await client.push(client.request(scope="openid", authorization_details=[PAYMENT]))
    assert pushed.json()["error"] == "invalid_authorization_details"


@pytest.mark.parametrize(
    "asked",
    [
        {"grant_types": ["client_credentials"], "response_types": []},
        {"scope": "payments accounts"},
        {"authorization_details_types": ["payment_initiation"]},
        {"grant_types": ["client_credentials"], "scope": "accounts"},
    ],
)
async def test_what_would_leave_a_client_nothing_of_what_it_asks_for_is_refused(
    asked: dict[str, Any],
) -> None:
    response = await register(bank_with(), **asked)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_client_metadata")
    assert "none of the requested values" in response.json()["error_description"]


@pytest.mark.spec("RFC 7591 3.2.1")
async def test_what_goes_beyond_the_policy_is_left_out_and_the_answer_says_so() -> None:
    answer = await registered(
        bank_with({"scopes": ["openid", "accounts"], "response_modes": ["jwt", "query.jwt"]}),
        scope="openid accounts payments admin",
        grant_types=["authorization_code", "refresh_token", "client_credentials"],
        response_modes=["query", "jwt"],
        authorization_details_types=[],
    )
    assert answer["scope"] == "openid accounts"
    assert answer["grant_types"] == ["authorization_code", "refresh_token"]
    assert answer["response_modes"] == ["jwt"]


async def test_client_credentials_are_not_for_the_asking() -> None:
    bank = bank_with({"scopes": ["openid", "accounts"]})
    answer = await registered(bank, grant_types=["authorization_code", "client_credentials"])
    client = client_of(bank, answer)
    response = await client.token({"grant_type": "client_credentials", "scope": "accounts"})
    assert response.json()["error"] == "unauthorized_client"


# What a policy gives


async def test_a_policy_gives_what_it_names() -> None:
    bank = bank_with(EVERYTHING)
    answer = await registered(bank, grant_types=EVERYTHING["grant_types"])
    client = client_of(bank, answer)
    assert (await client.tokens(scope="openid accounts"))["scope"] == "openid accounts"
    own = await client.token({"grant_type": "client_credentials", "scope": "payments"})
    assert own.json()["scope"] == "payments"
    pushed = await client.push(client.request(scope="openid", authorization_details=[PAYMENT]))
    assert pushed.status_code == 201


async def test_a_resource_is_reached_by_a_scope_or_a_type_of_it_alone() -> None:
    """An API's routes may ask for no scope at all: a token for it is worth something by itself."""
    machines = {"scopes": ["accounts"], "grant_types": ["client_credentials"]}
    bank = bank_with(machines)
    answer = await registered(bank, grant_types=["client_credentials"], response_types=[])
    client = client_of(bank, answer)
    for resource, error in ((ACCOUNTS, None), (PAYMENTS, "invalid_target")):
        response = await client.token({"grant_type": "client_credentials", "resource": resource})
        assert response.json().get("error") == error
    narrowed(bank, {**machines, "authorization_details_types": ["payment_initiation"]})
    by_type = await registered(bank, grant_types=["client_credentials"], response_types=[])
    response = await client_of(bank, by_type).token(
        {"grant_type": "client_credentials", "resource": PAYMENTS}
    )
    assert response.status_code == 200


async def test_without_codes_there_are_no_response_types() -> None:
    answer = await registered(
        bank_with({"scopes": ["accounts"], "grant_types": ["client_credentials"]}),
        grant_types=["authorization_code", "client_credentials"],
        response_types=["code"],
    )
    assert (answer["grant_types"], answer["response_types"]) == (["client_credentials"], [])


async def test_a_method_that_is_not_open_is_refused_and_not_replaced() -> None:
    bank = bank_with({"token_endpoint_auth_methods": ["private_key_jwt"]}, profile="oauth-2.1")
    response = await register(bank, token_endpoint_auth_method="client_secret_basic")
    assert (response.status_code, response.json()["error"]) == (400, "invalid_client_metadata")
    assert (await register(bank)).status_code == 201


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({}, 201),
        ({"redirect_uris": [CALLBACK, "https://fintech.example.test:8443/x"]}, 201),
        ({"redirect_uris": [CALLBACK, "https://elsewhere.example/"]}, 400),
        ({"redirect_uris": ["https://fintech.example.test.elsewhere.example/"]}, 400),
        ({"redirect_uris": ["https://fintech.example.test./"]}, 400),
        ({"redirect_uris": ["https://[::1/"]}, 400),
        ({"post_logout_redirect_uris": ["https://elsewhere.example/"]}, 400),
    ],
)
async def test_browsers_are_sent_to_hosts_that_the_policy_names(asked: dict[str, Any], status: int) -> None:
    response = await register(bank_with({"redirect_hosts": ["fintech.example.test"]}), **asked)
    assert response.status_code == status
    if status == 400:
        assert response.json()["error"] == "invalid_redirect_uri"


# Changing a registration


@pytest.mark.spec("RFC 7592 2.2")
async def test_an_update_goes_no_further_than_a_registration() -> None:
    bank = bank_with({"scopes": ["openid", "accounts"]})
    answer = await registered(bank)
    changed = await change(
        bank,
        answer,
        scope="openid accounts payments",
        grant_types=["authorization_code", "client_credentials"],
        authorization_details_types=[],
    )
    assert changed.json()["scope"] == "openid accounts"
    assert changed.json()["grant_types"] == ["authorization_code"]
    for asked in (
        {"scope": "payments"},
        {"grant_types": ["client_credentials"], "response_types": []},
        {"authorization_details_types": ["payment_initiation"]},
    ):
        assert (await change(bank, answer, **asked)).json()["error"] == "invalid_client_metadata"


async def test_a_client_that_leaves_a_member_out_gets_no_more_by_it() -> None:
    bank = bank_with({"scopes": ["openid", "accounts"]})
    answer = await registered(bank, scope="openid")
    left_out = {name: value for name, value in answer.items() if name not in ("scope", "response_types")}
    changed = await change(bank, left_out)
    assert changed.json()["scope"] == "openid accounts"
    assert changed.json()["authorization_details_types"] == []


# A policy that has become narrower


async def test_a_narrower_policy_holds_for_those_who_registered_before() -> None:
    bank = bank_with(EVERYTHING)
    answer = await registered(bank, grant_types=EVERYTHING["grant_types"])
    narrowed(bank, {"scopes": ["openid", "accounts"]})
    client = client_of(bank, answer)
    own = await client.token({"grant_type": "client_credentials", "scope": "accounts"})
    assert own.json()["error"] == "unauthorized_client"
    assert (await client.push(client.request(scope="payments"))).json()["error"] == "invalid_scope"
    pushed = await client.push(client.request(scope="openid", authorization_details=[PAYMENT]))
    assert pushed.json()["error"] == "invalid_authorization_details"
    assert (await client.tokens(scope="openid accounts"))["scope"] == "openid accounts"
    headers = {"authorization": f"Bearer {answer['registration_access_token']}"}
    now = (await bank.browser().get(answer["registration_client_uri"], headers=headers)).json()
    assert now["scope"] == "openid accounts"
    assert now["grant_types"] == ["authorization_code", "refresh_token"]


async def test_what_was_granted_before_shrinks_with_the_policy() -> None:
    """Codes, refresh tokens and access tokens alike."""
    bank = bank_with(EVERYTHING)
    answer = await registered(bank)
    client = client_of(bank, answer)
    asked = {"scope": "openid accounts payments", "resource": [ACCOUNTS, PAYMENTS]}
    waiting = await client.code(**asked)
    code = await client.code(**asked)
    tokens = (await client.token({**client.code_form(code), "resource": PAYMENTS})).json()
    payments = bank.client("payments-api")
    assert (await payments.introspect(tokens["access_token"])).json()["scope"] == "payments"

    narrowed(bank, {"scopes": ["openid", "accounts"]})
    client, payments = client_of(bank, answer), bank.client("payments-api")
    assert (await payments.introspect(tokens["access_token"])).json() == {"active": False}
    late = await client.token({**client.code_form(waiting), "resource": PAYMENTS})
    assert late.json()["error"] == "invalid_target"
    late = await client.token({**client.code_form(waiting), "resource": ACCOUNTS})
    assert late.json()["scope"] == "openid accounts"
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert (await client.token({**form, "resource": PAYMENTS})).json()["error"] == "invalid_target"
    assert (await client.token({**form, "scope": "payments"})).json()["error"] == "invalid_scope"
    assert (await client.token({**form, "resource": ACCOUNTS})).json()["scope"] == "openid accounts"

    narrowed(bank, {"scopes": ["profile"]})
    client = client_of(bank, answer)
    assert (await client.token(form)).json()["error"] == "invalid_grant"


async def test_a_client_whose_method_or_host_is_not_open_any_more_is_not_served() -> None:
    for policy in ({"redirect_hosts": ["other.example"]}, {"token_endpoint_auth_methods": []}):
        bank = bank_with()
        answer = await registered(bank)
        narrowed(bank, policy)
        assert await bank.server.core.clients.find(answer["client_id"]) is None


async def test_clients_of_the_configuration_are_not_bound_by_it() -> None:
    client = bank_with().client()
    tokens = await client.token({"grant_type": "client_credentials", "scope": "payments"})
    assert tokens.status_code == 200


# How many, and for how long


@pytest.mark.spec("RFC 7591 5")
async def test_no_more_clients_register_themselves_than_the_policy_says() -> None:
    bank = bank_with({"max_clients": 2, "lifetime": 1000})
    first, second = await registered(bank), await registered(bank)
    full = await register(bank)
    assert (full.status_code, full.json()["error"]) == (503, "temporarily_unavailable")
    headers = {"authorization": f"Bearer {first['registration_access_token']}"}
    await bank.browser().delete(first["registration_client_uri"], headers=headers)
    third = await registered(bank)
    assert (await register(bank)).status_code == 503
    bank.clock.advance(1001)
    assert await bank.server.core.clients.find(third["client_id"]) is None
    await registered(bank)
    await registered(bank)
    assert (await register(bank)).status_code == 503
    assert second["client_id"] != third["client_id"]


async def test_a_registration_ends_with_its_lifetime_unless_it_is_renewed() -> None:
    bank = bank_with({"lifetime": 1000})
    renewed, left = await registered(bank), await registered(bank)
    bank.clock.advance(900)
    assert (await change(bank, renewed)).status_code == 200
    bank.clock.advance(200)
    assert await bank.server.core.clients.find(left["client_id"]) is None
    assert await bank.server.core.clients.find(renewed["client_id"]) is not None
    assert (await change(bank, renewed)).status_code == 200


async def test_a_secret_says_when_it_ends() -> None:
    bank = bank_with({"lifetime": 1000}, profile="oauth-2.1")
    answer = await registered(bank, token_endpoint_auth_method="client_secret_basic", jwks=None)
    assert answer["client_secret_expires_at"] == int(bank.clock()) + 1000


# The configuration


@pytest.mark.parametrize(
    ("policy", "named"),
    [
        ({"scopes": ["account"]}, "registration.scopes"),
        ({"grant_types": ["password"]}, "registration.grant_types"),
        ({"token_endpoint_auth_methods": ["none"]}, "registration.token_endpoint_auth_methods"),
        ({"authorization_details_types": ["payment"]}, "registration.authorization_details_types"),
        ({"response_types": ["token"]}, "registration.response_types"),
        ({"response_modes": ["fragment.jwtt"]}, "registration.response_modes"),
        ({"max_clients": 0}, "registration.max_clients"),
        ({"max_clients": 1_000_000}, "limits.record_octets"),
        ({"lifetime": -1}, "registration.lifetime"),
        ({"scope": ["openid"]}, "registration.scope is not a setting; did you mean scopes?"),
        ({"scopes": "openid"}, "registration.scopes"),
    ],
)
def test_a_policy_that_cannot_be_is_refused_by_name(policy: dict[str, Any], named: str) -> None:
    with pytest.raises(FapiError) as refused:
        bank_with(policy)
    assert isinstance(refused.value, ConfigurationError)
    assert named in str(refused.value)
