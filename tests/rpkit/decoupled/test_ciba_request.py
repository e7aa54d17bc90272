"""The authentication request: what is sent, plain and signed, what is refused before, and what the answer must have."""

from __future__ import annotations

import json
from typing import Any

import pytest

import rpkit
from fapikit import FapiError, PrivateKeyJWT, Secret
from fapikit.errors import (
    ConfigurationError,
    ForbiddenByProfile,
    MalformedMessage,
    MissingMetadata,
    PeerRefused,
    Remedy,
)
from rpkit import CibaRequest, binding_message
from tests.clocks import NOW
from tests.keys import a_key, claims_of, header_of, mint
from tests.mothers.ciba_bank import CibaBank
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import CLIENT_ID
from tests.rpkit.decoupled.naps import Naps

now = int(NOW)
PAYMENT = {"type": "payment_initiation", "instructedAmount": {"currency": "EUR", "amount": "12.00"}}
AUTHENTICATION = {"client_id", "client_assertion", "client_assertion_type"}


@pytest.fixture
def bank() -> CibaBank:
    return CibaBank(nonces=False)


def of(clients: Clients, bank: CibaBank, **options: Any) -> Any:
    return clients.of(bank, **{"redirect_uri": None, **options})


def sent(bank: CibaBank) -> dict[str, str]:
    return bank.calls("bc-authorize")[-1].form


# --- what is sent -----------------------------------------------------------------------------------


@pytest.mark.spec("CIBA 7.1a, 7.1c, 7.1.1c; RFC 9396 2; RFC 8707 2a")
def test_a_plain_request_has_what_was_asked(bank: CibaBank, clients: Clients) -> None:
    request = of(clients, bank).ciba(
        scope=["openid", "payments"],
        login_hint="alice",
        binding_message="WDJB-MJHT",
        requested_expiry=120,
        acr_values=["high", "higher"],
        user_code="1234",
        authorization_details=[PAYMENT],
        resources=["https://api.example/a", "https://api.example/b"],
    )
    call = bank.calls("bc-authorize")[-1]
    assert call.method == "POST"
    assert call.headers["content-type"] == "application/x-www-form-urlencoded"
    assert [value for name, value in call.pairs if name == "resource"] == [
        "https://api.example/a",
        "https://api.example/b",
    ]
    form = {name: value for name, value in call.form.items() if name not in AUTHENTICATION | {"resource"}}
    assert form.pop("authorization_details") == json.dumps([PAYMENT], separators=(",", ":"))
    assert form == {
        "scope": "openid payments",
        "login_hint": "alice",
        "binding_message": "WDJB-MJHT",
        "requested_expiry": "120",
        "acr_values": "high higher",
        "user_code": "1234",
    }
    assert claims_of(call.form["client_assertion"])["aud"] == bank.issuer
    assert header_of(call.headers["dpop"])["typ"] == "dpop+jwt"
    assert request.expires_at == bank.clock() + 600
    assert (request.interval, request.binding_message) == (5.0, "WDJB-MJHT")


@pytest.mark.spec("CIBA 7.1.1a, 7.1.1b; FAPI-CIBA 5.2.2-9, 5.2.3.1-1")
@pytest.mark.parametrize("alg", ["ES256", "PS256"])
def test_a_signed_request_has_everything_inside(bank: CibaBank, clients: Clients, alg: str) -> None:
    client = of(clients, bank, auth=PrivateKeyJWT(a_key(alg, 1)), signed_requests=True)
    for _ in range(2):
        client.ciba(
            scope="openid payments",
            login_hint="alice",
            requested_expiry=120,
            authorization_details=[PAYMENT],
            resources=["https://api.example/a"],
        )
    forms = [call.form for call in bank.calls("bc-authorize")]
    assert all(form.keys() == AUTHENTICATION | {"request"} for form in forms)
    header, claims = header_of(forms[0]["request"]), claims_of(forms[0]["request"])
    assert header == {"typ": "oauth-authz-req+jwt", "alg": alg, "kid": f"{alg}-1"}
    first, second = (claims_of(form["request"]).pop("jti") for form in forms)
    assert len(first) == 43
    assert first != second
    del claims["jti"]
    assert claims == {
        "iss": CLIENT_ID,
        "aud": bank.issuer,
        "iat": now,
        "nbf": now,
        "exp": now + 300,
        "scope": "openid payments",
        "login_hint": "alice",
        "requested_expiry": 120,
        "authorization_details": [PAYMENT],
        "resource": ["https://api.example/a"],
    }


@pytest.mark.spec("CIBA 7.1d")
@pytest.mark.parametrize("mode", ["ping", "push"])
@pytest.mark.parametrize("signed", [True, False])
def test_the_notification_token_is_new_and_unguessable(
    bank: CibaBank, clients: Clients, mode: str, signed: bool
) -> None:
    client = of(clients, bank, backchannel_token_delivery_mode=mode, signed_requests=signed)
    requests = [client.ciba(login_hint="alice") for _ in range(2)]
    tokens = [bank.asked[request.reference.reveal()]["client_notification_token"] for request in requests]
    assert [len(token) for token in tokens] == [43, 43]  # 256 bits
    assert tokens[0] != tokens[1]
    assert tokens[0] not in repr(requests[0])
    assert ("client_notification_token" in sent(bank)) is not signed


def test_the_life_of_a_request_is_counted_from_its_sending(bank: CibaBank, clients: Clients) -> None:
    """A bank that answers late has accepted it earlier. Else the last poll would come after its end."""

    def late(members: dict[str, Any]) -> dict[str, Any]:
        bank.clock.advance(8)
        return members

    bank.faults["bc"] = late
    sent_at = bank.clock()
    assert of(clients, bank).ciba(login_hint="alice").expires_at == sent_at + 600


@pytest.mark.spec("CIBA 7.1d")
def test_a_client_that_polls_sends_no_notification_token(bank: CibaBank, clients: Clients) -> None:
    of(clients, bank).ciba(login_hint="alice")
    assert "client_notification_token" not in sent(bank)


@pytest.mark.spec("CIBA 7.1c")
def test_each_kind_of_hint_is_sent(bank: CibaBank, clients: Clients, naps: Naps) -> None:
    client = of(clients, bank)
    id_token = mint({"iss": bank.issuer, "sub": "alice", "aud": CLIENT_ID}, bank.key)
    for name, hint in (("login_hint", "alice"), ("login_hint_token", "a.b.c"), ("id_token_hint", id_token)):
        client.ciba(**{name: hint})
        assert sent(bank)[name] == hint
        client.ciba(**{name: Secret(hint)})
        assert sent(bank)[name] == hint
    login = client.wait(client.ciba(login_hint="alice"))
    assert client.ciba(id_token_hint=login.id_token).subject == "alice"
    assert sent(bank)["id_token_hint"] == login.id_token.token


@pytest.mark.spec("CIBA 7.1.2")
def test_a_user_code_is_kept_nowhere(bank: CibaBank, clients: Clients) -> None:
    client = of(clients, bank, signed_requests=True)
    with_code = client.ciba(login_hint="alice", user_code=Secret("4711-secret"))
    assert claims_of(sent(bank)["request"])["user_code"] == "4711-secret"
    assert with_code.request_object is None
    assert b"4711-secret" not in with_code.to_bytes()
    assert client.ciba(login_hint="alice").request_object.reveal() == sent(bank)["request"]


@pytest.mark.spec("CIBA 7.1e")
def test_a_binding_message_is_short_readable_and_random() -> None:
    made = {binding_message() for _ in range(50)}
    assert len(made) == 50
    for message in made:
        assert len(message) == 9
        assert set(message) <= set("BCDFGHJKLMNPQRSTVWXZ-")
    assert binding_message(lambda octets: bytes([255, 0, 1, 2, 3, 4, 5, 6, 7]) * octets) == "BCDF-GHJK"


# --- what is refused before anything is sent --------------------------------------------------------

REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "no hint": ({"login_hint": None}, "no hint", "CIBA 7.1c"),
    "two hints": ({"login_hint_token": "a.b.c"}, "login_hint and login_hint_token", "CIBA 7.1c"),
    "an empty hint": ({"login_hint": " "}, "login_hint is empty", "CIBA 7.1c"),
    "a hint that is no text": ({"login_hint": 7}, "login_hint is empty or not a text", "CIBA 7.1c"),
    "an encrypted ID token": (
        {"login_hint": None, "id_token_hint": "a.b.c.d.e"},
        "not a signed ID token",
        "CIBA 7.1e",
    ),
    "an ID token without sub": (
        {"login_hint": None, "id_token_hint": mint({"iss": "x"})},
        "not a signed ID token",
        "CIBA 7.1e",
    ),
    "no openid": ({"scope": "payments"}, "needs the scope openid", "CIBA 7.1c"),
    "an empty binding message": ({"binding_message": "  "}, "binding_message is empty", "CIBA 7.1e"),
    "a binding message of two lines": ({"binding_message": "one\ntwo"}, "cannot be seen", "CIBA 7.1e"),
    "a binding message of blanks": ({"binding_message": "\u3164\u2800"}, "cannot be seen", "CIBA 7.1e"),
    "a binding message that turns": ({"binding_message": "12\u202e34"}, "cannot be seen", "CIBA 7.1e"),
    "a long binding message": ({"binding_message": "x" * 101}, "100 is the limit", "CIBA 7.1e"),
    "an expiry of no time": ({"requested_expiry": 0}, "requested_expiry is 0", "CIBA 7.1.1c"),
    "an expiry as text": ({"requested_expiry": "60"}, "requested_expiry is '60'", "CIBA 7.1.1c"),
    "an expiry that is true": ({"requested_expiry": True}, "requested_expiry is True", "CIBA 7.1.1c"),
    "an own notification token": ({"client_notification_token": "x"}, "itself", "CIBA 7.1d"),
    "an own request object": ({"request": "x"}, "itself", "CIBA 7.1d"),
    "an own jti": ({"jti": "x"}, "itself", "CIBA 7.1d"),
    "a misspelt name": ({"bindingmessage": "x"}, "did you mean binding_message", ""),
    "details without a type": ({"authorization_details": [{}]}, "without a type", "RFC 9396 2"),
    "levels that are no list": ({"acr_values": 5}, "acr_values is 5", ""),
    "a scope that is no list": ({"scope": 5}, "scope is 5", ""),
    "a relative resource": ({"resources": ["/api"]}, "absolute URI", "RFC 8707 2a"),
}


@pytest.mark.spec("CIBA 7.1c, 7.1e, 7.1.1c; FAPI-CIBA 5.2.2-11")
@pytest.mark.parametrize("case", REFUSED)
def test_a_request_that_the_server_could_not_take_is_not_sent(
    case: str, bank: CibaBank, clients: Clients
) -> None:
    changes, words, clause = REFUSED[case]
    with pytest.raises(ConfigurationError, match=words) as caught:
        of(clients, bank).ciba(**{"login_hint": "alice", **changes})
    assert caught.value.clause == clause
    assert not bank.calls("bc-authorize")


SERVERS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], type[FapiError], str]] = {
    "no endpoint": (
        {"backchannel_authentication_endpoint": None},
        {},
        {},
        MissingMetadata,
        "CIBA 4b",
    ),
    "no pings": (
        {"backchannel_token_delivery_modes_supported": ["poll"]},
        {"backchannel_token_delivery_mode": "ping"},
        {},
        ConfigurationError,
        "CIBA 4b",
    ),
    "no signatures": (
        {"backchannel_authentication_request_signing_alg_values_supported": None},
        {"signed_requests": True},
        {},
        ConfigurationError,
        "CIBA 4c",
    ),
    "another signature": (
        {"backchannel_authentication_request_signing_alg_values_supported": ["PS256"]},
        {"signed_requests": True},
        {},
        ConfigurationError,
        "CIBA 4c",
    ),
    "no user codes": (
        {"backchannel_user_code_parameter_supported": None},
        {},
        {"user_code": "1234"},
        ConfigurationError,
        "CIBA 4c",
    ),
    "no keys": ({"jwks_uri": None}, {}, {}, MissingMetadata, "RFC 8414 2"),
}


@pytest.mark.spec("CIBA 4b, 4c")
@pytest.mark.parametrize("case", SERVERS)
def test_a_request_that_the_metadata_exclude_is_not_sent(case: str, bank: CibaBank, clients: Clients) -> None:
    metadata, options, parameters, error, clause = SERVERS[case]
    bank.faults["metadata"] = lambda document: {
        name: value for name, value in {**document, **metadata}.items() if value is not None
    }
    client = of(clients, bank, **options)
    with pytest.raises(error) as caught:
        client.ciba(login_hint="alice", **parameters)
    assert caught.value.clause == clause
    assert not bank.calls("bc-authorize")


SETTINGS: dict[str, tuple[dict[str, Any], type[FapiError], str]] = {
    "a mode that does not exist": (
        {"backchannel_token_delivery_mode": "pull"},
        ConfigurationError,
        "CIBA 4d",
    ),
    "another alg than that of the key": (
        {"backchannel_authentication_request_signing_alg": "PS256"},
        ConfigurationError,
        "CIBA 4d",
    ),
    "an alg that no profile allows": (
        {"backchannel_authentication_request_signing_alg": "none"},
        ForbiddenByProfile,
        "FAPI2-SP 5.4.1-1.2",
    ),
    "unsigned where signatures are required": (
        {"profile": "fapi2-message-signing", "backchannel_authentication_request_signing_alg": None},
        ForbiddenByProfile,
        "FAPI2-MS 5.3.1-1",
    ),
    "push under fapi-ciba": (
        {"profile": "fapi-ciba", "backchannel_token_delivery_mode": "push"},
        ForbiddenByProfile,
        "FAPI-CIBA 5.2.2-3",
    ),
    "unsigned under fapi-ciba": (
        {"profile": "fapi-ciba", "backchannel_authentication_request_signing_alg": None},
        ForbiddenByProfile,
        "FAPI-CIBA 5.2.2-6",
    ),
    "RS256 under fapi-ciba": (
        {"profile": "fapi-ciba", "auth": PrivateKeyJWT(a_key("RS256", 1))},
        ForbiddenByProfile,
        "FAPI-CIBA 7.10",
    ),
}


@pytest.mark.spec("CIBA 4d; FAPI-CIBA 5.2.2-3, 5.2.2-6, 5.2.3.1-1, 7.10")
@pytest.mark.parametrize("case", SETTINGS)
def test_settings_that_cannot_work_make_no_client(case: str, bank: CibaBank, clients: Clients) -> None:
    options, error, clause = SETTINGS[case]
    with pytest.raises(error) as caught:
        of(clients, bank, **options)
    assert caught.value.clause == clause


@pytest.mark.spec("CIBA 4d")
def test_signing_follows_the_registration(bank: CibaBank, clients: Clients) -> None:
    """Authorization requests may be signed where authentication requests are not, and the reverse."""
    alg = "backchannel_authentication_request_signing_alg"
    of(clients, bank, signed_requests=True, **{alg: None}).ciba(login_hint="alice")
    assert "request" not in sent(bank)
    of(clients, bank, request_signer=a_key("ES256", 1), **{alg: "ES256"}).ciba(login_hint="alice")
    assert "request" in sent(bank)


# --- the answer -------------------------------------------------------------------------------------

ANSWERS: dict[str, tuple[dict[str, Any], str]] = {
    "no auth_req_id": ({"auth_req_id": None}, "auth_req_id"),
    "an empty auth_req_id": ({"auth_req_id": ""}, "auth_req_id"),
    "an auth_req_id that is an object": ({"auth_req_id": {}}, "auth_req_id"),
    "an auth_req_id with a line break": ({"auth_req_id": "one\ntwo"}, "auth_req_id"),
    "an auth_req_id that is endless": ({"auth_req_id": "x" * 4097}, "auth_req_id"),
    "no expires_in": ({"expires_in": None}, "expires_in"),
    "expires_in of no time": ({"expires_in": 0}, "expires_in"),
    "expires_in below zero": ({"expires_in": -1}, "expires_in"),
    "expires_in that is a word": ({"expires_in": "soon"}, "expires_in"),
}


def _with(changes: dict[str, Any]) -> Any:
    return lambda members: {k: v for k, v in {**members, **changes}.items() if v is not None}


@pytest.mark.spec("CIBA 7.3b, 7.4")
@pytest.mark.parametrize("case", ANSWERS)
def test_an_answer_without_what_is_needed_is_refused(case: str, bank: CibaBank, clients: Clients) -> None:
    changes, member = ANSWERS[case]
    bank.faults["bc"] = _with(changes)
    with pytest.raises(MalformedMessage) as caught:
        of(clients, bank).ciba(login_hint="alice")
    assert (caught.value.clause, caught.value.facts["member"]) == ("CIBA 7.3b", member)


@pytest.mark.spec("CIBA 7.3b")
@pytest.mark.parametrize(
    ("changes", "interval", "expires_in"),
    [
        ({"interval": None}, 5.0, 600),
        ({"interval": 31}, 31.0, 600),
        ({"interval": "7", "expires_in": "90"}, 7.0, 90),
        ({"interval": "often"}, 5.0, 600),
        ({"interval": 0}, 1.0, 600),
        ({"expires_in": 10**9}, 5.0, 86_400),
        ({"something": "else"}, 5.0, 600),
    ],
)
def test_the_rest_of_an_answer_is_read_forgivingly(
    changes: dict[str, Any], interval: float, expires_in: float, bank: CibaBank, clients: Clients
) -> None:
    bank.faults["bc"] = _with(changes)
    request = of(clients, bank).ciba(login_hint="alice")
    assert (request.interval, request.expires_at) == (interval, bank.clock() + expires_in)


@pytest.mark.spec("CIBA 13a, 13b")
@pytest.mark.parametrize(
    ("status", "code", "remedy"),
    [
        (400, "invalid_request", Remedy.CORRECT_THE_REQUEST),
        (400, "invalid_scope", Remedy.CORRECT_THE_REQUEST),
        (400, "expired_login_hint_token", Remedy.CORRECT_THE_REQUEST),
        (400, "unknown_user_id", Remedy.CORRECT_THE_REQUEST),
        (400, "unauthorized_client", Remedy.FIX_CONFIGURATION),
        (400, "missing_user_code", Remedy.CORRECT_THE_REQUEST),
        (400, "invalid_user_code", Remedy.CORRECT_THE_REQUEST),
        (400, "invalid_binding_message", Remedy.CORRECT_THE_REQUEST),
        (401, "invalid_client", Remedy.FIX_CONFIGURATION),
        (403, "access_denied", Remedy.CORRECT_THE_REQUEST),
    ],
)
def test_a_refusal_is_told_with_its_code(
    status: int, code: str, remedy: Remedy, bank: CibaBank, clients: Clients
) -> None:
    bank.faults["bc_answer"] = lambda _call: (status, {}, {"error": code, "error_description": "no"})
    with pytest.raises(PeerRefused) as caught:
        of(clients, bank).ciba(login_hint="alice")
    assert (caught.value.peer_code, caught.value.status, caught.value.remedy) == (code, status, remedy)
    assert len(bank.calls("bc-authorize")) == 1


@pytest.mark.spec("RFC 9449 8")
def test_a_demanded_nonce_is_given_with_a_new_request_object(clients: Clients) -> None:
    bank = CibaBank()
    of(clients, bank, signed_requests=True).ciba(login_hint="alice")
    first, second = bank.calls("bc-authorize")
    assert (first.status, second.status) == (400, 200)
    assert claims_of(second.headers["dpop"])["nonce"] == "nonce-1"


def test_the_package_names_what_a_user_needs() -> None:
    assert {"CibaRequest", "binding_message"} <= set(rpkit.__all__)
    assert CibaRequest.__doc__
