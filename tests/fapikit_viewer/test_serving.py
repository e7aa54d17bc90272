"""The viewer's server: who may look, what the browser is told, and how a page that was away goes on."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from fapikit_viewer import Recording, serve
from fapikit_viewer.serving import MAX_WATCHERS, Viewer
from tests.fapikit_viewer import a_payment


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=10) as made:
        yield made


def _events(response: httpx.Response) -> Iterator[tuple[str, dict[str, Any]]]:
    """The id and the data of each event."""
    name = ""
    for line in response.iter_lines():
        field, _, value = line.partition(": ")
        if field == "id":
            name = value
        elif field == "data":
            yield name, json.loads(value)


def test_the_page_and_its_files_are_served(viewer: Viewer, client: httpx.Client) -> None:
    types = {
        "": "text/html",
        "viewer.css": "text/css",
        "viewer.js": "text/javascript",
        "empty.html": "text/plain",
    }
    for name, media_type in types.items():
        answer = client.get(viewer.url + name)
        assert (answer.status_code, answer.headers["content-type"]) == (200, f"{media_type}; charset=utf-8")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_policy_allows_the_own_script_and_nothing_inline(viewer: Viewer, client: httpx.Client) -> None:
    policy = client.get(viewer.url).headers["content-security-policy"]
    assert "unsafe" not in policy
    assert {
        "default-src 'none'",
        "script-src 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    } <= set(policy.split("; "))


def test_it_listens_on_loopback_alone(viewer: Viewer) -> None:
    assert viewer.url.startswith("http://127.0.0.1:")
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", viewer.port), 2)


def test_only_who_has_the_address_may_look(viewer: Viewer, client: httpx.Client) -> None:
    origin = viewer.url.rsplit("/", 2)[0]
    for path in ("/", "/events", "/x/", "/x/events", "/viewer.js"):
        assert client.get(origin + path).status_code == 404
    assert viewer.url.rsplit("/", 2)[1] not in repr(viewer)


@pytest.mark.parametrize("host", ["rebound.example", "localhost", "127.0.0.1:1", ""])
def test_another_host_is_refused(viewer: Viewer, client: httpx.Client, host: str) -> None:
    """So a name that an attacker points to this machine reads nothing (DNS rebinding)."""
    answer = client.get(viewer.url, headers={"host": host})
    assert answer.status_code == 421
    assert client.get(viewer.url, headers={"host": f"localhost:{viewer.port}"}).status_code == 200


def test_a_page_of_another_origin_may_read_nothing(viewer: Viewer, client: httpx.Client) -> None:
    answer = client.get(viewer.url, headers={"origin": "https://mallory.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert client.options(viewer.url).status_code == 405


def test_a_page_that_comes_back_loses_nothing(
    viewer: Viewer, client: httpx.Client, recording: Recording
) -> None:
    with client.stream("GET", viewer.url + "events") as stream:
        seen, news = next(_events(stream))
    assert len(news["entries"]) == a_payment.ENTRIES
    assert news["whole"] is True
    recording.append(a_payment.a_message(80))
    recording.append(a_payment.a_message(81))
    with client.stream("GET", viewer.url + "events", headers={"last-event-id": seen}) as stream:
        _, news = next(_events(stream))
    assert [entry["id"] for entry in news["entries"]] == ["message-80", "message-81"]
    assert news["whole"] is False


def test_a_party_is_told_of_before_it_does_anything(
    viewer: Viewer, client: httpx.Client, recording: Recording
) -> None:
    with client.stream("GET", viewer.url + "events") as stream:
        events = _events(stream)
        next(events)
        recording.append(
            {"kind": "party", "name": "phone", "role": "device", "title": "A phone", "origins": []}
        )
        _, news = next(events)
    assert "phone" in [party["name"] for party in news["parties"]]


def test_few_pages_watch_at_the_same_time(viewer: Viewer, client: httpx.Client) -> None:
    streams = [
        client.send(client.build_request("GET", viewer.url + "events"), stream=True)
        for _ in range(MAX_WATCHERS)
    ]
    lines = [stream.iter_lines() for stream in streams]
    assert {next(each) for each in lines} == {"retry: 1000"}
    refused = client.get(viewer.url + "events")
    assert (refused.status_code, refused.text) == (
        503,
        f"{MAX_WATCHERS} pages watch already: close one of them",
    )
    for stream in streams:
        stream.close()


def test_closing_ends_the_pages_that_watch(recording: Recording, client: httpx.Client) -> None:
    with serve(recording) as viewer, client.stream("GET", viewer.url + "events") as stream:
        lines = stream.iter_lines()
        next(lines)
        viewer.close()
        list(lines)
    with pytest.raises(httpx.ConnectError):
        client.get(viewer.url)


def test_a_port_that_is_taken_is_an_error(viewer: Viewer, recording: Recording) -> None:
    with pytest.raises(OSError, match="in use"):
        serve(recording, port=viewer.port)


def test_a_recording_is_named_by_its_path_too(recording: Recording, client: httpx.Client) -> None:
    a_payment.record(recording)
    with serve(str(recording.path)) as viewer, client.stream("GET", viewer.url + "events") as stream:
        assert next(_events(stream))[1]["throwaway"] is True


def test_without_the_extra_one_is_told_what_to_install() -> None:
    missing = "import sys; sys.modules['starlette.applications'] = None"
    program = f"{missing}; import fapikit_viewer; fapikit_viewer.serve('x')"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert 'pip install "fapikit[viewer]"' in run.stderr
