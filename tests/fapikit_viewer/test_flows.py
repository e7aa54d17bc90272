"""Whole recorded flows: no name is unexplained, no secret is shown, each party's decisions stand at its messages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

import fapikit_viewer.capture.message as capturing
from askit.pytest_plugin.hosts import Hosts
from fapikit_viewer import Recording, view_of
from tests.fapikit_viewer.flows import FLOWS, recorded
from tests.fapikit_viewer.test_masking import MEMBERS

Entries = list[dict[str, Any]]


class Raw:
    """What travelled, before it was masked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.messages: list[dict[str, Any]] = []
        for name in ("recorded_request", "recorded_response"):
            monkeypatch.setattr(capturing, name, self._noting(getattr(capturing, name)))

    def _noting(self, record: Any) -> Any:
        def noted(masked: Any, **message: Any) -> Any:
            self.messages.append(message)
            return record(masked, **message)

        return noted

    def secrets(self) -> set[str]:
        found = set()
        for message in self.messages:
            headers = {name.lower(): value for name, value in message["headers"]}
            found |= {value.partition(" ")[2] for name, value in headers.items() if name == "authorization"}
            found |= {cookie.partition("=")[2] for cookie in headers.get("cookie", "").split("; ")}
            found.add(headers.get("set-cookie", "").partition("=")[2].partition(";")[0])
            pairs = [*_pairs(message.get("url", "")), *_pairs(headers.get("location", ""))]
            pairs += parse_qsl((message["body"] or b"").decode("latin-1"))
            pairs += list(_members(message["body"]))
            found |= {value for name, value in pairs if name in MEMBERS}
            jwts = [
                value
                for _, value in (*pairs, *headers.items())
                if value.startswith("ey") and value.count(".") == 2
            ]
            found |= {jwt.rpartition(".")[2] for jwt in jwts}
        return {secret for secret in found if len(secret) > 4}


def _pairs(url: str) -> list[tuple[str, str]]:
    parts = urlsplit(url)
    return [*parse_qsl(parts.query), *parse_qsl(parts.fragment)]


def _members(body: bytes | None) -> Iterator[tuple[str, str]]:
    try:
        value = json.loads(body or b"")
    except ValueError:
        return
    if isinstance(value, dict):
        yield from ((name, item) for name, item in value.items() if isinstance(item, str))


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    made = Hosts()
    yield made
    made.close()


@pytest.mark.spec("FAPI1-BL 7.4")
@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_is_explained_and_shows_no_secret(
    name: str, hosts: Hosts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = Raw(monkeypatch)
    recording = Recording(tmp_path / "flow.jsonl")
    with recorded(name, recording, hosts, monkeypatch) as (flow, login):
        assert flow.call(login.tokens) == [200, 403]
        flow.end(login.tokens)
    written = recording.path.read_text()
    secrets = raw.secrets()
    assert len(secrets) > 10
    assert [secret for secret in secrets if secret in written] == []
    view = view_of(recording.read_all())
    assert {party["role"] for party in view["parties"]} == {"browser", "client", "as", "rs"}
    entries: Entries = view["entries"]
    assert [entry["title"] for entry in entries if not entry["meaning"]] == []
    assert sorted(_unexplained(entries)) == []
    _assert_told(entries)


def _assert_told(entries: Entries) -> None:
    """The client's report, and the API's decisions at its messages."""
    report = next(entry for entry in entries if entry["kind"] == "checks")
    assert len(report["checks"]) > 5
    passed = next(entry for entry in entries if entry["title"] == "GET /accounts" and entry["status"] == 200)
    assert [line["party"] for line in passed["checks"]] == ["accounts", "accounts"]
    refused = next(entry for entry in entries if entry["title"] == "POST /payments")
    assert refused["refused"]
    assert refused["error"]["rule"] == "insufficient_scope"
    assert refused["from"] == "client"
    ended = entries[-1]
    assert (ended["title"], ended["error"]["rule"], ended["to"]) == ("POST /token", "invalid_grant", "bank")
    assert {line["party"] for line in ended["checks"]} == {"bank", "client"}


def _unexplained(entries: Entries) -> set[tuple[str, str]]:
    found = set()
    for entry in entries:
        for message in (entry["request"], entry["response"]):
            if message is not None:
                # Members of an API's own body have no sentence here.
                own = [] if entry["to"] == "accounts" else message["parameters"]
                found |= {(entry["title"], name) for name in _nameless([*message["headers"], *own])}
    return found


def _nameless(fields: list[dict[str, Any]]) -> Iterator[str]:
    for field in fields:
        if not field["meaning"] or not field["clause"]:
            yield field["name"]
        if field["jwt"] is not None:
            yield from _nameless([*field["jwt"]["header"], *field["jwt"]["payload"]])
