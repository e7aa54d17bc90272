"""Who acts for the subject of a token: the outermost actor is shown, whatever kind the token is of."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rskit import CannotDecide
from tests.hands import Hand
from tests.rskit.introspecting import METADATA, OPAQUE, asking, says
from tests.rskit.mothers import a_server, a_token, a_view, allowed, decide

CHAIN = {
    "sub": "ledger-api",
    "iss": "https://as.example",
    "act": {"sub": "accounts-api", "act": {"sub": "bob"}},
}


def token_with(act: Any, kind: str) -> Any:
    if kind == "jwt":
        return allowed(a_server(), a_view(f"Bearer {a_token(act=act)}"))
    server = a_server(issuers=[asking()])
    return allowed(server, a_view(f"Bearer {OPAQUE}"), Hand(METADATA, says(act=act)))


@pytest.mark.spec("RFC 8693 4.1b")
@pytest.mark.parametrize("kind", ["jwt", "introspected"])
def test_the_outermost_actor_is_shown_and_those_before_it_only_in_the_claims(kind: str) -> None:
    token = token_with(CHAIN, kind)
    assert token.actor == {"sub": "ledger-api", "iss": "https://as.example"}
    assert (token.subject, token.display_name) == ("alice", "alice")
    assert json.loads(json.dumps(token.claims["act"])) == CHAIN
    with pytest.raises(TypeError):
        token.actor["sub"] = "somebody else"


@pytest.mark.parametrize("kind", ["jwt", "introspected"])
def test_without_an_actor_the_subject_acts(kind: str) -> None:
    assert token_with(None, kind).actor is None


def test_an_answer_whose_actor_cannot_be_read_decides_nothing() -> None:
    server = a_server(issuers=[asking()])
    decision = decide(server, a_view(f"Bearer {OPAQUE}"), Hand(METADATA, says(act="accounts-api")))
    assert isinstance(decision, CannotDecide)
