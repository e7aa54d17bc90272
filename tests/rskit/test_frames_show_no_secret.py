"""However a check or the application behind it breaks, an error tracker finds no token in the frames of ours."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Generator
from typing import Any

import pytest
from django.core.signals import got_request_exception
from django.test import override_settings

import asgi_mw
import wsgi_mw
from asgi_mw.mcp import Verifier
from fapikit import MemoryStore
from fapikit.errors import StoreUnavailable, TransportError
from rskit import Issuer, ResourceServer
from rskit.access import Access
from rskit.decision import Allow, Refusal
from rskit.policy.checked_request import CheckedRequest
from tests.clocks import FrozenClock
from tests.failing import HTTP_FAILURES, AppError, FailingHttp, FailingStore
from tests.frames import shown
from tests.rskit import django_project
from tests.rskit.introspecting import JWKS, METADATA, asking, says
from tests.rskit.mothers import ISSUER, a_proof, a_server, a_token, a_view, bound_token

OPAQUE = "opaque-2YotnFZFEjr1zCsicMWpAA"
DRIVERS = ("sync", "async")


class Issuing:
    """The issuer: its metadata, its keys, and what it says of a token."""

    def __init__(self) -> None:
        self.questions: list[bytes] = []

    def respond(
        self, _method: str, url: str, _headers: Any, body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        answer = METADATA
        if url.endswith("/jwks"):
            answer = JWKS
        elif url.endswith("/introspect"):
            self.questions.append(body)
            answer = says()
        return answer.status, dict(answer.headers), answer.body


def _run(server: ResourceServer, flow: Any, driver: str) -> Any:
    if not isinstance(flow, Generator):
        return flow
    if driver == "sync":
        return server.sync_driver.run(flow)
    return asyncio.run(server.async_driver.run(flow))


def _error_of(call: Callable[..., Any], *arguments: Any) -> BaseException | None:
    """What it raised, or why it refused; None where it did neither."""
    try:
        decision = call(*arguments)
    except Exception as error:
        return error
    return decision.error if isinstance(decision, Refusal) else None


def _whole(flow: Callable[[ResourceServer], Any], server: ResourceServer, driver: str) -> Any:
    return _run(server, flow(server), driver)


def _walk(
    flow: Callable[[ResourceServer], Any], secrets: list[str], driver: str, how: str, **settings: Any
) -> int:
    """Let each use of the way to the issuer fail, one at a time; how many did."""
    at = 0
    while True:
        at += 1
        http = FailingHttp(Issuing())
        server = a_server(http=http.settings(), **settings)
        http.nth.arm(at)
        http.how = how
        error = _error_of(_whole, flow, server, driver)
        if http.nth.used < at:
            assert error is None
            return at - 1
        if error is not None:
            assert shown(error, secrets) == []


def _jwt(**settings: Any) -> Issuer:
    return Issuer(ISSUER, **settings)


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("how", HTTP_FAILURES)
def test_a_token_whose_keys_cannot_be_had(driver: str, how: str):
    token = a_token()
    calls = _walk(
        lambda server: server.check(a_view(f"Bearer {token}")), [token], driver, how, issuers=[_jwt()]
    )
    assert calls == 2


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("how", HTTP_FAILURES)
def test_a_token_that_its_issuer_cannot_be_asked_about(driver: str, how: str):
    calls = _walk(
        lambda server: server.check(a_view(f"Bearer {OPAQUE}")), [OPAQUE], driver, how, issuers=[asking()]
    )
    assert calls == 2


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("how", HTTP_FAILURES)
def test_a_token_that_a_route_wants_to_know_afresh(driver: str, how: str):
    def flow(server: ResourceServer) -> Any:
        view = a_view(f"Bearer {token}")
        decision = _run(server, server.check(view), driver)
        if not isinstance(decision, Allow):
            return decision
        return CheckedRequest(server, view, decision.token).require_fresh(Access(fresh=True))

    token = a_token()
    assert _walk(flow, [token], driver, how, issuers=[asking(local_jwts=True)]) == 3


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("error", [StoreUnavailable, AppError])
@pytest.mark.parametrize("keys", ["at hand", "fetched"])
def test_a_proof_that_cannot_be_remembered(driver: str, error: type[Exception], keys: str):
    token = bound_token()
    proof = a_proof(token)
    store = FailingStore(MemoryStore(clock=FrozenClock()))
    store.error = error
    store.nth.arm(1)
    more = {"issuers": [_jwt()], "http": FailingHttp(Issuing()).settings()} if keys == "fetched" else {}
    server = a_server(store=store, **more)
    view = a_view(f"DPoP {token}", dpop=(proof,))
    raised = _error_of(lambda: _run(server, server.check(view), driver))
    assert raised is not None
    assert shown(raised, [token, proof]) == []


def _broken(_token: Any) -> bool:
    raise AppError("a bug in what the application gave")


class _BrokenStore(MemoryStore):
    def add(self, _key: str, _value: bytes, _ttl: float) -> bool:
        raise AppError("no room")


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize(
    "settings", [{"denylist": _broken}, {"denylist": _broken, "issuers": "fetched"}, {"store": "broken"}]
)
def test_what_nobody_foresaw(driver: str, settings: dict[str, Any]):
    token = bound_token()
    proof = a_proof(token)
    settings = dict(settings)
    if settings.pop("issuers", None):
        settings |= {"issuers": [_jwt()], "http": FailingHttp(Issuing()).settings()}
    if settings.pop("store", None):
        settings["store"] = _BrokenStore(clock=FrozenClock())
    server = a_server(**settings)
    with pytest.raises(AppError) as raised:
        _run(server, server.check(a_view(f"DPoP {token}", dpop=(proof,))), driver)
    assert shown(raised.value, [token, proof]) == []


MUTATED: dict[str, Callable[[str], str]] = {
    "signature": lambda token: token[:-6] + "AAAAAA",
    "payload": lambda token: ".".join(
        [token.split(".")[0], token.split(".")[1][:-3] + "###", token.split(".")[2]]
    ),
    "header": lambda token: "eyJ" + token,
    "comma": lambda token: token + ",",
    "not ASCII": lambda token: token + "\xe9",
    "long": lambda token: token + "A" * 100_000,
    "two parts": lambda token: token.rpartition(".")[0],
}


@pytest.mark.parametrize("issuers", ["at hand", "fetched", "asked"])
@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("mutation", list(MUTATED))
def test_a_token_that_is_refused(mutation: str, driver: str, issuers: str):
    given = {
        "at hand": {},
        "fetched": {"issuers": [_jwt()]},
        "asked": {"issuers": [asking(local_jwts=True)]},
    }[issuers]
    server = a_server(http=FailingHttp(Issuing()).settings(), **given)
    sent = MUTATED[mutation](a_token())
    decision = _run(server, server.check(a_view(f"Bearer {sent}")), driver)
    if isinstance(decision, Allow):
        assert issuers == "asked"  # what is no JWT is the issuer's to know
        return
    assert shown(decision.error, [sent, sent.split(".")[-1], sent.split(".")[1]]) == []


def test_a_proof_that_is_refused():
    token = bound_token()
    server = a_server()
    for proof in (
        a_proof(token, htm="POST"),
        a_proof("another"),
        a_proof(token)[:-4] + "AAAA",
        "no proof at all",
    ):
        error = _error_of(lambda proof=proof: server.check(a_view(f"DPoP {token}", dpop=(proof,))))  # type: ignore[misc]
        assert error is not None
        assert shown(error, [token, proof]) == []


# --------------------------------------------------------------------------------------------- the application breaks


def _asgi(
    server: ResourceServer, token: str, proofs: tuple[str, ...] = ()
) -> tuple[BaseException | None, Any]:
    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        raise AppError("a bug of the application")

    headers = [(b"authorization", token.encode()), *((b"dpop", proof.encode()) for proof in proofs)]
    scope: dict[str, Any] = {
        "type": "http", "method": "GET", "path": "/accounts", "raw_path": b"/accounts", "query_string": b"",
        "root_path": "", "headers": headers,
    }  # fmt: skip

    async def nothing(*_: Any) -> Any:
        return None

    return _error_of(lambda: asyncio.run(asgi_mw.Protect(app, server)(scope, nothing, nothing))), scope


def _wsgi(
    server: ResourceServer, token: str, proofs: tuple[str, ...] = ()
) -> tuple[BaseException | None, Any]:
    def app(_environ: Any, _start_response: Any) -> Any:
        raise AppError("a bug of the application")

    environ = {
        "REQUEST_METHOD": "GET", "PATH_INFO": "/accounts", "RAW_URI": "/accounts", "QUERY_STRING": "",
        "HTTP_AUTHORIZATION": token, **({"HTTP_DPOP": proofs[0]} if proofs else {}),
    }  # fmt: skip
    return _error_of(lambda: wsgi_mw.Protect(app, server)(environ, lambda *_: None)), environ


@pytest.mark.parametrize("skin", [_asgi, _wsgi])
@pytest.mark.parametrize("keys", ["at hand", "fetched"])
@pytest.mark.parametrize("bound", [False, True])
def test_an_application_that_breaks(skin: Any, keys: str, bound: bool):
    token = bound_token() if bound else a_token()
    proofs = (a_proof(token),) if bound else ()
    more = {"issuers": [_jwt()], "http": FailingHttp(Issuing()).settings()} if keys == "fetched" else {}
    error, request = skin(a_server(**more), f"{'DPoP' if bound else 'Bearer'} {token}", proofs)
    assert isinstance(error, AppError)
    assert shown(error, [token, *proofs], but=[request]) == []


@pytest.mark.parametrize("skin", [_asgi, _wsgi])
@pytest.mark.parametrize("settings", [{"denylist": _broken}, {"denylist": _broken, "issuers": [_jwt()]}])
def test_a_middleware_whose_check_breaks(skin: Any, settings: dict[str, Any]):
    token = a_token()
    server = a_server(http=FailingHttp(Issuing()).settings(), **settings)
    error, request = skin(server, f"Bearer {token}")
    assert isinstance(error, AppError)
    assert shown(error, [token], but=[request]) == []


urlpatterns: list[Any] = []


@pytest.mark.parametrize("call", [django_project.wsgi_call, django_project.asgi_call])
@pytest.mark.parametrize("more", [{}, {"issuers": [_jwt()]}])
def test_a_django_middleware_whose_check_breaks(
    call: Any, more: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    django_project.configure()
    server = a_server(denylist=_broken, http=FailingHttp(Issuing()).settings(), **more)
    monkeypatch.setattr(django_project, "SERVERS", [server])
    token = a_token()
    seen: list[BaseException] = []

    def note(**_: Any) -> None:
        error = sys.exc_info()[1]
        assert error is not None
        seen.append(error)

    got_request_exception.connect(note)
    try:
        with override_settings(ROOT_URLCONF=__name__):
            call("GET", "/accounts", {"authorization": f"Bearer {token}"})
    except AppError:
        pass  # the test client of Django raises what the application raised
    finally:
        got_request_exception.disconnect(note)
    assert isinstance(seen[0], AppError)
    assert [entry for entry in shown(seen[0], [token]) if "django.core" not in entry] == []


_STILL_AN_ANSWER = ("an odd status", "another token type", "a member twice")


@pytest.mark.parametrize("how", [how for how in HTTP_FAILURES if how not in _STILL_AN_ANSWER])
def test_the_verifier_of_an_mcp_server(how: str):
    http = FailingHttp(Issuing())
    server = a_server(issuers=[asking()], http=http.settings())
    http.nth.arm(2)
    http.how = how
    with pytest.raises((TransportError, AppError)) as raised:
        asyncio.run(Verifier(server).verify_token(OPAQUE))
    assert shown(raised.value, [OPAQUE]) == []


def test_a_stream_whose_issuer_cannot_be_asked():
    clock = FrozenClock()
    http = FailingHttp(Issuing())
    server = a_server(issuers=[asking()], http=http.settings(), clock=clock)
    view = a_view(f"Bearer {OPAQUE}")
    decision = _run(server, server.check(view), "sync")
    assert isinstance(decision, Allow)
    watch = server.watch(view, decision.token)
    clock.advance(61)
    http.nth.arm(1)
    http.how = "a fault of ours"
    with pytest.raises(AppError) as raised:
        _run(server, watch.goes_on(), "sync")
    assert shown(raised.value, [OPAQUE]) == []
