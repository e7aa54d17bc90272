"""The wait for a CIBA request: by poll, by ping, by push; what ends it, what is verified, and that nothing is lost."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fapikit import FapiError, MemoryStore, Secret
from fapikit.errors import (
    PeerRefused,
    SealBroken,
    StoreUnavailable,
    WrongHash,
    WrongNonce,
)
from fapikit.stores.sealed import Seal
from rpkit import CibaRequest, DeviceAuthorization
from rpkit.decoupled import authentication_request, notified
from rpkit.errors import (
    ForeignTransaction,
    MissingIdToken,
    OtherUser,
    RequestDenied,
    RequestEnded,
    RequestExpired,
    TokenResponseError,
    WaitCancelled,
    WrongAcr,
    WrongTokenType,
)
from tests.adversary.walk import with_one_more, without
from tests.hands import Hand, answer
from tests.keys import claims_of, mint
from tests.mothers.ciba_bank import CibaBank
from tests.mothers.clients import Clients
from tests.rpkit.decoupled.naps import Naps, at_nap

SEAL = Seal([b"s" * 32])
PAYMENT = {"type": "payment_initiation", "instructedAmount": {"currency": "EUR", "amount": "12.00"}}
PUSH = {"backchannel_token_delivery_mode": "push"}
PING = {"backchannel_token_delivery_mode": "ping"}


@pytest.fixture
def bank() -> CibaBank:
    return CibaBank(nonces=False)


# --- poll -------------------------------------------------------------------------------------------


@pytest.mark.spec("CIBA 10.1a, 10.1b; RFC 9396 7")
def test_the_wait_ends_in_a_login(of: Any, bank: CibaBank, naps: Naps) -> None:
    bank.answers, bank.acr = ["authorization_pending"], "high"
    details = [PAYMENT]
    bank.faults["token"] = lambda members: {**members, "authorization_details": details}
    client = of()
    login = client.wait(
        client.ciba(
            scope="openid payments", login_hint="alice", acr_values="high", authorization_details=details
        )
    )
    assert login.tokens.subject == login.id_token.subject == "alice"
    assert login.tokens.dpop is not None
    assert client.refresh(login.tokens).version == 2
    lines = str(login.report)
    for line in (
        "passed the user has decided on another device [CIBA 11a]",
        "passed authorization_details are as requested [RFC 9396 7]",
        "passed ID token: acr",
        "passed access token is bound to the key of this login",
        "skipped ID token: nonce",
        "skipped ID token: sub is the user of the hint [CIBA 7.1c]: the hint is no ID token",
    ):
        assert line in lines, line
    assert login.report.downgrades == ()
    polls = bank.calls("token")
    assert len({claims_of(call.form["client_assertion"])["jti"] for call in polls}) == len(polls) == 3


def test_what_was_approved_is_compared_with_what_was_asked(of: Any, bank: CibaBank, naps: Naps) -> None:
    dearer = {**PAYMENT, "instructedAmount": {"currency": "EUR", "amount": "1200.00"}}
    bank.faults["token"] = lambda members: {**members, "authorization_details": [dearer]}
    client = of()
    login = client.wait(client.ciba(login_hint="alice", authorization_details=[PAYMENT]))
    assert [check.name for check in login.report.downgrades] == ["authorization_details"]


@pytest.mark.spec("CIBA 10.1b")
def test_a_poll_may_be_held_for_half_a_minute(of: Any, bank: CibaBank, naps: Naps) -> None:
    client = of()
    request = client.ciba(login_hint="alice")
    hand = Hand(answer({"error": "access_denied"}, 400))
    with pytest.raises(PeerRefused):
        hand.run(request.redeem(client.bank, None))
    assert hand.requests[0].timeout >= 40


@pytest.mark.spec("CIBA 7.1c")
def test_the_user_is_the_one_of_the_id_token_hint(of: Any, bank: CibaBank, naps: Naps) -> None:
    client = of()
    id_token = client.wait(client.ciba(login_hint="alice")).id_token
    again = client.wait(client.ciba(id_token_hint=id_token))
    assert "passed ID token: sub is the user of the hint" in str(again.report)
    bank.user = {"sub": "mallory"}
    for hint in (id_token, id_token.token, mint({"sub": "alice"})):
        with pytest.raises(OtherUser) as caught:
            client.wait(client.ciba(id_token_hint=hint))
        assert caught.value.clause == "CIBA 7.1c"


TOKENS: dict[str, tuple[str, Callable[[Any], Any], type[FapiError]]] = {
    "no access token": ("token", without("access_token"), TokenResponseError),
    "no token type": ("token", without("token_type"), TokenResponseError),
    "an unbound token": ("token", lambda members: {**members, "token_type": "Bearer"}, WrongTokenType),
    "no ID token": ("token", without("id_token"), MissingIdToken),
    "an ID token of some login": ("id_token", lambda claims: {**claims, "nonce": "n"}, WrongNonce),
    "the hash of another token": ("id_token", with_one_more("at_hash"), WrongHash),
    "a weaker sign-in": ("id_token", lambda claims: {**claims, "acr": "low"}, WrongAcr),
}


@pytest.mark.spec("CIBA 10.1a; OIDC 3.1.3.7-11, -12; FAPI-CIBA 5.2.3.1-3")
@pytest.mark.parametrize("case", TOKENS)
def test_the_tokens_are_verified_as_after_a_login(case: str, of: Any, bank: CibaBank, naps: Naps) -> None:
    fault, hook, error = TOKENS[case]
    bank.acr, bank.faults[fault] = "high", hook
    client = of()
    request = client.ciba(login_hint="alice", acr_values="high")
    with pytest.raises(error):
        client.wait(request)
    with pytest.raises(RequestEnded):
        client.wait(request)


# --- ping -------------------------------------------------------------------------------------------


@pytest.mark.spec("CIBA 10.2b")
def test_a_ping_ends_the_pause(of: Any, bank: CibaBank, naps: Naps, hear: Any) -> None:
    client = of(**PING)
    request = client.ciba(login_hint="alice")
    at_nap(naps, 3, lambda: hear(bank.ping(request.reference.reveal())))
    assert client.wait(request).tokens.subject == "alice"
    assert naps.seconds == [1, 1, 1]
    assert len(bank.calls("token")) == 1


@pytest.mark.spec("CIBA 10.1b, 10.2b")
def test_a_lost_ping_costs_half_a_minute(of: Any, bank: CibaBank, naps: Naps) -> None:
    bank.answers = ["authorization_pending"] * 2
    client = of(**PING)
    assert client.wait(client.ciba(login_hint="alice")).tokens.subject == "alice"
    assert len(bank.calls("token")) == 3
    assert sum(naps.seconds) == 90


@pytest.mark.spec("CIBA 7.3b, 10.1a")
def test_a_ping_does_not_shorten_the_interval(of: Any, bank: CibaBank, naps: Naps, hear: Any) -> None:
    """A ping that comes just after a poll: the next poll waits for the rest of the interval."""
    bank.faults["bc"] = lambda members: {**members, "interval": 20}
    bank.answers = ["authorization_pending"]
    client = of(**PING)
    request = client.ciba(login_hint="alice")
    at_nap(naps, 31, lambda: hear(bank.ping(request.reference.reveal())))
    client.wait(request)
    assert naps.seconds == [1] * 30 + [20]


def test_an_early_ping_is_followed_by_the_rules_of_polling(
    of: Any, bank: CibaBank, naps: Naps, hear: Any
) -> None:
    bank.answers = ["authorization_pending", "slow_down"]
    client = of(**PING)
    request = client.ciba(login_hint="alice")
    hear(bank.ping(request.reference.reveal()))
    client.wait(request)
    assert naps.seconds == [5, 10]


def test_a_store_that_does_not_answer_makes_it_poll(
    of: Any, bank: CibaBank, naps: Naps, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: Any) -> Any:
        raise StoreUnavailable("down")
        yield

    monkeypatch.setattr(notified, "heard_notification", down)
    bank.answers = ["authorization_pending"]
    client = of(**PING)
    assert client.wait(client.ciba(login_hint="alice")).tokens.subject == "alice"
    assert len(bank.calls("token")) == 2


def test_a_ping_for_another_request_is_no_ping(
    of: Any, bank: CibaBank, naps: Naps, hear: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record had no auth_req_id yet when it came."""

    def not_named(*_: Any, **__: Any) -> Any:
        return
        yield

    monkeypatch.setattr(authentication_request, "name_notification", not_named)
    client = of(**PING)
    request = client.ciba(login_hint="alice")
    headers, _ = bank.ping(request.reference.reveal())
    hear((headers, b'{"auth_req_id":"another"}'))
    assert client.wait(request).tokens.subject == "alice"
    assert naps.seconds == [5]


def test_a_ping_that_says_no_is_found_out_by_the_poll(of: Any, bank: CibaBank, naps: Naps, hear: Any) -> None:
    bank.answers = ["access_denied"]
    client = of(**PING)
    request = client.ciba(login_hint="alice")
    hear(bank.ping(request.reference.reveal()))
    with pytest.raises(RequestDenied) as caught:
        client.wait(request)
    assert caught.value.clause == "CIBA 11a"


def test_nobody_decides(of: Any, bank: CibaBank, naps: Naps) -> None:
    bank.answers = ["authorization_pending"] * 100
    client = of(**PING)
    request = client.ciba(login_hint="alice")
    with pytest.raises(RequestExpired):
        client.wait(request)
    assert bank.clock() < request.expires_at + 5


# --- another process, cancellation, secrets ---------------------------------------------------------


@pytest.mark.parametrize("mode", ["poll", "ping", "push"])
def test_a_sealed_request_is_the_same_one(mode: str, of: Any, bank: CibaBank) -> None:
    request = of(backchannel_token_delivery_mode=mode).ciba(
        login_hint="alice",
        binding_message="WDJB-MJHT",
        authorization_details=[PAYMENT],
        acr_values="high",
        resources=["https://api.example/a"],
    )
    opened = CibaRequest.open(request.seal(SEAL), SEAL)
    assert opened == request
    assert opened.dpop.private.to_private_jwk() == request.dpop.private.to_private_jwk()
    with pytest.raises(SealBroken):
        DeviceAuthorization.open(request.seal(SEAL), SEAL)


def test_the_request_of_another_client_is_refused(of: Any, bank: CibaBank) -> None:
    client = of()
    for change in ({"client_id": "another"}, {"issuer": "https://other.example"}):
        with pytest.raises(ForeignTransaction):
            client.wait(replace(client.ciba(login_hint="alice"), **change))
    assert not bank.calls("token")


@pytest.mark.parametrize("mode", ["poll", "ping", "push"])
def test_another_thread_cancels_the_wait(mode: str, of: Any, bank: CibaBank) -> None:
    client = of(backchannel_token_delivery_mode=mode)
    request = client.ciba(login_hint="alice")
    threading.Timer(0.05, request.cancel).start()
    with pytest.raises(WaitCancelled):
        client.wait(request)
    assert not bank.calls("token")


@pytest.mark.spec("CIBA 7.1d, 10.2b; FAPI2-SP 5.4.1-4")
def test_a_thief_of_the_store_finds_nothing(of: Any, bank: CibaBank, hear: Any, store: MemoryStore) -> None:
    request = of(**PUSH).ciba(login_hint="alice")
    push = bank.push(request.reference.reveal())
    hear(push)
    members = json.loads(push[1])
    secrets = [
        request.notification_token.reveal(),
        request.reference.reveal(),
        *(members[name] for name in ("access_token", "refresh_token", "id_token")),
    ]
    kept = list(store._entries.items())
    assert len(kept) == 2, "the store holds the request and its push"
    for key, entry in kept:
        held = f"{key} {entry!r}"
        assert not any(secret in held for secret in secrets)


def test_no_secret_is_shown_by_accident(of: Any, bank: CibaBank) -> None:
    request = of(**PING).ciba(login_hint="alice", user_code="4711-secret")
    for secret in (request.reference, request.notification_token):
        assert isinstance(secret, Secret)
        assert secret.reveal() not in repr(request) + request.id


@pytest.mark.spec("CIBA 10.1a")
def test_two_threads_that_wait_never_poll_at_once(bank: CibaBank, store: MemoryStore, naps: Naps) -> None:
    """They share the poll, and one of them gets the login."""
    client = Clients("sync").of(bank, redirect_uri=None, store=store)
    request = client.ciba(login_hint="alice")
    may_end, under_way, at_once, napped = threading.Event(), [0], [], threading.Semaphore(0)

    def held(_call: Any) -> None:
        under_way[0] += 1
        at_once.append(under_way[0])
        may_end.wait(20)
        under_way[0] -= 1

    naps.meanwhile = lambda _nap: napped.release()
    bank.faults["token_answer"] = held
    results: list[Any] = []

    def wait() -> None:
        try:
            results.append(client.wait(request))
        except FapiError as error:
            results.append(error)

    threads = [threading.Thread(target=wait) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert napped.acquire(timeout=20)
    while not at_once:
        threading.Event().wait(0.01)
    threading.Event().wait(0.05)  # the other thread has time for a poll of its own, if it made one
    may_end.set()
    for thread in threads:
        thread.join(20)
    assert max(at_once) == 1
    assert [type(result).__name__ for result in results].count("Login") == 1
