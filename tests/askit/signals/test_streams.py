"""A receiver manages its event stream over a socket: what it may do, and each refusal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from askit.pytest_plugin.hosts import Hosts
from fapikit.errors import PeerRefused
from fapikit.signals.event_types import CREDENTIAL_CHANGE, POLL, PUSH, SESSION_REVOKED, TOKEN_CLAIMS_CHANGE
from tests.askit.signals.bank import API_CLIENT, API_CLIENT_ID, Bank, Receiver, a_bank, client_of, text_of
from tests.keys import claims_of, header_of

PUSHED = {"method": PUSH, "endpoint_url": "https://api.example.com/events"}
OTHER = {"client_id": "other", "grant_types": ["client_credentials"], "client_secret": "s" * 43}


@pytest.fixture(scope="module")
def bank(askit_hosts: Hosts) -> Iterator[Bank]:
    with a_bank(askit_hosts, clients=[API_CLIENT, OTHER]) as server:
        yield server


@pytest.fixture
def receiver(bank: Bank) -> Iterator[Receiver]:
    receiver = Receiver(bank)
    yield receiver
    for stream in receiver.read().json():
        receiver.send("DELETE", "configuration_endpoint", stream_id=stream["stream_id"])
    receiver.close()


@pytest.fixture
def stream(receiver: Receiver) -> dict[str, Any]:
    made: dict[str, Any] = receiver.create().json()
    return made


@pytest.mark.spec("SSF 7.1", "SSF 7.2")
def test_the_metadata_are_complete(bank: Bank, receiver: Receiver) -> None:
    endpoint = f"{bank.issuer}/event_streams"
    assert receiver.metadata == {
        "spec_version": "1_0",
        "issuer": bank.issuer,
        "jwks_uri": f"{bank.issuer}/jwks",
        "delivery_methods_supported": [PUSH, POLL],
        "configuration_endpoint": endpoint,
        "status_endpoint": f"{endpoint}/status",
        "add_subject_endpoint": f"{endpoint}/add_subject",
        "remove_subject_endpoint": f"{endpoint}/remove_subject",
        "verification_endpoint": f"{endpoint}/verification",
        "authorization_schemes": [{"spec_urn": "urn:ietf:rfc:6749"}],
        "default_subjects": "ALL",
    }


def test_a_bank_without_receivers_has_no_endpoints(askit_hosts: Hosts) -> None:
    with (
        a_bank(askit_hosts, shared_signals=None, clients=[]) as plain,
        httpx.Client(verify=plain.http().tls) as anybody,
    ):
        assert anybody.get(f"{plain.issuer}/.well-known/ssf-configuration").status_code == 404
        assert anybody.post(f"{plain.issuer}/event_streams").status_code == 404
        with client_of(plain) as client:
            tokens = plain.signed_in(
                client,
                scope="openid accounts",
                resources=["https://api.example.test/"],
                resource="https://api.example.test/",
            ).tokens
        assert "sid" not in claims_of(text_of(tokens)), "who tells nothing of sessions names none"


@pytest.mark.spec("SSF 8.1.1", "SSF 6.1")
def test_the_life_of_a_stream(bank: Bank, receiver: Receiver) -> None:
    assert receiver.read().json() == []
    made = receiver.create(
        events_requested=[SESSION_REVOKED, "urn:unknown"], description="d" * 300, unknown=1
    )
    assert made.status_code == 201
    stream = made.json()
    poll = f"{bank.issuer}/event_streams/{stream['stream_id']}/poll"
    assert stream == {
        "stream_id": stream["stream_id"],
        "iss": bank.issuer,
        "aud": API_CLIENT_ID,
        "events_supported": [SESSION_REVOKED, TOKEN_CLAIMS_CHANGE],
        "events_requested": [SESSION_REVOKED, "urn:unknown"],
        "events_delivered": [SESSION_REVOKED],
        "delivery": {"method": POLL, "endpoint_url": poll},
        "description": "d" * 200,
        "min_verification_interval": 30,
    }
    assert receiver.create().status_code == 409, "one stream for each receiver"
    assert receiver.read(stream["stream_id"]).json() == stream
    assert receiver.read().json() == [stream]
    changed = receiver.send(
        "PATCH", "configuration_endpoint", {"stream_id": stream["stream_id"], "description": "other"}
    ).json()
    assert changed == {**stream, "description": "other"}
    replaced = receiver.send(
        "PUT",
        "configuration_endpoint",
        {**changed, "delivery": {**PUSHED, "authorization_header": "Bearer x"}},
    ).json()
    assert replaced == {**changed, "delivery": PUSHED}, "the header is nobody's to read"
    emptied = receiver.send("PUT", "configuration_endpoint", {"stream_id": stream["stream_id"]}).json()
    assert "events_requested" not in emptied
    assert emptied["delivery"]["method"] == POLL
    gone = receiver.send("DELETE", "configuration_endpoint", stream_id=stream["stream_id"])
    assert (gone.status_code, gone.content) == (204, b"")
    assert receiver.read(stream["stream_id"]).status_code == 404


@pytest.mark.spec("SSF 8.1.1", "SSF 6.1")
@pytest.mark.parametrize(
    ("members", "says"),
    [
        ([1], "JSON object"),
        ({"events_requested": SESSION_REVOKED}, "events_requested"),
        ({"events_requested": [1]}, "events_requested"),
        ({"events_requested": ["x"] * 101}, "events_requested"),
        ({"description": 1}, "description"),
        ({"description": "x" * 3000}, "description"),
        ({"delivery": "push"}, "delivery"),
        ({"delivery": {}}, "delivery.method"),
        ({"delivery": {"method": "urn:other"}}, "delivery.method"),
        ({"delivery": {"method": PUSH}}, "delivery.endpoint_url"),
        ({"delivery": {**PUSHED, "endpoint_url": "http://api.example.com/events"}}, "delivery.endpoint_url"),
        ({"delivery": {**PUSHED, "endpoint_url": "https://api.example.com/#a"}}, "delivery.endpoint_url"),
        ({"delivery": {**PUSHED, "endpoint_url": "https://me:pw@api.example.com/"}}, "delivery.endpoint_url"),
        ({"delivery": {**PUSHED, "endpoint_url": 1}}, "delivery.endpoint_url"),
        ({"delivery": {**PUSHED, "authorization_header": 1}}, "delivery.authorization_header"),
        ({"delivery": {**PUSHED, "authorization_header": "a\r\nb: c"}}, "delivery.authorization_header"),
        ({"delivery": {**PUSHED, "authorization_header": " x"}}, "delivery.authorization_header"),
        ({"delivery": {**PUSHED, "authorization_header": "é"}}, "delivery.authorization_header"),
    ],
    ids=str,
)
def test_settings_that_cannot_be_taken(receiver: Receiver, members: Any, says: str) -> None:
    refused = receiver.send("POST", "configuration_endpoint", members)
    assert refused.status_code == 400
    assert says in refused.json()["error_description"]
    assert receiver.read().json() == []


@pytest.mark.spec("SSF 8.1.1")
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ({"stream_id": None}, 400, "stream_id"),
        ({"stream_id": 7}, 400, "stream_id"),
        ({"stream_id": "other"}, 404, "stream_id"),
        ({"iss": "https://other.example"}, 400, "iss"),
        ({"aud": "other"}, 400, "aud"),
        ({"events_supported": []}, 400, "events_supported"),
        ({"events_delivered": [CREDENTIAL_CHANGE]}, 400, "events_delivered"),
        ({"min_verification_interval": 1}, 400, "min_verification_interval"),
        ({"events_requested": 7}, 400, "events_requested"),
    ],
    ids=str,
)
def test_changes_that_cannot_be_made(
    receiver: Receiver, stream: dict[str, Any], method: str, change: dict[str, Any], status: int, says: str
) -> None:
    refused = receiver.send(method, "configuration_endpoint", {**stream, **change})
    assert (refused.status_code, says in refused.json()["error_description"]) == (status, True)
    assert receiver.read().json() == [stream]


@pytest.mark.spec("SSF 8.1.2")
def test_the_status_of_a_stream(receiver: Receiver, stream: dict[str, Any]) -> None:
    named = {"stream_id": stream["stream_id"]}
    assert receiver.send("GET", "status_endpoint", **named).json() == {**named, "status": "enabled"}
    paused = {**named, "status": "paused", "reason": "maintenance"}
    assert receiver.send("POST", "status_endpoint", paused).json() == paused
    assert receiver.send("GET", "status_endpoint", **named).json() == paused
    for status in ("off", None, 1):
        refused = receiver.send("POST", "status_endpoint", {**named, "status": status})
        assert (refused.status_code, "status" in refused.json()["error_description"]) == (400, True)
    assert receiver.send("POST", "status_endpoint", {**paused, "reason": 1}).status_code == 400
    assert receiver.send("POST", "status_endpoint", {**paused, "stream_id": "other"}).status_code == 404
    assert receiver.send("GET", "status_endpoint", stream_id="other").status_code == 404
    assert receiver.send("GET", "status_endpoint").status_code == 400


@pytest.mark.spec("SSF 8.1.4", "SSF 4.1.1", "RFC 8936 2.3")
def test_a_verification_event_waits_until_it_is_acknowledged(
    bank: Bank, receiver: Receiver, stream: dict[str, Any]
) -> None:
    named = {"stream_id": stream["stream_id"]}
    asked = receiver.send("POST", "verification_endpoint", {**named, "state": "abc"})
    assert (asked.status_code, asked.content) == (204, b"")
    for _ in range(2):
        found = receiver.poll(stream).json()
        ((jti, token),) = found["sets"].items()
    assert found["moreAvailable"] is False
    assert header_of(token)["typ"] == "secevent+jwt"
    claims = claims_of(token)
    assert claims == {
        "iss": bank.issuer,
        "aud": API_CLIENT_ID,
        "iat": claims["iat"],
        "jti": jti,
        "sub_id": {"format": "opaque", "id": stream["stream_id"]},
        "events": {"https://schemas.openid.net/secevent/ssf/event-type/verification": {"state": "abc"}},
    }
    again = receiver.send("POST", "verification_endpoint", named)
    assert (again.status_code, "retry-after" in again.headers) == (429, True)
    assert receiver.poll(stream, ack=[jti]).json() == {"sets": {}, "moreAvailable": False}
    assert receiver.send("POST", "verification_endpoint", {"stream_id": "other"}).status_code == 404
    assert receiver.send("POST", "verification_endpoint", {**named, "state": 1}).status_code == 400


@pytest.mark.spec("RFC 8936 2.2", "RFC 8936 2.4")
def test_what_a_poll_may_say(receiver: Receiver, stream: dict[str, Any]) -> None:
    receiver.send("POST", "verification_endpoint", {"stream_id": stream["stream_id"]})
    assert receiver.poll(stream, maxEvents=0, returnImmediately=False).json()["sets"] == {}, (
        "only acknowledges"
    )
    (jti,) = receiver.poll(stream, maxEvents=1).json()["sets"]
    assert list(receiver.poll(stream, ack=["other", "0-" + "x" * 22, ""]).json()["sets"]) == [jti]
    for wrong, says in (
        ({"maxEvents": -1}, "maxEvents"),
        ({"maxEvents": "1"}, "maxEvents"),
        ({"maxEvents": True}, "maxEvents"),
        ({"returnImmediately": 1}, "returnImmediately"),
        ({"ack": jti}, "ack"),
        ({"ack": [1]}, "ack"),
        ({"ack": [jti, 1]}, "ack"),
        ({"setErrs": [jti]}, "setErrs"),
        ({"setErrs": {jti: "invalid_key"}}, "setErrs"),
        ({"ack": ["x"] * 1001}, "1000"),
    ):
        refused = receiver.poll(stream, **wrong)
        assert (refused.status_code, says in refused.json()["error_description"]) == (400, True), wrong
    assert list(receiver.poll(stream).json()["sets"]) == [jti], "nothing was acknowledged"
    refusal = {jti: {"err": "invalid_key", "description": "no"}}
    assert receiver.poll(stream, setErrs=refusal).json()["sets"] == {}, "what was refused does not come again"


@pytest.mark.spec("SSF 6.1")
def test_a_push_stream_is_not_polled(bank: Bank, receiver: Receiver) -> None:
    stream = receiver.push_to("https://api.example.com/events")
    url = f"{bank.issuer}/event_streams/{stream['stream_id']}/poll"
    refused = receiver.http.post(url, json={})
    assert (refused.status_code, "pushed" in refused.json()["error_description"]) == (400, True)


@pytest.mark.spec("SSF 8.1.3")
def test_subjects_that_cannot_be_taken(bank: Bank, receiver: Receiver, stream: dict[str, Any]) -> None:
    named = {"stream_id": stream["stream_id"]}
    alice = {"format": "iss_sub", "iss": bank.issuer, "sub": "alice"}
    for subject, status in (
        (None, 400),
        ("alice", 400),
        ({"format": "iss_sub", "iss": bank.issuer}, 400),
        ({"format": "email", "email": "alice@example.test"}, 404),
        ({**alice, "iss": "https://other.example"}, 404),
    ):
        for endpoint in ("add_subject_endpoint", "remove_subject_endpoint"):
            refused = receiver.send("POST", endpoint, {**named, "subject": subject})
            assert refused.status_code == status, subject
    removed = receiver.send("POST", "remove_subject_endpoint", {**named, "subject": alice})
    assert (removed.status_code, removed.content) == (204, b"")
    assert receiver.send("POST", "add_subject_endpoint", {**named, "subject": alice}).status_code == 200


MANAGED = (
    ("POST", ""),
    ("GET", ""),
    ("PATCH", ""),
    ("PUT", ""),
    ("DELETE", ""),
    ("GET", "/status"),
    ("POST", "/status"),
    ("POST", "/add_subject"),
    ("POST", "/remove_subject"),
    ("POST", "/verification"),
    ("POST", "/some-stream/poll"),
)
READ_ONLY = {("GET", ""), ("GET", "/status"), ("POST", "/verification"), ("POST", "/some-stream/poll")}


@pytest.mark.spec("SSF 8.1.1")
@pytest.mark.parametrize(("method", "path"), MANAGED)
def test_every_endpoint_asks_who_is_calling(bank: Bank, receiver: Receiver, method: str, path: str) -> None:
    url = f"{bank.issuer}/event_streams{path}"
    with httpx.Client(verify=bank.http().tls) as anybody:
        assert anybody.request(method, url).status_code == 401
        wrong = anybody.request(method, url, headers={"authorization": "Bearer wrong"})
        assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_token")
        basic = anybody.post(
            f"{bank.issuer}/token",
            data={"grant_type": "client_credentials", "scope": "ssf.manage"},
            auth=("other", "s" * 43),
        ).json()
        other = anybody.request(method, url, headers={"authorization": f"Bearer {basic['access_token']}"})
        assert (other.status_code, other.json()["error"]) == (403, "unauthorized_client")
    reader = Receiver(bank, scope="ssf.read")
    answered = reader.http.request(method, url)
    assert (answered.status_code == 403) is ((method, path) not in READ_ONLY)
    if answered.status_code == 403:
        assert "ssf.manage" in answered.headers["www-authenticate"]
    reader.close()


def test_no_user_grants_the_scopes_of_receivers(bank: Bank) -> None:
    with client_of(bank) as client, pytest.raises(PeerRefused, match="client_credentials"):
        bank.signed_in(client, scope="openid ssf.manage")


def test_a_stream_is_its_receiver_s_alone(bank: Bank, receiver: Receiver, stream: dict[str, Any]) -> None:
    fintech = Receiver(bank, "test-client")
    assert fintech.read().json() == []
    assert fintech.read(stream["stream_id"]).status_code == 404
    assert fintech.poll(stream).status_code == 404
    deleted = fintech.send("DELETE", "configuration_endpoint", stream_id=stream["stream_id"])
    assert deleted.status_code == 404
    assert fintech.send("DELETE", "configuration_endpoint").status_code == 400
    fintech.close()
    assert receiver.read().json() == [stream]
