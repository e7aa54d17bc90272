"""FAPI 1.0 Advanced at askit: one good login for each way, then single mutations, each with its own clause."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from fapikit.errors import FapiError
from tests.askit.bank import FINTECH, Bank
from tests.askit.fapi1.advanced import (
    APIS,
    CLIENTS,
    JARM,
    MINUTE,
    RSA,
    an_object,
    login,
    moved,
    push,
    redeem,
    visit,
)
from tests.askit.fapi1.answers import callback_of, cited, error_of, redirected
from tests.askit.plain_client import CALLBACK, ISSUER, VERIFIER, PlainClient
from tests.askit.registering import OPENER, register
from tests.keys import a_key, b64, claims_of, header_of
from tests.mothers.certificates import a_certificate

pytestmark = pytest.mark.anyio

MINE, THEIRS = a_certificate(), a_certificate(serial=8)


def a_bank(**changes: Any) -> Bank:
    return Bank(**{"profile": "fapi1-advanced", "clients": [*CLIENTS, *APIS], **changes})


def a_client(bank: Bank) -> PlainClient:
    return bank.client(http=bank.browser(shows=[MINE]))


@pytest.fixture
def bank() -> Bank:
    return a_bank()


@pytest.fixture
def client(bank: Bank) -> PlainClient:
    return a_client(bank)


# One good login for each way.


@pytest.mark.spec("FAPI1-ADV 5.2.2, 5.2.2-1, -2, 5.2.2.1-1, -2, -4")
async def test_the_hybrid_flow(client: PlainClient) -> None:
    place, answer = await login(client, an_object(client))
    assert (place, set(answer)) == ("fragment", {"code", "id_token", "state", "iss"})
    front = claims_of(answer["id_token"])
    assert {"c_hash", "s_hash", "nonce", "acr"} <= front.keys()
    tokens = (await redeem(client, answer["code"])).json()
    back = claims_of(tokens["id_token"])
    assert [back[name] for name in ("iss", "sub", "nonce", "acr")] == [
        front[name] for name in ("iss", "sub", "nonce", "acr")
    ]
    assert header_of(tokens["id_token"])["alg"] in ("PS256", "ES256")
    assert "x5t#S256" in claims_of(tokens["access_token"])["cnf"]


@pytest.mark.spec("FAPI1-ADV 5.2.2-2, 5.2.2.2-1")
async def test_a_code_in_a_signed_answer(client: PlainClient) -> None:
    place, answer = await login(client, an_object(client, **JARM))
    assert (place, set(answer)) == ("query", {"response"})
    inner = claims_of(answer["response"])
    assert (inner["iss"], inner["aud"], inner["state"]) == (ISSUER, "fintech", "the-state")
    assert header_of(answer["response"])["alg"] in ("PS256", "ES256")
    assert (await redeem(client, inner["code"])).status_code == 200


@pytest.mark.spec("FAPI1-ADV 5.2.2-11, -18")
async def test_a_pushed_request(client: PlainClient) -> None:
    request_uri = (await push(client)).json()["request_uri"]
    _, answer = callback_of(await client.decide(request_uri))
    assert (await redeem(client, answer["code"], code_verifier=VERIFIER)).status_code == 200


@pytest.mark.spec("FAPI1-ADV 5.2.2-14")
async def test_the_metadata(bank: Bank) -> None:
    document = (await bank.browser().get("/.well-known/openid-configuration")).json()
    assert document["require_signed_request_object"] is True
    assert document["response_types_supported"] == ["code", "code id_token"]
    assert "query" not in document["response_modes_supported"]
    assert document["tls_client_certificate_bound_access_tokens"] is True
    methods = document["token_endpoint_auth_methods_supported"]
    assert set(methods) <= {"private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"}
    for what in ("request_object_signing_alg", "id_token_signing_alg", "token_endpoint_auth_signing_alg"):
        assert document[f"{what}_values_supported"] == ["ES256", "PS256"]


# Request objects: whatever is wrong with one is known before anybody is sent anywhere.

OBJECTS: dict[str, tuple[dict[str, Any], str]] = {
    "no nbf": ({"nbf": None}, "FAPI1-ADV 5.2.2-17"),
    "nbf more than an hour ago": ({"nbf": -70 * MINUTE}, "FAPI1-ADV 5.2.2-17"),
    "so too where it has not expired": ({"nbf": -3620, "exp": -20}, "FAPI1-ADV 5.2.2-17"),
    "nbf ahead of every clock": ({"nbf": 61, "exp": 300}, "RFC 7519 4.1.5"),
    "no exp": ({"exp": None}, "FAPI1-ADV 5.2.2-13"),
    "exp more than an hour after nbf": ({"exp": 61 * MINUTE}, "FAPI1-ADV 5.2.2-13"),
    "expired": ({"nbf": -10 * MINUTE, "exp": -MINUTE}, "FAPI1-ADV 5.2.2-13"),
    "no aud": ({"aud": None}, "FAPI1-ADV 5.2.2-15"),
    "aud of another server": ({"aud": "https://other.example.test"}, "FAPI1-ADV 5.2.2-15"),
    "aud of the PAR endpoint": ({"aud": f"{ISSUER}/par"}, "FAPI1-ADV 5.2.2-15"),
    "no iss": ({"iss": None}, "RFC 9101 4"),
    "iss of another client": ({"iss": "other"}, "RFC 9101 4"),
    "no client_id": ({"client_id": None}, "RFC 9101 5b"),
    "client_id of another client": ({"client_id": "other"}, "RFC 9101 6.3"),
    "a request inside": ({"request": "x.y.z"}, "RFC 9101 4"),
    "a request_uri inside": ({"request_uri": "urn:x"}, "RFC 9101 4"),
}


@pytest.mark.spec("FAPI1-ADV 5.2.2-13, -15, -17")
@pytest.mark.parametrize(("claims", "clause"), OBJECTS.values(), ids=OBJECTS)
async def test_a_request_object_is_refused(client: PlainClient, claims: dict[str, Any], clause: str) -> None:
    page = await visit(client, an_object(client, claims=moved(client, claims)))
    assert (page.status_code, f"({clause})" in page.text) == (400, True), page.text
    assert "location" not in page.headers
    refused = await push(client, claims=moved(client, claims))
    assert error_of(refused) == (400, "invalid_request_object", clause)


@pytest.mark.spec("FAPI1-ADV 5.2.2-13, -15, -17")
@pytest.mark.parametrize(
    "claims",
    [
        {"nbf": -60 * MINUTE, "exp": 0},
        {"exp": 60 * MINUTE},
        {"nbf": 10, "exp": 300},
        {"aud": ["https://other.example.test", ISSUER]},
    ],
)
async def test_a_request_object_within_the_bounds_is_taken(
    client: PlainClient, claims: dict[str, Any]
) -> None:
    assert (await visit(client, an_object(client, claims=moved(client, claims)))).status_code == 200


@pytest.mark.spec("FAPI1-ADV 8.6-1, -2, -3")
async def test_who_signed_and_how(client: PlainClient) -> None:
    unsigned = f"{b64(json.dumps({'alg': 'none'}).encode())}.{an_object(client).split('.')[1]}."
    for request_object, clause in (
        (an_object(client, key=RSA), "FAPI1-ADV 8.6-1"),
        (unsigned, "FAPI1-ADV 8.6-1"),
        (an_object(client, key=a_key("ES256", 2), alg="ES256"), "RFC 7515 6"),
    ):
        page = await visit(client, request_object)
        assert (page.status_code, clause in page.text) == (400, True), page.text
        pushed = await client.push({"request": request_object})
        assert error_of(pushed) == (400, "invalid_request_object", clause)


# Requests: what is wrong goes back to the client.

REQUESTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "a code that nothing signs": ({"response_type": "code"}, "invalid_request", "FAPI1-ADV 5.2.2-2"),
    "a code in the fragment": (
        {"response_type": "code", "response_mode": "fragment"}, "invalid_request", "FAPI1-ADV 5.2.2-2"
    ),
    "a code in a form": (
        {"response_type": "code", "response_mode": "form_post"}, "invalid_request", "FAPI1-ADV 5.2.2-2"
    ),
    "hybrid in the query": ({"response_mode": "query"}, "invalid_request", "FAPI1-ADV 5.2.2-2"),
    "hybrid in a signed answer": ({"response_mode": "jwt"}, "invalid_request", "FAPI1-ADV 5.2.2-2"),
    "an ID token alone": ({"response_type": "id_token"}, "unsupported_response_type", "FAPI1-ADV 5.2.2-2"),
    "an access token from the front": (
        {"response_type": "code id_token token"}, "unsupported_response_type", "FAPI1-ADV 5.2.2-2"
    ),
    "no nonce": ({"nonce": None}, "invalid_request", "OIDC 3.3.2.11"),
    "no nonce for a code": ({**JARM, "nonce": None}, "invalid_request", "FAPI1-BL 5.2.2.2-1"),
    "neither openid nor state": (
        {**JARM, "scope": "accounts", "state": None}, "invalid_request", "FAPI1-BL 5.2.2.3-1"
    ),
    "no scope": ({"scope": None, **JARM}, "invalid_scope", "RFC 6749 3.3"),
}  # fmt: skip


@pytest.mark.spec("FAPI1-ADV 5.2.2-2")
@pytest.mark.parametrize(("changes", "error", "clause"), REQUESTS.values(), ids=REQUESTS)
async def test_a_request_is_refused(
    client: PlainClient, changes: dict[str, Any], error: str, clause: str
) -> None:
    place, answer = callback_of(await visit(client, an_object(client, **changes)))
    assert place == "fragment" or set(answer) == {"response"}, "nothing unsigned is in the query"
    told = claims_of(answer["response"]) if "response" in answer else answer
    assert (told["error"], cited(told["error_description"])) == (error, clause)
    assert error_of(await push(client, **changes)) == (400, error, clause)


@pytest.mark.spec("FAPI1-ADV 5.2.2-1")
async def test_a_request_that_is_not_signed(client: PlainClient) -> None:
    plain = client.request(response_type="code id_token")
    refused = await client.http.get("/authorize", params={**plain, "client_id": "fintech"})
    assert redirected(refused) == ("invalid_request", "FAPI1-ADV 5.2.2-1")
    assert error_of(await client.push(plain)) == (400, "invalid_request", "FAPI1-ADV 5.2.2-1")


OUTSIDE = {
    "the scope": ({"scope": None}, {"scope": "openid accounts"}),
    "the nonce": ({"nonce": None}, {"nonce": "outside"}),
    "the response type": ({"response_type": None}, {"response_type": "code id_token"}),
    "the redirect URI": ({"redirect_uri": None}, {"redirect_uri": CALLBACK}),
}


@pytest.mark.spec("FAPI1-ADV 5.2.2-10")
@pytest.mark.parametrize(("inside", "outside"), OUTSIDE.values(), ids=OUTSIDE)
async def test_what_stands_outside_alone_does_not_count(
    client: PlainClient, inside: dict[str, Any], outside: dict[str, str]
) -> None:
    refused = await visit(client, an_object(client, **inside), **outside)
    if "redirect_uri" in outside:
        assert (refused.status_code, "FAPI1-BL 5.2.2-9" in refused.text) == (400, True)
    else:
        assert "error" in callback_of(refused)[1] or "response" in callback_of(refused)[1]
    again = {"request": client.request_object(**{"response_type": "code id_token", **inside}), **outside}
    assert (await client.push(again)).status_code == 400


@pytest.mark.spec("FAPI1-ADV 5.2.2-10")
async def test_nor_does_it_where_it_differs(client: PlainClient) -> None:
    page = await visit(client, an_object(client, state=None), state="outside", nonce="outside")
    page = await client.submit(page, username="alice", password="wonderland")
    _, answer = callback_of(await client.submit(page, decision="approve"))
    assert "state" not in answer
    assert claims_of(answer["id_token"])["nonce"] == "the-nonce"


@pytest.mark.spec("FAPI1-ADV 5.2.2-18")
@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge": VERIFIER, "code_challenge_method": "plain"},
    ],
)
async def test_pkce_is_for_what_is_pushed(client: PlainClient, changes: dict[str, Any]) -> None:
    assert error_of(await push(client, **changes)) == (400, "invalid_request", "FAPI1-ADV 5.2.2-18")


async def test_pushed_without_pkce_while_clients_learn_it() -> None:
    learning = {"name": "PKCE_OPTIONAL", "until": dt.date(2099, 1, 1), "reason": "an app of last year"}
    client = a_client(a_bank(quirks=[learning]))
    without: dict[str, Any] = {"code_challenge": None, "code_challenge_method": None}
    assert (await push(client, **without)).status_code == 201
    unprotected = await push(client, **without, **JARM, scope="accounts")
    assert error_of(unprotected) == (400, "invalid_request", "FAPI1-ADV 5.2.2-18")
    assert (await visit(client, an_object(client, **JARM, scope="accounts"))).status_code == 200


# What may be registered.

REGISTRATIONS: dict[str, tuple[dict[str, Any], str]] = {
    "nothing to prove": ({"token_endpoint_auth_method": "none"}, "FAPI1-ADV 5.2.2-16"),
    "a secret that signs": ({"token_endpoint_auth_method": "client_secret_jwt"}, "FAPI1-ADV 5.2.2-14"),
    "a secret in a header": ({"token_endpoint_auth_method": "client_secret_basic"}, "FAPI1-ADV 5.2.2-14"),
    **{
        f"{name} RS256": ({name: "RS256"}, "FAPI1-ADV 8.6-1")
        for name in (
            "id_token_signed_response_alg", "request_object_signing_alg", "token_endpoint_auth_signing_alg",
            "authorization_signed_response_alg", "userinfo_signed_response_alg",
        )
    },
    "encrypted with RSA1_5": ({"id_token_encrypted_response_alg": "RSA1_5"}, "FAPI1-ADV 8.6.1-1"),
    "redirects in clear": ({"redirect_uris": ["http://fintech.example.test/cb"]}, "FAPI1-BL 5.2.2-20"),
    "redirects to this machine": ({"redirect_uris": ["http://127.0.0.1/cb"]}, "FAPI1-BL 7.5-2"),
}  # fmt: skip


@pytest.mark.spec("FAPI1-ADV 5.2.2-14, -16, 8.6-1, 8.6.1-1")
@pytest.mark.parametrize(("changes", "clause"), REGISTRATIONS.values(), ids=REGISTRATIONS)
async def test_a_client_is_refused(changes: dict[str, Any], clause: str) -> None:
    with pytest.raises(FapiError) as refused:
        a_bank(clients=[{**FINTECH, "client_secret": "s" * 64, **changes}, *APIS])
    assert refused.value.clause == clause
    answer = await register(a_bank(initial_access_token=OPENER), **changes)
    assert (answer.status_code, cited(answer.json()["error_description"])) == (400, clause)


@pytest.mark.spec("FAPI1-ADV 8.6-1, -2")
def test_the_server_itself_signs_with_nothing_else() -> None:
    with pytest.raises(FapiError) as refused:
        a_bank(signing={"signing_alg": "RS256"})
    assert refused.value.clause == "FAPI1-ADV 8.6-1"


# Who is calling, and what its tokens are bound to.


@pytest.mark.spec("RFC 7523 3-3")
@pytest.mark.parametrize(
    ("aud", "taken"),
    [
        (ISSUER, True),
        (f"{ISSUER}/token", True),
        (f"{ISSUER}/par", True),
        ([f"{ISSUER}/token", "https://other.example.test"], True),
        (f"{ISSUER}/authorize", False),
        ("https://other.example.test", False),
    ],
)
async def test_an_assertion_is_meant_for_the_issuer_or_an_endpoint(
    client: PlainClient, aud: object, taken: bool
) -> None:
    """The opposite of FAPI 2, where the issuer alone will do."""
    request = {"request": client.request_object(response_type="code id_token")}
    pushed = await client.push(request, authentication=client.authentication(aud=aud))
    form = client.code_form((await login(client, an_object(client)))[1]["code"], code_verifier=None)
    answer = await client.token(form, authentication=client.authentication(aud=aud), proof=False)
    if taken:
        assert (pushed.status_code, answer.status_code) == (201, 200)
    else:
        assert error_of(pushed) == error_of(answer) == (401, "invalid_client", "RFC 7523 3-3")


@pytest.mark.spec("FAPI1-ADV 8.6-1, -2")
async def test_an_assertion_signed_with_rs256(client: PlainClient) -> None:
    request = {"request": client.request_object(response_type="code id_token")}
    refused = await client.push(request, authentication=client.authentication(key=RSA))
    assert error_of(refused) == (401, "invalid_client", "FAPI1-ADV 8.6-1")


@pytest.mark.spec("FAPI1-ADV 5.2.2-5, -6")
async def test_no_token_without_a_certificate_nor_for_another(bank: Bank, client: PlainClient) -> None:
    _, answer = await login(client, an_object(client))
    bare = bank.client()
    assert error_of(await redeem(bare, answer["code"])) == (400, "invalid_request", "FAPI1-ADV 5.2.2-5")
    by_proof = await bare.token(bare.code_form(answer["code"], code_verifier=None))
    assert error_of(by_proof) == (400, "invalid_request", "FAPI1-ADV 8.2")
    token = (await redeem(client, answer["code"])).json()["access_token"]
    for shown, status in ((MINE, 200), (THEIRS, 401)):
        headers = {"authorization": f"Bearer {token}"}
        assert (await bank.browser(shows=[shown]).get("/userinfo", headers=headers)).status_code == status
