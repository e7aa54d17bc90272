"""An API whose bodies are JWTs, over sockets in both middlewares: what passes, what is refused, what is answered."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from werkzeug.test import Client

import wsgi_mw
from fapikit import MemoryStore, SqliteStore
from fapikit.errors import ConfigurationError, StoreUnavailable
from rskit import JwtBodies, SigningClient
from rskit.policy.body_budget import BodyBudget
from tests.clocks import NOW, FrozenClock
from tests.keys import a_key, claims_of, header_of, mint
from tests.rskit.mothers import RESOURCE, a_server, a_token
from tests.rskit.signed_messages.apis import PAID, running

FINTECH, BANK = "b86d54b3-7e5f-4a33-8eb9-e3f4dd7a6a11", "d2c118b2-1017-4857-a417-b0a346fdc5cc"
KEY, BANK_KEY, OTHER_KEY = a_key("PS256", 1), a_key("PS256", 2), a_key("PS256", 3)
CLIENTS = {
    "fintech": SigningClient(names=(FINTECH,), jwks={"keys": [KEY.public_jwk]}),
    "other": SigningClient(names=("other",), jwks={"keys": [OTHER_KEY.public_jwk]}),
}
URL = f"{RESOURCE}/payments"


def signing(**settings: Any) -> JwtBodies:
    given: dict[str, Any] = {
        "clients": CLIENTS,
        "signer": BANK_KEY,
        "issuer": BANK,
        "body": BodyBudget(octets=5000),
    }
    return JwtBodies(**{**given, **settings})


@pytest.fixture(scope="module", params=["asgi", "wsgi"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def url(kind: str) -> Iterator[str]:
    with running(kind, a_server(message_signing=signing())) as base:
        yield base


def body(*, key: Any = KEY, header: dict[str, Any] | None = None, **changes: Any) -> str:
    claims: dict[str, Any] = {
        "aud": URL, "iss": FINTECH, "iat": int(NOW), "jti": str(uuid.uuid4()), "data": {"amount": "1.00"}, **changes,
    }  # fmt: skip
    kept = {name: value for name, value in claims.items() if value is not None}
    return mint(kept, key, header={"typ": "JWT", **(header or {})})


def call(base: str, path: str, content: str | bytes, method: str = "POST", **more: Any) -> httpx.Response:
    headers = {
        "authorization": f"Bearer {more.pop('token', None) or a_token()}",
        "content-type": more.pop("kind", "application/jwt"),
        "accept": "application/jwt",
        **more.pop("headers", {}),
    }
    PAID.clear()
    return httpx.request(method, f"{base}{path}", headers=headers, content=content)


def answered(answer: httpx.Response) -> dict[str, Any]:
    """The claims of a JWT that answers, whose signature PyJWT verifies."""
    import jwt as pyjwt

    assert answer.headers["content-type"] == "application/jwt"
    assert int(answer.headers["content-length"]) == len(answer.content)
    options: Any = {"verify_iat": False}
    claims: dict[str, Any] = pyjwt.decode(
        answer.text, pyjwt.PyJWK(dict(BANK_KEY.public_jwk)), ["PS256"], options, audience=FINTECH, issuer=BANK
    )
    assert header_of(answer.text)["typ"] == "JWT"
    assert claims["iat"] == int(NOW)
    assert uuid.UUID(claims["jti"]).version == 4
    return claims


@pytest.mark.spec("BR-JWT 1", "BR-JWT 3", "BR-JWT 4")
def test_the_application_sees_json_and_the_client_gets_a_jwt_of_its_own(url: str) -> None:
    answer = call(url, "/payments", body())
    assert answer.status_code == 201, answer.text
    claims = answered(answer)
    assert json.loads(claims["got"]) == {"data": {"amount": "1.00"}}
    assert claims["type"] == "application/json"
    assert claims["length"] == str(len(claims["got"]))


CASES: list[tuple[str, dict[str, Any], str]] = [
    ("another endpoint", {"aud": f"{RESOURCE}/consents"}, "aud"),
    ("an endpoint by another host", {"aud": "https://evil.example/payments"}, "aud"),
    ("the organisation of the bank", {"aud": BANK}, "aud"),
    ("a second endpoint beside it", {"aud": [URL, "https://evil.example/payments"]}, "aud"),
    ("no aud", {"aud": None}, "aud"),
    ("another organisation", {"iss": "other"}, "iss"),
    ("no iss", {"iss": None}, "iss"),
    ("too old", {"iat": int(NOW) - 61}, "iat"),
    ("in the future", {"iat": int(NOW) + 61}, "iat"),
    ("no iat", {"iat": None}, "iat"),
    ("no jti", {"jti": None}, "jti"),
    ("jti of no UUID", {"jti": "1"}, "jti"),
    ("of another kind", {"sub": FINTECH}, "sub"),
    ("another key", {"key": OTHER_KEY, "header": {"kid": KEY.kid}}, "signature"),
    ("the key of another client", {"key": OTHER_KEY}, "PS256-3"),
    ("alg none", {"header": {"alg": "none"}}, "algorithm"),
    ("typ at+jwt", {"header": {"typ": "at+jwt"}}, "typ"),
]  # fmt: skip


@pytest.mark.conformance("fapi1-op", "brazil-ensure-bad-payment-signature-fails")
@pytest.mark.conformance("fapi2-op", "brazil-ensure-bad-payment-signature-fails")
@pytest.mark.spec("BR-JWT 3", "BR-JWT 4", "BR-JWT 5", "BR-JWT 6", "BR-JWT 7", "BR-JWT 8")
@pytest.mark.parametrize("changes, told", [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_each_refusal_has_the_code_and_names_the_member(url: str, changes: dict[str, Any], told: str) -> None:
    answer = call(url, "/payments", body(**changes))
    assert answer.status_code == 400
    assert answer.json()["error"] == answer.json()["errors"][0]["code"] == "BAD_SIGNATURE"
    assert told in answer.json()["errors"][0]["detail"]
    assert PAID == []


@pytest.mark.spec("BR-JWT 1", "BR-JWT 8")
@pytest.mark.parametrize(
    "content, kind_",
    [
        (b'{"data": {"amount": "9.00"}}', "application/json"),
        (b'{"data": {"amount": "9.00"}}', "application/jwt"),
        (body(), "application/json"),
        (body(), "text/plain"),
        (body() + ".", "application/jwt"),
    ],
    ids=["json", "json-as-jwt", "jwt-as-json", "jwt-as-text", "four-parts"],
)
def test_what_is_no_jwt_is_refused(url: str, content: bytes, kind_: str) -> None:
    answer = call(url, "/payments", content, kind=kind_)
    assert (answer.status_code, answer.json()["error"]) == (400, "BAD_SIGNATURE")
    assert PAID == []


@pytest.mark.spec("BR-JWT 6")
def test_a_body_counts_once_whoever_repeats_it(url: str) -> None:
    jti, jwt = str(uuid.uuid4()), body()
    assert call(url, "/payments", jwt).status_code == 201
    for again in (jwt, jwt):
        answer = call(url, "/payments", again)
        assert (answer.status_code, answer.json()["error"]) == (403, "BAD_SIGNATURE")
        assert "jti" in answer.json()["errors"][0]["detail"]
    # What was refused for another reason was not used, and another client may have the same number.
    assert call(url, "/payments", body(jti=jti, iat=1)).status_code == 400
    assert call(url, "/payments", body(jti=jti)).status_code == 201
    theirs = body(jti=jti, iss="other", key=OTHER_KEY)
    assert call(url, "/payments", theirs, token=a_token(client_id="other")).status_code == 201


@pytest.mark.spec("BR-JWT 6")
def test_a_number_is_remembered_for_a_day(kind: str) -> None:
    clock = FrozenClock()
    store = MemoryStore(clock=clock)
    with running(kind, a_server(clock=clock, store=store, message_signing=signing())) as base:
        jti = str(uuid.uuid4())
        assert call(base, "/payments", body(jti=jti)).status_code == 201
        clock.now += 24 * 3600 - 10
        token = a_token(iat=int(clock.now), exp=int(clock.now) + 300)
        assert call(base, "/payments", body(jti=jti, iat=int(clock.now)), token=token).status_code == 403
        clock.now += 20
        assert call(base, "/payments", body(jti=jti, iat=int(clock.now)), token=token).status_code == 201


def test_a_store_that_does_not_answer_decides_nothing(kind: str) -> None:
    class Down(MemoryStore):
        def add(self, key: str, value: bytes, ttl: float) -> bool:
            raise StoreUnavailable("down")

        async def aadd(self, key: str, value: bytes, ttl: float) -> bool:
            raise StoreUnavailable("down")

    with running(kind, a_server(store=Down(), message_signing=signing())) as base:
        assert call(base, "/payments", body()).status_code == 503
    assert PAID == []


def test_a_number_that_only_one_process_remembers_is_for_one_process(tmp_path: Path) -> None:
    for store, alone in ((None, True), (MemoryStore(), True), (SqliteStore(tmp_path / "marks.db"), False)):
        assert a_server(store=store, bindings=(), message_signing=signing()).one_process is alone
    assert not a_server(store=None, bindings=()).one_process
    protected = wsgi_mw.Protect(lambda _environ, _start: [], a_server(store=None, message_signing=signing()))
    found = Client(protected).post("/payments", environ_overrides={"wsgi.multiprocess": True})
    assert found.status_code == 503


def test_one_client_does_not_fill_the_store_of_all(kind: str) -> None:
    with running(kind, a_server(message_signing=signing(per_client=3))) as base:
        assert [call(base, "/payments", body()).status_code for _ in range(4)] == [201, 201, 201, 429]
        again = call(base, "/payments", body())
        assert (again.json()["error"], again.headers["retry-after"]) == ("temporarily_unavailable", "1")
        theirs = body(iss="other", key=OTHER_KEY)
        assert call(base, "/payments", theirs, token=a_token(client_id="other")).status_code == 201


def test_a_body_of_one_client_does_not_count_with_a_token_of_another(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "rskit")
    answer = call(url, "/payments", body(), token=a_token(client_id="other"))
    assert (answer.status_code, answer.json()["error"]) == (400, "BAD_SIGNATURE")
    assert call(url, "/payments", body(), token=a_token(client_id="unknown")).status_code == 403
    assert "UnknownSigner [BR-JWT 7]" in caplog.text
    assert call(url, "/payments", body(), token="wrong").status_code == 401
    assert PAID == []


def test_a_request_without_a_body_is_answered_with_a_jwt(url: str) -> None:
    assert answered(call(url, "/parts", b"", "GET"))["a"] == 1
    assert call(url, "/nothing", b"", "DELETE").content == b""
    assert call(url, "/payments", b"", "GET", token=a_token(client_id="unknown")).status_code == 403


def test_errors_of_the_application_are_signed_where_they_are_json(url: str) -> None:
    answer = call(url, "/refused", body(aud=f"{RESOURCE}/refused"))
    assert answer.status_code == 422
    assert answered(answer)["error"] == "no_funds"
    missing = call(url, "/no-such-page", body(aud=f"{RESOURCE}/no-such-page"))
    assert (missing.status_code, "jwt" in missing.headers["content-type"]) == (404, False)


@pytest.mark.parametrize("path", ["/text", "/list", "/claims", "/long"])
def test_an_answer_that_cannot_be_a_jwt_is_not_sent(url: str, path: str) -> None:
    answer = call(url, path, b"", "GET")
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")


def test_where_it_is_optional_the_request_decides(kind: str) -> None:
    with running(kind, a_server(message_signing=signing(required=False))) as base:
        plain = call(base, "/payments", b'{"a": 1}', kind="application/json", headers={"accept": "*/*"})
        assert plain.json()["got"] == '{"a": 1}'
        asked = call(base, "/payments", b'{"a": 1}', kind="application/json")
        assert answered(asked)["got"] == '{"a": 1}'
        assert call(base, "/payments", body(aud="x")).status_code == 400
        assert call(base, "/signed", b'{"a": 1}', kind="application/json").status_code == 400
        assert answered(call(base, "/signed", body(aud=f"{RESOURCE}/signed")))["signed"] is True


@pytest.mark.parametrize(
    "settings, named",
    [
        ({"issuer": ""}, "issuer="),
        ({"remembered": 60}, "remembered="),
        ({"remembered": 90_000}, "remembered="),
        ({"per_client": 0}, "per_client="),
        ({"algorithms": ()}, "algorithms="),
        ({"signer": a_key("ES256")}, "ES256"),
        ({"clients": []}, "clients="),
    ],
)
def test_a_setting_that_cannot_work_is_named(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        signing(**settings)
    assert named in refused.value.message


def test_the_log_and_the_refusal_show_no_body(url: str, caplog: pytest.LogCaptureFixture) -> None:
    answer = call(url, "/payments", body(aud="x", data={"secret": "4711-0815"}))
    assert "4711-0815" not in answer.text + caplog.text
    assert claims_of(body(data={"secret": "4711-0815"}))["data"]["secret"] == "4711-0815"
