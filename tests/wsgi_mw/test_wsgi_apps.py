"""What a WSGI app may do beside returning a list under a status: as PEP 3333 allows it, and as servers take it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any

import pytest

import rskit
import wsgi_mw
from rskit import errors as rs
from rskit.policy.checked_request import KEY, CheckedRequest
from tests.clocks import FrozenClock
from tests.rskit.mothers import a_server, a_token, a_view, allowed
from wsgi_mw.stream import abounded, bounded


class Served:
    """What the server was given."""

    def __init__(self, app: Any, method: str = "GET", *, subject: str = "alice", **settings: Any) -> None:
        self.started: list[tuple[Any, ...]] = []
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": "/feed",
            "HTTP_AUTHORIZATION": f"Bearer {a_token(sub=subject)}",
        }
        self.answer: Any = wsgi_mw.Protect(app, a_server(**settings))(environ, self._start)

    def _start(self, *arguments: Any) -> None:
        self.started.append(arguments)

    @property
    def statuses(self) -> list[str]:
        return [status for status, *_ in self.started]


class Closing:
    """An answer that tells whether it was closed."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.closed = 0
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._chunks)

    def close(self) -> None:
        self.closed += 1


def refuse(environ: dict[str, Any]) -> None:
    environ[KEY].refuse(rs.RevokedToken("no longer"))


def refuses_at_once(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    refuse(environ)
    start_response("200 OK", [])(b"a secret")
    return [b"a secret"]


def refuses_with_its_first_chunk(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    refuse(environ)
    start_response("200 OK", [])
    yield b"a secret"


def refuses_and_says_nothing(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    refuse(environ)
    yield from ()


def refuses_late(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    yield b""
    refuse(environ)
    start_response("200 OK", [])
    yield b"a secret"


@pytest.mark.parametrize(
    "app", [refuses_at_once, refuses_with_its_first_chunk, refuses_and_says_nothing, refuses_late]
)
def test_a_refusal_takes_the_place_of_an_answer_that_has_not_begun(app: Callable[..., Any]):
    served = Served(app)
    body = b"".join(served.answer)
    assert served.statuses == ["401 Unauthorized"]
    assert b"revoked" in body or b"invalid_token" in body
    assert b"secret" not in body
    assert b"".join(Served(app, "HEAD").answer) == b""


def test_a_refusal_ends_an_answer_that_has_begun():
    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"1"
        refuse(environ)
        yield b"2"

    served = Served(app)
    assert list(served.answer) == [b"1"]
    assert served.statuses == ["200 OK"]


def test_nothing_follows_a_status_that_was_given_before_a_refusal():
    answer = Closing([b"a secret"])

    def app(environ: dict[str, Any], start_response: Any) -> Closing:
        start_response("200 OK", [("content-length", "8")])
        refuse(environ)
        return answer

    served = Served(app)
    assert (list(served.answer), served.statuses, answer.closed) == ([], ["200 OK"], 1)


def test_an_answer_of_unknown_length_ends_with_its_token():
    clock = FrozenClock()

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("accept-charset", "as long as content-length")])
        return chunks()

    def chunks() -> Iterator[bytes]:
        yield b"1"
        clock.advance(400)
        yield b"2"

    assert list(Served(app, clock=clock).answer) == [b"1"]


def test_an_app_may_start_anew_after_an_error():
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        try:
            raise ValueError
        except ValueError:
            start_response("500 Oops", [], sys.exc_info())
        return [b""]

    first, second = Served(app).started
    assert len(first) == 2
    assert second[2][0] is ValueError


@pytest.mark.parametrize("refusing", [True, False])
def test_an_answer_is_closed_once_whatever_becomes_of_it(refusing: bool):
    answer = Closing([b"1", b"2"])

    def app(environ: dict[str, Any], start_response: Any) -> Closing:
        if refusing:
            refuse(environ)
        start_response("200 OK", [])
        return answer

    assert list(Served(app).answer) != []
    assert answer.closed == 1


def test_an_answer_that_its_server_leaves_is_closed():
    answer = Closing([b"1", b"2"])

    def app(environ: dict[str, Any], start_response: Any) -> Closing:
        start_response("200 OK", [])
        return answer

    served = Served(app)
    assert next(served.answer) == b"1"
    served.answer.close()
    assert answer.closed == 1


@pytest.mark.parametrize(
    ("headers", "chunks"),
    [([("Content-Length", "2")], Closing([b"1", b"2"])), ([], [b"1", b"2"])],
    ids=["its length is said", "a list"],
)
def test_an_answer_that_is_whole_is_handed_on_as_it_is(headers: Any, chunks: Any):
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", headers)
        return chunks

    assert Served(app).answer is chunks


def test_streams_that_take_turns_in_one_thread_see_their_own_token():
    """A server that waits for nobody asks each answer for its next chunk as its client is ready."""

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        while True:
            yield (rskit.current_token().subject or "").encode()

    alice, bob = (Served(app, subject=subject).answer for subject in ("alice", "bob"))
    assert [next(alice), next(bob), next(alice), next(bob)] == [b"alice", b"bob", b"alice", b"bob"]
    with pytest.raises(RuntimeError, match="there is no current request"):
        rskit.current_token()
    alice.close()
    assert next(bob) == b"bob"


def test_what_an_answer_does_as_it_is_closed_is_still_part_of_its_request():
    seen: list[str | None] = []

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        try:
            yield b"1"
            yield b"2"
        finally:
            seen.append(rskit.current_token().subject)

    served = Served(app)
    next(served.answer)
    served.answer.close()
    assert seen == ["alice"]


def test_a_public_stream_is_bounded_by_no_token():
    clock = FrozenClock()

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        environ[KEY].token = None
        start_response("200 OK", [])
        yield b"1"
        clock.advance(1000)
        yield b"2"

    assert list(Served(app, clock=clock).answer) == [b"1", b"2"]


def a_checked_request(subject: str) -> CheckedRequest:
    server, view = a_server(), a_view(f"Bearer {a_token(sub=subject)}")
    return CheckedRequest(server, view, allowed(server, view))


def whose() -> Iterator[bytes]:
    while True:
        yield (rskit.current_token().subject or "").encode()


async def awhose() -> AsyncIterator[bytes]:
    for chunk in whose():
        yield chunk


def test_streams_of_django_that_take_turns_see_their_own_token():
    sync = [bounded(whose(), a_checked_request(subject)) for subject in ("alice", "bob")]
    assert [next(stream) for stream in sync * 2] == [b"alice", b"bob"] * 2

    async def take_turns() -> list[bytes]:
        streams = [abounded(awhose(), a_checked_request(subject)) for subject in ("alice", "bob")]
        return [await anext(stream) for stream in streams * 2]

    assert asyncio.run(take_turns()) == [b"alice", b"bob"] * 2


def test_a_refusal_ends_a_stream_of_django():
    checked = a_checked_request("alice")
    stream = bounded(whose(), checked)
    assert next(stream) == b"alice"
    checked.refuse(rs.RevokedToken("no longer"))
    assert next(stream, None) is None

    async def refused_between() -> None:
        checked = a_checked_request("alice")
        stream = abounded(awhose(), checked)
        assert await anext(stream) == b"alice"
        checked.refuse(rs.RevokedToken("no longer"))
        assert await anext(stream, None) is None

    asyncio.run(refused_between())


@pytest.mark.parametrize("bind", [bounded, abounded])
def test_a_stream_of_django_that_ended_is_over(bind: Any):
    checked = a_checked_request("alice")

    async def drain() -> None:
        if bind is bounded:
            assert list(bounded(iter([b"1"]), checked)) == [b"1"]
        else:
            chunks = awhose()
            stream = abounded(chunks, checked)
            assert await anext(stream) == b"alice"
            await chunks.aclose()  # type: ignore[attr-defined]
            assert [chunk async for chunk in stream] == []

    asyncio.run(drain())
    assert checked.over
