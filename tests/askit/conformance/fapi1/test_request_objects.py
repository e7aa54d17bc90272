"""The FAPI 1.0 Advanced modules about request objects, over real TLS, by value and pushed; named as the modules are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwe
from joserfc.jwk import RSAKey

from askit.pytest_plugin.hosts import Host
from tests.askit.fapi1.advanced import APIS, CLIENTS, MINUTE, RSA, an_object, decide, moved, push, visit
from tests.askit.fapi1.answers import callback_of, error_of, redirected
from tests.askit.fapi1.live import LiveBank, close_all
from tests.askit.hosting import Hosting
from tests.askit.plain_client import CALLBACK, PlainClient
from tests.keys import a_key, b64

pytestmark = pytest.mark.anyio

PAR = "the PAR endpoint"
BROKEN: list[tuple[str, dict[str, Any], str]] = [
    ("ensure-request-object-without-exp-fails", {"exp": None}, "FAPI1-ADV 5.2.2-13"),
    ("ensure-request-object-with-exp-over-60-fails", {"exp": 70 * MINUTE}, "FAPI1-ADV 5.2.2-13"),
    ("ensure-expired-request-object-fails", {"nbf": -10 * MINUTE, "exp": -5 * MINUTE}, "FAPI1-ADV 5.2.2-13"),
    ("ensure-request-object-without-nbf-fails", {"nbf": None}, "FAPI1-ADV 5.2.2-17"),
    ("ensure-request-object-with-nbf-over-60-fails", {"nbf": -70 * MINUTE}, "FAPI1-ADV 5.2.2-17"),
    ("ensure-request-object-with-bad-aud-fails", {"aud": "https://other.example.test"}, "FAPI1-ADV 5.2.2-15"),
    ("par-pushed-authorization-url-as-audience-in-request-object", {"aud": PAR}, "FAPI1-ADV 5.2.2-15"),
    ("par-authorization-request-containing-request_uri", {"request_uri": "urn:x"}, "RFC 9101 4"),
]


def _refused(page: httpx.Response, clause: str) -> bool:
    """Told to the user on a page: nobody is sent anywhere by an object that nobody vouches for."""
    return (page.status_code, "location" in page.headers, clause in page.text) == (400, False, True)


@pytest.mark.conformance("fapi1-op")
@pytest.mark.spec("FAPI1-ADV 5.2.2-13, -15, -17")
@pytest.mark.parametrize(("module", "claims", "clause"), BROKEN, ids=[row[0] for row in BROKEN])
async def test_a_broken_one(client: PlainClient, module: str, claims: dict[str, Any], clause: str) -> None:
    changed = moved(client, claims)
    if changed.get("aud") == PAR:
        changed["aud"] = f"{client.issuer}/par"
    assert _refused(await visit(client, an_object(client, claims=changed)), clause), module
    assert error_of(await push(client, claims=changed)) == (400, "invalid_request_object", clause), module


@pytest.mark.conformance("fapi1-op", "ensure-request-object-with-multiple-aud-succeeds")
@pytest.mark.spec("FAPI1-ADV 5.2.2-15")
async def test_ensure_request_object_with_multiple_aud_succeeds(client: PlainClient) -> None:
    aud = ["https://other.example.test", client.issuer]
    page = await visit(client, an_object(client, claims={"aud": aud}))
    assert "code" in (await decide(client, page))[1]


async def _signed_otherwise(client: PlainClient, request_object: str, clause: str) -> None:
    assert _refused(await visit(client, request_object), clause)
    pushed = await client.push({"request": request_object})
    assert error_of(pushed) == (400, "invalid_request_object", clause)


@pytest.mark.conformance("fapi1-op", "ensure-signed-request-object-with-RS256-fails")
@pytest.mark.spec("FAPI1-ADV 8.6-1, -2")
async def test_ensure_signed_request_object_with_rs256_fails(client: PlainClient) -> None:
    await _signed_otherwise(client, an_object(client, key=RSA), "FAPI1-ADV 8.6-1")


@pytest.mark.conformance("fapi1-op", "ensure-request-object-signature-algorithm-is-not-none")
@pytest.mark.spec("FAPI1-ADV 8.6-3")
async def test_ensure_request_object_signature_algorithm_is_not_none(client: PlainClient) -> None:
    body = an_object(client).split(".")[1]
    await _signed_otherwise(client, f"{b64(json.dumps({'alg': 'none'}).encode())}.{body}.", "FAPI1-ADV 8.6-1")


@pytest.mark.conformance("fapi1-op", "ensure-request-object-with-invalid-signature-fails")
async def test_ensure_request_object_with_invalid_signature_fails(client: PlainClient) -> None:
    head, body, signature = an_object(client).split(".")
    flipped = "".join("A" if each != "A" else "B" for each in signature[:4]) + signature[4:]
    await _signed_otherwise(client, f"{head}.{body}.{flipped}", "RFC 9101 6.2")


@pytest.mark.conformance("fapi1-op", "ensure-matching-key-in-authorization-request")
async def test_ensure_matching_key_in_authorization_request(client: PlainClient) -> None:
    """Signed by client 2's key."""
    await _signed_otherwise(client, an_object(client, key=a_key("ES256", 2)), "RFC 7515 6")


@pytest.mark.conformance("fapi1-op", "ensure-authorization-request-without-request-object-fails")
@pytest.mark.spec("FAPI1-ADV 5.2.2-1")
async def test_ensure_authorization_request_without_request_object_fails(client: PlainClient) -> None:
    plain = {**client.request(response_type="code id_token"), "client_id": client.client_id}
    refused = await client.http.get("/authorize", params=plain)
    assert redirected(refused) == ("invalid_request", "FAPI1-ADV 5.2.2-1")


@pytest.mark.conformance("fapi1-op", "ensure-response-type-code-fails")
@pytest.mark.spec("FAPI1-ADV 5.2.2-2")
async def test_ensure_response_type_code_fails(client: PlainClient) -> None:
    """Without JARM nothing signs the answer."""
    _, answer = callback_of(await visit(client, an_object(client, response_type="code")))
    assert "code" not in answer
    pushed = await push(client, response_type="code")
    assert error_of(pushed) == (400, "invalid_request", "FAPI1-ADV 5.2.2-2")


@pytest.mark.conformance("fapi1-op")
@pytest.mark.spec("FAPI1-ADV 5.2.2-10")
@pytest.mark.parametrize(
    ("module", "inside", "outside", "error"),
    [
        (
            "ensure-request-object-without-scope-fails",
            {"scope": None},
            {"scope": "openid"},
            "invalid_request",
        ),
        (
            "ensure-request-object-without-nonce-fails",
            {"nonce": None},
            {"nonce": "outside"},
            "invalid_request",
        ),
    ],
)
async def test_values_outside_the_object_do_not_count(
    client: PlainClient, module: str, inside: dict[str, Any], outside: dict[str, str], error: str
) -> None:
    assert redirected(await visit(client, an_object(client, **inside), **outside))[0] == error, module
    request_object = client.request_object(response_type="code id_token", **inside)
    assert error_of(await client.push({"request": request_object, **outside}))[:2] == (400, error), module


@pytest.mark.conformance("fapi1-op")
@pytest.mark.spec("FAPI1-BL 5.2.2-9")
@pytest.mark.parametrize("outside", [{}, {"redirect_uri": CALLBACK}])
@pytest.mark.parametrize(
    "module",
    ["ensure-redirect-uri-in-authorization-request", "ensure-request-object-without-redirect-uri-fails"],
)
async def test_the_redirect_uri_stands_inside(
    client: PlainClient, module: str, outside: dict[str, str]
) -> None:
    page = await visit(client, an_object(client, redirect_uri=None), **outside)
    assert _refused(page, "FAPI1-BL 5.2.2-9"), module
    pushed = await push(client, redirect_uri=None)
    assert error_of(pushed) == (400, "invalid_request", "FAPI1-BL 5.2.2-9"), module


@pytest.mark.conformance("fapi1-op")
@pytest.mark.spec("FAPI1-BL 5.2.2-8, -10")
@pytest.mark.parametrize("module", ["ensure-registered-redirect-uri", "par-attempt-invalid-redirect_uri"])
@pytest.mark.parametrize("uri", [f"{CALLBACK}/more", f"{CALLBACK}?x=1", "https://elsewhere.example.test/cb"])
async def test_the_redirect_uri_is_registered(client: PlainClient, module: str, uri: str) -> None:
    if module.startswith("par"):
        pushed = await push(client, redirect_uri=uri)
        assert error_of(pushed) == (400, "invalid_request", "FAPI1-BL 5.2.2-10")
    else:
        assert _refused(await visit(client, an_object(client, redirect_uri=uri)), "FAPI1-BL 5.2.2-10")


@pytest.mark.conformance("fapi1-op", "par-authorization-request-containing-request_uri-form-param")
async def test_par_authorization_request_containing_request_uri_form_param(client: PlainClient) -> None:
    earlier = (await push(client)).json()["request_uri"]
    form = {"request": client.request_object(response_type="code id_token"), "request_uri": earlier}
    assert error_of(await client.push(form)) == (400, "invalid_request", "RFC 9126 2.1-2")


@pytest.mark.conformance("fapi1-op", "brazil-ensure-encryption-required")
async def test_brazil_ensure_encryption_required(host: Host, folder: Path, web: Hosting) -> None:
    """Once a client has registered that it encrypts its requests, one in the clear is a downgrade."""
    agreed = {"request_object_encryption_alg": "RSA-OAEP", "request_object_encryption_enc": "A256GCM"}
    bank = LiveBank(
        host,
        folder,
        web.uri,
        clients=[{**CLIENTS[0], **agreed}, *APIS],
        signing={"request_object_encryption": ["RSA-OAEP"]},
    )
    with host.inhabited(bank.server):
        client = bank.client()
        await _signed_otherwise(client, an_object(client), "RFC 9101 6.1")
        keys = (await client.http.get("/jwks")).json()["keys"]
        (key,) = [each for each in keys if each.get("use") == "enc"]
        header = {"alg": "RSA-OAEP", "enc": "A256GCM", "cty": "JWT", "kid": key["kid"]}
        sealed = jwe.encrypt_compact(header, an_object(client).encode(), RSAKey.import_key(key))
        assert "code" in (await decide(client, await visit(client, sealed)))[1]
        await close_all(bank.opened)
