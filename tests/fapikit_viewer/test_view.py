"""The view: messages and checks become entries, whoever recorded them, in whichever order they come."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fapikit_viewer import FlowView, Party, view_of

BANK = "https://bank.example"
API = "https://api.example"
METADATA = {
    "issuer": BANK,
    "token_endpoint": f"{BANK}/oauth/t",
    "registration_endpoint": f"{BANK}/reg",
    "mtls_endpoint_aliases": {"token_endpoint": "https://mtls.bank.example/t"},
}


def message(name: str, method: str = "GET", url: str = f"{BANK}/x", **members: Any) -> dict[str, Any]:
    sent = members.pop("headers", [])
    answered = members.pop("answered", [])
    request = {"method": method, "url": url, "headers": sent, "body": members.pop("body", "")}
    status = members.pop("status", 200)
    response = {"status": status, "headers": answered, "body": members.pop("answer", "")}
    return {
        "kind": "message", "id": name, "at": 1.0, "by": "sender", "channel": "back", "from": "fintech",
        "to": url.split("/", 3)[0] + "//" + url.split("/", 3)[2],
        "ms": 2.0, "request": request, "response": None if status is None else response, **members,
    }  # fmt: skip


JSON = [["content-type", "application/json"]]
FORM = [["content-type", "application/x-www-form-urlencoded"]]
FINTECH = Party("fintech", "client", "Penny").event()


def described() -> dict[str, Any]:
    url = f"{BANK}/.well-known/openid-configuration"
    return message("m", url=url, answered=JSON, answer=json.dumps(METADATA))


def entry_of(*events: dict[str, Any]) -> dict[str, Any]:
    return next(entry for entry in view_of(events)["entries"] if entry["id"] == "1")


@pytest.mark.spec("RFC 9110 4.2.3")
def test_a_url_without_a_path_is_the_message_that_its_receiver_sees() -> None:
    sent = message("1", url=BANK)
    received = message("1", url=f"{BANK}/", by="receiver", **{"from": "client", "to": "bank"})
    for events in ([sent, received], [received, sent]):
        view = view_of([FINTECH, Party("bank", "as", "Bank", (BANK,)).event(), *events])
        assert [entry["from"] for entry in view["entries"]] == ["fintech"]
        assert [party["name"] for party in view["parties"]] == ["fintech", "bank"]


def test_an_endpoint_is_known_by_the_metadata_of_its_server() -> None:
    refresh = message("1", "POST", f"{BANK}/oauth/t", headers=FORM, body="grant_type=refresh_token")
    entry = entry_of(FINTECH, described(), refresh)
    assert entry["meaning"] == "The client gets a new access token, without the user."
    assert entry["clause"] == "RFC 6749 6"
    aliased = message("1", "POST", "https://mtls.bank.example/t")
    assert entry_of(described(), aliased)["meaning"] == "The client asks for tokens."
    assert entry_of(message("1", "POST", f"{BANK}/oauth/t"))["meaning"] == ""
    below = message("1", "PUT", f"{BANK}/reg/fintech")
    assert entry_of(described(), below)["clause"] == "RFC 7591 3"


def test_a_status_list_is_known_by_what_is_asked_for() -> None:
    entry = entry_of(message("1", url=f"{BANK}/lists/7", headers=[["Accept", "application/statuslist+jwt"]]))
    assert entry["clause"] == "TSL 8.1"


def test_metadata_that_come_later_explain_earlier_messages() -> None:
    view = FlowView()
    first = view.add([message("1", "POST", f"{BANK}/oauth/t")])
    assert first[0]["meaning"] == ""
    changed = view.add([described()])
    assert [entry["id"] for entry in changed] == ["1", "m"]
    assert changed[0]["meaning"] == "The client asks for tokens."
    assert view.add([described()]) == []


def test_a_message_that_both_sides_recorded_is_shown_once() -> None:
    mine = message("1", "POST", f"{API}/pay", status=None, ms=None)
    theirs = {**message("1", "POST", f"{API}/pay", status=201), "by": "receiver", "from": "client"}
    for events in ([mine, theirs], [theirs, mine]):
        view = view_of([FINTECH, *events])
        assert [(entry["from"], entry["status"], entry["ms"]) for entry in view["entries"]] == [
            ("fintech", 201, 2.0)
        ]


def test_another_message_with_the_same_id_hides_nothing() -> None:
    forged = {**message("1", "GET", f"{API}/other"), "by": "receiver", "from": "client"}
    view = view_of([FINTECH, message("1", "POST", f"{API}/pay"), forged])
    assert [entry["title"] for entry in view["entries"]] == ["POST /pay", "GET /other"]


def test_an_answer_completes_the_message() -> None:
    view = FlowView()
    pending = view.add([message("1", status=None, ms=None)])
    assert (pending[0]["status"], pending[0]["response"]) == (None, None)
    done = view.add([message("1")])
    assert done[0]["response"]["line"] == "200 OK"


@pytest.mark.parametrize(
    ("members", "rule", "refused"),
    [
        ({"status": 400, "answered": JSON, "answer": '{"error": "invalid_grant"}'}, "invalid_grant", True),
        ({"status": 400, "answered": JSON, "answer": '{"error": "use_dpop_nonce"}'}, "use_dpop_nonce", False),
        (
            {"status": 400, "answered": JSON, "answer": '{"error": "authorization_pending"}'},
            "authorization_pending",
            False,
        ),
        (
            {"status": 401, "answered": [["www-authenticate", 'DPoP error="invalid_token", x="y"']]},
            "invalid_token",
            True,
        ),
        ({"status": 403, "answered": []}, "403", True),
        (
            {"status": 303, "answered": [["location", "https://c.example/cb?error=access_denied"]]},
            "access_denied",
            True,
        ),
        ({"url": "https://c.example/cb?error=access_denied&iss=b"}, "access_denied", True),
        ({"status": 500}, "500", True),
    ],
)
def test_a_refusal_has_its_rule(members: dict[str, Any], rule: str, refused: bool) -> None:
    entry = entry_of(message("1", **members))
    assert (entry["error"]["rule"], entry["refused"]) == (rule, refused)
    assert entry["meaning"]
    assert entry["clause"]


def test_checks_about_a_message_are_in_its_entry_and_others_have_their_own() -> None:
    lines = [{"said": "signature", "clause": "RFC 7515 5.2", "passed": True}]
    error = {"class": "InsufficientScope", "code": "insufficient_scope", "clause": "RFC 6750 3.1"}
    about: dict[str, Any] = {"kind": "checks", "id": "c", "at": 2.0, "party": "accounts", "about": "1"}
    about |= {
        "outcome": "refused",
        "checks": lines,
        "error": {**error, "said": "too little", "remedy": "ask"},
    }
    own = {**about, "id": "d", "about": None, "outcome": "passed", "error": None, "party": "fintech"}
    view = view_of([FINTECH, about, message("1", status=403), own, own])
    first, second = view["entries"]
    assert first["checks"] == [{**lines[0], "outcome": "passed", "party": "accounts"}]
    assert first["error"]["said"] == first["meaning"] == "too little"
    assert first["refused"] is True
    assert (second["kind"], second["from"], second["to"], second["refused"]) == (
        "checks",
        "fintech",
        "fintech",
        False,
    )
    assert second["title"] == "1 check"


def test_parties_stand_from_the_browser_to_the_api_and_unknown_ones_are_met() -> None:
    browsing = {
        **message("2", url=f"{BANK}/authorize?client_id=a&request_uri=b"),
        "from": "browser",
        "channel": "front",
    }
    call = message("3", url=f"{API}/accounts", headers=[["authorization", "DPoP ***"]])
    view = view_of([call, described(), browsing, FINTECH])
    assert [(party["name"], party["role"]) for party in view["parties"]] == [
        ("browser", "browser"), ("fintech", "client"), (BANK, "as"), (API, "rs"),
    ]  # fmt: skip
    named = Party("bank", "as", "The bank", (BANK,)).event()
    view = view_of([call, described(), browsing, FINTECH, named])
    assert [party["title"] for party in view["parties"]] == ["Browser", "Penny", "The bank", "api.example"]
    assert view["entries"][1]["to"] == "bank"


def test_events_that_cannot_be_read_are_left_out() -> None:
    broken: list[dict[str, Any]] = [
        {"kind": "message"}, {"kind": "party", "name": "x", "role": "king"}, {"kind": "checks", "id": 1}, {"kind": "?"},
        {**message("1"), "request": None}, {**message("2"), "request": {"method": "GET"}},
    ]  # fmt: skip
    assert view_of([*broken, message("3")])["entries"][0]["id"] == "3"


def test_throwaway_keys_and_a_full_recording_are_told() -> None:
    view = view_of([{"kind": "keys", "throwaway": True}, {"kind": "full", "at": 1, "limit": 9}])
    assert (view["throwaway"], view["full"]) == (True, 9)


NO_URL = "http://[/x"


@pytest.mark.parametrize(
    "broken",
    [
        {**message("2"), "request": {**message("2")["request"], "url": NO_URL}},
        {**message("2"), "to": NO_URL}, {**message("2"), "from": NO_URL},
        message("2", answered=[["location", NO_URL]]),
        message("2", url=f"{BANK}/.well-known/openid-configuration", answered=JSON,
                answer=json.dumps({"issuer": BANK, "token_endpoint": NO_URL})),
        {**message("2"), "at": float("nan")}, {**message("2"), "at": 1e300}, {**message("2"), "ms": float("inf")},
        message("2", status=-1), {"kind": "full", "limit": float("inf")},
    ],
)  # fmt: skip
def test_nothing_that_a_message_holds_ends_the_view(broken: dict[str, Any]) -> None:
    view = view_of([broken, message("3")])
    assert json.dumps(view, allow_nan=False)
    assert view["entries"][-1]["id"] == "3"
