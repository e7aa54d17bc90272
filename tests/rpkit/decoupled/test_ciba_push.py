"""Tokens that the server sends by itself: what a push must have, and that it is not lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fapikit import FapiError, MemoryStore
from fapikit.errors import (
    BadSignature,
    Expired,
    MissingClaim,
    PeerRefused,
    StoreForgot,
    StoreUnavailable,
    TransportError,
    WrongAudience,
    WrongHash,
    WrongIssuer,
    WrongNonce,
)
from fapikit.jose.half_hash import half_hash
from fapikit.stores.sealed import Seal
from rpkit import CibaRequest
from rpkit.decoupled import authentication_request, notified
from rpkit.errors import (
    MissingIdToken,
    RequestDenied,
    RequestEnded,
    RequestExpired,
    TokenResponseError,
    WrongAuthReqId,
    WrongNotificationToken,
    WrongTokenType,
)
from tests.adversary.walk import flipped_signature, with_one_more, without
from tests.mothers.ciba_bank import AUTH_REQ_ID, RT_HASH, CibaBank
from tests.rpkit.decoupled.naps import Naps, at_nap

SEAL = Seal([b"s" * 32])
PUSH = {"backchannel_token_delivery_mode": "push"}


@pytest.fixture
def bank() -> CibaBank:
    return CibaBank(nonces=False)


@pytest.mark.spec("CIBA 5, 10.3.1, 10.3.1a, 10.3.1b")
def test_a_push_brings_a_login(of: Any, bank: CibaBank, naps: Naps, hear: Any) -> None:
    client = of(**PUSH)
    request = client.ciba(scope="openid accounts", login_hint="alice")
    at_nap(naps, 2, lambda: hear(bank.push(request.reference.reveal())))
    login = client.wait(request)
    assert login.tokens.subject == "alice"
    assert "auth_req_id" not in login.tokens.further_members
    assert not bank.calls("token")
    lines = str(login.report)
    for name in ("at_hash", RT_HASH, AUTH_REQ_ID):
        assert f"passed ID token: {name} [CIBA 10.3.1b]" in lines
    assert client.refresh(login.tokens).version == 2
    with pytest.raises(RequestEnded):
        client.wait(request)


PUSHES: dict[str, tuple[str, Callable[[Any], Any], type[FapiError], str]] = {
    "no at_hash": ("id_token", without("at_hash"), MissingClaim, "CIBA 10.3.1b"),
    "another at_hash": ("id_token", with_one_more("at_hash"), WrongHash, "OIDC 3.1.3.6"),
    "no rt_hash": ("id_token", without(RT_HASH), MissingClaim, "CIBA 10.3.1b"),
    "another rt_hash": ("id_token", with_one_more(RT_HASH), WrongHash, "CIBA 10.3.1b"),
    "an rt_hash that is a number": ("id_token", lambda c: {**c, RT_HASH: 7}, WrongHash, "CIBA 10.3.1b"),
    "no auth_req_id in the ID token": ("id_token", without(AUTH_REQ_ID), MissingClaim, "CIBA 10.3.1b"),
    "another auth_req_id in the ID token": (
        "id_token",
        with_one_more(AUTH_REQ_ID),
        WrongAuthReqId,
        "CIBA 10.3.1b",
    ),
    "an auth_req_id that is a list": (
        "id_token",
        lambda c: {**c, AUTH_REQ_ID: []},
        WrongAuthReqId,
        "CIBA 10.3.1b",
    ),
    "another issuer": ("id_token", with_one_more("iss"), WrongIssuer, "OIDC 3.1.3.7-2"),
    "another audience": ("id_token", with_one_more("aud"), WrongAudience, "OIDC 3.1.3.7-3"),
    "a nonce": ("id_token", lambda claims: {**claims, "nonce": "n"}, WrongNonce, "OIDC 3.1.3.7-11"),
    "expired": ("id_token", lambda c: {**c, "exp": c["iat"] - 60}, Expired, "OIDC 3.1.3.7-9"),
    "a broken signature": ("id_token_jwt", flipped_signature, BadSignature, "OIDC 3.1.3.7-6"),
    "no ID token": ("push", without("id_token"), MissingIdToken, "OIDC 3.1.3.3"),
    "another access token": ("push", with_one_more("access_token"), WrongHash, "OIDC 3.1.3.6"),
    "another refresh token": ("push", with_one_more("refresh_token"), WrongHash, "CIBA 10.3.1b"),
    "an unbound token": ("push", lambda m: {**m, "token_type": "Bearer"}, WrongTokenType, "RFC 9449 5c"),
    "no token type": ("push", without("token_type"), TokenResponseError, "RFC 6749 5.1"),
}


@pytest.mark.spec("CIBA 10.3.1, 10.3.1b; OIDC 3.1.3.6")
@pytest.mark.parametrize("case", PUSHES)
def test_a_push_that_does_not_fit_is_refused(
    case: str, of: Any, bank: CibaBank, naps: Naps, hear: Any
) -> None:
    fault, hook, error, clause = PUSHES[case]
    bank.faults[fault] = hook
    client = of(**PUSH)
    request = client.ciba(login_hint="alice")
    hear(bank.push(request.reference.reveal()))
    with pytest.raises(error) as caught:
        client.wait(request)
    assert caught.value.clause == clause
    assert naps.seconds == []


@pytest.mark.spec("CIBA 12")
@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("access_denied", RequestDenied),
        ("expired_token", RequestExpired),
        ("transaction_failed", PeerRefused),
    ],
)
def test_a_push_may_say_no(
    code: str, error: type[FapiError], of: Any, bank: CibaBank, naps: Naps, hear: Any
) -> None:
    client = of(**PUSH)
    request = client.ciba(login_hint="alice")
    hear(bank.push_error(request.reference.reveal(), code))
    with pytest.raises(error) as caught:
        client.wait(request)
    assert code in str(caught.value) or not isinstance(caught.value, PeerRefused)


@pytest.mark.spec("CIBA 10.3.1b")
def test_the_published_hashes() -> None:
    assert half_hash("G5kXH2wHvUra0sHlDy1iTkDJgsgUO1bN", "ES256") == "Wt0kVFXMacqvnHeyU0001w"
    refresh_token = "4bwc0ESC_IAhflf-ACC_vjD_ltc11ne-8gFPfA2Kx16"
    assert half_hash(refresh_token, "PS256") == "sHahCuSpXCRg5mkDDvvr4w"


def test_a_push_waits_for_whoever_comes_late(of: Any, bank: CibaBank, naps: Naps, hear: Any) -> None:
    """The waiting process has died. Another one opens its request hours later: the tokens are as they came."""
    sealed = of(**PUSH).ciba(login_hint="alice").seal(SEAL)
    request = CibaRequest.open(sealed, SEAL)
    hear(bank.push(request.reference.reveal()))
    arrived = bank.clock()
    bank.clock.advance(6 * 3600)
    client = of(**PUSH)
    login = client.wait(request)
    assert login.tokens.subject == "alice"
    assert login.tokens.received_at == arrived
    assert login.tokens.access_tokens[0].expires_at == arrived + 900
    bank.clock.advance(17 * 3600)
    with pytest.raises(RequestEnded):
        client.wait(CibaRequest.open(sealed, SEAL))


def test_tokens_are_not_lost_when_the_keys_cannot_be_fetched(
    of: Any, bank: CibaBank, naps: Naps, hear: Any
) -> None:
    client = of(**PUSH)
    request = client.ciba(login_hint="alice")
    hear(bank.push(request.reference.reveal()))
    bank.faults["jwks"] = lambda _keys: {"keys": "none"}
    with pytest.raises(TransportError):
        client.wait(request)
    del bank.faults["jwks"]
    bank.clock.advance(120)
    assert client.wait(request).tokens.subject == "alice"


def test_no_push_comes(of: Any, bank: CibaBank, naps: Naps) -> None:
    client = of(**PUSH)
    request = client.ciba(login_hint="alice")
    with pytest.raises(RequestExpired, match="backchannel_client_notification_endpoint"):
        client.wait(request)
    assert request.expires_at <= bank.clock() <= request.expires_at + 65
    assert not bank.calls("token")


def test_a_store_that_is_down_until_the_end_is_no_lapse(
    of: Any, bank: CibaBank, naps: Naps, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: Any) -> Any:
        raise StoreUnavailable("down")
        yield

    client = of(**PUSH)
    request = client.ciba(login_hint="alice")
    with monkeypatch.context() as patched:
        patched.setattr(notified, "heard_notification", down)
        with pytest.raises(StoreUnavailable):
            client.wait(request)
    with pytest.raises(RequestExpired):
        client.wait(request)


def test_a_notification_of_another_request_is_no_answer(
    of: Any, bank: CibaBank, naps: Naps, hear: Any, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record had no auth_req_id yet when the notification came: whoever waits compares."""

    def not_named(*_: Any, **__: Any) -> Any:
        return
        yield

    monkeypatch.setattr(authentication_request, "name_notification", not_named)
    client = of(**PUSH)
    request = client.ciba(login_hint="alice")
    headers, _ = bank.push_error(request.reference.reveal(), "access_denied")
    hear((headers, b'{"auth_req_id":"another","error":"access_denied"}'))
    with pytest.raises(WrongNotificationToken):
        client.wait(request)


def test_a_store_that_was_emptied_before_loses_no_push(
    of: Any, bank: CibaBank, naps: Naps, hear: Any, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It cannot say whether this notification is the first, and that does not matter."""

    def forgot(*_: Any) -> bool:
        raise StoreForgot("emptied a minute ago", retry_after=60)

    client = of(**PUSH)
    request = client.ciba(login_hint="alice")
    with monkeypatch.context() as patched:
        patched.setattr(store, "add", forgot)
        hear(first := bank.push(request.reference.reveal()))
        hear(bank.push(request.reference.reveal()))
    token = client.wait(request).tokens.access_tokens[0].value.reveal()
    assert token.encode() in first[1]
