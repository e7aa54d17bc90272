"""Dynamic registration, opened by the initial access token; and the metadata a client may have at all."""

from __future__ import annotations

import codecs
import json
from typing import Any

import httpx
import pytest

from askit.clients.client import Client
from askit.errors import InvalidClientMetadata, InvalidRedirectUri
from tests.askit.bank import FINTECH, Bank
from tests.askit.plain_client import CALLBACK, PlainClient
from tests.askit.registering import ASKED, OPEN, OPENER, register
from tests.keys import a_key

pytestmark = pytest.mark.anyio


@pytest.fixture
def open_bank() -> Bank:
    return Bank(**OPEN)


@pytest.mark.spec("RFC 7591 3")
async def test_a_registered_client_completes_a_flow(open_bank: Bank) -> None:
    response = await register(open_bank)
    assert response.status_code == 201
    registered = response.json()
    assert registered["client_name"] == "New Fintech"
    assert registered["client_id_issued_at"] == int(open_bank.clock())
    assert "client_secret" not in registered
    client = open_bank.client(registered["client_id"], key=a_key("ES256", 7))
    assert (await client.tokens())["token_type"] == "DPoP"


@pytest.mark.spec("FAPI2-SP 6.7")
async def test_the_server_chooses_the_client_id(open_bank: Bank) -> None:
    """FAPI2-SP 6.7: a client must not choose to be called what a user is called."""
    registered = (await register(open_bank, client_id="user-alice", client_secret="mine")).json()
    assert registered["client_id"] != "user-alice"
    assert "client_secret" not in registered


@pytest.mark.parametrize("token", [None, "", "wrong", "open-sesame1"])
async def test_registration_needs_the_initial_access_token(open_bank: Bank, token: str | None) -> None:
    response = await register(open_bank, token)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_token")


async def test_without_an_initial_access_token_registration_is_closed(bank: Bank) -> None:
    assert (await register(bank)).status_code == 401
    metadata = (await bank.browser().get("/.well-known/oauth-authorization-server")).json()
    assert "registration_endpoint" not in metadata


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"redirect_uris": ["http://fintech.example.test/callback"]}, "invalid_redirect_uri"),
        ({"redirect_uris": [f"{CALLBACK}#x"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["/relative"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://a.test; script-src *"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://user@fintech.example.test/"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["com.example.app:/callback"]}, "invalid_redirect_uri"),
        ({"redirect_uris": CALLBACK}, "invalid_client_metadata"),
        ({"redirect_uris": []}, "invalid_client_metadata"),
        ({"jwks": None}, "invalid_client_metadata"),
        ({"jwks_uri": "https://fintech.example.test/jwks"}, "invalid_client_metadata"),
        ({"jwks": {"keys": [a_key("ES256", 7).to_private_jwk()]}}, "invalid_client_metadata"),
        ({"jwks": {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}}, "invalid_client_metadata"),
        ({"jwks": []}, "invalid_client_metadata"),
        ({"jwks": None, "jwks_uri": "http://fintech.example.test/jwks"}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "client_secret_basic"}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "none"}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": 7}, "invalid_client_metadata"),
        ({"id_token_signed_response_alg": "RS256"}, "invalid_client_metadata"),
        ({"id_token_signed_response_alg": "none"}, "invalid_client_metadata"),
        ({"token_endpoint_auth_signing_alg": "RS256"}, "invalid_client_metadata"),
        ({"grant_types": ["implicit"]}, "invalid_client_metadata"),
        ({"grant_types": ["password"]}, "invalid_client_metadata"),
        ({"response_types": ["token"]}, "invalid_client_metadata"),
        ({"default_max_age": "soon"}, "invalid_client_metadata"),
        ({"default_max_age": "-60"}, "invalid_client_metadata"),
        ({"default_max_age": "9" * 16}, "invalid_client_metadata"),
        ({"request_uris": "https://fintech.example.test/request"}, "invalid_client_metadata"),
        ({"redirect_uris": [""]}, "invalid_client_metadata"),
        ({"contacts": ["a@b.test", 7]}, "invalid_client_metadata"),
        ({"scope": ["accounts", 7]}, "invalid_client_metadata"),
        ({"dpop_bound_access_tokens": "perhaps"}, "invalid_client_metadata"),
        ({"require_signed_request_object": "yes"}, "invalid_client_metadata"),
        ({"logo_uri": "http://fintech.example.test/logo.png"}, "invalid_client_metadata"),
        ({"client_name": ["x"]}, "invalid_client_metadata"),
    ],
)
async def test_metadata_that_cannot_be(open_bank: Bank, changes: dict[str, Any], error: str) -> None:
    response = await register(open_bank, **changes)
    assert (response.status_code, response.json()["error"]) == (400, error)


async def ask(bank: Bank, asked: dict[str, Any], mark: bytes = b"") -> httpx.Response:
    headers = {"authorization": f"Bearer {OPENER}", "content-type": "application/json"}
    body = mark + json.dumps({**ASKED, **asked}).encode()
    return await bank.browser().post("/register", content=body, headers=headers)


OPTIONAL = (
    "backchannel_logout_uri",
    "client_name",
    "client_uri",
    "contacts",
    "default_max_age",
    "dpop_bound_access_tokens",
    "grant_types",
    "jwks_uri",
    "logo_uri",
    "post_logout_redirect_uris",
    "response_types",
    "scope",
    "token_endpoint_auth_method",
    "unknown_member",
)


@pytest.mark.parametrize("nothing", [None, ""], ids=["null", "empty"])
@pytest.mark.parametrize("name", OPTIONAL)
async def test_a_member_without_a_value_is_absent(open_bank: Bank, name: str, nothing: str | None) -> None:
    left_out = (await register(open_bank, **{name: None})).json()
    response = await ask(open_bank, {name: nothing})
    assert response.status_code == 201
    assert response.json().get(name) == left_out.get(name), "what is registered is echoed"
    assert response.json().keys() == left_out.keys()


@pytest.mark.parametrize("nothing", [None, ""], ids=["null", "empty"])
async def test_no_keys_are_registered_by_a_member_without_a_value(nothing: str | None) -> None:
    bank = Bank(**OPEN, profile="oauth-2.1")
    response = await ask(bank, {"jwks": nothing, "token_endpoint_auth_method": "none"})
    assert response.status_code == 201
    assert "jwks" not in response.json()


@pytest.mark.parametrize(
    ("name", "asked", "registered"),
    [
        ("scope", ["openid", "accounts"], "openid accounts"),
        ("contacts", "a@b.test", ["a@b.test"]),
        ("grant_types", "authorization_code refresh_token", ["authorization_code", "refresh_token"]),
        ("post_logout_redirect_uris", ["", None, CALLBACK], [CALLBACK]),
        ("grant_types", [""], ["authorization_code"]),
        ("dpop_bound_access_tokens", "true", True),
        ("require_auth_time", "False", False),
        ("default_max_age", "60", 60),
    ],
)
async def test_another_json_type_is_read_and_what_is_registered_is_echoed(
    open_bank: Bank, name: str, asked: Any, registered: Any
) -> None:
    response = await ask(open_bank, {name: asked})
    assert response.status_code == 201
    assert response.json()[name] == registered


async def test_a_byte_order_mark_is_no_reason_to_refuse(open_bank: Bank) -> None:
    assert (await ask(open_bank, {}, codecs.BOM_UTF8)).status_code == 201


@pytest.mark.parametrize("body", [b"", b"[]", b"no json", b'{"a":1,"a":2}'])
async def test_a_body_that_is_no_object_is_refused(open_bank: Bank, body: bytes) -> None:
    headers = {"authorization": f"Bearer {OPENER}", "content-type": "application/json"}
    response = await open_bank.browser().post("/register", content=body, headers=headers)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_client_metadata")


async def test_defaults_are_what_the_profile_can_bear(open_bank: Bank) -> None:
    registered = (await register(open_bank, token_endpoint_auth_method=None, grant_types=None)).json()
    assert registered["token_endpoint_auth_method"] == "private_key_jwt"
    assert registered["grant_types"] == ["authorization_code"]
    assert registered["id_token_signed_response_alg"] == "ES256"


async def test_a_secret_is_made_where_the_method_needs_one() -> None:
    bank = Bank(**OPEN, profile="oauth-2.1")
    registered = (await register(bank, token_endpoint_auth_method=None, jwks=None)).json()
    assert registered["token_endpoint_auth_method"] == "client_secret_basic"
    assert len(registered["client_secret"]) >= 43
    assert registered["client_secret_expires_at"] == 0


# Redirect URIs, compared


def _client(*uris: str) -> Client:
    return Client.read({**FINTECH, "redirect_uris": list(uris)})


@pytest.mark.spec("RFC 8252 7.3", "RFC 9700 2.1a")
def test_the_port_is_free_on_a_loopback_address_only() -> None:
    client = _client("http://127.0.0.1:8000/cb", "http://[::1]/cb", "http://localhost:8000/cb", CALLBACK)
    assert client.accepts_redirect_uri("http://127.0.0.1:51234/cb")
    assert client.accepts_redirect_uri("http://[::1]:9/cb")
    assert not client.accepts_redirect_uri("http://localhost:51234/cb")
    assert not client.accepts_redirect_uri("http://127.0.0.1:51234/other")
    assert not client.accepts_redirect_uri("http://127.0.0.1:51234/cb?x=1")
    assert not client.accepts_redirect_uri("http://127.0.0.1:51234/cb#x")
    assert not client.accepts_redirect_uri("http://evil[::1]:9/cb")
    assert not client.accepts_redirect_uri("http://[::1]evil:9/cb")
    assert not client.accepts_redirect_uri("http://user@127.0.0.1:51234/cb")
    assert not client.accepts_redirect_uri("https://127.0.0.1:51234/cb")
    assert not client.accepts_redirect_uri(CALLBACK.replace(".test", ".test:8443"))


@pytest.mark.spec("RFC 8252 8.4b")
@pytest.mark.parametrize(
    "asked",
    [
        "http://127.0.0.1:51234/cb?",
        "http://127.0.0.1:51234/CB",
        "http://127.0.0.1:51234//cb",
        "http://127.0.0.1:/cb",
        "http://127.0.0.1:0/cb",
        "http://127.0.0.1:65536/cb",
        "http://127.0.0.1:51234x/cb",
        "HTTP://127.0.0.1:51234/cb",
        "http://127.0.0.2:51234/cb",
        "http://127.1:51234/cb",
        "http://127.0.0.1.evil.example:51234/cb",
        "http://127.0.0.1:51234@evil.example/cb",
        "http://evil.example:80@127.0.0.1:51234/cb",
        "http://127.0.0.1:51234.evil.example/cb",
        "http://[0:0:0:0:0:0:0:1]:51234/cb",
        "http://[::ffff:127.0.0.1]:51234/cb",
        "http://[::1]:51234/cb",
    ],
)
def test_all_but_the_port_is_compared_letter_by_letter(asked: str) -> None:
    assert not _client("http://127.0.0.1/cb").accepts_redirect_uri(asked)


@pytest.mark.parametrize("client_id", ["", None, 7, "new\nline"])
def test_a_client_id_is_a_printable_string(client_id: object) -> None:
    with pytest.raises(InvalidClientMetadata):
        Client.read({**FINTECH, "client_id": client_id})


@pytest.mark.spec("FAPI2-SP 5.3.2.2-8", "RFC 9700 2.6")
def test_a_clear_text_redirect_uri_names_its_clause() -> None:
    with pytest.raises(InvalidRedirectUri) as refused:
        _client("http://fintech.example.test/callback")
    assert refused.value.clause == "FAPI2-SP 5.3.2.2-8"


async def test_keys_that_cannot_be_fetched_decide_nothing(open_bank: Bank) -> None:
    """503, not invalid_client: nobody knows whether the assertion is good."""
    registered = (await register(open_bank, jwks=None, jwks_uri="https://127.0.0.1:9/jwks")).json()
    client: PlainClient = open_bank.client(registered["client_id"], key=a_key("ES256", 7))
    response = await client.push()
    assert (response.status_code, response.json()["error"]) == (503, "temporarily_unavailable")
