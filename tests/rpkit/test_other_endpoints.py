"""UserInfo, introspection, registration and an API's own metadata."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fapikit import Secret, profile_of
from fapikit.errors import (
    ConfigurationError,
    FapiError,
    ForbiddenByProfile,
    IssuerMismatch,
    MetadataError,
    PeerRefused,
    Remedy,
    TransportError,
    WrongSubject,
)
from fapikit.metadata import read_metadata
from rpkit.api.resource_metadata import discover_resource, find_issuer, metadata_url
from rpkit.errors import (
    OtherAuthorizationServer,
    RegistrationError,
    ServerBusy,
    UnboundToken,
    UserInfoError,
)
from rpkit.registration.registration import register
from tests.hands import Hand, answer
from tests.keys import a_key, mint
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import CLIENT_ID, FakeBank
from tests.rpkit.logins import signed_in

# --- UserInfo ------------------------------------------------------------------------------------


def signed_userinfo(bank: FakeBank, **changes: Any) -> Any:
    def sign(members: dict[str, Any]) -> str:
        claims = {**members, "iss": bank.issuer, "aud": CLIENT_ID, **changes}
        return mint({k: v for k, v in claims.items() if v is not None}, bank.key)

    return sign


def test_userinfo_of_another_user_is_discarded(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    for wrong in ("alice1", "alic", None):
        bank.faults["userinfo"] = lambda m, wrong=wrong: {k: v for k, v in {**m, "sub": wrong}.items() if v}
        with pytest.raises(WrongSubject) as caught:
            client.userinfo(login)
        assert caught.value.clause == "OIDC 5.3.2"


USERINFO: dict[str, tuple[dict[str, Any], type[FapiError]]] = {
    "another user": ({"sub": "mallory"}, WrongSubject),
    "another client": ({"aud": "another"}, UserInfoError),
    "another issuer": ({"iss": "https://evil.example"}, FapiError),
    "expired": ({"exp": 1}, FapiError),
}


@pytest.mark.parametrize("what", USERINFO)
def test_signed_userinfo_is_refused(what: str, clients: Clients, bank: FakeBank) -> None:
    changes, error = USERINFO[what]
    client = clients.of(bank, userinfo_signed_response_alg="ES256")
    login = signed_in(client, bank)
    bank.faults["userinfo_jwt"] = signed_userinfo(bank, **changes)
    with pytest.raises(error):
        client.userinfo(login)


def test_json_where_signed_userinfo_is_registered_is_a_downgrade(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank, userinfo_signed_response_alg="ES256")
    login = signed_in(client, bank)
    with pytest.raises(UserInfoError):
        client.userinfo(login)
    bank.faults["userinfo_jwt"] = signed_userinfo(bank)
    assert client.userinfo(login).claims["name"] == "Alice"


def test_userinfo_needs_openid(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    with pytest.raises(ConfigurationError):
        client.userinfo(signed_in(client, bank, scope="accounts"))


# --- Introspection -------------------------------------------------------------------------------


def members_for(login: Any, **changes: Any) -> dict[str, Any]:
    return {"active": True, "scope": "accounts", "cnf": {"jkt": login.tokens.dpop.jkt}, **changes}


def test_introspection_as_json(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    bank.faults["introspect_answer"] = lambda _call: (200, {}, members_for(login))
    found = client.introspect(login.tokens)
    assert (found.active, found.claims["scope"]) == (True, "accounts")
    bank.faults["introspect_answer"] = lambda _call: (200, {}, {"active": False, "scope": "leaked"})
    assert client.introspect(Secret("some-token")).claims == {}


@pytest.mark.parametrize("cnf", [{}, {"jkt": "another"}, {"x5t#S256": "x"}])
@pytest.mark.spec("RFC 9449 6")
def test_a_token_that_is_not_bound_to_our_key_is_found_out(
    cnf: dict[str, str], clients: Clients, bank: FakeBank
) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    bank.faults["introspect_answer"] = lambda _call: (200, {}, members_for(login, cnf=cnf))
    with pytest.raises(UnboundToken):
        client.introspect(login.tokens)


def test_signed_introspection_under_message_signing(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank, profile="fapi2-message-signing")
    login = signed_in(client, bank)
    claims = {
        "iss": bank.issuer,
        "aud": CLIENT_ID,
        "iat": int(bank.clock()),
        "token_introspection": members_for(login),
    }
    media = {"content-type": "application/token-introspection+jwt"}

    def signed(_call: Any) -> Any:
        assert _call.headers["accept"] == "application/token-introspection+jwt"
        return 200, media, mint(claims, bank.key, typ="token-introspection+jwt").encode()

    bank.faults["introspect_answer"] = signed
    assert client.introspect(login.tokens).active
    bank.faults["introspect_answer"] = lambda _call: (200, {}, members_for(login))
    with pytest.raises(TransportError) as caught:
        client.introspect(login.tokens)
    assert caught.value.clause == "FAPI2-MS 5.5.2-1"


# --- Servers that are busy -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        ("Fri, 15 Jan 2027 08:01:00 GMT", 60.0),
        ("soon", None),
        ("Fri, 15 Jan 2027 08:01:00 +99999999999999999999", None),
        (None, None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_says_when_to_come_back(
    status: int, header: str | None, seconds: float | None, clients: Clients, bank: FakeBank
) -> None:
    client = clients.of(bank)
    tokens = signed_in(client, bank).tokens
    bank.faults["token_answer"] = lambda _call: (status, {"retry-after": header} if header else {}, {})
    with pytest.raises(ServerBusy) as caught:
        client.refresh(tokens)
    assert caught.value.retry_after == seconds
    assert caught.value.remedy is Remedy.RETRY_LATER


# --- Dynamic registration ------------------------------------------------------------------------

SERVER = read_metadata(
    "https://bank.example",
    {"issuer": "https://bank.example", "registration_endpoint": "https://bank.example/register"},
)
ASKED = {
    "redirect_uris": ["https://fintech.example/callback"],
    "token_endpoint_auth_method": "private_key_jwt",
    "id_token_signed_response_alg": "ES256",
    "jwks": {"keys": [dict(a_key().public_jwk)]},
}


def registered(
    asked: dict[str, Any],
    given: dict[str, Any],
    status: int = 201,
    profile: str = "fapi2-security",
    **options: Any,
) -> Any:
    hand = Hand(answer(given, status))
    result = hand.run(register(SERVER, asked, profile=profile_of(profile), **options))
    return result, hand.requests[0]


def test_registration() -> None:
    given = {**ASKED, "client_id": "c1", "registration_access_token": "manage-me", "extra": 1}
    result, request = registered(ASKED, given, initial_access_token=Secret("initial"))
    assert result.client_id == "c1"
    assert result.registration_access_token.reveal() == "manage-me"
    assert json.loads(request.body) == ASKED
    assert ("authorization", "Bearer initial") in request.headers
    assert "manage-me" not in repr(result)
    assert "registration_access_token" not in result.metadata


NOT_ASKED: dict[str, tuple[dict[str, Any], str]] = {
    "a secret": ({"token_endpoint_auth_method": "client_secret_basic"}, "FAPI2-SP 5.3.2.1-6"),
    "RS256": ({"id_token_signed_response_alg": "RS256"}, "FAPI2-SP 5.4.1-1.2"),
    "the default algorithm": ({"id_token_signed_response_alg": None}, "FAPI2-SP 5.4.1-1.2"),
    "clear redirects": ({"redirect_uris": ["http://fintech.example/"]}, "FAPI2-SP 5.3.2.2-8"),
    "clear returns from a logout": (
        {"post_logout_redirect_uris": ["http://fintech.example/"]},
        "FAPI2-SP 5.3.2.2-8",
    ),
    "jwks twice": ({"jwks_uri": "https://fintech.example/jwks"}, "RFC 7591 2"),
    "a private key": ({"jwks": {"keys": [a_key().to_private_jwk()]}}, "RFC 7517 9.2"),
}


@pytest.mark.parametrize("what", NOT_ASKED)
def test_registrations_that_are_not_asked_for(what: str) -> None:
    changes, clause = NOT_ASKED[what]
    asked = {k: v for k, v in {**ASKED, **changes}.items() if v is not None}
    with pytest.raises(ConfigurationError) as caught:
        registered(asked, {})
    assert caught.value.clause == clause
    assert what == "a private key" or what == "jwks twice" or isinstance(caught.value, ConfigurationError)


def test_keys_may_lie_behind_a_uri_and_nobody_is_named_unasked() -> None:
    asked = {name: value for name, value in ASKED.items() if name != "jwks"}
    asked["jwks_uri"] = "https://fintech.example/jwks"
    result, request = registered(asked, {**asked, "client_id": "c1"})
    assert result.metadata["jwks_uri"] == asked["jwks_uri"]
    assert not any(name == "authorization" for name, _ in request.headers)


@pytest.mark.parametrize(("said", "ends"), [(0, None), (1_800_000_000, 1_800_000_000.0)])
def test_a_secret_is_kept_with_its_end(said: int, ends: float | None) -> None:
    asked = {**ASKED, "token_endpoint_auth_method": "client_secret_basic"}
    given = {**asked, "client_id": "c1", "client_secret": "hush", "client_secret_expires_at": said}
    result, _ = registered(asked, given, profile="oauth-2.1")
    assert result.client_secret.reveal() == "hush"
    assert result.client_secret_expires_at == ends
    assert "hush" not in repr(result)
    assert "client_secret" not in result.metadata


def test_what_is_left_out_is_rs256_where_that_is_not_allowed() -> None:
    without = {name: value for name, value in ASKED.items() if not name.endswith("_alg")}
    assert registered(without, {**without, "client_id": "c1"}, profile="oauth-2.1")
    with pytest.raises(ConfigurationError) as caught:
        registered(ASKED, {}, profile="fapi2-message-signing")
    assert caught.value.facts["member"] == "authorization_signed_response_alg"
    asked = {**ASKED, "authorization_signed_response_alg": "ES256"}
    assert registered(asked, {**asked, "client_id": "c1"}, profile="fapi2-message-signing")


ANSWERS: dict[str, dict[str, Any]] = {
    "another method": {"token_endpoint_auth_method": "none"},
    "another algorithm": {"id_token_signed_response_alg": "RS256"},
    "other redirect URIs": {"redirect_uris": ["https://evil.example/"]},
    "no client_id": {"client_id": None},
    "a client_id that is no text": {"client_id": 5},
    "a secret without its end": {"client_secret": "s"},
    "a secret whose end is no time": {"client_secret": "s", "client_secret_expires_at": "never"},
    "a secret whose end is true": {"client_secret": "s", "client_secret_expires_at": True},
}


@pytest.mark.parametrize("what", ANSWERS)
def test_weaker_registrations_are_refused(what: str) -> None:
    given = {k: v for k, v in {**ASKED, "client_id": "c1", **ANSWERS[what]}.items() if v is not None}
    with pytest.raises(RegistrationError) as caught:
        registered(ASKED, given)
    assert caught.value.clause == "RFC 7591 3.2.1"


DROPPED: dict[str, object] = {
    "token_endpoint_auth_method": "private_key_jwt",
    "redirect_uris": ASKED["redirect_uris"],
    "request_object_signing_alg": "ES256",
    "require_signed_request_object": True,
    "require_pushed_authorization_requests": True,
    "dpop_bound_access_tokens": True,
    "tls_client_certificate_bound_access_tokens": True,
}


@pytest.mark.spec("RFC 7591 3.2.1")
@pytest.mark.parametrize("name", DROPPED)
def test_what_the_server_leaves_out_it_has_not_registered(name: str) -> None:
    asked = {**ASKED, name: DROPPED[name]}
    assert registered(asked, {**asked, "client_id": "c1"})
    with pytest.raises(RegistrationError) as caught:
        registered(asked, {k: v for k, v in {**asked, "client_id": "c1"}.items() if k != name})
    assert caught.value.facts["member"] == name
    assert caught.value.facts["got"] == "(left out)"


def test_what_is_left_out_and_means_the_same_is_no_loss() -> None:
    asked = {**ASKED, "dpop_bound_access_tokens": False, "client_name": "Fintech"}
    assert registered(asked, {**ASKED, "client_id": "c1"})


@pytest.mark.parametrize("name", ["id_token", "authorization", "introspection", "userinfo"])
def test_an_algorithm_of_answers_may_be_left_out_but_not_be_another(name: str) -> None:
    """The client checks each answer itself."""
    member = f"{name}_signed_response_alg"
    asked = {**ASKED, member: "ES256"}
    assert registered(asked, {k: v for k, v in {**asked, "client_id": "c1"}.items() if k != member})
    with pytest.raises(RegistrationError):
        registered(asked, {**asked, "client_id": "c1", member: "PS256"})
    with pytest.raises(ConfigurationError):
        registered({**asked, member: "RS256"}, {})


def test_a_refused_registration_carries_the_servers_code() -> None:
    with pytest.raises(PeerRefused) as caught:
        registered(ASKED, {"error": "invalid_redirect_uri"}, status=400)
    assert caught.value.peer_code == "invalid_redirect_uri"


def test_an_unregistered_profile_rule_is_forbidden() -> None:
    with pytest.raises(ForbiddenByProfile):
        registered({**ASKED, "token_endpoint_auth_method": "none"}, {})


# --- An API's own metadata -----------------------------------------------------------------------

API = "https://api.example/v1?tenant=1"


def test_the_well_known_part_goes_between_host_and_path() -> None:
    base = "https://api.example/.well-known/oauth-protected-resource"
    assert metadata_url("https://api.example") == base
    assert metadata_url("https://api.example/") == base
    assert metadata_url(API) == f"{base}/v1?tenant=1"


def test_metadata_of_another_resource_is_not_used() -> None:
    members = {"resource": f"{API}1", "authorization_servers": ["https://bank.example"]}
    with pytest.raises(MetadataError) as caught:
        Hand(answer(members)).run(discover_resource(API))
    assert caught.value.clause == "RFC 9728 3.3a"


def found(servers: list[str], allowed: Any) -> str:
    return Hand(answer({"resource": API, "authorization_servers": servers})).run(find_issuer(API, allowed))


@pytest.mark.spec("RFC 9728 7.7")
@pytest.mark.parametrize(
    ("servers", "allowed", "issuer"),
    [
        (["https://one", "https://two"], "https://two", "https://two"),
        (["https://one", "https://two"], ["https://three", "https://two", "https://one"], "https://two"),
        (["https://api.example/as"], None, "https://api.example/as"),
        (["https://elsewhere", "https://API.example:443"], None, "https://API.example:443"),
        (["https://api.example/as"], "https://api.example/as", "https://api.example/as"),
    ],
)
def test_of_the_servers_that_an_api_trusts_one_is_taken_that_the_caller_allows(
    servers: list[str], allowed: Any, issuer: str
) -> None:
    assert found(servers, allowed) == issuer


@pytest.mark.parametrize(
    "allowed", [None, "https://three", ["https://three", "https://one/"], ("https://ONE",)]
)
def test_an_api_sends_nobody_to_a_server_that_the_caller_did_not_name(allowed: Any) -> None:
    """Not even to the only one it trusts: our credentials would go there."""
    with pytest.raises(OtherAuthorizationServer) as caught:
        found(["https://one"], allowed)
    assert caught.value.authorization_servers == ("https://one",)
    assert "issuer=" in str(caught.value)


@pytest.mark.parametrize(
    "elsewhere", ["https://api.example.evil.example", "https://api.example:444", "https://api.example@evil"]
)
def test_what_is_not_at_the_apis_own_origin_has_to_be_named(elsewhere: str) -> None:
    with pytest.raises(OtherAuthorizationServer):
        found([elsewhere], None)


def test_an_api_that_names_no_server_or_several_of_its_own_says_too_little() -> None:
    with pytest.raises(MetadataError):
        found([], None)
    with pytest.raises(MetadataError):
        found([], "https://one")
    with pytest.raises(MetadataError) as caught:
        found(["https://api.example/a", "https://api.example/b"], None)
    assert "issuer=" in str(caught.value)


@pytest.mark.parametrize("nobody", ["", [], ()])
def test_allowing_nobody_is_refused_before_the_api_is_asked(nobody: Any) -> None:
    with pytest.raises(ConfigurationError):
        next(find_issuer(API, nobody))


def test_a_client_is_found_from_the_api_alone(bank: FakeBank) -> None:
    from fapikit import PrivateKeyJWT
    from rpkit import AsyncClient, Client
    from tests.mothers.fake_bank import REDIRECT_URI

    route = bank.route

    def with_api(call: Any) -> Any:
        if "oauth-protected-resource" in call.path:
            found = {"resource": "https://bank.example/accounts", "authorization_servers": [bank.issuer]}
            return 200, {}, found
        return route(call)

    bank.route = with_api  # type: ignore[method-assign]
    options = {
        "client_id": CLIENT_ID,
        "auth": PrivateKeyJWT(a_key("ES256", 1)),
        "redirect_uri": REDIRECT_URI,
        "http": bank.http(),
    }
    assert Client.for_api("https://bank.example/accounts", **options).issuer == bank.issuer
    with pytest.raises(OtherAuthorizationServer):
        Client.for_api("https://bank.example/accounts", issuer="https://other.example", **options)
    import asyncio

    found = asyncio.run(AsyncClient.for_api("https://bank.example/accounts", **options))
    assert found.issuer == bank.issuer


def test_metadata_of_another_issuer_is_not_used(clients: Clients, bank: FakeBank) -> None:
    bank.faults["metadata"] = lambda m: {**m, "issuer": m["issuer"].rstrip("/")}
    with pytest.raises(IssuerMismatch):
        clients.of(bank)


def test_a_client_registers_itself_and_signs_a_user_in(clients: Clients, bank: FakeBank) -> None:
    import asyncio

    from rpkit import AsyncClient, Client

    def store(call: Any) -> Any:
        return 201, {}, {**json.loads(call.body), "client_id": CLIENT_ID}

    bank.faults["register_answer"] = store
    if clients.kind == "sync":
        registration = Client.register(bank.issuer, ASKED, http=bank.http())
    else:
        registration = asyncio.run(AsyncClient.register(bank.issuer, ASKED, http=bank.http()))
    client = clients.of(bank, client_id=registration.client_id)
    assert signed_in(client, bank).id_token
