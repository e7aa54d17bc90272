"""The scanner against servers: uvicorn, one or two, over sockets that write each request as it is."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import asgi_mw
from fapikit import MemoryStore
from rskit.attacks import Answer, Headers, Reach, ScanReport, find_holes
from rskit.testing import Mint
from tests.rskit.live.running import uvicorn_at
from tests.rskit.mothers import RESOURCE
from tests.rskit.skins import starlette_app

RULES = {"/accounts": {"scopes": ("accounts",)}}


def sender(base: str) -> Any:
    """One connection for each request, for a refusal may end it."""
    host, port = urlsplit(base).hostname or "", urlsplit(base).port

    def target(method: str, target: str, headers: Headers, body: bytes = b"") -> Answer:
        connection = http.client.HTTPConnection(host, port, timeout=10)
        with contextlib.closing(connection):
            named = any(name.lower() == "host" for name, _ in headers)
            connection.putrequest(method, target, skip_host=named, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value)
            if body:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body or None)
            response = connection.getresponse()
            return Answer(response.status, tuple(response.getheaders()), response.read())

    def send(method: str, url: str, headers: Headers, body: bytes = b"") -> Answer:
        return target(method, "/" + url.partition("://")[2].partition("/")[2], headers, body)

    send.target = target  # type: ignore[attr-defined]
    return send


@contextlib.contextmanager
def workers(mint: Mint, stores: list[MemoryStore]) -> Iterator[list[Any]]:
    with contextlib.ExitStack() as stack:
        sends = []
        for store in stores:
            server = mint.resource_server(RESOURCE, profile="fapi2-security", store=store, nonces=b"n" * 32)
            app = asgi_mw.Protect(starlette_app(RULES), server)
            sends.append(sender(stack.enter_context(uvicorn_at(app))))
        yield sends


def scan(stores: list[MemoryStore]) -> ScanReport:
    mint = Mint()
    with workers(mint, stores) as sends, ThreadPoolExecutor(4) as executor:
        reach = Reach(workers=sends[1:], executor=executor, only_bound=True)
        return find_holes(sends[0], mint, "GET", f"{RESOURCE}/accounts", reach=reach, scope="accounts")


def test_two_workers_that_share_their_marks_have_no_hole():
    shared = MemoryStore()
    report = scan([shared, shared])
    assert report == [], report.text()
    assert report.requests > 500
    unseen = {item.what for item in report.not_looked_at}
    assert unseen.isdisjoint(
        {"requests that send does not make", "request targets as they are written", "nonces"}
    )


def test_a_proof_that_passes_once_at_each_worker_is_found():
    assert scan([MemoryStore(), MemoryStore()]) == ["a proof that was used at another worker: 200"]
