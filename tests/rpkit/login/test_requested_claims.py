"""The `claims` parameter at the client: sent as it is given, and compared with what came."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from askit.pytest_plugin.running import RunningServer
from fapikit import PrivateKeyJWT
from fapikit.errors import ConfigurationError
from rpkit import AsyncClient, Client
from rpkit.errors import WrongRequestedClaim
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import FakeBank
from tests.rpkit.logins import signed_in


def lines_of(report: Any, outcome: str) -> list[str]:
    return [f"{check.name}: {check.detail}" for check in report if check.outcome == outcome]


def of_id_token(bank: FakeBank, claims: Mapping[str, Any]) -> None:
    bank.faults["id_token"] = lambda own: {**own, **claims}


@pytest.mark.spec("OIDC 5.5", "OIDC 5.5.1")
def test_what_is_not_essential_never_fails_and_is_reported(clients: Clients, bank: FakeBank) -> None:
    of_id_token(bank, {"email": "bob@example.test", "name": "Alice", "level": True})
    wishes = {
        "name": None,
        "nickname": None,
        "email": {"value": "alice@example.test"},
        "level": {"values": [1, 2]},
        "phone_number": {"essential": False},
    }
    login = signed_in(clients.of(bank), bank, claims={"id_token": wishes})
    assert "ID token: requested claim name: " in lines_of(login.report, "passed")
    assert lines_of(login.report, "noticed") == [
        "ID token: requested claim nickname: not given",
        "ID token: requested claim email: has a value that was not requested",
        "ID token: requested claim level: has a value that was not requested",
        "ID token: requested claim phone_number: not given",
    ]


@pytest.mark.spec("OIDC 5.5.1")
@pytest.mark.parametrize(
    ("wish", "value", "met"),
    [
        ({"essential": True}, 0, True),
        ({"essential": True}, False, True),
        ({"essential": True}, "", False),
        ({"essential": True, "value": 1}, True, False),
        ({"essential": True, "value": True}, 1, False),
        ({"essential": True, "value": {"a": [1]}}, {"a": [1]}, True),
        ({"essential": True, "value": {"a": [1]}}, {"a": [True]}, False),
        ({"essential": True, "values": ["a", None]}, "b", False),
    ],
)
def test_an_essential_claim_of_the_id_token_is_demanded_as_json(
    clients: Clients, bank: FakeBank, wish: dict[str, Any], value: Any, met: bool
) -> None:
    of_id_token(bank, {"claim": value})
    asked = {"claims": {"id_token": {"claim": wish}}}
    if met:
        assert signed_in(clients.of(bank), bank, **asked).report.downgrades == ()
        return
    with pytest.raises(WrongRequestedClaim, match="the essential claim claim is missing"):
        signed_in(clients.of(bank), bank, **asked)


@pytest.mark.spec("OIDC 5.5.1")
def test_the_answer_for_another_user_than_the_requested_one_is_refused(
    clients: Clients, bank: FakeBank
) -> None:
    for sub, refused in (("alice", False), ("bob", True)):
        asked = {"claims": {"id_token": {"sub": {"value": sub}}}}
        if refused:
            with pytest.raises(WrongRequestedClaim):
                signed_in(clients.of(bank), bank, **asked)
        else:
            assert signed_in(clients.of(bank), bank, **asked).id_token.subject == "alice"


@pytest.mark.spec("OIDC 5.5.1")
def test_userinfo_says_what_was_essential_and_not_given(clients: Clients, bank: FakeBank) -> None:
    wishes = {
        "name": {"essential": True},
        "email": {"essential": True},
        "zoneinfo": {"essential": True, "value": "Europe/London"},
        "nickname": None,
    }
    bank.user |= {"zoneinfo": "Europe/Paris"}
    client = clients.of(bank)
    found = client.userinfo(signed_in(client, bank, claims={"userinfo": wishes}))
    assert found.unmet == ("email", "zoneinfo")
    assert found.claims["zoneinfo"] == "Europe/Paris"
    assert lines_of(found.report, "noticed") == [
        "UserInfo: essential claim email: not given",
        "UserInfo: essential claim zoneinfo: has a value that was not requested",
        "UserInfo: requested claim nickname: not given",
    ]
    plain = client.userinfo(signed_in(client, bank))
    assert (plain.unmet, plain.report.downgrades) == ((), ())


WRONG: dict[str, tuple[Any, str]] = {
    "a list": (["email"], "claims must be a JSON object"),
    "nothing that is no object": ([], "claims must be a JSON object"),
    "a list of names": ({"id_token": ["email"]}, "claims.id_token must be an object of claim requests"),
    "true": ({"userinfo": {"email": True}}, "claims.userinfo.email must be null or an object"),
    "a word": (
        {"id_token": {"email": {"essential": "yes"}}},
        "claims.id_token.email.essential must be true or false",
    ),
    "one value": ({"id_token": {"acr": {"values": "x"}}}, "claims.id_token.acr.values must be an array"),
    "no value": ({"id_token": {"acr": {"values": []}}}, "claims.id_token.acr.values must be an array"),
    "both": (
        {"id_token": {"a": {"values": ["x"], "value": "x"}}},
        "claims.id_token.a.values must not stand beside",
    ),
}


@pytest.mark.spec("OIDC 5.5.1")
@pytest.mark.parametrize("what", WRONG)
def test_a_mistake_of_ones_own_is_named_before_anything_is_sent(
    what: str, clients: Clients, bank: FakeBank
) -> None:
    claims, said = WRONG[what]
    with pytest.raises(ConfigurationError, match=said):
        clients.of(bank).begin(claims=claims)
    assert bank.calls("par") == []


CLAIMS = {
    "id_token": {"email": {"essential": True}, "name": {"value": "Bob"}},
    "userinfo": {"email": {"essential": True}, "phone_number": {"essential": True}, "name": None},
}


def settings_of(askit: RunningServer[Any]) -> dict[str, Any]:
    return {
        "client_id": askit.client_id,
        "auth": PrivateKeyJWT(askit.client_key),
        "redirect_uri": askit.redirect_uri,
        "http": askit.http(),
    }


class TestAtAskit:
    """Over real sockets."""

    def test_it_is_asked_and_compared(self, askit: RunningServer[Any]) -> None:
        with Client.discover(askit.issuer, **settings_of(askit)) as client:
            start = client.begin(scope="openid", claims=CLAIMS)
            login = client.complete(askit.browse(start.url), start.transaction)
            found = client.userinfo(login)
        assert login.id_token.claims["email"] == "alice@example.test"
        assert lines_of(login.report, "noticed") == ["ID token: requested claim name: not given"]
        assert (found.claims["name"], found.unmet) == ("Alice", ("phone_number",))

    @pytest.mark.parametrize("anyio_backend", ["asyncio"])
    @pytest.mark.anyio
    async def test_with_asyncio(self, askit: RunningServer[Any], anyio_backend: str) -> None:
        async with await AsyncClient.discover(askit.issuer, **settings_of(askit)) as client:
            start = await client.begin(scope="openid", claims=CLAIMS)
            login = await client.complete(await askit.async_browse(start.url), start.transaction)
            assert (await client.userinfo(login)).unmet == ("phone_number",)
