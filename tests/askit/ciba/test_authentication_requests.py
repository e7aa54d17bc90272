"""A plain authentication request: one that is good, and what is wrong with each that is not."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.askit.bank import FINTECH, OTHER
from tests.askit.ciba.asking import NOTIFIED, PING, POLL, PUSH, SIGNING, TOKEN, Asking, a_bank, asking
from tests.askit.fapi1.answers import error_of
from tests.askit.plain_client import ACCOUNTS, ISSUER, PAYMENT, PAYMENTS

pytestmark = pytest.mark.anyio


@pytest.fixture
def fintech() -> Asking:
    return asking(a_bank())


@pytest.mark.spec("CIBA 7a", "CIBA 7.3a", "CIBA 7.1c")
async def test_a_good_request_is_told_its_id_its_end_and_how_often_to_ask(fintech: Asking) -> None:
    response = await fintech.send()
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    body = response.json()
    assert set(body) == {"auth_req_id", "expires_in", "interval"}
    assert re.fullmatch(r"[A-Za-z0-9._-]{27,}", body["auth_req_id"])  # 160 bits and more
    assert (body["expires_in"], body["interval"]) == (600, 5)
    assert (await fintech.send()).json()["auth_req_id"] != body["auth_req_id"]


@pytest.mark.spec("CIBA 7.3b")
async def test_the_interval_that_is_told_is_one_that_is_kept() -> None:
    """A client that waits as long as it was told is not too early, also where the setting is no whole number."""
    bank = a_bank(polling_interval=2.8)
    body = (await asking(bank).send()).json()
    assert body["interval"] == 3
    assert error_of(await asking(bank).poll(body["auth_req_id"]))[1] == "authorization_pending"
    bank.clock.advance(body["interval"])
    assert error_of(await asking(bank).poll(body["auth_req_id"]))[1] == "authorization_pending"


@pytest.mark.spec("CIBA 7.1c", "CIBA 7.1e", "CIBA 7.2", "CIBA 13a", "FAPI-CIBA 5.2.2-10", "RFC 9396 5")
@pytest.mark.parametrize(
    ("changes", "code", "clause"),
    [
        ({"scope": None}, "invalid_request", "CIBA 7.1c"),
        ({"scope": "accounts"}, "invalid_scope", "CIBA 7.1c"),
        ({"scope": "openid everything"}, "invalid_scope", "RFC 6749 3.3"),
        ({"login_hint": None}, "invalid_request", "CIBA 7.1c"),
        ({"login_hint": ""}, "invalid_request", "CIBA 7.1c"),
        ({"id_token_hint": "x.y.z"}, "invalid_request", "CIBA 7.1c"),
        ({"login_hint_token": "x.y.z"}, "invalid_request", "CIBA 7.1c"),
        ({"login_hint": "carol"}, "unknown_user_id", "CIBA 13a"),
        ({"binding_message": "x" * 101}, "invalid_binding_message", "CIBA 13a"),
        ({"binding_message": "Till 4\nTill 5"}, "invalid_binding_message", "CIBA 13a"),
        ({"binding_message": "Till \u202e4"}, "invalid_binding_message", "CIBA 13a"),
        ({"binding_message": "Till\u200b4"}, "invalid_binding_message", "CIBA 13a"),
        ({"binding_message": "Till 4" + "\u0301" * 3}, "invalid_binding_message", "CIBA 13a"),
        ({"binding_message": "   "}, "invalid_binding_message", "CIBA 13a"),
        ({"binding_message": "\u3164\u2800"}, "invalid_binding_message", "CIBA 13a"),
        ({"binding_message": "Till\u115f4"}, "invalid_binding_message", "CIBA 13a"),
        ({"binding_message": "\ufe0f"}, "invalid_binding_message", "CIBA 13a"),
        ({"requested_expiry": "0"}, "invalid_request", "CIBA 7.1.1c"),
        ({"requested_expiry": "-5"}, "invalid_request", "CIBA 7.1.1c"),
        ({"requested_expiry": "soon"}, "invalid_request", "CIBA 7.1.1c"),
        ({"requested_expiry": "1.5"}, "invalid_request", "CIBA 7.1.1c"),
        ({"requested_expiry": "9" * 11}, "invalid_request", "CIBA 7.1.1c"),
        ({"requested_expiry": "\u0661"}, "invalid_request", "CIBA 7.1.1c"),
        ({"resource": "https://elsewhere.example.test/"}, "invalid_target", "RFC 8707 2b"),
        ({"resource": [PAYMENTS]}, "invalid_target", "RFC 8707 2b"),
        ({"authorization_details": "{}"}, "invalid_authorization_details", "RFC 9396 5"),
        ({"authorization_details": [{"type": "x"}]}, "invalid_authorization_details", "RFC 9396 5"),
        ({"request_uri": "urn:x"}, "invalid_request", "CIBA 7.1.1a"),
        ({"request_context": "shop"}, "invalid_request", "FAPI-CIBA 5.2.2-10"),
    ],
)
async def test_each_mistake_has_its_own_error(
    fintech: Asking, changes: dict[str, Any], code: str, clause: str
) -> None:
    assert await fintech.refused(**changes) == (400, code, clause)


@pytest.mark.spec("CIBA 13b", "RFC 9470 5")
async def test_a_level_that_the_user_cannot_reach_is_refused_before_anybody_is_asked(fintech: Asking) -> None:
    assert await fintech.refused(acr_values="urn:bank:face") == (403, "access_denied", "CIBA 13b")
    assert (await fintech.send(acr_values="urn:bank:face urn:fapikit:acr:password")).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"scope": "accounts openid"},
        {"scope": "openid accounts payments"},
        {"binding_message": None},
        {"binding_message": "レジ4番、ご確認ください"},
        {"binding_message": "葛\U000e0100城 4 \u2714\ufe0f"},
        {"binding_message": "Cafe\u0301 4 \u2013 \u20ac 12,50"},
        {"resource": ACCOUNTS},
        {"authorization_details": [PAYMENT]},
        {"response_type": "code", "redirect_uri": "https://nowhere.example.test/", "prompt": "none"},
        {"client_notification_token": "short"},
        {"user_code": "1234"},
    ],
)
async def test_what_is_good_or_does_not_matter_is_taken(fintech: Asking, changes: dict[str, Any]) -> None:
    """A parameter of another flow is an unknown one; a poll client needs no token; alice has no user code."""
    assert (await fintech.send(**changes)).status_code == 200


@pytest.mark.conformance("ciba-op", "ensure-requested-expiry-is-ignored-for-brazil")
@pytest.mark.spec("CIBA 7.1.1c")
@pytest.mark.parametrize(("asked", "given"), [("10", 10), ("600", 600), ("601", 600), ("9999999999", 600)])
async def test_a_request_lives_as_long_as_asked_within_the_settings(
    fintech: Asking, asked: str, given: int
) -> None:
    assert (await fintech.send(requested_expiry=asked)).json()["expires_in"] == given


@pytest.mark.spec("CIBA 7.2")
async def test_a_parameter_that_is_sent_twice_is_refused(fintech: Asking) -> None:
    client = fintech.client
    form = "&".join(f"{n}={v}" for n, v in {"scope": "openid", "login_hint": "alice"}.items())
    twice = f"{form}&login_hint=bob&client_id=fintech"
    headers = {"content-type": "application/x-www-form-urlencoded"}
    response = await client.http.post("/backchannel_authentication", content=twice, headers=headers)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


async def test_only_a_posted_form_is_read(fintech: Asking) -> None:
    http = fintech.client.http
    assert (await http.get("/backchannel_authentication")).status_code == 405
    response = await http.post("/backchannel_authentication", json={"scope": "openid"})
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


# Who may ask


@pytest.mark.spec("CIBA 7.1a", "CIBA 13b")
async def test_a_client_authenticates_by_its_registered_method(fintech: Asking) -> None:
    client = fintech.client
    for authentication in (
        {"client_id": "fintech"},
        {"client_id": "fintech", "client_secret": "guessed"},
        client.authentication(exp=int(client.clock()) - 100),
        client.authentication(iss="other", sub="other"),
    ):
        response = await fintech.send(authentication=authentication)
        assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


@pytest.mark.spec("CIBA 7.1b", "FAPI2-SP 5.3.2.1-8")
@pytest.mark.parametrize(
    ("profile", "aud", "accepted"),
    [
        ("fapi1-baseline", ISSUER, True),
        ("fapi1-baseline", f"{ISSUER}/token", True),
        ("fapi1-baseline", f"{ISSUER}/backchannel_authentication", True),
        ("fapi1-baseline", f"{ISSUER}/authorize", False),
        ("fapi2-security", ISSUER, True),
        ("fapi2-security", f"{ISSUER}/backchannel_authentication", False),
    ],
)
async def test_the_audience_of_the_assertion_is_what_the_profile_says(
    profile: str, aud: str, accepted: bool
) -> None:
    fintech = asking(a_bank(profile=profile))
    response = await fintech.send(authentication=fintech.client.authentication(aud=aud))
    assert response.status_code == (200 if accepted else 401)


@pytest.mark.spec("CIBA 13a", "CIBA 4a")
@pytest.mark.parametrize(
    "client", [FINTECH, {**FINTECH, "backchannel_token_delivery_mode": "poll"}], ids=["plain", "no grant"]
)
async def test_a_client_that_is_not_registered_for_it_is_unauthorized(client: dict[str, Any]) -> None:
    assert await asking(a_bank(client)).refused() == (400, "unauthorized_client", "CIBA 4a")


async def test_a_client_that_has_registered_that_it_signs_may_not_leave_it() -> None:
    assert await asking(a_bank(SIGNING)).refused() == (400, "invalid_request", "CIBA 4d")


# Ping and push


@pytest.mark.spec("CIBA 7.1d")
@pytest.mark.parametrize("client", [PING, PUSH], ids=["ping", "push"])
@pytest.mark.parametrize(
    "token",
    [
        None,
        "",
        "x" * 40,
        "abcdefgh01234567890zA",
        "with space 0123456789 abcdef",
        "ünder" + TOKEN,
        TOKEN.rstrip("=") + "=x",
        "aB3_" * 257,
    ],
)
async def test_a_notification_token_is_a_bearer_token_that_nobody_guesses(
    client: dict[str, Any], token: str | None
) -> None:
    fintech = asking(a_bank(client))
    refused = await fintech.refused(client_notification_token=token, proof=True)
    assert refused == (400, "invalid_request", "CIBA 7.1d")


@pytest.mark.parametrize("token", [TOKEN, "0123456789abcdef0123456789abcdef", "aB3_xY9.zQ7~" + "r" * 1012])
async def test_a_good_notification_token_is_taken(token: str) -> None:
    assert (await asking(a_bank(PING)).send(client_notification_token=token)).status_code == 200


@pytest.mark.spec("CIBA 7.3a")
async def test_a_push_client_is_not_told_an_interval() -> None:
    body = (await asking(a_bank(PUSH)).send(client_notification_token=TOKEN, proof=True)).json()
    assert set(body) == {"auth_req_id", "expires_in"}


async def test_a_push_request_for_several_apis_is_refused_at_once() -> None:
    """Nobody could say later which of them the one access token is for."""
    fintech = asking(a_bank(PUSH))
    sent: dict[str, Any] = {
        "client_notification_token": TOKEN,
        "scope": "openid accounts payments",
        "proof": True,
    }
    assert await fintech.refused(**sent) == (400, "invalid_target", "RFC 8707 2.2")
    assert (await fintech.send(**sent, resource=ACCOUNTS)).status_code == 200


async def test_no_log_line_has_the_notification_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    fintech = asking(a_bank(PING))
    await fintech.send(client_notification_token=TOKEN)
    await fintech.send(client_notification_token=TOKEN, scope="accounts")
    assert NOTIFIED not in caplog.text
    assert TOKEN not in caplog.text


# A store that is full, and clients of their own


async def test_a_client_cannot_use_up_the_store_with_requests() -> None:
    bank = a_bank(POLL, other={**OTHER, **{k: POLL[k] for k in ("grant_types", "backchannel_token_delivery_mode")}},
                  limits={"entries_per_client": 20})  # fmt: skip
    fintech, other = asking(bank), asking(bank, "other")
    answers = [(await fintech.send()).status_code for _ in range(30)]
    assert answers[0] == 200
    assert answers[-1] == 429
    assert (await other.send()).status_code == 200
