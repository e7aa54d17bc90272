"""The two drivers over real sockets: what is sent, what is refused, and how clients live and end."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from fapikit import FAPI2_SECURITY, HttpSettings, MemoryStore, Profile
from fapikit.errors import (
    ConfigurationError,
    DeadlineExceeded,
    InsecureUrl,
    Remedy,
    ResponseTooLarge,
    TransportError,
    UnexpectedRedirect,
    Unreachable,
)
from fapikit.flow import Flow, http, run_pure, sign, store_add, store_get, store_put, store_swap, store_take
from fapikit.http_message import HttpRequest, HttpResponse, form_request
from fapikit.io import AsyncDriver, SyncDriver
from tests.keys import a_key
from tests.servers import dripping, free_port

Run = Callable[[Flow[Any]], Any]


def run_sync(flow: Flow[Any], http_settings: HttpSettings | None = None) -> Any:
    driver = SyncDriver(http_settings)
    try:
        return driver.run(flow)
    finally:
        driver.close()


def run_async(flow: Flow[Any], http_settings: HttpSettings | None = None) -> Any:
    async def main() -> Any:
        driver = AsyncDriver(http_settings)
        try:
            return await driver.run(flow)
        finally:
            await driver.aclose()

    return asyncio.run(main())


both = pytest.mark.parametrize("run", [run_sync, run_async], ids=["sync", "async"])


@both
def test_sends_a_form_as_it_is(run: Run, httpserver: HTTPServer) -> None:
    seen: list[Request] = []

    def answer(request: Request) -> Response:
        seen.append(request)
        request.get_data()
        return Response(b'{"ok":1}', 201, [("Content-Type", "application/json"), ("X-A", "1"), ("X-A", "2")])

    httpserver.expect_request("/token").respond_with_handler(answer)
    url = httpserver.url_for("/token")
    response: HttpResponse = run(http(form_request(url, [("a", "b c"), ("r", "1"), ("r", "2")])))
    assert (response.status, response.body, response.url) == (201, b'{"ok":1}', url)
    assert response.all("x-a") == ["1", "2"]
    assert response.header("x-a") is None
    assert response.media_type == "application/json"
    (request,) = seen
    assert request.get_data() == b"a=b+c&r=1&r=2"
    assert request.headers["accept"] == "application/json"
    assert request.headers["accept-encoding"] == "identity"


@both
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_follows_no_redirect(run: Run, httpserver: HTTPServer, status: int) -> None:
    httpserver.expect_request("/a").respond_with_data(b"", status, [("Location", httpserver.url_for("/b"))])
    with pytest.raises(UnexpectedRedirect) as refused:
        run(http(HttpRequest("GET", httpserver.url_for("/a?secret=1"))))
    assert "secret" not in str(refused.value)
    assert len(httpserver.log) == 1


@both
def test_reads_no_more_than_it_was_told(run: Run, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/big").respond_with_data(b"x" * 5000)
    url = httpserver.url_for("/big")
    assert len(run(http(HttpRequest("GET", url, max_bytes=5000))).body) == 5000
    with pytest.raises(ResponseTooLarge):
        run(http(HttpRequest("GET", url, max_bytes=4999)))


@both
def test_takes_no_compressed_bomb_apart(run: Run, httpserver: HTTPServer) -> None:
    bomb = gzip.compress(b"0" * 1_000_000)
    httpserver.expect_request("/bomb").respond_with_data(bomb, headers={"Content-Encoding": "gzip"})
    with pytest.raises(ResponseTooLarge):
        run(http(HttpRequest("GET", httpserver.url_for("/bomb"))))


@both
@pytest.mark.parametrize("coding", ["gzip", "X-GZIP", "deflate"])
def test_what_a_server_packed_unasked_is_read(run: Run, coding: str, httpserver: HTTPServer) -> None:
    packed = (zlib if coding == "deflate" else gzip).compress(b'{"a":1}')
    httpserver.expect_request("/packed").respond_with_data(packed, headers={"Content-Encoding": coding})
    response = run(http(HttpRequest("GET", httpserver.url_for("/packed"))))
    assert response.body == b'{"a":1}'
    assert response.header("content-encoding") is None


@both
@pytest.mark.parametrize("coding", ["br", "gzip"])
def test_what_cannot_be_unpacked_stays_as_it_came(run: Run, coding: str, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/x").respond_with_data(b"\x0b\x02", headers={"Content-Encoding": coding})
    response = run(http(HttpRequest("GET", httpserver.url_for("/x"))))
    assert (response.body, response.header("content-encoding")) == (b"\x0b\x02", coding)


@both
def test_a_cookie_of_one_login_does_not_come_with_the_next(run: Run, httpserver: HTTPServer) -> None:
    seen: list[str | None] = []

    def answer(request: Request) -> Response:
        seen.append(request.headers.get("Cookie"))
        return Response(b"", 200, [("Set-Cookie", "sid=alice; Path=/")])

    httpserver.expect_request("/c").respond_with_handler(answer)

    def two() -> Flow[None]:
        for _ in range(2):
            yield from http(HttpRequest("GET", httpserver.url_for("/c")))

    run(two())
    assert seen == [None, None]


@both
def test_gives_up_in_time(run: Run, httpserver: HTTPServer) -> None:
    release = threading.Event()

    def answer(_: Request) -> Response:
        release.wait(3)
        return Response(b"late")

    httpserver.expect_request("/slow").respond_with_handler(answer)
    with pytest.raises(Unreachable):
        run(http(HttpRequest("GET", httpserver.url_for("/slow"), timeout=0.1)))
    release.set()


@both
def test_a_proxy_that_is_configured_is_asked(
    run: Callable[[Flow[Any], HttpSettings], Any], httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/x", headers={"host": "127.0.0.1:1"}).respond_with_data(b"by the proxy")
    request = HttpRequest("GET", "http://127.0.0.1:1/x")
    assert run(http(request), HttpSettings(proxy=httpserver.url_for("/"))).body == b"by the proxy"


@both
def test_a_proxy_that_drips_ends_with_the_deadline(run: Callable[[Flow[Any], HttpSettings], Any]) -> None:
    with dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ") as proxy:
        started = time.monotonic()
        with pytest.raises(Unreachable):
            run(http(HttpRequest("GET", "https://as.example/", timeout=0.3)), HttpSettings(proxy=proxy))
        assert 0.25 < time.monotonic() - started < 1.5


@both
def test_a_closed_port_is_unreachable(run: Run) -> None:
    with pytest.raises(Unreachable) as refused:
        run(http(HttpRequest("GET", f"http://127.0.0.1:{free_port()}/?code=secret")))
    assert refused.value.facts["why"] == "ConnectError: Connection refused"
    assert refused.value.remedy is Remedy.RETRY_LATER
    assert "secret" not in str(refused.value)


@both
def test_a_server_that_breaks_off_the_handshake_is_said(run: Run) -> None:
    """As one does that takes none of the offered cipher suites, and sends no alert."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def break_off() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)

        thread = threading.Thread(target=break_off)
        thread.start()
        with pytest.raises(Unreachable) as refused:
            run(http(HttpRequest("GET", f"https://127.0.0.1:{listening.getsockname()[1]}/")))
        thread.join()
    assert refused.value.facts["why"] == (
        "ConnectError: the server broke off TLS; it may take none of the versions and cipher suites that the profile"
        " allows"
    )


@both
def test_a_name_that_is_not_found_is_said(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def not_found(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    monkeypatch.setattr(socket, "getaddrinfo", not_found)
    with pytest.raises(Unreachable) as refused:
        run(http(HttpRequest("GET", "https://no-such-host.invalid/")))
    assert refused.value.facts["why"] == "ConnectError: not known"


@both
@pytest.mark.parametrize("host", ["xn--a.example", "no-name.example"])
def test_a_host_that_is_no_name_is_unreachable(run: Run, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def not_a_name(*_: object, **__: object) -> None:
        raise UnicodeError("label empty or too long")

    monkeypatch.setattr(socket, "getaddrinfo", not_a_name)
    with pytest.raises(Unreachable):
        run(http(HttpRequest("GET", f"https://{host}/")))


@both
def test_an_error_holds_no_request_for_whoever_looks_through_it(run: Run, httpserver: HTTPServer) -> None:
    """Error trackers walk causes and attributes; httpx's errors have the request, and it the credentials."""
    release = threading.Event()
    httpserver.expect_request("/slow").respond_with_handler(lambda _: release.wait(3) and Response(b"late"))
    for url in (f"http://127.0.0.1:{free_port()}/", httpserver.url_for("/slow")):
        secret = (("authorization", "Basic c2VjcmV0"),)
        with pytest.raises(Unreachable) as refused:
            run(http(HttpRequest("POST", url, secret, b"refresh_token=rt", timeout=0.1)))
        assert refused.value.__cause__ is None
        assert refused.value.__context__ is None
        assert set(refused.value.facts) == {"why"}
    release.set()


@both
@pytest.mark.parametrize("opening", [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_an_answer_that_drips_ends_with_the_deadline(run: Run, opening: bytes) -> None:
    with dripping(opening) as url:
        started = time.monotonic()
        with pytest.raises(Unreachable):
            run(http(HttpRequest("GET", url, timeout=0.3)))
        assert 0.25 < time.monotonic() - started < 1.5


def test_a_deadline_is_its_own_exchanges_alone(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/x").respond_with_data(b"here")
    driver = SyncDriver()
    request = HttpRequest("GET", httpserver.url_for("/x"), timeout=0.3)
    with dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ") as url, pytest.raises(Unreachable):
        driver.run(http(HttpRequest("GET", url, timeout=0.1)))
    for _ in range(2):  # the second goes over the connection of the first
        assert driver.run(http(request)).body == b"here"
    driver.close()


@both
@pytest.mark.parametrize("url", ["http://as.example/", "ftp://localhost/", "https://user@as.example/"])
def test_sends_nothing_in_clear_text(run: Run, url: str) -> None:
    with pytest.raises(InsecureUrl):
        run(http(HttpRequest("GET", url)))


@both
def test_ignores_proxies_of_the_environment(
    run: Run, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    httpserver.expect_request("/x").respond_with_data(b"here")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    assert run(http(HttpRequest("GET", httpserver.url_for("/x")))).body == b"here"


@both
@pytest.mark.parametrize("library", [httpx, httpx2])
def test_a_ready_client_of_either_library_is_used_and_its_errors_are_mapped(
    run: Callable[..., Any], httpserver: HTTPServer, library: Any
) -> None:
    httpserver.expect_request("/x").respond_with_data(b"here")
    with library.Client(headers={"X-Mine": "1"}) as client:
        asynchronous = library.AsyncClient(headers={"X-Mine": "1"})
        settings = HttpSettings(client=client, async_client=asynchronous)
        assert run(http(HttpRequest("GET", httpserver.url_for("/x"))), settings).body == b"here"
        assert httpserver.log[-1][0].headers["X-Mine"] == "1"
    settings = HttpSettings(client=library.Client(), async_client=library.AsyncClient())
    with pytest.raises(Unreachable):
        run(http(HttpRequest("GET", f"http://127.0.0.1:{free_port()}/")), settings)
    settings.client.close()


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_every_error_of_the_library_is_mapped(library: Any, httpserver: HTTPServer) -> None:
    """A new exception in a new release must not come out raw."""
    kinds = {
        value
        for value in vars(library).values()
        if isinstance(value, type) and issubclass(value, Exception) and not issubclass(value, Warning)
    }
    unmapped = {
        kind.__name__
        for kind in kinds
        if not issubclass(kind, library.HTTPError | library.InvalidURL | library.StreamError)
    }
    assert unmapped <= {"CookieConflict"}, "raised when a caller reads cookies only"

    class Raising(library.BaseTransport):  # type: ignore[misc]
        def __init__(self, error: Exception) -> None:
            self.error = error

        def handle_request(self, request: Any) -> Any:
            raise self.error

    for kind in sorted(kinds, key=lambda kind: kind.__name__):
        if not issubclass(kind, library.TransportError):
            continue
        with library.Client(transport=Raising(kind("x"))) as client, pytest.raises(TransportError) as refused:
            run_sync(http(HttpRequest("GET", "https://as.example/")), HttpSettings(client=client))
        assert refused.value.facts["why"] == kind.__name__


@both
def test_does_the_five_operations_of_a_store(run: Run) -> None:
    store = MemoryStore()

    def all_five() -> Flow[list[Any]]:
        yield from store_put(store, "a", b"1", 60)
        return [
            (yield from store_get(store, "a")),
            (yield from store_add(store, "a", b"2", 60)),
            (yield from store_swap(store, "a", b"1", b"3", 60)),
            (yield from store_take(store, "a")),
            (yield from store_get(store, "a")),
        ]

    assert run(all_five()) == [b"1", False, True, b"3", None]


@both
def test_what_an_effect_raises_is_thrown_into_the_flow(run: Run) -> None:
    def flow() -> Flow[str]:
        try:
            yield from http(HttpRequest("GET", "http://as.example/"))
        except InsecureUrl as error:
            return f"caught {type(error).__name__}"
        return "not reached"

    assert run(flow()) == "caught InsecureUrl"


class Remote:
    """A signer that is not local: its `sign` must not run on an event loop's thread."""

    alg, kid, local = "ES256", "remote", False
    public_jwk = a_key().public_jwk

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []

    def sign(self, signing_input: bytes) -> bytes:
        self.threads.append(threading.current_thread())
        return a_key().sign(signing_input)


class Awaitable(Remote):
    async def asign(self, signing_input: bytes) -> bytes:
        return b"awaited"


@both
def test_signs_with_a_local_key_in_place(run: Run) -> None:
    assert run(sign(a_key(), b"x")) == a_key().sign(b"x")


def test_a_remote_key_never_blocks_the_loop() -> None:
    remote = Remote()
    assert run_async(sign(remote, b"x")) == a_key().sign(b"x")
    assert remote.threads != [threading.main_thread()]
    assert run_async(sign(Awaitable(), b"x")) == b"awaited"
    assert run_sync(sign(Awaitable(), b"x")) == a_key().sign(b"x")


def test_a_pure_flow_may_sign_and_nothing_else() -> None:
    assert run_pure(sign(a_key(), b"x")) == a_key().sign(b"x")
    with pytest.raises(RuntimeError, match="this one yielded Http"):
        run_pure(http(HttpRequest("GET", "https://as.example/")))


def test_a_sync_driver_makes_one_client_for_many_threads(httpserver: HTTPServer) -> None:
    made: list[object] = []

    class Counting(HttpSettings):
        def make_client(self, profile: Profile = FAPI2_SECURITY) -> Any:
            made.append(self)
            return super().make_client(profile)

    httpserver.expect_request("/x").respond_with_data(b"here")
    driver = SyncDriver(Counting())
    barrier = threading.Barrier(8)

    def call() -> None:
        barrier.wait()
        driver.run(http(HttpRequest("GET", httpserver.url_for("/x"))))

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    driver.close()
    assert len(made) == 1


@pytest.mark.parametrize("driver", [SyncDriver, AsyncDriver])
def test_settings_are_not_a_client(driver: Any) -> None:
    with httpx.Client() as client, pytest.raises(ConfigurationError, match=r"HttpSettings\(client=...\)"):
        driver(client)


def test_a_driver_lets_go_of_loops_that_have_ended(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/x").respond_with_data(b"here")
    driver = AsyncDriver()

    async def once(*, tidy: bool) -> None:
        await driver.run(http(HttpRequest("GET", httpserver.url_for("/x"), (("connection", "close"),))))
        if tidy:
            await driver.aclose()

    for _ in range(3):
        asyncio.run(once(tidy=False))
    assert len(driver._pools) <= 2
    asyncio.run(once(tidy=True))
    assert len(driver._pools) == 0


def test_under_gevent_one_greenlet_works_and_all_wait(tmp_path: Path) -> None:
    program = Path(__file__).with_name("gevent_program.py")
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path / "s.db")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said == {"values": [1] * 20, "runs": 1, "fast": True, "adds": [1, 1], "threads": True}


def test_deadline_exceeded_is_undecided() -> None:
    assert issubclass(DeadlineExceeded, TransportError)
