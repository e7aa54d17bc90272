"""What the five servers log while they are used and abused: no token, code, verifier, assertion, proof or key."""

from __future__ import annotations

import json

import pytest

from examples.demo.bank import PASSWORD
from examples.demo.world import KEY_OWNERS, World
from fapikit_viewer import Recording, view_of
from tests.e2e.honest_customer import VERIFIER, HonestCustomer


@pytest.mark.spec("FAPI2-SP 6.5")
@pytest.mark.spec("FAPI1-BL 7.4")
@pytest.mark.spec("FAPI1-BL 7.4")
def test_neither_logs_nor_trace_show_a_secret(world: World, customer: HonestCustomer) -> None:
    url = world.accounts_resource
    token = customer.access_token(url)
    customer.redeem("a-code-that-never-was", code_verifier=VERIFIER)
    customer.call("GET", url, token)
    customer.call("GET", url, f"{token[:-4]}AAAA")
    customer.call("GET", url, token, proof="not.a.proof")
    secrets = {*customer.secrets, VERIFIER, PASSWORD, token[:-4]}
    for owner in KEY_OWNERS:
        secrets.add(json.loads(world.path(f"{owner}.jwk").read_text())["d"])
    logs = {
        path.name: path.read_text() for path in world.path("").iterdir() if path.suffix in (".log", ".jsonl")
    }
    assert {"bank.log", "bank2.log", "accounts.log", "payments.log", "fintech.log", "trace.jsonl"} <= set(
        logs
    )
    assert len(secrets) > 10
    _assert_told(world)
    shown = [(name, secret[:12]) for name, text in logs.items() for secret in secrets if secret in text]
    assert shown == []


def _assert_told(world: World) -> None:
    """In the flow viewer, the API's own words stand at the calls that it refused and at those that it let pass."""
    entries = view_of(Recording(world.path("trace.jsonl")).read_all())["entries"]
    calls = [entry for entry in entries if (entry["title"], entry["to"]) == ("GET /accounts", "accounts")]
    decided = {call["status"]: call["checks"] for call in calls}
    assert {line["party"] for line in decided[200]} == {"accounts"}
    assert [line["outcome"] for line in decided[401]] == ["failed"]
