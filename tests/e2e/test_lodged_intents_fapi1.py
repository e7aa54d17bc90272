"""A UK intent as UK banks take it: FAPI 1.0 Advanced, hybrid flow, client certificates. Both ID tokens name it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from askit import AuthorizationServer
from askit.pytest_plugin.movable_clock import MovableClock
from askit.pytest_plugin.running import API_CLIENT_ID, CLIENT_ID, REDIRECT_URI, RunningServer
from fapikit import HttpSettings, PrivateKeyJWT
from fapikit.errors import PeerRefused
from rpkit import Client, UkAccountAccess
from tests.keys import a_key, claims_of
from tests.mothers.certificates import a_certificate, an_authority, as_client_certificate, usage
from tests.mothers.certified_askit import certified_askit
from tests.mothers.clients import CLIENT_KEY
from tests.mothers.fapi1 import ADVANCED

API = "https://api.example.test/"


@pytest.fixture
def bank_and_client(tmp_path: Path) -> Iterator[tuple[RunningServer[AuthorizationServer], Client]]:
    now, clock = time.time(), MovableClock()
    of_clients = an_authority("Clients", now=now, serial=1001)
    mine = a_certificate(issuer=of_clients, now=now, serial=7, key_usage=usage(digital_signature=True))
    fintech: dict[str, Any] = {
        "client_id": CLIENT_ID,
        "redirect_uris": [REDIRECT_URI],
        "response_types": ["code id_token"],
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        "token_endpoint_auth_method": "private_key_jwt",
        "id_token_signed_response_alg": "ES256",
        "request_object_signing_alg": "ES256",
        "tls_client_certificate_bound_access_tokens": True,
        "jwks": {"keys": [dict(a_key(*CLIENT_KEY).public_jwk)]},
    }
    lodged = {"shape": "uk-account-access", "scope": "accounts"}
    with certified_askit(
        tmp_path,
        AuthorizationServer,
        client_ca=of_clients,
        clients=[fintech],
        clock=clock,
        profile="fapi1-advanced",
        resources=[{"uri": API, "scopes": ["accounts"], "introspection_clients": [API_CLIENT_ID]}],
        authorization_details_types=[{"type": "uk_account_access", "resource": API, "lodged": lodged}],
    ) as server:
        client = Client.discover(
            server.issuer,
            client_id=CLIENT_ID,
            auth=PrivateKeyJWT(a_key(*CLIENT_KEY)),
            redirect_uri=REDIRECT_URI,
            http=HttpSettings(ca=server.ca, client_certificate=as_client_certificate(mine)),
            response_type="code id_token",
            **ADVANCED,
        )
        yield server, client
        client.close()


@pytest.mark.spec("LODGING 2", "LODGING 3")
def test_both_id_tokens_name_the_intent(
    bank_and_client: tuple[RunningServer[AuthorizationServer], Client],
) -> None:
    bank, client = bank_and_client
    own = client.client_credentials(scope="accounts", resource=API)
    intent = client.lodge(
        UkAccountAccess(permissions=["ReadBalances"]),
        url=f"{bank.issuer}/open-banking/v4.0/aisp/account-access-consents",
        tokens=own,
        resource=API,
    )
    start = client.begin(resources=[API], **intent.asked(scope="openid accounts"))
    login = client.complete(bank.browse(start.url), start.transaction)
    assert login.id_token is not None
    front = claims_of(str(login.evidence.authorization_response))
    for claims in (front, login.id_token.claims):
        assert claims["openbanking_intent_id"] == intent.intent_id
    named = [check for check in login.report if check.name == "ID token: the lodged intent"]
    assert [check.outcome for check in named] == ["passed", "passed"]
    assert client.read_intent(intent, tokens=own, resource=API).state == "authorised"


@pytest.mark.conformance("fapi1-op", "ensure-server-handles-non-matching-intent-id")
def test_an_intent_that_this_client_did_not_lodge_is_refused(
    bank_and_client: tuple[RunningServer[AuthorizationServer], Client],
) -> None:
    _, client = bank_and_client
    named = {"openbanking_intent_id": {"value": "x" * 22, "essential": True}}
    with pytest.raises(PeerRefused) as caught:
        client.begin(resources=[API], scope="openid accounts", claims={"id_token": named})
    assert (caught.value.peer_code, "no such intent was lodged here" in str(caught.value)) == (
        "invalid_request",
        True,
    )
