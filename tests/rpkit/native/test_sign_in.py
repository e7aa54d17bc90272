"""A program signs its user in through the browser: one response is taken, over real sockets, whatever else arrives."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest

from fapikit import PrivateKeyJWT
from fapikit.errors import ConfigurationError, FapiError
from fapikit.io import loopback_listener, loopback_server
from rpkit import AsyncClient
from rpkit.errors import (
    AuthorizationRefused,
    MissingIdToken,
    TransactionExpired,
    WrongResponseIssuer,
    WrongState,
)
from rpkit.native import asign_in
from tests.frames import shown
from tests.keys import a_key, mint
from tests.mothers.fake_bank import FakeBank
from tests.rpkit.logins import ACCOUNTS
from tests.rpkit.native.conftest import Browser, Program

ASKED: dict[str, Any] = {"scope": "openid accounts", "resources": [ACCOUNTS]}


def is_open(redirect_uri: str) -> bool:
    parts = urlsplit(redirect_uri)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 0), timeout=5).close()
    except OSError:
        return False
    return True


@pytest.mark.spec("RFC 8252 7.3", "RFC 8252 8.1", "RFC 8252 8.3a", "RFC 8252 8.3b")
def test_the_user_signs_in_and_may_close_the_window(bank: FakeBank, browser: Browser, program: Program):
    login = program.sign_in(**ASKED, open_browser=browser.open)
    browser.join()
    assert login.id_token is not None
    assert (login.id_token.subject, login.tokens.resources) == ("alice", (ACCOUNTS,))
    assert login.tokens.dpop is not None
    parts = urlsplit(browser.redirect_uri)
    assert (parts.scheme, parts.hostname, parts.path) == ("http", "127.0.0.1", "/callback")
    assert bank.calls("par")[-1].form["code_challenge_method"] == "S256"
    (page,) = browser.pages
    assert page.status_code == 200
    assert "You can close this window" in page.text
    assert 'name="viewport"' in page.text
    assert 'name="color-scheme" content="light dark"' in page.text
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "server" not in page.headers
    assert not is_open(browser.redirect_uri), "the port is given up"


def test_the_page_speaks_japanese_to_a_japanese_browser(browser: Browser, program: Program, bank: FakeBank):
    browser.visit = lambda url: browser.get(
        bank.authorize(url), headers={"accept-language": "fr, ja-JP;q=0.9, en;q=0.5"}
    )
    program.sign_in(open_browser=browser.open)
    browser.join()
    assert 'lang="ja"' in browser.pages[0].text
    assert "ウィンドウを閉じて" in browser.pages[0].text


def test_a_response_in_a_form_is_taken(browser: Browser, program: Program, bank: FakeBank):
    program.settings["response_mode"] = "form_post"
    browser.visit = lambda url: browser.post(bank.authorize(url))
    login = program.sign_in(open_browser=browser.open)
    browser.join()
    assert login.tokens.subject == "alice"
    assert browser.pages[0].status_code == 200


def test_path_and_port_may_be_chosen(browser: Browser, program: Program):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program.sign_in(open_browser=browser.open, path="/oauth/done", port=port)
    assert browser.redirect_uri == f"http://127.0.0.1:{port}/oauth/done"


# --- what is no response of this login ------------------------------------------------------------


def raw(browser: Browser, octets: bytes) -> bytes:
    """What the program answers to octets."""
    parts = urlsplit(browser.redirect_uri)
    with socket.create_connection(("127.0.0.1", parts.port or 0), timeout=10) as connection:
        connection.sendall(octets)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer


def _forged(change: dict[str, str]) -> Callable[[Browser, str], int]:
    def send(browser: Browser, honest: str) -> int:
        query = {**dict(parse_qsl(urlsplit(honest).query)), **change}
        query = {name: value for name, value in query.items() if value}
        return browser.get(f"{browser.redirect_uri}?{urlencode(query)}").status_code

    return send


def _raw(octets: str) -> Callable[[Browser, str], int]:
    def send(browser: Browser, honest: str) -> int:
        authority = urlsplit(browser.redirect_uri).netloc
        answer = raw(browser, octets.replace("AUTHORITY", authority).encode())
        return int(answer.split()[1]) if answer else 0

    return send


def _flood(octets: str) -> Callable[[Browser, str], int]:
    """More than is read: the connection may be reset before its sender has the answer."""

    def send(browser: Browser, honest: str) -> int:
        try:
            return _raw(octets)(browser, honest) or 400
        except OSError:
            return 400

    return send


_FORM = "content-type: application/x-www-form-urlencoded\r\n"
NOISE: dict[str, tuple[Callable[[Browser, str], int], int]] = {
    "the icon": (lambda b, _: b.get(b.redirect_uri.replace("/callback", "/favicon.ico")).status_code, 404),
    "no parameters": (lambda b, _: b.get(b.redirect_uri).status_code, 400),
    "a wrong state": (_forged({"state": "guessed"}), 400),
    "no state": (_forged({"state": ""}), 400),
    "a refusal of another login": (_forged({"state": "guessed", "code": "", "error": "access_denied"}), 400),
    "a parameter twice": (
        lambda b, honest: b.get(f"{honest}&state=another").status_code,
        400,
    ),
    "a path below ours": (
        lambda b, honest: b.get(honest.replace("/callback?", "/callback/x?")).status_code,
        404,
    ),
    "a name that leads here": (
        lambda b, honest: b.get(honest, headers={"host": "evil.example"}).status_code,
        400,
    ),
    "localhost": (
        lambda b, honest: b.get(honest, headers={"host": f"localhost:{urlsplit(honest).port}"}).status_code,
        400,
    ),
    "two hosts": (_raw("GET /callback?a=b HTTP/1.1\r\nhost: AUTHORITY\r\nhost: AUTHORITY\r\n\r\n"), 400),
    "no host": (_raw("GET /callback?a=b HTTP/1.1\r\n\r\n"), 400),
    "a preview": (_raw("HEAD /callback?a=b HTTP/1.1\r\nhost: AUTHORITY\r\n\r\n"), 400),
    "another method": (
        _raw("PUT /callback HTTP/1.1\r\nhost: AUTHORITY\r\ncontent-length: 0\r\n\r\n"),
        400,
    ),
    "no HTTP": (_raw("\x16\x03\x01 hello\r\n\r\n"), 400),
    "a line without end": (
        _flood("GET /callback?" + "a" * 70_000 + " HTTP/1.1\r\nhost: AUTHORITY\r\n\r\n"),
        400,
    ),
    "headers without end": (
        _flood("GET /callback HTTP/1.1\r\n" + "".join(f"h{n}: {'a' * 60_000}\r\n" for n in range(4))),
        400,
    ),
    "a form that is too long": (
        _raw(f"POST /callback HTTP/1.1\r\nhost: AUTHORITY\r\n{_FORM}content-length: 65537\r\n\r\na=b"),
        400,
    ),
    "a form that is cut short": (
        _raw(f"POST /callback HTTP/1.1\r\nhost: AUTHORITY\r\n{_FORM}content-length: 20\r\n\r\na=b"),
        400,
    ),
    "a form without a length": (
        _raw(f"POST /callback HTTP/1.1\r\nhost: AUTHORITY\r\n{_FORM}\r\na=b"),
        400,
    ),
    "a length that is no number": (
        _raw(f"POST /callback HTTP/1.1\r\nhost: AUTHORITY\r\n{_FORM}content-length: -1\r\n\r\n"),
        400,
    ),
    "a form in chunks": (
        _raw(
            f"POST /callback HTTP/1.1\r\nhost: AUTHORITY\r\n{_FORM}transfer-encoding: chunked\r\n"
            "content-length: 3\r\n\r\na=b",
        ),
        400,
    ),
    "a body that is no form": (
        _raw("POST /callback HTTP/1.1\r\nhost: AUTHORITY\r\ncontent-length: 2\r\n\r\n{}"),
        400,
    ),
    "a form where a query was asked for": (
        _raw(f"POST /callback HTTP/1.1\r\nhost: AUTHORITY\r\n{_FORM}content-length: 3\r\n\r\na=b"),
        400,
    ),
}


@pytest.mark.spec("RFC 8252 8.9", "RFC 8252 8.10")
@pytest.mark.parametrize("name", NOISE)
def test_what_is_no_response_is_refused_and_disturbs_nothing(
    name: str, bank: FakeBank, browser: Browser, program: Program
):
    send, status = NOISE[name]
    answered: list[int] = []

    def visit(url: str) -> None:
        honest = bank.authorize(url)
        answered.append(send(browser, honest))
        browser.get(honest)

    browser.visit = visit
    login = program.sign_in(open_browser=browser.open)
    browser.join()
    assert login.tokens.subject == "alice"
    assert answered == [status]
    assert browser.pages[-1].status_code == 200


def test_a_connection_that_says_nothing_disturbs_nothing(bank: FakeBank, browser: Browser, program: Program):
    def visit(url: str) -> None:
        parts = urlsplit(browser.redirect_uri)
        silent = [socket.create_connection(("127.0.0.1", parts.port or 0)) for _ in range(5)]
        browser.get(bank.authorize(url))
        for connection in silent:
            connection.close()

    browser.visit = visit
    assert program.sign_in(open_browser=browser.open).tokens.subject == "alice"


def test_whoever_is_slow_is_cut_off(
    bank: FakeBank, browser: Browser, program: Program, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(loopback_server, "READ_TIMEOUT", 0.2)
    monkeypatch.setattr(loopback_server._Handler, "timeout", 0.2)
    answers: list[bytes] = []

    def visit(url: str) -> None:
        parts = urlsplit(browser.redirect_uri)
        with socket.create_connection(("127.0.0.1", parts.port or 0), timeout=10) as slow:
            slow.sendall(b"GET /callback")
            answers.append(slow.recv(100))
        browser.get(bank.authorize(url))

    browser.visit = visit
    assert program.sign_in(open_browser=browser.open).tokens.subject == "alice"
    assert answers == [b""]


def test_more_connections_than_a_browser_makes_are_closed(
    bank: FakeBank, browser: Browser, program: Program, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(loopback_server, "MAX_CONNECTIONS", 2)
    closed: list[bytes] = []

    def visit(url: str) -> None:
        port = urlsplit(browser.redirect_uri).port or 0
        held = [socket.create_connection(("127.0.0.1", port)) for _ in range(2)]
        with socket.create_connection(("127.0.0.1", port), timeout=10) as third:
            closed.append(third.recv(10))
        for connection in held:
            connection.close()
        while not browser.pages:
            try:
                browser.get(bank.authorize(url))
            except httpx.TransportError:
                continue

    browser.visit = visit
    assert program.sign_in(open_browser=browser.open).tokens.subject == "alice"
    assert closed == [b""]


def test_of_two_equal_responses_one_is_taken(bank: FakeBank, browser: Browser, program: Program):
    statuses: list[int] = []
    under_way, sent = threading.Event(), threading.Event()

    def slow(_: Any) -> None:
        under_way.set()
        sent.wait(20)
        second.join(0.3)  # the second response is being read while the first is being exchanged

    def again() -> None:
        under_way.wait(20)
        parts = urlsplit(honest[0])
        with socket.create_connection(("127.0.0.1", parts.port or 0), timeout=20) as connection:
            target = f"{parts.path}?{parts.query}"
            connection.sendall(f"GET {target} HTTP/1.1\r\nhost: {parts.netloc}\r\n\r\n".encode())
            sent.set()
            statuses.append(int(connection.recv(65536).split()[1]))

    honest: list[str] = []
    second = threading.Thread(target=again)
    bank.faults["token_answer"] = slow

    def visit(url: str) -> None:
        honest.append(bank.authorize(url))
        second.start()
        browser.get(honest[0])

    browser.visit = visit
    assert program.sign_in(open_browser=browser.open).tokens.subject == "alice"
    browser.join()
    second.join(20)
    assert browser.pages[0].status_code == 200
    assert statuses == [409]


# --- how it fails ---------------------------------------------------------------------------------


def test_a_user_who_says_no_ends_it(bank: FakeBank, browser: Browser, program: Program):
    browser.visit = lambda url: browser.get(bank.authorize(url, error="access_denied"))
    with pytest.raises(AuthorizationRefused):
        program.sign_in(open_browser=browser.open)
    browser.join()
    assert browser.pages[0].status_code == 400
    assert "did not work" in browser.pages[0].text


def test_a_response_of_this_login_by_another_server_ends_it(
    bank: FakeBank, browser: Browser, program: Program
):
    bank.faults["callback"] = lambda members: {**members, "iss": "https://evil.example"}
    with pytest.raises(WrongResponseIssuer):
        program.sign_in(open_browser=browser.open)


def test_a_failure_after_the_response_ends_it(bank: FakeBank, browser: Browser, program: Program):
    bank.faults["token"] = lambda members: {**members, "id_token": None}
    with pytest.raises(MissingIdToken):
        program.sign_in(open_browser=browser.open)
    browser.join()
    assert browser.pages[0].status_code == 400


def test_a_user_who_does_not_come_back_is_not_waited_for(browser: Browser, program: Program):
    browser.visit = lambda url: browser.get(
        f"{browser.redirect_uri}?state=guessed&code=x&{urlencode({'iss': browser.bank.issuer})}"
    )
    with pytest.raises(TransactionExpired, match="in time") as caught:
        program.sign_in(open_browser=browser.open, timeout=0.4)
    assert isinstance(caught.value.__cause__, WrongState)
    assert not is_open(browser.redirect_uri)


def test_a_signed_response_is_told_from_a_forged_one(bank: FakeBank, browser: Browser, program: Program):
    program.settings["profile"] = "fapi2-message-signing"
    forged = mint({"iss": bank.issuer, "aud": "fintech", "exp": 9e9, "code": "x"}, a_key("ES256", 5))

    def visit(url: str) -> None:
        browser.get(f"{browser.redirect_uri}?response={forged}")
        browser.get(bank.authorize(url))

    browser.visit = visit
    assert program.sign_in(open_browser=browser.open).tokens.subject == "alice"
    browser.join()
    assert [page.status_code for page in browser.pages] == [400, 200]


def test_a_signed_refusal_ends_it(bank: FakeBank, browser: Browser, program: Program):
    program.settings["profile"] = "fapi2-message-signing"
    browser.visit = lambda url: browser.get(bank.authorize(url, error="access_denied"))
    with pytest.raises(AuthorizationRefused):
        program.sign_in(open_browser=browser.open)


@pytest.mark.parametrize("endpoint", ["par", "token", "jwks"])
def test_an_error_tracker_finds_no_secret(endpoint: str, bank: FakeBank, browser: Browser, program: Program):
    bank.faults["jwks" if endpoint == "jwks" else f"{endpoint}_answer"] = lambda _: (
        {"keys": []} if endpoint == "jwks" else (500, {}, {})
    )
    with pytest.raises(FapiError) as caught:
        program.sign_in(open_browser=browser.open, login_hint="alice.of.the.shop")
    sent = [call.form for call in bank.calls("par") + bank.calls("token")]
    secrets = {form[name] for form in sent for name in ("state", "code", "code_verifier") if name in form}
    assert secrets
    assert shown(caught.value, {*secrets, *bank.access_tokens, *bank.refresh_tokens}) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"path": "callback"}, "path is 'callback'"),
        ({"path": "/a?b"}, "give the path of a URL"),
        ({"resources": [ACCOUNTS, f"{ACCOUNTS}/2"]}, "several resources"),
        ({"login_hnt": "alice"}, "did you mean login_hint"),
    ],
)
def test_a_wrong_call_is_refused_before_the_browser_is_opened(
    options: dict[str, Any], words: str, browser: Browser, program: Program
):
    opened: list[str] = []
    with pytest.raises(ConfigurationError, match=words):
        program.sign_in(open_browser=lambda url: bool(opened.append(url)), **options)
    assert opened == []


def test_a_response_in_the_fragment_cannot_be_read(browser: Browser, program: Program):
    program.settings["response_mode"] = "fragment"
    with pytest.raises(ConfigurationError, match="response_mode query"):
        program.sign_in(open_browser=browser.open)


def test_a_machine_without_loopback_is_named(program: Program, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(loopback_listener, "_ADDRESSES", ((socket.AF_INET, "203.0.113.1"),))
    with pytest.raises(ConfigurationError, match=r"203\.0\.113\.1"):
        program.sign_in(open_browser=lambda url: True)


def test_without_ipv4_it_listens_on_ipv6(browser: Browser, program: Program, monkeypatch: pytest.MonkeyPatch):
    if not _has_ipv6():
        monkeypatch.setattr(
            loopback_listener, "_ADDRESSES", ((socket.AF_INET, "203.0.113.1"), (socket.AF_INET, "127.0.0.2"))
        )
    else:
        monkeypatch.setattr(
            loopback_listener, "_ADDRESSES", ((socket.AF_INET, "203.0.113.1"), (socket.AF_INET6, "::1"))
        )
    program.sign_in(open_browser=browser.open)
    assert browser.redirect_uri.startswith(("http://[::1]:", "http://127.0.0.2:"))


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as tried:
            tried.bind(("::1", 0))
    except OSError:
        return False
    return True


def test_a_cancelled_task_gives_up_the_port(bank: FakeBank):
    places: list[str] = []

    async def main() -> None:
        async with await AsyncClient.discover(
            bank.issuer, client_id="fintech", auth=PrivateKeyJWT(a_key("ES256", 1)), http=bank.http()
        ) as client:
            opened = asyncio.Event()

            async def open_browser(url: str) -> bool:
                places.append(bank.calls("par")[-1].form["redirect_uri"])
                opened.set()
                return True

            task = asyncio.create_task(asign_in(client, open_browser=open_browser))
            await opened.wait()
            assert is_open(places[0])
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    assert not is_open(places[0])
