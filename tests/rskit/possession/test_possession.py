"""Possession: one good proof and a table of single changes; certificates; both at once."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from fapikit import errors as e
from fapikit.errors import ForbiddenByProfile
from rskit import errors as rs
from tests.clocks import NOW, FrozenClock
from tests.keys import a_key, b64
from tests.rskit.mothers import (
    CLIENT_KEY,
    RESOURCE,
    a_proof,
    a_server,
    a_token,
    a_view,
    allowed,
    bound_token,
    public_jwk,
    refused,
)

CERTIFICATE = b"any octets: only the handshake can vouch for them"
X5T = b64(hashlib.sha256(CERTIFICATE).digest())


def with_private_part() -> dict[str, Any]:
    return {"jwk": {**public_jwk(CLIENT_KEY), "d": "AAAA"}}


OFF_CURVE = {**public_jwk(CLIENT_KEY), "y": b64(bytes(31) + b"\1")}

PROOFS: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"method": "POST"}, e.WrongMethod, "RFC 9449 4.3-8"),
    ({"method": "get"}, e.WrongMethod, "RFC 9449 4.3-8"),
    ({"url": f"{RESOURCE}/other"}, e.WrongUrl, "RFC 9449 4.3-9"),
    ({"url": f"{RESOURCE}/accounts/"}, e.WrongUrl, "RFC 9449 4.3-9"),
    ({"url": f"{RESOURCE}/ACCOUNTS"}, e.WrongUrl, "RFC 9449 4.3-9"),
    ({"url": f"{RESOURCE}//accounts"}, e.WrongUrl, "RFC 9449 4.3-9"),
    ({"url": f"{RESOURCE}/x/../accounts"}, e.WrongUrl, "RFC 9449 4.3-9"),
    ({"url": "https://evil.example/accounts"}, e.WrongUrl, "RFC 9449 4.3-9"),
    ({"url": "http://api.example/accounts"}, e.WrongUrl, "RFC 9449 4.3-9"),
    ({"url": "https://api.example:8443/accounts"}, e.WrongUrl, "RFC 9449 4.3-9"),
    ({"url": "https://x@api.example/accounts"}, e.WrongUrl, "RFC 9449 4.3-9"),
    ({"htu": 7}, e.MalformedClaim, "RFC 9449 4.3-3"),
    ({"htu": None}, e.MissingClaim, "RFC 9449 4.3-3"),
    ({"htm": None}, e.MissingClaim, "RFC 9449 4.3-3"),
    ({"jti": None}, e.MissingClaim, "RFC 9449 4.3-3"),
    ({"jti": ""}, e.MalformedClaim, "RFC 9449 4.3-3"),
    ({"jti": "j" * 257}, e.MalformedClaim, "RFC 9449 4.3-3"),
    ({"iat": None}, e.MissingClaim, "RFC 9449 4.3-3"),
    ({"iat": str(int(NOW))}, e.MalformedClaim, "RFC 9449 4.3-3"),
    ({"iat": int(NOW) - 61}, e.StaleProof, "RFC 9449 4.3-11"),
    ({"iat": int(NOW) + 31}, e.StaleProof, "RFC 9449 4.3-11"),
    ({"exp": int(NOW) - 31}, e.StaleProof, "RFC 9449 4.3-11"),
    ({"nbf": int(NOW) + 31}, e.StaleProof, "RFC 9449 4.3-11"),
    ({"ath": None}, e.MissingClaim, "RFC 9449 4.3-3"),
    ({"ath": "A" * 43}, e.WrongTokenHash, "RFC 9449 4.3-12"),
    ({"ath": b64(hashlib.sha256(b"another token").digest())}, e.WrongTokenHash, "RFC 9449 4.3-12"),
    ({"typ": "JWT"}, e.WrongJwtType, "RFC 9449 4.3-4"),
    ({"typ": "at+jwt"}, e.WrongJwtType, "RFC 9449 4.3-4"),
    ({"header": {"alg": "HS256"}}, e.ForbiddenAlgorithm, "RFC 9449 4.3-5"),
    ({"header": {"alg": "none"}}, e.ForbiddenAlgorithm, "RFC 9449 4.3-5"),
    ({"header": {"jwk": None}}, e.MalformedJwt, "RFC 7515 5.2"),
    ({"header": {"jwk": "key"}}, e.MalformedJwt, "RFC 7515 5.2"),
    ({"header": {"jwk": {"kty": "oct", "k": "AAAA"}}}, e.UnusableKey, ""),
    ({"header": with_private_part()}, e.UnusableKey, ""),
    ({"header": {"jwk": OFF_CURVE}}, e.UnusableKey, ""),
    ({"header": {"jwk": public_jwk(a_key("PS256", 1))}}, e.UnusableKey, ""),
    ({"header": {"jwk": public_jwk(a_key("ES256", 8))}}, e.BadSignature, "RFC 9449 4.3-6"),
    ({"header": {"crit": ["x"], "x": 1}}, e.UnknownCritical, "RFC 7515 4.1.11"),
    ({"key": a_key("ES256", 8)}, e.WrongProofKey, "RFC 9449 4.3-12"),
    ({"key": a_key("EdDSA", 8)}, e.WrongProofKey, "RFC 9449 4.3-12"),
]


@pytest.fixture(params=["key never seen", "key seen"])
def server(request: pytest.FixtureRequest) -> Any:
    server = a_server()
    if request.param == "key seen":
        token = bound_token()
        allowed(server, a_view(f"DPoP {token}", dpop=(a_proof(token),)))
    return server


@pytest.mark.parametrize(("changes", "error", "clause"), PROOFS, ids=lambda value: str(value)[:50])
def test_a_proof_that_breaks_a_rule(
    server: Any, changes: dict[str, Any], error: type[Exception], clause: str
):
    token = bound_token()
    refusal = refused(server, a_view(f"DPoP {token}", dpop=(a_proof(token, **changes),)))
    assert type(refusal.error) is error
    assert not clause or refusal.error.clause == clause
    assert refusal.status == 401
    assert json.loads(refusal.body)["error"] == "invalid_dpop_proof"


@pytest.mark.spec("RFC 9449 4.3-1")
def test_there_is_exactly_one_proof(server: Any):
    token = bound_token()
    one, two = a_proof(token), a_proof(token)
    assert type(refused(server, a_view(f"DPoP {token}")).error) is e.MissingProof
    assert type(refused(server, a_view(f"DPoP {token}", dpop=(one, two))).error) is e.ManyProofs
    assert type(refused(server, a_view(f"DPoP {token}", dpop=(f"{one},{two}",))).error) is e.ManyProofs
    assert type(refused(server, a_view(f"DPoP {token}", dpop=("x" * 8193,))).error) is e.JwtTooLarge


@pytest.mark.spec("RFC 9449 4.3-9")
@pytest.mark.parametrize(
    ("url", "path"),
    [
        (f"{RESOURCE}/accounts?page=1#top", "/accounts"),
        ("HTTPS://API.EXAMPLE:443/accounts", "/accounts"),
        (f"{RESOURCE}/%7Ealice", "/~alice"),
        (f"{RESOURCE}/a%2fb", "/a%2Fb"),
        (f"{RESOURCE}", "/"),
        ("wss://api.example/accounts", "/accounts"),
    ],
)
def test_a_url_is_the_same_in_every_spelling_that_means_the_same(server: Any, url: str, path: str):
    token = bound_token()
    allowed(server, a_view(f"DPoP {token}", dpop=(a_proof(token, url=url),), path=path))


@pytest.mark.spec("FAPI2-SP 5.3.2.1-13")
def test_a_proof_may_be_ten_seconds_ahead(server: Any):
    for ahead in (0, 10):
        token = bound_token()
        allowed(server, a_view(f"DPoP {token}", dpop=(a_proof(token, iat=int(NOW) + ahead),)))


def test_a_public_origin_and_the_prefix_that_a_gateway_strips():
    server = a_server(origins=["https://gateway.example/bank/v1"])
    token = bound_token()
    proof = a_proof(token, url="https://gateway.example/bank/v1/accounts")
    allowed(server, a_view(f"DPoP {token}", dpop=(proof,)))
    proof = a_proof(token, url="https://gateway.example/accounts")
    assert type(refused(server, a_view(f"DPoP {token}", dpop=(proof,))).error) is e.WrongUrl
    with pytest.raises(e.ConfigurationError):
        a_server(origins=["gateway.example"])


@pytest.mark.parametrize(
    ("htu", "origin"),
    [
        (f"{RESOURCE}/bank/v1/accounts", f"{RESOURCE}/bank/v1"),
        ("https://other.example/bank/accounts", None),
        (f"{RESOURCE}/bank/payments", None),
        (f"{RESOURCE}.evil.example/accounts", None),
    ],
)
def test_the_log_names_the_prefix_by_which_a_proof_differs(
    htu: str, origin: str | None, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("INFO", "rskit")
    token = bound_token()
    view = a_view(f"DPoP {token}", dpop=(a_proof(token, url=htu),))
    assert type(refused(a_server(), view).error) is e.WrongUrl
    assert ("htu has a longer path" in caplog.text) is (origin is not None)
    if origin is not None:
        assert f"origins=['{origin}']" in caplog.text
        allowed(a_server(origins=[origin]), a_view(f"DPoP {token}", dpop=(a_proof(token, url=htu),)))


def test_the_log_names_a_prefix_that_nobody_strips(caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO", "rskit")
    token = bound_token()
    view = a_view(f"DPoP {token}", dpop=(a_proof(token),), path="/bank/accounts")
    assert type(refused(a_server(), view).error) is e.WrongUrl
    assert "htu has a shorter path. Is '/bank' set here" in caplog.text


@pytest.mark.spec("RFC 9449 11.3")
def test_a_nonce_is_demanded_of_every_proof_and_ends():
    clock = FrozenClock()
    server = a_server(nonces=b"k" * 32, clock=clock)
    token = bound_token(exp=int(NOW) + 3600)
    assert server.nonces is not None
    nonce = server.nonces.issue(NOW)
    view = a_view(f"DPoP {token}", dpop=(a_proof(token, nonce=nonce),))
    allowed(server, view)
    for wrong in (None, "", nonce[:-1] + "A", b64(bytes(20))):
        view = a_view(f"DPoP {token}", dpop=(a_proof(token, nonce=wrong),))
        refusal = refused(server, view)
        assert type(refusal.error) is e.NonceRequired
        assert json.loads(refusal.body)["error"] == "use_dpop_nonce"
    clock.advance(330)
    late = a_view(f"DPoP {token}", dpop=(a_proof(token, nonce=nonce, iat=int(clock.now)),))
    assert type(refused(server, late).error) is e.NonceRequired


def test_a_proof_that_was_refused_is_not_used_up():
    server, token = a_server(nonces=b"k" * 32), bound_token()
    assert server.nonces is not None
    fields = {"jti": "the-same", "nonce": server.nonces.issue(NOW)}
    refused(server, a_view(f"DPoP {token}", dpop=(a_proof(token, method="POST", **fields),)))
    allowed(server, a_view(f"DPoP {token}", dpop=(a_proof(token, **fields),)))


# --- certificates ---


def bound_to_certificate(**changes: Any) -> str:
    return a_token(**{"cnf": {"x5t#S256": X5T}, **changes})


@pytest.mark.spec("RFC 8705 3b")
def test_a_certificate_bound_token_comes_under_bearer_with_its_certificate():
    server = a_server(profile="fapi2-security")
    token = bound_to_certificate()
    allowed(server, a_view(f"Bearer {token}", certificate=lambda: CERTIFICATE))
    assert type(refused(server, a_view(f"Bearer {token}")).error) is rs.MissingCertificate
    other = a_view(f"Bearer {token}", certificate=lambda: b"another")
    assert type(refused(server, other).error) is rs.WrongCertificate


@pytest.mark.spec("RFC 9449 7.1a")
def test_a_certificate_alone_does_not_do_under_the_dpop_scheme():
    token = bound_to_certificate()
    view = a_view(f"DPoP {token}", dpop=(a_proof(token),), certificate=lambda: CERTIFICATE)
    refusal = refused(a_server(), view)
    assert (type(refusal.error), refusal.error.clause) == (rs.WrongScheme, "RFC 9449 7.1a")


def test_a_token_bound_twice_is_verified_twice():
    cnf = {"jkt": CLIENT_KEY.thumbprint, "x5t#S256": X5T, "unknown": "ignored beside a known one"}
    token = a_token(cnf=cnf)
    server = a_server()
    proofs = iter([(a_proof(token),) for _ in range(3)])
    allowed(server, a_view(f"DPoP {token}", dpop=next(proofs), certificate=lambda: CERTIFICATE))
    assert type(refused(server, a_view(f"DPoP {token}", dpop=next(proofs))).error) is rs.MissingCertificate
    bearer = a_view(f"Bearer {token}", certificate=lambda: CERTIFICATE)
    assert type(refused(server, bearer).error) is rs.WrongScheme
    unproven = a_view(f"DPoP {token}", certificate=lambda: CERTIFICATE)
    assert type(refused(server, unproven).error) is e.MissingProof


@pytest.mark.parametrize("settings", [{}, {"bindings": ["dpop"]}, {"bindings": []}], ids=str)
def test_what_a_token_is_bound_to_is_verified_whatever_the_configuration(settings: dict[str, Any]):
    server = a_server(**settings)
    for token in (bound_to_certificate(), bound_token()):
        assert isinstance(refused(server, a_view(f"Bearer {token}")).error, rs.BindingRefused)


@pytest.mark.spec("FAPI1-ADV 6.2.1-1, -2, 8.2; FAPI1-ADV 5.2.2-5")
def test_fapi_1_advanced_takes_certificate_bound_tokens_alone():
    server = a_server(profile="fapi1-advanced")
    allowed(server, a_view(f"Bearer {bound_to_certificate()}", certificate=lambda: CERTIFICATE))
    assert type(refused(server, a_view(f"Bearer {a_token()}")).error) is rs.NotSenderConstrained
    token = bound_token()
    refusal = refused(server, a_view(f"DPoP {token}", dpop=(a_proof(token),)))
    assert type(refusal.error) is rs.NotSenderConstrained


def test_bindings_only_narrow_the_profile():
    with pytest.raises(ForbiddenByProfile):
        a_server(profile="fapi1-advanced", bindings=["dpop"])
    with pytest.raises(e.ConfigurationError):
        a_server(profile="fapi2-security", bindings=[])


def test_moving_from_bearer_to_dpop_without_a_flag_day():
    """First both pass; then the API requires bound tokens, whatever its profile."""
    token = bound_token()
    view = a_view(f"DPoP {token}", dpop=(a_proof(token),))
    both = a_server()
    allowed(both, view)
    allowed(both, a_view(f"Bearer {a_token()}"))
    bound_only = a_server(require_bound=True, nonces=False)
    allowed(bound_only, view)
    assert type(refused(bound_only, a_view(f"Bearer {a_token()}")).error) is rs.NotSenderConstrained
