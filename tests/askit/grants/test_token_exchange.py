"""Token exchange: one valid request of each kind, then one thing wrong at a time."""

from __future__ import annotations

from typing import Any

import pytest

from askit.clients.client import Client
from tests.askit.bank import OTHER
from tests.askit.grants.exchanging import (
    ACCOUNTS_API,
    API_KEY,
    LEDGER,
    NOT_YOURS,
    OF_FINTECH,
    PAYMENTS_API,
    RULE,
    TYPE,
    a_bank,
    api,
    exchanged,
    form,
    login,
    refusal,
    seen_by,
)
from tests.askit.plain_client import ACCOUNTS, PAYMENT, PAYMENTS, PlainClient, read_callback, without
from tests.askit.registering import OPEN, register
from tests.keys import a_key, claims_of
from tests.mothers.certificates import Made, a_certificate

pytestmark = pytest.mark.anyio

MINE, THEIRS = a_certificate(), a_certificate(serial=8)
THIEF_KEY = a_key("ES256", 22)


@pytest.mark.spec("RFC 8693 2.2.1a", "RFC 8693 4.1a")
async def test_an_api_acts_for_its_user_at_the_api_behind_it() -> None:
    bank = a_bank(RULE)
    received = (await login(bank.client(), scope="openid accounts balances"))["access_token"]
    answer = await exchanged(api(bank), received, resource=LEDGER)
    assert answer["issued_token_type"] == f"{TYPE}access_token"
    assert (answer["token_type"], answer["scope"]) == ("DPoP", "accounts")
    assert "refresh_token" not in answer
    seen = await seen_by(bank, answer["access_token"])
    assert (seen["sub"], seen["client_id"], seen["aud"]) == ("user-alice", "accounts-api", LEDGER)
    assert seen["act"] == {"sub": "accounts-api"}
    assert seen["cnf"] == {"jkt": api(bank).dpop_key.thumbprint}


@pytest.mark.spec("RFC 8693 4.1a")
async def test_earlier_actors_stay_inside_the_newest() -> None:
    second = {**RULE, "clients": ["payments-api"], "resources": [ACCOUNTS]}
    bank = a_bank(RULE, second)
    received = (await login(bank.client()))["access_token"]
    first = await exchanged(api(bank), received, resource=LEDGER)
    again = await exchanged(api(bank, "payments-api"), first["access_token"], audience=ACCOUNTS)
    assert claims_of(again["access_token"])["act"] == {"sub": "payments-api", "act": {"sub": "accounts-api"}}
    assert claims_of(again["access_token"])["exp"] == claims_of(received)["exp"]


async def test_the_chain_of_actors_is_bounded() -> None:
    rules = [
        {**RULE, "resources": [ACCOUNTS, LEDGER]},
        {**RULE, "clients": ["payments-api"], "resources": [ACCOUNTS]},
    ]
    bank = a_bank(*rules)
    token = (await login(bank.client()))["access_token"]
    for _ in range(4):
        token = (await exchanged(api(bank), token, resource=LEDGER))["access_token"]
        token = (await exchanged(api(bank, "payments-api"), token, resource=ACCOUNTS))["access_token"]
    code, why = await refusal(api(bank), form(token, resource=LEDGER))
    assert code == "invalid_request"
    assert "names 8 actors already" in why


async def test_a_client_narrows_its_own_token_without_a_rule() -> None:
    bank = a_bank()
    client = bank.client()
    own = await login(client, scope="openid accounts balances")
    bank.clock.advance(200)
    answer = await exchanged(client, own["access_token"], scope="balances")
    claims = claims_of(answer["access_token"])
    assert (claims["scope"], claims["aud"], claims["client_id"]) == ("balances", ACCOUNTS, "fintech")
    assert "act" not in claims
    assert answer["expires_in"] == 100  # what was left


async def test_a_consent_is_handed_on_with_its_id_so_it_still_pays_once() -> None:
    bank = a_bank()
    client = bank.client()
    asked = {
        "resource": [PAYMENTS],
        "scope": "openid payments",
        "authorization_details": [PAYMENT, {**PAYMENT, "creditorName": "B"}],
    }
    own = await client.tokens(**asked)
    answer = await exchanged(client, own["access_token"], authorization_details=[{"creditorName": "B"}])
    assert answer["authorization_details"] == own["authorization_details"][1:]
    code, why = await refusal(
        client, form(answer["access_token"], authorization_details=[{"creditorName": "Merchant A"}])
    )
    assert code == "invalid_authorization_details"
    assert "was not granted" in why


@pytest.mark.spec("RFC 8693 2.1f")
async def test_the_end_of_the_grant_ends_what_was_exchanged() -> None:
    bank = a_bank(RULE)
    client = bank.client()
    tokens = await login(client)
    handed_on = await exchanged(api(bank), tokens["access_token"], resource=LEDGER)
    await client.post("/revoke", {"token": tokens["access_token"], **client.authentication()})
    assert (await seen_by(bank, handed_on["access_token"]))["active"] is True
    await client.post("/revoke", {"token": tokens["refresh_token"], **client.authentication()})
    assert await seen_by(bank, handed_on["access_token"]) == {"active": False}


async def test_impersonation_is_a_setting_of_the_client() -> None:
    bank = a_bank({**RULE, "impersonation": True})
    received = (await login(bank.client()))["access_token"]
    answer = await exchanged(api(bank), received, resource=LEDGER)
    assert "act" not in await seen_by(bank, answer["access_token"])


async def test_impersonation_does_not_erase_earlier_actors() -> None:
    second = {**RULE, "clients": ["payments-api"], "resources": [ACCOUNTS], "impersonation": True}
    bank = a_bank(RULE, second)
    first = await exchanged(api(bank), (await login(bank.client()))["access_token"], resource=LEDGER)
    again = await exchanged(api(bank, "payments-api"), first["access_token"], resource=ACCOUNTS)
    assert claims_of(again["access_token"])["act"] == {"sub": "accounts-api"}


async def test_an_actor_token_names_the_actor() -> None:
    bank = a_bank({**RULE, "impersonation": True})
    client = bank.client()
    bob = await client.pushed(resource=[ACCOUNTS])
    colleague = bank.client()
    code = read_callback(await colleague.decide(bob, username="bob", password="builder"))["code"]
    of_bob = (await colleague.redeem(code)).json()["access_token"]
    of_alice = (await login(client))["access_token"]
    answer = await exchanged(client, of_alice, actor_token=of_bob, actor_token_type=f"{TYPE}access_token")
    claims = claims_of(answer["access_token"])
    assert (claims["sub"], claims["act"]) == ("user-alice", {"sub": "bob"})
    asked = form(of_alice, actor_token=answer["access_token"], actor_token_type=f"{TYPE}access_token")
    code, why = await refusal(client, asked)
    assert code == "invalid_request"
    assert "names an actor itself" in why


@pytest.mark.spec("RFC 8693 4.4")
@pytest.mark.parametrize(
    "may_act, allowed",
    [
        ({"sub": "accounts-api"}, True),
        ({"sub": "accounts-api", "iss": "https://bank.example.test"}, True),
        ({"sub": "payments-api"}, False),
        ({"sub": "accounts-api", "iss": "https://elsewhere.example.test"}, False),
    ],
)
@pytest.mark.parametrize("impersonation", [True, False])
async def test_may_act_says_who_may_act(may_act: dict[str, str], allowed: bool, impersonation: bool) -> None:
    fintech = {**OF_FINTECH, "may_act": may_act}
    rule = {**RULE, "impersonation": impersonation}
    bank = a_bank(rule, clients=[fintech, OTHER, ACCOUNTS_API, PAYMENTS_API])
    received = (await login(bank.client()))["access_token"]
    assert claims_of(received)["may_act"] == may_act
    if allowed:
        await exchanged(api(bank), received, resource=LEDGER)
        return
    code, why = await refusal(api(bank), form(received, resource=LEDGER))
    assert code == "invalid_request"
    assert "may_act" in why


# One thing wrong at a time, in a request that is valid as `test_an_api_acts_for_its_user` sends it.


@pytest.mark.parametrize(
    "changes, code, why",
    [
        ({"subject_token": None}, "invalid_request", "subject_token is missing"),
        ({"subject_token_type": None}, "invalid_request", "subject_token_type is missing"),
        ({"subject_token": "x" * 43}, "invalid_request", NOT_YOURS),
        ({"subject_token": "x" * 20_000}, "invalid_request", NOT_YOURS),
        ({"subject_token_type": f"{TYPE}jwt"}, "invalid_request", "subject_token_type must be"),
        ({"subject_token_type": f"{TYPE}id_token"}, "invalid_request", "subject_token_type must be"),
        ({"subject_token_type": f"{TYPE}refresh_token"}, "invalid_request", "subject_token_type must be"),
        ({"actor_token": "x"}, "invalid_request", "both or not at all"),
        ({"actor_token_type": f"{TYPE}access_token"}, "invalid_request", "both or not at all"),
        (
            {"actor_token": "x", "actor_token_type": f"{TYPE}access_token"},
            "invalid_request",
            f"actor_token is {NOT_YOURS}",
        ),
        ({"requested_token_type": f"{TYPE}refresh_token"}, "invalid_request", "requested_token_type"),
        ({"requested_token_type": f"{TYPE}id_token"}, "invalid_request", "requested_token_type"),
        ({"resource": PAYMENTS}, "invalid_target", "not granted"),
        ({"resource": "https://elsewhere.example.test"}, "invalid_target", "not granted"),
        ({"resource": f"{LEDGER}#part"}, "invalid_target", "not granted"),
        ({"resource": None, "audience": PAYMENTS}, "invalid_target", "not granted"),
        ({"audience": ACCOUNTS}, "invalid_target", "one resource"),
        ({"resource": None, "audience": [LEDGER, ACCOUNTS]}, "invalid_target", "one resource"),
        ({"scope": "payments"}, "invalid_scope", "does not have a requested scope"),
        ({"scope": "balances"}, "invalid_scope", "nothing of subject_token belongs"),
        ({"scope": "openid"}, "invalid_scope", "one of UserInfo"),
        ({"authorization_details": [PAYMENT]}, "invalid_authorization_details", "not granted"),
    ],
)
@pytest.mark.spec("RFC 8693 2.2.2a", "RFC 8693 2.2.2b", "RFC 8693 2.1a", "RFC 8693 2.1c", "RFC 8693 2.1.1")
async def test_one_thing_wrong(changes: dict[str, Any], code: str, why: str) -> None:
    bank = a_bank(RULE)
    received = (await login(bank.client(), scope="openid accounts balances"))["access_token"]
    asked = without({**form(received, resource=LEDGER), **changes})
    found, told = await refusal(api(bank), asked)
    assert found == code
    assert why in told


@pytest.mark.parametrize(
    "rule, why",
    [
        (None, NOT_YOURS),
        ({**RULE, "received_tokens": False, "proof_checked_by_api": False}, NOT_YOURS),
        ({**RULE, "proof_checked_by_api": False}, "bound to another DPoP key"),
        ({**RULE, "resources": []}, "was not granted"),
        ({**RULE, "clients": ["payments-api"]}, NOT_YOURS),
    ],
)
async def test_one_permission_less(rule: dict[str, Any] | None, why: str) -> None:
    bank = a_bank(*([rule] if rule else []))
    received = (await login(bank.client()))["access_token"]
    assert why in (await refusal(api(bank), form(received, resource=LEDGER)))[1]


async def test_a_token_for_another_api_is_not_received() -> None:
    bank = a_bank({**RULE, "clients": ["payments-api"]})
    received = (await login(bank.client()))["access_token"]
    assert NOT_YOURS in (await refusal(api(bank, "payments-api"), form(received)))[1]


async def test_a_client_that_is_not_registered_for_the_grant_is_refused() -> None:
    bank = a_bank(RULE)
    other = bank.client("other")
    assert (await refusal(other, form((await login(other))["access_token"])))[0] == "unauthorized_client"


@pytest.mark.spec("RFC 8693 2.1e")
async def test_a_public_client_trades_nothing() -> None:
    app = {**OF_FINTECH, "token_endpoint_auth_method": "none"}
    app.pop("jwks")
    bank = a_bank(profile="oauth-2.1", clients=[app, ACCOUNTS_API, PAYMENTS_API])
    code, why = await refusal(bank.client(), form("x" * 43), authentication={"client_id": "fintech"})
    assert code == "unauthorized_client"
    assert "public client" in why


async def test_a_client_gets_no_scope_that_it_may_not_have() -> None:
    api_client = {**ACCOUNTS_API, "scope": "balances"}
    bank = a_bank(RULE, clients=[OF_FINTECH, OTHER, api_client, PAYMENTS_API])
    received = (await login(bank.client(), scope="openid accounts balances"))["access_token"]
    code, why = await refusal(api(bank), form(received, scope="accounts"))
    assert code == "invalid_scope"
    assert "not allowed for this client" in why
    assert (await exchanged(api(bank), received))["scope"] == "balances"


async def test_a_client_gets_no_details_that_it_may_not_have() -> None:
    api_client = {**PAYMENTS_API, "authorization_details_types": []}
    rule = {**RULE, "clients": ["payments-api"], "resources": []}
    bank = a_bank(rule, clients=[OF_FINTECH, OTHER, ACCOUNTS_API, api_client])
    asked = {"scope": "openid payments", "resource": [PAYMENTS], "authorization_details": [PAYMENT]}
    received = await login(bank.client(), **asked)
    assert "authorization_details" in received
    answer = await exchanged(api(bank, "payments-api"), received["access_token"])
    assert answer["scope"] == "payments"
    assert "authorization_details" not in answer


async def test_what_the_first_client_may_no_longer_have_is_no_longer_handed_on() -> None:
    bank = a_bank(RULE)
    received = (await login(bank.client()))["access_token"]
    handed_on = await exchanged(api(bank), received, resource=LEDGER)
    assert (await seen_by(bank, handed_on["access_token"]))["scope"] == "accounts"
    narrower = Client.read({**OF_FINTECH, "scope": "openid"})
    bank.server.core.clients._configured["fintech"] = narrower
    assert "scope" not in await seen_by(bank, handed_on["access_token"])


# A stolen bound token is not traded.


@pytest.mark.spec("RFC 9449 7")
async def test_a_bound_token_is_exchanged_only_with_its_key() -> None:
    bank = a_bank()
    own = (await login(bank.client(), scope="openid accounts balances"))["access_token"]
    thief = bank.client(dpop_key=THIEF_KEY)  # even one that has the client's own credentials
    code, why = await refusal(thief, form(own, scope="accounts"))
    assert code == "invalid_request"
    assert "bound to another DPoP key" in why
    await exchanged(bank.client(), own, scope="accounts")


async def test_an_api_vouches_for_the_tokens_that_it_received_and_not_for_its_own() -> None:
    bank = a_bank({**RULE, "resources": [ACCOUNTS, LEDGER]})
    own = await exchanged(api(bank), (await login(bank.client()))["access_token"], resource=LEDGER)
    thief = bank.client("accounts-api", dpop_key=THIEF_KEY)
    assert "bound to another DPoP key" in (await refusal(thief, form(own["access_token"])))[1]
    await exchanged(api(bank), own["access_token"])


async def test_a_bound_token_is_not_exchanged_for_an_unbound_one() -> None:
    bank = a_bank(RULE, profile="oauth-2.1")
    client = bank.client()
    own = (await login(client, scope="openid accounts balances"))["access_token"]
    for asks in (client, api(bank)):
        code, why = await refusal(asks, form(own, scope="accounts"), proof=False)
        assert code == "invalid_request"
        assert "the new token must be" in why


async def test_an_unbound_token_becomes_bound_if_the_client_proves_a_key() -> None:
    bank = a_bank(RULE, profile="oauth-2.1")
    own = (await login(bank.client(proves=False), scope="openid accounts"))["access_token"]
    assert "cnf" not in claims_of(own)
    answer = await exchanged(api(bank), own, resource=LEDGER)
    assert (await seen_by(bank, answer["access_token"]))["cnf"] == {"jkt": API_KEY.thumbprint}


@pytest.mark.spec("RFC 8705 3b")
async def test_a_certificate_bound_token_is_exchanged_only_over_its_certificate() -> None:
    bound = {"tls_client_certificate_bound_access_tokens": True}
    tls = {"form": "nginx", "networks": ["10.0.0.0/8"]}
    clients = [{**OF_FINTECH, **bound}, OTHER, {**ACCOUNTS_API, **bound}, PAYMENTS_API]
    bank = a_bank(RULE, clients=clients, client_certificates=tls)

    def over(*shows: Made, client_id: str = "fintech") -> PlainClient:
        return bank.client(client_id, http=bank.browser(shows=shows), proves=False)

    own = (await login(over(MINE), scope="openid accounts balances"))["access_token"]
    code, why = await refusal(over(THEIRS), form(own, scope="accounts"))
    assert code == "invalid_request"
    assert "bound to another certificate" in why
    mine = await exchanged(over(MINE), own, scope="accounts")
    assert claims_of(mine["access_token"])["cnf"] == claims_of(own)["cnf"]
    handed_on = await exchanged(over(THEIRS, client_id="accounts-api"), own, resource=LEDGER)
    assert (await seen_by(bank, handed_on["access_token"]))["cnf"] != claims_of(own)["cnf"]


async def test_the_end_of_the_first_client_ends_what_was_exchanged() -> None:
    bank = a_bank(RULE, **OPEN)
    made = (await register(bank)).json()
    client = bank.client(made["client_id"], key=a_key("ES256", 7))
    tokens = await login(client)
    handed_on = await exchanged(api(bank), tokens["access_token"], resource=LEDGER)
    assert (await seen_by(bank, handed_on["access_token"]))["active"] is True
    headers = {"authorization": f"Bearer {made['registration_access_token']}"}
    assert (await bank.browser().delete(made["registration_client_uri"], headers=headers)).status_code == 204
    assert await seen_by(bank, handed_on["access_token"]) == {"active": False}


@pytest.mark.parametrize("end", ["expires", "is revoked", "loses its user"])
async def test_a_token_that_has_ended_is_not_exchanged(end: str) -> None:
    bank = a_bank(RULE)
    client = bank.client()
    tokens = await login(client)
    if end == "expires":
        bank.clock.advance(301)
    elif end == "is revoked":
        await client.post("/revoke", {"token": tokens["access_token"], **client.authentication()})
    else:
        bank.server.core.users._by_name.pop("alice")
    assert NOT_YOURS in (await refusal(api(bank), form(tokens["access_token"], resource=LEDGER)))[1]


async def test_a_refused_exchange_does_not_use_up_the_proof() -> None:
    """So a client may correct its request and send the same proof again; a second token for it is refused."""
    bank = a_bank()
    client = bank.client()
    own = (await login(client, scope="openid accounts balances"))["access_token"]
    proof = client.proof("POST", f"{client.issuer}/token")
    assert (await refusal(client, form(own, scope="payments"), proof=proof))[0] == "invalid_scope"
    assert (await client.token(form(own, scope="accounts"), proof=proof)).status_code == 200
    assert (await refusal(client, form(own, scope="accounts"), proof=proof))[0] == "invalid_dpop_proof"
