"""A type whose requests say when the consent ends: its grant, its tokens and the pages keep to it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from askit import Config
from fapikit.errors import ConfigurationError
from tests.askit.bank import FINTECH, Bank, settings
from tests.askit.decoupled.television import DEVICE_CODE, Television
from tests.askit.grant_management.managing import at_grant, granted, held, manager, seen
from tests.askit.plain_client import ACCOUNTS, PlainClient, read_callback

pytestmark = pytest.mark.anyio

HOUR, DAY = 3600, 86_400
STARTED = 1_800_000_000
"""The clock's time, which is 2027-01-15T08:00:00Z. A grant lasts until 2027-04-15T08:00:00Z at most."""
TYPE: dict[str, Any] = {
    "type": "account_information",
    "resource": ACCOUNTS,
    "end_member": "valid_until",
    "schema": {"required": ["account"]},
}


def a_bank(**more: Any) -> Bank:
    clients = settings()["clients"]
    clients[0] = {**FINTECH, "grant_types": [*FINTECH["grant_types"], DEVICE_CODE]}
    return Bank(authorization_details_types=[{**TYPE, **more}], clients=clients)


@pytest.fixture
def bank() -> Bank:
    return a_bank()


def details(**ends: Any) -> str:
    """One detail for each account, with its end; None: without one."""
    return json.dumps(
        [
            {"type": TYPE["type"], "account": account, **({} if end is None else {"valid_until": end})}
            for account, end in ends.items()
        ]
    )


def accounts_of(members: dict[str, Any]) -> list[str]:
    return [detail["account"] for detail in members.get("authorization_details", [])]


REFUSED: list[tuple[Any, str]] = [
    *(
        (end, "valid_until must be a date, or a time with its zone")
        for end in (
            "tomorrow",
            "",
            "2027-02-30",
            "2027-02-01T00:00:00",
            "2027-W06-1",
            1_900_000_000,
            True,
            [],
            {},
        )
    ),
    *(
        (end, "valid_until is over")
        for end in (
            "2027-01-14",
            "2027-01-15T08:00:00Z",
            "2027-01-15T09:30:00+01:30",
            "0001-01-01T00:00:00+23:59",
        )
    ),
    *(
        (end, "valid_until is too late: this grant lasts until 2027-04-15T08:00:00Z at most")
        for end in ("2027-04-15", "2027-04-15T08:00:01Z", "9999-12-31T00:00:00Z", "9999-12-31")
    ),
]


@pytest.mark.spec("RFC 9396 5")
@pytest.mark.parametrize(("end", "told"), REFUSED)
async def test_an_end_that_cannot_be_is_refused_before_a_user_is_asked(
    client: PlainClient, end: Any, told: str
) -> None:
    answer = await client.push(
        client.request(authorization_details=details(current="2027-02-01", savings=end))
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_authorization_details")
    assert f"type account_information: {told}" in answer.json()["error_description"]


async def test_a_device_and_a_client_of_its_own_are_refused_alike(bank: Bank, client: PlainClient) -> None:
    asked = {"scope": "accounts", "authorization_details": details(current="2027-01-14")}
    device = await Television(http=bank.browser(), clock=bank.clock).start(**asked)
    own = await client.token({"grant_type": "client_credentials", **asked})
    for answer in (device, own):
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_authorization_details")
        assert "valid_until is over" in answer.json()["error_description"]


@pytest.mark.parametrize("end", ["2027-01-15T08:02:00Z", "2027-01-15T17:02:00.5+09:00"])
async def test_a_grant_and_its_tokens_end_with_the_consent(bank: Bank, client: PlainClient, end: str) -> None:
    page = await client.authorize(await client.pushed(authorization_details=details(current=end)))
    page = await client.submit(page, username="alice", password="wonderland")
    assert 'lasts until <time datetime="2027-01-15">' in page.text
    assert "<dt>Valid until</dt><dd>2027-01-15 08:02 UTC</dd>" in page.text
    tokens = await granted(client, "create", authorization_details=details(current=end))
    assert tokens["expires_in"] == 120
    assert (await held(client, tokens["grant_id"]))["expires_at"] == STARTED + 120
    bank.clock.advance(119)
    assert accounts_of(await seen(bank, tokens["access_token"])) == ["current"]
    bank.clock.advance(2)
    assert await seen(bank, tokens["access_token"]) == {"active": False}
    assert (await client.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await at_grant(client, "GET", tokens["grant_id"], await manager(client))).status_code == 404
    assert tokens["grant_id"] not in (await client.http.get("/grants")).text


async def test_a_consent_until_a_date_is_shown_with_that_day(client: PlainClient) -> None:
    """It ends at the midnight after it, which is another day."""
    page = await client.authorize(
        await client.pushed(
            grant_management_action="create", authorization_details=details(current="2027-01-16")
        )
    )
    page = await client.submit(page, username="alice", password="wonderland")
    await client.submit(page, decision="approve")
    for shown in (page, await client.http.get("/grants")):
        assert '<time datetime="2027-01-16">' in shown.text
        assert "2027-01-17" not in shown.text


async def test_of_two_details_each_ends_by_itself(bank: Bank, client: PlainClient) -> None:
    tokens = await granted(
        client,
        "create",
        authorization_details=details(current="2027-01-15", savings="2027-01-15T08:01:00Z"),
    )
    page = (await client.http.get("/grants")).text
    for end in ("2027-01-15", "2027-01-15 08:01 UTC"):
        assert f"<dt>Valid until</dt><dd>{end}</dd>" in page
    assert tokens["expires_in"] == 60  # no token outlives a detail that it holds
    bank.clock.advance(61)
    assert await seen(bank, tokens["access_token"]) == {"active": False}
    refreshed = (await client.refresh(tokens["refresh_token"])).json()
    assert (accounts_of(refreshed), refreshed["expires_in"]) == (["current"], 300)
    assert accounts_of(await held(client, tokens["grant_id"])) == ["current"]
    page = (await client.http.get("/grants")).text
    assert ("<dd>current</dd>" in page, "<dd>savings</dd>" in page) == (True, False)
    narrowed = await client.refresh(
        tokens["refresh_token"], authorization_details=json.dumps([{"account": "savings"}])
    )
    assert narrowed.json()["error"] == "invalid_authorization_details"
    bank.clock.advance(16 * HOUR)  # a date ends with its day, in UTC
    assert (await client.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"


async def test_what_has_no_end_lasts_as_long_as_its_grant(bank: Bank, client: PlainClient) -> None:
    tokens = await granted(
        client, "create", authorization_details=details(current=None, savings="2027-01-15T08:01:00Z")
    )
    assert (await held(client, tokens["grant_id"]))["expires_at"] == STARTED + 90 * DAY
    bank.clock.advance(61)
    assert accounts_of((await client.refresh(tokens["refresh_token"])).json()) == ["current"]


async def test_a_merge_adds_what_ends_with_the_grant_at_the_latest(bank: Bank, client: PlainClient) -> None:
    first = await granted(client, "create", authorization_details=details(current="2027-01-15T08:02:00Z"))
    change = {"grant_management_action": "merge", "grant_id": first["grant_id"]}
    late = client.request(authorization_details=details(savings="2027-01-15T08:02:01Z"), **change)
    answer = await client.push(late)
    assert answer.json()["error"] == "invalid_authorization_details"
    assert "this grant lasts until 2027-01-15T08:02:00Z at most" in answer.json()["error_description"]
    merged = await granted(
        client, "merge", first["grant_id"], authorization_details=details(savings="2027-01-15T08:01:00Z")
    )
    assert accounts_of(merged) == ["current", "savings"]
    assert (await held(client, first["grant_id"]))["expires_at"] == STARTED + 120
    bank.clock.advance(61)
    again = await granted(
        client, "merge", first["grant_id"], authorization_details=details(savings="2027-01-15T08:02:00Z")
    )
    assert again["authorization_details"] == json.loads(
        details(current="2027-01-15T08:02:00Z", savings="2027-01-15T08:02:00Z")
    )


async def test_an_end_that_passes_while_the_page_is_open_grants_nothing(
    bank: Bank, client: PlainClient
) -> None:
    uri = await client.pushed(authorization_details=details(current="2027-01-15T08:00:30Z"))
    page = await client.submit(await client.authorize(uri), username="alice", password="wonderland")
    bank.clock.advance(30)
    callback = read_callback(await client.submit(page, decision="approve"))
    assert (callback["error"], "code" in callback) == ("invalid_authorization_details", False)
    assert "valid_until is over" in callback["error_description"]
    assert 'name="grant_id"' not in (await client.http.get("/grants")).text


@pytest.mark.spec("RFC 9396 7.1")
async def test_a_consent_that_is_used_once_is_remembered_until_its_own_end() -> None:
    client = a_bank(single_use=True).client()
    tokens = await client.tokens(authorization_details=details(current="2027-01-15T08:02:00Z", savings=None))
    ends = [detail["consent_expires_at"] for detail in tokens["authorization_details"]]
    assert ends == [STARTED + 120, STARTED + 90 * DAY]


async def test_a_token_of_no_user_ends_with_its_details_too(bank: Bank, client: PlainClient) -> None:
    asked = details(current="2027-01-15T08:01:00Z", savings="2030-01-01")
    form = {"grant_type": "client_credentials", "resource": ACCOUNTS, "authorization_details": asked}
    answer = (await client.token({**form, "scope": "accounts"})).json()
    assert answer["expires_in"] == 60
    bank.clock.advance(60)
    assert await seen(bank, answer["access_token"]) == {"active": False}


@pytest.mark.parametrize("member", ["", "type", "consent_id", "consent_expires_at"])
def test_an_end_needs_a_member_of_the_types_own(member: str) -> None:
    types = [{**TYPE, "end_member": member}]
    with pytest.raises(ConfigurationError, match=r"end_member = .* must be a member of the type's own"):
        Config.from_mapping(settings(authorization_details_types=types))


def test_a_lodged_type_has_an_end_of_its_own() -> None:
    lodged = {"shape": "berlin-group-consent", "scope": "accounts"}
    types = [{**TYPE, "lodged": lodged}]
    with pytest.raises(ConfigurationError, match="end_member is for requests, and a lodged type"):
        Config.from_mapping(settings(authorization_details_types=types))
