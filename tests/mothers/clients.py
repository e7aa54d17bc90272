"""Both clients behind one face, so that each test is written once and runs twice."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Self

from fapikit import PrivateKeyJWT
from rpkit import AsyncClient, Client
from tests.keys import a_key
from tests.mothers.fake_bank import CLIENT_ID, REDIRECT_URI, FakeBank

KINDS = ("sync", "async")
CLIENT_KEY = ("ES256", 1)


class Facade:
    """`AsyncClient` as if it were `Client`: each method runs to its end on one loop."""

    def __init__(self, client: AsyncClient, loop: asyncio.Runner) -> None:
        self._client, self._loop = client, loop
        self.bank = client.bank

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            result = method(*args, **kwargs)
            if isinstance(result, Coroutine):
                return self._loop.run(result)
            return ApiFacade(result, self._loop) if name == "api" else result

        return call


class ApiFacade:
    """An async httpx client as if it were a sync one."""

    def __init__(self, api: Any, loop: asyncio.Runner) -> None:
        self.api, self._loop = api, loop

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.run(self.api.aclose())

    @property
    def tokens(self) -> Any:
        return self.api.tokens

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.api, name)
        return lambda *args, **kwargs: self._loop.run(method(*args, **kwargs))


class Clients:
    """Makes clients of one kind; `close` ends their loop."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._loop = asyncio.Runner() if kind == "async" else None

    def discover(self, issuer: str, **options: Any) -> Any:
        if self._loop is None:
            return Client.discover(issuer, **options)
        return Facade(self._loop.run(AsyncClient.discover(issuer, **options)), self._loop)

    def once(self, method: str, *arguments: Any, **options: Any) -> Any:
        """A class method that makes no client, such as `register`."""
        if self._loop is None:
            return getattr(Client, method)(*arguments, **options)
        return self._loop.run(getattr(AsyncClient, method)(*arguments, **options))

    def of(self, bank: FakeBank, **options: Any) -> Any:
        """A client of this fake bank, signed in with a key of ours."""
        given = {
            "client_id": CLIENT_ID,
            "auth": PrivateKeyJWT(a_key(*CLIENT_KEY)),
            "redirect_uri": REDIRECT_URI,
            "http": bank.http(),
            "clock": bank.clock,
        }
        return self.discover(bank.issuer, **{**given, **options})

    def close(self) -> None:
        if self._loop is not None:
            self._loop.close()
