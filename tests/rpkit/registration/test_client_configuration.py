"""Looking after a registration at the server's client configuration endpoint."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from fapikit import Seal, Secret, profile_of
from fapikit.errors import ConfigurationError, ForbiddenByProfile, SealBroken, UnexpectedStatus
from fapikit.flow import Flow
from rpkit import AsyncClient, Client, SignedRequest
from rpkit.errors import RegistrationError
from rpkit.registration.answer import Registration
from rpkit.registration.configuration import delete_registration, read_registration, update_registration
from tests.hands import Hand, answer
from tests.keys import a_key, claims_of, mint

URI = "https://bank.example/register/c1"
METADATA = {
    "client_id": "c1",
    "redirect_uris": ["https://fintech.example/callback"],
    "token_endpoint_auth_method": "private_key_jwt",
    "id_token_signed_response_alg": "ES256",
    "dpop_bound_access_tokens": True,
    "jwks": {"keys": [dict(a_key().public_jwk)]},
}
WHOLE = {**METADATA, "registration_access_token": "manage-me", "registration_client_uri": URI}
FAPI2 = profile_of("fapi2-security")
STATEMENT = mint({"iss": "https://directory.example", "software_id": "software-1"}, a_key("ES256", 41))


def a_registration(**changes: Any) -> Registration:
    given = {
        "client_id": "c1",
        "client_secret": None,
        "client_secret_expires_at": None,
        "registration_access_token": Secret("manage-me"),
        "registration_client_uri": URI,
        "metadata": {**METADATA, "registration_client_uri": URI, "client_id_issued_at": 1},
    }
    return Registration(**{**given, **changes})


@pytest.mark.parametrize("secret", [None, Secret("s" * 40)])
def test_a_registration_is_kept_sealed(secret: Secret | None) -> None:
    kept, seal = a_registration(client_secret=secret, client_secret_expires_at=7), Seal([b"k" * 32])
    sealed = kept.seal(seal)
    assert Registration.open(sealed, seal) == kept
    assert "manage-me" not in sealed
    with pytest.raises(SealBroken):
        Registration.open(sealed, Seal([b"z" * 32]))
    with pytest.raises(SealBroken):
        Registration.open(seal.seal_text(b"{}", "another context"), seal)


@pytest.mark.spec("RFC 7592 2.1")
def test_what_is_registered_can_be_read() -> None:
    hand = Hand(answer({**WHOLE, "registration_access_token": "new", "client_secret_expires_at": 0}))
    found = hand.run(read_registration(a_registration()))
    (request,) = hand.requests
    assert (request.method, request.url, request.body) == ("GET", URI, b"")
    assert request.headers == (("accept", "application/json"), ("authorization", "Bearer manage-me"))
    assert found.metadata["redirect_uris"] == METADATA["redirect_uris"]
    assert found.registration_access_token is not None
    assert found.registration_access_token.reveal() == "new"


def test_what_an_answer_need_not_repeat_is_kept() -> None:
    before = a_registration(client_secret=Secret("s"), client_secret_expires_at=9.0)
    found = Hand(answer(METADATA)).run(read_registration(before))
    assert found.client_secret is before.client_secret
    assert found.client_secret_expires_at == 9.0
    assert found.registration_access_token is before.registration_access_token
    assert found.registration_client_uri == URI


@pytest.mark.spec("RFC 7592 2.2")
def test_an_update_sends_all_but_what_is_the_servers() -> None:
    registration = a_registration()
    uris = ["https://fintech.example/new"]
    hand = Hand(answer({**WHOLE, "redirect_uris": uris}))
    changed = {**registration.metadata, "redirect_uris": uris, "client_secret_expires_at": 0}
    found = hand.run(update_registration(registration, changed, profile=FAPI2))
    (request,) = hand.requests
    assert (request.method, request.url) == ("PUT", URI)
    assert json.loads(request.body) == {**METADATA, "redirect_uris": uris}
    assert found.metadata["redirect_uris"] == uris


REFUSED: dict[str, tuple[dict[str, Any], type[Exception]]] = {
    "another client's metadata": ({"client_id": "c2"}, ConfigurationError),
    "a method that the profile forbids": ({"token_endpoint_auth_method": "none"}, ForbiddenByProfile),
    "a private key": ({"jwks": {"keys": [a_key().to_private_jwk()]}}, ConfigurationError),
}


@pytest.mark.parametrize("what", REFUSED)
def test_updates_that_are_not_sent(what: str) -> None:
    changes, error = REFUSED[what]
    hand = Hand()
    with pytest.raises(error):
        hand.run(update_registration(a_registration(), {**METADATA, **changes}, profile=FAPI2))
    assert not hand.requests


ANSWERS: dict[str, tuple[dict[str, Any], type[Exception]]] = {
    "about another client": ({**WHOLE, "client_id": "c2"}, RegistrationError),
    "weaker": ({**WHOLE, "dpop_bound_access_tokens": False}, RegistrationError),
    "about another client, and weaker": (
        {**WHOLE, "client_id": "c2", "dpop_bound_access_tokens": False},
        RegistrationError,
    ),
    "weaker without a word": (
        {name: value for name, value in WHOLE.items() if name != "dpop_bound_access_tokens"},
        RegistrationError,
    ),
}


@pytest.mark.spec("RFC 7592 3")
@pytest.mark.parametrize("what", ANSWERS)
def test_answers_that_are_not_taken(what: str) -> None:
    given, error = ANSWERS[what]
    with pytest.raises(error) as refused:
        Hand(answer({**given, "registration_access_token": "new"})).run(
            update_registration(a_registration(), METADATA, profile=FAPI2)
        )
    kept = Registration.kept_in(refused.value)
    if "another client" in what:
        assert kept is None
    else:  # it stands at the server so, and the old token may be dead
        assert kept is not None
        assert kept.registration_access_token == Secret("new")
        assert kept.registration_client_uri == URI


@pytest.mark.parametrize("uri", ["http://x.example/", "http://localhost/", "https://[", 5.5])
def test_an_address_that_may_not_be_called_leaves_the_one_that_was(uri: Any) -> None:
    found = Hand(answer({**WHOLE, "registration_client_uri": uri})).run(read_registration(a_registration()))
    assert found.registration_client_uri == URI


def test_an_answer_without_client_id_hands_over_the_new_token() -> None:
    with pytest.raises(RegistrationError) as refused:
        Hand(answer({**WHOLE, "client_id": "", "registration_access_token": "new"})).run(
            read_registration(a_registration())
        )
    assert refused.value.registration.client_id == "c1"
    assert refused.value.registration.registration_access_token == Secret("new")


@pytest.mark.spec("RFC 7592 2.2")
def test_an_update_may_be_a_signed_jwt() -> None:
    software = {**METADATA, "software_id": "4fd1"}
    how = SignedRequest(signer=a_key("PS256"), audience="https://bank.example")
    hand = Hand(answer({**WHOLE, **software}))
    hand.run(update_registration(a_registration(), software, profile=FAPI2, signed=how))
    (request,) = hand.requests
    assert ("content-type", "application/jwt") in request.headers
    assert claims_of(request.body.decode())["aud"] == "https://bank.example"
    with pytest.raises(ConfigurationError, match="audience"):
        Hand().run(
            update_registration(
                a_registration(), software, profile=FAPI2, signed=SignedRequest(signer=a_key("PS256"))
            )
        )


@pytest.mark.parametrize(
    "flow",
    [read_registration, delete_registration, lambda r: update_registration(r, METADATA, profile=FAPI2)],
)
@pytest.mark.parametrize("missing", ["registration_access_token", "registration_client_uri"])
def test_without_address_and_token_nothing_can_be_done(
    flow: Callable[[Registration], Flow[object]], missing: str
) -> None:
    with pytest.raises(
        ConfigurationError, match="no registration_client_uri or no registration_access_token"
    ):
        Hand().run(flow(a_registration(**{missing: None})))


@pytest.mark.spec("RFC 7592 2.3")
@pytest.mark.parametrize("status", [200, 202, 204])
def test_a_success_says_that_a_registration_is_gone(status: int) -> None:
    hand = Hand(answer(status=status), answer({}, 404))
    hand.run(delete_registration(a_registration()))
    assert hand.requests[0].method == "DELETE"
    with pytest.raises(UnexpectedStatus):
        hand.run(delete_registration(a_registration()))


@pytest.mark.conformance("fapi1-rp", "client-brazildcr-happypath-test")
@pytest.mark.parametrize("vouched", [{}, {"software_statement": STATEMENT}], ids=["alone", "vouched for"])
@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_from_registration_to_its_end(kind: Any, vouched: dict[str, str], httpserver: HTTPServer) -> None:
    """Over a socket: each answer has a new token, and only the newest is good."""
    issuer = httpserver.url_for("").rstrip("/")
    held: dict[str, Any] = {}

    def issue(members: dict[str, Any], status: int) -> Response:
        held["token"] = f"token-{len(httpserver.log)}"
        held["metadata"] = {**members, "client_id": "c1"}
        whole = {
            **held["metadata"],
            "registration_access_token": held["token"],
            "registration_client_uri": f"{issuer}/register/c1",
        }
        return Response(json.dumps(whole), status, content_type="application/json")

    def manage(request: Request) -> Response:
        if request.headers["authorization"] != f"Bearer {held['token']}":
            return Response(status=401)
        if request.method == "DELETE":
            held.clear()
            return Response(status=204)
        return issue(json.loads(request.data) if request.method == "PUT" else held["metadata"], 200)

    httpserver.expect_request("/.well-known/oauth-authorization-server").respond_with_json(
        {"issuer": issuer, "registration_endpoint": f"{issuer}/register"}
    )
    httpserver.expect_request("/register", "POST").respond_with_handler(
        lambda request: issue(json.loads(request.data), 201)
    )
    httpserver.expect_request("/register/c1").respond_with_handler(manage)

    def run(result: Any) -> Any:
        return asyncio.run(result) if kind is AsyncClient else result

    asked = {name: value for name, value in {**METADATA, **vouched}.items() if name != "client_id"}
    first = run(kind.register(issuer, asked))
    read = run(kind.read_registration(run(kind.read_registration(first))))
    assert vouched.items() <= read.metadata.items()
    renamed = run(kind.update_registration(read, {**read.metadata, "client_name": "Fintech"}))
    assert renamed.metadata["client_name"] == "Fintech"
    with pytest.raises(UnexpectedStatus):
        run(kind.delete_registration(first))
    assert run(kind.delete_registration(renamed)) is None
    assert not held
