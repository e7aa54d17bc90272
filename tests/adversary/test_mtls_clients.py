"""The FAPI 2.0 client modules of the certification suite in each variant that uses a client certificate.

The bank has the suite's two hosts: a call to the wrong one, without the certificate or with one where none is due, ends
the walk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fapikit.errors import IssuerMismatch
from tests.adversary.test_fapi2_client import ID_TOKEN_FAULTS, RESPONSE_FAULTS
from tests.adversary.test_message_signing_client import FAULTS as SIGNED_RESPONSE_FAULTS
from tests.adversary.walk import refused, walk, without
from tests.mothers.clients import Clients
from tests.mothers.mtls_bank import MUTUAL_TLS, MtlsBank, served_over_tls
from tests.rpkit.mutual_tls.parties import CA, COMBINATIONS, KEY, MINE, SELF_SIGNED, arguments

Connect = Callable[..., Any]


VARIANTS = [each for each in COMBINATIONS if each != ("private_key_jwt", "dpop")]
BOUND_TO_A_KEY = [(method, binding) for method, binding in VARIANTS if binding == "dpop"]


@pytest.fixture(params=VARIANTS, ids="-".join)
def bank(request: pytest.FixtureRequest) -> Iterator[MtlsBank]:
    method, binding = request.param
    bank = MtlsBank(registered=[MINE, SELF_SIGNED], dpop=binding == "dpop", method=method)
    with served_over_tls(bank, CA, SELF_SIGNED) as running:
        yield running


@pytest.fixture
def connect(clients: Clients, bank: MtlsBank) -> Iterator[Connect]:
    made: list[Any] = []

    def connect(**options: Any) -> Any:
        made.append(clients.of(bank, **{**arguments(bank), **options}))
        return made[-1]

    yield connect
    for client in made:
        client.close() if clients.kind == "sync" else client.aclose()


def signing(**options: Any) -> dict[str, Any]:
    """A certificate signs no request object: that takes a key beside it."""
    return {"profile": "fapi2-message-signing", "request_signer": KEY, **options}


@pytest.mark.conformance("fapi2-rp with certificates", "client-test-happy-path")
@pytest.mark.spec("FAPI2-SP 5.3.3.1-1, -2; RFC 8705 2a, 3a, 5")
@pytest.mark.parametrize("signed", [False, True], ids=["plain", "signed"])
@pytest.mark.parametrize("bank", COMBINATIONS, indirect=True, ids="-".join)
def test_client_test_happy_path(signed: bool, connect: Connect, bank: MtlsBank) -> None:
    assert walk(connect(**signing() if signed else {}), bank).status_code == 200
    forms = [call.form for call in (*bank.calls("par"), *bank.calls("token"))]
    assert all(("client_assertion" in form) == (bank.method not in MUTUAL_TLS) for form in forms)
    assert all(form["client_id"] == "fintech" for form in forms)


@pytest.mark.conformance("fapi2-rp with certificates", "client-test-happy-path-no-dpop-nonce")
@pytest.mark.spec("RFC 9449 8.2")
@pytest.mark.parametrize("bank", BOUND_TO_A_KEY, indirect=True, ids="-".join)
def test_client_test_happy_path_no_dpop_nonce(connect: Connect, bank: MtlsBank) -> None:
    bank.nonces = False
    assert walk(connect(), bank).status_code == 200
    assert len(bank.calls("token")) == 1


@pytest.mark.conformance("fapi2-rp with certificates", "client-test-rs-dpop-auth-scheme-case-insensitivity")
@pytest.mark.parametrize("bank", BOUND_TO_A_KEY, indirect=True, ids="-".join)
def test_client_test_rs_dpop_auth_scheme_case_insensitivity(connect: Connect, bank: MtlsBank) -> None:
    bank.faults["challenge_scheme"] = lambda _: "dPoP"
    assert walk(connect(), bank).status_code == 200
    assert {call.status for call in bank.calls("accounts")} == {200, 401}


@pytest.mark.conformance("oidc-rp", "mtls-endpoint-aliases")
@pytest.mark.spec("RFC 8705 5")
def test_oidcc_client_test_mtls_endpoint_aliases(connect: Connect, bank: MtlsBank) -> None:
    """The token call alone has an alias; the other endpoints ask for the certificate where they are."""
    host = bank.mtls_origin

    def one_alias(metadata: dict[str, Any]) -> dict[str, Any]:
        aliases = metadata["mtls_endpoint_aliases"]
        kept = {"token_endpoint": aliases.pop("token_endpoint")}
        return {**metadata, **aliases, "token_endpoint": f"{bank.issuer}token", "mtls_endpoint_aliases": kept}

    bank.faults["metadata"] = one_alias
    client = connect()
    assert walk(client, bank).status_code == 200
    assert client.bank.endpoint("token_endpoint").startswith(host)
    assert {call.certificate is not None for call in bank.calls("token")} == {True}


@pytest.mark.conformance("fapi2-rp with certificates")
@pytest.mark.parametrize("module", ID_TOKEN_FAULTS)
def test_id_token_is_refused(module: str, connect: Connect, bank: MtlsBank) -> None:
    fault, hook, error, clause = ID_TOKEN_FAULTS[module]
    bank.faults[fault] = hook
    refused(connect(), bank, error, clause, after="token")


@pytest.mark.conformance("fapi2-rp with certificates")
@pytest.mark.parametrize("module", RESPONSE_FAULTS)
def test_authorization_response_is_refused(module: str, connect: Connect, bank: MtlsBank) -> None:
    hook, error, clause = RESPONSE_FAULTS[module]
    bank.faults["callback"] = hook
    refused(connect(), bank, error, clause, after="callback")


@pytest.mark.conformance("fapi2-rp with certificates")
@pytest.mark.parametrize("module", SIGNED_RESPONSE_FAULTS)
def test_signed_response_is_refused(module: str, connect: Connect, bank: MtlsBank) -> None:
    fault, hook, error, clause = SIGNED_RESPONSE_FAULTS[module]
    bank.faults[fault] = hook
    refused(connect(**signing()), bank, error, clause, after="callback")


@pytest.mark.conformance("fapi2-rp with certificates", "client-test-discovery-issuer-mismatch")
def test_client_test_discovery_issuer_mismatch(connect: Connect, bank: MtlsBank) -> None:
    bank.faults["metadata"] = lambda members: {**members, "issuer": f"{members['issuer']}INVALID"}
    with pytest.raises(IssuerMismatch):
        connect()
    assert {call.path.split("/")[1] for call in bank.seen} == {".well-known"}


CARRIES_ON = {
    "client-test-valid-aud-as-array": ("id_token", lambda claims: {**claims, "aud": [claims["aud"]]}),
    "client-test-token-endpoint-response-without-expires_in": ("token", without("expires_in")),
    "client-test-token-type-case-insensitivity": (
        "token",
        lambda members: {**members, "token_type": members["token_type"].swapcase()},
    ),
}


@pytest.mark.conformance("fapi2-rp with certificates")
@pytest.mark.parametrize("module", CARRIES_ON)
def test_carries_on(module: str, connect: Connect, bank: MtlsBank) -> None:
    fault, hook = CARRIES_ON[module]
    bank.faults[fault] = hook
    assert walk(connect(), bank).status_code == 200


@pytest.mark.conformance("fapi2-rp with certificates", "client-refresh-token-test")
@pytest.mark.spec("FAPI2-SP 5.3.3.1-6")
def test_client_refresh_token_test(connect: Connect, bank: MtlsBank) -> None:
    """The API answers invalid_token until the client has refreshed twice, with rotated refresh tokens."""
    bank.rotate = True
    client = connect()
    start = client.begin(scope="openid accounts")
    login = client.complete(bank.authorize(start.url), start.transaction)
    scheme = "DPoP" if bank.dpop else "Bearer"

    def refreshes() -> set[str]:
        return {
            call.form["refresh_token"]
            for call in bank.calls("token")
            if "refresh_token" in call.form and call.status == 200
        }

    bank.faults["api_accounts"] = lambda _: (
        (401, {"www-authenticate": f'{scheme} error="invalid_token"'}, {}) if len(refreshes()) < 2 else None
    )
    with client.api(login.tokens, base_url=bank.api_origin) as api:
        assert api.get("/accounts").status_code == 401
        assert api.get("/accounts").status_code == 200
    assert len(refreshes()) == 2
