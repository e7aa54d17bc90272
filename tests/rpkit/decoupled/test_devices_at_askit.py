"""Devices at a real server, over real sockets: what the server demands is what the client sends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from askit.pytest_plugin.running import RunningServer
from fapikit import PrivateKeyJWT
from fapikit.errors import PeerRefused
from fapikit.stores.sealed import Seal
from rpkit import AsyncClient, Client, DeviceAuthorization, Login
from rpkit.errors import RequestDenied, RequestExpired
from tests.keys import claims_of
from tests.rpkit.decoupled.naps import naps_at

RESOURCE = "https://api.example.test/"
PAYMENT = {"type": "payment_initiation", "instructedAmount": {"currency": "EUR", "amount": "12.00"}}
SEAL = Seal([b"s" * 32])


def a_client(askit: RunningServer[Any], **options: Any) -> Client:
    given = {"http": askit.http(), "auth": PrivateKeyJWT(askit.client_key), **options}
    return Client.discover(askit.issuer, client_id=askit.client_id, **given)


def bound_to(login: Login) -> Any:
    """The `cnf` of the access token."""
    return claims_of(login.tokens.access_token_for(RESOURCE).reveal())["cnf"]


@pytest.fixture
def naps(askit_clock: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A pause moves the clock of the server, and `meanwhile` is what the user does in it."""
    askit_clock.freeze()
    return naps_at(askit_clock, monkeypatch)


class TestFapi2:
    @pytest.fixture
    def askit_settings(self) -> Mapping[str, Any]:
        return {"polling_interval": 5}

    def test_the_user_types_the_code_and_the_device_has_tokens(
        self, askit: RunningServer[Any], askit_clock: Any, naps: Any
    ):
        with a_client(askit, clock=askit_clock) as client:
            device = client.device(
                scope="openid accounts", resources=[RESOURCE], authorization_details=[PAYMENT]
            )
            assert device.verification_uri == f"{askit.issuer}/device"
            naps.meanwhile = lambda nap: askit.decide_device(device.user_code) if nap == 2 else None
            login = client.wait(device)
            assert naps.seconds == [5, 5]
            assert login.id_token is not None
            assert login.tokens.subject == login.id_token.subject
            assert login.report.downgrades == ()
            assert login.tokens.authorization_details[0]["instructedAmount"]["amount"] == "12.00"
            assert client.refresh(login.tokens).version == 2
            assert bound_to(login) == {"jkt": device.dpop.jkt}

    def test_the_user_refuses(self, askit: RunningServer[Any], askit_clock: Any, naps: Any):
        with a_client(askit, clock=askit_clock) as client:
            device = client.device()
            naps.meanwhile = lambda nap: askit.decide_device(device.user_code, decision="deny")
            with pytest.raises(RequestDenied):
                client.wait(device)

    def test_nobody_decides(self, askit: RunningServer[Any], askit_clock: Any, naps: Any):
        with a_client(askit, clock=askit_clock) as client, pytest.raises(RequestExpired):
            client.wait(client.device())

    @pytest.mark.parametrize("anyio_backend", ["asyncio"])
    @pytest.mark.anyio
    async def test_with_asyncio(
        self, askit: RunningServer[Any], askit_clock: Any, naps: Any, anyio_backend: str
    ):
        async with await AsyncClient.discover(
            askit.issuer,
            client_id=askit.client_id,
            auth=PrivateKeyJWT(askit.client_key),
            http=askit.http(),
            clock=askit_clock,
        ) as client:
            device = await client.device(scope="openid accounts")
            await askit.async_decide_device(device.user_code)
            login = await client.wait(device)
            assert login.tokens.subject is not None

    @pytest.mark.spec("RFC 9449 10")
    def test_another_key_redeems_nothing(self, askit: RunningServer[Any], askit_clock: Any, naps: Any):
        with a_client(askit, clock=askit_clock) as client:
            device, other = client.device(), client.device()
            askit.decide_device(device.user_code)
            stolen = DeviceAuthorization.open(device.seal(SEAL), SEAL)
            object.__setattr__(stolen, "dpop", other.dpop)
            with pytest.raises(PeerRefused):
                client.wait(stolen)

    def test_a_client_that_polls_too_fast_is_slowed_down_and_gets_its_tokens(
        self, askit: RunningServer[Any], askit_clock: Any, naps: Any
    ):
        with a_client(askit, clock=askit_clock) as client:
            device = client.device()
            object.__setattr__(device, "interval", 2.0)
            naps.meanwhile = lambda nap: askit.decide_device(device.user_code) if nap == 4 else None
            client.wait(device)
            assert naps.seconds == [2, 2, 7, 12]


class TestSignedRequests:
    @pytest.fixture
    def askit_settings(self) -> Mapping[str, Any]:
        return {"profile": "fapi2-message-signing"}

    def test_a_device_signs_its_request(self, askit: RunningServer[Any], askit_clock: Any, naps: Any):
        with a_client(askit, clock=askit_clock, profile="fapi2-message-signing") as client:
            device = client.device(scope="openid accounts", resources=[RESOURCE])
            askit.decide_device(device.user_code)
            login = client.wait(device)
            assert login.evidence.request_object is not None


class TestCertificates:
    @pytest.fixture
    def askit_settings(self) -> Mapping[str, Any]:
        device = "urn:ietf:params:oauth:grant-type:device_code"
        return {
            "clients": [
                {
                    "client_id": "test-client",
                    "redirect_uris": ["https://client.example.test/callback"],
                    "grant_types": ["authorization_code", "refresh_token", device],
                    "token_endpoint_auth_method": "private_key_jwt",
                    "tls_client_certificate_bound_access_tokens": True,
                }
            ]
        }

    @pytest.mark.spec("RFC 8705 3")
    def test_tokens_are_bound_to_the_certificate_of_the_device(
        self, askit: RunningServer[Any], askit_clock: Any, naps: Any
    ):
        http = askit.http(client_certificate=askit.self_signed_certificate)
        with a_client(askit, clock=askit_clock, http=http, sender_constraint="mtls") as client:
            device = client.device(scope="openid accounts", resources=[RESOURCE])
            askit.decide_device(device.user_code)
            login = client.wait(device)
            assert login.tokens.dpop is None
            assert bound_to(login) == {"x5t#S256": login.tokens.access_tokens[0].x5t_s256}
