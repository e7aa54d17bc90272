"""Refusals that no other test meets: each with its code, and its clause where the code alone does not tell."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from askit import AuthorizationServer, Config
from askit.clients.client import Client
from askit.errors import InvalidClientMetadata
from askit.issuing.keys import ServerKeys
from askit.pages.catalogues import Catalogue
from askit.pages.words import describe_user
from askit.record_store import Step
from fapikit.errors import ConfigurationError, FapiError, UnusableKey
from fapikit.profiles import profile_of
from tests.askit.bank import FINTECH, Bank, an_api, settings
from tests.askit.plain_client import ACCOUNTS, ISSUER, PAYMENTS, PlainClient, read_callback
from tests.keys import a_key, claims_of, mint

pytestmark = pytest.mark.anyio

APIS = [an_api("accounts-api", 3), an_api("payments-api", 4)]


def _error(response: httpx.Response) -> tuple[int, str, str]:
    body = response.json()
    clause = re.search(r"\[(.*)\]$", body["error_description"])
    return response.status_code, body["error"], clause[1] if clause else ""


@pytest.mark.parametrize("registered", [{"grant_types": ["client_credentials"]}, {"response_types": []}])
async def test_a_client_without_the_code_grant_pushes_nothing(registered: dict[str, Any]) -> None:
    client = Bank(clients=[{**FINTECH, **registered}, *APIS]).client()
    assert _error(await client.push())[:2] == (400, "unauthorized_client")


async def test_pkce_comes_whole_where_it_is_not_required() -> None:
    bank = Bank(profile="oauth-2.1")
    lenient = replace(bank.config.profile, pkce_required=False)
    bank.server = AuthorizationServer(
        replace(bank.config, profile=lenient), store=bank.store, clock=bank.clock
    )
    client = bank.client()
    half = await client.push(client.request(code_challenge=None))
    assert _error(half) == (400, "invalid_request", "RFC 7636 4.4.1")
    code = await client.code(code_challenge=None, code_challenge_method=None)
    downgraded = await client.redeem(code)
    assert _error(downgraded) == (400, "invalid_grant", "RFC 9700 2.1.1c")
    assert (await client.redeem(code, code_verifier=None)).status_code == 200


async def test_a_request_without_any_client(client: PlainClient) -> None:
    assert _error(await client.push(authentication={"scope": "openid"}))[:2] == (401, "invalid_client")
    no_assertion = {k: v for k, v in client.authentication().items() if k != "client_assertion"}
    assert _error(await client.push(authentication=no_assertion)) == (401, "invalid_client", "RFC 7523 2.2")


async def test_a_method_that_the_profile_dropped_since_registration() -> None:
    """A public client's record, served by a stricter profile."""
    bank = Bank(profile="oauth-2.1", clients=[{**FINTECH, "token_endpoint_auth_method": "none"}, *APIS])
    bank.server.core.profile = profile_of("fapi2-security")
    refused = await bank.client().push(authentication={"client_id": "fintech"})
    assert _error(refused) == (401, "invalid_client", "FAPI2-SP 5.3.2.1-6")


async def test_a_secret_too_short_to_sign_with() -> None:
    """Long enough for HS256, not for the hash of HS512."""
    short = {**FINTECH, "token_endpoint_auth_method": "client_secret_jwt", "client_secret": "s" * 63}
    client = Bank(profile="oauth-2.1", clients=[short, *APIS]).client()
    assertion = mint(claims_of(client.assertion()), a_key("ES256", 1), alg="ES256", header={"alg": "HS512"})
    refused = await client.push(authentication=client.authentication(assertion))
    assert _error(refused) == (401, "invalid_client", "RFC 7518 3.2")


@pytest.mark.parametrize(
    "metadata",
    [
        {**FINTECH, "client_secret": 7},
        {**FINTECH, "token_endpoint_auth_method": "client_secret_post"},
        {**FINTECH, "jwks": {"keys": "none"}},
    ],
)
def test_registrations_that_cannot_work(metadata: dict[str, Any]) -> None:
    with pytest.raises(InvalidClientMetadata):
        Client.read(metadata)


def test_a_client_without_keys_has_no_key_source(bank: Bank) -> None:
    bare = {k: v for k, v in FINTECH.items() if k != "jwks"}
    client = Client.read({**bare, "token_endpoint_auth_method": "none"})
    with pytest.raises(UnusableKey):
        client.key_source(bank.clock)


async def test_a_detail_of_a_type_of_several_apis_goes_where_it_is_located() -> None:
    bank = Bank(authorization_details_types=[{"type": "access", "resource": [ACCOUNTS, PAYMENTS]}])
    client = bank.client()
    details = [{"type": "access", "locations": [PAYMENTS]}, {"type": "access", "identifier": "anywhere"}]
    tokens = (
        await client.redeem(
            await client.code(scope="openid accounts payments", authorization_details=details),
            resource=[ACCOUNTS],
        )
    ).json()
    assert tokens["authorization_details"] == [details[1]]
    payments = (await client.refresh(tokens["refresh_token"], resource=[PAYMENTS])).json()
    assert payments["authorization_details"] == details


# The pages


async def _consent(client: PlainClient) -> httpx.Response:
    page = await client.authorize(await client.pushed())
    return await client.submit(page, username="alice", password="wonderland")


async def test_a_decision_that_is_none(client: PlainClient) -> None:
    refused = await client.submit(await _consent(client), decision="perhaps")
    assert refused.status_code == 400
    assert "decision must be approve" in refused.text


async def test_forms_without_their_client(client: PlainClient) -> None:
    consent = await _consent(client)
    assert (await client.submit(consent, decision="approve", client_id="nobody")).status_code == 400
    login = await client.authorize(await client.pushed(prompt="login"))
    refused = await client.submit(login, username="alice", password="wonderland", client_id="nobody")
    assert refused.status_code == 400


async def test_a_page_left_open_for_too_long(bank: Bank, client: PlainClient) -> None:
    consent = await _consent(client)
    bank.clock.advance(901)
    refused = await client.submit(consent, decision="approve")
    assert refused.status_code == 400
    assert "location" not in refused.headers


async def test_a_wrong_password_on_the_way_to_ones_own_page(client: PlainClient) -> None:
    page = await client.http.get("/grants")
    again = await client.submit(page, username="alice", password="wrong")
    assert again.status_code == 401
    assert 'role="alert"' in again.text


async def test_the_session_of_a_user_who_is_gone(bank: Bank, client: PlainClient) -> None:
    consent = await _consent(client)
    bank.server.core.users._by_name.pop("alice")
    assert 'name="password"' in (await client.submit(consent, decision="approve")).text
    assert describe_user(None, Catalogue("en"))[0] == "somebody"


async def test_of_two_decisions_at_once_the_second_is_told(bank: Bank, client: PlainClient) -> None:
    """Both saw the request unanswered; the mark decides."""
    consent = await _consent(client)
    reading = bank.server.core.records.reading_mark

    def blind(kind: str, name: str) -> Step[str | None]:
        step = reading(kind, name)
        return Step(step.operation, lambda _: None) if kind == "request-used" else step

    bank.server.core.records.reading_mark = blind  # type: ignore[method-assign]
    assert "code" in read_callback(await client.submit(consent, decision="approve"))
    refused = await client.submit(consent, decision="approve")
    assert refused.status_code == 400
    assert "FAPI2-SP 5.3.2.2 N3" in refused.text


async def test_of_two_silent_requests_at_once_the_second_is_told(bank: Bank) -> None:
    bank = Bank(auto_approve="alice")
    client = bank.client()
    request_uri = await client.pushed()
    reading = bank.server.core.records.reading_mark

    def blind(kind: str, name: str) -> Step[str | None]:
        step = reading(kind, name)
        return Step(step.operation, lambda _: None) if kind == "request-used" else step

    bank.server.core.records.reading_mark = blind  # type: ignore[method-assign]
    assert "code" in read_callback(await client.authorize(request_uri))
    assert (await client.authorize(request_uri)).status_code == 400


# Tokens


async def test_grants_without_what_they_redeem(client: PlainClient) -> None:
    for form in ({"grant_type": "authorization_code"}, {"grant_type": "refresh_token"}):
        assert _error(await client.token(form))[:2] == (400, "invalid_request")


async def test_a_code_whose_grant_was_ended_before_its_redemption(client: PlainClient) -> None:
    code = await client.code()
    page = await client.http.get("/grants")
    await client.submit(page)
    assert _error(await client.redeem(code))[:2] == (400, "invalid_grant")


async def test_a_grant_that_ends_during_a_userinfo_call(bank: Bank, client: PlainClient) -> None:
    token = (await client.tokens())["access_token"]
    load = bank.server.core.records.load

    async def gone(kind: str, name: str, record: Any) -> Any:
        return None if kind == "grant" else await load(kind, name, record)

    bank.server.core.records.load = gone  # type: ignore[method-assign]
    assert (await client.userinfo(token)).status_code == 401


async def test_an_algorithm_that_the_file_has_no_key_for() -> None:
    bank = Bank(clients=[{**FINTECH, "id_token_signed_response_alg": "PS256"}, *APIS])
    jwks = {"keys": [a_key("ES256", 40).to_private_jwk()]}
    bank.server = AuthorizationServer(
        replace(bank.config, signing_jwks=jwks), store=bank.store, clock=bank.clock
    )
    with pytest.raises(ConfigurationError, match="PS256"):
        await bank.server.start()
    client = bank.client()
    assert _error(await client.redeem(await client.code()))[:2] == (500, "server_error")


async def test_a_store_that_forgets_at_once_is_told(bank: Bank) -> None:
    async def forget(*_: object) -> None:
        return None

    bank.server.core.records.read = forget  # type: ignore[assignment, method-assign]
    with pytest.raises(FapiError, match="lost"):
        await bank.server.core.keys.secret()


def test_a_key_file_that_is_no_key_set(bank: Bank) -> None:
    for jwks in ({"keys": "none"}, {"keys": [7]}, {}):
        with pytest.raises(ConfigurationError, match="jwks_file"):
            ServerKeys(
                bank.server.core.records,
                clock=bank.clock,
                random_bytes=bank.server.core.random_bytes,
                default_alg="ES256",
                fixed=jwks,
                rotate_after=1,
                retire_after=1,
            )


# The user that a request is for


@pytest.mark.spec("OIDC 3.1.2.2")
async def test_a_hint_that_is_no_id_token_of_ours(bank: Bank, client: PlainClient) -> None:
    tokens = await client.tokens()
    for_other = (await bank.client("other").tokens())["id_token"]
    foreign = mint(claims_of(tokens["id_token"]), a_key("ES256", 30))
    for hint in (for_other, foreign, "x.y.z", tokens["access_token"]):
        assert _error(await client.push(client.request(id_token_hint=hint)))[:2] == (400, "invalid_request")
    assert (await client.push(client.request(id_token_hint=tokens["id_token"]))).status_code == 201


async def test_two_users_in_one_request(client: PlainClient) -> None:
    hint = (await client.tokens())["id_token"]
    other = {"id_token": {"sub": {"value": "bob"}}}
    assert _error(await client.push(client.request(id_token_hint=hint, claims=other)))[2] == "OIDC 3.1.2.2"
    odd = {"id_token": {"sub": {"value": 7}}}
    assert _error(await client.push(client.request(claims=odd)))[2] == "OIDC 5.5.1"


# Configuration


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"clients_file": "clients.json"}, "clients_file"),
        ({"resources": [{"uri": "/relative"}]}, "resources[0].uri"),
        ({"resources": [{"uri": f"{ACCOUNTS}#x"}]}, "resources[0].uri"),
        ({"resources": [{"uri": ACCOUNTS, "scopes": [7]}]}, "resources[0].scopes"),
        ({"resources": ["x"]}, "resources"),
        ({"scopes": {"accounts": 7}}, "scopes.accounts"),
    ],
)
def test_settings_of_the_wrong_shape(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(named)):
        Config.from_mapping({**settings(), **changes}, base=Path())


async def test_metadata_names_an_open_registration() -> None:
    bank = Bank(initial_access_token="open")
    document = (await bank.browser().get("/.well-known/oauth-authorization-server")).json()
    assert document["registration_endpoint"] == f"{ISSUER}/register"


async def test_the_style_sheet(client: PlainClient) -> None:
    style = await client.http.get("/style.css")
    assert style.headers["content-type"].startswith("text/css")


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("PUT", "/token", 405)])
async def test_where_no_route_fits_a_program_gets_json_and_a_browser_a_page(
    client: PlainClient, method: str, path: str, status: int
) -> None:
    told = await client.http.request(method, path)
    assert _error(told) == (status, "invalid_request", "RFC 8414 3")
    assert told.headers.get("allow") == ("POST" if status == 405 else None)

    shown = await client.http.request(method, path, headers={"accept": "text/html,*/*"})
    assert shown.status_code == status
    assert "There is no page at this address." in shown.text
    assert shown.headers["content-security-policy"]
