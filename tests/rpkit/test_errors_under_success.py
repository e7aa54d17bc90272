"""An error is the error at every endpoint that is called: with a success, in a challenge, as a form, as a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fapikit import MemoryStore, Seal, Secret, profile_of
from fapikit.errors import FapiError, Fault, PeerRefused, Remedy, UnexpectedStatus
from fapikit.http_message import HttpResponse
from rpkit import TokenStore
from rpkit.api.resource_metadata import discover_resource
from rpkit.errors import AuthorizationRefused, AuthorizationResponseError, GrantEnded, NotRevoked
from rpkit.registration.answer import Registration
from rpkit.registration.configuration import delete_registration, read_registration, update_registration
from tests.hands import Hand, answer
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import FakeBank
from tests.rpkit.logins import signed_in

ERROR = {"error": "invalid_client", "error_description": "who are you"}
FORM = b"error=invalid_client&error_description=who+are+you"
SAID = 'invalid_client, "who are you"'
FORM_TYPE = "application/x-www-form-urlencoded"


def always(said: Any, media_type: str = "application/json", status: int = 200) -> Callable[..., Any]:
    return lambda _call: (status, {"content-type": media_type}, said)


SIGNED_INTROSPECTION = {"profile": "fapi2-message-signing"}
SIGNED_USERINFO = {"userinfo_signed_response_alg": "ES256"}
AFTER_LOGIN: dict[str, tuple[str, dict[str, Any], Callable[[Any, Any], Any]]] = {
    "refresh": ("token_answer", {}, lambda client, login: client.refresh(login.tokens)),
    "revocation": ("revoke_answer", {}, lambda client, login: client.revoke(login.tokens)),
    "introspection": ("introspect_answer", {}, lambda client, login: client.introspect(login.tokens)),
    "signed introspection": (
        "introspect_answer",
        SIGNED_INTROSPECTION,
        lambda client, login: client.introspect(login.tokens),
    ),
    "UserInfo": ("api_userinfo", {}, lambda client, login: client.userinfo(login)),
    "signed UserInfo": ("api_userinfo", SIGNED_USERINFO, lambda client, login: client.userinfo(login)),
}


@pytest.mark.parametrize(("said", "media_type"), [(ERROR, "application/json"), (FORM, FORM_TYPE)])
@pytest.mark.parametrize("what", AFTER_LOGIN)
def test_after_a_login_an_error_under_success_is_one(
    what: str, said: Any, media_type: str, clients: Clients, bank: FakeBank
) -> None:
    fault, options, call = AFTER_LOGIN[what]
    client = clients.of(bank, **options)
    login = signed_in(client, bank)
    bank.faults[fault] = always(said, media_type)
    with pytest.raises(FapiError) as caught:
        call(client, login)
    assert SAID in caught.value.message
    if "introspection" in what:
        assert (caught.value.fault, caught.value.remedy) == (Fault.CONFIGURATION, Remedy.FIX_CONFIGURATION)


@pytest.mark.parametrize("fault", ["token_answer", "par_answer"])
@pytest.mark.parametrize(("said", "media_type"), [(ERROR, "application/json"), (FORM, FORM_TYPE)])
def test_at_a_login_an_error_under_success_is_one(
    fault: str, said: Any, media_type: str, clients: Clients, bank: FakeBank
) -> None:
    client = clients.of(bank)
    bank.faults[fault] = always(said, media_type)
    with pytest.raises(PeerRefused) as caught:
        signed_in(client, bank)
    assert SAID in caught.value.message


@pytest.mark.parametrize("document", ["metadata", "jwks"])
def test_in_place_of_a_document_an_error_is_one(document: str, clients: Clients, bank: FakeBank) -> None:
    bank.faults[document] = lambda _: ERROR
    with pytest.raises(FapiError) as caught:
        signed_in(clients.of(bank), bank)
    assert SAID in caught.value.message


def test_tokens_that_were_not_revoked_are_kept(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank, token_store=TokenStore(MemoryStore(), Seal([b"k" * 32])))
    tokens = client.save_tokens("alice", signed_in(client, bank).tokens)
    bank.faults["revoke_answer"] = always(ERROR)
    with pytest.raises(NotRevoked):
        client.revoke(tokens)
    assert client.load_tokens("alice") is not None
    bank.faults["revoke_answer"] = always(b"<p>done</p>", "text/html")
    client.revoke(tokens)
    assert client.load_tokens("alice") is None


REGISTRATION = Registration(
    client_id="c1",
    client_secret=None,
    client_secret_expires_at=None,
    registration_access_token=Secret("manage-me-please"),
    registration_client_uri="https://bank.example/register/c1",
    metadata={},
)
ASKED = {"redirect_uris": ["https://fintech.example/callback"], "token_endpoint_auth_method": "none"}
LOOSE = profile_of("oauth-2.1")
BY_HAND: dict[str, Callable[[], Any]] = {
    "reading a registration": lambda: read_registration(REGISTRATION),
    "updating a registration": lambda: update_registration(REGISTRATION, ASKED, profile=LOOSE),
    "deleting a registration": lambda: delete_registration(REGISTRATION),
    "resource metadata": lambda: discover_resource("https://api.example"),
}
CHALLENGE = 'Bearer realm="bank", Bearer error="invalid_client", error_description="who are you"'
ANSWERS: dict[str, HttpResponse] = {
    "JSON under 200": answer(ERROR),
    "a form under 200": answer(FORM, media_type=FORM_TYPE),
    "a challenge": answer(b"", 401, www_authenticate=CHALLENGE),
    "a challenge beside a page": answer(b"<p>no", 401, "text/html", www_authenticate=CHALLENGE),
    "a form": answer(FORM, 400, FORM_TYPE),
    "JSON": answer(ERROR, 400),
}


@pytest.mark.parametrize("how", ANSWERS)
@pytest.mark.parametrize("what", BY_HAND)
def test_however_an_error_comes_it_is_one(what: str, how: str) -> None:
    with pytest.raises(PeerRefused) as caught:
        Hand(ANSWERS[how]).run(BY_HAND[what]())
    assert caught.value.peer_code == "invalid_client"
    assert SAID in caught.value.message


@pytest.mark.parametrize("value", ['Bearer error="a", error="b"', "Bearer", 'Bearer error=""', "=?"])
def test_a_challenge_without_words_says_nothing(value: str) -> None:
    with pytest.raises(UnexpectedStatus, match=r"status 401 \["):
        Hand(answer(b"", 401, www_authenticate=value)).run(read_registration(REGISTRATION))


def test_a_challenge_does_not_repeat_our_secret() -> None:
    challenge = 'Bearer error="invalid_token", error_description="unknown: manage-me-please"'
    headers = (("www-authenticate", challenge),)
    with pytest.raises(PeerRefused, match="unknown") as caught:
        Hand(lambda request: HttpResponse(401, headers, b"", request.url, request)).run(
            read_registration(REGISTRATION)
        )
    assert "manage-me-please" not in str(caught.value)


def test_a_grant_ends_by_a_form_too(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    bank.faults["token_answer"] = always(b"error=invalid_grant&error_description=gone", FORM_TYPE, 400)
    with pytest.raises(GrantEnded, match="gone"):
        client.refresh(login.tokens)


def test_a_page_is_quoted_as_people_read_it(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    page = (
        b"<!DOCTYPE html><style>p {color: red}</style><script>if (1 < 2) alert()</script><!-- v1 --><title>Rejected"
        b"</title>\n<p>Your support&nbsp;ID is <b>123</b> &lt;WAF&gt;<p"
    )
    bank.faults["token_answer"] = always(page, "text/html", 400)
    with pytest.raises(UnexpectedStatus, match='"Rejected Your support ID is 123 <WAF>"'):
        client.refresh(login.tokens)
    for said in (b"\xff\xfe\x00", b"\x00binary", b"<p></p>"):
        bank.faults["token_answer"] = always(said, "text/html", 400)
        with pytest.raises(UnexpectedStatus, match=r"status 400 \["):
            client.refresh(login.tokens)


def test_a_long_page_is_read_as_far_as_its_words_are_quoted(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    bank.faults["token_answer"] = always(b"x" + "é".encode() * 5000, "text/plain", 400)
    with pytest.raises(UnexpectedStatus, match=r'"xé+\.\.\."'):
        client.refresh(login.tokens)


JARM: dict[str, tuple[dict[str, Any], type[FapiError], str]] = {
    "a description that is a number": ({"error_description": 5}, AuthorizationRefused, 'access_denied, "5"'),
    "a description that is an object": (
        {"error_description": {"code": 7}},
        AuthorizationRefused,
        'access_denied, "{"code":7}"',
    ),
    "a URI that is a list": ({"error_uri": ["x"]}, AuthorizationRefused, "access_denied"),
    "a state that is a number": ({"state": 5}, AuthorizationResponseError, "its error is access_denied"),
}


@pytest.mark.parametrize("what", JARM)
def test_a_signed_refusal_says_its_error(what: str, clients: Clients, bank: FakeBank) -> None:
    changes, error, said = JARM[what]
    client = clients.of(bank, profile="fapi2-message-signing", response_mode="jwt")
    start = client.begin(scope="openid accounts")
    bank.faults["jarm"] = lambda claims: {**claims, **changes}
    callback = bank.authorize(start.url, error="access_denied")
    with pytest.raises(error) as caught:
        client.complete(callback, start.transaction)
    assert said in caught.value.message
