"""A lodged body, the call that lodges it, and the request that names it: broken in one way, refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from askit.pytest_plugin.movable_clock import MovableClock
from tests.askit.intents.conftest import Running
from tests.askit.intents.lodging import APIS, BODIES, CLAIM, PATHS, PREFIXES, Lodger, changed
from tests.askit.plain_client import ACCOUNTS, read_callback

pytestmark = pytest.mark.anyio

UK, PAYMENT, BRAZIL = "uk-account-access", "uk-domestic-payment", "brazil-consent"
AIS, PIS = "berlin-group-consent", "berlin-group-payment"
AMOUNT = "Data.Initiation.InstructedAmount"

BROKEN_BODIES: list[tuple[str, str, Any, str]] = [
    (PAYMENT, f"{AMOUNT}.Amount", "-1.00", f"{AMOUNT}.Amount must match ^[0-9]{{1,13}}([.][0-9]{{1,5}})?$"),
    (PAYMENT, f"{AMOUNT}.Amount", "0.00", f"{AMOUNT}.Amount must be more than 0"),
    (PAYMENT, f"{AMOUNT}.Amount", 165.88, f"{AMOUNT}.Amount must be of the JSON type string"),
    (PAYMENT, f"{AMOUNT}.Amount", "1e3", f"{AMOUNT}.Amount must match"),
    (PAYMENT, f"{AMOUNT}.Currency", "gbp", f"{AMOUNT}.Currency must match ^[A-Z]{{3}}$"),
    (PAYMENT, f"{AMOUNT}.Currency", None, f"{AMOUNT}.Currency is missing"),
    (PAYMENT, "Data.Initiation.CreditorAccount", None, "Data.Initiation.CreditorAccount is missing"),
    (PAYMENT, "Data.Initiation.Urgent", True, "Data.Initiation.Urgent is not a field of this type"),
    (PAYMENT, "Data.Status", "AUTH", "Data.Status is not a field of this type"),
    (PAYMENT, "Risk", None, "Risk is missing"),
    (UK, "Data.Permissions", ["ReadEverything"], "Data.Permissions.0 must be one of those that this type"),
    (UK, "Data.Permissions", [], "Data.Permissions must have 1 or more items"),
    (UK, "Data.Permissions", ["ReadPAN", "ReadPAN"], "Data.Permissions must not have the same item twice"),
    (UK, "Data.Permissions", None, "Data.Permissions is missing"),
    (UK, "Data.ConsentId", "mine", "Data.ConsentId is not a field of this type"),
    (UK, "Data.consent_id", "mine", "Data.consent_id is not a field of this type"),
    (UK, "Data.ExpirationDateTime", "tomorrow", "Data.ExpirationDateTime must have the format date-time"),
    (UK, "Data.ExpirationDateTime", "2027-01-15T07:59:59Z", "Data.ExpirationDateTime is over"),
    (UK, "Data.ExpirationDateTime", "2027-06-30T23:59:60Z", "Data.ExpirationDateTime is no time that"),
    (UK, "Data.ExpirationDateTime", "2028-01-15T08:00:00Z", "Data.ExpirationDateTime is too late"),
    (
        BRAZIL,
        "data.loggedUser.document.identification",
        "123",
        "data.loggedUser.document.identification must",
    ),
    (BRAZIL, "data.loggedUser.document.rel", "CNPJ", "data.loggedUser.document.rel has another value"),
    (BRAZIL, "data.permissions", ["PAYMENTS"], "data.permissions.0 must be one of those"),
    (BRAZIL, "data.consentId", "urn:bancoex:X", "data.consentId is not a field of this type"),
    (BRAZIL, "data.expirationDateTime", "9999-12-31T23:59:59Z", "data.expirationDateTime is too late"),
    (AIS, "access", {}, "access must have 1 or more members"),
    (AIS, "access", {"balances": [{"iban": "no iban"}]}, "access.balances.0.iban must match"),
    (AIS, "access", {"allPsd2": "someAccounts"}, "access.allPsd2 has another value"),
    (AIS, "frequencyPerDay", 0, "frequencyPerDay must be 1 or more"),
    (AIS, "recurringIndicator", "true", "recurringIndicator must be of the JSON type boolean"),
    (AIS, "validUntil", "2026-12-31", "validUntil is over"),
    (PIS, "instructedAmount.amount", "-123.50", "instructedAmount.amount must match"),
    (PIS, "creditorName", "", "creditorName must have 1 or more characters"),
    (PIS, "type", "another", "type is not a field of this type"),
    (PIS, "locations", [ACCOUNTS], "locations is not a field of this type"),
]


@pytest.mark.spec("LODGING 1")
async def test_a_broken_body_is_refused_with_its_member_and_rule(fintech: Lodger) -> None:
    for shape, path, value, told in BROKEN_BODIES:
        answer = await fintech.lodge(shape, changed(BODIES[shape], path, value))
        assert answer.status_code == 400, (shape, path, answer.text)
        assert answer.json()["error"] == "invalid_request"
        described = answer.json()["error_description"]
        assert described.startswith(told), (described, told)
        assert described.endswith("[LODGING 1]") or len(described) == 300


@pytest.mark.parametrize(
    ("sent", "status", "told"),
    [
        ({"content": b"[]"}, 400, "the body must be one JSON object"),
        ({"content": b"{"}, 400, "the body must be one JSON object"),
        (
            {"content": b'{"Data": 1, "Data": 2}'},
            400,
            "the body must be one JSON object: a JSON object has the same member twice",
        ),
        ({"content": b"[" * 5_000}, 400, "the body must be one JSON object"),
        ({"content": b"\xff{}"}, 400, "the body must be one JSON object"),
        (
            {"content": json.dumps({"Data": "x" * 33_000}).encode()},
            400,
            "the body is longer than 32768 octets",
        ),
        ({"content": b"x" * 140_000}, 413, "the body has more than"),
        ({"media_type": "application/x-www-form-urlencoded"}, 400, "the intent must be JSON in the body"),
        ({"media_type": "application/jwt"}, 400, "the intent must be JSON in the body"),
    ],
)
async def test_what_is_no_body_of_an_intent_is_refused(
    fintech: Lodger, sent: dict[str, Any], status: int, told: str
) -> None:
    answer = await fintech.lodge(UK, **sent)
    assert answer.status_code == status, answer.text
    assert answer.json()["error_description"].startswith(told), answer.text


@pytest.mark.spec("LODGING 1", "LODGING 5")
async def test_only_the_clients_own_token_with_the_scope_lodges_reads_and_ends(
    fintech: Lodger, other: Lodger, bank: Running
) -> None:
    intent_id = await fintech.lodged(UK)
    own = await fintech.own_token(UK)
    of_user = (await fintech.plain.tokens(scope="accounts"))["access_token"]
    of_payments = await fintech.own_token(PAYMENT)
    table = [
        (fintech, of_user, 403, "insufficient_scope", "an intent is lodged before any user is asked"),
        (fintech, of_payments, 403, "insufficient_scope", "this needs the scope accounts"),
        (fintech, "unknown", 401, "invalid_token", "this access token is unknown, expired or revoked"),
        (other, await other.own_token(UK), 404, "invalid_request", "no intent of this client has this URL"),
        (other, own, 401, "invalid_dpop_proof", ""),
    ]
    for who, token, status, error, told in table:
        for method, path in (("GET", f"/{intent_id}"), ("DELETE", f"/{intent_id}"), ("POST", "")):
            if status == 404 and method == "POST":
                continue
            answer = await who.call(method, f"{PATHS[UK]}{path}", token, BODIES[UK])
            assert (answer.status_code, answer.json()["error"]) == (status, error), (method, answer.text)
            assert answer.json()["error_description"].startswith(told)
    answer = await fintech.plain.http.post(PATHS[UK], json=BODIES[UK])
    assert (answer.status_code, answer.content) == (401, b"")
    assert await fintech.status(UK, intent_id) == "AWAU"


async def test_a_client_lodges_only_types_that_it_may_have(bank: Running, clock: MovableClock) -> None:
    narrow = Lodger(bank, clock, "narrow")
    answer = await narrow.lodge(UK)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_authorization_details")
    await narrow.plain.http.aclose()


async def test_an_intent_is_found_only_where_its_type_is_lodged(fintech: Lodger) -> None:
    intent_id = await fintech.lodged(UK)
    answer = await fintech.call("GET", f"{PATHS[AIS]}/{intent_id}", await fintech.own_token(AIS))
    assert answer.status_code == 404
    for path in (f"{PATHS[UK]}/{'x' * 22}", f"{PATHS[UK]}/..%2F{intent_id}", f"{PATHS[UK]}/%00"):
        answer = await fintech.call("GET", path, await fintech.own_token(UK))
        assert answer.status_code in (401, 404), answer.text
    answer = await fintech.call("DELETE", f"{PATHS[PAYMENT]}/{intent_id}", await fintech.own_token(PAYMENT))
    assert answer.status_code == 405


def wishes(**changes: Any) -> dict[str, Any]:
    """The claim as a request names it, changed in one way. ID stands for the intent's id."""
    wish = {"value": "ID", "essential": True}
    return {name: value for name, value in {**wish, **changes}.items() if value is not None}


NO_VALUE = "openbanking_intent_id: claims.id_token: value must be the id of an intent"
WRONG_CLAIMS: list[tuple[dict[str, Any], str]] = [
    ({"id_token": {CLAIM: wishes(essential=None)}}, "claims.id_token: essential must be true"),
    ({"id_token": {CLAIM: wishes(essential=False)}}, "claims.id_token: essential must be true"),
    ({"id_token": {CLAIM: wishes(essential="true")}}, "claims.id_token: essential must be true"),
    ({"id_token": {CLAIM: wishes(value=None)}}, NO_VALUE),
    ({"id_token": {CLAIM: wishes(value="")}}, NO_VALUE),
    ({"id_token": {CLAIM: wishes(value=["ID"])}}, NO_VALUE),
    ({"id_token": {CLAIM: wishes(value=None, values=["ID"])}}, NO_VALUE),
    ({"id_token": {CLAIM: None}}, NO_VALUE),
    ({"userinfo": {CLAIM: wishes()}}, "claims.id_token must name the intent"),
    (
        {"id_token": {CLAIM: wishes()}, "userinfo": {CLAIM: wishes(value="another")}},
        "claims.id_token and claims.userinfo name two intents",
    ),
    ({"id_token": {CLAIM: wishes(value="x" * 22)}}, "no such intent was lodged here"),
    ({"id_token": {CLAIM: wishes(value="x" * 5_000)}}, "no such intent was lodged here"),
]


@pytest.mark.spec("LODGING 2")
async def test_a_claim_that_does_not_name_one_intent_is_refused(fintech: Lodger) -> None:
    intent_id = await fintech.lodged(UK)
    for claims, told in WRONG_CLAIMS:
        filled = json.loads(json.dumps(claims).replace('"ID"', json.dumps(intent_id)))
        answer = await fintech.push(UK, intent_id, claims={"claims": filled})
        assert answer.status_code == 400, (claims, answer.text)
        assert told in answer.json()["error_description"], (claims, answer.text)
    assert (await fintech.push(UK, intent_id)).status_code == 201


@pytest.mark.spec("LODGING 2")
async def test_an_unsigned_request_names_no_intent_by_claim(fintech: Lodger) -> None:
    intent_id = await fintech.lodged(UK)
    claims = {"id_token": {CLAIM: wishes(value=intent_id)}}
    answer = await fintech.plain.push(fintech.plain.request(claims=claims))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert "only a signed request object may name an intent" in answer.json()["error_description"]


@pytest.mark.conformance("fapi2-op", "ensure-server-handles-non-matching-intent-id")
@pytest.mark.spec("LODGING 4", "LODGING 6", "LODGING 8")
@pytest.mark.parametrize("shape", sorted(PATHS))
async def test_an_intent_of_another_client_and_an_unknown_one_are_refused_alike(
    fintech: Lodger, other: Lodger, shape: str
) -> None:
    intent_id = await fintech.lodged(shape)
    foreign = await other.push(shape, intent_id)
    unknown = await other.push(shape, "x" * 22)
    assert foreign.status_code == 400
    assert foreign.json() == unknown.json()
    assert foreign.json()["error_description"].startswith(
        "no such intent was lodged here, or another client lodged it"
    )


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"authorization_details": [{"type": "payment_initiation"}]}, "has no authorization_details"),
        ({"grant_management_action": "create"}, "has no grant_management_action"),
    ],
)
@pytest.mark.parametrize("shape", [UK, AIS])
async def test_a_request_for_an_intent_asks_for_no_more(
    fintech: Lodger, shape: str, changes: dict[str, Any], told: str
) -> None:
    intent_id = await fintech.lodged(shape)
    answer = await fintech.push(shape, intent_id, **changes)
    assert answer.status_code == 400
    assert told in answer.json()["error_description"]


async def test_a_request_names_one_intent(fintech: Lodger) -> None:
    ids = [await fintech.lodged(AIS), await fintech.lodged(AIS)]
    scope = " ".join(["openid", "accounts", *(f"AIS:{each}" for each in ids)])
    answer = await fintech.plain.push(fintech.plain.request(scope=scope))
    assert "a request names one intent" in answer.json()["error_description"]
    uk = await fintech.lodged(UK)
    answer = await fintech.push(UK, uk, scope=scope)
    assert "a request names one intent" in answer.json()["error_description"]


@pytest.mark.parametrize(
    ("shape", "scope"),
    [
        (AIS, "PIS:{}"),
        (AIS, "consent:{}"),
        (PIS, "AIS:{}"),
        (UK, "AIS:{}"),
        (AIS, "AIS:"),
        (AIS, "AIS:AIS:{}"),
    ],
)
async def test_an_intent_is_named_by_the_scope_of_its_own_shape(
    fintech: Lodger, shape: str, scope: str
) -> None:
    intent_id = await fintech.lodged(shape)
    answer = await fintech.plain.push(fintech.plain.request(scope=f"openid {scope.format(intent_id)}"))
    assert answer.json()["error_description"].startswith("no such intent was lodged here")
    answer = await fintech.plain.push(fintech.plain.request(scope=f"openid ais:{intent_id}"))
    assert answer.json()["error"] == "invalid_scope"


async def test_details_of_a_lodged_type_come_by_no_other_way(fintech: Lodger) -> None:
    detail = {"type": "uk_account_access", "Permissions": ["ReadPAN"], "consent_id": "mine"}
    answer = await fintech.plain.push(fintech.plain.request(authorization_details=[detail]))
    assert answer.json()["error"] == "invalid_authorization_details"
    assert f"are lodged before: post them to {PATHS[UK]}" in answer.json()["error_description"]
    form = {"grant_type": "client_credentials", "scope": "accounts", "authorization_details": [detail]}
    answer = await fintech.plain.token(form)
    assert answer.json()["error"] == "invalid_authorization_details"


OVER = {
    "lapsed": "this intent has lapsed: lodge a new one [LODGING 4]",
    "used": "this intent was agreed to before, and gives one grant: lodge a new one [LODGING 4]",
    "rejected": "the user has refused this intent: lodge a new one [LODGING 4]",
    "revoked": "this intent was ended by its client: lodge a new one [LODGING 5]",
    "withdrawn": "what the user agreed to has ended at the bank: lodge a new one [LODGING 5]",
}


async def end_it(fintech: Lodger, shape: str, intent_id: str, how: str, clock: MovableClock) -> None:
    if how == "lapsed":
        clock.advance(3601)
    elif how == "used":
        await fintech.decide(shape, intent_id)
    elif how == "rejected":
        await fintech.decide(shape, intent_id, "deny")
    elif how == "revoked":
        assert (await fintech.delete(shape, intent_id)).status_code == 204
    else:
        await fintech.decide(shape, intent_id)
        await fintech.plain.submit(await fintech.plain.http.get("/grants"))


@pytest.mark.spec("LODGING 4", "LODGING 5", "LODGING 7")
@pytest.mark.parametrize("how", sorted(OVER))
@pytest.mark.parametrize("shape", [UK, BRAZIL, AIS])
async def test_an_intent_that_is_over_is_refused_with_its_own_error(
    fintech: Lodger, clock: MovableClock, shape: str, how: str
) -> None:
    intent_id = await fintech.lodged(shape)
    await end_it(fintech, shape, intent_id, how, clock)
    answer = await fintech.push(shape, intent_id)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert answer.json()["error_description"] == OVER[how]


@pytest.mark.spec("LODGING 4")
@pytest.mark.parametrize("how", sorted(OVER))
async def test_an_intent_that_ends_while_its_page_is_open_is_not_granted(
    fintech: Lodger, clock: MovableClock, how: str
) -> None:
    intent_id = await fintech.lodged(AIS)
    if how == "lapsed":
        clock.advance(3500)  # no page stays open for longer than an intent may wait
    waiting = await fintech.request_uri(AIS, intent_id)
    page = await fintech.plain.follow(await fintech.plain.authorize(waiting))
    page = await fintech.plain.submit(page, username="alice", password="wonderland")
    if how == "lapsed":
        clock.advance(101)
    else:
        await end_it(fintech, AIS, intent_id, how, clock)
    callback = read_callback(await fintech.plain.submit(page, decision="approve"))
    assert callback["error"] == "invalid_request"
    assert callback["error_description"] == OVER[how]
    assert "code" not in callback


@pytest.mark.spec("LODGING 4")
async def test_of_two_requests_for_one_intent_one_is_granted(fintech: Lodger) -> None:
    intent_id = await fintech.lodged(PIS)
    first, second = [await fintech.request_uri(PIS, intent_id) for _ in range(2)]
    assert "code" in read_callback(await fintech.plain.decide(first))
    callback = read_callback(await fintech.plain.decide(second))
    assert callback["error_description"] == OVER["used"]


async def test_a_code_of_a_revoked_intent_is_worth_nothing(fintech: Lodger) -> None:
    intent_id = await fintech.lodged(AIS)
    callback = read_callback(await fintech.decide(AIS, intent_id))
    await fintech.delete(AIS, intent_id)
    answer = await fintech.plain.redeem(callback["code"])
    assert answer.json()["error"] == "invalid_grant"


async def test_the_user_is_asked_for_every_intent(fintech: Lodger) -> None:
    await fintech.decide(AIS, await fintech.lodged(AIS))
    intent_id = await fintech.lodged(AIS)
    scope = f"openid accounts AIS:{intent_id}"
    answer = await fintech.plain.push(fintech.plain.request(scope=scope, prompt="none"))
    callback = read_callback(await fintech.plain.authorize(answer.json()["request_uri"]))
    assert callback["error"] == "consent_required"


async def test_a_token_is_narrowed_to_no_scope_of_another_intent(fintech: Lodger) -> None:
    intent_id, another = await fintech.lodged(AIS), await fintech.lodged(AIS)
    callback = read_callback(await fintech.decide(AIS, intent_id))
    tokens = (await fintech.plain.redeem(callback["code"], resource=[APIS[AIS]])).json()
    answer = await fintech.plain.refresh(tokens["refresh_token"], scope=f"accounts {PREFIXES[AIS]}{another}")
    assert answer.json()["error"] == "invalid_scope"
