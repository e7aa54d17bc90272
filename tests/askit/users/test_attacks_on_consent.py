"""What an attacker tries with a user's consent: to get it unseen, from another user, or at an old session."""

from __future__ import annotations

from html import unescape
from typing import Any

import httpx
import pytest

from askit.pages.catalogues import Catalogue
from askit.pages.words import describe_detail
from tests.askit.bank import Bank
from tests.askit.plain_client import PAYMENTS, PlainClient, read_callback

pytestmark = pytest.mark.anyio


# Signing in again, where the client demands it


@pytest.mark.spec("OIDC 3.1.2.3", "RFC 9470 5")
@pytest.mark.parametrize("changes", [{"prompt": "login"}, {"max_age": "60"}])
async def test_the_form_of_the_login_page_does_not_approve(
    bank: Bank, client: PlainClient, changes: dict[str, str]
) -> None:
    """At an unattended browser: the hidden fields of the login page, sent to the consent form's address."""
    await client.decide(await client.pushed())
    bank.clock.advance(120)
    page = await client.authorize(await client.pushed(**changes))
    assert 'name="password"' in page.text
    forged = httpx.Response(200, text=page.text.replace('action="/login"', 'action="/decision"'))
    answer = await client.submit(forged, decision="approve")
    assert answer.status_code == 200
    assert 'name="password"' in answer.text


@pytest.mark.spec("OIDC 3.1.2.1")
async def test_max_age_0_always_asks_to_sign_in(client: PlainClient) -> None:
    await client.decide(await client.pushed())
    assert 'name="password"' in (await client.authorize(await client.pushed(max_age="0"))).text


# The user's own claims


EMAIL = {"userinfo": {"email": None}}


@pytest.mark.spec("FAPI2-SP 5.3.2.2-13", "OIDC 3.1.2.4")
@pytest.mark.parametrize("place", ["userinfo", "id_token"])
async def test_a_claim_asked_for_by_name_is_shown_before_it_is_given(client: PlainClient, place: str) -> None:
    login = await client.authorize(await client.pushed(scope="openid", claims={place: {"email": None}}))
    consent = await client.submit(login, username="alice", password="wonderland")
    assert "See your e-mail address<" in consent.text
    await client.submit(consent, decision="approve")
    assert "See your e-mail address<" in (await client.http.get("/grants")).text


async def test_a_claim_that_nobody_has_writes_nothing_on_the_page(client: PlainClient) -> None:
    login = await client.authorize(await client.pushed(claims={"userinfo": {"friends, so approve": None}}))
    consent = await client.submit(login, username="alice", password="wonderland")
    assert "approve" not in consent.text.split("<main>")[1].split("<form")[0]


@pytest.mark.spec("OIDC 3.1.2.6")
async def test_prompt_none_gives_no_claim_that_was_not_agreed_to(client: PlainClient) -> None:
    await client.decide(await client.pushed(scope="openid"))
    silent = await client.authorize(await client.pushed(scope="openid", prompt="none", claims=EMAIL))
    assert read_callback(silent)["error"] == "consent_required"
    await client.decide(await client.pushed(scope="openid", claims=EMAIL))
    silent = await client.authorize(await client.pushed(scope="openid", prompt="none", claims=EMAIL))
    assert "code" in read_callback(silent)


@pytest.mark.spec("RFC 6749 6", "OIDC 5.4")
async def test_a_token_of_less_scope_shows_less_at_userinfo(client: PlainClient) -> None:
    tokens = await client.tokens(scope="openid email accounts")
    assert (await client.userinfo(tokens["access_token"])).json()["email"] == "alice@example.test"
    narrow = (await client.refresh(tokens["refresh_token"], scope="openid")).json()
    assert (await client.userinfo(narrow["access_token"])).json() == {"sub": "user-alice"}


# Another user than the one who was meant


@pytest.mark.spec("OIDC 3.1.2.2")
@pytest.mark.parametrize("prompt", [None, "none"])
async def test_another_user_than_the_one_asked_for_is_not_signed_in(
    client: PlainClient, prompt: str | None
) -> None:
    await client.decide(await client.pushed())
    meant = {"id_token": {"sub": {"value": "bob"}}}
    page = await client.authorize(await client.pushed(claims=meant, prompt=prompt))
    if prompt is None:
        assert 'name="password"' in page.text
        page = await client.submit(page, username="alice", password="wonderland")
    assert read_callback(page)["error"] == "login_required"


@pytest.mark.spec("OIDC 3.1.2.2")
async def test_an_id_token_hint_names_the_user(bank: Bank, client: PlainClient) -> None:
    hint = (await client.tokens())["id_token"]
    bank.clock.advance(3000)  # it has expired, and still says who is meant
    same = await client.authorize(await client.pushed(id_token_hint=hint, prompt="none"))
    assert "code" in read_callback(same)
    other = bank.client()
    await other.decide(await other.pushed(), username="bob", password="builder")
    silent = await other.authorize(await other.pushed(id_token_hint=hint, prompt="none"))
    assert read_callback(silent)["error"] == "login_required"


@pytest.mark.spec("OIDC 3.1.2.2")
async def test_an_id_token_hint_that_this_server_did_not_make_is_refused(
    bank: Bank, client: PlainClient
) -> None:
    tokens = await client.tokens()
    head, body, _ = tokens["id_token"].split(".")
    for hint in ("x", f"{head}.{body}.AAAA", tokens["access_token"]):
        response = await client.push(client.request(id_token_hint=hint))
        assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    other = bank.client("other")
    response = await other.push(other.request(id_token_hint=tokens["id_token"]))
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


# What the consent page shows is what is consented


OPEN = {"authorization_details_types": [{"type": "open", "resource": PAYMENTS}]}


async def _consent_text(detail: dict[str, Any]) -> str:
    client = Bank(**OPEN).client()
    page = await client.authorize(await client.pushed(authorization_details=[detail]))
    return unescape((await client.submit(page, username="alice", password="wonderland")).text)


@pytest.mark.spec("RFC 9396 12")
async def test_no_field_hides_behind_another_of_the_same_meaning() -> None:
    text = await _consent_text(
        {
            "type": "open",
            "creditorName": "Charity",
            "beneficiary": "Mallory",
            "instructedAmount": {"amount": "1.00", "currency": "EUR"},
            "amount": "9000.00",
            "currency": "USD",
            "creditorAccount": {"iban": "DE-CHARITY"},
            "payeeAccount": {"iban": "DE-MALLORY"},
        }
    )
    for words in ("Charity", "Mallory", "1.00 EUR", "9000.00", "USD", "DE-CHARITY", "DE-MALLORY"):
        assert words in text


@pytest.mark.spec("RFC 9396 12")
async def test_no_field_hides_behind_a_long_one() -> None:
    long = {"memo": "x" * 600, "iban": "DE-MALLORY"}
    text = await _consent_text({"type": "open", "creditorName": "Charity", "creditorAccount": long})
    assert "DE-MALLORY" in text


def test_the_name_of_a_field_is_shown_where_it_says_something() -> None:
    shown = describe_detail({"type": "open", "limits": {"perDay": "5"}}, None, None, Catalogue("en"))
    assert "Per day: 5" in dict(shown.lines)["Limits"]


# The session, from another site


@pytest.mark.spec("RFC 9700 4.7", "OIDC 3.1.2.1")
async def test_a_post_from_another_site_does_not_replace_the_session(client: PlainClient) -> None:
    """SameSite=Lax keeps the cookie back there: what looks like a new browser may be one that is signed in."""
    await client.decide(await client.pushed())
    form = {"client_id": client.client_id, "request_uri": await client.pushed()}
    held = dict(client.http.cookies)
    client.http.cookies.clear()
    response = await client.post("/authorize", form)
    assert response.status_code == 303
    assert "set-cookie" not in response.headers
    client.http.cookies.update(held)
    assert 'name="decision"' in (await client.follow(response)).text


async def test_a_head_request_decides_nothing(client: PlainClient) -> None:
    """A preview that has the cookie, of a request that would need no page."""
    await client.decide(await client.pushed())
    query = {"client_id": client.client_id, "request_uri": await client.pushed(prompt="none")}
    assert (await client.http.head("/authorize", params=query)).status_code == 405
    assert (await client.http.head("/interaction", params=query)).status_code == 405
    assert "code" in read_callback(await client.http.get("/authorize", params=query))
