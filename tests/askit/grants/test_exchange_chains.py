"""Whatever is exchanged for what, by whom and when: nothing is ever worth more than the token that it began with."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from askit.issuing.tokens import find_access_token
from askit.pytest_plugin.access_tokens import make_access_token
from askit.records import AccessToken
from tests.askit.bank import Bank
from tests.askit.grants.exchanging import LEDGER, RULE, a_bank, form
from tests.askit.plain_client import ACCOUNTS, PAYMENT, PAYMENTS
from tests.keys import a_key

KEYS = {
    "fintech": a_key("ES256", 11),
    "accounts-api": a_key("ES256", 21),
    "payments-api": a_key("ES256", 23),
}
OF = {ACCOUNTS: "accounts-api", PAYMENTS: "payments-api", LEDGER: "payments-api"}
ALLOWED = {"fintech": set(), "accounts-api": {LEDGER}, "payments-api": {ACCOUNTS}}
RULES = [RULE, {**RULE, "clients": ["payments-api"], "resources": [ACCOUNTS], "impersonation": True}]
SCOPES = ("accounts", "balances", "payments", "openid")


class Step(NamedTuple):
    """An exchange of the `token`-th token by a client, with a key of its own or a stranger's."""

    token: int
    by: str
    scope: tuple[str, ...]
    resource: str | None
    details: list[Any] | None
    key: str
    wait: int


STEPS = st.builds(
    Step,
    token=st.integers(0, 5),
    by=st.sampled_from(sorted(KEYS)),
    scope=st.lists(st.sampled_from(SCOPES), unique=True, max_size=3).map(tuple),
    resource=st.sampled_from([None, ACCOUNTS, PAYMENTS, LEDGER]),
    details=st.sampled_from(
        [None, [PAYMENT], [{"creditorName": "Merchant A"}], [{**PAYMENT, "creditorName": "B"}]]
    ),
    key=st.sampled_from(["own", "own", "own", "fintech", "accounts-api"]),
    wait=st.integers(0, 120),
)
FIRST = st.sampled_from(
    [("accounts balances openid", ACCOUNTS), ("payments openid", PAYMENTS), ("accounts", LEDGER)]
)


def depth(act: Any) -> int:
    return 0 if act is None else 1 + depth(act.get("act"))


@pytest.mark.spec("RFC 8693 5")
@settings(max_examples=60, deadline=None)
@given(first=FIRST, steps=st.lists(STEPS, min_size=1, max_size=12))
def test_no_chain_of_exchanges_grows(first: tuple[str, str], steps: list[Step]) -> None:
    asyncio.run(_play(first, steps))


async def _play(first: tuple[str, str], steps: list[Step]) -> None:
    bank = a_bank(*RULES)
    core, (scope, resource) = bank.server.core, first
    bound = {"jkt": KEYS["fintech"].thumbprint}
    details = (PAYMENT,) if resource == PAYMENTS else ()
    tokens = [
        await make_access_token(
            core,
            scope=scope,
            resource=resource,
            client_id="fintech",
            cnf=bound,
            authorization_details=details,
        )
    ]
    for step in steps:
        bank.clock.advance(step.wait)
        token = tokens[step.token % len(tokens)]
        before = await find_access_token(core, token)
        answer = await _exchange(bank, token, step)
        if answer is None:
            continue
        after = await find_access_token(core, answer["access_token"])
        assert before is not None, "a token that had ended was exchanged"
        assert after is not None
        _compare(before, after, step)
        tokens.append(answer["access_token"])


async def _exchange(bank: Bank, token: str, step: Step) -> dict[str, Any] | None:
    key = KEYS[step.by if step.key == "own" else step.key]
    client = bank.client(step.by, dpop_key=key)
    scope = " ".join(step.scope) or None
    asked = form(token, scope=scope, resource=step.resource, authorization_details=step.details)
    response = await client.token(asked)
    if response.status_code == 200:
        return dict(response.json())
    assert response.status_code == 400, response.text
    assert response.json()["error"] in (
        "invalid_request", "invalid_scope", "invalid_target", "invalid_authorization_details"
    )  # fmt: skip
    return None


def _compare(before: AccessToken, after: AccessToken, step: Step) -> None:
    assert set(after.scopes) <= set(before.scopes)
    assert all(detail in before.authorization_details for detail in after.authorization_details)
    assert after.expires_at <= before.expires_at
    assert after.audience in {before.audience, *ALLOWED[step.by]}
    assert (after.sub, after.client_id, after.grant_id) == (before.sub, step.by, before.grant_id)
    own, received = before.client_id == step.by, OF[before.audience] == step.by
    assert own or received
    # The new token is bound. If the old one is not this API's to vouch for, it is bound to the very same key.
    assert after.jkt == KEYS[step.by if step.key == "own" else step.key].thumbprint
    if not received:
        assert after.jkt == before.jkt
    silent = own or step.by == "payments-api"  # which may impersonate
    assert depth(after.act) == depth(before.act) + (0 if silent else 1)
    if not silent:
        assert after.act == {"sub": step.by} | ({} if before.act is None else {"act": before.act})
