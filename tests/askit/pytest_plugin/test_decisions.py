"""What a test does about a request that waits: approve it, refuse it, let it lapse; of a device, and by CIBA."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from askit.pytest_plugin.running import RESOURCE, RunningServer
from fapikit import PrivateKeyJWT
from rpkit import Client
from rpkit.errors import RequestDenied, RequestExpired

PAYMENT = {"type": "payment_initiation", "instructedAmount": {"currency": "EUR", "amount": "12.00"}}


@pytest.fixture
def askit_settings() -> Mapping[str, Any]:
    alice = {"username": "alice", "password": "wonderland", "pin": "1865", "claims": {"email": "a@b.test"}}
    return {"acr": ["password", "pin"], "users": [alice, {"username": "bob", "password": "builder"}]}


@pytest.fixture
def shop(askit: RunningServer[Any]) -> Iterator[Client]:
    with Client.discover(
        askit.issuer,
        client_id=askit.client_id,
        auth=PrivateKeyJWT(askit.client_key),
        http=askit.http(),
    ) as client:
        yield client


def ask(shop: Client, message: str, **more: Any) -> Any:
    return shop.ciba(
        **{"scope": "openid accounts", "login_hint": "alice", "binding_message": message, **more}
    )


def test_the_user_approves(askit: RunningServer[Any], shop: Client) -> None:
    asked = ask(shop, "W4SCT", authorization_details=[PAYMENT], resources=[RESOURCE])
    askit.decide_ciba("W4SCT")
    assert shop.wait(asked, resource=RESOURCE).tokens


def test_the_right_one_of_several_is_decided(askit: RunningServer[Any], shop: Client) -> None:
    first, second = ask(shop, "first"), ask(shop, "second")
    askit.decide_ciba("first", decision="deny")
    askit.decide_ciba()
    with pytest.raises(RequestDenied):
        shop.wait(first)
    assert shop.wait(second).tokens


def test_the_users_pin_is_entered(askit: RunningServer[Any], shop: Client) -> None:
    asked = ask(shop, "W4SCT", acr_values=["pin"])
    askit.decide_ciba("W4SCT", pin="1865")
    assert shop.wait(asked).id_token.claims["acr"] == "pin"


def test_another_user(askit: RunningServer[Any], shop: Client) -> None:
    asked = ask(shop, "W4SCT", login_hint="bob")
    with pytest.raises(AssertionError, match="a request with the text 'W4SCT'"):
        askit.decide_ciba("W4SCT")
    askit.decide_ciba("W4SCT", username="bob", password="builder")
    assert shop.wait(asked).tokens


def test_a_device_is_refused(askit: RunningServer[Any], shop: Client) -> None:
    device = shop.device(scope="openid accounts")
    askit.decide_device(device.user_code, decision="deny")
    with pytest.raises(RequestDenied):
        shop.wait(device)


@pytest.mark.parametrize("kind", ["ciba", "device"])
def test_nobody_decides(askit: RunningServer[Any], shop: Client, kind: str) -> None:
    request = ask(shop, "W4SCT") if kind == "ciba" else shop.device(scope="openid accounts")
    askit.let_lapse(request.reference)
    with pytest.raises(RequestExpired):
        shop.wait(request)


def test_what_does_not_wait_cannot_lapse(askit: RunningServer[Any]) -> None:
    with pytest.raises(ValueError, match="no request waits"):
        askit.let_lapse("unknown")


@pytest.mark.anyio
async def test_all_of_it_can_be_awaited(askit: RunningServer[Any], shop: Client) -> None:
    approved, lapsed = ask(shop, "approved"), ask(shop, "lapsed")
    device = shop.device(scope="openid accounts")
    await askit.async_decide_ciba("approved")
    await askit.async_decide_device(device.user_code)
    await askit.async_let_lapse(lapsed.reference)
    assert shop.wait(approved).tokens
    assert shop.wait(device).tokens
    with pytest.raises(RequestExpired):
        shop.wait(lapsed)
