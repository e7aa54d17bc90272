"""Registering at a server: what is asked for, what is refused, and what is kept whatever else displeases."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from fapikit import Secret, ServerMetadata, profile_of
from fapikit.errors import ConfigurationError, FapiError, ForbiddenByProfile, MalformedMessage, PeerRefused
from fapikit.metadata import read_metadata
from rpkit import AsyncClient, Client, Registration, SignedRequest
from rpkit.errors import RegistrationError
from rpkit.registration.registration import register
from tests.clocks import NOW, CountingRandom, FrozenClock
from tests.hands import Hand, answer
from tests.keys import a_key, claims_of, header_of, mint, unb64
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import CLIENT_ID, FakeBank
from tests.rpkit.logins import signed_in

FAPI2 = profile_of("fapi2-security")
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
    "RSA1_5": ({"id_token_encrypted_response_alg": "RSA1_5"}, "RFC 8725 3.2"),
    "half of an encryption": ({"userinfo_encrypted_response_enc": "A256GCM"}, "OIDC 10.2"),
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


WEAKER: dict[str, dict[str, Any]] = {
    "another method": {"token_endpoint_auth_method": "none"},
    "another algorithm": {"id_token_signed_response_alg": "RS256"},
    "other redirect URIs": {"redirect_uris": ["https://evil.example/"]},
    "a redirect URI more": {"redirect_uris": [*ASKED["redirect_uris"], "https://evil.example/"]},
    "redirect URIs of another kind": {"redirect_uris": {"https://fintech.example/callback": True}},
    "no client_id": {"client_id": None},
    "an empty client_id": {"client_id": ""},
    "a client_id that is no text": {"client_id": ["c1"]},
}
MADE = {
    "client_id": "c1",
    "client_secret": "hush",
    "client_secret_expires_at": 0,
    "registration_access_token": "manage-me",
    "registration_client_uri": "https://bank.example/register/c1",
}


@pytest.mark.parametrize("what", WEAKER)
def test_weaker_registrations_are_refused_and_not_lost(what: str) -> None:
    given = {k: v for k, v in {**ASKED, **MADE, **WEAKER[what]}.items() if v is not None}
    with pytest.raises(RegistrationError) as caught:
        registered(ASKED, given)
    assert caught.value.clause == "RFC 7591 3.2.1"
    # The client exists at the server: it can be used, changed or given up.
    kept = Registration.kept_in(caught.value)
    assert kept is not None
    assert kept is caught.value.registration
    assert kept.client_id == ("c1" if "client_id" not in what else "")
    assert kept.client_secret == Secret("hush")
    assert kept.registration_access_token == Secret("manage-me")
    assert kept.registration_client_uri == "https://bank.example/register/c1"
    assert "hush" not in f"{caught.value!r} {caught.value} {kept!r}"


def test_an_error_under_success_is_one() -> None:
    with pytest.raises(PeerRefused, match='refused: invalid_redirect_uri, "not yours"'):
        registered(ASKED, {"error": "invalid_redirect_uri", "error_description": "not yours"}, status=200)


def test_an_answer_that_cannot_be_read_is_handed_over_as_it_came() -> None:
    hand = Hand(answer(b'{"client_id": "c1", broken', 201))
    with pytest.raises(MalformedMessage) as caught:
        hand.run(register(SERVER, ASKED, profile=FAPI2))
    assert b"c1" in caught.value.outcome.body
    assert Registration.kept_in(caught.value) is None


BORNE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {  # what the answer says, what is kept
    "a secret without its end": ({"client_secret": "s"}, {"client_secret_expires_at": None}),
    "a secret that never ends": (
        {"client_secret": "s", "client_secret_expires_at": 0},
        {"client_secret_expires_at": None},
    ),
    "an end as text": (
        {"client_secret": "s", "client_secret_expires_at": "1900000000"},
        {"client_secret_expires_at": 1_900_000_000.0},
    ),
    "an end as a date": (
        {"client_secret": "s", "client_secret_expires_at": "2030-03-17T17:46:40Z"},
        {"client_secret_expires_at": 1_900_000_000.0},
    ),
    "an end as a date without a zone": (
        {"client_secret": "s", "client_secret_expires_at": "2030-03-17T17:46:40"},
        {"client_secret_expires_at": 1_900_000_000.0},
    ),
    "an end that is no time": (
        {"client_secret": "s", "client_secret_expires_at": "never"},
        {"client_secret_expires_at": None},
    ),
    "an end that is true": (
        {"client_secret": "s", "client_secret_expires_at": True},
        {"client_secret_expires_at": None},
    ),
    "a client_id that is a number": ({"client_id": 4711}, {"client_id": "4711"}),
    "empty members": (
        {
            "client_secret": "",
            "registration_access_token": "",
            "registration_client_uri": "",
            "client_uri": "",
        },
        {"client_secret": None, "registration_access_token": None, "registration_client_uri": None},
    ),
    "members that are null": (
        {"client_secret": None, "registration_client_uri": None, "logo_uri": None},
        {"client_secret": None, "registration_client_uri": None},
    ),
    "a path in place of a URI": (
        {"registration_client_uri": "/register/c1"},
        {"registration_client_uri": "https://as.example/register/c1"},
    ),
    "an address in clear text": (
        {"registration_client_uri": "http://bank.example/register/c1"},
        {"registration_client_uri": None},
    ),
    "an address on this machine": (
        {"registration_client_uri": "http://localhost/register/c1"},
        {"registration_client_uri": None},
    ),
    "an address that is none": ({"registration_client_uri": "https://["}, {"registration_client_uri": None}),
    "an address that is a list": ({"registration_client_uri": ["/x"]}, {"registration_client_uri": None}),
    "redirect URIs as text": ({"redirect_uris": "https://fintech.example/callback"}, {}),
}


@pytest.mark.parametrize("what", BORNE)
@pytest.mark.parametrize("status", [200, 201])
def test_how_a_registration_is_told_decides_nothing(what: str, status: int) -> None:
    said, kept = BORNE[what]
    result, _ = registered(ASKED, {**ASKED, "client_id": "c1", **said}, status=status)
    assert {name: getattr(result, name) for name in kept} == kept
    assert None not in result.metadata.values()
    assert "" not in result.metadata.values()


def test_a_list_in_another_order_and_a_flag_as_text_are_what_was_asked() -> None:
    uris = ["https://fintech.example/callback", "https://fintech.example/second"]
    asked = {**ASKED, "redirect_uris": uris, "dpop_bound_access_tokens": True}
    told = {**asked, "client_id": "c1", "redirect_uris": uris[::-1], "dpop_bound_access_tokens": "true"}
    assert registered(asked, told)
    for other in ("false", "yes", 1, None):
        with pytest.raises(RegistrationError):
            registered(asked, {**told, "dpop_bound_access_tokens": other})


# --- As a signed JWT -----------------------------------------------------------------------------

STATEMENT = mint({"iss": "https://directory.example", "software_id": "4fd1"}, a_key("ES256", 41))
SOFTWARE = {**ASKED, "software_id": "4fd1", "software_statement": STATEMENT}


def signed(number: int = 3, alg: str = "PS256", **options: Any) -> SignedRequest:
    return SignedRequest(
        signer=a_key(alg, number), clock=FrozenClock(), random_bytes=CountingRandom(), **options
    )


@pytest.mark.spec("RFC 7591 3.1", "RFC 7591 2.3")
@pytest.mark.parametrize("audience", [None, "0015800001041RHAAY"])
def test_a_registration_request_may_be_a_signed_jwt(audience: str | None) -> None:
    result, request = registered(
        SOFTWARE, {**SOFTWARE, "client_id": "c1"}, signed=signed(audience=audience), initial_access_token="t"
    )
    assert result.client_id == "c1"
    assert ("content-type", "application/jwt") in request.headers
    assert ("authorization", "Bearer t") in request.headers
    token = request.body.decode()
    now = int(NOW)
    assert claims_of(token) == {
        **SOFTWARE,
        "iss": "4fd1",
        "aud": audience or "https://bank.example",
        "iat": now,
        "exp": now + 300,
        "jti": claims_of(token)["jti"],
    }
    head, body, signature = token.split(".")
    a_key("PS256", 3).public_key.verifier("PS256")(unb64(signature), f"{head}.{body}".encode())
    assert header_of(token) == {"alg": "PS256", "kid": a_key("PS256", 3).kid}


def test_each_signed_request_has_a_jti_of_its_own() -> None:
    how = signed()
    sent = [registered(SOFTWARE, {**SOFTWARE, "client_id": "c1"}, signed=how)[1] for _ in range(2)]
    assert len({claims_of(request.body.decode())["jti"] for request in sent}) == 2


UNSIGNABLE: dict[str, tuple[dict[str, Any], SignedRequest, type[FapiError]]] = {
    "without a software_id": (ASKED, signed(), ConfigurationError),
    "by an algorithm that the profile forbids": (SOFTWARE, signed(alg="RS256"), ForbiddenByProfile),
}


@pytest.mark.parametrize("what", UNSIGNABLE)
def test_signed_requests_that_are_not_sent(what: str) -> None:
    asked, how, error = UNSIGNABLE[what]
    with pytest.raises(error):
        Hand().run(register(SERVER, asked, profile=FAPI2, signed=how))


# --- What is left out ----------------------------------------------------------------------------

DROPPED: dict[str, object] = {
    "token_endpoint_auth_method": "private_key_jwt",
    "redirect_uris": ASKED["redirect_uris"],
    "subject_type": "pairwise",
    "sector_identifier_uri": "https://fintech.example/sector.json",
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


# --- And then ------------------------------------------------------------------------------------


@pytest.mark.conformance("oidc-rp", "dynamic-registration")
@pytest.mark.parametrize("described", [False, True], ids=["discovered", "described"])
def test_a_client_registers_itself_and_signs_a_user_in(
    described: bool, clients: Clients, bank: FakeBank
) -> None:
    def store(call: Any) -> Any:
        return 201, {}, {**json.loads(call.body), "client_id": CLIENT_ID}

    bank.faults["register_answer"] = store
    server = ServerMetadata(bank.issuer, bank.metadata()) if described else bank.issuer
    if clients.kind == "sync":
        registration = Client.register(server, ASKED, http=bank.http())
    else:
        registration = asyncio.run(AsyncClient.register(server, ASKED, http=bank.http()))
    client = clients.of(bank, client_id=registration.client_id)
    assert signed_in(client, bank).id_token
