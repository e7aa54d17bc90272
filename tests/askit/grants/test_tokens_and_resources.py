"""One access token, one API: audience, scopes and details by resource; consents that serve once; rotation."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from askit.requests.authorization_details import details_for
from tests.askit.bank import FINTECH, Bank, an_api
from tests.askit.plain_client import ACCOUNTS, ISSUER, PAYMENT, PAYMENTS, PlainClient, read_callback
from tests.keys import claims_of

pytestmark = pytest.mark.anyio

BOTH = {"scope": "openid accounts payments", "authorization_details": [PAYMENT]}


@pytest.mark.spec("RFC 8707 2.2", "RFC 9068 3")
async def test_without_a_resource_the_one_that_owns_the_scopes_is_meant(client: PlainClient) -> None:
    assert claims_of((await client.tokens(scope="openid accounts"))["access_token"])["aud"] == ACCOUNTS


async def test_where_several_own_them_one_must_be_named(client: PlainClient) -> None:
    code = await client.code(**BOTH)
    unclear = await client.redeem(code)
    assert (unclear.status_code, unclear.json()["error"]) == (400, "invalid_target")
    both = await client.redeem(code, resource=[ACCOUNTS, PAYMENTS])
    assert (both.status_code, both.json()["error"]) == (400, "invalid_target")
    assert (await client.redeem(code, resource=[ACCOUNTS])).status_code == 200


@pytest.mark.parametrize("resource", [PAYMENTS, "https://elsewhere.example.test/", f"{ACCOUNTS}/"])
@pytest.mark.spec("RFC 8707 2b")
async def test_a_resource_that_was_not_granted_is_refused(client: PlainClient, resource: str) -> None:
    code = await client.code(scope="openid accounts", resource=[ACCOUNTS])
    refused = await client.redeem(code, resource=[resource])
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_target")


@pytest.mark.spec("FAPI2-SP 5.3.2.1-14", "RFC 9396 7")
@pytest.mark.spec("RFC 9068 2.2.3")
async def test_each_token_carries_what_belongs_to_its_api_and_no_more(
    bank: Bank, client: PlainClient
) -> None:
    accounts = (await client.redeem(await client.code(**BOTH), resource=[ACCOUNTS])).json()
    assert accounts["scope"] == "openid accounts"
    assert "authorization_details" not in accounts
    assert "authorization_details" not in claims_of(accounts["access_token"])
    assert claims_of(accounts["access_token"])["scope"] == "accounts"

    payments = (await client.refresh(accounts["refresh_token"], resource=[PAYMENTS])).json()
    assert payments["scope"] == "openid payments"
    assert payments["authorization_details"][0]["creditorName"] == "Merchant A"
    assert "." not in payments["access_token"]
    seen = (await bank.client("payments-api").introspect(payments["access_token"])).json()
    assert seen["scope"] == "payments"


async def test_a_token_for_userinfo_alone_is_for_the_server(client: PlainClient) -> None:
    tokens = await client.tokens(scope="openid email")
    assert "." not in tokens["access_token"]
    assert (await client.userinfo(tokens["access_token"])).json() == {
        "sub": "user-alice",
        "email": "alice@example.test",
    }


@pytest.mark.spec("RFC 9068 2.1", "RFC 9068 2.2")
async def test_the_claims_of_an_access_token(client: PlainClient) -> None:
    first, second = [claims_of((await client.tokens())["access_token"]) for _ in range(2)]
    assert set(first) == {
        "iss", "aud", "sub", "client_id", "iat", "exp", "jti", "scope", "cnf", "acr", "auth_time"
    }  # fmt: skip
    assert (first["iss"], first["sub"], first["client_id"]) == (ISSUER, "user-alice", "fintech")
    assert first["jti"] != second["jti"]


# authorization_details


@pytest.mark.parametrize(
    "detail",
    [
        {k: v for k, v in PAYMENT.items() if k != "creditorName"},
        {**PAYMENT, "unheardOf": 1},
        {**PAYMENT, "instructedAmount": "123.50 EUR"},
        {**PAYMENT, "instructedAmount": {"currency": "EUR", "amount": 123.5}},
        {**PAYMENT, "instructedAmount": {"currency": "EUR"}},
        {**PAYMENT, "instructedAmount": {"currency": "EUR", "amount": "1", "more": "x"}},
        {**PAYMENT, "creditorName": ["Merchant A"]},
        {**PAYMENT, "type": "unheard_of"},
        {**PAYMENT, "type": 7},
        {**PAYMENT, "consent_id": "chosen-by-the-client"},
        {**PAYMENT, "consent_expires_at": 4_000_000_000},
        {**PAYMENT, "locations": ["https://elsewhere.example.test/"]},
        {**PAYMENT, "locations": [ACCOUNTS]},
        {**PAYMENT, "locations": "https://api.example.test/payments"},
        {**PAYMENT, "identifier": 7},
        {k: v for k, v in PAYMENT.items() if k != "type"},
    ],
)
@pytest.mark.spec("RFC 9396 5")
async def test_a_detail_that_breaks_its_type_is_refused(client: PlainClient, detail: dict[str, Any]) -> None:
    response = await client.push(client.request(authorization_details=[detail]))
    assert (response.status_code, response.json()["error"]) == (400, "invalid_authorization_details")


@pytest.mark.parametrize(
    "text", ["{}", "[]", "[1]", "no json", '[{"type":"payment_initiation","type":"x"}]', "[NaN]", "null"]
)
async def test_details_that_are_no_array_of_objects_are_refused(client: PlainClient, text: str) -> None:
    response = await client.push(client.request(authorization_details=text))
    assert (response.status_code, response.json()["error"]) == (400, "invalid_authorization_details")


async def test_more_details_than_reason_allows_are_refused(client: PlainClient) -> None:
    response = await client.push(client.request(authorization_details=[PAYMENT] * 21))
    assert response.json()["error"] == "invalid_authorization_details"
    longest = {**PAYMENT, "creditorName": "x" * 40_000}
    response = await client.push(client.request(authorization_details=[longest]))
    assert response.json()["error"] == "invalid_authorization_details"


async def test_a_client_asks_for_its_registered_types_only() -> None:
    registered = {**FINTECH, "authorization_details_types": []}
    bank = Bank(clients=[registered, an_api("accounts-api", 3), an_api("payments-api", 4)])
    client = bank.client()
    response = await client.push(client.request(authorization_details=[PAYMENT]))
    assert response.json()["error"] == "invalid_authorization_details"


async def test_what_is_wrong_with_the_json_is_told(client: PlainClient) -> None:
    twice = '[{"type": "payment_initiation", "type": "payment_initiation"}]'
    response = await client.push(client.request(authorization_details=twice))
    told = "authorization_details must be JSON: a JSON object has the same member twice"
    assert response.json()["error_description"].startswith(told)
    response = await client.push(client.request(claims='{"userinfo": {"a": {"value": NaN}}}'))
    assert response.json()["error_description"].startswith("claims must be a JSON object: NaN is not a JSON")


@pytest.mark.spec("RFC 9396 5")
@pytest.mark.parametrize("kind", ["nobody_knows_it", ["payment_initiation"], 7, None])
async def test_the_refusal_of_an_unknown_type_says_which_one_it_is(client: PlainClient, kind: Any) -> None:
    response = await client.push(client.request(authorization_details=[PAYMENT, {**PAYMENT, "type": kind}]))
    assert (response.status_code, response.json()["error"]) == (400, "invalid_authorization_details")
    assert response.json()["error_description"].startswith(
        "authorization_details.1.type is missing, unknown or"
    )


async def test_unknown_actions_are_refused_where_a_type_lists_its_own() -> None:
    kind = {"type": "accounts_information", "resource": ACCOUNTS, "actions": ["list", "read"]}
    client = Bank(authorization_details_types=[kind]).client()
    good = {"type": "accounts_information", "actions": ["list"]}
    assert (await client.push(client.request(authorization_details=[good]))).status_code == 201
    bad = {**good, "actions": ["list", "delete"]}
    response = await client.push(client.request(authorization_details=[bad]))
    assert response.json()["error"] == "invalid_authorization_details"


@pytest.mark.spec("RFC 9396 6")
async def test_a_token_request_may_narrow_the_details(client: PlainClient) -> None:
    other = {**PAYMENT, "creditorName": "Merchant B"}
    code = await client.code(scope="openid payments", authorization_details=[PAYMENT, other])
    refused = await client.redeem(
        code, authorization_details=[{"type": "payment_initiation", "creditorName": "C"}]
    )
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_authorization_details")
    tokens = (await client.redeem(code, authorization_details=[PAYMENT])).json()
    assert [detail["creditorName"] for detail in tokens["authorization_details"]] == ["Merchant A"]
    assert len((await client.refresh(tokens["refresh_token"])).json()["authorization_details"]) == 2
    narrowed = (await client.refresh(tokens["refresh_token"], authorization_details=[other])).json()
    assert [detail["creditorName"] for detail in narrowed["authorization_details"]] == ["Merchant B"]
    changed = [{**other, "instructedAmount": {"currency": "EUR", "amount": "9999.00"}}]
    refused = await client.refresh(tokens["refresh_token"], authorization_details=changed)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_authorization_details")


@pytest.mark.parametrize("text", ["{}", "[1]", "[{}]", "null", "no json"])
async def test_narrowing_by_what_is_no_detail_is_refused(client: PlainClient, text: str) -> None:
    tokens = await client.tokens(scope="openid payments", authorization_details=[PAYMENT])
    refused = await client.refresh(tokens["refresh_token"], authorization_details=text)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_authorization_details")


@pytest.mark.spec("RFC 9396 7.1")
async def test_one_consent_has_one_id_however_often_its_tokens_are_renewed(client: PlainClient) -> None:
    first = await client.tokens(scope="openid payments", authorization_details=[PAYMENT])
    consent_id = first["authorization_details"][0]["consent_id"]
    renewed = (await client.refresh(first["refresh_token"])).json()
    assert renewed["authorization_details"][0]["consent_id"] == consent_id
    second = await client.tokens(scope="openid payments", authorization_details=[PAYMENT])
    assert second["authorization_details"][0]["consent_id"] != consent_id


@pytest.mark.spec("RFC 9396 7.1")
async def test_a_consent_ends_with_its_grant_and_says_when(bank: Bank, client: PlainClient) -> None:
    """The same in the token answer, in the token itself and in the answer to the API."""
    ends = int(bank.clock() + bank.config.grant_lifetime)
    first = await client.tokens(scope="openid payments", authorization_details=[PAYMENT])
    bank.clock.advance(30 * 86_400)
    renewed = (await client.refresh(first["refresh_token"])).json()
    assert renewed["authorization_details"][0]["consent_expires_at"] == ends
    seen = (await bank.client("payments-api").introspect(renewed["access_token"])).json()
    assert seen["authorization_details"] == renewed["authorization_details"]


async def test_no_token_outlives_its_grant() -> None:
    bank = Bank(grant_lifetime=1000, access_token_lifetime=300)
    client = bank.client()
    tokens = await client.tokens(scope="openid accounts")
    assert tokens["expires_in"] == 300
    bank.clock.advance(900)
    last = (await client.refresh(tokens["refresh_token"])).json()
    assert last["expires_in"] == 100
    assert claims_of(last["access_token"])["exp"] == int(bank.clock()) + 100


# A type belongs to an API


async def test_a_consent_to_a_type_gives_tokens_for_its_api_alone() -> None:
    kind = {"type": "accounts_information", "resource": ACCOUNTS}
    client = Bank(authorization_details_types=[kind]).client()
    asked: dict[str, Any] = {"scope": None, "authorization_details": [{"type": "accounts_information"}]}
    code = await client.code(**asked)
    refused = await client.redeem(code, resource=[PAYMENTS])
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_target")
    tokens = (await client.redeem(code)).json()
    assert claims_of(tokens["access_token"])["aud"] == ACCOUNTS
    refused = await client.refresh(tokens["refresh_token"], resource=[PAYMENTS])
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_target")


async def test_an_api_that_is_named_and_asked_for_nothing_is_not_granted() -> None:
    """The consent page shows nothing of it."""
    kind = {"type": "accounts_information", "resource": ACCOUNTS}
    client = Bank(authorization_details_types=[kind]).client()
    asked: dict[str, Any] = {"scope": None, "authorization_details": [{"type": "accounts_information"}]}
    refused = await client.push(client.request(resource=[PAYMENTS], **asked))
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_target")
    refused = await client.push(client.request(resource=[PAYMENTS], scope="openid accounts"))
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_target")
    code = await client.code(resource=[PAYMENTS, ACCOUNTS], **asked)
    refused = await client.redeem(code, resource=[PAYMENTS])
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_target")
    assert (await client.redeem(code, resource=[ACCOUNTS])).status_code == 200


async def test_an_api_without_scopes_and_types_is_asked_for_by_its_name_and_shown() -> None:
    plain = "https://plain.example.test/"
    resources = [
        {"uri": plain, "name": "Weather"},
        {"uri": ACCOUNTS, "scopes": ["accounts"]},
        {"uri": PAYMENTS, "scopes": ["payments"]},
    ]
    client = Bank(resources=resources, scopes=None).client()
    page = await client.authorize(await client.pushed(scope="openid", resource=[plain]))
    page = await client.submit(page, username="alice", password="wonderland")
    assert "Use “Weather” for you" in page.text
    code = read_callback(await client.submit(page, decision="approve"))["code"]
    assert claims_of((await client.redeem(code, resource=[plain])).json()["access_token"])["aud"] == plain


def test_a_type_that_is_gone_from_the_configuration_belongs_to_no_api() -> None:
    """As of a grant that was given before."""
    granted = ({"type": "accounts_information"},)
    assert details_for(granted, ACCOUNTS, Bank().config) == ()


async def test_two_alike_in_a_token_request_name_two_consents(client: PlainClient) -> None:
    tokens = await client.tokens(scope="openid payments", authorization_details=[PAYMENT, PAYMENT])
    assert len({detail["consent_id"] for detail in tokens["authorization_details"]}) == 2
    for asked, given in (([PAYMENT], 1), ([PAYMENT, PAYMENT], 2), ([PAYMENT] * 3, 2)):
        narrowed = (await client.refresh(tokens["refresh_token"], authorization_details=asked)).json()
        assert len(narrowed["authorization_details"]) == given
    unheard = [{**PAYMENT, "unheardOf": None}]
    refused = await client.refresh(tokens["refresh_token"], authorization_details=unheard)
    assert refused.json()["error"] == "invalid_authorization_details"


async def test_a_type_that_may_be_used_again_gets_no_consent_id() -> None:
    kind = {"type": "accounts_information", "resource": ACCOUNTS}
    tokens = (
        await Bank(authorization_details_types=[kind])
        .client()
        .tokens(authorization_details=[{"type": "accounts_information"}])
    )
    assert tokens["authorization_details"] == [{"type": "accounts_information"}]


# client_credentials


async def test_client_credentials(bank: Bank, client: PlainClient) -> None:
    response = await client.token({"grant_type": "client_credentials", "scope": "accounts"})
    body = response.json()
    assert set(body) == {"access_token", "token_type", "expires_in", "scope"}
    claims = claims_of(body["access_token"])
    assert (claims["sub"], claims["client_id"], claims["aud"]) == ("fintech", "fintech", ACCOUNTS)
    assert "auth_time" not in claims
    assert (await bank.client("accounts-api").introspect(body["access_token"])).json()["active"] is True
    assert (await client.userinfo(body["access_token"])).status_code == 401


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"scope": "openid accounts"}, "invalid_scope"),
        ({"scope": "unheard-of"}, "invalid_scope"),
        ({}, "invalid_scope"),
        ({"scope": "accounts payments"}, "invalid_target"),
        ({"scope": "accounts", "resource": ["https://elsewhere.example.test/"]}, "invalid_target"),
    ],
)
async def test_client_credentials_refusals(client: PlainClient, form: dict[str, Any], error: str) -> None:
    response = await client.token({"grant_type": "client_credentials", **form})
    assert (response.status_code, response.json()["error"]) == (400, error)


async def test_a_client_uses_its_registered_grants_only() -> None:
    registered = {**FINTECH, "grant_types": ["authorization_code"]}
    client = Bank(clients=[registered, an_api("accounts-api", 3), an_api("payments-api", 4)]).client()
    refused = await client.token({"grant_type": "client_credentials", "scope": "accounts"})
    assert (refused.status_code, refused.json()["error"]) == (400, "unauthorized_client")
    assert "refresh_token" not in await client.tokens()


async def test_a_client_asks_for_its_registered_scopes_only() -> None:
    registered = {**FINTECH, "scope": "openid accounts"}
    client = Bank(clients=[registered, an_api("accounts-api", 3), an_api("payments-api", 4)]).client()
    assert (await client.push()).status_code == 201
    assert (await client.push(client.request(scope="openid payments"))).json()["error"] == "invalid_scope"


# Rotation, where it is wanted


@pytest.fixture
def rotating() -> Bank:
    return Bank(refresh_rotation=True)


async def _renew(client: PlainClient, token: str) -> str:
    response = await client.refresh(token)
    assert response.status_code == 200, response.text
    return str(response.json()["refresh_token"])


@pytest.mark.spec("RFC 9700 4.14.2")
async def test_rotation_gives_a_successor_each_time(rotating: Bank) -> None:
    client = rotating.client()
    token = (await client.tokens())["refresh_token"]
    seen = {token}
    for _ in range(3):
        token = await _renew(client, token)
        assert token not in seen
        seen.add(token)


@pytest.mark.spec("FAPI2-SP 5.3.2.1-9")
async def test_rotation_forgives_one_lost_response(rotating: Bank) -> None:
    client = rotating.client()
    first = (await client.tokens())["refresh_token"]
    lost = await _renew(client, first)
    rotating.clock.advance(30)
    again = await _renew(client, first)
    await _renew(client, again)
    # The answer that was lost must not serve whoever found it.
    assert (await client.refresh(lost)).json()["error"] == "invalid_grant"


@pytest.mark.spec("RFC 9700 4.14.2")
async def test_rotation_revokes_the_family_when_a_used_token_comes_after_its_successor(
    rotating: Bank,
) -> None:
    client = rotating.client()
    first = await client.tokens()
    second = await _renew(client, first["refresh_token"])
    third = await _renew(client, second)
    assert (await client.refresh(first["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await client.refresh(third)).json()["error"] == "invalid_grant"
    assert (await client.userinfo(first["access_token"])).status_code == 401


@pytest.mark.spec("RFC 9700 2.2.2")
async def test_rotation_forgives_once_and_soon(rotating: Bank) -> None:
    client = rotating.client()
    first = (await client.tokens())["refresh_token"]
    for _ in range(2):
        last = await _renew(client, first)
    assert (await client.refresh(first)).json()["error"] == "invalid_grant"
    assert (await client.refresh(last)).json()["error"] == "invalid_grant"

    late = (await client.tokens())["refresh_token"]
    await _renew(client, late)
    rotating.clock.advance(61)
    assert (await client.refresh(late)).json()["error"] == "invalid_grant"


@pytest.mark.spec("RFC 9700 4.14.2")
async def test_a_family_takes_one_record_however_often_it_rotates(rotating: Bank) -> None:
    """And its first token is known for one when it comes again at the end."""
    client = rotating.client()
    tokens = await client.tokens()
    first = token = tokens["refresh_token"]
    for _ in range(20):
        token = await _renew(client, token)
    kinds = [key.split(":")[2] for key in rotating.store._entries if key.startswith("as:")]
    assert [kind for kind in kinds if kind.startswith("refresh")] == ["refresh"]
    rotating.clock.advance(86_400)
    assert (await client.refresh(first)).json()["error"] == "invalid_grant"
    assert (await client.refresh(token)).json()["error"] == "invalid_grant"


async def test_a_made_up_member_of_a_family_ends_nothing(rotating: Bank) -> None:
    """Whoever has seen one token of it can not make another, to use it or to have it revoked."""
    client = rotating.client()
    token = (await client.tokens())["refresh_token"]
    name, serial, mac = token.split(".")
    for forged in (
        f"{name}.1.{mac}",
        f"{name}.{serial}.{mac[::-1]}",
        f"{name}.00.{mac}",
        name,
        f"{token}x",
        f"{name}..{mac}",
    ):
        assert (await client.refresh(forged)).json()["error"] == "invalid_grant"
    await _renew(client, token)


async def test_of_many_uses_at_once_two_have_a_successor_and_one_is_good(rotating: Bank) -> None:
    client = rotating.client()
    token = (await client.tokens())["refresh_token"]
    answers = await asyncio.gather(*(client.refresh(token) for _ in range(2)))
    successors = [answer.json()["refresh_token"] for answer in answers]
    assert len(set(successors)) == 2
    good = max(successors, key=lambda made: int(made.split(".")[1]))
    await _renew(client, good)


async def test_a_refused_refresh_uses_nothing_up(rotating: Bank) -> None:
    client = rotating.client()
    token = (await client.tokens())["refresh_token"]
    assert (await client.refresh(token, scope="payments")).json()["error"] == "invalid_scope"
    assert (await client.refresh(token, resource=[PAYMENTS])).json()["error"] == "invalid_target"
    await _renew(client, token)


async def test_denied_and_then_asked_again(client: PlainClient) -> None:
    assert (
        read_callback(await client.decide(await client.pushed(), decision="deny"))["error"] == "access_denied"
    )
    assert "code" in read_callback(await client.decide(await client.pushed()))
