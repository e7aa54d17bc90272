"""Signing in through the pages that the web helpers mount, the same for both frameworks."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

import rpkit.flask
import rpkit.starlette
from fapikit import KeyRing, PrivateKeyJWT
from fapikit.errors import ConfigurationError
from fapikit.stores.sealed import Seal
from rpkit import Client, ClientKeys
from rpkit.web.browser_logins import COOKIE, MAX_LOGINS
from tests.keys import a_key, header_of
from tests.mothers.fake_bank import CLIENT_ID, REDIRECT_URI, FakeBank
from tests.mothers.fapi1 import ADVANCED
from tests.rpkit.web.sites import SITE, SITES, Browser, Site

MakeSite = Callable[..., tuple[Site, Browser]]


@pytest.fixture(params=SITES)
def make_site(request: pytest.FixtureRequest) -> MakeSite:
    return SITES[request.param]


def sign_in(browser: Browser, bank: FakeBank) -> Any:
    start = browser.post("/login")
    assert start.status == 303, start.text
    return browser.open("GET", bank.authorize(start.headers["location"]))


def test_login_and_callback(make_site: MakeSite, bank: FakeBank) -> None:
    site, browser = make_site(bank)
    page = sign_in(browser, bank)
    assert (page.status, page.text) == (200, "welcome")
    assert site.logins[0].id_token.subject == "alice"
    assert not browser.cookies
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"


@pytest.mark.conformance("oidc-rp", "session-management")
def test_no_page_has_a_frame_or_is_in_one(make_site: MakeSite, bank: FakeBank) -> None:
    """What a bank offers for watching its sessions from an iframe is passed over."""
    bank.faults["metadata"] = lambda members: {
        **members,
        "check_session_iframe": "https://bank.example/watch",
    }
    bank.faults["callback"] = lambda answer: {**answer, "session_state": "one.two"}
    site, browser = make_site(bank, {"initiate_path": "/initiate-login", "on_sign_out": lambda *_: None})
    for page in (
        browser.open("GET", f"/initiate-login?iss={bank.issuer}"),
        browser.open("GET", "/callback?error=invalid_scope"),
        browser.post("/sign-out"),
    ):
        framing = page.headers.get("x-frame-options"), page.headers.get("content-security-policy", "")
        assert framing[0] == "DENY" or "frame-ancestors 'none'" in framing[1]
        assert "frame" not in page.text
        assert "watch" not in page.text
    assert sign_in(browser, bank).status == 200
    assert len(site.logins) == 1


def test_a_callback_that_is_loaded_again_claims_no_failure(make_site: MakeSite, bank: FakeBank) -> None:
    """Back, Reload, a double click: the user is signed in, and the code is not tried a second time."""
    site, browser = make_site(bank)
    callback = bank.authorize(browser.post("/login").headers["location"])
    held = dict(browser.cookies)
    assert browser.open("GET", callback).status == 200
    again = browser.open("GET", callback)
    browser.cookies = held  # and in a browser that still sends the cookie
    twice = browser.open("GET", callback)
    for page in (again, twice):
        assert page.status == 400
        assert "did not work" not in page.text
        assert "If you are signed in, go on" in page.text
    assert len(bank.calls("token")) == len(site.logins) == 1


def test_a_callback_without_its_login_tells_the_log_which_error_it_brought(
    make_site: MakeSite, bank: FakeBank, caplog: pytest.LogCaptureFixture
) -> None:
    """Some servers send an error without state: the page cannot know the login, the developer has to see the error."""
    _, browser = make_site(bank)
    browser.post("/login")
    with caplog.at_level("INFO", "rpkit.web.sign_in"):
        page = browser.open("GET", "/callback?error=invalid_scope&error_description=Unknown+scope")
    assert page.status == 400
    assert "invalid_scope" not in page.text
    assert 'its error is invalid_scope: "Unknown scope"' in caplog.text


def test_transaction_cookie_is_bound_to_host_and_browser(make_site: MakeSite, bank: FakeBank) -> None:
    _, browser = make_site(bank)
    start = browser.post("/login")
    (cookie,) = browser.set_cookies
    assert cookie.startswith(COOKIE)
    for attribute in ("Secure", "HttpOnly", "Path=/", "SameSite=Lax", "Max-Age=600"):
        assert attribute in cookie
    assert "Domain" not in cookie
    assert start.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.spec("FAPI2-SP 5.3.3.1-12")
def test_another_site_cannot_start_a_login(site: str, make_site: MakeSite, bank: FakeBank) -> None:
    _, browser = make_site(bank)
    assert browser.post("/login", **{"sec-fetch-site": site}).status == 403
    assert browser.open("POST", "/login", origin="https://evil.example").status == 403
    assert browser.open("POST", "/login").status == 403
    assert browser.open("GET", "/login").status == 405
    assert not bank.seen
    assert browser.open("POST", "/login", origin="https://fintech.example").status == 303


@pytest.mark.spec("FAPI2-SP 5.3.3.1-4", "RFC 9700 2.1b")
def test_the_pages_redirect_to_the_bank_and_nowhere_else(make_site: MakeSite, bank: FakeBank) -> None:
    _, browser = make_site(bank)
    wish = "next=https://evil.example/&redirect_uri=https://evil.example/&return_to=//evil.example"
    start = browser.post(f"/login?{wish}", wish.encode())
    assert start.headers["location"].startswith(bank.url("authorize?"))
    page = browser.open("GET", f"{bank.authorize(start.headers['location'])}&{wish}")
    assert page.status == 200
    assert "location" not in page.headers


@pytest.mark.spec("FAPI2-SP 5.3.3.2-4; RFC 9700 2.1c")
def test_another_browser_cannot_finish_the_login(make_site: MakeSite, bank: FakeBank) -> None:
    site, victim = make_site(bank)
    attacker = Browser(victim.send)
    start = attacker.post("/login")
    page = victim.open("GET", bank.authorize(start.headers["location"]))
    assert page.status == 400
    assert not site.logins
    assert not bank.calls("token")


def test_two_tabs_do_not_disturb_each_other(make_site: MakeSite, bank: FakeBank) -> None:
    site, browser = make_site(bank)
    first, second = browser.post("/login"), browser.post("/login")
    assert len(browser.cookies) == 2
    for start in (first, second):
        assert browser.open("GET", bank.authorize(start.headers["location"])).status == 200
    assert len(site.logins) == 2


@pytest.mark.spec("RFC 9700 4.2.4")
def test_an_answer_counts_once(make_site: MakeSite, bank: FakeBank) -> None:
    site, browser = make_site(bank)
    start = browser.post("/login")
    kept = dict(browser.cookies)
    callback = bank.authorize(start.headers["location"])
    assert browser.open("GET", callback).status == 200
    browser.cookies = kept
    assert browser.open("GET", callback).status == 400
    assert len(site.logins) == 1


def test_abandoned_logins_do_not_pile_up(make_site: MakeSite, bank: FakeBank) -> None:
    _, browser = make_site(bank)
    for _ in range(MAX_LOGINS + 3):
        assert browser.post("/login").status == 303
    assert len(browser.cookies) <= MAX_LOGINS


def test_an_altered_cookie_is_refused(make_site: MakeSite, bank: FakeBank) -> None:
    site, browser = make_site(bank)
    start = browser.post("/login")
    (name,) = browser.cookies
    value = browser.cookies[name]
    browser.cookies[name] = ("A" if value[0] != "A" else "B") + value[1:]
    page = browser.open("GET", bank.authorize(start.headers["location"]))
    assert page.status == 400
    assert not site.logins
    assert not bank.calls("token")


@pytest.mark.spec("FAPI1-ADV 5.2.3.1-3, -4")
def test_the_hybrid_flow_of_fapi_1_through_the_page_that_reads_the_fragment(make_site: MakeSite) -> None:
    bank = FakeBank(dpop=False, nonces=False)
    site, browser = make_site(bank, **ADVANCED)
    answer = bank.authorize(browser.post("/login").headers["location"])
    shown = browser.open("GET", answer.partition("#")[0])
    assert 'name="fragment"' in shown.text
    page = browser.post(REDIRECT_URI, urlencode({"fragment": answer.partition("#")[2]}).encode())
    assert (page.status, page.text) == (200, "welcome")
    assert "passed signed response: s_hash" in str(site.logins[0].report)


@pytest.mark.parametrize("mode", ["jwt", "form_post", "form_post.jwt", "fragment", "fragment.jwt"])
def test_every_response_mode(mode: str, make_site: MakeSite, bank: FakeBank) -> None:
    site, browser = make_site(bank, response_mode=mode)
    start = browser.post("/login")
    answer = bank.authorize(start.headers["location"])
    if mode.startswith("form_post"):
        assert "SameSite=None" in browser.set_cookies[0]
        page = browser.open("POST", REDIRECT_URI, answer.encode(), origin="https://bank.example")
    elif mode.startswith("fragment"):
        relay = browser.open("GET", REDIRECT_URI)
        nonce = re.search(r'nonce="([^"]+)"', relay.text)
        assert nonce
        assert f"'nonce-{nonce[1]}'" in relay.headers["content-security-policy"]
        page = browser.post(REDIRECT_URI, urlencode({"fragment": answer.split("#")[1]}).encode())
    else:
        page = browser.open("GET", answer)
    assert page.status == 200, page.text
    assert len(site.logins) == 1
    assert not browser.cookies


def test_a_fragment_is_taken_from_our_own_page_only(make_site: MakeSite, bank: FakeBank) -> None:
    site, browser = make_site(bank, response_mode="fragment")
    start = browser.post("/login")
    fragment = bank.authorize(start.headers["location"]).split("#")[1]
    posted = urlencode({"fragment": fragment}).encode()
    page = browser.post(REDIRECT_URI, posted, **{"sec-fetch-site": "cross-site"})
    assert page.status == 400
    assert not site.logins
    assert not bank.calls("token")


def test_what_begins_a_login_may_read_its_own_form(bank: FakeBank) -> None:
    """The login route leaves the request's form to `begin`."""
    import asyncio

    import flask
    import httpx
    from starlette.applications import Starlette

    from rpkit import AsyncClient, Client

    options = Site(bank, ClientKeys(KeyRing(a_key("ES256", 1)))).options()
    given = {"redirect_uri": REDIRECT_URI, "seal": Seal([b"k" * 32]), "on_login": lambda *_: "x"}
    form, headers = {"hint": "alice"}, {"sec-fetch-site": "same-origin"}

    async def connect() -> AsyncClient:
        return await AsyncClient.discover(bank.issuer, **options)

    async def begin(request: Any) -> dict[str, str]:
        return {"login_hint": str((await request.form())["hint"])}

    app = Starlette(routes=rpkit.starlette.SignIn(connect, begin=begin, **given).routes())

    async def post() -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=SITE) as http:
            return (await http.post("/login", data=form, headers=headers)).status_code

    assert asyncio.run(post()) == 303
    assert bank.calls("par")[-1].form["login_hint"] == "alice"
    other = flask.Flask(__name__)
    pages = rpkit.flask.SignIn(
        lambda: Client.discover(bank.issuer, **options),
        begin=lambda: {"login_hint": flask.request.form["hint"] + "2"},
        **given,
    )
    other.register_blueprint(pages.blueprint())
    assert other.test_client().post("/login", data=form, headers=headers).status_code == 303
    assert bank.calls("par")[-1].form["login_hint"] == "alice2"


@pytest.mark.parametrize("sign_in", [rpkit.starlette.SignIn, rpkit.flask.SignIn])
def test_which_of_several_resources_comes_first_is_said_when_the_pages_are_made(sign_in: Any) -> None:
    given = {"redirect_uri": REDIRECT_URI, "seal": Seal([b"k" * 32]), "on_login": lambda *_: "x"}
    asked = ["https://bank.example/accounts", "https://bank.example/payments"]
    with pytest.raises(ConfigurationError) as caught:
        sign_in(lambda: None, resources=asked, **given)
    assert caught.value.facts["asked"] == " ".join(asked)
    assert sign_in(lambda: None, resources=asked, resource=asked[0], **given)
    assert sign_in(lambda: None, resources=asked[0], **given)


def test_large_transactions_span_cookies(make_site: MakeSite, bank: FakeBank) -> None:
    site, browser = make_site(bank, profile="fapi2-message-signing", id_token_max_age=60)
    start = browser.post("/login")
    assert all(len(line) < 4096 for line in browser.set_cookies)
    assert browser.open("GET", bank.authorize(start.headers["location"])).status == 200
    assert site.logins[0].evidence.export().keys() == {
        "request_object",
        "authorization_response",
        "id_token",
    }
    assert not browser.cookies


def test_a_bank_that_cannot_be_reached_is_503(make_site: MakeSite, bank: FakeBank) -> None:
    import httpx

    from fapikit import HttpSettings

    def down(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("down")

    transport = httpx.MockTransport(down)
    http = HttpSettings(
        client=httpx.Client(transport=transport), async_client=httpx.AsyncClient(transport=transport)
    )
    _, browser = make_site(bank, http=http)
    assert browser.post("/login").status == 503


def test_a_bank_that_is_in_trouble_is_503(make_site: MakeSite, bank: FakeBank) -> None:
    _, browser = make_site(bank)
    bank.faults["par_answer"] = lambda _: (502, {}, b"bad gateway")
    assert browser.post("/login").status == 503
    del bank.faults["par_answer"]
    start = browser.post("/login")
    answer = bank.authorize(start.headers["location"], error="temporarily_unavailable")
    assert browser.open("GET", answer).status == 503


@pytest.mark.parametrize(
    ("error", "told"), [("access_denied", "You or your bank refused"), ("login_required", "did not work")]
)
def test_a_user_who_refused_is_told_so(make_site: MakeSite, bank: FakeBank, error: str, told: str) -> None:
    _, browser = make_site(bank)
    start = browser.post("/login")
    page = browser.open("GET", bank.authorize(start.headers["location"], error=error))
    assert (page.status, told in page.text) == (400, True)


@pytest.mark.spec("FAPI2-SP 5.4.2a")
def test_key_set_is_served_and_rotates(make_site: MakeSite, bank: FakeBank) -> None:
    import json

    site, browser = make_site(bank)
    assert sign_in(browser, bank).status == 200
    assert header_of(bank.calls("token")[-1].form["client_assertion"])["kid"] == "ES256-1"
    site.keys.rotate(a_key("ES256", 3))
    kids = [key["kid"] for key in json.loads(browser.open("GET", "/jwks").text)["keys"]]
    assert kids == ["ES256-2", "ES256-3", "ES256-1"]
    assert sign_in(browser, bank).status == 200
    assert header_of(bank.calls("token")[-1].form["client_assertion"])["kid"] == "ES256-2"


def test_closing_the_pages_closes_the_client_that_they_made(
    bank: FakeBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client.discover(
        bank.issuer,
        client_id=CLIENT_ID,
        auth=PrivateKeyJWT(a_key()),
        redirect_uri=REDIRECT_URI,
        http=bank.http(),
    )
    closed: list[str] = []
    monkeypatch.setattr(Client, "close", lambda _: closed.append("client"))
    pages = rpkit.flask.SignIn(
        lambda: client, redirect_uri=REDIRECT_URI, seal=Seal([b"k" * 32]), on_login=lambda _: "welcome"
    )
    pages.close()
    assert not closed, "none was needed"
    pages.client()
    pages.close()
    assert closed
