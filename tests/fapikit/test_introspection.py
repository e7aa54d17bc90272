"""Introspection: one good answer in each form, and everything that makes one unusable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import pytest

from fapikit import PrivateKeyJWT
from fapikit.client_authentication import ClientSecretBasic
from fapikit.errors import Fault, KeyNotFound, TransportError, Unreachable, UnusableAnswer
from fapikit.http_message import HttpResponse
from fapikit.introspection import INACTIVE, SIGNED_MEDIA_TYPE, introspect
from fapikit.jose.encryption import Decryption, encrypt_jwt
from fapikit.jose.encryption_keys import DecryptionKey
from fapikit.jose.key_set import KeySet
from tests.clocks import NOW, CountingRandom, FrozenClock
from tests.hands import Hand, answer
from tests.keys import a_key, mint

AS = "https://as.example"
API = "https://api.example"
ACTIVE = {
    "active": True,
    "iss": AS,
    "sub": "alice",
    "exp": int(NOW) + 300,
    "aud": [API],
    "scope": "a b",
    "cnf": {},
}
SIGNED = {"iss": AS, "aud": API, "iat": int(NOW), "token_introspection": ACTIVE}
KEYS = KeySet([a_key().public_key])


def ask(hand: Hand, *, signed: bool, auth: Any = None, decryption: Decryption | None = None) -> Any:
    return hand.run(
        introspect(
            f"{AS}/introspect",
            "the-token",
            client_id=API,
            issuer=AS,
            auth=auth or ClientSecretBasic("s"),
            clock=FrozenClock(),
            random_bytes=CountingRandom(),
            signed=signed,
            keys=KEYS if signed else None,
            algorithms=("ES256",),
            decryption=decryption,
        )
    )


def signed_answer(
    claims: dict[str, Any] = SIGNED, *, typ: str = "token-introspection+jwt", number: int = 0, **changes: Any
) -> HttpResponse:
    token = mint({**claims, **changes}, a_key(number=number), typ=typ)
    return answer(token, media_type=SIGNED_MEDIA_TYPE)


@pytest.mark.spec("RFC 7662 2.1")
def test_asks_with_the_token_and_the_callers_credentials() -> None:
    hand = Hand(answer(ACTIVE))
    assert ask(hand, signed=False, auth=PrivateKeyJWT(a_key()))["sub"] == "alice"
    (request,) = hand.requests
    form = parse_qs(request.body.decode())
    assert form["token"] == ["the-token"]
    assert form["token_type_hint"] == ["access_token"]
    assert form["client_id"] == [API]
    assert "client_assertion" in form
    assert ("accept", "application/json") in request.headers


@pytest.mark.spec("RFC 9701 4a", "FAPI2-MS 5.5.2-1", "FAPI2-MS 5.5.2-2")
def test_asks_for_a_signed_answer_and_reads_only_its_inner_members() -> None:
    hand = Hand(signed_answer(sub="mallory"))
    assert ask(hand, signed=True) == ACTIVE
    accepts = [value for name, value in hand.requests[0].headers if name == "accept"]
    assert accepts == [SIGNED_MEDIA_TYPE]


@pytest.mark.parametrize("signed", [False, True])
def test_an_inactive_token_has_no_other_member(signed: bool) -> None:
    said = {"active": False, "sub": "alice"}
    hand = Hand(signed_answer(token_introspection=said) if signed else answer(said))
    assert ask(hand, signed=signed) == INACTIVE == {"active": False}


UNUSABLE: dict[str, tuple[HttpResponse, str, str]] = {
    "not JSON": (answer(b"<html>"), "MalformedMessage", "RFC 7662 2.2"),
    "twice": (answer(b'{"active":false,"active":true}'), "MalformedMessage", "RFC 7662 2.2"),
    "no active": (answer({"sub": "alice"}), "MalformedMessage", "RFC 7662 2.2"),
    "active is a word": (answer({**ACTIVE, "active": "true"}), "MalformedMessage", "RFC 7662 2.2"),
    "active is 1": (answer({**ACTIVE, "active": 1}), "MalformedMessage", "RFC 7662 2.2"),
    "exp is a word": (answer({**ACTIVE, "exp": "later"}), "MalformedMessage", "RFC 7662 2.2"),
    "exp is true": (answer({**ACTIVE, "exp": True}), "MalformedMessage", "RFC 7662 2.2"),
    "active is null": (answer({**ACTIVE, "active": None}), "MalformedMessage", "RFC 7662 2.2"),
    "active is empty": (answer({**ACTIVE, "active": ""}), "MalformedMessage", "RFC 7662 2.2"),
    "active is false as a word": (answer({**ACTIVE, "active": "false"}), "MalformedMessage", "RFC 7662 2.2"),
    "scope is an object": (answer({**ACTIVE, "scope": {"a": 1}}), "MalformedMessage", "RFC 7662 2.2"),
    "scope holds a number": (answer({**ACTIVE, "scope": ["a", 1]}), "MalformedMessage", "RFC 7662 2.2"),
    "sub is a list": (answer({**ACTIVE, "sub": ["alice"]}), "MalformedMessage", "RFC 7662 2.2"),
    "sub is true": (answer({**ACTIVE, "sub": True}), "MalformedMessage", "RFC 7662 2.2"),
    "token_type is a number with a fraction": (
        answer({**ACTIVE, "token_type": 1.5}),
        "MalformedMessage",
        "RFC 7662 2.2",
    ),
    "aud is an object": (answer({**ACTIVE, "aud": {"a": 1}}), "MalformedMessage", "RFC 7662 2.2"),
    "cnf is a list": (answer({**ACTIVE, "cnf": [{"jkt": "x"}]}), "MalformedMessage", "RFC 7662 2.2"),
    "aud holds a number": (answer({**ACTIVE, "aud": [1]}), "MalformedMessage", "RFC 7662 2.2"),
    "cnf is a word": (answer({**ACTIVE, "cnf": "jkt"}), "MalformedMessage", "RFC 7662 2.2"),
    "server error": (answer(b"", 500), "UnexpectedStatus", "RFC 7662 2.2"),
}


@pytest.mark.spec("RFC 7662 2.2")
@pytest.mark.parametrize("name", UNUSABLE)
def test_an_unusable_answer_decides_nothing(name: str) -> None:
    response, cause, clause = UNUSABLE[name]
    with pytest.raises(UnusableAnswer) as caught:
        ask(Hand(response), signed=False)
    assert isinstance(caught.value, TransportError)
    assert caught.value.facts["cause"] == cause
    assert caught.value.clause == clause
    assert "the-token" not in str(caught.value)


OPTIONAL = (
    "scope",
    "client_id",
    "username",
    "token_type",
    "exp",
    "iat",
    "nbf",
    "sub",
    "aud",
    "iss",
    "jti",
    "cnf",
    "acr",
)


@pytest.mark.spec("RFC 7662 2.2")
@pytest.mark.parametrize("name", [*OPTIONAL, "auth_time", "what_else"])
@pytest.mark.parametrize("nothing", [None, ""])
@pytest.mark.parametrize("signed", [False, True])
def test_null_empty_and_absent_are_one(signed: bool, nothing: Any, name: str) -> None:
    said = {**ACTIVE, name: nothing}
    hand = Hand(signed_answer(token_introspection=said) if signed else answer(said))
    assert ask(hand, signed=signed) == {key: value for key, value in ACTIVE.items() if key != name}


BORNE: dict[str, tuple[str, Any, Any]] = {
    "a list of scopes": ("scope", ["a", "b"], "a b"),
    "a time as text": ("exp", str(int(NOW) + 60), NOW + 60),
    "a number for a user": ("sub", 4711, "4711"),
    "a time of the sign-in that is no number": ("auth_time", "2026-01-01T00:00:00Z", None),
    "a time of issue that is no number": ("iat", [1], None),
    "a level that is a list": ("acr", ["urn:one", "urn:two"], None),
    "a user name that is an object": ("username", {"first": "A"}, None),
    "several audiences": ("aud", [API, "https://o.example"], [API, "https://o.example"]),
    "an audience that is empty": ("aud", [""], [""]),
    "a member of its own": ("what_else", [{"a": None}], [{"a": None}]),
}


@pytest.mark.parametrize("what", BORNE)
def test_how_a_member_is_written_decides_nothing(what: str) -> None:
    name, came, found = BORNE[what]
    assert ask(Hand(answer({**ACTIVE, name: came})), signed=False).get(name) == found


BAD_SIGNED: dict[str, tuple[Callable[[], HttpResponse], str, str]] = {
    "plain JSON": (lambda: answer(ACTIVE), "MalformedMessage", "FAPI2-MS 5.5.2-1"),
    "not ASCII": (lambda: answer("é.é.é", media_type=SIGNED_MEDIA_TYPE), "MalformedMessage", "RFC 9701 5a"),
    "no JWT": (lambda: answer("a.b", media_type=SIGNED_MEDIA_TYPE), "MalformedJwt", "RFC 7515 5.2"),
    "typ JWT": (lambda: signed_answer(typ="JWT"), "WrongJwtType", "RFC 9701 5a"),
    "typ at+jwt": (lambda: signed_answer(typ="at+jwt"), "WrongJwtType", "RFC 9701 5a"),
    "other issuer": (lambda: signed_answer(iss="https://evil.example"), "WrongIssuer", "RFC 9701 5a"),
    "other audience": (lambda: signed_answer(aud="https://other.example"), "WrongAudience", "RFC 9701 5a"),
    "audience beside us": (
        lambda: signed_answer(aud=[API, "https://o.example"]),
        "WrongAudience",
        "RFC 9701 5a",
    ),
    "no iat": (lambda: signed_answer(iat=None), "MissingClaim", "RFC 9701 5a"),
    "old": (lambda: signed_answer(iat=int(NOW) - 91), "TooOld", "RFC 9701 5a"),
    "from the future": (lambda: signed_answer(iat=int(NOW) + 31), "NotYetValid", "FAPI2-SP 5.3.2.1-13"),
    "inner is a list": (lambda: signed_answer(token_introspection=[]), "MalformedMessage", "RFC 9701 5a"),
    "other key": (lambda: signed_answer(number=1), "KeyNotFound", KeyNotFound.clause),
    "refusal": (lambda: answer({"error": "server_error"}, 500), "UnexpectedStatus", "RFC 9701 5"),
}


@pytest.mark.spec("RFC 9701 5", "RFC 9701 5a", "FAPI2-MS 5.5.2-2")
@pytest.mark.parametrize("name", BAD_SIGNED)
def test_a_signed_answer_that_does_not_hold_decides_nothing(name: str) -> None:
    make, cause, clause = BAD_SIGNED[name]
    with pytest.raises(UnusableAnswer) as caught:
        ask(Hand(make()), signed=True)
    assert (caught.value.facts["cause"], caught.value.clause) == (cause, clause)


@pytest.mark.spec("RFC 9701 5d")
def test_an_encrypted_answer_is_opened_and_a_clear_one_refused_where_that_was_agreed() -> None:
    key = DecryptionKey.generate("ECDH-ES")
    clear = signed_answer()
    sealed = answer(encrypt_jwt(clear.body.decode(), key), media_type=SIGNED_MEDIA_TYPE)
    opens = Decryption(keys=(key,))
    assert ask(Hand(sealed), signed=True, decryption=opens) == ACTIVE
    for response, decryption in ((clear, opens), (sealed, None)):
        with pytest.raises(UnusableAnswer):
            ask(Hand(response), signed=True, decryption=decryption)


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_server_that_refuses_us_points_at_our_configuration(status: int) -> None:
    with pytest.raises(UnusableAnswer) as caught:
        ask(Hand(answer({"error": "invalid_client"}, status)), signed=False)
    assert caught.value.fault is Fault.CONFIGURATION
    assert "What to do: fix your configuration." in caught.value.__notes__[0]
    assert caught.value.facts["error"] == "invalid_client"


def test_an_unreachable_server_stays_unreachable() -> None:
    with pytest.raises(Unreachable):
        ask(Hand(Unreachable("down")), signed=False)


def test_a_signed_answer_without_keys_to_verify_it_is_a_mistake_of_the_caller() -> None:
    asked = introspect(
        f"{AS}/introspect",
        "the-token",
        client_id=API,
        issuer=AS,
        auth=ClientSecretBasic("s"),
        clock=FrozenClock(),
        random_bytes=CountingRandom(),
        signed=True,
    )
    with pytest.raises(ValueError, match="keys of the server"):
        Hand(signed_answer()).run(asked)
