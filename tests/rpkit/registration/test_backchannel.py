"""Registering for CIBA: what could not work is not sent, and what the server dropped is noticed."""

from __future__ import annotations

from typing import Any

import pytest

from fapikit.errors import ConfigurationError, ForbiddenByProfile
from rpkit.errors import RegistrationError
from tests.rpkit.registration.test_registration import ASKED, registered

GRANT = "urn:openid:params:grant-type:ciba"
PING = {
    **ASKED,
    "grant_types": [GRANT],
    "backchannel_token_delivery_mode": "ping",
    "backchannel_client_notification_endpoint": "https://fintech.example/ciba-notification",
    "backchannel_authentication_request_signing_alg": "ES256",
}


def without_none(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


@pytest.mark.spec("CIBA 4a, 4d")
@pytest.mark.parametrize("profile", ["fapi2-security", "fapi-ciba"])
def test_each_mode_is_registered(profile: str) -> None:
    registered(PING, {**PING, "client_id": "c1"}, profile=profile)
    poll = without_none(
        {**PING, "backchannel_token_delivery_mode": "poll", "backchannel_client_notification_endpoint": None}
    )
    registered(poll, {**poll, "client_id": "c1"}, profile=profile)


@pytest.mark.spec("CIBA 4a")
def test_a_push_needs_no_grant_type_and_no_signature() -> None:
    push = {**PING, "backchannel_token_delivery_mode": "push", "grant_types": ["authorization_code"]}
    del push["backchannel_authentication_request_signing_alg"]
    registered(push, {**push, "client_id": "c1"})


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "no mode": ({"backchannel_token_delivery_mode": None}, "fapi2-security", "CIBA 4a"),
    "no mode, and only the grant": (
        {
            "backchannel_token_delivery_mode": None,
            "backchannel_client_notification_endpoint": None,
            "backchannel_authentication_request_signing_alg": None,
        },
        "fapi2-security",
        "CIBA 4a",
    ),
    "another mode": ({"backchannel_token_delivery_mode": "pull"}, "fapi2-security", "CIBA 4a"),
    "no grant type": ({"grant_types": None}, "fapi2-security", "CIBA 4a"),
    "no endpoint": ({"backchannel_client_notification_endpoint": None}, "fapi2-security", "CIBA 4a"),
    "a clear endpoint": (
        {"backchannel_client_notification_endpoint": "http://fintech.example/"},
        "fapi2-security",
        "CIBA 4a",
    ),
    "RS256": (
        {"backchannel_authentication_request_signing_alg": "RS256"},
        "fapi2-security",
        "FAPI2-SP 5.4.1-1.2",
    ),
    "push under fapi-ciba": ({"backchannel_token_delivery_mode": "push"}, "fapi-ciba", "FAPI-CIBA 5.2.2-3"),
    "unsigned under fapi-ciba": (
        {"backchannel_authentication_request_signing_alg": None},
        "fapi-ciba",
        "FAPI-CIBA 5.2.2-6",
    ),
}


@pytest.mark.spec("CIBA 4a; FAPI-CIBA 5.2.2-3, 5.2.3.1-1, 7.10")
@pytest.mark.parametrize("case", WRONG)
def test_what_could_not_work_is_not_sent(case: str) -> None:
    changes, profile, clause = WRONG[case]
    with pytest.raises(ConfigurationError) as caught:
        registered(without_none({**PING, **changes}), {}, profile=profile)
    assert caught.value.clause == clause
    assert isinstance(caught.value, ForbiddenByProfile) is clause.startswith("FAPI")


@pytest.mark.spec("CIBA 4d")
@pytest.mark.parametrize("name", [name for name in PING if name.startswith("backchannel_")])
def test_what_the_server_drops_is_noticed(name: str) -> None:
    given = {key: value for key, value in PING.items() if key != name}
    with pytest.raises(RegistrationError) as caught:
        registered(PING, {**given, "client_id": "c1"})
    assert caught.value.facts["member"] == name
