"""The FAPI 2.0 Security client modules of the certification suite, each once, for both clients.

Each rejection is asserted by error and clause and by the silence that follows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fapikit.errors import (
    BadSignature,
    Expired,
    FapiError,
    ForbiddenAlgorithm,
    IssuerMismatch,
    MissingClaim,
    WrongAudience,
    WrongIssuer,
    WrongNonce,
)
from rpkit.errors import MissingResponseIssuer, MissingState, WrongResponseIssuer, WrongState
from tests.adversary.walk import (
    also_meant_for_another,
    expired,
    flipped_signature,
    refused,
    signed_with_rs256,
    unsigned,
    walk,
    with_one_more,
    with_value,
    without,
)
from tests.keys import claims_of, header_of
from tests.mothers.fake_bank import FakeBank

Connect = Callable[..., Any]

ID_TOKEN_FAULTS: dict[str, tuple[str, Callable[[Any], Any], type[FapiError], str]] = {
    "client-test-invalid-iss": ("id_token", with_one_more("iss"), WrongIssuer, "OIDC 3.1.3.7-2"),
    "client-test-invalid-missing-iss": ("id_token", without("iss"), MissingClaim, "OIDC 3.1.3.7-2"),
    "client-test-invalid-aud": ("id_token", with_one_more("aud"), WrongAudience, "OIDC 3.1.3.7-3"),
    "client-test-invalid-missing-aud": ("id_token", without("aud"), MissingClaim, "OIDC 3.1.3.7-3"),
    "client-test-invalid-secondary-aud": (
        "id_token",
        also_meant_for_another,
        WrongAudience,
        "OIDC 3.1.3.7-3",
    ),
    "client-test-invalid-null-alg": ("id_token_jwt", unsigned, ForbiddenAlgorithm, "FAPI2-SP 5.4.1-1.2"),
    "client-test-invalid-alternate-alg": (
        "id_token_jwt",
        signed_with_rs256,
        ForbiddenAlgorithm,
        "FAPI2-SP 5.4.1-1.2",
    ),
    "client-test-invalid-expired-exp": (
        "id_token",
        expired,
        Expired,
        "OIDC 3.1.3.7-9",
    ),
    "client-test-invalid-missing-exp": ("id_token", without("exp"), MissingClaim, "OIDC 3.1.3.7-9"),
    "client-test-invalid-nonce": ("id_token", with_one_more("nonce"), WrongNonce, "OIDC 3.1.3.7-11"),
    "client-test-invalid-missing-nonce": ("id_token", without("nonce"), MissingClaim, "OIDC 3.1.3.7-11"),
    "client-test-invalid-signature": ("id_token_jwt", flipped_signature, BadSignature, "OIDC 3.1.3.7-6"),
}
RESPONSE_FAULTS: dict[str, tuple[Callable[[Any], Any], type[FapiError], str]] = {
    "client-test-invalid-authorization-response-iss": (
        with_one_more("iss"),
        WrongResponseIssuer,
        "RFC 9207 2.4a",
    ),
    "client-test-remove-authorization-response-iss": (
        without("iss"),
        MissingResponseIssuer,
        "RFC 9207 2.4b",
    ),
    "client-test-ensure-authorization-response-with-invalid-state-fails": (
        with_one_more("state"),
        WrongState,
        "RFC 9700 2.1c",
    ),
    "client-test-ensure-authorization-response-with-invalid-missing-state-fails": (
        without("state"),
        MissingState,
        "RFC 9700 2.1c",
    ),
}


@pytest.mark.conformance("fapi2-rp")
@pytest.mark.spec("OIDC 3.1.3.7-2, -3, -6, -7, -9, -11; FAPI2-MS 5.6.2-1; FAPI2-SP 5.4.1-1.2, 5.4.1-1.3")
@pytest.mark.parametrize("module", ID_TOKEN_FAULTS)
def test_id_token_is_refused(module: str, connect: Connect, adversary: Any) -> None:
    fault, hook, error, clause = ID_TOKEN_FAULTS[module]
    adversary.faults[fault] = hook
    refused(connect(), adversary, error, clause, after="token")


@pytest.mark.conformance("fapi2-rp")
@pytest.mark.spec("FAPI2-SP 5.3.3.2-5; RFC 9207 2.4a, 2.4b; RFC 9700 2.1c, 4.4.2")
@pytest.mark.parametrize("module", RESPONSE_FAULTS)
def test_authorization_response_is_refused(module: str, connect: Connect, adversary: Any) -> None:
    hook, error, clause = RESPONSE_FAULTS[module]
    adversary.faults["callback"] = hook
    refused(connect(), adversary, error, clause, after="callback")


@pytest.mark.conformance("fapi2-rp", "client-test-discovery-issuer-mismatch")
@pytest.mark.spec("RFC 8414 3.3")
def test_client_test_discovery_issuer_mismatch(connect: Connect, bank: FakeBank) -> None:
    bank.faults["metadata"] = lambda members: {**members, "issuer": f"{members['issuer']}INVALID"}
    with pytest.raises(IssuerMismatch) as caught:
        connect()
    assert caught.value.clause == "RFC 8414 3.3"
    assert {call.path.split("/")[1] for call in bank.seen} == {".well-known"}


@pytest.mark.conformance("fapi2-rp", "client-test-happy-path")
@pytest.mark.spec(
    "FAPI2-SP 5.3.3.1-2, -3, -5, -8, 5.3.3.2-1, -2, -3, -4, -7; RFC 9449 4.2b, 5a, 7.3; rfc7523bis 4b"
)
def test_client_test_happy_path(connect: Connect, bank: FakeBank) -> None:
    """Also what part 4 asks of requests: one assertion audience, fresh values, proofs with the right hashes."""
    client = connect()
    assert walk(client, bank).status_code == 200
    assert walk(client, bank).status_code == 200
    pushed, exchanged = bank.calls("par"), bank.calls("token")
    assertions = [call.form["client_assertion"] for call in (*pushed, *exchanged)]
    assert {claims_of(assertion)["aud"] for assertion in assertions} == {bank.issuer}
    assert len({claims_of(assertion)["jti"] for assertion in assertions}) == len(assertions)
    assert {header_of(assertion)["typ"] for assertion in assertions} == {"client-authentication+jwt"}
    for name in ("nonce", "state", "code_challenge"):
        assert len({call.form[name] for call in pushed if call.status == 201}) == 2, name
    assert all(len(call.form["nonce"]) == 43 for call in pushed)
    called = [call for call in bank.calls("accounts") if call.status == 200]
    proofs = [claims_of(call.headers["dpop"]) for call in (*pushed, *exchanged, *bank.calls("accounts"))]
    assert len({proof["jti"] for proof in proofs}) == len(proofs)
    assert all("ath" not in claims_of(call.headers["dpop"]) for call in exchanged)
    assert all("ath" in claims_of(call.headers["dpop"]) for call in called)
    assert all(call.headers["authorization"].startswith("DPoP ") for call in called)


@pytest.mark.conformance("fapi2-rp", "client-test-happy-path-no-dpop-nonce")
@pytest.mark.spec("RFC 9449 8.2")
def test_client_test_happy_path_no_dpop_nonce(connect: Connect, bank: FakeBank) -> None:
    bank.nonces = False
    assert walk(connect(), bank).status_code == 200
    proofs = [claims_of(call.headers["dpop"]) for call in bank.seen if "dpop" in call.headers]
    assert proofs
    assert all("nonce" not in proof for proof in proofs)
    assert len(bank.calls("token")) == 1


@pytest.mark.conformance("fapi2-rp", "client-test-valid-aud-as-array")
@pytest.mark.spec("OIDC 3.1.3.7-3")
def test_client_test_valid_aud_as_array(connect: Connect, adversary: Any) -> None:
    adversary.faults["id_token"] = lambda claims: {**claims, "aud": [claims["aud"]]}
    assert walk(connect(), adversary).status_code == 200


@pytest.mark.conformance("fapi2-rp", "client-test-token-endpoint-response-without-expires_in")
def test_client_test_token_endpoint_response_without_expires_in(connect: Connect, adversary: Any) -> None:
    adversary.faults["token"] = without("expires_in")
    assert walk(connect(), adversary).status_code == 200


@pytest.mark.conformance("fapi2-rp", "client-test-token-type-case-insensitivity")
def test_client_test_token_type_case_insensitivity(connect: Connect, adversary: Any) -> None:
    adversary.faults["token"] = with_value("token_type", "dpOp")
    assert walk(connect(), adversary).status_code == 200


@pytest.mark.conformance("fapi2-rp", "client-test-rs-dpop-auth-scheme-case-insensitivity")
def test_client_test_rs_dpop_auth_scheme_case_insensitivity(connect: Connect, bank: FakeBank) -> None:
    bank.faults["challenge_scheme"] = lambda _: "dPoP"
    assert walk(connect(), bank).status_code == 200


@pytest.mark.conformance("fapi2-rp", "client-refresh-token-test")
@pytest.mark.spec("FAPI2-SP 5.3.3.1-6")
def test_client_refresh_token_test(connect: Connect, bank: FakeBank) -> None:
    """The API answers invalid_token until the client has refreshed twice, with rotated refresh tokens."""
    bank.rotate = True
    client = connect()
    start = client.begin(scope="openid accounts")
    login = client.complete(bank.authorize(start.url), start.transaction)

    def invalid_until_twice_refreshed(call: Any) -> Any:
        refreshed = [
            c for c in bank.calls("token") if c.form["grant_type"] == "refresh_token" and c.status == 200
        ]
        refusal = (401, {"www-authenticate": 'DPoP error="invalid_token"'}, {})
        return refusal if len(refreshed) < 2 else None

    bank.faults["api_accounts"] = invalid_until_twice_refreshed
    origin = "/".join(bank.issuer.split("/")[:3])
    with client.api(login.tokens, base_url=origin) as api:
        assert api.get("/accounts").status_code == 401
        assert api.get("/accounts").status_code == 200
    used = [
        call.form["refresh_token"]
        for call in bank.calls("token")
        if call.form["grant_type"] == "refresh_token" and call.status == 200
    ]
    assert len(set(used)) == 2
