"""What people meet: login, consent, the list of what they granted, and what keeps others out."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from base64 import b64encode
from html import unescape
from pathlib import Path

import httpx
import pytest

import askit.pages
from askit.users import grants as user_grants
from tests.askit.bank import Bank
from tests.askit.plain_client import CALLBACK, ISSUER, PAYMENT, PAYMENTS, PlainClient, read_callback
from tests.keys import claims_of

pytestmark = pytest.mark.anyio

STYLE = Path(askit.pages.__file__).with_name("style.css")


async def _login_page(client: PlainClient, **changes: object) -> httpx.Response:
    return await client.authorize(await client.pushed(**changes))


async def _consent_page(client: PlainClient, **changes: object) -> httpx.Response:
    return await client.submit(await _login_page(client, **changes), username="alice", password="wonderland")


@pytest.mark.spec("FAPI2-SP 5.2.3-1", "RFC 9700 4.16", "RFC 9700 4.2.4")
@pytest.mark.spec("FAPI2-SP 5.2.3-3")
async def test_every_page_carries_the_headers_that_protect_it(client: PlainClient) -> None:
    pages = [await _login_page(client), await client.http.get("/authorize"), await client.http.get("/grants")]
    pages.append(await _consent_page(client))
    for page in pages:
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script-src" not in policy
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["strict-transport-security"].startswith("max-age=")
        assert page.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in page.headers
        assert "<script" not in page.text


async def test_form_action_lets_the_redirect_reach_this_client_and_no_other(client: PlainClient) -> None:
    policy = (await _consent_page(client)).headers["content-security-policy"]
    assert "form-action 'self' https://fintech.example.test" in policy


async def test_a_form_post_page_runs_the_one_script_its_policy_names(client: PlainClient) -> None:
    page = await client.decide(await client.pushed(response_mode="form_post"))
    script = re.search(r"<script>(.*?)</script>", page.text)
    assert script
    allowed = b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{allowed}'" in page.headers["content-security-policy"]
    assert "<button" in page.text  # without JavaScript


async def test_the_cookie_is_host_bound_and_unreadable(client: PlainClient) -> None:
    cookie = (await _login_page(client)).headers["set-cookie"]
    assert cookie.startswith("__Host-askit-")
    for attribute in ("Secure", "HttpOnly", "Path=/", "SameSite=lax"):
        assert attribute in cookie
    assert "Domain" not in cookie


async def test_pages_name_their_language_label_their_fields_and_head_their_content(
    client: PlainClient,
) -> None:
    login, consent = await _login_page(client), await _consent_page(client)
    for page in (login, consent):
        assert '<html lang="en">' in page.text
        assert page.text.count("<h1>") == 1
        assert "<main>" in page.text
        for field in re.findall(r'<input id="([^"]+)"', page.text):
            assert f'<label for="{field}">' in page.text


@pytest.mark.spec("FAPI2-SP 5.3.2.2-13", "RFC 9396 3.1")
async def test_consent_says_who_asks_for_whom_and_for_what(client: PlainClient) -> None:
    text = (await _consent_page(client, scope="openid accounts", authorization_details=[PAYMENT])).text
    for words in (
        "Fintech One",
        "Alice",
        "https://fintech.example.test",
        "123.50 EUR",
        "to Merchant A",
        "DE02100100109307118603",
        "Confirm who you are",
        "See your accounts and balances",
    ):
        assert words in text


@pytest.mark.spec("RFC 9396 12")
async def test_what_a_client_wrote_is_shown_as_text(client: PlainClient) -> None:
    payee = "<script>alert(1)</script>\u202egnihtemos\u0007"
    text = (await _consent_page(client, authorization_details=[{**PAYMENT, "creditorName": payee}])).text
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "\u202e" not in text
    assert "\u0007" not in text


async def test_every_field_of_a_payment_is_shown() -> None:
    bank = Bank(authorization_details_types=[{"type": "payment_initiation", "resource": PAYMENTS}])
    detail = {
        "type": "payment_initiation",
        "amount": "7.00",
        "currency": "CHF",
        "payee": "Ada",
        "recurringDay": 15,
        "flags": {"urgent": True, "notes": ["one", "two"]},
    }
    text = (await _consent_page(bank.client(), authorization_details=[detail])).text
    for words in ("7.00 CHF", "to Ada", "Recurring day", "15", "Urgent: yes", "one, two"):
        assert words in text


async def test_a_wrong_password_says_so_and_keeps_the_request(client: PlainClient) -> None:
    again = await client.submit(await _login_page(client), username="alice", password="wrong")
    assert again.status_code == 401
    assert 'role="alert"' in again.text
    assert 'value="alice"' in again.text
    consent = await client.submit(again, username="alice", password="wonderland")
    assert "code" in read_callback(await client.submit(consent, decision="approve"))


@pytest.mark.spec("RFC 9700 4.7")
async def test_a_form_of_another_browser_is_refused(bank: Bank, client: PlainClient) -> None:
    page = await _login_page(client)
    stranger = bank.client()
    refused = await stranger.submit(page, username="alice", password="wonderland")
    assert refused.status_code == 403
    consent = await client.submit(page, username="alice", password="wonderland")
    await _consent_page(stranger)
    assert (await stranger.submit(consent, decision="approve")).status_code == 403


async def test_a_form_token_serves_its_own_request_only(client: PlainClient) -> None:
    first, second = await _consent_page(client), await _login_page(client)
    token = re.search(r'name="csrf" value="([^"]+)"', second.text)
    assert token
    assert (await client.submit(first, decision="approve", csrf=token[1])).status_code == 403


async def test_the_cookie_changes_at_sign_in(client: PlainClient) -> None:
    before = (await _login_page(client)).headers["set-cookie"].split(";")[0]
    await _consent_page(client)
    name, value = next(iter(client.http.cookies.items()))
    assert before.startswith(f"{name}=")
    assert before != f"{name}={value}"


async def test_two_issuers_on_one_host_leave_each_other_signed_in(bank: Bank) -> None:
    """A cookie is sent to every port of a host and, under `__Host-`, to every path: one name would serve them all."""
    other = Bank(issuer=f"{ISSUER}/other")
    here = bank.client()
    page = await here.http.get("/grants")
    assert "What you granted" in (await here.submit(page, username="alice", password="wonderland")).text
    there = other.client()
    there.http.cookies = here.http.cookies
    page = await there.http.get("/other/grants")
    assert "Sign in" in page.text
    assert "What you granted" in (await there.submit(page, username="bob", password="builder")).text
    here.http.cookies = there.http.cookies
    assert "Alice" in (await here.http.get("/grants")).text


@pytest.mark.spec("FAPI2-SP 5.3.2.2 N3")
async def test_of_two_decisions_on_one_page_one_counts(client: PlainClient) -> None:
    consent = await _consent_page(client)
    assert "code" in read_callback(await client.submit(consent, decision="approve"))
    again = await client.submit(consent, decision="approve")
    assert again.status_code == 400
    assert "answered before" in again.text


@pytest.mark.spec("FAPI2-SP 5.3.2.2-10", "FAPI2-SP 5.3.2.2-11")
@pytest.mark.spec("RFC 9700 4.12")
async def test_forms_are_answered_by_303(client: PlainClient) -> None:
    page = await _login_page(client)
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
    answer = await client.post("/login", {**hidden, "username": "alice", "password": "wonderland"})
    assert answer.status_code == 303


async def test_who_is_not_the_one_signed_in_signs_in_for_the_same_request(client: PlainClient) -> None:
    consent = await _consent_page(client)
    assert "Not Alice?" in consent.text
    login = await client.submit(consent, decision="switch")
    assert 'name="password"' in login.text
    assert 'name="password"' in (await client.http.get("/grants")).text
    as_bob = await client.submit(login, username="bob", password="builder")
    assert "bob" in as_bob.text
    code = read_callback(await client.submit(as_bob, decision="approve"))["code"]
    assert claims_of((await client.redeem(code)).json()["id_token"])["sub"] == "bob"


async def test_the_authorization_endpoint_takes_a_post(client: PlainClient) -> None:
    form = {"client_id": client.client_id, "request_uri": await client.pushed()}
    login = await client.follow(await client.post("/authorize", form))
    consent = await client.submit(login, username="alice", password="wonderland")
    assert "code" in read_callback(await client.submit(consent, decision="approve"))


# prompt, max_age, login_hint, acr_values


async def test_a_session_is_used_again_and_prompt_login_asks_anew(client: PlainClient) -> None:
    await client.decide(await client.pushed())
    assert 'name="decision"' in (await _login_page(client)).text
    page = await _login_page(client, prompt="login")
    assert 'name="password"' in page.text
    consent = await client.submit(page, username="alice", password="wonderland")
    assert "code" in read_callback(await client.submit(consent, decision="approve"))


async def test_max_age_asks_anew_when_the_login_is_too_old(bank: Bank, client: PlainClient) -> None:
    await client.decide(await client.pushed())
    bank.clock.advance(100)
    assert 'name="decision"' in (await _login_page(client, max_age="100")).text
    assert 'name="password"' in (await _login_page(client, max_age="99")).text
    tokens = await client.tokens(max_age="0")
    assert claims_of(tokens["id_token"])["auth_time"] == int(bank.clock())


async def test_a_login_that_lies_ahead_satisfies_no_max_age(bank: Bank, client: PlainClient) -> None:
    """Made by a process whose clock is wrong, or before this one's was set back."""
    await client.decide(await client.pushed())
    bank.clock.advance(-30)
    assert 'name="decision"' in (await _login_page(client, max_age="100")).text
    bank.clock.advance(-1)
    assert 'name="password"' in (await _login_page(client, max_age="100")).text


async def test_prompt_none_never_shows_a_page(client: PlainClient) -> None:
    nobody = read_callback(await _login_page(client, prompt="none"))
    assert (nobody["error"], nobody["iss"]) == ("login_required", ISSUER)
    await client.decide(await client.pushed(scope="openid"))
    unasked = read_callback(await _login_page(client, prompt="none", scope="openid accounts"))
    assert unasked["error"] == "consent_required"
    assert "code" in read_callback(await _login_page(client, prompt="none", scope="openid"))
    payment = read_callback(
        await _login_page(client, prompt="none", scope="openid", authorization_details=[PAYMENT])
    )
    assert payment["error"] == "consent_required"


async def test_the_login_hint_fills_the_form(client: PlainClient) -> None:
    page = await _login_page(client, login_hint='al"ice')
    assert 'value="al&#34;ice"' in page.text


@pytest.mark.spec("RFC 9470 5")
async def test_an_acr_that_cannot_be_reached_is_refused(bank: Bank, client: PlainClient) -> None:
    assert "code" in read_callback(
        await client.decide(await client.pushed(acr_values=f"urn:x {bank.config.acr}"))
    )
    refused = read_callback(await _login_page(client, acr_values="urn:x"))
    assert refused["error"] == "unmet_authentication_requirements"
    essential = {"id_token": {"acr": {"essential": True, "value": "urn:x"}}}
    assert (
        read_callback(await _login_page(client, claims=essential))["error"]
        == "unmet_authentication_requirements"
    )


# What was granted


@pytest.mark.spec("FAPI1-BL 5.2.2-18")
async def test_the_user_sees_what_was_granted_to_whom_and_ends_it(bank: Bank, client: PlainClient) -> None:
    tokens = await client.tokens(scope="openid accounts", authorization_details=[PAYMENT], resource=None)
    page = await client.http.get("/grants")  # the flow signed this browser in
    for words in (
        "Fintech One",
        "See your accounts and balances",
        "123.50 EUR",
        "to Merchant A",
        "2027-01-15",
    ):
        assert words in page.text
    ended = await client.submit(page)
    assert "Nobody has access" in ended.text
    assert (await client.userinfo(tokens["access_token"])).status_code == 401
    assert (await client.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"
    prompted = read_callback(await _login_page(client, prompt="none"))
    assert prompted["error"] == "consent_required"


async def test_the_list_asks_to_sign_in_and_shows_only_ones_own(bank: Bank, client: PlainClient) -> None:
    await client.tokens()
    bob = bank.client()
    page = await bob.submit(await bob.http.get("/grants"), username="bob", password="builder")
    assert "Nobody has access" in page.text


async def test_nobody_ends_the_grant_of_another(bank: Bank, client: PlainClient) -> None:
    tokens = await client.tokens()
    grant_id = re.search(r'name="grant_id" value="([^"]+)"', (await client.http.get("/grants")).text)
    assert grant_id
    bob = bank.client()
    page = await bob.submit(await bob.http.get("/grants"), username="bob", password="builder")
    csrf = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert csrf
    await bob.post("/grants/end", {"csrf": csrf[1], "grant_id": grant_id[1]})
    assert (await client.userinfo(tokens["access_token"])).status_code == 200


async def test_a_grant_that_is_gone_is_ended_already(client: PlainClient) -> None:
    await client.tokens()
    page = await client.http.get("/grants")
    csrf = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert csrf
    for gone in ({"grant_id": "unknown"}, {}):
        assert (await client.post("/grants/end", {"csrf": csrf[1], **gone})).status_code == 303


async def test_signing_out_ends_the_session(client: PlainClient) -> None:
    await client.tokens()
    page = await client.http.get("/grants")
    csrf = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert csrf
    after = await client.follow(await client.post("/logout", {"csrf": csrf[1]}))
    assert "You have signed out" in after.text
    assert 'name="password"' in (await client.http.get("/grants")).text


async def test_a_session_ends_in_time(bank: Bank, client: PlainClient) -> None:
    await client.tokens()
    bank.clock.advance(bank.config.session_lifetime)
    assert 'name="password"' in (await client.http.get("/grants")).text


async def test_many_grants_are_listed_newest_first(client: PlainClient) -> None:
    for number in range(3):
        detail = {**PAYMENT, "creditorName": f"Payee {number}"}
        await client.decide(await client.pushed(authorization_details=[detail]))
    text = (await client.http.get("/grants")).text
    assert text.index("Payee 2") < text.index("Payee 1") < text.index("Payee 0")


@pytest.mark.spec("FAPI1-BL 5.2.2-18")
async def test_every_grant_is_on_some_page_and_is_ended_there(
    bank: Bank, client: PlainClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_grants, "SHOWN", 2)
    for number in range(5):
        detail = {**PAYMENT, "creditorName": f"Payee {number}"}
        await client.decide(await client.pushed(authorization_details=[detail]))
    pages = [await client.http.get("/grants")]
    while older := re.search(r'<a href="([^"]+)">Older', pages[-1].text):
        pages.append(await client.http.get(unescape(older[1])))
    assert [re.findall(r"Payee \d", page.text) for page in pages] == [
        ["Payee 4", "Payee 3"],
        ["Payee 2", "Payee 1"],
        ["Payee 0"],
    ]
    assert "Newest" not in pages[0].text
    again = await client.submit(pages[1])
    assert re.findall(r"Payee \d", again.text) == [
        "Payee 2",
        "Payee 0",
    ]  # a hidden field counts as last written
    last = await client.submit(pages[2])
    assert "Nobody has access" not in last.text
    assert '<a href="/grants">Newest' in last.text
    monkeypatch.setattr(user_grants, "_WALKED", 1)
    await bank.server.core.records.remove("grants-of", "alice")
    for _ in range(2):
        tokens = await client.tokens()
    await client.post("/revoke", {"token": tokens["refresh_token"], **client.authentication()})
    revoked = await client.http.get("/grants")
    assert "Nobody has access" not in revoked.text
    assert ">Older</a>" in revoked.text


async def test_a_page_that_starts_at_the_grant_of_another_shows_nothing_of_it(
    bank: Bank, client: PlainClient
) -> None:
    await client.tokens()
    grant_id = re.search(r'name="grant_id" value="([^"]+)"', (await client.http.get("/grants")).text)
    assert grant_id
    bob = bank.client()
    await bob.submit(await bob.http.get("/grants"), username="bob", password="builder")
    page = await bob.http.get("/grants", params={"from": grant_id[1]})
    assert (page.status_code, "Fintech One" in page.text) == (200, False)


# Nowhere safe to redirect to


@pytest.mark.spec("FAPI2-SP 5.3.2.1-7")
@pytest.mark.parametrize(
    "query",
    [
        "",
        "client_id=nobody&request_uri=urn:x",
        "client_id=fintech",
        "client_id=fintech&request_uri=urn:x",
        f"client_id=fintech&response_type=token&redirect_uri={CALLBACK}",
        "client_id=fintech&redirect_uri=https://evil.test/&response_type=code",
        "client_id=fintech&client_id=other&request_uri=urn:x",
        "client_id=fintech&request_uri=https://evil.test/request.jwt",
    ],
)
async def test_what_cannot_be_trusted_is_told_on_a_page(client: PlainClient, query: str) -> None:
    response = await client.http.get(f"/authorize?{query}")
    assert response.status_code == 400
    assert "location" not in response.headers
    assert "This did not work" in response.text


@pytest.mark.parametrize("signed_in_already", [False, True])
async def test_a_login_form_sent_twice_leads_on(client: PlainClient, signed_in_already: bool) -> None:
    page = await _login_page(client)
    if signed_in_already:
        await client.submit(page, username="alice", password="wonderland")
    consent = await client.submit(page, username="alice", password="wonderland")
    assert "Do you agree?" in consent.text
    assert "code" in read_callback(await client.submit(consent, decision="approve"))


@pytest.mark.parametrize("path", ["/login", "/decision", "/logout", "/grants/end"])
async def test_the_address_of_a_form_leads_to_the_page_of_what_was_granted(
    client: PlainClient, path: str
) -> None:
    response = await client.http.get(path)
    assert (response.status_code, response.headers["location"]) == (303, f"{ISSUER}/grants")


# What a page says of what was granted, and for how long


async def test_how_long_access_lasts_is_said_before_and_after(bank: Bank, client: PlainClient) -> None:
    consent = await _consent_page(client)
    until = dt.datetime.fromtimestamp(bank.clock() + bank.config.grant_lifetime, dt.UTC).date().isoformat()
    assert f'This access lasts until <time datetime="{until}">' in consent.text
    await client.submit(consent, decision="approve")
    assert f'ends on <time datetime="{until}">' in (await client.http.get("/grants")).text


async def test_a_single_payment_reads_like_one(client: PlainClient) -> None:
    single = (await _consent_page(client, scope=None, nonce=None, authorization_details=[PAYMENT])).text
    assert "approve what is named here, once" in single
    assert "lasts until" not in single
    assert "access to your account" not in single
    pushed = await client.pushed(scope="openid", authorization_details=[PAYMENT])
    both = (await client.authorize(pushed)).text
    assert "(once)" in both
    assert "lasts until" in both


async def test_an_iban_stands_in_fours_and_can_be_copied(client: PlainClient) -> None:
    text = (await _consent_page(client, authorization_details=[PAYMENT])).text
    assert '<data value="DE02100100109307118603">DE02 1001 0010 9307 1186 03</data>' in text


async def test_the_focus_is_on_what_was_wrong(client: PlainClient) -> None:
    again = await client.submit(await _login_page(client), username="alice", password="wrong")
    assert re.search(r'<p class="alert"[^>]* tabindex="-1" autofocus>', again.text)


async def test_no_text_that_a_client_chose_leaves_the_screen_of_a_phone() -> None:
    """A binding message, a payee or an amount without a space would hide its end beside the page."""
    style = STYLE.read_text()
    assert re.search(r"^body \{[^}]*overflow-wrap: break-word", style, re.MULTILINE)
    (anywhere,) = re.findall(r"^(.*) \{ overflow-wrap: anywhere; \}$", style, re.MULTILINE)
    assert set(anywhere.split(", ")) == {
        ".amount",
        ".payee",
        ".origin",
        "dt",
        "dd",
    }  # those in a flex box or a grid
    assert "max-content" not in style
