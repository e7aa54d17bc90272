"""What an application that embeds askit asks of the server itself, without a request."""

from __future__ import annotations

import pytest

from tests.askit.bank import Bank

pytestmark = pytest.mark.anyio


async def test_the_server_tells_what_a_client_would_read() -> None:
    bank = Bank(issuer="https://as.example/one")
    async with bank.browser() as http:
        metadata = await http.get("https://as.example/.well-known/oauth-authorization-server/one")
        jwks = await http.get(metadata.json()["jwks_uri"])

    assert bank.server.metadata() == metadata.json()
    assert await bank.server.jwks() == jwks.json()
    assert bank.server.endpoint("token") == metadata.json()["token_endpoint"]
    assert bank.server.url("/one/token") == "https://as.example/one/token"
