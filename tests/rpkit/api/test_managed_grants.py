"""Grants at a bank that tells of them in its own way, or wrongly."""

from __future__ import annotations

from typing import Any

import pytest

from fapikit.errors import ConfigurationError, MalformedMessage, MissingMetadata, PeerRefused
from rpkit import TokenSet
from rpkit.errors import NoSuchGrant, ServerBusy
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import FakeBank
from tests.rpkit.logins import signed_in

GRANT_ID = "grant-1"
HELD: dict[str, Any] = {
    "scopes": [{"scope": "accounts", "resource": ["https://bank.example/accounts"]}, {"scope": "openid"}],
    "claims": ["email"],
    "authorization_details": [{"type": "payment", "amount": "1.00"}],
    "created_at": 1_700_000_000,
    "last_updated_at": 1_700_000_060,
    "expires_at": 1_800_000_000,
    "updated_by": "client",
}


@pytest.fixture
def bank() -> FakeBank:
    """A bank that manages grants, under a URL with a slash at its end."""
    bank = FakeBank()
    actions = ["create", "merge", "replace", "query", "revoke"]
    bank.faults["metadata"] = lambda document: {
        **document,
        "grant_management_endpoint": bank.url("grants/"),
        "grant_management_actions_supported": actions,
    }
    bank.faults[f"api_{GRANT_ID}"] = lambda _call: (200, {}, HELD)
    return bank


@pytest.mark.spec("GM 6.1", "GM 6.3", "GM 6.4")
def test_a_grant_is_queried_with_a_token_of_the_client_itself(clients: Clients, bank: FakeBank) -> None:
    held = clients.of(bank).query_grant(GRANT_ID)
    asked = bank.calls("token")[-1]
    assert asked.form["grant_type"] == "client_credentials"
    assert asked.form["scope"] == "grant_management_query"
    assert "resource" not in asked.form
    queried = bank.calls(GRANT_ID)[-1]
    assert (queried.method, queried.path) == (
        "GET",
        f"{bank.url('grants').partition('example')[2]}/{GRANT_ID}",
    )
    assert queried.headers["authorization"].startswith("DPoP ")
    assert [(each.scope, each.resources) for each in held.scopes] == [
        ("accounts", ("https://bank.example/accounts",)),
        ("openid", ()),
    ]
    assert (held.claims, held.updated_by, held.expires_at) == (("email",), "client", 1_800_000_000)
    assert held.authorization_details == ({"type": "payment", "amount": "1.00"},)
    assert held.members == HELD


@pytest.mark.spec("GM 6.4")
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"last_updated_at": None, "last_updated": 7}, {"last_updated_at": 7.0}),
        ({"created_at": "1700000000"}, {"created_at": 1_700_000_000.0}),
        ({"scopes": [{"scope": "a b", "resource": "https://one.example"}]}, {}),
        ({"scopes": None, "claims": None, "authorization_details": None}, {"claims": (), "scopes": ()}),
        ({"updated_by": ["x"]}, {"updated_by": None}),
    ],
)
def test_what_decides_nothing_is_borne(
    clients: Clients, bank: FakeBank, changes: dict[str, Any], told: dict[str, Any]
) -> None:
    bank.faults[f"api_{GRANT_ID}"] = lambda _call: (200, {}, {**HELD, **changes})
    held = clients.of(bank).query_grant(GRANT_ID)
    assert {name: getattr(held, name) for name in told} == told


@pytest.mark.parametrize(
    "changes",
    [
        {"scopes": ["accounts"]},
        {"scopes": [{"resource": []}]},
        {"scopes": [{"scope": "a", "resource": {}}]},
        {"claims": "email"},
        {"authorization_details": [{"amount": "1.00"}]},
        {"authorization_details": {"type": "payment"}},
    ],
)
def test_what_a_grant_holds_is_read_strictly(
    clients: Clients, bank: FakeBank, changes: dict[str, Any]
) -> None:
    bank.faults[f"api_{GRANT_ID}"] = lambda _call: (200, {}, {**HELD, **changes})
    with pytest.raises(MalformedMessage):
        clients.of(bank).query_grant(GRANT_ID)


@pytest.mark.spec("GM 6.4", "GM 6.6")
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((404, {}, {}), NoSuchGrant),
        ((403, {}, {"error": "unauthorized_client"}), PeerRefused),
        ((401, {"www-authenticate": 'DPoP error="invalid_token"'}, {}), PeerRefused),
        ((503, {"retry-after": "7"}, {}), ServerBusy),
        ((200, {}, {"error": "access_denied"}), PeerRefused),
    ],
)
def test_a_refusal_is_told(
    clients: Clients, bank: FakeBank, answer: tuple[int, dict[str, str], Any], error: type[Exception]
) -> None:
    bank.faults[f"api_{GRANT_ID}"] = lambda _call: answer
    client = clients.of(bank)
    with pytest.raises(error):
        client.query_grant(GRANT_ID)
    if answer[0] >= 400:
        with pytest.raises(error):
            client.revoke_grant(GRANT_ID)


def managed(client: Any, bank: FakeBank) -> TokenSet:
    bank.faults["token"] = lambda members: {**members, "grant_id": GRANT_ID}
    tokens: TokenSet = signed_in(client, bank, grant_management_action="create").tokens
    return tokens


@pytest.mark.spec("GM 6.5")
def test_a_revoked_grant_leaves_no_stored_tokens_and_a_refused_one_does(
    clients: Clients, bank: FakeBank
) -> None:
    client = clients.of(bank)
    answers = {"refused": (403, {}, {}), "ended": (204, {}, b""), "gone": (404, {}, {})}
    for answer, error, stays in (
        ("refused", Exception, True),
        ("ended", None, False),
        ("gone", NoSuchGrant, False),
    ):
        tokens = client.save_tokens("alice", managed(client, bank))
        bank.faults[f"api_{GRANT_ID}"] = lambda _call, answer=answer: answers[answer]
        if error is None:
            client.revoke_grant(tokens)
        else:
            with pytest.raises(error):
                client.revoke_grant(tokens)
        assert (client.load_tokens("alice") is not None) == stays
    assert bank.calls(GRANT_ID)[-1].method == "DELETE"


@pytest.mark.spec("GM 7.1")
def test_what_the_bank_does_not_list_is_not_asked_for(clients: Clients) -> None:
    bank = FakeBank()
    client = clients.of(bank)
    for ask in (client.query_grant, client.revoke_grant):
        with pytest.raises(ConfigurationError, match="lists nothing"):
            ask(GRANT_ID)
    with pytest.raises(ConfigurationError, match="does not let clients create grants"):
        client.begin(grant_management_action="create")
    bank.faults["metadata"] = lambda document: {**document, "grant_management_actions_supported": ["query"]}
    with pytest.raises(MissingMetadata, match="grant_management_endpoint"):
        clients.of(bank).query_grant(GRANT_ID)
    assert not bank.calls("par")
    assert not bank.calls("token")


@pytest.mark.spec("GM 5.4", "GM 7.1")
def test_where_the_bank_wants_an_action_each_request_has_one(clients: Clients, bank: FakeBank) -> None:
    listing = bank.faults["metadata"]
    bank.faults["metadata"] = lambda document: {
        **listing(document),
        "grant_management_action_required": True,
    }
    client = clients.of(bank)
    with pytest.raises(ConfigurationError, match="wants an action in every request"):
        client.begin()
    with pytest.raises(ConfigurationError, match="wants an action in every request"):
        client.device()
    client.begin(grant_management_action="create")
    assert bank.calls("par")[-1].form["grant_management_action"] == "create"


@pytest.mark.spec("GM 5.5")
@pytest.mark.parametrize(
    ("got", "outcome", "grant_id"),
    [
        (GRANT_ID, "passed", GRANT_ID),
        ("another", "noticed", "another"),
        (None, "noticed", None),
        ("not/safe", "noticed", None),
        ("..", "noticed", None),
    ],
)
def test_the_report_says_whether_the_grant_was_named(
    clients: Clients, bank: FakeBank, got: str | None, outcome: str, grant_id: str | None
) -> None:
    bank.faults["token"] = lambda members: {**members, "grant_id": got, "scope": "openid accounts earlier"}
    login = signed_in(clients.of(bank), bank, grant_management_action="merge", grant_id=GRANT_ID)
    (check,) = [each for each in login.report if each.clause == "GM 5.5"]
    assert check.outcome == outcome
    assert login.tokens.grant_id == grant_id
    assert "grant_id" not in login.tokens.further_members


def test_a_token_set_keeps_the_name_of_its_grant(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    tokens = managed(client, bank)
    again = TokenSet.from_bytes(tokens.to_bytes())
    assert again.grant_id == GRANT_ID
    del bank.faults["token"]
    assert client.refresh(again).grant_id == GRANT_ID
    plain = signed_in(client, bank).tokens
    assert plain.grant_id is None
    assert b"grant_id" not in plain.to_bytes()
