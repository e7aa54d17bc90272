"""One valid device request and one valid poll, and single mutations of each: every one has its own error."""

from __future__ import annotations

from typing import Any

import pytest

from askit.clients.client import Client
from askit.errors import InvalidClientMetadata
from fapikit import FAPI1_ADVANCED
from fapikit.errors import ConfigurationError
from tests.askit.bank import Bank
from tests.askit.decoupled.television import (
    DEVICE_CODE,
    PUBLIC,
    TELEVISION,
    Holder,
    Television,
    a_bank,
    public_television,
    television,
)
from tests.askit.fapi1.advanced import APIS, CLIENTS
from tests.askit.plain_client import PAYMENT
from tests.askit.registering import OPENER, register, update
from tests.keys import a_key
from tests.mothers.certificates import Made, a_certificate

pytestmark = pytest.mark.anyio

DETAILS = (
    '[{"type":"payment_initiation","instructedAmount":{"currency":"EUR","amount":"1"},"creditorName":"A"}]'
)


@pytest.fixture
def bank() -> Bank:
    return a_bank(acr=["weak", "strong"])


REQUESTS: list[tuple[str, dict[str, Any], int, str]] = [
    ("none", {}, 200, ""),
    ("an empty parameter is absent", {"resource": "", "acr_values": ""}, 200, ""),
    ("an unknown parameter", {"frequency": "often"}, 200, ""),
    ("details without scope", {"scope": None, "authorization_details": DETAILS}, 200, ""),
    ("no scope", {"scope": None}, 400, "invalid_scope"),
    ("an unknown scope", {"scope": "openid mortgages"}, 400, "invalid_scope"),
    ("an unknown API", {"resource": "https://elsewhere.example.test/"}, 400, "invalid_target"),
    ("unknown details", {"authorization_details": '[{"type":"x"}]'}, 400, "invalid_authorization_details"),
    ("claims that are no object", {"claims": "[]"}, 400, "invalid_request"),
    ("no user may be asked", {"prompt": "none"}, 400, "invalid_request"),
    ("a level that nobody reaches", {"acr_values": "strong"}, 400, "unmet_authentication_requirements"),
    ("a hint that is no token", {"id_token_hint": "x"}, 400, "invalid_request"),
    ("a key that is no thumbprint", {"dpop_jkt": "x"}, 400, "invalid_request"),
    ("a request elsewhere", {"request_uri": "urn:x"}, 400, "invalid_request"),
    ("no client", {"client_assertion": None, "client_assertion_type": None, "client_id": None}, 401, "invalid_client"),
    ("no authentication", {"client_assertion": None, "client_assertion_type": None}, 401, "invalid_client"),
    ("another client's name", {"client_id": "other"}, 401, "invalid_client"),
]  # fmt: skip


@pytest.mark.spec("RFC 8628 3.1b", "RFC 8628 3.2a")
@pytest.mark.parametrize(
    "changes, status, error", [row[1:] for row in REQUESTS], ids=[r[0] for r in REQUESTS]
)
async def test_a_request_with_one_thing_changed(
    bank: Bank, changes: dict[str, Any], status: int, error: str
) -> None:
    kept = len(bank.store)
    answer = await television(bank).start(**changes)
    assert (answer.status_code, answer.json().get("error", "")) == (status, error), answer.text
    if error:
        told = {key.split(":")[2] for key in bank.store._entries if key.startswith("as:")}
        assert not told & {"request", "user-code"}, "what is refused is not kept"
        assert len(bank.store) <= kept + 2  # the secret, and the mark of the assertion


@pytest.mark.spec("RFC 8628 3.1b")
async def test_no_parameter_comes_twice(bank: Bank) -> None:
    tv = television(bank)
    twice = await tv.http.post(
        "/device_authorization",
        content="scope=openid&scope=accounts&client_id=television",
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert (twice.status_code, twice.json()["error"]) == (400, "invalid_request")


async def test_a_client_that_has_not_registered_the_grant(bank: Bank) -> None:
    fintech = Television(http=bank.browser(), clock=bank.clock, client_id="fintech")
    assert (await fintech.start()).json()["error"] == "unauthorized_client"
    codes = await television(bank).started()
    assert (await fintech.poll(codes)).json()["error"] == "unauthorized_client"


POLLS: list[tuple[str, dict[str, Any], str]] = [
    ("none", {}, "authorization_pending"),
    ("no code", {"device_code": None}, "invalid_request"),
    ("an unknown code", {"device_code": "x" * 43}, "invalid_grant"),
    ("another grant", {"grant_type": "urn:ietf:params:oauth:grant-type:other"}, "unsupported_grant_type"),
]


@pytest.mark.spec("RFC 8628 3.4", "RFC 8628 3.5")
@pytest.mark.parametrize("changes, error", [row[1:] for row in POLLS], ids=[row[0] for row in POLLS])
async def test_a_poll_with_one_thing_changed(bank: Bank, changes: dict[str, Any], error: str) -> None:
    tv = television(bank)
    answer = await tv.poll(await tv.started(), **changes)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


@pytest.mark.spec("RFC 8628 3.4")
async def test_the_code_of_another_device_is_no_code() -> None:
    bank = a_bank(
        {**TELEVISION, "client_id": "thief", "jwks": {"keys": [dict(a_key("ES256", 9).public_jwk)]}}
    )
    tv, thief = television(bank), television(bank, client_id="thief", key=a_key("ES256", 9))
    codes = await tv.started()
    assert await thief.told(codes) == "invalid_grant"
    await Holder(bank).decide(codes["user_code"])
    assert await thief.told(codes) == "invalid_grant"
    assert await tv.told(codes) == "tokens"


async def test_neither_the_user_code_nor_what_a_page_names_is_a_device_code(bank: Bank) -> None:
    tv, alice = television(bank), Holder(bank)
    codes = await tv.started()
    page = await alice.type_code(codes["user_code"])
    assert codes["device_code"] not in page.text
    named = page.text.split('name="request_uri" value="')[1].split('"')[0]
    for wrong in (codes["user_code"], named, named.rpartition(":")[2]):
        assert await tv.told({"device_code": wrong}) == "invalid_grant"


async def test_what_the_user_granted_and_took_back_before_the_device_came(bank: Bank) -> None:
    tv, alice = television(bank), Holder(bank)
    codes = await tv.started()
    await alice.decide(codes["user_code"])
    grants = await alice.browser.http.get("/grants")
    await alice.browser.submit(grants)
    assert await tv.told(codes) == "invalid_grant"


async def test_which_api_the_token_is_for_is_asked_before_the_code_is_used_up(bank: Bank) -> None:
    tv, alice = television(bank), Holder(bank)
    codes = await tv.started(scope="openid accounts payments")
    await alice.decide(codes["user_code"])
    assert await tv.told(codes) == "invalid_target"
    assert await tv.told(codes, resource="https://api.example.test/payments") == "tokens"


async def test_a_payment_that_a_device_asks_for_is_shown_and_granted(bank: Bank) -> None:
    tv, alice = television(bank), Holder(bank)
    codes = await tv.started(scope=None, authorization_details=[PAYMENT])
    page = await alice.at_consent(await alice.type_code(codes["user_code"]))
    assert "123.50 EUR" in page.text
    assert "Merchant A" in page.text
    await alice.browser.submit(page, decision="approve")
    (granted,) = (await tv.poll(codes)).json()["authorization_details"]
    assert granted["consent_id"]


# --- which key, which profile, which client ---


@pytest.mark.spec("RFC 9449 10")
@pytest.mark.parametrize("by_proof", [True, False], ids=["by a proof", "by its thumbprint"])
async def test_only_the_key_of_the_request_redeems(bank: Bank, by_proof: bool) -> None:
    tv, alice, thief = television(bank), Holder(bank), a_key("ES256", 12)
    url = f"{tv.issuer}/device_authorization"
    if by_proof:
        challenge = await tv.start(proof=tv.proof("POST", url))
        assert challenge.json()["error"] == "use_dpop_nonce"
        proof = tv.proof("POST", url)
        codes = (await tv.start(proof=proof)).json()
        assert (await tv.start(proof=proof)).json()["error"] == "invalid_dpop_proof"
    else:
        codes = await tv.started(dpop_jkt=tv.dpop_key.thumbprint)
    assert await tv.told(codes, key=thief) == "invalid_grant"
    await alice.decide(codes["user_code"])
    assert await tv.told(codes, key=thief) == "invalid_grant"
    assert await tv.told(codes) == "tokens"


@pytest.mark.spec("RFC 8705 3")
async def test_only_the_certificate_of_the_request_redeems() -> None:
    mine, other = a_certificate(), a_certificate(serial=8)
    bound = {**TELEVISION, "client_id": "bound", "tls_client_certificate_bound_access_tokens": True}
    bank = a_bank(bound)

    def showing(*shows: Made) -> Television:
        return television(bank, client_id="bound", http=bank.browser(shows=shows), proves=False)

    codes, alice = await showing(mine).started(), Holder(bank)
    await alice.decide(codes["user_code"])
    assert await showing(other).told(codes) == "invalid_grant"
    assert await showing().told(codes) == "invalid_request"
    answer = await showing(mine).poll(codes)
    assert answer.json()["token_type"] == "Bearer"


@pytest.mark.spec("RFC 9449 4.3-10")
async def test_a_proof_serves_for_one_poll(bank: Bank) -> None:
    tv = television(bank)
    codes = await tv.started()
    await tv.told(codes)
    proof = tv.proof("POST", f"{tv.issuer}/token")
    form = {"grant_type": DEVICE_CODE, "device_code": codes["device_code"]}
    told = [(await tv.token(form, proof=proof)).json()["error"] for _ in range(2)]
    assert told == ["slow_down", "invalid_dpop_proof"]


@pytest.mark.spec("FAPI2-SP 5.3.2.1-4")
async def test_a_profile_that_binds_tokens_binds_these(bank: Bank) -> None:
    tv, alice = television(bank), Holder(bank)
    codes = await tv.started()
    await alice.decide(codes["user_code"])
    form = {"grant_type": DEVICE_CODE, "device_code": codes["device_code"]}
    assert (await tv.token(form, proof=False)).json()["error"] == "invalid_dpop_proof"
    assert await tv.told(codes) == "tokens"


@pytest.mark.spec("FAPI2-MS 5.3.1-1")
async def test_where_requests_are_signed_a_device_signs_its_own() -> None:
    bank = a_bank(profile="fapi2-message-signing")
    tv, alice = television(bank), Holder(bank)
    plain = await tv.start()
    assert (plain.json()["error"], "signed request object" in plain.text) == ("invalid_request", True)
    signed = tv.request_object(claims={"scope": "openid accounts"})
    codes = await tv.started(scope=None, request=signed)
    await alice.decide(codes["user_code"])
    assert await tv.told(codes) == "tokens"
    forged = tv.request_object(key=a_key("ES256", 7))
    assert (await tv.start(scope=None, request=forged)).json()["error"] == "invalid_request_object"


@pytest.mark.spec("FAPI1-ADV 5.2.2-2")
async def test_a_profile_without_the_grant_has_no_endpoint_and_refuses_its_clients() -> None:
    bank = Bank(profile="fapi1-advanced", clients=[*CLIENTS, *APIS])
    document = (await bank.browser().get("/.well-known/openid-configuration")).json()
    assert "device_authorization_endpoint" not in document
    assert DEVICE_CODE not in document["grant_types_supported"]
    with pytest.raises(InvalidClientMetadata, match="does not allow the device grant") as refused:
        Client.read(TELEVISION).check(FAPI1_ADVANCED)
    assert refused.value.clause == "FAPI1-ADV 5.2.2-2"


SETTINGS = [
    ({"device_code_lifetime": 1801}, "device_code_lifetime"),
    ({"device_code_lifetime": 60, "polling_interval": 31}, "polling_interval"),
    ({"polling_interval": 0.5}, "polling_interval"),
    ({"limits": {"wrong_user_codes": 101}}, "wrong_user_codes"),
]


@pytest.mark.spec("RFC 8628 5.4b")
@pytest.mark.parametrize("changes, setting", SETTINGS, ids=str)
async def test_settings_that_contradict(changes: dict[str, Any], setting: str) -> None:
    with pytest.raises(ConfigurationError, match=setting):
        a_bank(**changes)


async def test_settings_are_what_the_device_is_told() -> None:
    bank = a_bank(device_code_lifetime=120, polling_interval=2.5)
    codes = await television(bank).started()
    assert (codes["expires_in"], codes["interval"]) == (120, 3)


async def test_clients_that_register_themselves_get_the_grant_by_policy() -> None:
    asked: dict[str, Any] = {"grant_types": [DEVICE_CODE], "redirect_uris": None, "response_types": []}
    closed = a_bank(initial_access_token=OPENER)
    assert (await register(closed, **asked)).status_code == 400
    opened = a_bank(
        initial_access_token=OPENER, registration={"grant_types": [DEVICE_CODE], "scopes": ["openid"]}
    )
    answer = await register(opened, **asked)
    assert answer.json()["grant_types"] == [DEVICE_CODE]
    tv = television(opened, client_id=answer.json()["client_id"], key=a_key("ES256", 7))
    assert (await tv.start(scope="openid")).status_code == 200


@pytest.mark.spec("RFC 9126 2.3")
async def test_one_place_takes_a_part_of_a_public_devices_share() -> None:
    bank = a_bank(PUBLIC, profile="oauth-2.1", limits={"entries_per_client": 160})
    greedy = public_television(bank, http=bank.browser("198.51.100.1"))
    answers = [(await greedy.start()).status_code for _ in range(8)]
    assert answers == [200] * 5 + [429] * 3  # two records each, of a sixteenth
    elsewhere = public_television(bank, http=bank.browser("198.51.100.2"))
    assert (await elsewhere.start()).status_code == 200


async def test_strangers_with_a_public_devices_name_leave_its_users_alone() -> None:
    """They start requests, and poll for them with ever new proofs, as fast as they can."""
    bank = a_bank(PUBLIC, profile="oauth-2.1", limits={"entries_per_client": 160})
    tv = public_television(bank)
    codes = await tv.started()
    await Holder(bank).decide(codes["user_code"])
    tokens = (await tv.poll(codes)).json()
    answers = []
    for number in range(30):
        stranger = public_television(bank, http=bank.browser(f"198.51.100.{number}"))
        answers.append(await stranger.start())
    given = [answer.json() for answer in answers if answer.status_code == 200]
    assert 10 < len(given) < 20
    kept = len(bank.store)
    for _ in range(20):
        assert (await stranger.told(given[0])) in ("authorization_pending", "slow_down")
    assert len(bank.store) == kept + 1  # the clock of these polls
    assert (await tv.refresh(tokens["refresh_token"])).status_code == 200


async def test_no_redirect_uri_is_needed_and_no_code_flow_is_opened(bank: Bank) -> None:
    tv = television(bank)
    page = await Holder(bank).type_code((await tv.started())["user_code"])
    named = page.text.split('name="request_uri" value="')[1].split('"')[0]
    for path in ("/authorize", "/interaction"):
        answer = await bank.browser().get(path, params={"client_id": "television", "request_uri": named})
        assert answer.status_code == 400, path
    stolen = await bank.browser().get("/authorize", params={"client_id": "fintech", "request_uri": named})
    assert stolen.status_code == 400


async def test_a_client_that_may_have_no_devices_any_more_gets_none_approved() -> None:
    bank = a_bank(
        initial_access_token=OPENER,
        registration={"scopes": ["openid", "accounts"], "grant_types": ["authorization_code", DEVICE_CODE]},
    )
    body = (await register(bank, grant_types=["authorization_code", DEVICE_CODE])).json()
    codes = await television(bank, client_id=body["client_id"], key=a_key("ES256", 7)).started()
    alice = Holder(bank)
    page = await alice.scan(codes)
    assert (await update(bank, body, grant_types=["authorization_code"])).status_code == 200
    answer = await alice.browser.submit(page, holds="yes")
    assert answer.status_code == 400
    assert "no longer" in answer.text
