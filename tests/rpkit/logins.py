"""Short ways to a login for tests that are about what comes before or after."""

from __future__ import annotations

from typing import Any

from tests.mothers.fake_bank import FakeBank

ACCOUNTS = "https://bank.example/accounts"
ORIGIN = "https://bank.example"


def signed_in(client: Any, bank: FakeBank, *, resource: str | None = None, **asked: Any) -> Any:
    """A whole login at the fake bank."""
    start = client.begin(**{"scope": "openid accounts", **asked})
    return client.complete(bank.authorize(start.url), start.transaction, resource=resource)


def api_of(client: Any, bank: FakeBank, tokens: Any, **options: Any) -> Any:
    """A client of the bank's API without a socket."""
    return client.api(tokens, **{"base_url": ORIGIN, "transport": bank.transport(), **options})
