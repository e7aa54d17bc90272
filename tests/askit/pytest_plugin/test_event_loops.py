"""The async faces of a server in tests, on each event loop that a team may have."""

from __future__ import annotations

from typing import Any

import anyio.to_thread
import pytest
import trio

from fapikit import PrivateKeyJWT
from fapikit.errors import ConfigurationError
from rpkit import AsyncClient, Client
from tests.keys import a_key


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.anyio
async def test_a_token(async_access_token: Any) -> None:
    assert (await async_access_token(scope="accounts")).count(".") == 2


def discover(askit: Any) -> Client:
    return Client.discover(
        askit.issuer,
        client_id=askit.client_id,
        auth=PrivateKeyJWT(askit.client_key),
        redirect_uri=askit.redirect_uri,
        http=askit.http(),
    )


@pytest.mark.anyio
async def test_a_login_of_a_client_in_a_thread(askit: Any, async_signed_in: Any) -> None:
    client = await anyio.to_thread.run_sync(discover, askit)
    login = await async_signed_in(client, scope="openid accounts")
    assert (login.id_token.subject, login.tokens.scope) == ("alice", "openid accounts")
    client.close()


@pytest.mark.anyio
async def test_a_login_step_by_step_with_the_client_in_a_thread(askit: Any) -> None:
    in_a_thread = anyio.to_thread.run_sync
    client = await in_a_thread(discover, askit)
    start = await in_a_thread(lambda: client.begin(scope="openid accounts"))
    callback = await askit.async_browse(start.url)
    login = await in_a_thread(client.complete, callback, start.transaction)
    assert login.id_token is not None
    assert login.id_token.subject == "alice"
    client.close()


def test_an_async_client_under_trio_says_what_to_do_instead() -> None:
    async def discover() -> None:
        auth = PrivateKeyJWT(a_key("ES256", 1))
        await AsyncClient.discover("https://bank.example.test", client_id="x", auth=auth)

    with pytest.raises(ConfigurationError, match=r"trio\.to_thread"):
        trio.run(discover)
