"""What a profile forbids, or a server cannot do, is refused when the client is made, with the clause."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fapikit import PrivateKeyJWT
from fapikit.client_authentication import ClientSecretBasic, ClientSecretJWT, ClientSecretPost, PublicClient
from fapikit.errors import (
    ConfigurationError,
    ForbiddenByProfile,
    MissingMetadata,
    PeerRefused,
    Remedy,
    UnexpectedStatus,
)
from rpkit import AsyncClient, Client, RegisteredBank, Registry
from tests.keys import a_key
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import FakeBank

SECRET = "a secret of more than thirty-two octets, as HS256 asks"

FAPI1 = {"profile": "fapi1-baseline", "sender_constraint": None}

FORBIDDEN: dict[str, tuple[dict[str, Any], str]] = {
    "client_secret_basic": ({"auth": ClientSecretBasic(SECRET)}, "FAPI2-SP 5.3.2.1-6"),
    "client_secret_post": ({"auth": ClientSecretPost(SECRET)}, "FAPI2-SP 5.3.2.1-6"),
    "client_secret_jwt": ({"auth": ClientSecretJWT(SECRET)}, "FAPI2-SP 5.3.2.1-6"),
    "a public client": ({"auth": PublicClient()}, "FAPI2-SP 5.3.2.1-3"),
    "an assertion by RS256": ({"auth": PrivateKeyJWT(a_key("RS256"))}, "FAPI2-SP 5.4.1-1.2"),
    "an assertion by ES384": ({"auth": PrivateKeyJWT(a_key("ES384"))}, "FAPI2-SP 5.4.1-1.2"),
    "bearer tokens": ({"sender_constraint": None}, "FAPI2-SP 5.3.2.1-4"),
    "unpushed requests": ({"pushed_requests": False}, "FAPI2-SP 5.3.2.2-3"),
    "a clear redirect URI": ({"redirect_uri": "http://fintech.example/callback"}, "FAPI2-SP 5.3.2.2-8"),
    "loopback under FAPI 1": (
        {**FAPI1, "redirect_uri": "http://127.0.0.1:8080/callback"},
        "FAPI1-BL 7.5-2",
    ),
    "a scheme of its own under FAPI 1": (
        {**FAPI1, "redirect_uri": "example.fintech:/callback"},
        "FAPI1-BL 7.5-1",
    ),
    "proofs by RS256": ({"dpop_signer": a_key("RS256")}, "FAPI2-SP 5.4.1-1.2"),
    "ID tokens by RS256": ({"id_token_signed_response_alg": "RS256"}, "FAPI2-SP 5.4.1-1.2"),
    "responses by RS256": ({"authorization_signed_response_alg": "RS256"}, "FAPI2-SP 5.4.1-1.2"),
    "UserInfo by RS256": ({"userinfo_signed_response_alg": "RS256"}, "FAPI2-SP 5.4.1-1.2"),
    "introspection by RS256": ({"introspection_signed_response_alg": "RS256"}, "FAPI2-SP 5.4.1-1.2"),
    "an unknown response mode": ({"response_mode": "post_message"}, "JARM 2.3"),
    "unsigned requests under Message Signing": (
        {"profile": "fapi2-message-signing", "signed_requests": False},
        "FAPI2-MS 5.3.1-1",
    ),
    "plain responses under Message Signing": (
        {"profile": "fapi2-message-signing", "response_mode": "query"},
        "FAPI2-MS 5.4.1-1",
    ),
    "another signed mode than jwt under Message Signing": (
        {"profile": "fapi2-message-signing", "response_mode": "query.jwt"},
        "FAPI2-MS 5.4.1-1",
    ),
}


@pytest.mark.parametrize("auth", [None, a_key("ES256"), "secret", PrivateKeyJWT])
def test_a_bare_key_is_no_way_to_sign_in(auth: Any, clients: Clients, bank: FakeBank) -> None:
    with pytest.raises(ConfigurationError, match="PrivateKeyJWT"):
        clients.of(bank, auth=auth)


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("invalid_client", Remedy.FIX_CONFIGURATION),
        ("unauthorized_client", Remedy.FIX_CONFIGURATION),
        ("invalid_request_object", Remedy.FIX_CONFIGURATION),
        ("invalid_request", Remedy.CORRECT_THE_REQUEST),
        ("invalid_scope", Remedy.CORRECT_THE_REQUEST),
        ("invalid_target", Remedy.CORRECT_THE_REQUEST),
        ("invalid_authorization_details", Remedy.CORRECT_THE_REQUEST),
        ("invalid_client_metadata", Remedy.CORRECT_THE_REQUEST),
        ("invalid_redirect_uri", Remedy.CORRECT_THE_REQUEST),
        ("invalid_dpop_proof", Remedy.FIX_CONFIGURATION),
        ("server_error", Remedy.TELL_THE_PEER),
    ],
)
def test_what_a_server_refuses_says_whose_turn_it_is(code: str, remedy: Remedy) -> None:
    assert PeerRefused("refused", peer_code=code, status=400).remedy == remedy


@pytest.mark.spec("FAPI2-SP 5.3.3.1-1, -2, 5.3.3.2-2; FAPI2-MS 5.4.2-1")
@pytest.mark.parametrize("what", FORBIDDEN)
def test_the_profile_forbids(what: str, clients: Clients, bank: FakeBank) -> None:
    options, clause = FORBIDDEN[what]
    with pytest.raises(ForbiddenByProfile) as caught:
        clients.of(bank, **options)
    assert caught.value.clause == clause
    assert not bank.seen, "refused before anything is sent"


def test_a_native_app_has_its_own_scheme_or_a_port_of_its_machine(clients: Clients, bank: FakeBank) -> None:
    for uri in ("example.fintech:/callback", "http://127.0.0.1:8080/callback"):
        assert clients.of(bank, profile="oauth-2.1", redirect_uri=uri)


CONTRADICTIONS: dict[str, dict[str, Any]] = {
    "a signer without a constraint": {
        "profile": "oauth-2.1",
        "sender_constraint": None,
        "dpop_signer": a_key(),
    },
    "a redirect URI with a fragment": {"redirect_uri": "https://fintech.example/cb#here"},
    "a relative redirect URI": {"redirect_uri": "/callback"},
    "signed requests without a key": {
        "profile": "oauth-2.1",
        "auth": PublicClient(),
        "signed_requests": True,
    },
    "an unknown profile": {"profile": "fapi3"},
}


@pytest.mark.parametrize("what", CONTRADICTIONS)
def test_settings_contradict(what: str, clients: Clients, bank: FakeBank) -> None:
    with pytest.raises(ConfigurationError):
        clients.of(bank, **CONTRADICTIONS[what])


def without(*names: str) -> Any:
    return lambda members: {name: value for name, value in members.items() if name not in names}


def with_list(name: str, *values: str) -> Any:
    return lambda members: {**members, name: list(values)}


SERVERS: dict[str, tuple[Any, type[ConfigurationError | MissingMetadata], str]] = {
    "no PAR": (without("pushed_authorization_request_endpoint"), MissingMetadata, "FAPI2-SP 5.3.2.2-3"),
    "no token endpoint": (without("token_endpoint"), MissingMetadata, "RFC 8414 2"),
    "no authorization endpoint": (without("authorization_endpoint"), MissingMetadata, "RFC 8414 2"),
    "only plain PKCE": (
        with_list("code_challenge_methods_supported", "plain"),
        ConfigurationError,
        "FAPI2-SP 5.3.2.2-5",
    ),
    "another client authentication": (
        with_list("token_endpoint_auth_methods_supported", "tls_client_auth"),
        ConfigurationError,
        "FAPI2-SP 5.3.2.1-6",
    ),
}


@pytest.mark.spec("FAPI2-SP 5.3.3.2-2, -3")
@pytest.mark.parametrize("what", SERVERS)
def test_the_server_cannot(what: str, clients: Clients, bank: FakeBank) -> None:
    fault, error, clause = SERVERS[what]
    bank.faults["metadata"] = fault
    with pytest.raises(error) as caught:
        clients.of(bank)
    assert caught.value.clause == clause


def test_a_mode_or_proof_algorithm_the_server_does_not_list(clients: Clients, bank: FakeBank) -> None:
    bank.faults["metadata"] = with_list("response_modes_supported", "query")
    with pytest.raises(ConfigurationError, match="does not support jwt"):
        clients.of(bank, response_mode="jwt")
    bank.faults["metadata"] = with_list("dpop_signing_alg_values_supported", "PS256")
    with pytest.raises(ConfigurationError, match="does not support ES256"):
        clients.of(bank, dpop_signer=a_key())


def test_a_server_that_takes_pushed_requests_only(clients: Clients, bank: FakeBank) -> None:
    bank.faults["metadata"] = lambda m: {**m, "require_pushed_authorization_requests": True}
    with pytest.raises(ConfigurationError, match="pushed"):
        clients.of(bank, profile="oauth-2.1", pushed_requests=False)


def test_what_could_never_be_verified_is_not_asked_for(clients: Clients, bank: FakeBank) -> None:
    bank.faults["metadata"] = with_list("id_token_signing_alg_values_supported", "RS256")
    client = clients.of(bank)
    with pytest.raises(MissingMetadata) as caught:
        client.begin(scope="openid")
    assert caught.value.clause == "FAPI2-SP 5.4.1-1.2"
    assert client.begin(scope="accounts").url
    assert clients.of(bank, id_token_signed_response_alg="ES256").begin(scope="openid").url


def test_both_kinds_of_metadata_are_found(clients: Clients, bank: FakeBank) -> None:
    """RFC 8414 first, OpenID Connect Discovery where that is absent; one slash between issuer and path."""
    assert clients.of(bank).bank.issuer == bank.issuer
    assert bank.seen[0].path == "/.well-known/oauth-authorization-server/test/a/alias"
    route = bank.route

    def only_oidc(call: Any) -> Any:
        missing = "oauth-authorization-server" in call.path
        return (404, {}, b"") if missing else route(call)

    bank.route = only_oidc  # type: ignore[method-assign]
    clients.of(bank)
    assert bank.seen[-1].path == "/test/a/alias/.well-known/openid-configuration"
    bank.route = lambda _call: (503, {}, b"")  # type: ignore[method-assign]
    with pytest.raises(UnexpectedStatus):
        clients.of(bank)


ALLOWED = {
    "client_secret_basic": ClientSecretBasic(SECRET),
    "client_secret_post": ClientSecretPost(SECRET),
    "client_secret_jwt": ClientSecretJWT(SECRET),
    "none": PublicClient(),
    "private_key_jwt": PrivateKeyJWT(a_key("RS256")),
}


@pytest.mark.parametrize("method", ALLOWED)
def test_every_method_where_the_profile_allows_it(method: str, clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank, profile="oauth-2.1", auth=ALLOWED[method])
    start = client.begin(scope="openid")
    assert client.complete(bank.authorize(start.url), start.transaction).id_token
    form, headers = bank.calls("token")[-1].form, bank.calls("token")[-1].headers
    assert ("authorization" in headers) == (method == "client_secret_basic")
    assert ("client_assertion" in form) == method.endswith("jwt")
    assert ("client_secret" in form) == (method == "client_secret_post")
    assert "code_verifier" in form


def a_bank(**changes: Any) -> RegisteredBank:
    given = {
        "issuer": "https://one.example",
        "client_id": "fintech",
        "auth": PrivateKeyJWT(a_key()),
        "redirect_uri": "https://fintech.example/one",
    }
    return RegisteredBank(**{**given, **changes})


@pytest.mark.spec("FAPI1-BL 5.2.3-3")
def test_banks_of_a_registry_share_neither_issuer_nor_redirect_uri() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Registry({"one": a_bank(), "two": a_bank(issuer="https://two.example")})
    assert caught.value.clause == "RFC 9700 4.4.2"
    with pytest.raises(ConfigurationError) as caught:
        Registry({"one": a_bank(), "two": a_bank(redirect_uri="https://fintech.example/two")})
    assert caught.value.clause == "RFC 9207 4"
    with pytest.raises(ForbiddenByProfile):
        a_bank(auth=ClientSecretBasic(SECRET))


def test_each_bank_of_a_registry_has_its_own_terms() -> None:
    first, second = FakeBank(), FakeBank(issuer="https://two.example/")
    second.dpop = second.nonces = False
    banks = Registry(
        {
            "first": a_bank(issuer=first.issuer, http=first.http(), options={"clock": first.clock}),
            "second": a_bank(
                issuer=second.issuer,
                redirect_uri="https://fintech.example/two",
                auth=ClientSecretBasic(SECRET),
                profile="oauth-2.1",
                http=second.http(),
                options={"clock": second.clock, "sender_constraint": None},
            ),
        }
    )
    for name, bank in (("first", first), ("second", second)):
        client = banks.client(name)
        assert isinstance(client, Client)
        assert banks.client(name) is client
        start = client.begin(scope="openid")
        assert client.complete(bank.authorize(start.url), start.transaction).id_token
        awaited = asyncio.run(banks.async_client(name))
        assert isinstance(awaited, AsyncClient)
        assert awaited.issuer == bank.issuer
    assert banks.name_of(second.issuer) == "second"
    assert list(banks) == ["first", "second"]
    with pytest.raises(ConfigurationError):
        banks.client("third")


@pytest.mark.spec("FAPI2-SP 5.2.2.1b; FAPI2-SP 5.3.3.1-7; RFC 8705 5")
def test_mtls_aliases_are_used_where_registered(clients: Clients, bank: FakeBank) -> None:
    """With the alias where one is listed, else with the plain endpoint; an alias alone changes nothing."""
    client = clients.of(bank, use_mtls_endpoint_aliases=True)
    assert client.bank.endpoint("token_endpoint") == "https://mtls.bank.example/token"
    assert client.bank.endpoint("revocation_endpoint") == bank.url("revoke")
    assert client.client_credentials(scope="accounts").has(None)
    assert bank.calls("token")[-1].headers["host"] == "mtls.bank.example"
    assert clients.of(bank).bank.endpoint("token_endpoint") == bank.url("token")
