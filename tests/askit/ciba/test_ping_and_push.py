"""How a client hears of a decision that it does not ask for: a ping, or its tokens in a push."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from typing import Any, NoReturn

import httpx
import pytest

from askit.decoupled.notification import PAUSES, send_notification
from askit.records import Notice
from askit.users.grants import grants_of
from fapikit.errors import ResponseTooLarge, StoreUnavailable, TransportError, UnexpectedRedirect, Unreachable
from fapikit.flow import Effect, Sleep
from fapikit.http_message import HttpResponse
from fapikit.secrets import Concealed, Secret
from tests.askit.bank import Bank
from tests.askit.ciba.asking import GRANT, NOTIFIED, PING, PUSH, TOKEN, Asking, a_bank, asking
from tests.askit.ciba.notified import Notified
from tests.askit.ciba.test_grant import decide
from tests.askit.fapi1.answers import error_of
from tests.askit.plain_client import ACCOUNTS
from tests.keys import b64, claims_of

pytestmark = pytest.mark.anyio

ID, RT_HASH = "urn:openid:params:jwt:claim:auth_req_id", "urn:openid:params:jwt:claim:rt_hash"


def left_half(text: str) -> str:
    return b64(hashlib.sha256(text.encode()).digest()[:16])


def a_notifying_bank(client: dict[str, Any], **changes: Any) -> tuple[Bank, Notified, Asking]:
    endpoint = Notified()
    bank = a_bank(client, http=endpoint.http(), **changes)
    return bank, endpoint, asking(bank)


async def begun(fintech: Asking, **changes: Any) -> str:
    return await fintech.started(client_notification_token=TOKEN, **changes)


# Ping


@pytest.mark.spec("CIBA 10.2a", "CIBA 10.2c")
@pytest.mark.parametrize("approve", [True, False])
async def test_a_ping_says_which_request_was_decided_and_nothing_else(approve: bool) -> None:
    bank, endpoint, fintech = a_notifying_bank(PING)
    auth_req_id = await begun(fintech)
    await endpoint.settled()
    assert endpoint.heard == []
    await decide(bank, auth_req_id, approve=approve)
    await endpoint.settled()
    assert endpoint.heard == [{"auth_req_id": auth_req_id}]
    (request,) = endpoint.requests
    assert (request.method, str(request.url)) == ("POST", NOTIFIED)
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["content-type"] == "application/json"
    response = await fintech.poll(auth_req_id)
    assert response.status_code == (200 if approve else 400)


def _fails(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("nobody is there")


@pytest.mark.spec("CIBA 10.2a", "CIBA 10.3.1c")
@pytest.mark.parametrize(
    "answer",
    [
        lambda _: httpx.Response(200),
        lambda _: httpx.Response(204),
        lambda _: httpx.Response(401),
        lambda _: httpx.Response(403, text="no"),
        lambda _: httpx.Response(404),
        lambda _: httpx.Response(500),
        lambda _: httpx.Response(307, headers={"location": "https://elsewhere.example.test/"}),
        lambda _: httpx.Response(200, text="x" * 100_000),
        _fails,
    ],
    ids=["200", "204", "401", "403", "404", "500", "redirect", "a long body", "nobody there"],
)
async def test_whatever_the_endpoint_answers_the_client_can_poll(
    answer: Callable[[httpx.Request], httpx.Response],
) -> None:
    """And it is called once: a refusal is not tried again, and a redirect is not followed."""
    bank, endpoint, fintech = a_notifying_bank(PING)
    endpoint.answer = answer
    auth_req_id = await begun(fintech)
    await decide(bank, auth_req_id)
    await endpoint.settled()
    assert len(endpoint.heard) == 1
    assert (await fintech.poll(auth_req_id)).status_code == 200


def _said(status: int) -> HttpResponse:
    return HttpResponse(status, (), b"", NOTIFIED)


@pytest.mark.spec("CIBA 10.2a", "CIBA 10.3.1c")
@pytest.mark.parametrize(
    ("outcome", "calls"),
    [
        (_said(204), 1),
        (_said(401), 1),
        (_said(403), 1),
        (_said(404), 1),
        (_said(429), 1),
        (_said(500), 1),
        (UnexpectedRedirect("it answered with a redirect"), 1),
        (ResponseTooLarge("its answer is too long"), 1),
        (Unreachable("it cannot be reached"), len(PAUSES)),
        (_said(502), len(PAUSES)),
        (_said(503), len(PAUSES)),
        (_said(504), len(PAUSES)),
    ],
    ids=lambda value: str(getattr(value, "status", type(value).__name__)),
)
async def test_only_what_the_endpoint_could_not_take_is_tried_again_and_not_for_ever(
    caplog: pytest.LogCaptureFixture, outcome: HttpResponse | TransportError, calls: int
) -> None:
    """The flow by hand: no test waits for its pauses."""
    bank, _, _ = a_notifying_bank(PING)
    core = bank.server.core
    client = await core.clients.find("fintech")
    assert client is not None
    flow = send_notification(core, client, Secret(TOKEN), Concealed(b'{"auth_req_id":"x"}'))
    pauses, called = [], 0
    caplog.set_level(logging.INFO)
    effect: Effect | None = next(flow)
    while effect is not None:
        try:
            if isinstance(effect, Sleep):
                pauses.append(effect.seconds)
                effect = flow.send(None)
            else:
                called += 1
                failed = isinstance(outcome, TransportError)
                effect = flow.throw(outcome) if failed else flow.send(outcome)
        except StopIteration:
            effect = None
    assert (called, pauses) == (calls, list(PAUSES[1:calls]))
    assert ("fintech" in caplog.text) == (outcome != _said(204))
    assert TOKEN not in caplog.text


async def test_a_poll_client_is_never_called() -> None:
    bank, endpoint, fintech = a_notifying_bank({**PING, "backchannel_token_delivery_mode": "poll"})
    auth_req_id = await begun(fintech)
    await decide(bank, auth_req_id)
    await endpoint.settled()
    assert endpoint.heard == []


async def test_the_ping_of_an_automatic_approval_comes_after_the_answer() -> None:
    _, endpoint, fintech = a_notifying_bank(PING, auto_approve="alice")
    auth_req_id = await begun(fintech)
    await endpoint.settled()
    assert endpoint.heard == [{"auth_req_id": auth_req_id}]
    assert (await fintech.poll(auth_req_id)).status_code == 200


# Push


@pytest.mark.spec("CIBA 10.3.1a", "CIBA 10.3.1b", "CIBA 5")
async def test_a_push_has_the_tokens_bound_to_the_key_of_the_request() -> None:
    bank, endpoint, fintech = a_notifying_bank(PUSH)
    auth_req_id = await begun(fintech, proof=True)
    await decide(bank, auth_req_id)
    await endpoint.settled()
    (body,) = endpoint.heard
    assert set(body) == {
        "auth_req_id", "access_token", "token_type", "expires_in", "scope", "refresh_token", "id_token"
    }  # fmt: skip
    assert (body["auth_req_id"], body["token_type"]) == (auth_req_id, "DPoP")
    jkt = fintech.client.dpop_key.thumbprint
    assert claims_of(body["access_token"])["cnf"] == {"jkt": jkt}
    claims = claims_of(body["id_token"])
    assert claims["at_hash"] == left_half(body["access_token"])
    assert claims[RT_HASH] == left_half(body["refresh_token"])
    assert claims[ID] == auth_req_id
    assert (claims["sub"], claims["aud"]) == ("user-alice", "fintech")
    assert (await fintech.client.refresh(body["refresh_token"])).status_code == 200


@pytest.mark.spec("CIBA 10.3.1b")
async def test_without_a_refresh_token_there_is_no_hash_of_it() -> None:
    client = {**PUSH, "grant_types": ["authorization_code"]}
    bank, endpoint, fintech = a_notifying_bank(client)
    await decide(bank, await begun(fintech, proof=True))
    await endpoint.settled()
    (body,) = endpoint.heard
    assert "refresh_token" not in body
    assert RT_HASH not in claims_of(body["id_token"])


@pytest.mark.spec("CIBA 5", "FAPI2-SP 5.3.2.1-4")
async def test_a_push_request_shows_the_key_of_its_tokens() -> None:
    _, _, fintech = a_notifying_bank(PUSH)
    response = await fintech.send(client_notification_token=TOKEN)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_dpop_proof")


@pytest.mark.spec("CIBA 12")
async def test_a_refusal_is_pushed_too() -> None:
    bank, endpoint, fintech = a_notifying_bank(PUSH)
    auth_req_id = await begun(fintech, proof=True)
    await decide(bank, auth_req_id, approve=False)
    await endpoint.settled()
    (body,) = endpoint.heard
    assert (body["auth_req_id"], body["error"]) == (auth_req_id, "access_denied")
    assert set(body) == {"auth_req_id", "error", "error_description"}


@pytest.mark.spec("CIBA 12")
async def test_a_push_whose_tokens_cannot_be_made_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user has decided, and then the key cannot be read."""
    bank, endpoint, fintech = a_notifying_bank(PUSH)
    auth_req_id = await begun(fintech, proof=True, resource=ACCOUNTS)

    async def no_key(_: str | None = None) -> NoReturn:
        raise StoreUnavailable("the store does not answer")

    monkeypatch.setattr(bank.server.core.keys, "signer", no_key)
    await decide(bank, auth_req_id)
    await endpoint.settled()
    (body,) = endpoint.heard
    assert (body["auth_req_id"], body["error"]) == (auth_req_id, "transaction_failed")
    assert (await grants_of(bank.server.core, "alice"))[0] == []
    assert not set(body) & {"access_token", "refresh_token", "id_token"}


async def test_a_pushed_request_is_used_up() -> None:
    """Also if the client registers for polls meanwhile."""
    bank, endpoint, fintech = a_notifying_bank(PUSH)
    auth_req_id = await begun(fintech, proof=True)
    await decide(bank, auth_req_id)
    await endpoint.settled()
    later = a_bank({**PING, "grant_types": [*PUSH["grant_types"], GRANT]})
    later.server.core.records.store = bank.store
    later.clock.now = bank.clock.now
    assert error_of(await asking(later).poll(auth_req_id))[:2] == (400, "invalid_grant")


def test_nothing_shown_of_a_notice_has_its_secrets() -> None:
    shown = repr(Notice(auth_req_id="the-id", token=TOKEN))
    assert "the-id" not in shown
    assert TOKEN not in shown
