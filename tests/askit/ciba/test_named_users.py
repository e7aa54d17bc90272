"""Which user an authentication request is about: by text, by a token of somebody trusted, by an earlier ID token."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fapikit.errors import ConfigurationError
from tests.askit.ciba.asking import POLL, Asking, a_bank, asking
from tests.askit.plain_client import ISSUER
from tests.keys import a_key, mint

pytestmark = pytest.mark.anyio

HINTS = "https://hints.example.test"
KEY = a_key("ES256", 21)
USERS = [
    {
        "username": "alice",
        "password": "wonderland",
        "claims": {"sub": "user-alice", "email": "alice@example.test", "phone_number": "+49301234567"},
    },
    {"username": "bob", "password": "builder", "claims": {"email": "family@example.test"}},
    {"username": "barbara", "password": "seville", "claims": {"email": "family@example.test"}},
    {"username": "erin", "password": "xx", "user_code": "7391"},
]


def settings_of_hints(**keys: Any) -> dict[str, Any]:
    return {"login_hint_issuers": [{"issuer": HINTS, **keys}]}


@pytest.fixture
def fintech(tmp_path: Path) -> Asking:
    file = tmp_path / "hints.json"
    file.write_text(json.dumps({"keys": [dict(KEY.public_jwk)]}))
    return asking(a_bank(POLL, users=USERS, **settings_of_hints(jwks_file=str(file))))


def a_hint(client: Asking, *, key: Any = KEY, **changes: Any) -> dict[str, Any]:
    now = int(client.client.clock())
    claims = {
        "iss": HINTS,
        "aud": ISSUER,
        "iat": now,
        "exp": now + 300,
        "sub_id": {"format": "email", "email": "alice@example.test"},
        **changes,
    }
    token = mint({name: value for name, value in claims.items() if value is not None}, key)
    return {"login_hint": None, "login_hint_token": token}


@pytest.mark.spec("CIBA 7.1c")
@pytest.mark.parametrize("hint", ["alice", "user-alice", "alice@example.test", "+49301234567", "bob"])
async def test_a_login_hint_is_a_name_or_a_claim_of_one_user(fintech: Asking, hint: str) -> None:
    assert (await fintech.send(login_hint=hint)).status_code == 200


@pytest.mark.spec("CIBA 13a", "FAPI-CIBA 5.2.2-11")
@pytest.mark.parametrize(
    "hint", ["carol", "urn:bank:intent:7", "Alice", "alice@example.test ", "family@example.test"]
)
async def test_a_hint_for_nobody_or_for_two_is_unknown(fintech: Asking, hint: str) -> None:
    assert await fintech.refused(login_hint=hint) == (400, "unknown_user_id", "CIBA 13a")


# login_hint_token


@pytest.mark.spec("CIBA 7.1c", "CIBA 14b", "RFC 9493 3")
@pytest.mark.parametrize(
    "sub_id",
    [
        {"format": "email", "email": "alice@example.test"},
        {"format": "phone_number", "phone_number": "+49301234567"},
        {"format": "opaque", "id": "user-alice"},
        {"format": "iss_sub", "iss": ISSUER, "sub": "user-alice"},
    ],
    ids=lambda sub_id: sub_id["format"],
)
async def test_somebody_trusted_names_the_user(fintech: Asking, sub_id: dict[str, str]) -> None:
    assert (await fintech.send(**a_hint(fintech, sub_id=sub_id))).status_code == 200


@pytest.mark.spec("CIBA 14b", "CIBA 13a", "RFC 9493 3")
@pytest.mark.parametrize(
    ("changes", "code", "clause"),
    [
        ({"exp": 1_700_000_000}, "expired_login_hint_token", "CIBA 13a"),
        ({"iss": "https://elsewhere.example.test"}, "invalid_request", "CIBA 14b"),
        ({"iss": None}, "invalid_request", "CIBA 14b"),
        ({"aud": "https://elsewhere.example.test"}, "invalid_request", "CIBA 7.1c"),
        ({"aud": None}, "invalid_request", "CIBA 7.1c"),
        ({"exp": None}, "invalid_request", "CIBA 13a"),
        ({"sub_id": None}, "invalid_request", "RFC 9493 4.1"),
        ({"sub_id": "alice"}, "invalid_request", "RFC 9493 3"),
        ({"sub_id": {"format": "did", "url": "did:x"}}, "invalid_request", "RFC 9493 3"),
        ({"sub_id": {"format": ["email"]}}, "invalid_request", "RFC 9493 3"),
        ({"sub_id": {"format": "email", "email": ["x"]}}, "unknown_user_id", "CIBA 13a"),
        ({"sub_id": {"format": "opaque", "id": "nobody"}}, "unknown_user_id", "CIBA 13a"),
        ({"sub_id": {"format": "iss_sub", "iss": HINTS, "sub": "user-alice"}}, "unknown_user_id", "CIBA 13a"),
        ({"key": a_key("ES256", 22)}, "invalid_request", "RFC 7515 6"),
    ],
)
async def test_a_hint_token_with_one_mistake(
    fintech: Asking, changes: dict[str, Any], code: str, clause: str
) -> None:
    status, found, cited = await fintech.refused(**a_hint(fintech, **changes))
    assert (status, found) == (400, code)
    assert cited == clause


async def test_what_is_no_jwt_is_no_hint_token(fintech: Asking) -> None:
    assert (await fintech.refused(login_hint=None, login_hint_token="alice"))[:2] == (400, "invalid_request")


async def test_without_a_trusted_issuer_there_are_no_hint_tokens() -> None:
    fintech = asking(a_bank(POLL, users=USERS))
    assert await fintech.refused(**a_hint(fintech)) == (400, "invalid_request", "CIBA 14b")


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({}, "one of jwks_uri, jwks and jwks_file"),
        ({"jwks": {"keys": []}}, "no usable key"),
        ({"jwks": {"keys": 7}}, "jwks of"),
        ({"jwks_uri": "http://hints.example.test/keys"}, "https"),
        ({"jwks_uri": "https://hints.example.test/keys", "jwks_file": "x.json"}, "cannot be read"),
        ({"jwks_uri": "https://hints.example.test/keys", "key": "x"}, "not a setting"),
    ],
)
def test_the_settings_of_a_hint_issuer_are_checked(keys: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        a_bank(**settings_of_hints(**keys))


# id_token_hint


@pytest.mark.spec("CIBA 14", "CIBA 7.1c")
async def test_an_id_token_of_this_server_names_its_user_even_when_it_has_expired(fintech: Asking) -> None:
    id_token = (await fintech.client.tokens())["id_token"]
    fintech.client.clock.advance(3600)  # type: ignore[attr-defined]
    assert (await fintech.send(login_hint=None, id_token_hint=id_token)).status_code == 200


@pytest.mark.spec("CIBA 14")
async def test_another_id_token_names_nobody(fintech: Asking) -> None:
    now = int(fintech.client.clock())
    claims = {"iss": ISSUER, "sub": "user-alice", "aud": "fintech", "iat": now, "exp": now + 60}
    forged = mint(claims, a_key("ES256", 1))
    for hint in (forged, "alice"):
        refused = await fintech.refused(login_hint=None, id_token_hint=hint)
        assert refused == (400, "invalid_request", "OIDC 3.1.2.2")


# User codes


@pytest.mark.spec("CIBA 13a", "CIBA 4c")
async def test_a_user_with_a_code_is_asked_only_with_it(fintech: Asking) -> None:
    assert await fintech.refused(login_hint="erin") == (400, "missing_user_code", "CIBA 13a")
    wrong = await fintech.refused(login_hint="erin", user_code="7392")
    assert wrong == (400, "invalid_user_code", "CIBA 13a")
    assert (await fintech.send(login_hint="erin", user_code="7391")).status_code == 200


async def test_user_codes_cannot_be_guessed(fintech: Asking) -> None:
    for guess in range(5):
        assert (await fintech.refused(login_hint="erin", user_code=str(guess)))[1] == "invalid_user_code"
    response = await fintech.send(login_hint="erin", user_code="7391")
    assert response.status_code == 429
    assert "retry-after" in response.headers
    assert (await fintech.send(login_hint="alice")).status_code == 200
    fintech.client.clock.advance(301)  # type: ignore[attr-defined]
    assert (await fintech.send(login_hint="erin", user_code="7391")).status_code == 200


async def test_a_wrong_request_costs_no_guess(fintech: Asking) -> None:
    for _ in range(9):
        await fintech.refused(login_hint="erin", user_code="0000", scope="accounts")
    assert (await fintech.send(login_hint="erin", user_code="7391")).status_code == 200


def test_the_metadata_say_whether_users_have_codes(fintech: Asking) -> None:
    name = "backchannel_user_code_parameter_supported"
    assert a_bank(users=USERS).server.metadata()[name] is True
    assert a_bank().server.metadata()[name] is False
