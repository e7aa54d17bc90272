"""How a client signs in, method by method, and which profile allows which."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import pytest

from fapikit import (
    FAPI1_ADVANCED,
    FAPI1_BASELINE,
    FAPI2_SECURITY,
    FAPI_CIBA,
    OAUTH_2_1,
    PrivateKeyJWT,
    Profile,
    SelfSignedTlsClientAuth,
    TlsClientAuth,
)
from fapikit.client_authentication import ClientSecretBasic, ClientSecretJWT, ClientSecretPost, PublicClient
from fapikit.errors import (
    BadSignature,
    ConfigurationError,
    ForbiddenAlgorithm,
    ForbiddenByProfile,
    UnusableKey,
)
from fapikit.flow import run_pure
from fapikit.jose.claims import Expected
from fapikit.jose.key_set import KeySet
from fapikit.jose.parse import parse_jws
from fapikit.jose.purposes import CLIENT_ASSERTION
from fapikit.jose.shared_secret import SharedSecret
from fapikit.jose.verify import verify_jwt
from fapikit.secrets import Secret
from tests.clocks import NOW, CountingRandom, FrozenClock
from tests.keys import a_key, claims_of, header_of, hmac_of, unb64

AS = "https://as.example"
SECRET = "correct horse battery staple: 32+"


def credentials(auth: Any, random_bytes: CountingRandom | None = None, client_id: str = "app") -> Any:
    return run_pure(
        auth.credentials(
            client_id=client_id,
            audience=AS,
            clock=FrozenClock(),
            random_bytes=random_bytes or CountingRandom(),
        )
    )


@pytest.mark.parametrize("given", ["-----BEGIN PRIVATE KEY-----", b"octets", None])
def test_an_assertion_needs_a_signer(given: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"PrivateKey.from_pem") as refused:
        PrivateKeyJWT(given)
    assert "BEGIN" not in str(refused.value)


@pytest.mark.spec("RFC 7617 2", "RFC 6749 2.3.1")
def test_basic_form_encodes_id_and_secret_before_joining_them() -> None:
    made = credentials(ClientSecretBasic("pässword: +%&"), client_id="a:b c")
    assert made.parameters == ()
    ((name, value),) = made.headers
    assert name == "authorization"
    assert b64decode(value.removeprefix("Basic ")) == b"a%3Ab+c:p%C3%A4ssword%3A+%2B%25%26"


def test_post_puts_id_and_secret_into_the_form() -> None:
    made = credentials(ClientSecretPost(Secret("s p")))
    assert made.headers == ()
    assert made.parameters == (("client_id", "app"), ("client_secret", "s p"))


@pytest.mark.spec("RFC 6749 3.2.1")
def test_a_public_client_names_itself() -> None:
    assert credentials(PublicClient()).parameters == (("client_id", "app"),)


@pytest.mark.spec("RFC 8705 2a")
@pytest.mark.parametrize("auth", [TlsClientAuth(), SelfSignedTlsClientAuth()])
def test_with_mutual_tls_the_form_names_the_client_and_nothing_else(auth: Any) -> None:
    made = credentials(auth)
    assert made.parameters == (("client_id", "app"),)
    assert made.headers == ()


@pytest.mark.spec(
    "RFC 7523 2.2", "rfc7523bis 4", "FAPI2-SP 5.3.3.1-5", "rfc7523bis 4a", "rfc7523bis 4b", "OIDC 9"
)
@pytest.mark.parametrize("auth", [PrivateKeyJWT(a_key()), ClientSecretJWT(SECRET)], ids=["key", "secret"])
def test_an_assertion_is_short_lived_typed_and_for_the_issuer_as_one_string(auth: Any) -> None:
    made = credentials(auth)
    form = dict(made.parameters)
    assert form["client_id"] == "app"
    assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    header, claims = header_of(form["client_assertion"]), claims_of(form["client_assertion"])
    assert header["typ"] == "client-authentication+jwt"
    assert claims["iss"] == claims["sub"] == "app"
    assert claims["aud"] == AS
    assert claims["exp"] - NOW <= 60
    assert claims["iat"] == claims["nbf"] == NOW
    assert len(claims["jti"]) >= 22


def test_every_assertion_has_its_own_jti() -> None:
    auth, random_bytes = PrivateKeyJWT(a_key()), CountingRandom()
    made = [dict(credentials(auth, random_bytes).parameters)["client_assertion"] for _ in range(3)]
    assert len({claims_of(token)["jti"] for token in made}) == 3


def test_an_assertion_by_key_verifies_under_that_key() -> None:
    token = dict(credentials(PrivateKeyJWT(a_key())).parameters)["client_assertion"]
    expected = Expected(issuer="app", audience=(AS,), now=NOW)
    keys = KeySet([a_key().public_key])
    verified = run_pure(
        verify_jwt(token, CLIENT_ASSERTION, keys=keys, algorithms=("ES256",), expected=expected)
    )
    assert verified.claims["sub"] == "app"


def test_an_assertion_by_secret_is_its_hmac() -> None:
    token = dict(credentials(ClientSecretJWT(SECRET)).parameters)["client_assertion"]
    signing_input, _, signature = token.rpartition(".")
    assert unb64(signature) == hmac_of(SECRET.encode(), signing_input.encode())
    assert "kid" not in header_of(token)
    jws = parse_jws(token, CLIENT_ASSERTION, {"HS256"})
    assert SharedSecret(Secret(SECRET)).check_signature(jws)["sub"] == "app"
    with pytest.raises(BadSignature) as bad:
        SharedSecret(Secret(SECRET + "!")).check_signature(jws)
    assert bad.value.code == "invalid_client"
    with pytest.raises(ForbiddenAlgorithm):
        SharedSecret(Secret(SECRET * 2), alg="HS512").check_signature(jws)


@pytest.mark.spec("OIDC 16.19", "FAPI1-BL 5.2.2-3", "FAPI1-BL 5.2.4-4", "RFC 7518 3.2")
@pytest.mark.parametrize("alg, octets", [("HS256", 32), ("HS384", 48), ("HS512", 64)])
def test_a_secret_is_as_long_as_its_hash(alg: str, octets: int) -> None:
    assert ClientSecretJWT("s" * octets, alg=alg).method == "client_secret_jwt"
    with pytest.raises(UnusableKey, match="octets") as weak:
        ClientSecretJWT("s" * (octets - 1), alg=alg)
    assert weak.value.clause == "RFC 7518 3.2"


@pytest.mark.parametrize("alg", ["none", "ES256", "RS256", "hs256"])
def test_a_secret_signs_with_hmac_only(alg: str) -> None:
    with pytest.raises(ForbiddenAlgorithm):
        ClientSecretJWT("s" * 64, alg=alg)


@pytest.mark.spec("RFC 8725 3.1")
def test_a_public_key_never_verifies_an_hmac() -> None:
    """The algorithm confusion of CVE-2022-29217: the public key's octets as the secret."""
    token = dict(credentials(ClientSecretJWT(SECRET)).parameters)["client_assertion"]
    jws = parse_jws(token, CLIENT_ASSERTION, {"HS256"})
    with pytest.raises(UnusableKey):
        a_key().public_key.verifier(jws.alg)


METHODS = {
    "client_secret_basic": ClientSecretBasic(SECRET),
    "client_secret_post": ClientSecretPost(SECRET),
    "client_secret_jwt": ClientSecretJWT(SECRET),
    "private_key_jwt": PrivateKeyJWT(a_key()),
    "none": PublicClient(),
    "tls_client_auth": TlsClientAuth(),
    "self_signed_tls_client_auth": SelfSignedTlsClientAuth(),
}
MUTUAL_TLS = {"tls_client_auth", "self_signed_tls_client_auth"}
ALLOWED = {
    OAUTH_2_1: set(METHODS),
    FAPI1_BASELINE: {"client_secret_jwt", "private_key_jwt", "none", *MUTUAL_TLS},
    FAPI1_ADVANCED: {"private_key_jwt", *MUTUAL_TLS},
    FAPI_CIBA: {"private_key_jwt", *MUTUAL_TLS},
    FAPI2_SECURITY: {"private_key_jwt", *MUTUAL_TLS},
}


@pytest.mark.spec("FAPI2-SP 5.3.3.1-2", "FAPI1-BL 5.2.2-4", "FAPI1-ADV 5.2.2-14")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("profile", ALLOWED, ids=str)
def test_the_profile_decides_which_methods_pass(profile: Profile, method: str) -> None:
    auth: Any = METHODS[method]
    assert auth.method == method
    assert auth.mtls is (method in MUTUAL_TLS)
    if method in ALLOWED[profile]:
        auth.check(profile)
        return
    with pytest.raises(ForbiddenByProfile) as refused:
        auth.check(profile)
    assert refused.value.clause in profile.clauses.values()


def test_a_profile_refuses_an_assertion_with_an_algorithm_it_forbids() -> None:
    with pytest.raises(ForbiddenByProfile) as refused:
        PrivateKeyJWT(a_key("ES384")).check(FAPI2_SECURITY)
    assert refused.value.clause == "FAPI2-SP 5.4.1-1.2"
    PrivateKeyJWT(a_key("ES384")).check(OAUTH_2_1)


def test_no_representation_shows_a_secret() -> None:
    for auth in METHODS.values():
        assert SECRET not in repr(auth)
        made = credentials(auth)
        assert SECRET not in repr(made)
        assert "client_assertion" not in repr(made)
    assert SECRET not in repr(SharedSecret(Secret(SECRET)))


def test_an_empty_secret_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        ClientSecretPost("")
