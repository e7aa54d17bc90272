"""The device authorization request and its response: what is refused, what is borne, and what is drawn."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fapikit import FapiError
from fapikit.errors import (
    ConfigurationError,
    ForbiddenByProfile,
    InsecureUrl,
    MalformedMessage,
    MissingMetadata,
    PeerRefused,
)
from rpkit import DeviceAuthorization
from rpkit.errors import ServerBusy
from tests.keys import claims_of
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import DEVICE_GRANT, FakeBank
from tests.rpkit.logins import ACCOUNTS

# --- the response ---------------------------------------------------------------------------------

BROKEN: dict[str, tuple[dict[str, Any], type[FapiError]]] = {
    "no device_code": ({"device_code": None}, MalformedMessage),
    "a device_code that is no text": ({"device_code": ["x"]}, MalformedMessage),
    "no user_code": ({"user_code": ""}, MalformedMessage),
    "a user_code that writes to the terminal": ({"user_code": "AB\x1b[2J"}, MalformedMessage),
    "a user_code that cannot be seen": ({"user_code": "\u3164\u2800"}, MalformedMessage),
    "a user_code without end": ({"user_code": "A" * 65}, MalformedMessage),
    "no verification_uri": ({"verification_uri": None}, MalformedMessage),
    "a verification_uri without end": (
        {"verification_uri": "https://bank.example/" + "a" * 2000},
        MalformedMessage,
    ),
    "a verification_uri in clear text": ({"verification_uri": "http://bank.example/activate"}, InsecureUrl),
    "a verification_uri on this machine": ({"verification_uri": "http://127.0.0.1/activate"}, InsecureUrl),
    "a verification_uri that is a program": ({"verification_uri": "javascript:alert(1)"}, InsecureUrl),
    "no expires_in": ({"expires_in": None}, MalformedMessage),
    "an expires_in that is over": ({"expires_in": 0}, MalformedMessage),
    "an expires_in that is no number": ({"expires_in": "soon"}, MalformedMessage),
    "an error under a success": (
        {"device_code": None, "error": "invalid_scope"},
        PeerRefused,
    ),
}


@pytest.mark.spec("RFC 8628 3.2a")
@pytest.mark.parametrize("name", BROKEN)
def test_a_response_that_cannot_be_used_is_refused(name: str, bank: FakeBank, clients: Clients):
    change, expected = BROKEN[name]
    bank.faults["device"] = lambda members: {**members, **change}
    with pytest.raises(expected) as caught:
        clients.of(bank).device(scope="accounts")
    assert "javascript" not in str(caught.value)


BORNE: dict[str, tuple[dict[str, Any], Callable[[DeviceAuthorization, float], bool]]] = {
    "no interval": ({"interval": None}, lambda device, now: device.interval == 5),
    "an interval as text": ({"interval": "7"}, lambda device, now: device.interval == 7),
    "an odd interval": ({"interval": [7]}, lambda device, now: device.interval == 5),
    "an interval of nothing": ({"interval": 0}, lambda device, now: device.interval == 1),
    "a lifetime as text": ({"expires_in": "300"}, lambda device, now: device.expires_at == now + 300),
    "a lifetime of years": ({"expires_in": 1e12}, lambda device, now: device.expires_at == now + 86_400),
    "no complete URI": (
        {"verification_uri_complete": None},
        lambda device, now: device.verification_uri_complete is None,
    ),
    "a complete URI that cannot be opened": (
        {"verification_uri_complete": "javascript:alert(1)"},
        lambda device, now: device.verification_uri_complete is None,
    ),
    "a code of digits": ({"user_code": 19450730}, lambda device, now: device.user_code == "19450730"),
}


@pytest.mark.spec("RFC 8628 3.2b")
@pytest.mark.parametrize("name", BORNE)
def test_a_response_that_is_odd_only_in_form_is_used(name: str, bank: FakeBank, clients: Clients):
    change, holds = BORNE[name]
    bank.faults["device"] = lambda members: {**members, **change}
    assert holds(clients.of(bank).device(scope="accounts"), bank.clock())


def test_the_life_of_a_code_is_counted_from_the_sending_of_the_request(bank: FakeBank, clients: Clients):
    """A bank that answers late has made the code earlier. Else the last poll would come after its end."""

    def late(members: dict[str, Any]) -> dict[str, Any]:
        bank.clock.advance(8)
        return members

    bank.faults["device"] = late
    sent_at = bank.clock()
    assert clients.of(bank).device(scope="accounts").expires_at == sent_at + 600


def test_a_refused_request_says_what_the_bank_said(bank: FakeBank, clients: Clients):
    refusal = {"error": "unauthorized_client", "error_description": "no devices"}
    bank.faults["device_answer"] = lambda call: (400, {}, refusal)
    with pytest.raises(PeerRefused, match="no devices") as caught:
        clients.of(bank).device()
    assert caught.value.peer_code == "unauthorized_client"


def test_a_busy_bank_says_when_to_ask_again(bank: FakeBank, clients: Clients):
    bank.faults["device_answer"] = lambda call: (503, {"retry-after": "7"}, {})
    with pytest.raises(ServerBusy) as caught:
        clients.of(bank).device()
    assert caught.value.retry_after == 7


# --- what is refused before anything is sent ------------------------------------------------------

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a misspelt name": ({"login_hnt": "alice"}, "device\\(\\): did you mean login_hint"),
    "one resource as a parameter": ({"resource": ACCOUNTS}, "give device\\(\\) resources="),
    "a parameter of ours": ({"dpop_jkt": "x"}, "device\\(\\) makes dpop_jkt itself"),
    "a max_age that is no number": ({"max_age": "60"}, "max_age"),
    "a resource that is no URI": ({"resources": ["accounts"]}, "absolute URI"),
    "details without a type": ({"authorization_details": [{}]}, "without a type"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_request_is_refused_before_it_is_sent(name: str, bank: FakeBank, clients: Clients):
    parameters, words = WRONG[name]
    with pytest.raises(ConfigurationError, match=words):
        clients.of(bank).device(**parameters)
    assert bank.calls("device") == []


def test_a_bank_without_the_endpoint_is_named(bank: FakeBank, clients: Clients):
    bank.faults["metadata"] = lambda document: {
        name: value for name, value in document.items() if name != "device_authorization_endpoint"
    }
    with pytest.raises(MissingMetadata, match="device_authorization_endpoint"):
        clients.of(bank).device()


@pytest.mark.spec("FAPI1-ADV 5.2.2-2")
def test_a_profile_without_devices_is_asked(bank: FakeBank, clients: Clients):
    client = clients.of(bank, profile="fapi1-advanced", sender_constraint="mtls", signed_requests=True)
    with pytest.raises(ForbiddenByProfile, match="devices cannot be authorized") as caught:
        client.device()
    assert caught.value.clause == "FAPI1-ADV 5.2.2-2"
    assert bank.calls("device") == []


@pytest.mark.spec("FAPI2-MS 5.3.2-1")
def test_where_requests_are_signed_that_of_a_device_is_signed_too(bank: FakeBank, clients: Clients):
    device = clients.of(bank, profile="fapi2-message-signing").device(
        scope="openid accounts", resources=[ACCOUNTS], max_age=60
    )
    call = bank.calls("device")[-1]
    assert {"client_id", "request"} == {
        name for name, _ in call.pairs if not name.startswith("client_assertion")
    }
    claims = claims_of(call.form["request"])
    assert (claims["scope"], claims["resource"], claims["max_age"]) == ("openid accounts", [ACCOUNTS], 60)
    assert claims["dpop_jkt"] == device.dpop.jkt
    assert device.request_object.reveal() == call.form["request"]


def test_an_id_token_that_could_not_be_verified_is_not_requested(bank: FakeBank, clients: Clients):
    bank.faults["metadata"] = lambda document: {n: v for n, v in document.items() if n != "jwks_uri"}
    with pytest.raises(MissingMetadata, match="jwks_uri"):
        clients.of(bank).device(scope="openid")
    assert clients.of(bank).device(scope="accounts").scope == "accounts"


def test_the_raw_grant_points_to_the_method(bank: FakeBank, clients: Clients):
    with pytest.raises(ConfigurationError, match=r"use device\(\)"):
        clients.of(bank).grant(DEVICE_GRANT, device_code="x")


# --- the QR code ----------------------------------------------------------------------------------


@pytest.mark.spec("RFC 8628 3.3.1a")
def test_the_code_as_a_picture(bank: FakeBank, clients: Clients):
    device = clients.of(bank).device()
    png, text = device.qr_png(), device.qr_text()
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(text.splitlines()) > 10
    plain = replace(device, _complete_uri=None)
    assert plain.qr_png() != png, "it has the complete URI where there is one"


def test_without_the_extra_a_picture_is_a_clear_error(
    bank: FakeBank, clients: Clients, monkeypatch: pytest.MonkeyPatch
):
    device = clients.of(bank).device()
    monkeypatch.setitem(sys.modules, "segno", None)
    for draw in (device.qr_png, device.qr_text):
        with pytest.raises(ConfigurationError, match=r"fapikit\[qr\]"):
            draw()
