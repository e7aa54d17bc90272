"""Pairwise subjects: a client of one sector sees one `sub` of a user, everywhere, and never that of another sector."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from askit import Config
from fapikit import HttpSettings
from fapikit.errors import ConfigurationError
from tests.askit import sectors
from tests.askit.bank import FINTECH, OTHER, Bank, settings
from tests.askit.ciba.asking import GRANT, Asking
from tests.askit.ciba.phone import phone_at
from tests.askit.grants import exchanging
from tests.askit.hearer import Hearer, hearing
from tests.askit.plain_client import ACCOUNTS, ISSUER, PAYMENTS, PlainClient, read_callback
from tests.askit.sectors import ELSEWHERE, PAIRWISE, SECTOR, a_bank, pairwise, salt_file
from tests.keys import a_key, claims_of, mint

pytestmark = pytest.mark.anyio

HERE, THERE = pairwise("user-alice"), pairwise("user-alice", "elsewhere.example.test")
OWN = "user-alice"


def elsewhere(bank: Bank, **more: Any) -> PlainClient:
    return bank.client("other", redirect_uri="https://elsewhere.example.test/callback", **more)


async def answered(client: PlainClient, **request: Any) -> dict[str, str]:
    """What comes back of a request that alice signs in for and approves."""
    return read_callback(await client.decide(await client.pushed(**request)), client.redirect_uri)


# What a client is told


@pytest.mark.spec("OIDC 8", "OIDC 8.1")
async def test_two_sectors_know_one_user_by_two_subjects_and_each_always_by_the_same(tmp_path: Path) -> None:
    bank = a_bank(tmp_path)
    here, there = bank.client(), elsewhere(bank)
    first, second = await here.tokens(), await here.tokens()
    assert claims_of(first["id_token"])["sub"] == claims_of(second["id_token"])["sub"] == HERE
    code = (await answered(there))["code"]
    other = (await there.redeem(code)).json()
    assert claims_of(other["id_token"])["sub"] == THERE
    assert len({HERE, THERE, OWN}) == 3
    for told in (first, other):
        assert OWN not in str([claims_of(told[name]) for name in ("id_token", "access_token")])
    another_process = a_bank(tmp_path)
    assert claims_of((await another_process.client().tokens())["id_token"])["sub"] == HERE


@pytest.mark.spec("OIDC 8.1")
async def test_clients_of_one_sector_know_the_user_alike_and_a_public_one_by_the_users_own_subject(
    tmp_path: Path,
) -> None:
    same = {**OTHER, "subject_type": "pairwise"}
    bank = a_bank(tmp_path, PAIRWISE, same)
    assert claims_of((await bank.client("other").tokens())["id_token"])["sub"] == HERE
    bank = a_bank(tmp_path, PAIRWISE, OTHER)
    assert claims_of((await bank.client("other").tokens())["id_token"])["sub"] == OWN


@pytest.mark.spec("OIDC 8.1")
async def test_the_sector_is_the_host_of_the_sector_identifier_uri(tmp_path: Path) -> None:
    uris = [*FINTECH["redirect_uris"], "https://second.example.test/callback"]
    sector = {"sector_identifier_uri": "https://Group.example.test:8443/sector.json"}
    bank = a_bank(tmp_path, {**PAIRWISE, "redirect_uris": uris, **sector})
    sub = claims_of((await bank.client().tokens())["id_token"])["sub"]
    assert sub == pairwise(OWN, "group.example.test")


async def test_userinfo_and_a_refreshed_token_follow(tmp_path: Path) -> None:
    client = a_bank(tmp_path).client()
    tokens = await client.tokens()
    assert (await client.userinfo(tokens["access_token"])).json()["sub"] == HERE
    again = (await client.refresh(tokens["refresh_token"])).json()
    assert claims_of(again["access_token"])["sub"] == HERE
    assert (await client.userinfo(again["access_token"])).json()["sub"] == HERE


@pytest.mark.spec("RFC 9068 2.2", "RFC 9068 6")
async def test_an_api_sees_the_subject_of_the_client_in_the_jwt_and_at_introspection(tmp_path: Path) -> None:
    bank = a_bank(tmp_path)
    jwt = (await bank.client().tokens(resource=[ACCOUNTS]))["access_token"]
    assert claims_of(jwt)["sub"] == HERE
    assert (await bank.client("accounts-api").introspect(jwt)).json()["sub"] == HERE
    opaque = (await bank.client().tokens(scope="openid payments"))["access_token"]
    assert (await bank.client("payments-api").introspect(opaque)).json()["sub"] == HERE


@pytest.mark.spec("RFC 9068 6")
async def test_an_api_that_needs_it_sees_the_users_own_subject_in_tokens_that_no_client_reads(
    tmp_path: Path,
) -> None:
    resources = [dict(each) for each in settings()["resources"]]
    resources[1]["subject"] = "user"
    bank = a_bank(tmp_path, resources=resources)
    tokens = await bank.client().tokens(scope="openid payments")
    assert (await bank.client("payments-api").introspect(tokens["access_token"])).json()["sub"] == OWN
    assert claims_of(tokens["id_token"])["sub"] == HERE
    assert (await bank.client().userinfo(tokens["access_token"])).json()["sub"] == HERE


async def test_a_client_that_acts_for_itself_is_named_by_its_client_id(tmp_path: Path) -> None:
    client = a_bank(tmp_path).client()
    answer = (await client.token({"grant_type": "client_credentials", "scope": "accounts"})).json()
    assert claims_of(answer["access_token"])["sub"] == "fintech"


@pytest.mark.spec("OIDC Back-Channel Logout 2.1")
async def test_a_logout_token_has_the_subject_and_the_session_as_the_client_knows_them(
    tmp_path: Path,
) -> None:
    hearer = Hearer()
    bank = a_bank(tmp_path, hearing(PAIRWISE), hearing(ELSEWHERE), hearing(PUBLIC), http=hearer.http())
    client = bank.client()
    id_token = claims_of((await client.tokens())["id_token"])
    there = elsewhere(bank, http=client.http)
    other = claims_of((await there.redeem((await answered(there))["code"])).json()["id_token"])
    public = bank.client("public", http=client.http, key=a_key("ES256", 5))
    third = claims_of((await public.tokens())["id_token"])
    page = await client.http.get("/end_session", params={"client_id": "fintech"})
    assert (await client.submit(page)).status_code in (200, 303)
    heard = {each["aud"]: (each["sub"], each["sid"]) for each in hearer.heard}
    assert heard["fintech"] == (HERE, id_token["sid"])
    assert heard["other"] == (THERE, other["sid"])
    assert heard["public"] == (OWN, third["sid"])
    assert len({id_token["sid"], other["sid"], third["sid"]}) == 3, "a session must not link two sectors"
    assert id_token["sid"] == pairwise(third["sid"], kind="sid")


PUBLIC = {
    **FINTECH,
    "client_id": "public",
    "jwks": {"keys": [dict(a_key("ES256", 5).public_jwk)]},
}


# What a client tells


@pytest.mark.spec("OIDC 3.1.2.1", "OIDC 5.5.1")
@pytest.mark.parametrize("how", ["id_token_hint", "value", "values"])
async def test_a_client_names_the_user_by_the_subject_that_it_knows(tmp_path: Path, how: str) -> None:
    bank = a_bank(tmp_path)
    client = bank.client()
    id_token = (await client.tokens())["id_token"]
    named = {
        "id_token_hint": {"id_token_hint": id_token},
        "value": {"claims": {"id_token": {"sub": {"value": HERE}}}},
        "values": {"claims": {"id_token": {"sub": {"values": ["x", HERE]}}}},
    }[how]
    assert "code" in await answered(client, prompt="none", **named)
    fresh = bank.client()
    page = await fresh.decide(await fresh.pushed(**named), username="bob", password="builder")
    assert page.status_code != 200 or 'name="decision"' not in page.text
    assert "code" not in page.headers.get("location", "")


@pytest.mark.parametrize("sub", [OWN, THERE, "alice", ""])
async def test_no_other_subject_names_the_user_so_nobody_can_compare(tmp_path: Path, sub: str) -> None:
    client = a_bank(tmp_path).client()
    await client.tokens()
    claims = {"id_token": {"sub": {"value": sub}}}
    assert (await answered(client, prompt="none", claims=claims))["error"] == "login_required"


def a_ciba_bank(folder: Path, **changes: Any) -> Bank:
    ciba = {
        **{name: value for name, value in PAIRWISE.items() if name != "jwks"},
        "grant_types": [*FINTECH["grant_types"], GRANT],
        "backchannel_token_delivery_mode": "poll",
        "jwks_uri": f"https://{SECTOR}/keys",
    }
    return a_bank(folder, ciba, **changes)


HINTS = "https://hints.example.test"
HINT_KEY = a_key("ES256", 31)
HINT_ISSUER = {"issuer": HINTS, "jwks": {"keys": [dict(HINT_KEY.public_jwk)]}}


def a_hint(client: PlainClient, **sub_id: str) -> str:
    now = int(client.clock())
    members = {"iss": HINTS, "aud": ISSUER, "iat": now, "exp": now + 300, "sub_id": sub_id}
    return mint(members, HINT_KEY)


@pytest.fixture
def ciba(tmp_path: Path) -> tuple[Bank, Asking]:
    """The client's keys lie behind its `jwks_uri`."""
    keys = {"keys": [dict(a_key("ES256", 1).public_jwk)]}
    web = httpx.MockTransport(lambda _: httpx.Response(200, json=keys))
    http = HttpSettings(async_client=httpx.AsyncClient(transport=web))
    bank = a_ciba_bank(tmp_path, login_hint_issuers=[HINT_ISSUER], http=http)
    return bank, Asking(bank.client())


@pytest.mark.spec("CIBA 4e", "CIBA 7.1c")
async def test_a_request_that_nobody_redirects_follows_too(ciba: tuple[Bank, Asking]) -> None:
    bank, asking = ciba
    known = {
        "login_hint": [{"login_hint": HERE}, {"login_hint": "alice"}],
        "iss_sub": [
            {
                "login_hint": None,
                "login_hint_token": a_hint(asking.client, format="iss_sub", iss=ISSUER, sub=HERE),
            }
        ],
        "opaque": [{"login_hint": None, "login_hint_token": a_hint(asking.client, format="opaque", id=OWN)}],
    }
    for hints in known.values():
        for hint in hints:
            assert (await asking.send(**hint)).status_code == 200
    auth_req_id = await asking.started(login_hint=HERE, binding_message="The one")
    await phone_at(bank).decide("The one")
    tokens = (await asking.poll(auth_req_id)).json()
    assert claims_of(tokens["id_token"])["sub"] == claims_of(tokens["access_token"])["sub"] == HERE
    hinted = {"login_hint": None, "id_token_hint": tokens["id_token"]}
    assert (await asking.send(**hinted)).status_code == 200


@pytest.mark.spec("CIBA 13a")
@pytest.mark.parametrize("sub", [OWN, THERE])
async def test_a_hint_with_another_sectors_subject_names_nobody(ciba: tuple[Bank, Asking], sub: str) -> None:
    _, asking = ciba
    assert (await asking.refused(login_hint=sub))[1] == "unknown_user_id"
    token = a_hint(asking.client, format="iss_sub", iss=ISSUER, sub=sub)
    assert (await asking.refused(login_hint=None, login_hint_token=token))[1] == "unknown_user_id"


# Exchanged tokens


def an_exchange(folder: Path, *rules: dict[str, Any], api: dict[str, Any] | None = None) -> Bank:
    fintech = {**exchanging.OF_FINTECH, "subject_type": "pairwise"}
    clients = [fintech, OTHER, {**exchanging.ACCOUNTS_API, **(api or {})}, exchanging.PAYMENTS_API]
    return exchanging.a_bank(*rules, clients=clients, pairwise_salt_file=salt_file(folder))


PAIRWISE_API = {
    "subject_type": "pairwise",
    "redirect_uris": ["https://api.example.test/unused"],
    "sector_identifier_uri": "https://api.example.test/sector.json",
}


@pytest.mark.spec("RFC 8693 2.1d")
async def test_an_exchanged_token_names_the_user_as_its_new_client_does(tmp_path: Path) -> None:
    bank = an_exchange(tmp_path, exchanging.RULE)
    received = (await exchanging.login(bank.client()))["access_token"]
    assert claims_of(received)["sub"] == HERE
    answer = await exchanging.exchanged(exchanging.api(bank), received, resource=exchanging.LEDGER)
    seen = await exchanging.seen_by(bank, answer["access_token"])
    assert (seen["sub"], seen["act"]) == (OWN, {"sub": "accounts-api"}), (
        "this API is a client with public subjects"
    )
    bank = an_exchange(tmp_path, exchanging.RULE, api=PAIRWISE_API)
    received = (await exchanging.login(bank.client()))["access_token"]
    answer = await exchanging.exchanged(exchanging.api(bank), received, resource=exchanging.LEDGER)
    seen = await exchanging.seen_by(bank, answer["access_token"])
    assert seen["sub"] == pairwise(OWN, "api.example.test")


@pytest.mark.spec("RFC 8693 4.1a")
async def test_an_actor_who_is_a_user_is_named_as_the_new_client_knows_that_user(tmp_path: Path) -> None:
    bank = an_exchange(tmp_path)
    client = bank.client()
    alice = (await exchanging.login(client))["access_token"]
    bob = bank.client()
    code = read_callback(
        await bob.decide(await bob.pushed(resource=[ACCOUNTS]), username="bob", password="builder")
    )
    bobs = (await bob.redeem(code["code"])).json()["access_token"]
    acting = {"actor_token": bobs, "actor_token_type": f"{exchanging.TYPE}access_token"}
    answer = await exchanging.exchanged(client, alice, **acting)
    claims = claims_of(answer["access_token"])
    assert (claims["sub"], claims["act"]) == (HERE, {"sub": pairwise("bob")})


@pytest.mark.spec("RFC 8693 4.4")
@pytest.mark.parametrize(("named", "status"), [(pairwise("bob"), 200), ("bob", 400)])
async def test_may_act_names_a_user_as_the_client_knows_that_user(
    tmp_path: Path, named: str, status: int
) -> None:
    fintech = {**exchanging.OF_FINTECH, "subject_type": "pairwise", "may_act": {"sub": named}}
    bank = exchanging.a_bank(
        clients=[fintech, OTHER, exchanging.ACCOUNTS_API, exchanging.PAYMENTS_API],
        pairwise_salt_file=salt_file(tmp_path),
    )
    client, bob = bank.client(), bank.client()
    alice = (await exchanging.login(client))["access_token"]
    code = read_callback(
        await bob.decide(await bob.pushed(resource=[ACCOUNTS]), username="bob", password="builder")
    )
    bobs = (await bob.redeem(code["code"])).json()["access_token"]
    acting = {"actor_token": bobs, "actor_token_type": f"{exchanging.TYPE}access_token"}
    assert (await client.token(exchanging.form(alice, **acting))).status_code == status


# Settings


async def test_the_metadata_say_which_subjects_there_are(tmp_path: Path) -> None:
    for bank, types in ((a_bank(tmp_path), ["public", "pairwise"]), (Bank(), ["public"])):
        document = (await bank.browser().get("/.well-known/openid-configuration")).json()
        assert document["subject_types_supported"] == types


@pytest.mark.spec("OIDC 8.1", "RFC 9068 6")
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"clients": [PAIRWISE, *sectors.APIS]},
            "client fintech: subject_type pairwise needs pairwise_salt_file",
        ),
        ({"pairwise_salt_file": "short"}, "shorter than 32 octets"),
        ({"pairwise_salt_file": "broken"}, "broken cannot be read as base64url"),
        ({"pairwise_salt_file": "missing"}, "missing cannot be read as base64url"),
        ({"resources": [{"uri": PAYMENTS, "subject": "nobody"}]}, "must be client or user"),
        (
            {"resources": [{"uri": PAYMENTS, "subject": "user"}]},
            "needs tokens that clients cannot read: set token_format to opaque, or encryption_client",
        ),
    ],
)
def test_settings_that_would_tell_too_much_are_refused_by_name(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    (tmp_path / "short").write_text("c2hvcnQ")
    (tmp_path / "broken").write_text("not base64!")
    members = {**settings(authorization_details_types=None), **changes}
    with pytest.raises(ConfigurationError, match=said):
        Config.from_mapping(members, base=tmp_path)


def test_the_salt_is_not_shown(tmp_path: Path) -> None:
    config = a_bank(tmp_path).config
    assert sectors.b64(sectors.SALT) not in repr(config)
    assert str(sectors.SALT) not in repr(config)
