"""The edges of the server: order of checks, headers, odd text, where it is mounted, what a failure shows."""

from __future__ import annotations

import re

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Mount

from askit.errors import InvalidClientMetadata
from askit.wire_errors import describe
from fapikit.errors import FapiError
from tests.askit.bank import FINTECH, Bank, an_api
from tests.askit.plain_client import ISSUER, PlainClient, read_callback
from tests.keys import a_key

pytestmark = pytest.mark.anyio


async def test_a_nonce_challenge_costs_no_assertion(client: PlainClient) -> None:
    """A client may send the same assertion again with its second proof."""
    form = client.code_form(await client.code())
    client.nonce = None
    authentication = client.authentication()
    first = await client.token(
        form, authentication=authentication, proof=client.proof("POST", f"{ISSUER}/token")
    )
    assert first.json()["error"] == "use_dpop_nonce"
    second = client.proof("POST", f"{ISSUER}/token")
    assert (await client.token(form, authentication=authentication, proof=second)).status_code == 200


async def test_strangers_cannot_fill_the_store_with_proofs(bank: Bank, client: PlainClient) -> None:
    await client.push()
    before = len(bank.store)
    for path in ("token", "par"):
        proof = client.proof("POST", f"{ISSUER}/{path}")
        refused = await client.post(f"/{path}", {"client_id": "fintech"}, {"dpop": proof})
        assert refused.json()["error"] == "invalid_client"
    assert len(bank.store) == before


@pytest.mark.parametrize(
    ("sent", "echoed"),
    [
        ("123e4567-e89b-12d3-a456-426614174000", True),
        ("not-a-uuid", False),
        ("123e4567-e89b-12d3-a456-426614174000x", False),
    ],
)
async def test_an_interaction_id_is_echoed_if_it_is_one(client: PlainClient, sent: str, echoed: bool) -> None:
    response = await client.http.get("/jwks", headers={"x-fapi-interaction-id": sent})
    assert (response.headers.get("x-fapi-interaction-id") == sent) == echoed


async def test_it_serves_where_it_is_mounted() -> None:
    bank = Bank(issuer="https://bank.example.test/retail")
    app = Starlette(routes=[Mount("/retail", app=bank.server), Mount("/", app=bank.server)])
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=ISSUER)
    document = (await http.get("/.well-known/oauth-authorization-server/retail")).json()
    assert (await http.get(document["jwks_uri"])).json()["keys"]


async def test_text_that_is_no_unicode_is_refused() -> None:
    client = Bank(profile="fapi2-message-signing").client()
    response = await client.push({"request": client.request_object(response_mode="jwt", state="\ud800")})
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request_object")


async def test_an_unforeseen_failure_is_told_without_its_words(
    bank: Bank, client: PlainClient, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: str, **__: object) -> None:
        raise RuntimeError("secret words")

    bank.server.core.clients.find = broken  # type: ignore[assignment, method-assign]
    response = await client.push()
    assert (response.status_code, response.json()["error"]) == (500, "server_error")
    page = await client.http.get("/authorize?client_id=x")
    assert page.status_code == 500
    assert "secret words" not in response.text + page.text + caplog.text
    assert "RuntimeError at test_edges.py" in caplog.text


@pytest.mark.parametrize("path", ["/par", "/token", "/introspect", "/revoke", "/login", "/decision"])
async def test_a_form_comes_as_a_form(client: PlainClient, path: str) -> None:
    response = await client.http.post(path, json={"a": 1})
    assert response.status_code == 400


async def test_a_body_without_end_is_cut_short(client: PlainClient) -> None:
    response = await client.post("/par", {"state": "x" * 300_000})
    assert (response.status_code, response.json()["error"]) == (413, "invalid_request")


async def test_two_authorization_headers_are_refused(client: PlainClient) -> None:
    token = (await client.tokens())["access_token"]
    headers = [("authorization", f"DPoP {token}"), ("authorization", "DPoP other")]
    assert (await client.http.get("/userinfo", headers=headers)).status_code == 400


@pytest.mark.spec("RFC 9449 7.1b")
async def test_userinfo_without_a_token_says_what_it_would_take(client: PlainClient) -> None:
    response = await client.http.get("/userinfo")
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'DPoP algs="ES256 Ed25519 EdDSA PS256", Bearer'
    without_certificates = Bank(tls={"certificate": "server.pem", "key": "server.key"}).client()
    told = (await without_certificates.http.get("/userinfo")).headers["www-authenticate"]
    assert told == 'DPoP algs="ES256 Ed25519 EdDSA PS256"'
    lenient = Bank(profile="oauth-2.1").client()
    assert (await lenient.http.get("/userinfo")).headers["www-authenticate"].endswith(", Bearer")


@pytest.mark.spec("RFC 9126 2b", "RFC 7523 3-3")
@pytest.mark.parametrize(
    ("aud", "status"),
    [
        (ISSUER, 201),
        (f"{ISSUER}/token", 201),
        (f"{ISSUER}/par", 201),
        ([f"{ISSUER}/par"], 201),
        (["https://other.example.test", ISSUER], 201),
        ([], 401),
        ("https://other.example.test", 401),
    ],
)
async def test_assertion_audiences_hang_on_the_profile(aud: object, status: int) -> None:
    """FAPI 1 takes what FAPI 2 refuses."""
    clients = [FINTECH, an_api("accounts-api", 3), an_api("payments-api", 4)]
    client = Bank(profile="fapi1-baseline", clients=clients).client()
    assert (await client.push(authentication=client.authentication(aud=aud))).status_code == status


@pytest.mark.spec("FAPI1-BL 5.2.2.2-1", "FAPI1-BL 5.2.2.3-1")
async def test_fapi_1_asks_for_nonce_or_state_and_the_other_profiles_for_neither() -> None:
    clients = [FINTECH, an_api("accounts-api", 3), an_api("payments-api", 4)]
    client = Bank(profile="fapi1-baseline", clients=clients).client()
    for scope, missing, clause in (
        ("openid accounts", "nonce", "FAPI1-BL 5.2.2.2-1"),
        ("accounts", "state", "FAPI1-BL 5.2.2.3-1"),
    ):
        refused = await client.push(client.request(scope=scope, **{missing: None}))
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
        assert clause in refused.json()["error_description"]
        other = {"nonce": "state", "state": "nonce"}[missing]
        assert (await client.push(client.request(scope=scope, **{other: None}))).status_code == 201
        lenient = Bank().client()
        assert (await lenient.push(lenient.request(scope=scope, **{missing: None}))).status_code == 201


@pytest.mark.spec("FAPI1-BL 7.5-2")
def test_fapi_1_has_no_redirects_to_loopback() -> None:
    native = {**FINTECH, "redirect_uris": ["http://127.0.0.1/cb"]}
    clients = [native, an_api("accounts-api", 3), an_api("payments-api", 4)]
    with pytest.raises(InvalidClientMetadata) as refused:
        Bank(profile="fapi1-baseline", clients=clients)
    assert refused.value.clause == "FAPI1-BL 7.5-2"
    Bank(profile="fapi2-security", clients=clients)


async def test_a_request_without_par_where_the_profile_lets_it() -> None:
    client = Bank(profile="oauth-2.1").client()
    query = {**client.request(), "client_id": "fintech"}
    page = await client.http.get("/authorize", params=query)
    consent = await client.submit(page, username="alice", password="wonderland")
    callback = read_callback(await client.submit(consent, decision="approve"))
    assert (await client.redeem(callback["code"])).status_code == 200
    # What is wrong with it goes back to the client, once the redirect URI is known to be the client's.
    wrong = read_callback(await client.http.get("/authorize", params={**query, "scope": "unheard-of"}))
    assert (wrong["error"], wrong["state"]) == ("invalid_scope", "the-state")
    lost = await client.http.get("/authorize", params={**query, "redirect_uri": "https://evil.test/"})
    assert lost.status_code == 400
    assert "location" not in lost.headers


@pytest.mark.spec("RFC 9126 6")
async def test_a_client_may_demand_par_of_itself() -> None:
    registered = {**FINTECH, "require_pushed_authorization_requests": True}
    client = Bank(
        profile="oauth-2.1", clients=[registered, an_api("accounts-api", 3), an_api("payments-api", 4)]
    ).client()
    refused = await client.http.get("/authorize", params={**client.request(), "client_id": "fintech"})
    assert refused.status_code == 400


async def test_a_signed_request_by_value_where_the_profile_lets_it() -> None:
    client = Bank(profile="oauth-2.1").client()
    query = {"client_id": "fintech", "request": client.request_object()}
    page = await client.http.get("/authorize", params=query)
    consent = await client.submit(page, username="alice", password="wonderland")
    assert "code" in read_callback(await client.submit(consent, decision="approve"))
    forged = {"client_id": "fintech", "request": client.request_object(key=a_key("ES256", 2))}
    assert (await client.http.get("/authorize", params=forged)).status_code == 400
    both = {**query, "request_uri": "urn:x"}
    assert (await client.http.get("/authorize", params=both)).status_code == 400


@given(st.text(max_size=400))
def test_a_description_has_the_characters_that_rfc_6749_allows(text: str) -> None:
    shown = describe(FapiError(text, clause="RFC 6749 5.2"))
    assert re.fullmatch(r"[\x20-\x21\x23-\x5b\x5d-\x7e]{1,300}", shown)


async def test_default_max_age_of_the_registration_counts() -> None:
    registered = {**FINTECH, "default_max_age": 60}
    bank = Bank(clients=[registered, an_api("accounts-api", 3), an_api("payments-api", 4)])
    client = bank.client()
    await client.tokens()
    bank.clock.advance(61)
    assert 'name="password"' in (await client.authorize(await client.pushed())).text


async def test_a_websocket_is_closed(bank: Bank) -> None:
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    await bank.server({"type": "websocket", "path": "/token", "headers": []}, receive, send)  # type: ignore[arg-type]
    assert sent == [{"type": "websocket.close", "code": 1000}]
