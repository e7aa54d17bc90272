"""The `claims` parameter: what is given for each kind of request, and one mistake in it at a time."""

from __future__ import annotations

from typing import Any

import pytest

from tests.askit.bank import Bank
from tests.askit.plain_client import PlainClient, read_callback
from tests.keys import claims_of

pytestmark = pytest.mark.anyio

USERS = [
    {
        "username": "alice",
        "password": "wonderland",
        "claims": {
            "sub": "user-alice",
            "name": "Alice",
            "email": "alice@example.test",
            "email_verified": True,
            "level": 1,
            "address": {"country": "GB", "locality": "Oxford"},
            "groups": ["a", "b"],
            "nonce": "chosen by the user",
        },
    },
    {"username": "bob", "password": "builder"},
]


@pytest.fixture
def client() -> PlainClient:
    return Bank(users=USERS).client()


async def given(client: PlainClient, wishes: Any, place: str = "id_token") -> dict[str, Any]:
    """What the ID token or UserInfo has for these requests."""
    tokens = await client.tokens(scope="openid", claims={place: wishes})
    if place == "id_token":
        return claims_of(tokens["id_token"])
    return dict((await client.userinfo(tokens["access_token"])).json())


GIVEN: dict[str, tuple[Any, Any]] = {
    "null": (None, "alice@example.test"),
    "an empty object": ({}, "alice@example.test"),
    "voluntary": ({"essential": False}, "alice@example.test"),
    "essential": ({"essential": True}, "alice@example.test"),
    "its value": ({"value": "alice@example.test"}, "alice@example.test"),
    "one of its values": ({"values": ["x", "alice@example.test"]}, "alice@example.test"),
    "an unknown member": ({"purpose": "to write to you", "max": 1}, "alice@example.test"),
    "another value": ({"value": "ALICE@example.test"}, None),
    "another value, essential": ({"value": "bob@example.test", "essential": True}, None),
    "other values": ({"values": ["x", "y"]}, None),
    "null as its value": ({"value": None}, None),
}


@pytest.mark.spec("OIDC 5.5", "OIDC 5.5.1")
@pytest.mark.parametrize("place", ["id_token", "userinfo"])
@pytest.mark.parametrize("what", GIVEN)
async def test_a_claim_is_given_if_it_has_a_requested_value_and_nothing_fails(
    client: PlainClient, what: str, place: str
) -> None:
    wish, value = GIVEN[what]
    assert (await given(client, {"email": wish}, place)).get("email") == value


@pytest.mark.spec("OIDC 5.5.1")
@pytest.mark.parametrize(
    ("name", "value", "met"),
    [
        ("email_verified", True, True),
        ("email_verified", 1, False),
        ("email_verified", "true", False),
        ("level", 1, True),
        ("level", 1.0, True),
        ("level", True, False),
        ("address", {"locality": "Oxford", "country": "GB"}, True),
        ("address", {"country": "GB"}, False),
        ("groups", ["a", "b"], True),
        ("groups", ["b", "a"], False),
        ("groups", "a", False),
    ],
)
async def test_values_are_compared_as_json(client: PlainClient, name: str, value: Any, met: bool) -> None:
    assert (name in await given(client, {name: {"value": value}})) is met


@pytest.mark.conformance("fapi2-op", "australia-connectid-test-claims-parameter-idtoken-identity-claims")
@pytest.mark.spec("OIDC 5.5")
async def test_each_place_gets_its_own_claims_and_what_is_unknown_is_left_out(client: PlainClient) -> None:
    claims = {"id_token": {"name": None, "shoe_size": {"essential": True}}, "userinfo": {"email": None}}
    tokens = await client.tokens(scope="openid", claims={**claims, "elsewhere": {"name": 7}})
    in_id_token = claims_of(tokens["id_token"])
    in_userinfo = (await client.userinfo(tokens["access_token"])).json()
    assert in_id_token["name"] == "Alice"
    assert not {"shoe_size", "email"} & in_id_token.keys()
    assert in_userinfo == {"sub": "user-alice", "email": "alice@example.test"}
    for nothing in ({}, {"id_token": None, "userinfo": None}, {"id_token": {}}):
        assert "name" not in claims_of((await client.tokens(scope="openid", claims=nothing))["id_token"])


async def test_no_claim_of_a_user_takes_the_place_of_one_of_the_protocol(client: PlainClient) -> None:
    claims = await given(
        client, {"nonce": {"essential": True}, "sub": None, "iss": {"value": "https://evil.example"}}
    )
    assert (claims["nonce"], claims["sub"], claims["iss"]) == ("the-nonce", "user-alice", client.issuer)


async def test_a_refreshed_userinfo_has_the_claims_that_were_agreed_to(client: PlainClient) -> None:
    tokens = await client.tokens(claims={"userinfo": {"email": None}})
    again = (await client.refresh(tokens["refresh_token"])).json()
    assert (await client.userinfo(again["access_token"])).json()["email"] == "alice@example.test"


@pytest.mark.spec("OIDC 5.5.1")
async def test_a_subject_that_userinfo_must_have_names_the_user_too(client: PlainClient) -> None:
    await client.tokens()
    for sub, said in (("user-alice", "code"), ("bob", "error")):
        claims = {"userinfo": {"sub": {"value": sub}}}
        answer = await client.decide(
            await client.pushed(prompt="none", scope="openid accounts", claims=claims)
        )
        assert said in read_callback(answer)
    both = {"id_token": {"sub": {"values": ["bob", "user-alice"]}}, "userinfo": {"sub": {"value": "bob"}}}
    answer = await client.decide(await client.pushed(prompt="none", claims=both))
    assert read_callback(answer)["error"] == "login_required"


REFUSED: dict[str, tuple[Any, str]] = {
    "a list": (["email"], "claims must be a JSON object"),
    "a string": ("email", "claims must be a JSON object"),
    "a place that is a list": (
        {"id_token": ["email"]},
        "claims.id_token must be an object of claim requests",
    ),
    "a place that is empty": ({"userinfo": []}, "claims.userinfo must be an object of claim requests"),
    "a place that is false": ({"userinfo": False}, "claims.userinfo must be an object of claim requests"),
    "a request that is true": (
        {"userinfo": {"email": True}},
        "claims.userinfo.email must be null or an object",
    ),
    "a request that is a string": (
        {"id_token": {"email": ""}},
        "claims.id_token.email must be null or an object",
    ),
    "a word": (
        {"id_token": {"email": {"essential": "true"}}},
        "claims.id_token.email.essential must be true or false",
    ),
    "a number": (
        {"userinfo": {"acr": {"essential": 1}}},
        "claims.userinfo.acr.essential must be true or false",
    ),
    "essential null": (
        {"userinfo": {"acr": {"essential": None}}},
        "claims.userinfo.acr.essential must be true or",
    ),
    "values of one": (
        {"id_token": {"acr": {"values": "urn:x"}}},
        "claims.id_token.acr.values must be an array with at least one value",
    ),
    "no values": (
        {"id_token": {"acr": {"values": []}}},
        "claims.id_token.acr.values must be an array with at",
    ),
    "values null": (
        {"id_token": {"acr": {"values": None}}},
        "claims.id_token.acr.values must be an array with at",
    ),
    "both": (
        {"id_token": {"acr": {"value": "a", "values": ["a"]}}},
        "claims.id_token.acr.values must not stand beside value",
    ),
    "a subject that is a number": (
        {"id_token": {"sub": {"value": 7}}},
        "the value of the claim sub must be a string",
    ),
    "two users": (
        {"id_token": {"sub": {"value": "user-alice"}}, "userinfo": {"sub": {"value": "bob"}}},
        "claims name different users for UserInfo and the ID token",
    ),
}


@pytest.mark.spec("OIDC 5.5.1")
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("what", REFUSED)
async def test_each_mistake_has_an_error_that_names_the_member(what: str, signed: bool) -> None:
    claims, said = REFUSED[what]
    client = Bank(users=USERS).client()
    form = (
        {"request": client.request_object(claims={"claims": claims})}
        if signed
        else client.request(claims=claims)
    )
    answer = await client.push(form)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert said in answer.json()["error_description"]


async def test_the_metadata_say_which_claims_there_are() -> None:
    document = (await Bank(users=USERS).browser().get("/.well-known/openid-configuration")).json()
    assert document["claims_parameter_supported"] is True
    supported = document["claims_supported"]
    assert {"sub", "acr", "auth_time", "name", "email", "address"} <= set(supported)
    assert "nonce" not in supported, "it would not be given"
