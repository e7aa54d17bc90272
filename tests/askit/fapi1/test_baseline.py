"""FAPI 1.0 Baseline at askit: a good login for each kind of client, then single mutations, each with its own clause."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from fapikit.errors import FapiError
from tests.askit.bank import FINTECH, OTHER, Bank, an_api
from tests.askit.fapi1.answers import cited, error_of, redirected
from tests.askit.plain_client import ACCOUNTS, ISSUER, VERIFIER, PlainClient, read_callback, without
from tests.askit.registering import OPENER, register
from tests.keys import claims_of, hmac_of, jws_of, unb64

pytestmark = pytest.mark.anyio

SECRET = "s" * 32
PUBLIC = {
    "client_id": "public",
    "client_name": "An App",
    "redirect_uris": FINTECH["redirect_uris"],
    "grant_types": ["authorization_code", "refresh_token"],
    "token_endpoint_auth_method": "none",
}
SHARED = {
    **FINTECH,
    "client_id": "shared",
    "token_endpoint_auth_method": "client_secret_jwt",
    "client_secret": SECRET,
}
APIS = [an_api("accounts-api", 3), an_api("payments-api", 4)]
CLIENTS = [FINTECH, OTHER, PUBLIC, SHARED, *APIS]


def a_bank(**changes: Any) -> Bank:
    return Bank(**{"profile": "fapi1-baseline", "clients": CLIENTS, **changes})


@pytest.fixture
def bank() -> Bank:
    return a_bank()


@pytest.fixture
def client(bank: Bank) -> PlainClient:
    return bank.client()


async def visit(client: PlainClient, **changes: Any) -> httpx.Response:
    """A request through the browser, as Baseline has it."""
    return await client.http.get(
        "/authorize", params={**client.request(**changes), "client_id": client.client_id}
    )


async def login(client: PlainClient, **changes: Any) -> dict[str, str]:
    page = await client.submit(await visit(client, **changes), username="alice", password="wonderland")
    return read_callback(await client.submit(page, decision="approve"))


def by_mac(client: PlainClient) -> dict[str, str]:
    """The authentication of a client with a secret."""
    claims = unb64(client.assertion().split(".")[1])
    assertion = jws_of(b'{"alg":"HS256"}', claims, lambda octets: hmac_of(SECRET.encode(), octets))
    return client.authentication(assertion)


# One good login for each kind of client.


@pytest.mark.spec("FAPI1-BL 5.2.2-1, -2, -4, -14, -15, 5.2.2.1-6")
@pytest.mark.parametrize("client_id", ["fintech", "public", "shared"])
async def test_a_login(bank: Bank, client_id: str) -> None:
    client = bank.client(client_id)
    authentication = {
        "fintech": client.authentication(),
        "public": {"client_id": "public"},
        "shared": by_mac(client),
    }[client_id]
    callback = await login(client, scope="openid email accounts")
    form = {**client.code_form(callback["code"]), "resource": ACCOUNTS}
    response = await client.token(form, proof=False, authentication=authentication)
    tokens = response.json()
    assert response.status_code == 200, tokens
    assert response.headers["cache-control"] == "no-store"
    assert (tokens["token_type"], tokens["expires_in"] < 600) == ("Bearer", True)
    assert set(tokens["scope"].split()) == {"openid", "email", "accounts"}
    assert tokens["refresh_token"]
    claims = claims_of(tokens["id_token"])
    assert (claims["sub"], claims["aud"], claims["nonce"]) == ("user-alice", client_id, "the-nonce")


@pytest.mark.spec("FAPI1-BL 5.2.2-22")
async def test_the_metadata(bank: Bank) -> None:
    browser = bank.browser()
    document = (await browser.get("/.well-known/openid-configuration")).json()
    assert (await browser.get("/.well-known/oauth-authorization-server")).json() == document
    assert document["issuer"] == ISSUER
    methods = document["token_endpoint_auth_methods_supported"]
    assert {"client_secret_jwt", "private_key_jwt", "none"} <= set(methods)
    assert not {"client_secret_basic", "client_secret_post"} & set(methods)
    assert document["require_pushed_authorization_requests"] is False


# Authorization requests.

REQUESTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "no challenge": (
        {"code_challenge": None, "code_challenge_method": None}, "invalid_request", "FAPI1-BL 5.2.2-7"
    ),
    "a plain challenge": (
        {"code_challenge": VERIFIER, "code_challenge_method": "plain"}, "invalid_request", "FAPI1-BL 5.2.2-7"
    ),
    "no nonce": ({"nonce": None}, "invalid_request", "FAPI1-BL 5.2.2.2-1"),
    "neither openid nor state": ({"scope": "accounts", "state": None}, "invalid_request", "FAPI1-BL 5.2.2.3-1"),
}  # fmt: skip
WITHOUT_A_WAY_BACK = {
    "no redirect_uri": (None, "FAPI1-BL 5.2.2-9"),
    "one that is longer": (f"{FINTECH['redirect_uris'][0]}/more", "FAPI1-BL 5.2.2-10"),
    "one with a query": (f"{FINTECH['redirect_uris'][0]}?x=1", "FAPI1-BL 5.2.2-10"),
    "in clear": (FINTECH["redirect_uris"][0].replace("https", "http"), "FAPI1-BL 5.2.2-10"),
}


@pytest.mark.spec("FAPI1-BL 5.2.2-7, 5.2.2.2-1, 5.2.2.3-1")
@pytest.mark.parametrize(("changes", "error", "clause"), REQUESTS.values(), ids=REQUESTS)
async def test_a_request_is_refused(
    client: PlainClient, changes: dict[str, Any], error: str, clause: str
) -> None:
    assert redirected(await visit(client, **changes)) == (error, clause)
    assert error_of(await client.push(client.request(**changes))) == (400, error, clause)


@pytest.mark.spec("FAPI1-BL 5.2.2-8, -9, -10")
@pytest.mark.parametrize(("uri", "clause"), WITHOUT_A_WAY_BACK.values(), ids=WITHOUT_A_WAY_BACK)
async def test_nobody_is_sent_to_an_address_that_is_not_registered(
    client: PlainClient, uri: str | None, clause: str
) -> None:
    page = await visit(client, redirect_uri=uri)
    assert (page.status_code, clause in page.text) == (400, True)
    assert "location" not in page.headers
    assert error_of(await client.push(client.request(redirect_uri=uri))) == (400, "invalid_request", clause)


# OpenID Connect, as Baseline has it for whoever asks for an ID token.

OPENID: dict[str, tuple[dict[str, Any], str, str]] = {
    "prompt none beside another": ({"prompt": "none login"}, "invalid_request", "OIDC 3.1.2.1"),
    "an unknown prompt": ({"prompt": "dance"}, "invalid_request", "OIDC 3.1.2.1"),
    "a max_age that is no number": ({"max_age": "soon"}, "invalid_request", "OIDC 3.1.2.1"),
    "claims that are no object": ({"claims": "[]"}, "invalid_request", "OIDC 5.5"),
    "a hint that is no ID token": ({"id_token_hint": "x.y.z"}, "invalid_request", "OIDC 3.1.2.2"),
    "an unknown scope": ({"scope": "openid unheard-of"}, "invalid_scope", "RFC 6749 3.3"),
    "nobody signed in": ({"prompt": "none"}, "login_required", "OIDC 3.1.2.6"),
}


@pytest.mark.spec("FAPI1-BL 5.2.2.1-1, -2, -3, -4")
@pytest.mark.parametrize(("changes", "error", "clause"), OPENID.values(), ids=OPENID)
async def test_a_request_of_openid_connect_is_refused(
    client: PlainClient, changes: dict[str, Any], error: str, clause: str
) -> None:
    answer = await visit(client, **changes)
    assert redirected(answer) == (error, clause)
    assert read_callback(answer)["state"] == "the-state"


@pytest.mark.spec("FAPI1-BL 5.2.2.1-3, -4")
@pytest.mark.parametrize("again", [{"prompt": "login"}, {"max_age": "0"}])
async def test_the_user_signs_in_again_where_that_is_asked_for(
    bank: Bank, client: PlainClient, again: dict[str, str]
) -> None:
    await login(client)
    assert 'name="password"' not in (await visit(client)).text
    bank.clock.advance(1)
    page = await visit(client, **again)
    assert 'name="password"' in page.text
    page = await client.submit(page, username="alice", password="wonderland")
    answer = read_callback(await client.submit(page, decision="approve"))
    assert set(answer) == {"code", "state", "iss"}
    tokens = (await client.token(client.code_form(answer["code"]), proof=False)).json()
    assert claims_of(tokens["id_token"])["auth_time"] == int(bank.clock())


CODES: dict[str, tuple[dict[str, Any], str]] = {
    "no code": ({"code": None}, "invalid_request"),
    "an unknown code": ({"code": "c" * 43}, "invalid_grant"),
    "another redirect_uri": ({"redirect_uri": f"{FINTECH['redirect_uris'][0]}/more"}, "invalid_grant"),
    "another verifier": ({"code_verifier": "w" * 43}, "invalid_grant"),
    "no verifier": ({"code_verifier": None}, "invalid_grant"),
}


@pytest.mark.spec("FAPI1-BL 5.2.2.1-5")
@pytest.mark.parametrize(("changes", "error"), CODES.values(), ids=CODES)
async def test_a_code_is_redeemed_as_it_was_asked_for(
    bank: Bank, client: PlainClient, changes: dict[str, Any], error: str
) -> None:
    code = (await login(client))["code"]
    refused = await client.token(without({**client.code_form(code), **changes}), proof=False)
    assert error_of(refused)[:2] == (400, error)
    stranger = bank.client("other")
    assert error_of(await stranger.token(stranger.code_form(code), proof=False))[:2] == (400, "invalid_grant")
    assert (await client.token(client.code_form(code), proof=False)).status_code == 200


@pytest.mark.spec("FAPI1-BL 5.2.2.1-5")
async def test_a_code_does_not_wait(bank: Bank, client: PlainClient) -> None:
    form = client.code_form((await login(client))["code"])
    bank.clock.advance(61)
    assert error_of(await client.token(form, proof=False)) == (400, "invalid_grant", "RFC 6749 4.1.2")


@pytest.mark.spec("FAPI1-BL 7.1b")
async def test_browsers_stay_with_https(client: PlainClient) -> None:
    for path in ("/authorize", "/grants", "/.well-known/openid-configuration"):
        assert (await client.http.get(path)).headers["strict-transport-security"] == "max-age=31536000"


# What may be registered.

REGISTRATIONS: dict[str, tuple[dict[str, Any], str]] = {
    "a secret in a header": ({"token_endpoint_auth_method": "client_secret_basic"}, "FAPI1-BL 5.2.2-4"),
    "a secret in the form": ({"token_endpoint_auth_method": "client_secret_post"}, "FAPI1-BL 5.2.2-4"),
    "redirects in clear": ({"redirect_uris": ["http://fintech.example.test/cb"]}, "FAPI1-BL 5.2.2-20"),
    "redirects to this machine": ({"redirect_uris": ["http://127.0.0.1/cb"]}, "FAPI1-BL 7.5-2"),
    "redirects to a scheme of an app": (
        {"redirect_uris": ["com.example.app:/cb"], "token_endpoint_auth_method": "none", "jwks": None},
        "FAPI1-BL 7.5-1",
    ),
    "sign-out in clear": (
        {"post_logout_redirect_uris": ["http://fintech.example.test/bye"]}, "FAPI1-BL 5.2.2-20"
    ),
}  # fmt: skip
SECRETS: dict[str, tuple[dict[str, Any], str]] = {
    "a short secret": ({"client_secret": "s" * 31}, "FAPI1-BL 5.2.2-3"),
    "one that is short for its hash": (
        {"client_secret": "s" * 63, "token_endpoint_auth_signing_alg": "HS512"}, "FAPI1-BL 5.2.2-3"
    ),
    "no MAC at all": ({"token_endpoint_auth_signing_alg": "ES256"}, "RFC 8725 3.1"),
}  # fmt: skip


def in_the_configuration(client: Mapping[str, Any]) -> FapiError:
    known = {name: value for name, value in client.items() if value is not None}
    with pytest.raises(FapiError) as refused:
        a_bank(
            clients=[
                {**known, "client_id": "new", "client_secret": known.get("client_secret", SECRET)},
                *APIS,
            ]
        )
    return refused.value


@pytest.mark.spec("FAPI1-BL 5.2.2-4, -20, 7.5-1, 7.5-2")
@pytest.mark.parametrize(("changes", "clause"), REGISTRATIONS.values(), ids=REGISTRATIONS)
async def test_a_client_is_refused(changes: dict[str, Any], clause: str) -> None:
    assert in_the_configuration({**FINTECH, **changes}).clause == clause
    answer = await register(a_bank(initial_access_token=OPENER), **changes)
    assert (answer.status_code, cited(answer.json()["error_description"])) == (400, clause)


@pytest.mark.spec("FAPI1-BL 5.2.2-3")
@pytest.mark.parametrize(("changes", "clause"), SECRETS.values(), ids=SECRETS)
def test_a_secret_is_refused(changes: dict[str, Any], clause: str) -> None:
    assert in_the_configuration({**SHARED, **changes}).clause == clause
    assert a_bank(clients=[SHARED, *APIS])


@pytest.mark.spec("FAPI1-BL 5.2.2-3")
@pytest.mark.parametrize("alg", [None, "HS256", "HS384", "HS512"])
async def test_a_secret_that_is_made_here_is_long_enough(alg: str | None) -> None:
    answer = await register(
        a_bank(initial_access_token=OPENER),
        token_endpoint_auth_method="client_secret_jwt",
        token_endpoint_auth_signing_alg=alg,
    )
    assert (answer.status_code, len(answer.json()["client_secret"])) == (201, 64)


# At the token endpoint.


@pytest.mark.spec("FAPI1-BL 5.2.2-13")
async def test_a_code_serves_once(client: PlainClient) -> None:
    form = client.code_form((await login(client))["code"])
    assert (await client.token(form, proof=False)).status_code == 200
    assert error_of(await client.token(form, proof=False)) == (400, "invalid_grant", "FAPI1-BL 5.2.2-13")


DISAGREEING: dict[str, dict[str, Any]] = {
    "client_id of another client": {"client_id": "other"},
    "client_id of nobody": {"client_id": "nobody"},
    "sub of another client": {"sub": "other"},
    "iss of another client": {"iss": "other"},
}


@pytest.mark.spec("FAPI1-BL 5.2.2-19")
@pytest.mark.parametrize("changes", DISAGREEING.values(), ids=DISAGREEING)
async def test_names_that_disagree(client: PlainClient, changes: dict[str, Any]) -> None:
    outside = {name: value for name, value in changes.items() if name == "client_id"}
    inside = {name: value for name, value in changes.items() if name != "client_id"}
    authentication = {**client.authentication(**inside), **outside}
    form = client.code_form((await login(client))["code"])
    refused = error_of(await client.token(form, authentication=authentication, proof=False))
    assert refused[:2] == (401, "invalid_client")
    assert refused[2] in ("FAPI1-BL 5.2.2-19", "RFC 7523 3-1", "RFC 7523 3-2")
    assert not outside or refused[2] == "FAPI1-BL 5.2.2-19"


# The user.


@pytest.mark.spec("FAPI1-BL 5.2.2-12, -17, -18")
async def test_the_user_sees_what_is_asked_for_and_how_long_it_lasts(client: PlainClient) -> None:
    page = await client.submit(await visit(client), username="alice", password="wonderland")
    for told in ("Fintech One", "See your accounts and balances", "This access lasts until", "/grants"):
        assert told in page.text
    assert 'name="decision" value="deny"' in page.text


@pytest.mark.spec("FAPI1-BL 5.2.2-12")
async def test_nothing_more_is_given_without_a_question(client: PlainClient) -> None:
    await login(client)
    assert "code" in read_callback(await visit(client, prompt="none"))
    more = await visit(client, prompt="none", scope="openid accounts payments")
    assert redirected(more)[0] == "consent_required"


@pytest.mark.spec("FAPI1-BL 5.2.2-11")
@pytest.mark.parametrize("essential", [False, True])
async def test_a_level_that_is_asked_for_is_reached_and_told(essential: bool) -> None:
    users = [{"username": "alice", "password": "wonderland", "pin": "1865"}]
    client = a_bank(acr=["urn:bank:password", "urn:bank:pin"], users=users).client()
    asked: dict[str, Any] = {"acr_values": "urn:bank:pin"}
    if essential:
        asked = {"claims": '{"id_token": {"acr": {"essential": true, "value": "urn:bank:pin"}}}'}
    page = await client.submit(await visit(client, **asked), username="alice", password="wonderland")
    page = await client.submit(page, pin="1865")
    code = read_callback(await client.submit(page, decision="approve"))["code"]
    tokens = (await client.token(client.code_form(code), proof=False)).json()
    assert claims_of(tokens["id_token"])["acr"] == "urn:bank:pin"
    assert claims_of(tokens["access_token"])["acr"] == "urn:bank:pin"
    unheard = await visit(client, acr_values="urn:bank:blood")
    assert redirected(unheard)[0] == "unmet_authentication_requirements"


@pytest.mark.spec("FAPI1-BL 7.7")
async def test_each_brand_is_an_issuer_of_its_own() -> None:
    """Keys, codes and tokens of one are nothing to the other."""
    one, other = a_bank(), a_bank(issuer="https://brand.example.test")
    code = (await login(one.client()))["code"]
    stranger = other.client(issuer="https://brand.example.test")
    stranger.http = other.browser()
    response = await stranger.http.post(
        "/token", data={**stranger.code_form(code), **stranger.authentication()}
    )
    assert error_of(response)[:2] == (400, "invalid_grant")
    keys = [
        {key["kid"] for key in (await bank.browser().get("/jwks")).json()["keys"]} for bank in (one, other)
    ]
    assert not keys[0] & keys[1]
    told = parse_qs(urlsplit((await visit(one.client(), prompt="none")).headers["location"]).query)
    assert told["iss"] == [ISSUER]
