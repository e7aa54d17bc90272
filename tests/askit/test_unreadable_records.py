"""What the store holds and this version did not write there: no request is decided by it, none is anybody's fault."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import httpx
import pytest

from askit.record_fields import read_record, reading
from askit.records import Grant, Record, SigningKeys
from fapikit import strict_json
from fapikit.errors import StoreError, StoreForgot, UnreadableRecord
from tests.askit.bank import Bank
from tests.askit.ciba.asking import POLL, Asking, a_bank
from tests.askit.plain_client import PlainClient
from tests.askit.registering import OPENER, register

pytestmark = pytest.mark.anyio

DAMAGES = {
    "no JSON": lambda value: b"\xff\xfe garbage",
    "of another version": lambda value: b'{"v":2}',
    "an array": lambda value: b"[1,2]",
    "its first bit turned": lambda value: bytes([value[0] ^ 1]) + value[1:],
    "cut short": lambda value: value[: len(value) // 2],
    "empty": lambda value: b"",
}
NOT_READ = ("registration", "login-known")
"""Compared as octets, or looked at for being there only."""


@dataclass
class Used:
    """A bank at which everything that it keeps has been written, and how to use each of those records again."""

    bank: Bank
    client: PlainClient
    tokens: dict[str, Any]
    code: str
    request_uri: str
    registered: dict[str, Any]
    auth_req_id: str

    async def calls(self) -> dict[str, httpx.Response]:
        """Each with a server that remembers nothing of its own."""
        http, tokens = self.client.http, self.tokens
        api = self.bank.client("accounts-api")
        return {
            "refresh": await self.client.refresh(tokens["refresh_token"]),
            "code": await self.client.redeem(self.code),
            "introspect": await api.introspect(tokens["access_token"]),
            "userinfo": await self.client.userinfo(tokens["access_token"]),
            "grants": await http.get("/grants"),
            "poll": await Asking(self.client).poll(self.auth_req_id),
            "authorize": await self.client.authorize(self.request_uri),
            "jwks": await http.get("/jwks"),
            "registered": await http.get(
                f"/register/{self.registered['client_id']}",
                headers={"authorization": f"Bearer {self.registered['registration_access_token']}"},
            ),
            "end_session": await http.get("/end_session"),
        }

    def restart(self) -> None:
        """As a process that has just begun: what it holds of the store's is gone."""
        keys = self.bank.server.core.keys
        keys._rings.clear()
        keys._secret = keys._nonces = None


@pytest.fixture
async def used() -> Used:
    bank = a_bank(POLL, initial_access_token=OPENER)
    client = bank.client()
    auth_req_id = await Asking(client).started()
    code = await client.code()
    tokens = (await client.redeem(code)).json()
    registered = (await register(bank)).json()
    return Used(bank, client, tokens, code, await client.pushed(), registered, auth_req_id)


@pytest.mark.parametrize("damage", DAMAGES)
async def test_every_endpoint_says_that_it_cannot_decide(used: Used, damage: str) -> None:
    honest = {name: answer.status_code for name, answer in (await used.calls()).items()}
    assert max(honest.values()) < 500, honest
    entries = used.bank.store._entries
    for key, (value, until) in list(entries.items()):
        if key.startswith("as:") and key.split(":")[2] not in NOT_READ:
            entries[key] = (DAMAGES[damage](value), until)
    used.restart()
    answers = await used.calls()
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 503)
    for name, answer in answers.items():
        assert int(answer.headers["retry-after"]) > 0, name


async def test_how_long_a_store_that_forgot_is_waited_for_is_told(
    used: Used, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def forgot(*_: Any) -> None:
        raise StoreForgot("emptied", retry_after=80.2)

    monkeypatch.setattr(used.bank.store, "aget", forgot)
    used.restart()
    answers = await used.calls()
    assert {answer.status_code for answer in answers.values()} == {503}
    assert {answer.headers["retry-after"] for answer in answers.values()} == {"81"}


# --- one record: a valid one, and one mutation for each thing that it must be ---

GRANT: dict[str, Any] = {
    "grant_id": "g",
    "client_id": "fintech",
    "username": "alice",
    "sub": "user-alice",
    "scopes": ["accounts"],
    "resources": [],
    "authorization_details": [{"type": "payment"}],
    "created_at": 1.5,
    "expires_at": 2,
    "auth_time": 1,
    "acr": "pwd",
}


def test_a_record_is_read_as_it_was_dumped() -> None:
    grant = read_record(Grant, strict_json.dump(GRANT | {"later": "version"}))
    assert grant.scopes == ("accounts",)
    assert grant.authorization_details == ({"type": "payment"},)
    assert (grant.expires_at, grant.claims, grant.session_id) == (2, {}, "")
    assert read_record(Grant, grant.dump()) == grant


@pytest.mark.parametrize(
    "name, value",
    [
        ("grant_id", None),
        ("grant_id", 7),
        ("scopes", "accounts"),
        ("scopes", ["accounts", 7]),
        ("scopes", None),
        ("authorization_details", ["payment"]),
        ("expires_at", "2"),
        ("expires_at", True),
        ("auth_time", 1.5),
        ("auth_time", True),
        ("claims", []),
        ("session_id", {}),
    ],
)
def test_a_member_of_another_type_is_no_record(name: str, value: Any) -> None:
    with pytest.raises(UnreadableRecord) as refused, reading("grant"):
        read_record(Grant, strict_json.dump(GRANT | {name: value}))
    assert isinstance(refused.value, StoreError)
    assert refused.value.facts == {"record": "grant", "why": "TypeError"}


@pytest.mark.parametrize("name", GRANT)
def test_a_member_that_is_missing_is_no_record(name: str) -> None:
    with pytest.raises(UnreadableRecord), reading("grant"):
        read_record(Grant, strict_json.dump({key: value for key, value in GRANT.items() if key != name}))


def test_what_is_stored_is_not_quoted() -> None:
    with pytest.raises(UnreadableRecord) as refused, reading("grant"):
        read_record(Grant, b'{"refresh_token": "secret"')
    assert "secret" not in f"{refused.value} {refused.value.facts} {refused.value.__cause__}"
    keys = SigningKeys(current={"d": "secret"}, since=1.0, next={"d": "secret"}, retired=({"d": "secret"},))
    assert "secret" not in repr(keys)


def test_every_type_of_a_field_is_one_that_reading_knows() -> None:
    """A type that it does not know would be taken for an object."""
    known = {"str", "int", "float", "bool", "str | None", "int | None", "tuple[str, ...]"} | {
        "Mapping[str, Any]",
        "Mapping[str, Any] | None",
        "tuple[Mapping[str, Any], ...]",
        "tuple[str, ...] | None",
    }
    assert {entry.type for kind in Record.__subclasses__() for entry in fields(kind)} <= known
