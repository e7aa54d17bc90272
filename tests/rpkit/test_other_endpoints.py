"""UserInfo, introspection and an API's own metadata."""

from __future__ import annotations

from typing import Any

import pytest

from fapikit import Secret
from fapikit.errors import (
    BadSignature,
    ConfigurationError,
    FapiError,
    InsecureUrl,
    IssuerMismatch,
    MetadataError,
    PeerRefused,
    Remedy,
    TransportError,
    UnexpectedStatus,
    WrongSubject,
)
from rpkit.api.resource_metadata import discover_resource, find_issuer, metadata_url
from rpkit.errors import (
    OtherAuthorizationServer,
    ServerBusy,
    StepUpRequired,
    UnboundToken,
    UserInfoError,
)
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


REFUSED_TOKENS: dict[str, tuple[dict[str, str], Any, type[FapiError], str]] = {
    "an ended token": (
        {"www-authenticate": 'DPoP error="invalid_token", error_description="The token expired"'},
        {},
        PeerRefused,
        r'refused: invalid_token, "The token expired" \(if the access token has expired',
    ),
    "an ended token, under another scheme": (
        {"www-authenticate": 'Bearer error="invalid_token"'},
        {},
        PeerRefused,
        "invalid_token",
    ),
    "an ended token, in the body": (
        {},
        {"error": "invalid_token", "error_description": "gone"},
        PeerRefused,
        "invalid_token",
    ),
    "too little scope": (
        {"www-authenticate": 'DPoP error="insufficient_scope"'},
        {},
        PeerRefused,
        "insufficient_scope",
    ),
    "a weak login": (
        {"www-authenticate": 'DPoP error="insufficient_user_authentication", max_age="60"'},
        {},
        StepUpRequired,
        "stronger or more recent login",
    ),
    "nothing that is known": (
        {"www-authenticate": "Bearer"},
        b"<html>",
        UnexpectedStatus,
        "answered with status 401",
    ),
}


@pytest.mark.spec("OIDC 5.3.2")
@pytest.mark.parametrize("what", REFUSED_TOKENS)
def test_userinfo_says_why_it_refuses_a_token(what: str, clients: Clients, bank: FakeBank) -> None:
    headers, body, error, text = REFUSED_TOKENS[what]
    client = clients.of(bank)
    login = signed_in(client, bank)
    bank.faults["api_userinfo"] = lambda _call: (401, headers, body)
    with pytest.raises(error, match=text) as caught:
        client.userinfo(login)
    if what == "an ended token" or "scheme" in what:
        assert caught.value.remedy is Remedy.SIGN_IN_AGAIN


@pytest.mark.parametrize("label", ["text/plain", "text/html", "", "application/json; charset=utf-8"])
@pytest.mark.parametrize("status", [200, 201])
def test_userinfo_is_read_by_what_it_is_and_not_by_its_label(
    status: int, label: str, clients: Clients, bank: FakeBank
) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    bank.faults["api_userinfo"] = lambda _call: (
        status,
        {"content-type": label},
        {"sub": "alice", "name": "A"},
    )
    assert client.userinfo(login).claims["name"] == "A"
    token = signed_userinfo(bank)({"sub": "alice", "name": "B"})
    bank.faults["api_userinfo"] = lambda _call: (status, {"content-type": label}, f"{token}\n".encode())
    assert client.userinfo(login).claims["name"] == "B"
    forged = token[:-8] + "AAAAAAAA"
    bank.faults["api_userinfo"] = lambda _call: (status, {"content-type": label}, forged.encode())
    with pytest.raises(BadSignature):
        client.userinfo(login)


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
        (["https://one/"], "https://one", "https://one"),  # a slash more at the API, less at the server
        (["https://one"], ["https://three", "https://one/"], "https://one/"),
        (
            ["https://two/", "https://one"],
            ["https://two", "https://one"],
            "https://one",
        ),  # letter by letter first
    ],
)
def test_of_the_servers_that_an_api_trusts_one_is_taken_that_the_caller_allows(
    servers: list[str], allowed: Any, issuer: str
) -> None:
    assert found(servers, allowed) == issuer


@pytest.mark.parametrize(
    "allowed", [None, "https://three", ["https://three", "https://one/tenant"], ("https://ONE",)]
)
def test_an_api_sends_nobody_to_a_server_that_the_caller_did_not_name(allowed: Any) -> None:
    """Not even to the only one it trusts: our credentials would go there."""
    with pytest.raises(OtherAuthorizationServer) as caught:
        found(["https://one"], allowed)
    assert caught.value.authorization_servers == ("https://one",)
    assert "issuer=" in str(caught.value)
    assert "'https://one'" in str(caught.value)
    for issuer in (allowed,) if isinstance(allowed, str) else allowed or ():
        assert repr(issuer) in str(caught.value), "both are shown"


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


@pytest.mark.parametrize("odd", ["", "http://localhost/as", "http://elsewhere", None])
def test_a_server_that_cannot_be_used_is_left_out_beside_one_that_can(odd: str | None) -> None:
    servers: Any = [odd, "https://api.example/as"]
    assert found(servers, None) == "https://api.example/as"
    assert found(servers, "https://api.example/as") == "https://api.example/as"
    with pytest.raises(MetadataError if not odd else InsecureUrl):
        found([odd], None)  # type: ignore[list-item]


def test_metadata_without_a_resource_say_what_is_missing() -> None:
    with pytest.raises(MetadataError) as caught:
        Hand(answer({"authorization_servers": ["https://one"]})).run(find_issuer(API, "https://one"))
    assert "name no resource" in caught.value.message
    assert "Client.discover(issuer)" in caught.value.message
    assert "None" not in str(caught.value)


ROOT = "https://api.example/.well-known/oauth-protected-resource"
NAMES_ONE = answer({"resource": API, "authorization_servers": ["https://one"]})


def challenge(pointer: str) -> Any:
    return answer(status=401, www_authenticate=f'Bearer resource_metadata="{pointer}"')


@pytest.mark.spec("RFC 9728 5.1")
@pytest.mark.parametrize(
    "first", [answer(status=404), answer("<p>", media_type="text/html")], ids=["404", "page"]
)
def test_metadata_that_lie_elsewhere_are_found_by_the_answer_to_a_call_without_a_token(first: Any) -> None:
    hand = Hand(first, challenge(ROOT), NAMES_ONE)
    assert hand.run(find_issuer(API, "https://one")) == "https://one"
    assert [request.url for request in hand.requests] == [metadata_url(API), API, ROOT]
    assert all("authorization" not in dict(request.headers) for request in hand.requests)


@pytest.mark.parametrize(
    "answers",
    [
        [answer(status=401, www_authenticate="Bearer")],
        [answer(status=200)],
        [TransportError("no connection")],
        [challenge("https://other.example/metadata")],
        [challenge("http://api.example/metadata")],
        [challenge(metadata_url(API))],
        [challenge(ROOT), answer(status=404)],
    ],
    ids=["no pointer", "no challenge", "hangs", "other host", "http", "the same", "not there either"],
)
def test_an_api_without_metadata_is_refused_with_the_way_around_it(answers: list[Any]) -> None:
    with pytest.raises(UnexpectedStatus) as caught:
        Hand(answer(status=404), *answers).run(find_issuer(API, "https://one"))
    assert "Client.discover(issuer)" in caught.value.message
    assert "resource_metadata" in caught.value.message
    assert caught.value.remedy is Remedy.FIX_CONFIGURATION


def test_metadata_of_another_resource_are_not_used_wherever_they_lie() -> None:
    other = answer({"resource": "https://api.example", "authorization_servers": ["https://one"]})
    with pytest.raises(MetadataError) as caught:
        Hand(answer(status=404), challenge(ROOT), other).run(find_issuer(API, "https://one"))
    assert caught.value.clause == "RFC 9728 3.3b"


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
