"""Claims that another issuer says: given as a reference where they are requested, and never otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from askit import Config
from fapikit.errors import ConfigurationError
from tests.askit.bank import Bank, settings
from tests.askit.plain_client import PlainClient
from tests.keys import claims_of

pytestmark = pytest.mark.anyio

AT = "https://credit.example.test/claims"
NEAR = {"claims": ["shoe_size", "zoneinfo"], "jwt": "a.b.c"}
FAR = {"claims": ["credit_score"], "endpoint": AT, "access_token": "for-alice"}


def users_with(*sources: dict[str, Any], **claims: Any) -> list[dict[str, Any]]:
    own = {"sub": "user-alice", "name": "Alice", **claims}
    return [
        {"username": "alice", "password": "wonderland", "claims": own, "claims_sources": list(sources)},
        {"username": "bob", "password": "builder"},
    ]


@pytest.fixture
def client() -> PlainClient:
    return Bank(users=users_with(NEAR, FAR)).client()


async def told(client: PlainClient, scope: str = "openid", **claims: Any) -> dict[str, dict[str, Any]]:
    """What UserInfo and the ID token refer to."""
    tokens = await client.tokens(scope=scope, claims=claims)
    userinfo = (await client.userinfo(tokens["access_token"])).json()
    return {"userinfo": userinfo, "id_token": claims_of(tokens["id_token"])}


@pytest.mark.spec("OIDC 5.6.2")
@pytest.mark.parametrize("place", ["userinfo", "id_token"])
async def test_a_claim_that_is_requested_comes_as_a_reference(client: PlainClient, place: str) -> None:
    wishes = {"credit_score": {"essential": True}, "shoe_size": None, "name": None}
    found = (await told(client, **{place: wishes}))[place]
    assert found["_claim_names"] == {"credit_score": "src2", "shoe_size": "src1"}
    assert found["_claim_sources"] == {
        "src1": {"JWT": "a.b.c"},
        "src2": {"endpoint": AT, "access_token": "for-alice"},
    }
    assert found["name"] == "Alice"


@pytest.mark.spec("OIDC 5.6.2")
async def test_nothing_is_referred_to_that_was_not_requested(client: PlainClient) -> None:
    for found in (await told(client, userinfo={"name": None})).values():
        assert not {"_claim_names", "_claim_sources"} & found.keys()
    found = await told(client, userinfo={"credit_score": {"value": 650}, "shoe_size": {"values": [44]}})
    assert "_claim_names" not in found["userinfo"], "the value is not known here"
    found = await told(client, scope="openid profile", id_token={"credit_score": None})
    assert found["userinfo"]["_claim_names"] == {"zoneinfo": "src1"}
    assert found["id_token"]["_claim_sources"].keys() == {"src2"}


async def test_the_user_sees_it_at_consent_and_the_metadata_have_it(client: PlainClient) -> None:
    claims = {"userinfo": {"credit_score": None}}
    page = await client.follow(await client.authorize(await client.pushed(scope="openid", claims=claims)))
    page = await client.submit(page, username="alice", password="wonderland")
    assert "credit score" in page.text
    document = (await client.http.get("/.well-known/openid-configuration")).json()
    assert {"credit_score", "shoe_size"} <= set(document["claims_supported"])
    assert document["claim_types_supported"] == ["normal", "aggregated", "distributed"]
    document = (await Bank().browser().get("/.well-known/openid-configuration")).json()
    assert document["claim_types_supported"] == ["normal"]


@pytest.mark.spec("OIDC 5.6.2", "IDA 6.1")
@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"claims": []}, "claims is missing"),
        ({"jwt": "a.b.c"}, "endpoint and jwt exclude each other"),
        ({"endpoint": None, "access_token": None}, "endpoint and jwt exclude each other"),
        ({"endpoint": None, "jwt": "a.b.c"}, "access_token needs endpoint"),
        ({"endpoint": "http://credit.example.test/claims"}, "endpoint must be an https URL"),
        ({"endpoint": f"{AT}#x"}, "endpoint must be an https URL"),
        ({"claims": ["name"]}, "has 'name', which this server or another source says"),
        ({"claims": ["sub"]}, "has 'sub', which this server or another source says"),
        ({"claims": ["shoe_size"]}, "has 'shoe_size', which this server or another source says"),
        ({"kind": "x"}, "kind"),
    ],
)
def test_a_source_that_says_what_it_cannot_is_refused(source: dict[str, Any], said: str) -> None:
    wrong = {name: value for name, value in {**FAR, **source}.items() if value is not None}
    with pytest.raises(ConfigurationError, match=said):
        Config.from_mapping(settings(users=users_with(NEAR, wrong)))
