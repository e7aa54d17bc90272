"""The logout modules of the OpenID Connect client plan: each wrong logout token is refused, each right one heard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from fapikit.errors import (
    BadSignature,
    Expired,
    FapiError,
    ForbiddenAlgorithm,
    ForbiddenClaim,
    MalformedClaim,
    MalformedMessage,
    MissingClaim,
    NotYetValid,
    TooOld,
    WrongAudience,
    WrongIssuer,
    WrongJwtType,
)
from rpkit import LoggedOut
from tests.keys import a_key, mint
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import CLIENT_ID, FakeBank
from tests.rpkit.web.sites import SITES

EVENT = "http://schemas.openid.net/event/backchannel-logout"
Tokens = Callable[..., str]


@pytest.fixture
def bank() -> FakeBank:
    return FakeBank()


@pytest.fixture
def token(bank: FakeBank) -> Tokens:
    """A logout token; a claim given as None is left out."""

    def make(key: Any = None, typ: str | None = "logout+jwt", **changes: Any) -> str:
        now = int(bank.clock())
        claims = {
            "iss": bank.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 120,
            "jti": "one",
            "events": {EVENT: {}},
            "sub": "alice",
            "sid": "session-1",
            **changes,
        }
        kept = {name: value for name, value in claims.items() if value is not None}
        return mint(kept, key or bank.key, typ=typ)

    return make


@pytest.fixture(params=["sync", "async"])
def hear(request: pytest.FixtureRequest, bank: FakeBank) -> Any:
    made = Clients(request.param)
    client = made.of(bank)
    yield lambda token: client.read_logout(urlencode({"logout_token": token}).encode())
    made.close()


@pytest.mark.conformance("oidc-rp", "rp-backchannel-rpinitlogout")
def test_oidcc_client_test_rp_backchannel_rpinitlogout(hear: Any, token: Tokens, bank: FakeBank) -> None:
    assert hear(token()) == LoggedOut(bank.issuer, "alice", "session-1")
    assert hear(token(typ="JWT", sid=None)) == LoggedOut(bank.issuer, "alice", None)
    assert hear(token(typ=None, sub=None)) == LoggedOut(bank.issuer, None, "session-1")
    assert hear(token()) == hear(token()), "what is said twice is no less true"


WRONG: dict[str, tuple[dict[str, Any], type[FapiError]]] = {
    "no_event": ({"events": None}, MissingClaim),
    "another event": ({"events": {"http://schemas.openid.net/event/other": {}}}, MalformedClaim),
    "an event that is no object": ({"events": {EVENT: True}}, MalformedClaim),
    "events in a list": ({"events": [EVENT]}, MalformedClaim),
    "with_nonce": ({"nonce": "n"}, ForbiddenClaim),
    "wrong_alg": ({"key": a_key("RS256", 1)}, ForbiddenAlgorithm),
    "another key": ({"key": a_key("ES256", 5)}, FapiError),
    "wrong_aud": ({"aud": f"{CLIENT_ID}1"}, WrongAudience),
    "an audience too many": ({"aud": [CLIENT_ID, "another"]}, WrongAudience),
    "wrong_iss": ({"iss": "https://bank.example/test/a/alias/1"}, WrongIssuer),
    "nobody": ({"sub": None, "sid": None}, MissingClaim),
    "an empty nobody": ({"sub": "", "sid": ""}, MissingClaim),
    "an empty nonce": ({"nonce": ""}, ForbiddenClaim),
    "empty events": ({"events": ""}, FapiError),
    "a session that is no text": ({"sid": 7}, MalformedClaim),
    "no jti": ({"jti": None}, MissingClaim),
    "no exp": ({"exp": None}, MissingClaim),
    "an access token": ({"typ": "at+jwt"}, WrongJwtType),
}


@pytest.mark.conformance(
    "oidc-rp",
    "rp-backchannel-rpinitlogout-no-event",
    "rp-backchannel-rpinitlogout-with-nonce",
    "rp-backchannel-rpinitlogout-wrong-alg",
    "rp-backchannel-rpinitlogout-wrong-aud",
    "rp-backchannel-rpinitlogout-wrong-event",
    "rp-backchannel-rpinitlogout-wrong-iss",
)
@pytest.mark.parametrize("what", WRONG)
def test_oidcc_client_test_rp_backchannel_rpinitlogout_wrong(what: str, hear: Any, token: Tokens) -> None:
    changes, error = WRONG[what]
    with pytest.raises(error):
        hear(token(**changes))


def test_an_optional_claim_without_a_value_is_absent(hear: Any, bank: FakeBank) -> None:
    def with_claims(**changes: Any) -> str:
        now = int(bank.clock())
        times = {"iat": now, "exp": now + 120}
        base = {
            "iss": bank.issuer,
            "aud": CLIENT_ID,
            "jti": "one",
            "events": {EVENT: {}},
            "sid": "s",
            **times,
        }
        return mint({**base, **changes}, bank.key, typ="logout+jwt")

    for nothing in (None, ""):
        assert hear(with_claims(sub=nothing, nbf=nothing)) == LoggedOut(bank.issuer, None, "s")
        assert hear(with_claims(sub="alice", sid=nothing)) == LoggedOut(bank.issuer, "alice", None)
    with pytest.raises(ForbiddenClaim):
        hear(with_claims(nonce=None))  # the name alone marks an ID token


@pytest.mark.conformance("oidc-rp", "rp-backchannel-rpinitlogout-alg-none")
def test_oidcc_client_test_rp_backchannel_rpinitlogout_alg_none(hear: Any, token: Tokens) -> None:
    _, payload, _ = token().split(".")
    with pytest.raises(ForbiddenAlgorithm):
        hear(f"eyJhbGciOiJub25lIn0.{payload}.")


@pytest.mark.parametrize(
    ("iat", "exp", "error"), [(-331, 60, TooOld), (-60, -30, Expired), (31, 120, NotYetValid)]
)
def test_a_logout_token_is_made_for_now(
    iat: int, exp: int, error: type[FapiError], hear: Any, token: Tokens, bank: FakeBank
) -> None:
    now = int(bank.clock())
    with pytest.raises(error):
        hear(token(iat=now + iat, exp=now + exp))


def test_a_signature_of_another_token_does_not_count(hear: Any, token: Tokens) -> None:
    head, payload, _ = token().split(".")
    with pytest.raises(BadSignature):
        hear(".".join([head, payload, token(sub="bob").split(".")[2]]))


def test_an_id_token_ends_no_session(bank: FakeBank, hear: Any) -> None:
    asked = {"scope": "openid", "nonce": "n"}
    with pytest.raises(FapiError):
        hear(bank.id_token(asked, "at"))


@pytest.mark.parametrize("form", [b"", b"logout_token=", b"logout_token=a&logout_token=b", {"token": "x"}])
def test_one_logout_token_is_due(form: Any, bank: FakeBank) -> None:
    with pytest.raises(MalformedMessage):
        Clients("sync").of(bank).read_logout(form)


@pytest.mark.parametrize("kind", SITES)
def test_the_pages_tell_the_application(kind: str, token: Tokens, bank: FakeBank) -> None:
    heard: list[LoggedOut] = []
    pages = {"on_logout": lambda *given: heard.append(given[-1])}
    _, browser = SITES[kind](bank, pages)

    def post(text: str) -> Any:
        return browser.open("POST", "/backchannel-logout", urlencode({"logout_token": text}).encode())

    answer = post(token())
    assert (answer.status, answer.text, answer.headers["cache-control"]) == (200, "", "no-store")
    assert heard == [LoggedOut(bank.issuer, "alice", "session-1")]
    answer = post(token(nonce="n"))
    assert (answer.status, answer.text) == (400, '{"error":"invalid_request"}')
    assert browser.open("GET", "/backchannel-logout").status == 405
    assert len(heard) == 1


@pytest.mark.parametrize("kind", SITES)
def test_what_cannot_be_judged_now_is_503(kind: str, token: Tokens, bank: FakeBank) -> None:
    _, browser = SITES[kind](bank, {"on_logout": lambda *_: None})
    bank.faults["jwks"] = lambda _: b"not a key set"
    answer = browser.open("POST", "/backchannel-logout", urlencode({"logout_token": token()}).encode())
    assert (answer.status, answer.text) == (503, '{"error":"temporarily_unavailable"}')
    del bank.faults["jwks"]


@pytest.mark.parametrize("kind", SITES)
def test_without_a_listener_there_is_no_page(kind: str, bank: FakeBank) -> None:
    assert SITES[kind](bank)[1].open("POST", "/backchannel-logout").status == 404
