"""The FAPI 1.0 Advanced client modules of the certification suite, each once, for both clients.

With the hybrid flow the faulty ID token comes through the browser, so the code is never used; with JARM it comes from
the token endpoint. Each rejection is asserted by error and clause and by the silence that follows.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from joserfc import jwe

from fapikit.errors import (
    BadSignature,
    Expired,
    FapiError,
    ForbiddenAlgorithm,
    IssuerMismatch,
    MissingClaim,
    NotEncrypted,
    Remedy,
    TooOld,
    WrongAudience,
    WrongHash,
    WrongIssuer,
    WrongNonce,
)
from fapikit.jose.encryption_keys import DecryptionKey
from rpkit.errors import AuthorizationRefused, WrongAcr
from tests.adversary.walk import (
    also_meant_for_another,
    expired,
    flipped_signature,
    refused,
    signed_with_rs256,
    unsigned,
    walk,
    with_one_more,
    without,
)
from tests.keys import claims_of, header_of
from tests.mothers.advanced_askit import AdvancedAskit, advanced_askit
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import CLIENT_ID, FakeBank
from tests.mothers.fapi1 import ADVANCED
from tests.mothers.mtls_bank import MtlsBank, served_over_tls
from tests.rpkit.mutual_tls.parties import AUTH, CA, KEY, MINE, SELF_SIGNED, arguments

Connect = Callable[..., Any]

RESPONSES: dict[str, dict[str, Any]] = {"plain_response": {}, "jarm": {"response_mode": "jwt"}}


@pytest.fixture
def bank() -> Iterator[MtlsBank]:
    """The fake bank over TLS: whoever shows no certificate, or calls the wrong host, gets nothing."""
    with served_over_tls(
        MtlsBank(registered=[MINE, SELF_SIGNED], method="private_key_jwt", dpop=False, nonces=False),
        CA,
        SELF_SIGNED,
    ) as running:
        yield running


@pytest.fixture(scope="module")
def advanced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdvancedAskit]:
    with advanced_askit(tmp_path_factory.mktemp("askit")) as running:
        yield running


@pytest.fixture(params=["askit", "fake"])
def adversary(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "fake":
        yield request.getfixturevalue("bank")
        return
    server = request.getfixturevalue("advanced")
    yield server
    server.server.app.faults.clear()


@pytest.fixture
def connect(clients: Clients, request: pytest.FixtureRequest) -> Iterator[Connect]:
    named = [name for name in ("adversary", "advanced") if name in request.fixturenames]
    server = request.getfixturevalue(named[0] if named else "bank")
    made: list[Any] = []

    def connect(**options: Any) -> Any:
        if isinstance(server, AdvancedAskit):
            made.append(clients.discover(server.issuer, **{**server.arguments(), **ADVANCED, **options}))
        else:
            made.append(
                clients.of(server, **{**arguments(server), **ADVANCED, "request_signer": KEY, **options})
            )
        return made[-1]

    yield connect
    for client in made:
        client.close() if clients.kind == "sync" else client.aclose()


def aged_a_week(claims: dict[str, Any]) -> dict[str, Any]:
    return {**claims, "iat": claims["iat"] - 7 * 86_400}


CLAIM_FAULTS: dict[str, tuple[Callable[[Any], Any], type[FapiError], str]] = {
    "client-test-invalid-nonce": (with_one_more("nonce"), WrongNonce, "OIDC 3.1.3.7-11"),
    "client-test-invalid-missing-nonce": (without("nonce"), MissingClaim, "OIDC 3.1.3.7-11"),
    "client-test-invalid-iss": (with_one_more("iss"), WrongIssuer, "OIDC 3.1.3.7-2"),
    "client-test-invalid-missing-iss": (without("iss"), MissingClaim, "OIDC 3.1.3.7-2"),
    "client-test-invalid-aud": (with_one_more("aud"), WrongAudience, "OIDC 3.1.3.7-3"),
    "client-test-invalid-missing-aud": (without("aud"), MissingClaim, "OIDC 3.1.3.7-3"),
    "client-test-invalid-secondary-aud": (also_meant_for_another, WrongAudience, "OIDC 3.1.3.7-3"),
    "client-test-invalid-expired-exp": (expired, Expired, "OIDC 3.1.3.7-9"),
    "client-test-invalid-missing-exp": (without("exp"), MissingClaim, "OIDC 3.1.3.7-9"),
    "client-test-iat-is-week-in-past": (aged_a_week, TooOld, "OIDC 3.1.3.7-10"),
}
TOKEN_FAULTS: dict[str, tuple[Callable[[str], str], type[FapiError], str]] = {
    "client-test-invalid-signature": (flipped_signature, BadSignature, "OIDC 3.1.3.7-6"),
    "client-test-invalid-null-alg": (unsigned, ForbiddenAlgorithm, "FAPI1-ADV 8.6-1"),
    "client-test-invalid-alternate-alg": (signed_with_rs256, ForbiddenAlgorithm, "FAPI1-ADV 8.6-1"),
}
HASH_FAULTS: dict[str, tuple[Callable[[Any], Any], type[FapiError], str]] = {
    "client-test-invalid-shash": (with_one_more("s_hash"), WrongHash, "FAPI1-ADV 5.2.3.1-4"),
    "client-test-invalid-missing-shash": (without("s_hash"), MissingClaim, "FAPI1-ADV 5.2.3.1-4"),
    "client-test-invalid-chash": (with_one_more("c_hash"), WrongHash, "OIDC 3.3.2.11"),
    "no c_hash": (without("c_hash"), MissingClaim, "OIDC 3.3.2.11"),
}


def refused_wherever_it_comes(
    connect: Connect, adversary: Any, response: str, place: str, hook: Any, error: Any, clause: str
) -> None:
    front = response == "plain_response"
    at_fake = isinstance(adversary, FakeBank)
    adversary.faults[f"front_{place}" if front and at_fake else place] = hook
    client = connect(**RESPONSES[response])
    refused(client, adversary, error, clause, after="callback" if front else "token")


@pytest.mark.conformance("fapi1-rp")
@pytest.mark.spec("OIDC 3.1.3.7-2, -3, -9, -10, -11; FAPI1-ADV 5.2.3.1-3, 8.3.3; FAPI1-BL 5.2.3-8")
@pytest.mark.parametrize("response", RESPONSES)
@pytest.mark.parametrize("module", CLAIM_FAULTS)
def test_id_token_with_a_wrong_claim(module: str, response: str, connect: Connect, adversary: Any) -> None:
    refused_wherever_it_comes(connect, adversary, response, "id_token", *CLAIM_FAULTS[module])


@pytest.mark.conformance("fapi1-rp")
@pytest.mark.spec("OIDC 3.1.3.7-6, -7; FAPI1-ADV 5.2.3.1-2, 8.6-1, -2, -3")
@pytest.mark.parametrize("response", RESPONSES)
@pytest.mark.parametrize("module", TOKEN_FAULTS)
def test_id_token_with_a_wrong_signature(
    module: str, response: str, connect: Connect, adversary: Any
) -> None:
    refused_wherever_it_comes(connect, adversary, response, "id_token_jwt", *TOKEN_FAULTS[module])


@pytest.mark.conformance("oidc-rp", "invalid-chash", "missing-chash")
@pytest.mark.conformance("fapi1-rp")
@pytest.mark.spec("FAPI1-ADV 5.1.1, 5.2.3.1-4; OIDC 3.3.2.11")
@pytest.mark.parametrize("module", HASH_FAULTS)
def test_detached_signature_of_something_else(module: str, connect: Connect, adversary: Any) -> None:
    refused_wherever_it_comes(connect, adversary, "plain_response", "id_token", *HASH_FAULTS[module])


@pytest.mark.conformance("fapi1-rp", "client-test-discovery-issuer-mismatch")
@pytest.mark.spec("RFC 8414 3.3; FAPI1-BL 5.2.3-11")
def test_client_test_discovery_issuer_mismatch(connect: Connect, bank: FakeBank) -> None:
    bank.faults["metadata"] = lambda members: {**members, "issuer": f"{members['issuer']}INVALID"}
    with pytest.raises(IssuerMismatch):
        connect()
    assert {call.path.split("/")[1] for call in bank.seen} == {".well-known"}


@pytest.mark.conformance("oidc-rp", "nonce-unless-code-flow")
@pytest.mark.conformance("fapi1-rp", "client-test")
@pytest.mark.spec(
    "FAPI1-ADV 5.2.3-2, -8, -9, -10, -11, -14, -15, -16, 5.2.3.1-1, 5.2.3.2-1; FAPI1-BL 6.2.2-1"
)
@pytest.mark.parametrize("method", AUTH)
@pytest.mark.parametrize("pushed", [True, False], ids=["pushed", "by_value"])
@pytest.mark.parametrize("response", RESPONSES)
def test_client_test(response: str, pushed: bool, method: str, connect: Connect, bank: MtlsBank) -> None:
    """Also what part 4 asks of the request object, of what stands beside it, and of certificates."""
    bank.method = method
    client = connect(**RESPONSES[response], pushed_requests=pushed)
    urls: list[str] = []
    authorize = bank.authorize
    bank.authorize = lambda url: urls.append(url) or authorize(url)  # type: ignore[method-assign, func-returns-value]
    assert walk(client, bank).status_code == 200
    outside = dict(parse_qsl(urlsplit(urls[0]).query))
    form = bank.calls("par")[-1].form if pushed else outside
    if pushed:
        assert set(outside) == {"client_id", "request_uri"}
    else:
        assert set(outside) == {"client_id", "request", "response_type", "scope"}
        assert not bank.calls("par")
    head, inside = header_of(form["request"]), claims_of(form["request"])
    assert head["alg"] == "ES256"
    assert head["typ"] == "oauth-authz-req+jwt"
    for name in set(outside) - {"request", "request_uri"}:
        assert outside[name] == inside[name]
    assert inside["response_type"] == ("code" if response == "jarm" else "code id_token")
    assert (inside["iss"], inside["aud"], inside["client_id"]) == (CLIENT_ID, bank.issuer, CLIENT_ID)
    assert 0 < inside["exp"] - inside["nbf"] <= 3600
    assert inside["nbf"] <= bank.clock()
    assert "openid" in inside["scope"].split()
    assert inside["code_challenge_method"] == "S256"
    assert {"state", "nonce", "redirect_uri", "code_challenge", "jti"} <= inside.keys()
    assert not {"request", "request_uri", "sub", "dpop_jkt"} & inside.keys()
    (exchanged,) = bank.calls("token")
    assert exchanged.form["redirect_uri"] == inside["redirect_uri"]
    (called,) = bank.calls("accounts")
    assert called.headers["authorization"].startswith("Bearer ")
    assert "dpop" not in called.headers
    assert called.certificate == exchanged.certificate
    assert exchanged.certificate is not None


@pytest.mark.parametrize("way", [{}, {"pushed_requests": False}], ids=["pushed", "by_value"])
@pytest.mark.parametrize("response", RESPONSES)
def test_client_test_at_both(response: str, way: Any, connect: Connect, adversary: Any) -> None:
    assert walk(connect(**RESPONSES[response], **way), adversary).status_code == 200


@pytest.mark.spec("FAPI1-ADV 5.2.3-3")
@pytest.mark.parametrize("response", RESPONSES)
def test_a_level_is_asked_for_and_reached(response: str, connect: Connect, advanced: AdvancedAskit) -> None:
    """askit is told by the essential claim, and says which level it was."""
    client = connect(**RESPONSES[response])
    login = signed_in(client, advanced, acr_values="urn:fapikit:acr:password")
    assert login.id_token.claims["acr"] == "urn:fapikit:acr:password"
    with pytest.raises(AuthorizationRefused) as caught:
        signed_in(client, advanced, acr_values="urn:fapikit:acr:retina")
    assert caught.value.peer_code == "unmet_authentication_requirements"
    assert caught.value.remedy is Remedy.SIGN_IN_AGAIN
    advanced.faults["id_token"] = without("acr")
    with pytest.raises(WrongAcr):
        signed_in(client, advanced, acr_values="urn:fapikit:acr:password")
    advanced.server.app.faults.clear()


def signed_in(client: Any, bank: Any, **asked: Any) -> Any:
    start = client.begin(scope="openid accounts", **asked)
    return client.complete(bank.authorize(start.url), start.transaction)


@pytest.mark.spec("FAPI1-ADV 5.2.3-2; RFC 9101 5.2")
@pytest.mark.parametrize("response", RESPONSES)
def test_client_test_by_reference(response: str, connect: Connect, bank: MtlsBank) -> None:
    """The bank fetches the request object from the client; the suite itself knows by value and pushed."""
    address = "https://fintech.example/requests"
    client = connect(hosted_requests=address, **RESPONSES[response])
    bank.fetch = lambda url: client.take_hosted_request(url.removeprefix(f"{address}/")).encode()
    assert walk(client, bank).status_code == 200
    assert not bank.calls("par")


@pytest.mark.conformance("fapi1-rp", "client-test-valid-aud-as-array")
def test_client_test_valid_aud_as_array(connect: Connect, adversary: Any) -> None:
    for place in ("front_id_token", "id_token") if isinstance(adversary, FakeBank) else ("id_token",):
        adversary.faults[place] = lambda claims: {**claims, "aud": [claims["aud"]]}
    assert walk(connect(), adversary).status_code == 200


@pytest.mark.conformance("fapi1-rp", "client-test-missing-athash")
def test_client_test_missing_athash(connect: Connect, adversary: Any) -> None:
    adversary.faults["id_token"] = without("at_hash")
    assert walk(connect(), adversary).status_code == 200


@pytest.mark.conformance("fapi1-rp", "client-test-no-scope-in-token-endpoint-response")
@pytest.mark.spec("FAPI1-BL 5.2.3-10")
def test_client_test_no_scope_in_token_endpoint_response(connect: Connect, adversary: Any) -> None:
    adversary.faults["token"] = lambda members: without("expires_in")(without("scope")(members))
    client = connect()
    start = client.begin(scope="openid accounts")
    login = client.complete(adversary.authorize(start.url), start.transaction)
    assert login.tokens.scope == "openid accounts"


def encrypted(key: DecryptionKey, alg: str) -> Callable[[str], str]:
    """The signed token inside a JWE for this client, by another library."""
    header = {"alg": alg, "enc": "A256GCM", "cty": "JWT", "kid": key.kid}

    def encrypt(token: str) -> str:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that library warns of RSA1_5
            registry = jwe.JWERegistry(algorithms=[alg, "A256GCM"])
            return jwe.encrypt_compact(header, token.encode(), key.material, registry=registry)

    return encrypt


def encrypted_client(connect: Connect, key: DecryptionKey) -> Any:
    return connect(
        id_token_encrypted_response_alg="RSA-OAEP",
        id_token_encrypted_response_enc="A256GCM",
        decryption_keys=[key],
    )


@pytest.fixture(scope="module")
def own_key() -> DecryptionKey:
    return DecryptionKey.generate("RSA-OAEP")


@pytest.mark.spec("FAPI1-ADV 5.2.3.1-5")
@pytest.mark.parametrize("response", RESPONSES)
def test_client_test_encrypted_idtoken_at_the_embedded_server(
    response: str, clients: Clients, own_key: DecryptionKey, tmp_path: Path
) -> None:
    encryption = {
        "id_token_encrypted_response_alg": "RSA-OAEP",
        "id_token_encrypted_response_enc": "A256GCM",
        "decryption_keys": [own_key],
    }
    with advanced_askit(tmp_path, encryption_key=own_key.public_jwk) as server:
        options = {**server.arguments(), **ADVANCED, **encryption, **RESPONSES[response]}
        client = clients.discover(server.issuer, **options)
        assert walk(client, server).status_code == 200
        client.close() if clients.kind == "sync" else client.aclose()


@pytest.mark.conformance("fapi1-rp", "client-test-encrypted-idtoken")
@pytest.mark.spec("FAPI1-ADV 5.2.3.1-5")
def test_client_test_encrypted_idtoken(connect: Connect, bank: FakeBank, own_key: DecryptionKey) -> None:
    for place in ("front_id_token_jwt", "id_token_jwt"):
        bank.faults[place] = encrypted(own_key, "RSA-OAEP")
    assert walk(encrypted_client(connect, own_key), bank).status_code == 200


@pytest.mark.conformance("fapi1-rp", "client-test-encrypted-idtoken-usingrsa15")
@pytest.mark.spec("FAPI1-ADV 8.6.1-1")
def test_client_test_encrypted_idtoken_usingrsa15(
    connect: Connect, bank: FakeBank, own_key: DecryptionKey
) -> None:
    bank.faults["front_id_token_jwt"] = encrypted(own_key, "RSA1_5")
    client = encrypted_client(connect, own_key)
    refused(client, bank, ForbiddenAlgorithm, "FAPI1-ADV 8.6.1-1", after="callback")
    assert not bank.calls("token")


def test_a_clear_id_token_where_an_encrypted_one_was_agreed(
    connect: Connect, bank: FakeBank, own_key: DecryptionKey
) -> None:
    client = encrypted_client(connect, own_key)
    refused(client, bank, NotEncrypted, "OIDC 3.1.3.7-1", after="callback")


@pytest.mark.conformance("fapi1-rp", "client-refresh-token-test")
def test_client_refresh_token_test(connect: Connect, bank: FakeBank) -> None:
    """The API answers invalid_token until the client has refreshed, with a rotated refresh token the second time."""
    bank.rotate = True
    client = connect()
    start = client.begin(scope="openid accounts")
    login = client.complete(bank.authorize(start.url), start.transaction)

    def refreshes() -> list[str]:
        return [
            call.form["refresh_token"]
            for call in bank.calls("token")
            if call.form["grant_type"] == "refresh_token" and call.status == 200
        ]

    bank.faults["api_accounts"] = lambda _: (
        (401, {"www-authenticate": 'Bearer error="invalid_token"'}, {}) if len(refreshes()) < 2 else None
    )
    with client.api(login.tokens, base_url=bank.api_origin) as api:
        assert api.get("/accounts").status_code == 401
        assert api.get("/accounts").status_code == 200
    assert len(set(refreshes())) == 2
