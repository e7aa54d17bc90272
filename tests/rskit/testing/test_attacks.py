"""The kit of attacks: none gets through either skin, and each is noticed where something lets it through."""

from __future__ import annotations

from typing import Any

import pytest

from rskit import resource_server as module
from rskit.attacks import Attack, Headers, attacks, find_holes
from rskit.testing import Mint
from rskit.testing.attacks.families import (
    credentials,
    proof_keys,
    proof_shapes,
    proof_targets,
    proof_times,
    signatures,
)
from tests.rskit.mothers import RESOURCE
from tests.rskit.skins import SKINS

URL = f"{RESOURCE}/accounts"
RULES = {"/accounts": {"scopes": ("accounts",)}}
PROFILES = [("oauth-2.1", False), ("oauth-2.1", True), ("fapi2-security", True)]


def sender(skin: str, server: Any) -> Any:
    call = SKINS[skin](server, RULES)

    def send(method: str, url: str, headers: Headers) -> int:
        status: int = call(method, url.removeprefix(RESOURCE), headers).status
        return status

    return send


@pytest.mark.parametrize("skin", SKINS)
@pytest.mark.parametrize(("profile", "bound"), PROFILES)
def test_nothing_gets_through(skin: str, profile: str, bound: bool):
    mint = Mint()
    send = sender(skin, mint.resource_server(RESOURCE, profile=profile))
    assert find_holes(send, mint, "GET", URL, bound=bound, scope="accounts") == []


@pytest.mark.parametrize("bound", [False, True])
def test_an_open_door_is_noticed_by_every_attack(bound: bool):
    mint = Mint()
    names = [attack.name for attack in attacks(mint, "GET", URL, bound=bound, scope="accounts")]
    report = find_holes(lambda *_: 200, mint, "GET", URL, bound=bound, scope="accounts")
    assert [hole for hole in report if hole.removesuffix(": 200") in names] == [
        f"{name}: 200" for name in names
    ]
    assert len(report) == report.attacks >= (470 if bound else 350)
    assert len(set(names)) == len(names) >= (330 if bound else 210)


def test_a_server_that_forgets_proofs_is_noticed(monkeypatch: pytest.MonkeyPatch):
    mint = Mint()
    server = mint.resource_server(RESOURCE, profile="fapi2-security")
    monkeypatch.setattr(server, "_adds_at_once", lambda *_: True)
    assert find_holes(sender("asgi", server), mint, "GET", URL, scope="accounts") == [
        "a proof that was used before: 200",
        "a proof that is used again and again: 200",
        "a proof that was used with another query: 200",
        "a proof that was used, signed otherwise: 200",
        "a proof that was used, signed anew: 200",
        "a proof that was used before thirty others: 200",
    ]


def test_a_route_without_its_scope_is_noticed():
    mint = Mint()
    server = mint.resource_server(RESOURCE, profile="fapi2-security")
    call = SKINS["asgi"](server, {"/accounts": {}})

    def send(method: str, url: str, headers: Headers) -> int:
        status: int = call(method, "/accounts", headers).status  # without the query
        return status

    found = find_holes(send, mint, "GET", URL, scope="accounts")
    assert "a token without the scope: 200" in found
    assert "a second token in the URL: 200" in found


def test_a_check_of_possession_that_is_left_out_is_noticed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "confirm", lambda *_: None)
    mint = Mint()
    server = mint.resource_server(RESOURCE)
    report = find_holes(sender("wsgi", server), mint, "GET", URL, scope="accounts")
    found = {finding.attack for finding in report.findings}
    of_proofs = {
        row.name
        for family in (
            *proof_keys.FAMILIES,
            *proof_shapes.FAMILIES,
            *proof_targets.FAMILIES,
            proof_times.TIMES,
            credentials.DOWNGRADES,
        )
        for row in family.rows
    }
    # A path of one part has no slash to escape, and its parent is the root.
    assert of_proofs - found == {"a proof for the path with a slash escaped"}
    assert "a token bound to a certificate that is not shown" in found
    assert found.isdisjoint(row.name for family in signatures.FAMILIES for row in family.rows)


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500, 503])
def test_an_honest_request_that_is_refused_shows_nothing(status: int):
    with pytest.raises(AssertionError, match=f"the honest request was answered with {status}"):
        find_holes(lambda *_: status, Mint(), "GET", URL)


def test_an_application_that_is_broken_by_an_attack_is_noticed():
    calls: list[str] = []

    def send(method: str, url: str, headers: Headers) -> int:
        calls.append(url)
        return 200 if len(calls) <= 2 else 401 if len(calls) < 400 else 500

    with pytest.raises(AssertionError, match="the honest request was answered with 500"):
        find_holes(send, Mint(), "GET", URL)
    assert len(calls) > 400


def test_an_error_is_no_refusal():
    def send(method: str, url: str, headers: Headers) -> int:
        return 200 if next(calls) in honest else 500

    calls, honest = iter(range(10_000)), {0, 1}
    with pytest.raises(AssertionError, match="500"):
        find_holes(send, Mint(), "GET", URL)
    sent = next(calls)
    calls, honest = iter(range(10_000)), {0, 1, sent - 1, sent}
    report = find_holes(send, Mint(), "GET", URL)
    assert report.requests == sent + 1
    assert len(report) > 400
    assert all(hole.endswith(": 500") for hole in report)


def test_attacks_can_be_sent_one_by_one():
    mint = Mint()
    send = sender("asgi", mint.resource_server(RESOURCE, profile="fapi2-security"))
    for attack in attacks(mint, "GET", URL, scope="accounts"):
        assert isinstance(attack, Attack)
        assert [send("GET", url, headers) for url, headers in attack.requests][-1] in (400, 401, 403)


def test_a_server_that_believes_host_is_noticed():
    """Host decides what the proof has to name: the BadHost family."""
    mint = Mint()
    server = mint.resource_server(RESOURCE)
    honest = sender("asgi", server)

    def send(method: str, url: str, headers: Headers) -> int:
        host = dict(headers).get("Host", "api.example")
        object.__setattr__(server._possession, "bases", (f"https://{host}",))
        status: int = honest(method, url, headers)
        return status

    hole = "a proof for the host that the request names: 200"
    assert find_holes(send, mint, "GET", URL, scope="accounts") == [hole]
