"""The device grant over TLS sockets, with programs that share no code with this project: curl, and an OAuth client."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from jwskate import Jwk
from requests_oauth2client import (
    AuthorizationPending,
    DPoPToken,
    OAuth2Client,
    PrivateKeyJwt,
    SlowDown,
)

from askit.pytest_plugin.running import RunningServer, running
from askit.server import AuthorizationServer
from tests.askit.decoupled.television import DEVICE_CODE, PUBLIC

Running = RunningServer[AuthorizationServer]


@pytest.fixture
def peer() -> Iterator[tuple[Running, OAuth2Client]]:
    with running(kind=AuthorizationServer) as bank, requests.Session() as session:
        session.verify = str(bank.ca)
        session.trust_env = False
        yield (
            bank,
            OAuth2Client.from_discovery_endpoint(
                issuer=bank.issuer,
                auth=PrivateKeyJwt(
                    bank.client_id, Jwk(bank.client_key.to_private_jwk()), alg="ES256", aud=bank.issuer
                ),
                session=session,
                device_authorization_endpoint=bank.app.endpoint(
                    "device_authorization"
                ),  # it does not look in the metadata
            ),
        )


def test_requests_oauth2client_connects_a_device(peer: tuple[Running, OAuth2Client]) -> None:
    bank, client = peer
    started = client.authorize_device(scope="accounts")
    with pytest.raises(AuthorizationPending):
        client.device_code(started, dpop=True)
    with pytest.raises(SlowDown):
        client.device_code(started, dpop=True)
    bank.decide_device(started.user_code)
    token = client.device_code(started, dpop=True)
    assert isinstance(token, DPoPToken)


@pytest.fixture
def public_bank() -> Iterator[Running]:
    with running({"profile": "oauth-2.1", "clients": [PUBLIC]}, kind=AuthorizationServer) as bank:
        yield bank


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize("decision, told", [("approve", None), ("deny", "access_denied")])
def test_curl_connects_a_device(public_bank: Running, decision: str, told: str | None) -> None:
    def curl(endpoint: str, **form: str) -> dict[str, Any]:
        fields = [part for name, value in form.items() for part in ("--data-urlencode", f"{name}={value}")]
        command = ["curl", "-s", "--cacert", str(public_bank.ca), *fields, f"{public_bank.issuer}/{endpoint}"]
        done = subprocess.run(command, capture_output=True, timeout=30, check=True)
        return dict(json.loads(done.stdout))

    codes = curl("device_authorization", client_id="public-television", scope="accounts")
    poll = {"client_id": "public-television", "grant_type": DEVICE_CODE, "device_code": codes["device_code"]}
    assert curl("token", **poll)["error"] == "authorization_pending"
    public_bank.decide_device(codes["user_code"], decision=decision)
    answer = curl("token", **poll)
    assert answer.get("error") == told
    assert ("access_token" in answer) == (told is None)


def test_the_visitor_says_what_went_wrong(public_bank: Running) -> None:
    with pytest.raises(AssertionError, match="refused the user code"):
        public_bank.decide_device("BBBB-BBBB")
