"""Attacks that were published against others, each by its name, and each against both middlewares."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from fapikit.jose.key_set import KeySet
from tests.keys import a_key, b64, hmac_of, jws_of, mint, signature_of
from tests.rskit.mothers import (
    AS_KEY,
    CLIENT_KEY,
    ISSUER,
    RESOURCE,
    a_proof,
    a_server,
    a_token,
    an_issuer,
    bound_token,
    public_jwk,
    token_claims,
)
from tests.rskit.skins import SKINS, Call

RULES: dict[str, dict[str, Any]] = {
    "/accounts": {},
    "/admin": {"scopes": ("admin",)},
    "/open": {"public": True},
    "/open/deep": {"public": True},
}


@pytest.fixture(params=sorted(SKINS))
def skin(request: pytest.FixtureRequest) -> Any:
    return lambda server=None: SKINS[request.param](server or a_server(), RULES)


@pytest.fixture
def call(skin: Any) -> Call:
    made: Call = skin()
    return made


def bearer(token: str) -> list[tuple[str, str]]:
    return [("authorization", f"Bearer {token}")]


def forged(header: dict[str, Any], sign: Any) -> str:
    return jws_of(json.dumps(header).encode(), json.dumps(token_claims()).encode(), sign)


def assert_refused(call: Call, token: str) -> None:
    answer = call("GET", "/accounts", bearer(token))
    assert (answer.status, answer.json["error"]) == (401, "invalid_token")


# --- alg confusion ---


def test_cve_2022_29217_and_cve_2024_33663_hs256_with_the_public_key_as_secret(call: Call):
    material = AS_KEY._material.public_key()
    pem = material.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    der = material.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    for secret in (pem, pem.strip(), der, json.dumps(dict(AS_KEY.public_jwk)).encode(), b""):
        for alg in ("HS256", "hs256", "HS512"):
            header = {"alg": alg, "typ": "at+jwt", "kid": AS_KEY.kid}
            assert_refused(call, forged(header, lambda octets, key=secret: hmac_of(key, octets)))


def test_cve_2026_48523_the_allowlist_holds_whatever_the_key_says(skin: Any):
    key = a_key("RS256", 1)
    jwk = {**key.public_jwk, "alg": "RS256"}
    server = a_server(issuers=[an_issuer(keys=KeySet.from_jwks({"keys": [jwk]}))], profile="fapi2-security")
    assert_refused(skin(server), a_token(key))


def test_python_jose_274_a_key_serves_its_own_algorithm_alone(skin: Any):
    jwk = {**a_key("PS256", 1).public_jwk, "alg": "PS256"}
    server = a_server(issuers=[an_issuer(keys=KeySet.from_jwks({"keys": [jwk]}))])
    token = mint(token_claims(), a_key("RS256", 1), typ="at+jwt", alg="RS256", header={"kid": jwk["kid"]})
    assert_refused(skin(server), token)


def test_none_in_any_spelling(call: Call):
    for alg in ("none", "None", "NONE", "nOnE", ""):
        assert_refused(call, forged({"alg": alg, "typ": "at+jwt"}, lambda _: b""))


# --- key injection ---


def test_cve_2026_27962_and_cve_2018_0114_a_jwk_in_the_header_is_no_key(call: Call):
    mine = a_key("ES256", 2)
    for kid in (AS_KEY.kid, "none-of-yours", None):
        header = {"jwk": dict(mine.public_jwk), "kid": kid}
        assert_refused(call, a_token(mine, header=header))


def test_liboauth2_2026_06_02_a_kid_is_no_path(call: Call):
    for kid in ("../../etc/passwd", "https://evil.example/jwks", "/dev/null", "' or 1=1", "a" * 513):
        assert_refused(call, a_token(header={"kid": kid}))


def test_jku_x5u_and_x5c_are_never_followed(call: Call):
    mine = a_key("ES256", 2)
    certificate = base64.b64encode(b"not looked at").decode()
    for header in (
        {"jku": "https://evil.example/jwks"},
        {"x5u": "https://evil.example"},
        {"x5c": [certificate]},
    ):
        assert_refused(call, a_token(mine, header=header))


# --- headers that are ignored ---


def test_cve_2025_59420_and_cve_2026_32597_crit_is_not_ignored(call: Call):
    assert_refused(call, a_token(header={"crit": ["must-understand"], "must-understand": True}))
    assert_refused(call, a_token(header={"crit": ["alg"]}))


def test_cve_2024_53861_an_issuer_is_no_substring(call: Call):
    for iss in (ISSUER[:-1], ISSUER + "/", ISSUER.upper(), ISSUER[8:], "", [ISSUER], {ISSUER: 1}):
        assert_refused(call, a_token(iss=iss))


def test_cve_2022_21449_psychic_signatures(call: Call):
    order = "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551"
    header = {"alg": "ES256", "typ": "at+jwt", "kid": AS_KEY.kid}
    for octets in (bytes(64), bytes.fromhex(order * 2), bytes.fromhex(order) + bytes(32), b"\xff" * 64):
        assert_refused(call, forged(header, lambda _, signature=octets: signature))


def test_a_proof_key_off_its_curve(call: Call):
    token = bound_token()
    jwk = {**public_jwk(CLIENT_KEY), "x": b64(bytes(32)), "y": b64(bytes(32))}
    answer = call(
        "GET",
        "/accounts",
        [("authorization", f"DPoP {token}"), ("dpop", a_proof(token, header={"jwk": jwk}))],
    )
    assert (answer.status, answer.json["error"]) == (401, "invalid_dpop_proof")


# --- bombs ---


def test_cve_2025_61920_and_cve_2025_30204_huge_tokens_and_many_dots(call: Call):
    for token in ("e" * 16_385, "ey" + "." * 10_000, "ey." * 5_000):
        answer = call("GET", "/accounts", bearer(token))
        assert answer.status in (400, 401)
        assert answer.json["error"] in ("invalid_request", "invalid_token")


def test_authlib_830_a_compressed_payload_is_not_inflated(call: Call):
    bomb = zlib.compress(b"0" * 10_000_000)
    header = {"alg": "ES256", "typ": "at+jwt", "kid": AS_KEY.kid, "zip": "DEF"}
    token = jws_of(json.dumps(header).encode(), bomb[:8000], lambda o: signature_of(AS_KEY, "ES256", o))
    assert_refused(call, token)


def test_ghsa_cjwg_qfpm_7377_and_cve_2025_63811_a_jwe_is_not_opened(call: Call):
    header = b64(
        json.dumps({"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": 2**31, "zip": "DEF"}).encode()
    )
    assert_refused(call, f"{header}.AAAA.AAAA.AAAA.AAAA")


def test_json_that_is_too_deep_or_repeats_itself(call: Call):
    deep = b'{"iss":"https://as.example","x":' + b"[" * 5000 + b"]" * 5000 + b"}"
    twice = b'{"iss":"https://as.example","sub":"alice","sub":"root"}'
    header = json.dumps({"alg": "ES256", "typ": "at+jwt", "kid": AS_KEY.kid}).encode()
    for payload in (deep, twice, b"\xff\xfe", b"[]", b"null", b'{"exp":NaN}'):
        assert_refused(call, jws_of(header, payload, lambda o: signature_of(AS_KEY, "ES256", o)))


# --- htu and Host ---


def test_node_oauth2_jwt_bearer_244_a_host_header_moves_no_path(call: Call):
    """The URL that a proof must name comes from configuration: no Host can bend it."""
    for host in ("api.example/accounts?x=", "evil.example", "api.example:443@evil.example", "api.example#"):
        token = bound_token()
        for htu in (f"https://{host}/accounts", f"https://{host}/open/deep", f"{RESOURCE}/accounts"):
            headers = [("authorization", f"DPoP {token}"), ("dpop", a_proof(token, url=htu)), ("host", host)]
            answer = call("GET", "/open/deep", headers)
            assert answer.status in (400, 401), (host, htu)
        good = [("authorization", f"DPoP {token}"), ("dpop", a_proof(token))]
        assert call("GET", "/accounts", good).status == 200


def test_cve_2026_48710_badhost_opens_no_public_route(call: Call):
    """Starlette before 1.0.1 built request.url.path with Host: here a route is public by its endpoint."""
    for host in ("x/open?", "api.example/open?y=", "/open", "api.example/../open"):
        assert call("GET", "/accounts", [("host", host)]).status in (400, 401)


def test_the_framework_969_x_forwarded_host_changes_no_challenge(call: Call):
    names = ("x-forwarded-host", "forwarded", "x-forwarded-proto", "x-forwarded-uri", "x-original-url")
    answer = call("GET", "/accounts", [(name, 'evil.example", realm="x') for name in names])
    assert all("evil" not in value for value in answer.all("www-authenticate"))
    assert (
        f'resource_metadata="{RESOURCE}/.well-known/oauth-protected-resource"'
        in answer.all("www-authenticate")[0]
    )


# --- path tricks ---


@pytest.mark.parametrize(
    "path",
    [
        "//open/../accounts",  # slim-jwt-auth 50
        "/open/..%2Faccounts",  # x402 3502
        "/accounts%3F/open",  # obsidian-web-mcp 81
        "/accounts/open",  # prefect 21063: endswith
        "/accounts?x=/open",  # CVE-2025-54576
        "/open/%2e%2e/accounts",  # CVE-2019-9901
        "/open;/../accounts",
        "/open%00/accounts",
        "/OPEN",
        "/accounts%23/open",
    ],
)
def test_no_path_trick_reaches_a_protected_route(call: Call, path: str):
    answer = call("GET", path)
    assert answer.status in (400, 401), answer


def test_x_original_url_and_method_override_change_nothing(call: Call):
    for name in ("x-original-url", "x-rewrite-url", "x-envoy-original-path", "x-http-method-override"):
        assert call("GET", "/accounts", [(name, "/open")]).status == 401


# --- several credentials, odd carriers ---


def test_two_tokens_are_refused_whichever_would_be_taken(call: Call):
    good, bad = a_token(), a_token(exp=1)
    for first, second in ((good, bad), (bad, good)):
        joined = call("GET", "/accounts", [("authorization", f"Bearer {first}, Bearer {second}")])
        assert (joined.status, joined.json["error"]) == (400, "invalid_request")
        twice = call("GET", "/accounts", [*bearer(first), *bearer(second)])
        assert (twice.status, twice.json["error"]) == (400, "invalid_request")


@pytest.mark.spec("FAPI2-SP 5.3.4-2", "FAPI1-BL 6.2.1-3")
def test_a_token_in_the_query_or_the_body_is_no_token(call: Call):
    token = a_token()
    for query in (f"access_token={token}", f"a=1&access_token={token}", f"access%5Ftoken={token}"):
        answer = call("GET", f"/accounts?{query}")
        assert (answer.status, answer.json["error"]) == (400, "invalid_request")
        both = call("GET", f"/accounts?{query}", bearer(token))
        assert both.status == 400
    form = [("content-type", "application/x-www-form-urlencoded")]
    assert call("POST", "/accounts", form, f"access_token={token}".encode()).status == 401
    assert call("GET", "/accounts", [("cookie", f"access_token={token}")]).status == 401
    assert call("GET", "/accounts", [("x-access-token", token)]).status == 401


def test_a_certificate_header_is_never_believed(call: Call):
    der = b"certificate"
    thumbprint = b64(hashlib.sha256(der).digest())
    token = a_token(cnf={"x5t#S256": thumbprint})
    pem = base64.b64encode(der).decode()
    names = ("ssl-client-cert", "x-ssl-cert", "client-cert", "x-forwarded-client-cert", "ssl_client_cert")
    for name in names:
        answer = call("GET", "/accounts", [*bearer(token), (name, f":{pem}:")])
        assert (answer.status, answer.json["error"]) == (401, "invalid_token")


def test_a_header_with_underscores_is_not_the_one_with_dashes(call: Call):
    """CVE-2025-64484: what a proxy strips under one spelling may come back under the other."""
    token = bound_token()
    answer = call("GET", "/accounts", [("authorization", f"DPoP {token}"), ("d_pop", a_proof(token))])
    assert answer.status == 401


def test_basic_credentials_are_none_and_an_empty_token_is_bad(call: Call):
    basic = call("GET", "/accounts", [("authorization", "Basic dXNlcjpwYXNz")])
    assert (basic.status, basic.body) == (401, b"")
    assert call("GET", "/open", [("authorization", "Basic dXNlcjpwYXNz")]).status == 200
    for value in ("Bearer", "Bearer ", "Bearer  ,", "bearer a b", "DPoP", "Bearer a=b"):
        answer = call("GET", "/open", [("authorization", value)])
        assert (answer.status, answer.json["error"]) == (400, "invalid_request"), value
