"""An API polls the bank: it was down for a while, and has lost nothing. Through either middleware, over sockets."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import httpx
import pytest
from werkzeug.serving import make_server

import asgi_mw
import wsgi_mw
from askit.pytest_plugin.hosts import Hosts
from askit.pytest_plugin.running import API_CLIENT_ID, RESOURCE
from fapikit import MemoryStore
from fapikit.signals.polling import Polling
from fapikit.signals.transmitters import Transmitter
from rpkit import Client
from rskit import Denylist, Issuer, ResourceServer, SignalReceiver
from tests.askit.signals.bank import Bank, Browser, Receiver, a_bank, client_of, text_of, token_for
from tests.rskit.live.running import uvicorn_at
from tests.rskit.skins import flask_app, starlette_app

RULES: dict[str, Any] = {"/accounts": {}}


@pytest.fixture(scope="module")
def bank(askit_hosts: Hosts) -> Iterator[Bank]:
    with a_bank(askit_hosts) as server:
        yield server


@contextmanager
def an_api(skin: str, bank: Bank, store: MemoryStore, endpoint: str) -> Iterator[Callable[[str], int]]:
    """A process of the API; yields the status of a call with a token."""
    with client_of(bank, API_CLIENT_ID) as client:
        yield from _an_api(skin, bank, store, endpoint, client)


def _an_api(
    skin: str, bank: Bank, store: MemoryStore, endpoint: str, client: Client
) -> Iterator[Callable[[str], int]]:
    denylist = Denylist()
    server = ResourceServer(
        resource=RESOURCE, issuers=[Issuer(bank.issuer)], denylist=denylist, http=bank.http()
    )

    def connect() -> Any:
        return client.api(client.client_credentials(scope="ssf.read"), base_url=endpoint)

    async def connect_async() -> Any:
        token = await asyncio.to_thread(token_for, bank, "ssf.read")
        return httpx.AsyncClient(verify=bank.http().tls, headers={"authorization": f"Bearer {token}"})

    receiver = SignalReceiver(
        Transmitter(issuer=bank.issuer, audience=API_CLIENT_ID),
        denylist=denylist,
        store=store,
        token_lifetime=300,
        polling=Polling(endpoint=endpoint, connect=connect_async if skin == "asgi" else connect),
        http=bank.http(),
    )

    def calling(url: str) -> Callable[[str], int]:
        return lambda token: (
            httpx.get(f"{url}/accounts", headers={"authorization": f"Bearer {token}"}).status_code
        )

    if skin == "asgi":
        app = asgi_mw.ReceiveEvents(asgi_mw.Protect(starlette_app(RULES), server), receiver)
        with uvicorn_at(app) as url:
            yield calling(url)
        return
    api = wsgi_mw.ReceiveEvents(wsgi_mw.Protect(flask_app(RULES).wsgi_app, server), receiver)
    serving = make_server("127.0.0.1", 0, api, threaded=True)
    thread = threading.Thread(target=serving.serve_forever, daemon=True)
    thread.start()
    try:
        yield calling(f"http://127.0.0.1:{serving.server_port}")
    finally:
        serving.shutdown()
        thread.join()
        receiver.close()
        server.close()


def refused_soon(status: Callable[[str], int], token: str) -> None:
    give_up = time.monotonic() + 15
    while status(token) == 200:
        assert time.monotonic() < give_up, "the API did not hear of it"
        threading.Event().wait(0.05)
    assert status(token) == 401


@pytest.mark.spec("RFC 8936 2.2", "RFC 8936 2.3", "RFC 8936 2.4", "FAPI2-SP 5.3.4-3", "SSF 6.1")
def test_an_api_that_was_down_for_a_while_loses_nothing(bank: Bank) -> None:
    store = MemoryStore()
    with closing(Receiver(bank)) as manager, client_of(bank) as client:
        stream = manager.create().json()
        endpoint = stream["delivery"]["endpoint_url"]
        browsers = [Browser(bank) for _ in range(4)]
        first, *others = [text_of(browser.sign_in(client)) for browser in browsers]
        staying = others.pop()
        with an_api("asgi", bank, store, endpoint) as status:
            assert [status(token) for token in (first, *others, staying)] == [200] * 4
            browsers[0].sign_out()
            refused_soon(status, first)
        for browser in browsers[1:3]:  # nobody is there to hear it
            browser.sign_out()
        with an_api("wsgi", bank, store, endpoint) as status:
            for token in (*others, first):
                refused_soon(status, token)
            assert status(staying) == 200
        for browser in browsers:
            browser.close()
        give_up = time.monotonic() + 10
        while manager.poll(stream).json()["sets"]:
            assert time.monotonic() < give_up, "all was acknowledged"


def test_a_receiver_without_polling_says_so(bank: Bank) -> None:
    from fapikit.errors import ConfigurationError

    receiver = SignalReceiver(
        Transmitter(issuer=bank.issuer, audience=API_CLIENT_ID),
        denylist=Denylist(),
        store=MemoryStore(),
        token_lifetime=300,
    )
    with pytest.raises(ConfigurationError, match="polling="):
        receiver.poll()
