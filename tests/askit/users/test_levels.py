"""Two levels of sign-in: what a request needs, what a session reached, and what an attacker tries between them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from askit import Config
from askit.records import Session
from fapikit.errors import ConfigurationError
from tests.askit.bank import Bank, settings
from tests.askit.plain_client import PlainClient, read_callback
from tests.keys import claims_of

pytestmark = pytest.mark.anyio

LOW, HIGH = "urn:bank:password", "urn:bank:pin"
ALICE: dict[str, Any] = {"username": "alice", "password": "wonderland", "pin": "1865"}
BOB: dict[str, Any] = {"username": "bob", "password": "builder"}


def essential(**member: Any) -> dict[str, Any]:
    return {"claims": {"id_token": {"acr": {"essential": True, **member}}}}


NEEDS_PIN: dict[str, dict[str, Any]] = {
    "acr_values": {"acr_values": HIGH},
    "the better first": {"acr_values": f"{HIGH} {LOW}"},
    "an unknown one before it": {"acr_values": f"urn:x {HIGH}"},
    "an essential claim": essential(value=HIGH),
    "an essential claim of several": essential(values=[HIGH, LOW]),
    "an essential claim against acr_values": {"acr_values": LOW, **essential(value=HIGH)},
    "the order of acr_values among the essential": {"acr_values": HIGH, **essential(values=[LOW, HIGH])},
}
NEEDS_NO_PIN: dict[str, dict[str, Any]] = {
    "nothing asked for": {},
    "the lower": {"acr_values": LOW},
    "the lower first": {"acr_values": f"{LOW} {HIGH}"},
    "any": essential(),
}


@pytest.fixture
def bank() -> Bank:
    return Bank(acr=[LOW, HIGH], users=[ALICE, BOB])


async def signed_in(client: PlainClient, user: dict[str, Any] = ALICE, **changes: Any) -> httpx.Response:
    """The page after the password, or the answer to the client."""
    page = await client.follow(await client.authorize(await client.pushed(**changes)))
    if 'name="password"' not in page.text:
        return page
    return await client.submit(page, username=user["username"], password=user["password"])


async def level_of(client: PlainClient, consent: httpx.Response) -> str:
    """The `acr` of the ID token, the access token and the introspection, which agree."""
    callback = read_callback(await client.submit(consent, decision="approve"))
    tokens = (await client.redeem(callback["code"])).json()
    acr = claims_of(tokens["id_token"])["acr"]
    assert claims_of(tokens["access_token"])["acr"] == acr
    return str(acr)


@pytest.mark.conformance("fapi2-op", "test-essential-acr-sca-claim")
@pytest.mark.spec("RFC 9470 5", "OIDC 5.5.1.1")
@pytest.mark.parametrize("changes", NEEDS_PIN.values(), ids=NEEDS_PIN)
async def test_the_pin_is_asked_for_where_the_request_needs_it(client: PlainClient, changes: Any) -> None:
    page = await signed_in(client, **changes)
    assert 'name="pin"' in page.text
    assert 'name="decision"' not in page.text
    consent = await client.submit(page, pin="1865")
    assert await level_of(client, consent) == HIGH


@pytest.mark.parametrize("changes", NEEDS_NO_PIN.values(), ids=NEEDS_NO_PIN)
async def test_the_pin_is_not_asked_for_elsewhere(client: PlainClient, changes: Any) -> None:
    assert await level_of(client, await signed_in(client, **changes)) == LOW


async def test_a_session_goes_up_and_stays_there(client: PlainClient) -> None:
    assert await level_of(client, await signed_in(client)) == LOW
    page = await client.authorize(await client.pushed(acr_values=HIGH))
    assert 'name="password"' not in page.text
    assert await level_of(client, await client.submit(page, pin="1865")) == HIGH
    again = await client.authorize(await client.pushed(acr_values=HIGH))
    assert await level_of(client, again) == HIGH
    lower = await client.authorize(await client.pushed(acr_values=LOW))
    assert await level_of(client, lower) == LOW  # the client checks that it got what it asked for


async def test_introspection_says_the_level(bank: Bank, client: PlainClient) -> None:
    consent = await client.submit(await signed_in(client, acr_values=HIGH), pin="1865")
    code = read_callback(await client.submit(consent, decision="approve"))["code"]
    token = (await client.redeem(code)).json()["access_token"]
    assert (await bank.client("accounts-api").introspect(token)).json()["acr"] == HIGH


async def test_a_wrong_pin_is_told_and_counts(client: PlainClient) -> None:
    page = await signed_in(client, acr_values=HIGH)
    for _ in range(5):
        page = await client.submit(page, pin="0000")
        assert page.status_code == 401
        assert "The PIN is wrong" in page.text
    assert (await client.submit(page, pin="1865")).status_code == 429


async def test_a_right_password_gives_no_guess_at_the_pin_back(bank: Bank) -> None:
    for number in range(6):
        client = bank.client()
        page = await client.submit(await signed_in(client, acr_values=HIGH), pin="0000")
        assert page.status_code == (401 if number < 5 else 429)


@pytest.mark.parametrize("target", ["step_up", "decision"])
async def test_the_form_of_the_login_page_does_not_lead_past_the_password(
    client: PlainClient, target: str
) -> None:
    page = await client.authorize(await client.pushed(acr_values=HIGH))
    forged = httpx.Response(200, text=page.text.replace('action="/login"', f'action="/{target}"'))
    answer = await client.submit(forged, pin="1865", decision="approve")
    assert 'name="password"' in answer.text


async def test_the_form_of_the_pin_page_does_not_approve(client: PlainClient) -> None:
    page = await signed_in(client, acr_values=HIGH)
    forged = httpx.Response(200, text=page.text.replace('action="/step_up"', 'action="/decision"'))
    assert 'name="pin"' in (await client.submit(forged, decision="approve")).text


async def test_a_form_of_another_browser_raises_nothing(bank: Bank, client: PlainClient) -> None:
    page = await signed_in(client, acr_values=HIGH)
    assert (await bank.client().submit(page, pin="1865")).status_code == 403


async def test_a_pin_sent_twice_goes_on(client: PlainClient) -> None:
    page = await signed_in(client, acr_values=HIGH)
    await client.submit(page, pin="1865")
    assert 'name="decision"' in (await client.submit(page, pin="1865")).text


@pytest.mark.spec("OIDC 3.1.2.1")
async def test_prompt_none_asks_for_no_pin(client: PlainClient) -> None:
    await level_of(client, await signed_in(client))
    refused = read_callback(await client.authorize(await client.pushed(acr_values=HIGH, prompt="none")))
    assert refused["error"] == "login_required"


async def test_who_has_no_pin_reaches_the_lower_level_alone(client: PlainClient) -> None:
    refused = read_callback(await signed_in(client, BOB, acr_values=HIGH))
    assert refused["error"] == "unmet_authentication_requirements"
    assert await level_of(client, await signed_in(client, BOB, acr_values=f"{HIGH} {LOW}")) == LOW


async def test_a_level_that_nobody_reaches_is_refused_before_a_password_is_asked_for() -> None:
    client = Bank(acr=[LOW, HIGH], users=[BOB]).client()
    refused = read_callback(await client.authorize(await client.pushed(acr_values=HIGH)))
    assert refused["error"] == "unmet_authentication_requirements"
    assert (await client.http.get("/.well-known/openid-configuration")).json()["acr_values_supported"] == [
        LOW
    ]


@pytest.mark.spec("OIDC Discovery 3")
async def test_metadata_lists_the_levels(client: PlainClient) -> None:
    document = (await client.http.get("/.well-known/openid-configuration")).json()
    assert document["acr_values_supported"] == [LOW, HIGH]


async def test_an_automatic_approval_reaches_what_its_user_could() -> None:
    client = Bank(acr=[LOW, HIGH], users=[ALICE, BOB], auto_approve="alice").client()
    assert claims_of((await client.tokens(acr_values=HIGH))["id_token"])["acr"] == HIGH
    client = Bank(acr=[LOW, HIGH], users=[ALICE, BOB], auto_approve="bob").client()
    refused = read_callback(await client.authorize(await client.pushed(acr_values=HIGH)))
    assert refused["error"] == "unmet_authentication_requirements"


async def test_a_session_at_a_level_that_is_no_more_signs_in_again(bank: Bank, client: PlainClient) -> None:
    await signed_in(client)
    ((name, cookie),) = client.http.cookies.items()
    assert name.startswith("__Host-")
    records = bank.server.core.records
    session = await records.load("session", cookie, Session)
    assert session is not None
    await records.save("session", cookie, replace(session, acr="urn:bank:old"), 60)
    assert 'name="password"' in (await client.authorize(await client.pushed())).text


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"acr": [LOW, HIGH, "urn:bank:card"]}, "one level, or two"),
        ({"acr": [LOW, LOW]}, "one level, or two"),
        ({"acr": f"{LOW} {HIGH}"}, "without spaces"),
        ({"acr": LOW}, "the pin of 'alice' has no level to reach"),
        ({"acr": [LOW, HIGH], "users": [{**ALICE, "pin": ""}]}, "pin is empty"),
    ],
)
async def test_levels_that_cannot_be(changes: Any, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        Config.from_mapping(settings(**{"users": [ALICE], **changes}))


async def test_a_pin_is_in_no_repr(bank: Bank) -> None:
    assert "1865" not in repr(bank.config)
