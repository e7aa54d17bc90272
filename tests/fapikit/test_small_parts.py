"""Errors, secrets, PKCE and messages: small parts that everything else leans on."""

from __future__ import annotations

import hashlib
import pickle
import time
import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fapikit import Secret, errors, pkce
from fapikit.clock import system_clock, system_random
from fapikit.errors import FapiError, Fault, MalformedMessage, PeerRefused, Remedy, UnexpectedStatus
from fapikit.http_message import (
    HttpRequest,
    HttpResponse,
    form_request,
    read_json_object,
    read_refusal,
    read_retry_after,
)
from fapikit.peer_words import is_error_code
from fapikit.secrets import random_token
from tests.clocks import CountingRandom
from tests.hands import answer
from tests.keys import b64


def all_errors(base: type[FapiError] = FapiError) -> list[type[FapiError]]:
    return [base, *(found for kind in base.__subclasses__() for found in all_errors(kind))]


GROUND = [kind for kind in all_errors() if kind.__module__.startswith("fapikit.errors")]


@pytest.mark.parametrize("kind", GROUND, ids=lambda kind: kind.__name__)
def test_every_error_is_drawn_in_the_tree_and_says_what_to_do(kind: type[FapiError]) -> None:
    assert errors.__doc__ is not None
    assert kind.__name__ in errors.__doc__.split()[0:] or f"{kind.__name__}:" in errors.__doc__
    assert kind.__doc__
    assert isinstance(kind.fault, Fault)
    assert isinstance(kind.remedy, Remedy)


def test_an_error_shows_its_clause_and_keeps_its_facts_printable() -> None:
    error = FapiError("broken", clause="RFC 1 2", code="x", facts={"got": "a\nb\x1b[31m" + "é" * 400, "n": 5})
    assert str(error) == "broken [RFC 1 2]"
    assert str(FapiError("broken")) == "broken"
    assert error.facts["got"].isprintable()
    assert len(error.facts["got"]) < 2000
    assert error.facts["n"] == "5"
    facts: Any = error.facts
    with pytest.raises(TypeError):
        facts["n"] = "6"


def test_what_one_error_sets_does_not_stay_with_its_class() -> None:
    FapiError("x", clause="RFC 1 2", code="y", remedy=Remedy.RETRY_LATER)
    assert (FapiError.clause, FapiError.code, FapiError.remedy) == ("", None, Remedy.TELL_THE_PEER)


def test_a_secret_is_seen_only_when_asked() -> None:
    secret = Secret("hunter2")
    assert secret.reveal() == "hunter2"
    for shown in (repr(secret), str(secret), f"{secret}", f"{[secret]}"):
        assert "hunter2" not in shown
    assert secret.matches("hunter2")
    assert not secret.matches("hunter3")
    assert not secret.matches("\ud800")
    assert secret == Secret("hunter2")
    assert secret != Secret("x")
    assert secret != "hunter2"
    assert len({secret, Secret("hunter2")}) == 1
    with pytest.raises(TypeError):
        pickle.dumps(secret)


@pytest.mark.spec("RFC 6749 10.10", "FAPI2-SP 5.4.1-4", "FAPI1-BL 5.2.2-16")
def test_machine_made_values_have_256_bits() -> None:
    assert len(random_token(CountingRandom())) == 43
    assert random_token(system_random) != random_token(system_random)
    assert system_clock() > 1_700_000_000


@pytest.mark.spec("RFC 7636 7.1", "RFC 7636 4.1", "RFC 7636 4.2", "RFC 7636 4.6")
def test_pkce() -> None:
    random_bytes = CountingRandom()
    one, two = pkce.make_verifier(random_bytes), pkce.make_verifier(random_bytes)
    assert one != two
    challenge = pkce.challenge_of(one)
    assert challenge == b64(hashlib.sha256(one.reveal().encode()).digest())
    assert pkce.verifier_matches(one.reveal(), challenge)
    assert not pkce.verifier_matches(two.reveal(), challenge)
    assert pkce.is_challenge(challenge)
    assert "dBj" not in repr(one)


@pytest.mark.parametrize(
    "verifier", ["", "a" * 42, "a" * 129, "a" * 42 + "!", "a" * 42 + "é", "a" * 43 + "\n"]
)
def test_a_malformed_verifier_never_matches(verifier: str) -> None:
    challenge = b64(hashlib.sha256(verifier.encode()).digest())
    assert not pkce.verifier_matches(verifier, challenge)


@pytest.mark.parametrize("challenge", ["", "a" * 42, "a" * 44, "a" * 42 + "=", "a" * 43 + "\n"])
def test_a_malformed_challenge_is_known_as_such(challenge: str) -> None:
    assert not pkce.is_challenge(challenge)


def test_a_request_shows_no_query_and_no_body() -> None:
    request = form_request("https://as.example/token?x=secret", [("code", "secret")])
    assert "secret" not in repr(request)
    assert "secret" not in repr(HttpResponse(200, (), b"secret", "https://as.example/?code=secret"))
    assert request.body == b"code=secret"
    assert repr(HttpRequest("GET", "https://a.example/x#y")) == "HttpRequest(GET https://a.example/x)"


def test_reads_one_strict_object_or_raises_what_fits() -> None:
    assert read_json_object(answer({"a": 1}), clause="RFC 1 1") == {"a": 1}
    assert read_json_object(answer({"a": 1}, 201), status=201, clause="RFC 1 1") == {"a": 1}
    for body in (b"", b"[]", b'{"a":1,"a":2}', b"\xff", b"{"):
        with pytest.raises(MalformedMessage) as malformed:
            read_json_object(answer(body), clause="RFC 1 1")
        assert malformed.value.clause == "RFC 1 1"


@pytest.mark.spec("RFC 6749 5.2")
def test_a_well_formed_oauth_error_is_told_from_any_other_answer() -> None:
    refused = read_refusal(
        answer({"error": "invalid_grant", "error_description": "<b>"}, 400), clause="RFC 1 1"
    )
    assert isinstance(refused, PeerRefused)
    assert (refused.peer_code, refused.status) == ("invalid_grant", 400)
    labelled = read_refusal(answer({"error": "x"}, 400, "text/html"), clause="RFC 1 1")
    assert isinstance(labelled, PeerRefused), "what an answer is called decides nothing"
    for response in (
        answer({"error": "x"}, 500),
        answer({"error": "x"}, 302),
        answer({"error": 5}, 400),
        answer({"error": ""}, 400),
        answer({"error": 'a"b'}, 400),
        answer(b"no JSON", 400),
        answer([], 400),
    ):
        assert isinstance(read_refusal(response, clause="RFC 1 1"), UnexpectedStatus)


@given(st.text(max_size=20))
def test_an_error_code_has_the_characters_of_the_rfc(text: str) -> None:
    allowed = set(range(0x20, 0x7F)) - {0x22, 0x5C}
    expected = bool(text) and all(ord(letter) in allowed for letter in text)
    assert is_error_code(text) is expected


def test_an_answer_of_another_status_is_never_read_as_success() -> None:
    for response, error in (
        (answer({"a": 1}, 304), UnexpectedStatus),
        (answer({"a": 1}, 199), UnexpectedStatus),
        (answer(b"", 204), MalformedMessage),
        (answer({"error": "invalid_client"}, 401), PeerRefused),
    ):
        with pytest.raises(error):
            read_json_object(response, clause="RFC 1 1")


IN_TWO_MINUTES: dict[str, str] = {
    "a number": "120",
    "the form that is sent today": "Sun, 06 Nov 1994 08:51:37 GMT",
    "the form of RFC 850": "Sunday, 06-Nov-94 08:51:37 GMT",
    "the form of asctime, without a zone": "Sun Nov  6 08:51:37 1994",
}


@pytest.mark.spec("RFC 9110 5.6.7", "RFC 9110 10.2.3")
@pytest.mark.parametrize("form", IN_TWO_MINUTES)
@pytest.mark.parametrize("zone", ["UTC", "America/Sao_Paulo", "Asia/Tokyo"])
def test_retry_after_means_gmt_in_every_form(form: str, zone: str) -> None:
    response = answer(b"", 429, retry_after=IN_TWO_MINUTES[form])
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TZ", zone)
        time.tzset()
        assert read_retry_after(response, 784111777.0) == 120.0
    time.tzset()


@pytest.mark.parametrize("value", [None, "", "soon", "-1", "1e3", "9" * 10, "Sun, 99 Nov 1994 08:51:37 GMT"])
def test_a_retry_after_that_says_nothing(value: str | None) -> None:
    response = answer(b"", 429, **({} if value is None else {"retry_after": value}))
    assert read_retry_after(response, 0.0) is None


def test_a_date_that_is_past_means_now() -> None:
    response = answer(b"", 429, retry_after="Sun, 06 Nov 1994 08:49:37 GMT")
    assert read_retry_after(response, 784111778.0) == 0.0


def test_what_happened_all_the_same_does_not_leave_the_process() -> None:
    error = FapiError("refused")
    assert error.outcome is None
    error.outcome = Secret("a-refresh-token")
    travelled = pickle.loads(pickle.dumps(error))
    assert travelled.outcome is None
    assert "a-refresh-token" not in repr(error) + str(error) + "".join(traceback.format_exception(error))


def test_a_traceback_says_what_to_do_and_the_facts() -> None:
    error = errors.WrongIssuer(
        "from elsewhere", facts={"expected": "https://a.example", "got": "https://b.example"}
    )
    shown = "".join(traceback.format_exception(error))
    assert "from elsewhere [RFC 8725 3.8]" in shown
    assert f"What to do: {error.remedy}." in shown
    assert "expected: https://a.example" in shown
    assert "got: https://b.example" in shown
