"""A grant that begins on a television, is added to by phone, and is looked at: over real sockets."""

from __future__ import annotations

from typing import Any

import pytest

from askit.pytest_plugin.running import RunningServer
from fapikit import PrivateKeyJWT
from fapikit.errors import PeerRefused
from fapikit.stores.sealed import Seal
from rpkit import CibaRequest, Client, DeviceAuthorization
from rpkit.errors import GrantEnded, NoSuchGrant
from tests.rpkit.decoupled.naps import naps_at

RESOURCE = "https://api.example.test/"
SEAL = Seal([b"s" * 32])


def a_client(askit: RunningServer[Any], **options: Any) -> Client:
    given = {"http": askit.http(), "auth": PrivateKeyJWT(askit.client_key), **options}
    return Client.discover(askit.issuer, client_id=askit.client_id, **given)


@pytest.fixture
def naps(askit_clock: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    askit_clock.freeze()
    return naps_at(askit_clock, monkeypatch)


@pytest.mark.spec("GM 5.2", "GM 5.2a", "GM 5.4", "GM 5.5")
def test_a_device_creates_what_a_phone_adds_to(
    askit: RunningServer[Any], askit_clock: Any, naps: Any
) -> None:
    with a_client(askit, clock=askit_clock) as screen, a_client(askit, clock=askit_clock) as till:
        device = screen.device(
            scope="openid accounts", resources=[RESOURCE], grant_management_action="create"
        )
        again = DeviceAuthorization.open(device.seal(SEAL), SEAL)
        assert again.grant_management_action == "create"
        naps.meanwhile = lambda _nap: askit.decide_device(device.user_code)
        shown = screen.wait(again).tokens
        assert shown.grant_id

        asked: dict[str, Any] = {"grant_management_action": "merge", "grant_id": shown.grant_id}
        with pytest.raises(PeerRefused) as refused:
            till.ciba(scope="openid payments", resources=[RESOURCE], login_hint="bob", **asked)
        assert refused.value.peer_code in ("invalid_grant_id", "unknown_user_id")
        request = till.ciba(scope="openid payments", resources=[RESOURCE], login_hint="alice", **asked)
        request = CibaRequest.open(request.seal(SEAL), SEAL)
        naps.meanwhile = lambda _nap: askit.decide_ciba()
        login = till.wait(request)
        assert login.tokens.grant_id == shown.grant_id
        assert login.tokens.scope == "openid accounts payments"
        assert not [check for check in login.report if check.name == "scope"]
        held = till.query_grant(login.tokens)
        assert [each.scope for each in held.scopes] == ["openid", "accounts payments"]
        with pytest.raises(GrantEnded):
            screen.refresh(shown)
        till.revoke_grant(login.tokens)
        with pytest.raises(NoSuchGrant):
            till.query_grant(login.tokens)


@pytest.mark.spec("GM 5.5")
def test_a_bank_that_does_not_name_the_grant_is_reported(
    faulty_askit: Any, askit_clock: Any, monkeypatch: Any
) -> None:
    naps = naps_at(askit_clock, monkeypatch)
    askit_clock.freeze()
    faulty_askit.app.faults["token_response"] = lambda body: {
        k: v for k, v in body.items() if k != "grant_id"
    }
    with a_client(faulty_askit, clock=askit_clock) as screen:
        device = screen.device(
            scope="openid accounts", resources=[RESOURCE], grant_management_action="create"
        )
        naps.meanwhile = lambda _nap: faulty_askit.decide_device(device.user_code)
        login = screen.wait(device)
        assert login.tokens.grant_id is None
        assert [check.clause for check in login.report.downgrades] == ["GM 5.5"]
