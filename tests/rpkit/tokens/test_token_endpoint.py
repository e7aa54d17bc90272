"""The token endpoint's answers: strict reading, downgrades refused or reported; grants without a user; bound keys."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fapikit import PrivateKeyJWT
from fapikit.errors import ConfigurationError, FapiError, MalformedMessage, PeerRefused, Remedy, SealBroken
from fapikit.stores.sealed import Seal
from rpkit import TokenSet
from rpkit.errors import NoAccessToken, TokenResponseError, WrongTokenType
from rpkit.tokens.token_set import TokenKey
from tests.keys import a_key, claims_of, header_of
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import FakeBank
from tests.rpkit.logins import ACCOUNTS, api_of, signed_in

MUTATIONS: dict[str, tuple[dict[str, Any], type[FapiError], str]] = {
    "no access token": ({"access_token": None}, TokenResponseError, "RFC 6749 5.1"),
    "an empty access token": ({"access_token": ""}, TokenResponseError, "RFC 6749 5.1"),
    "an access token that is no text": ({"access_token": ["x"]}, TokenResponseError, "RFC 6749 5.1"),
    "an access token with a line break": ({"access_token": "a\nb"}, TokenResponseError, "RFC 6749 5.1"),
    "no token type": ({"token_type": None}, TokenResponseError, "RFC 6749 5.1"),
    "bearer where DPoP is due": ({"token_type": "Bearer"}, WrongTokenType, "RFC 9449 5c"),
    "an unknown token type": ({"token_type": "mac"}, WrongTokenType, "RFC 9449 5c"),
    "an empty token type": ({"token_type": ""}, TokenResponseError, "RFC 6749 5.1"),
    "an ID token that is no text": ({"id_token": {"sub": "alice"}}, TokenResponseError, "RFC 6749 5.1"),
    "details that are no list": ({"authorization_details": "payment"}, TokenResponseError, "RFC 9396 7"),
    "an object for details, without a type": (
        {"authorization_details": {}},
        TokenResponseError,
        "RFC 9396 7",
    ),
    "details without a type": ({"authorization_details": [{}]}, TokenResponseError, "RFC 9396 7"),
}


@pytest.mark.spec("RFC 9449 5c")
@pytest.mark.parametrize("what", MUTATIONS)
def test_refused(what: str, clients: Clients, bank: FakeBank) -> None:
    changes, error, clause = MUTATIONS[what]
    bank.faults["token"] = lambda m: {k: v for k, v in {**m, **changes}.items() if v is not None}
    before = len(bank.calls("jwks"))
    with pytest.raises(error) as caught:
        signed_in(clients.of(bank), bank)
    assert caught.value.clause == clause
    assert len(bank.calls("jwks")) == before


BORNE: dict[
    str, tuple[dict[str, Any], str, Any, str]
] = {  # what came, where it ends up, as what, and the report
    "expires_in as text": (
        {"expires_in": "900"},
        "lifetime",
        900.0,
        "it is a string and is read as a number",
    ),
    "expires_in with a fraction": (
        {"expires_in": "899.5"},
        "lifetime",
        899.5,
        "it is a string and is read as a number",
    ),
    "expires_in below zero": ({"expires_in": -1}, "lifetime", None, "left out: it is below zero"),
    "expires_in true": ({"expires_in": True}, "lifetime", None, "left out: it is not a number"),
    "expires_in in words": ({"expires_in": "an hour"}, "lifetime", None, "left out: it is not a number"),
    "expires_in null": ({"expires_in": None}, "lifetime", None, ""),
    "expires_in empty": ({"expires_in": ""}, "lifetime", None, ""),
    "a refresh token that is a number": ({"refresh_token": 7}, "refresh_token", "7", "read as a string"),
    "a refresh token that is a list": ({"refresh_token": ["x"]}, "refresh_token", None, "left out"),
    "an empty refresh token": ({"refresh_token": ""}, "refresh_token", None, ""),
    "a refresh token null": ({"refresh_token": None}, "refresh_token", None, ""),
    "a scope that is a list": (
        {"scope": ["openid", "accounts"]},
        "scope",
        "openid accounts",
        "it is a list and is read as words",
    ),
    "a scope that is an object": ({"scope": {}}, "scope", "openid accounts", "scope is left out"),
    "an empty scope": ({"scope": ""}, "scope", "openid accounts", ""),
    "a scope null": ({"scope": None}, "scope", "openid accounts", ""),
    "details null": ({"authorization_details": None}, "authorization_details", (), ""),
    "details empty": ({"authorization_details": ""}, "authorization_details", (), ""),
    "details that are one object": (
        {"authorization_details": {"type": "pay"}},
        "authorization_details",
        ({"type": "pay"},),
        "it is an object and is read as an array of one",
    ),
}


@pytest.mark.parametrize("what", BORNE)
def test_how_an_optional_member_is_written_decides_nothing(
    what: str, clients: Clients, bank: FakeBank
) -> None:
    changes, where, expected, told = BORNE[what]
    bank.faults["token"] = lambda m: {**m, **changes}
    login = signed_in(clients.of(bank), bank, scope="openid accounts")
    (token,) = login.tokens.access_tokens
    refresh_token = login.tokens.refresh_token
    found = {
        "lifetime": None if token.expires_at is None else token.expires_at - bank.clock(),
        "refresh_token": None if refresh_token is None else refresh_token.reveal(),
        "scope": login.tokens.scope,
        "authorization_details": login.tokens.authorization_details,
    }
    assert found[where] == expected
    borne = [str(check) for check in login.report if check.outcome == "borne"]
    assert len(borne) == bool(told)
    assert told in "".join(borne)
    assert not any(check.outcome == "borne" for check in login.report.downgrades)


@pytest.mark.parametrize("status", [200, 201, 202])
@pytest.mark.parametrize("label", ["text/plain", "text/html; charset=utf-8", "application/jwt"])
def test_a_token_answer_is_read_whatever_it_is_called(
    status: int, label: str, clients: Clients, bank: FakeBank
) -> None:
    bank.faults["token_answer"] = lambda call: (status, {"content-type": label}, bank._token(call)[2])
    assert signed_in(clients.of(bank), bank).id_token.subject == "alice"


ERRORS_IN_A_200: dict[str, tuple[dict[str, Any], type[FapiError], str]] = {
    "an OAuth error": (
        {"error": "invalid_grant", "error_description": "The code has expired."},
        PeerRefused,
        'refused: invalid_grant, "The code has expired."',
    ),
    "a code of its own": ({"error": "bad_verification_code"}, PeerRefused, "refused: bad_verification_code"),
    "beside empty members": ({"error": "invalid_grant", "access_token": ""}, PeerRefused, "invalid_grant"),
    "an error that is empty": ({"error": ""}, TokenResponseError, "the token response has no access_token"),
    "an error that is an object": ({"error": {"code": 100}}, TokenResponseError, "has no access_token"),
}


@pytest.mark.parametrize("what", ERRORS_IN_A_200)
def test_an_error_is_one_under_200_too(what: str, clients: Clients, bank: FakeBank) -> None:
    members, error, text = ERRORS_IN_A_200[what]
    bank.faults["token_answer"] = lambda _call: (200, {}, members)
    with pytest.raises(error, match=text):
        signed_in(clients.of(bank), bank)


BODIES: dict[str, Any] = {
    "not JSON": b"access_token=x",
    "a list": b"[]",
    "a member twice": b'{"access_token":"a","access_token":"b","token_type":"DPoP"}',
    "nothing": b"",
}


@pytest.mark.parametrize("what", BODIES)
def test_bodies_that_are_not_one_json_object(what: str, clients: Clients, bank: FakeBank) -> None:
    bank.faults["token_answer"] = lambda _call: (200, {}, BODIES[what])
    with pytest.raises(MalformedMessage):
        signed_in(clients.of(bank), bank)


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("invalid_grant", Remedy.SIGN_IN_AGAIN),
        ("invalid_client", Remedy.FIX_CONFIGURATION),
        ("invalid_target", Remedy.CORRECT_THE_REQUEST),
        ("temporarily_unavailable", Remedy.RETRY_LATER),
    ],
)
def test_refusals_say_what_to_do(code: str, remedy: Remedy, clients: Clients, bank: FakeBank) -> None:
    bank.faults["token_answer"] = lambda _call: (
        401 if code == "invalid_client" else 400,
        {},
        {"error": code},
    )
    with pytest.raises(PeerRefused) as caught:
        signed_in(clients.of(bank), bank)
    assert (caught.value.peer_code, caught.value.remedy) == (code, remedy)


def test_a_nonce_is_supplied_once_at_the_token_endpoint(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    start = client.begin()
    callback = bank.authorize(start.url)
    bank.faults["token_answer"] = lambda _call: (400, {"dpop-nonce": "n"}, {"error": "use_dpop_nonce"})
    with pytest.raises(PeerRefused):
        client.complete(callback, start.transaction)
    assert len(bank.calls("token")) == 2
    proofs = [claims_of(call.headers["dpop"]) for call in bank.calls("token")]
    assert proofs[0]["jti"] != proofs[1]["jti"]


def test_without_a_key_no_nonce_is_supplied(clients: Clients, bank: FakeBank) -> None:
    bank.dpop = False
    client = clients.of(bank, profile="oauth-2.1", sender_constraint=None)
    bank.faults["token_answer"] = lambda _call: (400, {"dpop-nonce": "n"}, {"error": "use_dpop_nonce"})
    with pytest.raises(PeerRefused):
        client.client_credentials(scope="accounts")
    assert len(bank.calls("token")) == 1


# Downgrades that are for the application to judge are reported.


def downgrades(clients: Clients, bank: FakeBank, **granted: Any) -> list[str]:
    bank.faults["token"] = lambda m: {**m, **granted}
    login = signed_in(
        clients.of(bank),
        bank,
        scope="openid accounts",
        authorization_details=[{"type": "pay", "amount": "9"}],
    )
    return [check.detail for check in login.report.downgrades]


def test_narrowed_scope_is_reported(clients: Clients, bank: FakeBank) -> None:
    assert "not granted: accounts" in downgrades(clients, bank, scope="openid")


def test_what_is_missing_from_one_of_several_tokens_is_no_refusal(clients: Clients, bank: FakeBank) -> None:
    bank.faults["token"] = lambda m: {**m, "scope": "openid"}
    apis = ["https://bank.example/accounts", "https://bank.example/payments"]
    login = signed_in(clients.of(bank), bank, scope="openid accounts", resources=apis, resource=apis[0])
    told = [check.detail for check in login.report.downgrades]
    assert told == ["not granted in the token for the first of several resources: accounts"]


def test_widened_scope_is_reported(clients: Clients, bank: FakeBank) -> None:
    assert "granted without request: payments" in downgrades(clients, bank, scope="openid accounts payments")


def test_narrowed_details_are_reported(clients: Clients, bank: FakeBank) -> None:
    less = [{"type": "pay", "amount": "1"}]
    assert "not granted as requested: pay" in downgrades(clients, bank, authorization_details=less)
    assert "not granted as requested: pay" in downgrades(clients, bank, authorization_details=[])
    assert "not in the token response" in downgrades(clients, bank)


def test_unasked_details_are_reported(clients: Clients, bank: FakeBank) -> None:
    more = [{"type": "pay", "amount": "9"}, {"type": "all"}]
    assert downgrades(clients, bank, authorization_details=more) == ["granted without request: all"]


def test_enriched_details_are_no_downgrade(clients: Clients, bank: FakeBank) -> None:
    assert downgrades(clients, bank, authorization_details=[{"type": "pay", "amount": "9", "id": 1}]) == []


def test_scope_left_out_is_the_scope_asked_for(clients: Clients, bank: FakeBank) -> None:
    login = signed_in(clients.of(bank), bank, scope="openid accounts")
    assert login.tokens.scope == "openid accounts"
    assert not login.report.downgrades


@pytest.mark.spec("RFC 8707 2.2")
def test_the_exchange_names_one_resource_of_those_asked_for(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank, resources=[ACCOUNTS])
    assert bank.calls("token")[-1].form["resource"] == ACCOUNTS
    assert login.tokens.resources == (ACCOUNTS,)
    with pytest.raises(ConfigurationError):
        signed_in(client, bank, resources=[ACCOUNTS], resource="https://bank.example/payments")


@pytest.mark.spec("RFC 8707 2.2")
def test_of_several_resources_none_is_guessed(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    asked = [ACCOUNTS, "https://bank.example/payments"]
    start = client.begin(resources=asked)
    callback = bank.authorize(start.url)
    with pytest.raises(ConfigurationError) as caught:
        client.complete(callback, start.transaction)
    assert caught.value.facts["asked"] == " ".join(asked)
    assert not bank.calls("token")
    login = client.complete(callback, start.transaction, resource=ACCOUNTS)  # nothing was used up
    both = client.refresh(login.tokens, resource=asked[1])
    before = len(bank.calls("token"))
    with pytest.raises(ConfigurationError) as caught:
        client.refresh(both)
    assert caught.value.facts["have"] == " ".join(asked)
    assert len(bank.calls("token")) == before


# Grants without a user.


def test_client_credentials(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    tokens = client.client_credentials(
        scope="accounts", resource=ACCOUNTS, authorization_details=[{"type": "bulk"}]
    )
    form = bank.calls("token")[-1].form
    assert form["grant_type"] == "client_credentials"
    assert form["authorization_details"] == '[{"type": "bulk"}]'
    assert tokens.refresh_token is None
    with api_of(client, bank, tokens, resource=ACCOUNTS) as api:
        assert api.get("/accounts").status_code == 200


def test_an_extension_grant(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    tokens = client.grant(grant, scope="accounts", assertion="e30.e30.AA")
    assert bank.calls("token")[-1].form["assertion"] == "e30.e30.AA"
    assert tokens.has(None)
    with pytest.raises(ConfigurationError, match="complete"):
        client.grant("authorization_code", code="x")


# The key that tokens are bound to.


@pytest.mark.spec("FAPI2-SP 6.3")
def test_each_login_has_a_key_of_its_own(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    one, other = signed_in(client, bank).tokens, signed_in(client, bank).tokens
    assert one.dpop.jkt != other.dpop.jkt
    assert one.dpop.private is not None


def test_of_a_given_signer_only_the_thumbprint_is_kept(clients: Clients, bank: FakeBank) -> None:
    signer = a_key("ES256", 4)
    client = clients.of(bank, dpop_signer=signer)
    start = client.begin()
    assert start.transaction.dpop.private is None
    assert start.transaction.dpop.jkt == signer.thumbprint
    assert "jwk" not in start.transaction.to_bytes().decode()
    login = client.complete(bank.authorize(start.url), start.transaction)
    assert header_of(bank.calls("token")[-1].headers["dpop"])["jwk"]["x"] == signer.public_jwk["x"]
    other = clients.of(bank, dpop_signer=a_key("ES256", 6))
    with pytest.raises(ConfigurationError) as caught:
        other.refresh(login.tokens)
    assert caught.value.clause == "RFC 9449 4.3-12"


def test_a_signer_may_live_elsewhere(clients: Clients, bank: FakeBank) -> None:
    """A key in a KMS: it signs, and its private half is never seen."""

    class Kms:
        local = False

        def __init__(self, number: int) -> None:
            self._key = a_key("ES256", number)
            self.alg, self.kid, self.public_jwk = self._key.alg, self._key.kid, self._key.public_jwk
            self.signed = 0

        def sign(self, signing_input: bytes) -> bytes:
            self.signed += 1
            return self._key.sign(signing_input)

    kms, assertions = Kms(4), Kms(1)
    client = clients.of(bank, dpop_signer=kms, auth=PrivateKeyJWT(assertions))
    assert signed_in(client, bank).id_token
    assert kms.signed >= 2
    assert assertions.signed >= 2


# What else the server says.

FURTHER = {
    "cdr_arrangement_id": "02e7c9d9-cfe7-4c3e-8f64-e91173c84ecb",
    "scope_details": {"consentId": "c-1", "privilegeList": [{"accounts": [1, 2]}]},
    "refresh_expires_in": 1_209_600,
}


def test_further_members_reach_the_application_and_are_sealed_with_the_set(
    clients: Clients, bank: FakeBank
) -> None:
    bank.faults["token"] = lambda m: {**m, **FURTHER, "nothing": None, "empty": ""}
    client = clients.of(bank)
    tokens = signed_in(client, bank).tokens
    assert tokens.further_members == FURTHER
    assert tokens.received_at == bank.clock()
    seal = Seal([b"1" * 32])
    opened = TokenSet.open(tokens.seal(seal), seal)
    assert (opened.further_members, opened.received_at) == (FURTHER, bank.clock())
    assert "02e7c9d9" not in repr(tokens) + tokens.seal(seal)


def test_a_refresh_brings_the_newest_of_each_and_loses_none(clients: Clients, bank: FakeBank) -> None:
    bank.faults["token"] = lambda m: {**m, **FURTHER}
    client = clients.of(bank)
    tokens = client.save_tokens("alice@app", signed_in(client, bank).tokens)
    bank.clock.advance(100)
    bank.faults["token"] = lambda m: {**m, "refresh_expires_in": 5}
    client.refresh(tokens)
    kept = client.load_tokens("alice@app")
    assert kept.further_members == {**FURTHER, "refresh_expires_in": 5}
    assert kept.received_at == bank.clock()


def test_grants_without_a_user_have_them_too(clients: Clients, bank: FakeBank) -> None:
    bank.faults["token"] = lambda m: {**m, **FURTHER}
    client = clients.of(bank)
    assert client.client_credentials(scope="accounts").further_members == FURTHER
    assert client.grant("urn:example:grant", assertion="x").further_members == FURTHER


def test_further_members_have_a_budget(clients: Clients, bank: FakeBank) -> None:
    bank.faults["token"] = lambda m: {**m, "blob": "x" * 65_536}
    login = signed_in(clients.of(bank), bank)
    assert login.tokens.further_members == {}
    assert any("blob is left out" in check.detail for check in login.report)


def test_a_set_stored_before_they_were_known_is_the_same_octets_again(
    clients: Clients, bank: FakeBank
) -> None:
    tokens = signed_in(clients.of(bank), bank).tokens
    octets = tokens.to_bytes()
    before = json.dumps(
        {name: value for name, value in json.loads(octets).items() if name not in ("further", "received_at")},
        separators=(",", ":"),
    ).encode()
    assert TokenSet.from_bytes(before).to_bytes() == before
    assert TokenSet.from_bytes(octets).to_bytes() == octets


# Token sets.


def test_a_token_set_survives_sealing_and_nothing_else(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    tokens = client.refresh(
        signed_in(client, bank, resources=[ACCOUNTS]).tokens, resource="https://bank.example/payments"
    )
    seal = Seal([b"1" * 32])
    sealed = tokens.seal(seal)
    opened = TokenSet.open(sealed, seal)
    assert opened == tokens
    with api_of(client, bank, opened, resource=ACCOUNTS) as api:
        assert api.get("/accounts").status_code == 200
    for wrong in (b"{}", b"x", b'{"v":9}'):
        with pytest.raises(SealBroken):
            TokenSet.from_bytes(wrong)
    with pytest.raises(SealBroken):
        TokenSet.open(sealed, Seal([b"2" * 32]))


@pytest.mark.spec("FAPI1-ADV 8.8")
def test_only_a_verified_answer_makes_a_token_set(clients: Clients, bank: FakeBank) -> None:
    tokens = signed_in(clients.of(bank), bank).tokens
    values = {name: getattr(tokens, name) for name in tokens.__slots__ if name != "brand"}
    with pytest.raises(TypeError):
        TokenSet(**values)


def test_a_set_without_the_resource_says_so(clients: Clients, bank: FakeBank) -> None:
    tokens = signed_in(clients.of(bank), bank, resources=[ACCOUNTS]).tokens
    with pytest.raises(NoAccessToken) as caught:
        tokens.access_token_for("https://bank.example/payments")
    assert caught.value.facts["have"] == ACCOUNTS


def test_no_secret_shows_in_a_set(clients: Clients, bank: FakeBank) -> None:
    login = signed_in(clients.of(bank), bank)
    shown = repr(login) + repr(login.tokens) + repr(login.id_token) + repr(login.report)
    for secret in (login.tokens.refresh_token, login.tokens.access_token_for(None)):
        assert secret.reveal() not in shown
    assert login.tokens.dpop.private.to_private_jwk()["d"] not in shown


def test_token_keys_tell_users_banks_and_grants_apart() -> None:
    keys = [
        TokenKey("alice", "https://a"),
        TokenKey("bob", "https://a"),
        TokenKey("alice", "https://b"),
        TokenKey("alice", "https://a", "https://api"),
        TokenKey("alice\0https://a", ""),
    ]
    assert len({key.store_key for key in keys}) == len(keys)
