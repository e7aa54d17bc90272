"""The authorization response: the way it came, issuer, state, once, and only then error."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from fapikit import MemoryStore, SqliteStore
from fapikit.errors import FapiError, MalformedMessage, Remedy, SealBroken, StoreForgot, StoreUnavailable
from fapikit.stores.sealed import Seal
from rpkit import Transaction
from rpkit.errors import (
    AuthorizationRefused,
    AuthorizationResponseError,
    ForeignTransaction,
    MissingCode,
    MissingResponseIssuer,
    MissingState,
    TransactionExpired,
    TransactionUsed,
    WrongRedirectUri,
    WrongResponseIssuer,
    WrongResponseMode,
    WrongState,
)
from rpkit.login.callback import VerifiedCallback
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import REDIRECT_URI, FakeBank

MODES = ["query", "form_post", "fragment", "jwt", "query.jwt", "form_post.jwt", "fragment.jwt"]


def as_given(answer: str, mode: str) -> Any:
    return answer.encode() if mode.startswith("form_post") else answer


@pytest.mark.spec("JARM 2.3.4")
@pytest.mark.parametrize("mode", MODES)
def test_every_mode(mode: str, clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank, response_mode=mode)
    start = client.begin()
    assert bank.calls("par")[-1].form["response_mode"] == mode
    login = client.complete(as_given(bank.authorize(start.url), mode), start.transaction)
    assert login.id_token.subject == "alice"
    assert ("authorization_response" in login.evidence.export()) == ("jwt" in mode)


def test_a_form_that_a_framework_has_parsed(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank, response_mode="form_post")
    start = client.begin()
    form = dict(parse_qsl(bank.authorize(start.url)))
    assert client.complete(form, start.transaction).id_token


@pytest.mark.parametrize(
    ("asked", "came"),
    [(a, c) for a in MODES for c in MODES if a.replace("query.jwt", "jwt") != c.replace("query.jwt", "jwt")],
)
def test_another_mode_than_asked_is_refused(asked: str, came: str, bank: FakeBank) -> None:
    clients = Clients("sync")
    client = clients.of(bank, response_mode=asked)
    start = client.begin()
    other = clients.of(bank, response_mode=came)
    bank.requests[next(reversed(bank.requests))]["response_mode"] = came
    with pytest.raises(WrongResponseMode):
        client.complete(as_given(bank.authorize(start.url), came), start.transaction)
    assert not bank.calls("token")
    assert other.bank.settings.response_mode == came


@pytest.mark.parametrize("name", ["code", "state", "iss", "error"])
@pytest.mark.parametrize("mode", ["query", "form_post", "fragment"])
def test_duplicates_are_refused(name: str, mode: str, clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank, response_mode=mode)
    start = client.begin()
    answer = bank.authorize(start.url) + f"&{name}=1&{name}=1"
    with pytest.raises(MalformedMessage):
        client.complete(as_given(answer, mode), start.transaction)
    assert not bank.calls("token")


def test_query_and_fragment_at_once_are_refused(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    start = client.begin()
    with pytest.raises(WrongResponseMode):
        client.complete(bank.authorize(start.url) + "#code=other", start.transaction)


@pytest.mark.parametrize("stray", ["id_token", "access_token", "response"])
def test_strays_in_a_code_response_are_refused(stray: str, clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    start = client.begin()
    with pytest.raises(WrongResponseMode):
        client.complete(bank.authorize(start.url) + f"&{stray}=x", start.transaction)
    assert not bank.calls("token")


@pytest.mark.spec("FAPI1-BL 5.2.3-4")
@pytest.mark.parametrize(
    "address",
    [
        "https://fintech.example/other",
        "https://evil.example/callback",
        "http://fintech.example/callback",
        "/other",
        "https://fintech.example/callback/",
    ],
)
def test_another_address_is_refused(address: str, clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    start = client.begin()
    callback = bank.authorize(start.url).replace(REDIRECT_URI, address)
    with pytest.raises(WrongRedirectUri):
        client.complete(callback, start.transaction)
    assert not bank.calls("token")


@pytest.mark.parametrize("shape", ["{code}", "code={code}&state=x", "?code={code}"])
def test_a_code_given_alone_is_not_repeated(shape: str, clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    start = client.begin()
    with pytest.raises(WrongRedirectUri, match=r"give complete\(\) the public URL") as caught:
        client.complete(shape.format(code="SplxlOBeZQQYbYS6WxSbIA"), start.transaction)
    assert "Splxl" not in f"{caught.value}{caught.value.facts}{caught.value.__notes__}"


def test_a_query_given_as_a_mapping_is_no_callback(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    start = client.begin()
    with pytest.raises(WrongResponseMode, match="the whole URL as text"):
        client.complete({"code": "x", "state": "y"}, start.transaction)


def test_path_and_query_are_enough(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    start = client.begin()
    callback = bank.authorize(start.url).removeprefix("https://fintech.example")
    assert client.complete(callback, start.transaction).id_token


def test_unknown_parameters_are_ignored(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    start = client.begin()
    assert client.complete(bank.authorize(start.url) + "&session_state=x", start.transaction)


# The order: issuer, then state, and only then error.


def answer(bank: FakeBank, start: Any, **changes: str | None) -> str:
    state = start.transaction.state.reveal()
    parameters = {"state": state, "iss": bank.issuer, "error": "access_denied", **changes}
    return f"{REDIRECT_URI}?{urlencode({k: v for k, v in parameters.items() if v is not None})}"


@pytest.mark.spec("RFC 9207 2.4a; RFC 9700 2.1c")
def test_a_forged_error_cannot_stand_before_the_issuer(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    start = client.begin()
    with pytest.raises(WrongResponseIssuer):
        client.complete(answer(bank, start, iss="https://evil.example", state="x"), start.transaction)
    with pytest.raises(MissingResponseIssuer):
        client.complete(answer(bank, start, iss=None), start.transaction)
    with pytest.raises(WrongState):
        client.complete(answer(bank, start, state="x"), start.transaction)
    with pytest.raises(AuthorizationRefused):
        client.complete(answer(bank, start), start.transaction)


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("access_denied", Remedy.SIGN_IN_AGAIN),
        ("login_required", Remedy.SIGN_IN_AGAIN),
        ("unmet_authentication_requirements", Remedy.SIGN_IN_AGAIN),
        ("temporarily_unavailable", Remedy.RETRY_LATER),
        ("invalid_scope", Remedy.FIX_CONFIGURATION),
    ],
)
def test_a_refusal_says_what_to_do(code: str, remedy: Remedy, clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    start = client.begin()
    with pytest.raises(AuthorizationRefused) as caught:
        client.complete(answer(bank, start, error=code), start.transaction)
    assert (caught.value.peer_code, caught.value.remedy) == (code, remedy)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("why not", "why not"),
        ("line\nbreak \x1b[31m", r"line\nbreak \x1b[31m"),
        ("não", "não"),
        ("no " * 100, ("no " * 100)[:197] + "..."),
        (None, None),
    ],
)
def test_the_servers_words_are_part_of_the_error(
    said: str | None, shown: str | None, clients: Clients, bank: FakeBank
) -> None:
    client = clients.of(bank)
    start = client.begin()
    with pytest.raises(AuthorizationRefused) as caught:
        client.complete(answer(bank, start, error_description=said), start.transaction)
    assert caught.value.peer_description == shown
    words = "access_denied" if shown is None else f'access_denied, "{shown}"'
    assert str(caught.value) == f"the authorization server answered {words} [RFC 6749 4.1.2.1]"


# An error of the server's that an earlier check refuses: what comes back, in which mode, and by which check.
EARLIER: dict[str, tuple[dict[str, Any], str | None, type[FapiError]]] = {
    "no issuer": ({"iss": None}, None, MissingResponseIssuer),
    "another issuer": ({"iss": "https://evil.example"}, None, WrongResponseIssuer),
    "no state": ({"state": None}, None, MissingState),
    "another state": ({"state": "another"}, None, WrongState),
    "neither state nor issuer": ({"state": None, "iss": None}, None, MissingResponseIssuer),
    "beside a code": ({"code": "c"}, None, AuthorizationResponseError),
    "a code of its own making": ({"error": 'in"valid'}, None, AuthorizationResponseError),
    "plain where a signed answer was asked for": ({}, "jwt", WrongResponseMode),
    "in the query where a form was asked for": ({}, "form_post", WrongResponseMode),
    "in the query where the fragment was asked for": ({}, "fragment", WrongResponseMode),
    "beside a stray ID token": ({"id_token": "x"}, None, WrongResponseMode),
}


@pytest.mark.parametrize("what", EARLIER)
def test_the_servers_error_is_told_where_an_earlier_check_refuses(
    what: str, clients: Clients, bank: FakeBank
) -> None:
    changes, mode, error = EARLIER[what]
    client = clients.of(bank, **({} if mode is None else {"response_mode": mode}))
    start = client.begin()
    told = {
        "error": "invalid_scope",
        "error_description": "Unknown\nscope",
        "state": start.transaction.state.reveal(),
        "iss": bank.issuer,
        **changes,
    }
    query = urlencode({name: value for name, value in told.items() if value is not None})
    with pytest.raises(error) as caught:
        client.complete(f"{REDIRECT_URI}?{query}", start.transaction)
    code = 'in"valid' if "making" in what else "invalid_scope"
    assert code in str(caught.value).replace("\\", "")
    assert "Unknown\\nscope" in str(caught.value).replace("\\\\", "\\")
    assert str(caught.value).isprintable()


def test_an_error_that_comes_to_another_address_is_told_too(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    start = client.begin()
    for query in ("error=invalid_scope", "error=invalid_scope&x=1&x=2"):
        with pytest.raises(WrongRedirectUri) as caught:
            client.complete(f"https://fintech.example/other?{query}", start.transaction)
        assert ("its error is invalid_scope" in str(caught.value)) is ("x=" not in query)


def test_error_beside_a_code_and_neither(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    start = client.begin()
    with pytest.raises(AuthorizationResponseError, match="together with a code"):
        client.complete(answer(bank, start, code="x"), start.transaction)
    start = client.begin()
    with pytest.raises(MissingCode):
        client.complete(answer(bank, start, error=None), start.transaction)
    start = client.begin()
    with pytest.raises(MissingCode, match="Try again at noon"):
        client.complete(
            answer(bank, start, error=None, error_description="Try again at noon"), start.transaction
        )


def test_an_issuer_neither_announced_nor_demanded_may_be_absent(clients: Clients, bank: FakeBank) -> None:
    bank.faults["metadata"] = lambda m: {**m, "authorization_response_iss_parameter_supported": False}
    client = clients.of(bank, profile="oauth-2.1")
    start = client.begin()
    bank.faults["callback"] = lambda a: {k: v for k, v in a.items() if k != "iss"}
    login = client.complete(bank.authorize(start.url), start.transaction)
    assert any(check.outcome == "skipped" and "iss of" in check.name for check in login.report)
    # Under FAPI 2 it may not, whatever the server announces.
    client = clients.of(bank)
    start = client.begin()
    with pytest.raises(MissingResponseIssuer) as caught:
        client.complete(bank.authorize(start.url), start.transaction)
    assert caught.value.clause == "FAPI2-SP 5.3.2.2-7"


@pytest.mark.spec("RFC 9207 2.4b")
def test_an_announced_issuer_may_not_be_absent_whatever_the_profile(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank, profile="oauth-2.1")
    start = client.begin()
    bank.faults["callback"] = lambda a: {k: v for k, v in a.items() if k != "iss"}
    with pytest.raises(MissingResponseIssuer) as caught:
        client.complete(bank.authorize(start.url), start.transaction)
    assert caught.value.clause == "RFC 9207 2.4b"


@pytest.mark.spec("RFC 9700 2.1d")
def test_mix_up_between_two_banks(clients: Clients) -> None:
    """The answer of one bank, brought to the transaction of another, reaches neither token endpoint."""
    honest, hostile = FakeBank(), FakeBank(issuer="https://hostile.example/")
    here, there = clients.of(honest), clients.of(hostile, redirect_uri="https://fintech.example/hostile")
    start = there.begin()
    mixed = honest.authorize(here.begin().url)
    with pytest.raises(WrongRedirectUri):
        there.complete(mixed, start.transaction)
    with pytest.raises(WrongResponseIssuer):
        there.complete(mixed.replace(REDIRECT_URI, "https://fintech.example/hostile"), start.transaction)
    with pytest.raises(ForeignTransaction):
        here.complete(mixed, start.transaction)
    assert not honest.calls("token")
    assert not hostile.calls("token")


# Transactions.


@pytest.mark.spec("RFC 9700 4.2.4")
def test_a_transaction_has_one_answer(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    start = client.begin()
    callback = bank.authorize(start.url)
    client.complete(callback, start.transaction)
    before = len(bank.calls("token"))
    with pytest.raises(TransactionUsed):
        client.complete(callback, start.transaction)
    assert len(bank.calls("token")) == before


def test_a_forged_answer_does_not_use_the_transaction_up(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    start = client.begin()
    with pytest.raises(WrongState):
        client.complete(answer(bank, start, state="forged"), start.transaction)
    assert client.complete(bank.authorize(start.url), start.transaction)


def test_a_transaction_expires(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank, transaction_ttl=60.0)
    start = client.begin()
    bank.clock.advance(60)
    with pytest.raises(TransactionExpired):
        client.complete(bank.authorize(start.url), start.transaction)
    assert not bank.calls("token")


def test_abandoned_logins_leave_nothing_in_the_store(clients: Clients, bank: FakeBank) -> None:
    store = MemoryStore(max_entries=1, clock=bank.clock)
    client = clients.of(bank, store=store)
    starts = [client.begin() for _ in range(5)]
    assert len(store) == 0
    client.complete(bank.authorize(starts[-1].url), starts[-1].transaction)
    assert len(store) == 1


def test_a_store_that_does_not_answer_stops_the_login(clients: Clients, bank: FakeBank) -> None:
    class Down(MemoryStore):
        def add(self, key: str, value: bytes, ttl: float) -> bool:
            raise StoreUnavailable("down")

    client = clients.of(bank, store=Down())
    start = client.begin()
    with pytest.raises(StoreUnavailable):
        client.complete(bank.authorize(start.url), start.transaction)
    assert not bank.calls("token")


def test_a_login_that_was_under_way_when_the_store_forgot_is_not_completed(
    clients: Clients, bank: FakeBank
) -> None:
    """Whether its answer was taken before cannot be known; the next login is another one."""
    store: Any = MemoryStore(clock=bank.clock)
    client = clients.of(bank, store=store)
    start = client.begin()
    answer = bank.authorize(start.url)
    bank.clock.advance(1)
    store.forgot_at = bank.clock()
    bank.clock.advance(6)
    with pytest.raises(StoreForgot):
        client.complete(answer, start.transaction)
    assert not bank.calls("token")
    start = client.begin()
    client.complete(bank.authorize(start.url), start.transaction)


def test_nobody_is_sent_to_sign_in_where_the_store_cannot_take_the_answer(
    clients: Clients, bank: FakeBank, tmp_path: Path
) -> None:
    client = clients.of(bank, store=SqliteStore(tmp_path / "not there" / "s.db"))
    with pytest.raises(StoreUnavailable):
        client.begin()
    assert not bank.calls("par")


def test_a_transaction_survives_sealing_and_nothing_else(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank, profile="fapi2-message-signing")
    start = client.begin(
        acr_values="a b", max_age=5, claims={"id_token": {}}, resources=["https://a.example"]
    )
    seal = Seal([b"1" * 32])
    sealed = start.transaction.seal(seal)
    assert Transaction.open(sealed, seal) == start.transaction
    with pytest.raises(SealBroken):
        Transaction.open(sealed, Seal([b"2" * 32]))
    with pytest.raises(SealBroken):
        Transaction.open(sealed[:-2] + "AA", seal)
    for wrong in (b"{}", b"[]", b"", b'{"v":2}'):
        with pytest.raises(SealBroken):
            Transaction.from_bytes(wrong)


def test_only_verification_makes_a_verified_callback(clients: Clients, bank: FakeBank) -> None:
    from fapikit import Secret

    transaction = clients.of(bank).begin().transaction
    with pytest.raises(TypeError):
        VerifiedCallback(Secret("code"), transaction, None)
