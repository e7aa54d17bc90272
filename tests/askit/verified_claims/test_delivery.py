"""Verified claims from askit: asked for by the `claims` parameter, shown to the user, in the ID token and UserInfo."""

from __future__ import annotations

import json
from dataclasses import replace
from html import unescape
from typing import Any

import pytest

from askit.users.grants import grants_of
from tests.askit.bank import Bank, settings
from tests.askit.plain_client import PlainClient, read_callback
from tests.keys import claims_of
from tests.mothers.verified_claims import AML, ANSWER, EIDAS, WISH, changed, published

pytestmark = pytest.mark.anyio


def users(*verified: Any) -> list[dict[str, Any]]:
    alice, bob = settings()["users"]
    return [{**alice, "verified_claims": list(verified)}, bob]


def proven(*verified: Any) -> Bank:
    return Bank(users=users(*(verified or (EIDAS, AML))))


@pytest.fixture
def client() -> PlainClient:
    return proven().client()


async def answered(client: PlainClient, wish: Any, *, place: str = "userinfo") -> Any:
    """The member `verified_claims` that came, or None."""
    tokens = await client.tokens(scope="openid", claims={place: {"verified_claims": wish}})
    members = claims_of(tokens["id_token"])
    if place == "userinfo":
        assert "verified_claims" not in members
        members = (await client.userinfo(tokens["access_token"])).json()
    assert published("verified_claims").is_valid(members)
    return members.get("verified_claims")


@pytest.mark.spec("IDA 5.2", "IDA 5.3", "IDA 7")
@pytest.mark.parametrize("place", ["id_token", "userinfo"])
async def test_exactly_what_was_asked_for_is_given(client: PlainClient, place: str) -> None:
    assert await answered(client, WISH, place=place) == ANSWER


@pytest.mark.spec("IDA 7")
async def test_nobody_gets_what_was_not_asked_for(client: PlainClient) -> None:
    tokens = await client.tokens(scope="openid profile email address phone")
    assert "verified_claims" not in claims_of(tokens["id_token"])
    assert "verified_claims" not in (await client.userinfo(tokens["access_token"])).json()
    tokens = await client.tokens(scope="openid", claims={"userinfo": {"given_name": None, "birthdate": None}})
    assert (await client.userinfo(tokens["access_token"])).json() == {"sub": "user-alice"}


@pytest.mark.spec("IDA 5.6")
async def test_each_of_several_requests_is_answered_by_itself(client: PlainClient) -> None:
    gold = {"verification": {"trust_framework": {"value": "gold"}}, "claims": {"given_name": None}}
    either = {
        "verification": {"trust_framework": {"values": ["de_aml", "eidas"]}},
        "claims": {"given_name": None},
    }
    eidas = {"verification": {"trust_framework": "eidas"}, "claims": {"given_name": "Alice"}}
    aml = {"verification": {"trust_framework": "de_aml"}, "claims": {"given_name": "Alice"}}
    assert await answered(client, [WISH, gold, either]) == [ANSWER, eidas, aml]
    assert await answered(client, [gold, WISH]) == ANSWER
    assert await answered(client, either) == [eidas, aml]


@pytest.mark.spec("IDA 5.5.1", "IDA 5.5.2", "IDA 5.7.1", "IDA 5.7.2", "IDA 5.7.4")
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("verification.trust_framework", {"value": "gold"}),
        ("verification.assurance_level", {"value": "high", "essential": True}),
        ("verification.time", {"max_age": 60}),
        ("verification.evidence.0.type", {"value": "vouch"}),
        ("verification.evidence.0.document_details.type", {"value": "idcard"}),
        ("claims", {"given_name": {"value": "Bob", "essential": True}}),
        ("claims", {"email": None}),
    ],
)
async def test_what_cannot_be_given_as_asked_is_left_out_without_an_error(
    client: PlainClient, path: str, value: Any
) -> None:
    assert await answered(client, changed(WISH, path, value)) is None


@pytest.mark.spec("IDA 5.5.2")
async def test_max_age_counts_until_the_request(client: PlainClient) -> None:
    """UserInfo may be called much later, and the verification was young enough when it was agreed to."""
    days = 31
    wish = {
        "verification": {"trust_framework": None, "time": {"max_age": 270 * 86_400}},
        "claims": {"given_name": None},
    }
    tokens = await client.tokens(scope="openid", claims={"userinfo": {"verified_claims": wish}})
    client.clock.advance(days * 86_400)  # type: ignore[attr-defined]
    tokens = (await client.refresh(tokens["refresh_token"])).json()
    answer = (await client.userinfo(tokens["access_token"])).json()
    assert answer["verified_claims"]["claims"] == {"given_name": "Alice"}
    assert await answered(client, wish) is None


@pytest.mark.spec("IDA 5.3", "IDA 5.4")
@pytest.mark.parametrize("place", ["id_token", "userinfo"])
@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("claims", ..., "claims is missing"),
        ("verification.trust_framework", "eidas", "verification.trust_framework must be null or an object"),
        ("verification.time.max_age", -1, "verification.time.max_age must be a whole number"),
        (
            "verification.evidence.0.type",
            None,
            "verification.evidence[0].type must be an object with one value",
        ),
        (
            "claims.birthdate.purpose",
            "no",
            "claims.birthdate.purpose must be a string of 3 to 300 characters",
        ),
        ("claims.<b>é", 1, "claims.<b>? must be null or an object"),
    ],
)
@pytest.mark.parametrize("signed", [False, True])
async def test_a_broken_request_is_refused_by_its_member(
    client: PlainClient, signed: bool, path: str, value: Any, told: str, place: str
) -> None:
    claims = {place: {"verified_claims": [WISH, changed(WISH, path, value)]}}
    asked = (
        {"request": client.request_object(claims=claims | {})} if signed else client.request(claims=claims)
    )
    if signed:
        asked = client.request(claims=claims)
    if signed:
        asked = {"request": client.request_object(claims={"claims": claims})}
    refused = await client.push(asked)
    assert refused.status_code == 400, refused.text
    error = refused.json()
    assert error["error"] == "invalid_request"
    assert f"claims.{place}.verified_claims[1].{told}" in error["error_description"]


@pytest.mark.spec("IDA 5.7.3")
@pytest.mark.parametrize("place", ["id_token", "userinfo"])
async def test_the_user_sees_each_value_and_its_purpose_and_may_refuse(
    client: PlainClient, place: str
) -> None:
    wish = changed(WISH, "claims.birthdate.purpose", "Be of age <b>now</b> \u202e\n\u200b")
    wish = changed(wish, "verification.time.purpose", "To know that it is new")
    claims = {
        place: {"verified_claims": changed(wish, "verification.never_given", {"purpose": "Press approve"})}
    }
    login = await client.authorize(await client.pushed(scope="openid", claims=claims))
    page = await client.submit(login, username="alice", password="wonderland")
    text = unescape(page.text)
    for shown in ("Verified data about you (eidas)", "Date of birth", "1990-02-03", "2034-01-30", "passport"):
        assert shown in text
    assert "<b>now" not in page.text
    assert not {"\u202e", "\u200b"} & set(text)
    assert "To know that it is new" in text
    assert "Press approve" not in text
    assert "What for, in the words of who asks" in text
    for hidden in ("family", "C01X00T47", "Nationalities", "Check method: vcrypt"):
        assert hidden not in text
    refused = read_callback(await client.submit(page, decision="deny"))
    assert refused["error"] == "access_denied"


async def test_a_client_that_asks_often_does_not_fill_the_page(client: PlainClient) -> None:
    wishes = [changed(WISH, "claims.given_name", {"values": ["Alice", str(number)]}) for number in range(19)]
    claims = {place: {"verified_claims": [*wishes, WISH]} for place in ("id_token", "userinfo")}
    login = await client.authorize(await client.pushed(scope="openid", claims=claims))
    page = await client.submit(login, username="alice", password="wonderland")
    assert page.text.count("Verified data about you") == 1
    claims["userinfo"]["verified_claims"].append(WISH)
    refused = await client.push(client.request(scope="openid", claims=claims))
    assert "verified_claims must have 1 to 20 items" in refused.json()["error_description"]


@pytest.mark.spec("IDA 5.7.3", "OIDC 3.1.2.6")
async def test_verified_claims_are_asked_for_every_time(client: PlainClient) -> None:
    asked = {"userinfo": {"verified_claims": WISH}}
    await client.decide(await client.pushed(scope="openid", claims=asked))
    silent = await client.authorize(await client.pushed(scope="openid", prompt="none", claims=asked))
    assert read_callback(silent)["error"] == "consent_required"
    silent = await client.authorize(await client.pushed(scope="openid", prompt="none"))
    assert "code" in read_callback(silent)


async def test_what_was_given_stands_on_the_page_of_grants(client: PlainClient) -> None:
    await client.decide(await client.pushed(scope="openid", claims={"userinfo": {"verified_claims": WISH}}))
    assert "Verified data about you (eidas)" in (await client.http.get("/grants")).text


@pytest.mark.spec("IDA 5.7.2")
async def test_a_user_without_verified_claims_is_no_error(client: PlainClient) -> None:
    page = await client.decide(
        await client.pushed(scope="openid", claims={"userinfo": {"verified_claims": WISH}}),
        username="bob",
        password="builder",
    )
    tokens = (await client.redeem(read_callback(page)["code"])).json()
    assert (await client.userinfo(tokens["access_token"])).json() == {"sub": "bob"}


@pytest.mark.spec("IDA 8")
async def test_the_metadata_say_what_the_users_have(client: PlainClient) -> None:
    document = (await client.http.get("/.well-known/openid-configuration")).json()
    assert {name: document[name] for name in document if "verified" in name or "framework" in name} == {
        "trust_frameworks_supported": ["de_aml", "eidas"],
        "claims_in_verified_claims_supported": [
            "address", "birthdate", "family_name", "given_name", "nationalities", "place_of_birth",
        ],
    }  # fmt: skip
    assert document["evidence_supported"] == ["document", "electronic_record"]
    assert document["documents_supported"] == ["passport"]
    assert document["documents_check_methods_supported"] == ["vcrypt", "vpip"]
    assert document["electronic_records_supported"] == ["bank_account"]
    assert "verified_claims" in document["claims_supported"]
    assert document["claims_parameter_supported"] is True


@pytest.mark.spec("IDA 8")
async def test_a_server_without_verified_claims_lists_nothing(bank: Bank) -> None:
    document = (await bank.browser().get("/.well-known/openid-configuration")).json()
    assert not {name for name in document if "frameworks" in name or "verified" in name or "evidence" in name}
    assert "verified_claims" not in document["claims_supported"]


@pytest.mark.spec("GM 5.2", "GM 6.4", "IDA 5.6")
async def test_a_merge_keeps_the_requests_of_both(client: PlainClient) -> None:
    aml = {"verification": {"trust_framework": {"value": "de_aml"}}, "claims": {"place_of_birth": None}}
    first = await client.tokens(
        scope="openid", claims={"userinfo": {"verified_claims": WISH}}, grant_management_action="create"
    )
    merged = await client.tokens(
        scope="openid",
        claims={"userinfo": {"verified_claims": [aml, WISH]}},
        grant_management_action="merge",
        grant_id=first["grant_id"],
    )
    answer = (await client.userinfo(merged["access_token"])).json()["verified_claims"]
    assert [entry["verification"]["trust_framework"] for entry in answer] == ["eidas", "de_aml"]
    many = [changed(WISH, "claims.given_name", {"value": str(number)}) for number in range(19)]
    refused = await client.push(
        client.request(
            scope="openid",
            claims={"userinfo": {"verified_claims": many}},
            grant_management_action="merge",
            grant_id=first["grant_id"],
        )
    )
    assert refused.status_code == 400
    assert "at most 20 requests for verified claims" in json.loads(refused.text)["error_description"]


async def test_a_stored_request_that_this_version_cannot_read_gives_nothing(client: PlainClient) -> None:
    """An earlier version stored it without looking into it."""
    bank = proven()
    client = bank.client()
    tokens = await client.tokens(scope="openid", claims={"userinfo": {"name": None}})
    (grant,) = (await grants_of(bank.server.core, "alice"))[0]
    broken = replace(grant, claims={"userinfo": {"name": None, "verified_claims": {"claims": "all"}}})
    await bank.server.core.records.save("grant", grant.grant_id, broken, 1000, ())
    answer = await client.userinfo(tokens["access_token"])
    assert answer.json() == {"sub": "user-alice", "name": "Alice"}
    assert "Verified data" not in (await client.http.get("/grants")).text
