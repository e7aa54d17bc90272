"""The OpenID Connect client modules that FAPI 2 keeps for the code flow, each once, for both clients."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

import pytest

from fapikit import PrivateKeyJWT, Secret
from fapikit.client_authentication import ClientSecretBasic
from fapikit.errors import (
    AmbiguousKey,
    BadSignature,
    FapiError,
    ForbiddenAlgorithm,
    InsecureUrl,
    IssuerMismatch,
    KeyNotFound,
    KeyUndecided,
    MissingClaim,
    WrongAudience,
    WrongHash,
    WrongIssuer,
    WrongNonce,
    WrongSubject,
)
from rpkit.errors import AuthorizationRefused, BrokenContinuity
from tests.adversary.walk import (
    flipped_signature,
    refused,
    unsigned,
    walk,
    with_one_more,
    with_value,
    without,
)
from tests.keys import a_key, claims_of, hmac_of, jws_of, mint
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import CLIENT_ID, REDIRECT_URI, FakeBank

Connect = Callable[..., Any]


def signed_with_hs256(token: str) -> str:
    """The classic confusion: a MAC whose key is public."""
    from fapikit.base64url import decode

    return jws_of(b'{"alg":"HS256"}', decode(token.split(".")[1]), lambda octets: hmac_of(b"fintech", octets))


FAULTS: dict[str, tuple[str, Callable[[Any], Any], type[FapiError], str]] = {
    "oidcc-client-test-invalid-iss": ("id_token", with_one_more("iss"), WrongIssuer, "OIDC 3.1.3.7-2"),
    "oidcc-client-test-invalid-aud": ("id_token", with_one_more("aud"), WrongAudience, "OIDC 3.1.3.7-3"),
    "oidcc-client-test-missing-aud": ("id_token", without("aud"), MissingClaim, "OIDC 3.1.3.7-3"),
    "oidcc-client-test-nonce-invalid": ("id_token", with_one_more("nonce"), WrongNonce, "OIDC 3.1.3.7-11"),
    "oidcc-client-test-idtoken-sig-none": (
        "id_token_jwt",
        unsigned,
        ForbiddenAlgorithm,
        "FAPI2-SP 5.4.1-1.2",
    ),
    "oidcc-client-test-missing-sub": ("id_token", without("sub"), MissingClaim, "OIDC 2"),
    "oidcc-client-test-missing-iat": ("id_token", without("iat"), MissingClaim, "OIDC 3.1.3.7-10"),
    "oidcc-client-test-invalid-sig-hs256": (
        "id_token_jwt",
        signed_with_hs256,
        ForbiddenAlgorithm,
        "FAPI2-SP 5.4.1-1.2",
    ),
    "oidcc-client-test-invalid-sig-es256": (
        "id_token_jwt",
        flipped_signature,
        BadSignature,
        "OIDC 3.1.3.7-6",
    ),
    "oidcc-client-test-invalid-athash": ("id_token", with_one_more("at_hash"), WrongHash, "OIDC 3.1.3.6"),
}


@pytest.mark.conformance("oidc-rp")
@pytest.mark.spec("OIDC 3.1.3.7-6, -7, -10")
@pytest.mark.parametrize("module", FAULTS)
def test_id_token_is_refused(module: str, connect: Connect, adversary: Any) -> None:
    fault, hook, error, clause = FAULTS[module]
    adversary.faults[fault] = hook
    refused(connect(), adversary, error, clause, after="token")


@pytest.mark.conformance("oidc-rp", "kid-absent-multiple-jwks")
@pytest.mark.spec("FAPI2-SP 5.4.3")
def test_oidcc_client_test_kid_absent_multiple_jwks(connect: Connect, bank: FakeBank) -> None:
    """Two keys fit and none is named: refused, never tried at random."""
    bank.faults["id_token_jwt"] = lambda token: mint(claims_of(token), a_key(), header={"kid": None})
    two = [dict(a_key().public_jwk), dict(a_key("ES256", 5).public_jwk)]
    bank.faults["jwks"] = lambda _: {"keys": [without("kid")(key) for key in two]}
    refused(connect(), bank, AmbiguousKey, "FAPI2-SP 5.4.3", after="token")


@pytest.mark.conformance("oidc-rp", "kid-absent-single-jwks")
def test_oidcc_client_test_kid_absent_single_jwks(connect: Connect, bank: FakeBank) -> None:
    bank.faults["jwks"] = lambda _: {"keys": [dict(a_key().public_jwk)]}
    bank.faults["id_token_jwt"] = lambda token: mint(claims_of(token), a_key(), header={"kid": None})
    assert walk(connect(), bank).status_code == 200


def test_oidcc_client_test_missing_athash_is_no_fault_in_the_code_flow(
    connect: Connect, adversary: Any
) -> None:
    adversary.faults["id_token"] = without("at_hash")
    assert walk(connect(), adversary).status_code == 200


@pytest.mark.conformance("oidc-rp", "userinfo-invalid-sub")
@pytest.mark.spec("OIDC 5.3.2")
def test_oidcc_client_test_userinfo_invalid_sub(connect: Connect, adversary: Any) -> None:
    adversary.faults["userinfo"] = with_one_more("sub")
    refused(connect(), adversary, WrongSubject, "OIDC 5.3.2", after="userinfo")


@pytest.mark.conformance("oidc-rp", "userinfo-signed")
def test_oidcc_client_test_userinfo_signed(connect: Connect, bank: FakeBank) -> None:
    bank.faults["userinfo_jwt"] = lambda members: mint(
        {**members, "iss": bank.issuer, "aud": "fintech"}, bank.key
    )
    client = connect(userinfo_signed_response_alg="ES256")
    start = client.begin(scope="openid")
    login = client.complete(bank.authorize(start.url), start.transaction)
    user = client.userinfo(login)
    assert user.claims["name"] == "Alice"
    assert user.token is not None


@pytest.mark.conformance("oidc-rp", "signing-key-rotation-just-before-signing")
def test_oidcc_client_test_signing_key_rotation_just_before_signing(connect: Connect, bank: FakeBank) -> None:
    """The keys were fetched a moment ago, and the very next token is signed by a key that was not among them."""
    client = connect()
    assert walk(client, bank).status_code == 200
    bank.key = a_key("ES256", 9)
    assert walk(client, bank).status_code == 200
    assert len(bank.calls("jwks")) == 2


def test_an_unknown_kid_cannot_make_us_hammer_the_server(connect: Connect, bank: FakeBank) -> None:
    client = connect()
    bank.faults["id_token_jwt"] = lambda token: mint(claims_of(token), a_key("ES256", 9))
    refused = []
    for _ in range(10):
        start = client.begin(scope="openid")
        with pytest.raises((KeyNotFound, KeyUndecided)) as caught:
            client.complete(bank.authorize(start.url), start.transaction)
        refused.append(caught.type)
    assert refused == [KeyNotFound] * 5 + [KeyUndecided] * 5
    assert len(bank.calls("jwks")) == 5


@pytest.mark.conformance("oidc-rp", "scope-userinfo-claims")
def test_oidcc_client_test_scope_userinfo_claims(connect: Connect, bank: FakeBank) -> None:
    client = connect()
    start = client.begin(scope="openid profile email phone address")
    assert bank.calls("par")[-1].form["scope"] == "openid profile email phone address"
    login = client.complete(bank.authorize(start.url), start.transaction)
    assert client.userinfo(login).claims["name"] == "Alice"


@pytest.mark.conformance("oidc-rp", "userinfo-bearer-body")
@pytest.mark.conformance("oidc-rp", "userinfo-bearer-header")
def test_oidcc_client_test_userinfo_bearer_header(connect: Connect, bank: FakeBank) -> None:
    """The token travels in the header alone, never in the URL or a form."""
    assert walk(connect(), bank).status_code == 200
    call = bank.calls("userinfo")[-1]
    assert call.headers["authorization"].startswith("DPoP ")
    assert not call.pairs
    assert call.body == b""


@pytest.mark.conformance("oidc-rp", "signing-key-rotation")
def test_oidcc_client_test_signing_key_rotation(connect: Connect, bank: FakeBank) -> None:
    """An unknown kid leads to one refetch of the key set, and then the new key verifies."""
    client = connect()
    assert walk(client, bank).status_code == 200
    bank.key = a_key("ES256", 9)
    bank.clock.advance(40)
    assert walk(client, bank).status_code == 200
    assert len(bank.calls("jwks")) == 2


@pytest.mark.conformance("oidc-rp", "refresh-token-invalid-issuer", "refresh-token-invalid-sub")
@pytest.mark.spec("OIDC 12.2")
@pytest.mark.parametrize("claim", ["iss", "sub"])
def test_oidcc_client_test_refresh_token_invalid(claim: str, connect: Connect, bank: FakeBank) -> None:
    client = connect()
    start = client.begin(scope="openid")
    login = client.complete(bank.authorize(start.url), start.transaction)
    bank.faults["refresh_id_token"] = with_one_more(claim)
    with pytest.raises(FapiError) as caught:
        client.refresh(login.tokens)
    expected = "OIDC 3.1.3.7-2" if claim == "iss" else "OIDC 12.2"
    assert caught.value.clause == expected
    assert claim != "sub" or isinstance(caught.value, BrokenContinuity)


@pytest.mark.conformance("oidc-rp", "refresh-token")
def test_oidcc_client_test_refresh_token(connect: Connect, bank: FakeBank) -> None:
    bank.faults["refresh_id_token"] = with_value("extra", "claim")
    client = connect()
    start = client.begin(scope="openid")
    login = client.complete(bank.authorize(start.url), start.transaction)
    before = login.tokens.access_token_for(None)
    assert client.refresh(login.tokens).access_token_for(None) != before


@pytest.mark.conformance("oidc-rp", "form-post-error")
def test_oidcc_client_test_form_post_error(connect: Connect, bank: FakeBank) -> None:
    client = connect(response_mode="form_post")
    start = client.begin(scope="openid", prompt="none", max_age=0)
    form = bank.authorize(start.url, error="login_required")
    with pytest.raises(AuthorizationRefused) as caught:
        client.complete(form.encode(), start.transaction)
    assert caught.value.peer_code == "login_required"
    assert not bank.calls("token")


@pytest.mark.conformance("oidc-rp", "discovery-jwks-uri-keys")
@pytest.mark.spec("FAPI2-SP 5.3.3.1-9")
def test_oidcc_client_test_discovery_jwks_uri_keys(connect: Connect, bank: FakeBank) -> None:
    """The key set is where the metadata says, not where one might guess."""
    moved = f"{bank.issuer}random-4711/jwks"
    bank.faults["metadata"] = with_value("jwks_uri", moved)
    assert walk(connect(), bank).status_code == 200
    assert all("random-4711" in call.path for call in bank.calls("jwks"))


@pytest.mark.conformance("oidc-rp", "discovery-openid-config")
def test_oidcc_client_test_discovery_openid_config(connect: Connect, bank: FakeBank) -> None:
    """A server that publishes the OIDC document alone is found all the same."""
    bank.faults["no_oauth_metadata"] = with_value("missing", True)
    assert walk(connect(), bank).status_code == 200
    assert [call.status for call in bank.seen if "/.well-known/" in call.path] == [404, 200]


@pytest.mark.conformance("oidc-rp", "discovery-issuer-mismatch")
@pytest.mark.spec("RFC 8414 3.3")
def test_oidcc_client_test_discovery_issuer_mismatch(connect: Connect, bank: FakeBank) -> None:
    bank.faults["metadata"] = with_one_more("issuer")
    with pytest.raises(IssuerMismatch):
        connect()
    assert all("/.well-known/" in call.path for call in bank.seen), "nothing but metadata is asked for"


OPENID: dict[str, Any] = {"profile": "oauth-2.1", "id_token_signed_response_alg": "RS256"}


@pytest.mark.conformance("oidc-rp", "idtoken-sig-rs256")
def test_oidcc_client_test_idtoken_sig_rs256(connect: Connect, bank: FakeBank) -> None:
    """RS256 is for plain OpenID Connect; a FAPI profile refuses it at construction."""
    bank.key = a_key("RS256", 3)
    assert walk(connect(**OPENID), bank).status_code == 200
    with pytest.raises(FapiError) as caught:
        connect(**{**OPENID, "profile": "fapi2-security"})
    assert caught.value.clause == "FAPI2-SP 5.4.1-1.2"


@pytest.mark.conformance("oidc-rp", "invalid-sig-rs256")
@pytest.mark.spec("OIDC 3.1.3.7-6")
def test_oidcc_client_test_invalid_sig_rs256(connect: Connect, bank: FakeBank) -> None:
    bank.key = a_key("RS256", 3)
    bank.faults["id_token_jwt"] = flipped_signature
    client = connect(**OPENID)
    start = client.begin(scope="openid")
    with pytest.raises(BadSignature):
        client.complete(bank.authorize(start.url), start.transaction)


@pytest.mark.conformance("oidc-rp", "client-secret-basic")
@pytest.mark.spec("RFC 6749 2.3.1")
def test_oidcc_client_test_client_secret_basic(connect: Connect, bank: FakeBank) -> None:
    """Both halves form-encoded, one bare colon between; nothing of the secret in the form."""
    client = connect(
        profile="oauth-2.1", auth=ClientSecretBasic(Secret("a secret: with %+ in it, 32 octets or more"))
    )
    start = client.begin(scope="openid")
    client.complete(bank.authorize(start.url), start.transaction)
    call = bank.calls("token")[-1]
    scheme, credentials = call.headers["authorization"].split(" ")
    name, secret = b64decode(credentials).decode().split(":")
    assert (scheme, unquote_plus(name)) == ("Basic", "fintech")
    assert unquote_plus(secret) == "a secret: with %+ in it, 32 octets or more"
    assert not {"client_secret", "client_assertion"} & set(call.form)


@pytest.mark.conformance("oidc-rp", "oidcc-client-test")
@pytest.mark.parametrize("profile", ["oauth-2.1", "fapi2-security"])
def test_oidcc_client_test(profile: str, connect: Connect, bank: FakeBank) -> None:
    """The whole way: metadata, sign-in, tokens, keys, userinfo about the same user, the API."""
    client = connect(profile=profile, id_token_signed_response_alg="ES256")
    start = client.begin(scope="openid profile accounts")
    login = client.complete(bank.authorize(start.url), start.transaction)
    assert client.userinfo(login).subject == login.id_token.subject == "alice"
    assert walk(client, bank).status_code == 200
    assert all(bank.calls(name) for name in ("token", "jwks", "userinfo", "accounts"))


@pytest.mark.conformance("oidc-rp", "discovery-webfinger-acct", "discovery-webfinger-url")
@pytest.mark.parametrize(
    ("named", "error"),
    [
        ("acct:alice@{host}", InsecureUrl),
        ("alice@{host}", InsecureUrl),
        ("http://{host}/users/alice", IssuerMismatch),
    ],
)
def test_what_a_user_types_names_no_issuer(
    named: str, error: type[FapiError], clients: Clients, bank: FakeBank
) -> None:
    """Only the issuer itself is asked, and for nothing but its metadata."""
    address = named.format(host=bank.issuer.split("/")[2])
    with pytest.raises(error):
        clients.discover(address, client_id=CLIENT_ID, auth=PrivateKeyJWT(a_key()), redirect_uri=REDIRECT_URI)
    assert all("/.well-known/o" in call.path for call in bank.seen)
