"""rpkit signs, rskit verifies and answers signed, over sockets; and answers that the client must not believe."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx2
import pytest
from pytest_httpserver import HTTPServer

from askit import AuthorizationServer
from askit.pytest_plugin.hosts import Hosts
from askit.pytest_plugin.running import RESOURCE, RunningServer, running
from fapikit import PrivateKeyJWT
from fapikit.errors import (
    BadSignature,
    ConfigurationError,
    FapiError,
    ForbiddenAlgorithm,
    KeyNotFound,
    MalformedClaim,
    MissingSignature,
    ReplayedBody,
    TooOld,
    UntrustedAnchor,
    WrongAudience,
    WrongIssuer,
)
from rpkit import DetachedJws, JwtBodies
from rpkit.api.message_signing import SIGNATURE
from rskit import DetachedJws as ServerDetachedJws
from rskit import Issuer, ResourceServer, SigningClient
from rskit import JwtBodies as ServerJwtBodies
from tests.detached import IAT, ISS, TAN, UNENCODED, header_members, signed_field
from tests.keys import a_key, header_of, mint
from tests.mothers.clients import KINDS, Clients
from tests.rskit.signed_messages import apis
from tests.servers import free_port

FINTECH, BANK = "fintech-org/software-7", "bank-org"
KEY, BANK_KEY = a_key("PS256", 1), a_key("PS256", 2)
KEYS: dict[str, Any] = {
    "signer": KEY,
    "issuer": FINTECH,
    "bank": BANK,
    "jwks": {"keys": [BANK_KEY.public_jwk]},
}
SCHEMES: dict[str, tuple[Any, Any]] = {
    "uk": (DetachedJws, ServerDetachedJws),
    "uk-b64": (
        lambda **k: DetachedJws(form="unencoded", **k),
        lambda **k: ServerDetachedJws(form="unencoded", **k),
    ),
    "brazil": (JwtBodies, ServerJwtBodies),
}
ORDER = {"data": {"amount": "12.50", "creditor": "José"}}
Bank = RunningServer[AuthorizationServer]


@pytest.fixture(scope="module")
def bank(askit_hosts: Hosts) -> Iterator[Bank]:
    with running({}, kind=AuthorizationServer, hosts=askit_hosts) as server:
        yield server


@pytest.fixture(params=KINDS)
def client(request: pytest.FixtureRequest, bank: Bank) -> Iterator[Any]:
    clients = Clients(request.param)
    client = clients.discover(
        bank.issuer,
        client_id=bank.client_id,
        auth=PrivateKeyJWT(bank.client_key),
        redirect_uri=bank.redirect_uri,
        http=bank.http(),
    )
    yield client
    client.close() if request.param == "sync" else client.aclose()
    clients.close()


def tokens_of(client: Any, bank: Bank) -> Any:
    start = client.begin(scope="openid payments", resources=[RESOURCE])
    return client.complete(bank.browse(start.url), start.transaction, resource=RESOURCE).tokens


@pytest.mark.spec("UK-JWS 1", "BR-JWT 1")
@pytest.mark.parametrize("skin", ["asgi", "wsgi"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_payment_is_signed_on_both_ways(bank: Bank, client: Any, skin: str, scheme: str) -> None:
    ours, theirs = SCHEMES[scheme]
    signing = theirs(
        clients={bank.client_id: SigningClient(names=(FINTECH,), jwks={"keys": [KEY.public_jwk]})},
        signer=BANK_KEY,
        issuer=BANK,
    )
    port = free_port()
    server = ResourceServer(
        resource=RESOURCE,
        issuers=[Issuer(bank.issuer)],
        origins=(f"http://127.0.0.1:{port}",),
        profile="fapi2-security",  # it demands a nonce first, so the first request is sent and signed twice
        http=bank.http(),
        message_signing=signing,
    )
    tokens = tokens_of(client, bank)
    with closing(server), apis.running(skin, server, port=port) as url:
        with client.api(tokens, base_url=url, resource=RESOURCE, message_signing=ours(**KEYS)) as api:
            for _ in range(2):
                answer = api.post("/payments?page=1", json=ORDER)
                assert answer.status_code == 201, answer.text
                assert json.loads(answer.json()["got"]) == ORDER
                assert answer.extensions[SIGNATURE].key.kid == BANK_KEY.kid
            assert api.get("/parts").json() == {"a": 1}
            assert api.delete("/nothing").status_code == 204
            assert api.post("/refused", json=ORDER).json() == {"error": "no_funds"}
        wrong = ours(**{**KEYS, "issuer": "another"})
        with client.api(tokens, base_url=url, resource=RESOURCE, message_signing=wrong) as api:
            refused = api.post("/payments", json=ORDER)
            assert refused.status_code == 400
            assert "iss" in refused.json()["error_description"]
        with client.api(tokens, base_url=url, resource=RESOURCE) as api:
            assert api.post("/payments", json=ORDER).status_code == 400


# --- answers that a client must not believe ---------------------------------------------------------

GOT = b'{"Data": {"Status": "Accepted"}}'
Answered = tuple[int, dict[str, str], bytes]


def uk_answer(
    body: bytes = GOT, signed: bytes | None = None, key: Any = BANK_KEY, **changes: Any
) -> Answered:
    members = header_members(**{"kid": BANK_KEY.kid, ISS: BANK, IAT: int(time.time()) - 1, **changes})
    field = signed_field(members, body if signed is None else signed, key)
    return 201, {"x-jws-signature": field, "content-type": "application/json"}, body


def br_answer(key: Any = BANK_KEY, kind: str = "application/jwt", **changes: Any) -> Answered:
    claims = {
        "aud": FINTECH,
        "iss": BANK,
        "iat": int(time.time()),
        "jti": str(uuid.uuid4()),
        "data": {},
        **changes,
    }
    return 201, {"content-type": kind}, mint(claims, key, header={"typ": "JWT", "kid": BANK_KEY.kid}).encode()


def narrow(**settings: Any) -> Any:
    return lambda **keys: DetachedJws(**{**keys, **settings})


REFUSED: list[tuple[str, Any, Any, type[FapiError], str]] = [
    ("uk: unsigned", DetachedJws, lambda: (200, {}, GOT), MissingSignature, "x-jws-signature"),
    ("uk: another body", DetachedJws, lambda: uk_answer(signed=b"{}"), BadSignature, "body"),
    ("uk: another key", DetachedJws, lambda: uk_answer(key=KEY), BadSignature, "body"),
    ("uk: unknown kid", DetachedJws, lambda: uk_answer(kid="x"), KeyNotFound, "kid"),
    ("uk: another bank", DetachedJws, lambda: uk_answer(**{ISS: "evil"}), WrongIssuer, ISS),
    ("uk: our own request", DetachedJws, lambda: uk_answer(**{ISS: FINTECH}), WrongIssuer, ISS),
    ("uk: another anchor", DetachedJws, lambda: uk_answer(**{TAN: "evil"}), UntrustedAnchor, TAN),
    ("uk: an hour old", DetachedJws, lambda: uk_answer(**{IAT: int(time.time()) - 3600}), TooOld, IAT),
    ("uk: bad on an error", DetachedJws, lambda: (400, *uk_answer(signed=b"{}")[1:]), BadSignature, "body"),
    ("uk: a form not accepted", narrow(accepts=("encoded",)), lambda: uk_answer(**UNENCODED), MalformedClaim, "b64"),
    ("uk: other anchors", narrow(anchors=("bank.example",)), uk_answer, UntrustedAnchor, TAN),
    ("uk: a shorter age", narrow(max_age=5), lambda: uk_answer(**{IAT: int(time.time()) - 90}), TooOld, IAT),
    ("uk: another algorithm", narrow(algorithms=("ES256",), signer=a_key()), uk_answer, ForbiddenAlgorithm, "alg"),
    ("br: unsigned", JwtBodies, lambda: (200, {"content-type": "application/json"}, GOT), MissingSignature, "JWT"),
    ("br: JWT as JSON", JwtBodies, lambda: br_answer(kind="application/json"), MissingSignature, "JWT"),
    ("br: another client", JwtBodies, lambda: br_answer(aud="another"), WrongAudience, "aud"),
    ("br: our own request", JwtBodies, lambda: br_answer(aud=BANK, iss=FINTECH), WrongIssuer, "iss"),
    ("br: another bank", JwtBodies, lambda: br_answer(iss="evil"), WrongIssuer, "iss"),
    ("br: old", JwtBodies, lambda: br_answer(iat=int(time.time()) - 70), TooOld, "iat"),
    ("br: another key", JwtBodies, lambda: br_answer(key=KEY), BadSignature, "signature"),
    ("br: bad on an error", JwtBodies, lambda: (400, *br_answer(key=KEY)[1:]), BadSignature, "signature"),
]  # fmt: skip


@pytest.fixture
def api_that_answers(client: Any, bank: Bank, httpserver: HTTPServer) -> Any:
    """A client of an API that gives this one answer to every request, over a socket."""

    def make(answer: Answered, scheme: Any, **more: Any) -> Any:
        status, headers, content = answer
        httpserver.expect_request(re.compile(".*")).respond_with_data(content, status, headers)
        return client.api(
            tokens_of(client, bank),
            base_url=httpserver.url_for("/"),
            resource=RESOURCE,
            message_signing=scheme(**{**KEYS, **more}),
        )

    return make


@pytest.mark.spec("UK-JWS 5", "BR-JWT 3", "BR-JWT 4", "BR-JWT 5", "BR-JWT 7")
@pytest.mark.parametrize("row", REFUSED, ids=[row[0] for row in REFUSED])
def test_an_answer_that_is_not_the_banks_is_refused_and_not_lost(api_that_answers: Any, row: Any) -> None:
    _, scheme, make, error, told = row
    answer = make()
    with (
        api_that_answers(answer, scheme) as api,
        pytest.raises(error) as refused,
    ):
        api.post("/payments", json=ORDER)
    assert type(refused.value) is error
    assert told in refused.value.message
    assert refused.value.outcome.status_code == answer[0]  # type: ignore[union-attr]
    assert refused.value.outcome.content == answer[2]  # type: ignore[union-attr]
    assert "may have been executed" in "".join(refused.value.__notes__)


@pytest.mark.spec("BR-JWT 6")
def test_an_answer_counts_once(api_that_answers: Any) -> None:
    with api_that_answers(br_answer(), JwtBodies) as api:
        assert api.get("/payments").json() == {"data": {}}
        with pytest.raises(ReplayedBody) as refused:
            api.get("/payments")
    assert "jti" in refused.value.message


@pytest.mark.parametrize("scheme", [DetachedJws, JwtBodies])
def test_an_unsigned_refusal_is_a_refusal(api_that_answers: Any, scheme: Any) -> None:
    answer = (502, {"content-type": "text/html"}, b"<h1>Bad gateway</h1>")
    with api_that_answers(answer, scheme) as api:
        assert api.post("/payments", json=ORDER).status_code == 502


@pytest.mark.parametrize("scheme", [DetachedJws, JwtBodies])
def test_a_body_that_cannot_be_signed_is_not_sent(api_that_answers: Any, scheme: Any) -> None:
    with api_that_answers(uk_answer(), scheme) as api:
        if scheme is JwtBodies:
            with pytest.raises(ConfigurationError, match="iss"):
                api.post("/payments", json={"iss": "me"})
            with pytest.raises(ConfigurationError, match="JSON object"):
                api.post("/payments", content=b"hello")
        else:
            assert api.post("/payments", content=b"hello").status_code == 201


def test_the_keys_of_the_authorization_server_are_the_default(api_that_answers: Any) -> None:
    api = api_that_answers(uk_answer(), DetachedJws, jwks=None)
    with api, pytest.raises(KeyNotFound):
        api.post("/payments", json=ORDER)


@pytest.mark.parametrize(
    "scheme, make", [(DetachedJws, uk_answer), (JwtBodies, br_answer), (narrow(max_age=None), uk_answer)]
)
def test_the_other_library_signs_and_verifies_too(bank: Bank, client: Any, scheme: Any, make: Any) -> None:
    sent: list[Any] = []
    status, headers, content = make(**({IAT: 1} if scheme not in (DetachedJws, JwtBodies) else {}))

    def answer(request: Any) -> Any:
        sent.append(request)
        return httpx2.Response(status, headers=headers, content=content)

    api = client.api(
        tokens_of(client, bank),
        base_url="https://api.example.test",
        resource=RESOURCE,
        transport=httpx2.MockTransport(answer),
        library=httpx2,
        message_signing=scheme(**KEYS),
    )
    with api:
        assert api.post("/payments", json=ORDER).json()
    body = sent[0].content
    signed = body.decode() if scheme is JwtBodies else sent[0].headers["x-jws-signature"]
    assert header_of(signed)["kid"] == KEY.kid
    assert int(sent[0].headers["content-length"]) == len(body)


def test_a_stream_cannot_be_signed(api_that_answers: Any, client: Any) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"{}"

    async def achunks() -> Any:
        yield b"{}"

    is_async = type(client).__name__ == "Facade"
    api = api_that_answers(uk_answer(), DetachedJws)
    with api, pytest.raises(ConfigurationError, match="stream"):
        api.post("/payments", content=achunks() if is_async else chunks())


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"issuer": ""}, "issuer="),
    ({"bank": ""}, "bank="),
    ({"jwks_uri": "http://bank.example/jwks", "jwks": None}, "jwks_uri="),
    ({"jwks_uri": "https://bank.example/jwks"}, "not both"),
    ({"jwks": {"keys": []}}, "jwks="),
    ({"signer": a_key("ES256")}, "ES256"),
    ({"algorithms": ("HS256",)}, "algorithms="),
]


@pytest.mark.parametrize("scheme", [DetachedJws, JwtBodies])
@pytest.mark.parametrize("changes, named", WRONG)
def test_a_setting_that_cannot_work_is_named(scheme: Any, changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        scheme(**{**KEYS, **changes})
    assert named in refused.value.message


def test_what_is_shown_of_the_settings_has_no_key() -> None:
    assert "PrivateKey" not in repr(DetachedJws(**KEYS)) + repr(JwtBodies(**KEYS))
    assert header_of(br_answer()[2].decode())["alg"] == "PS256"
