"""An API that demands `x-jws-signature`, over sockets in both middlewares: what passes, and what is refused."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from fapikit.errors import ConfigurationError, Unreachable
from fapikit.flow import run_pure
from fapikit.jose.key_set import KeySet
from fapikit.secrets import Concealed
from fapikit.signed_messages.detached_jws import ExpectedSigner, verify_detached
from fapikit.signed_messages.settings import PS256
from rskit import DetachedJws, SigningClient
from rskit.policy.body_budget import BodyBudget
from rskit.tokens.token import Token
from tests.clocks import NOW
from tests.detached import (
    BANK,
    BANK_KEY,
    BODY,
    FINTECH,
    FINTECH_KEY,
    IAT,
    ISS,
    TAN,
    UNENCODED,
    header_members,
    signed_field,
)
from tests.keys import a_key, unb64
from tests.rskit.mothers import a_server, a_token, an_issuer
from tests.rskit.signed_messages.apis import LONG, PAID, members, running

FIELD = "x-jws-signature"
CLIENTS = {
    "fintech": SigningClient(names=(FINTECH,), jwks={"keys": [FINTECH_KEY.public_jwk]}),
    "other": SigningClient(names=("other",), jwks={"keys": [a_key("PS256", 3).public_jwk]}),
}


def signing(**settings: Any) -> DetachedJws:
    given: dict[str, Any] = {
        "clients": CLIENTS,
        "signer": BANK_KEY,
        "issuer": BANK,
        "body": BodyBudget(octets=5000),
    }
    return DetachedJws(**{**given, **settings})


@pytest.fixture(scope="module", params=["asgi", "wsgi"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def url(kind: str) -> Iterator[str]:
    with running(kind, a_server(message_signing=signing())) as base:
        yield base


def call(
    base: str, path: str, field: str | None, body: bytes = BODY, method: str = "POST", **more: Any
) -> httpx.Response:
    headers = {
        "authorization": f"Bearer {more.pop('token', None) or a_token()}",
        "content-type": "application/json",
    }
    headers |= more.pop("headers", {})
    if field is not None:
        headers[FIELD] = field
    PAID.clear()
    return httpx.request(method, f"{base}{path}", headers=headers, content=body, **more)


def verified(answer: httpx.Response) -> dict[str, Any]:
    """The header of the answer's signature."""
    expected = ExpectedSigner(issuers=(BANK,), anchors=("openbanking.org.uk",), now=NOW, skew=0, max_age=1)
    found = verify_detached(
        answer.headers.get_list(FIELD),
        Concealed(answer.content),
        keys=KeySet([BANK_KEY.public_key]),
        algorithms=PS256,
        expected=expected,
    )
    return dict(run_pure(found).header)


@pytest.mark.spec("UK-JWS 1", "UK-JWS 3", "UK-JWS 4")
@pytest.mark.parametrize("form", [{}, UNENCODED])
def test_a_signed_request_reaches_the_application_and_the_answer_is_signed(
    url: str, form: dict[str, Any]
) -> None:
    answer = call(url, "/payments", signed_field(header_members(**form)))
    assert answer.status_code == 201
    assert answer.json()["got"].encode() == BODY
    assert answer.json()["length"] == str(len(BODY))
    assert answer.json()["coding"] is None  # an answer is signed before it is compressed
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert verified(answer)[ISS] == BANK


UNKNOWN: dict[str, Any] = {"token": a_token(client_id="unknown")}
CASES: list[tuple[str, str | None, bytes, str, str]] = [
    ("none", None, BODY, "Missing", "no x-jws-signature"),
    ("not three parts", "abc", BODY, "Malformed", "header..signature"),
    ("two of them", f"{signed_field()},{signed_field()}", BODY, "Malformed", "more than one"),
    ("of no body", signed_field(body=b""), b"", "Unexpected", "no body"),
    ("another body", signed_field(), BODY + b" ", "Invalid", "does not verify"),
    ("another key", signed_field(key=BANK_KEY), BODY, "Invalid", "does not verify"),
    ("kid of the bank", signed_field(header_members(kid=BANK_KEY.kid), key=BANK_KEY), BODY, "Invalid", "kid"),
    ("no iat", signed_field(header_members(**{IAT: None})), BODY, "MissingClaim", IAT),
    ("no kid", signed_field(header_members(kid=None)), BODY, "MissingClaim", "kid"),
    ("iss of another client", signed_field(header_members(**{ISS: "other"})), BODY, "InvalidClaim", ISS),
    ("tan of another", signed_field(header_members(**{TAN: "evil.example"})), BODY, "InvalidClaim", TAN),
    ("in the future", signed_field(header_members(**{IAT: int(NOW) + 300})), BODY, "InvalidClaim", IAT),
    ("too old", signed_field(header_members(**{IAT: int(NOW) - 900})), BODY, "InvalidClaim", IAT),
    ("a further crit", signed_field(header_members(crit=[IAT, ISS, TAN, "x"])), BODY, "InvalidClaim", "crit"),
    ("a URL of keys", signed_field(header_members(jku="https://evil.example")), BODY, "InvalidClaim", "jku"),
    ("alg none", signed_field(header_members(alg="none")), BODY, "InvalidClaim", "algorithm"),
]


@pytest.mark.spec("UK-JWS 5", "UK-JWS 6")
@pytest.mark.parametrize(
    "field, body, word, told", [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_each_refusal_has_its_code_and_names_the_member(
    url: str, field: str | None, body: bytes, word: str, told: str
) -> None:
    answer = call(url, "/payments", field, body)
    assert answer.status_code == 400
    assert answer.json()["error"] == answer.json()["Errors"][0]["ErrorCode"] == f"UK.OBIE.Signature.{word}"
    assert told in answer.json()["Errors"][0]["Message"]
    assert "www-authenticate" not in answer.headers
    assert PAID == []


def test_the_field_twice_is_refused(kind: str, url: str) -> None:
    host = urlsplit(url)
    lines = [f"POST /payments HTTP/1.1\r\nhost: {host.netloc}\r\nauthorization: Bearer {a_token()}"]
    lines += [f"{FIELD}: {signed_field()}"] * 2
    lines += [f"content-length: {len(BODY)}\r\nconnection: close\r\n\r\n"]
    with socket.create_connection((host.hostname, host.port), 5) as connection:
        connection.sendall("\r\n".join(lines).encode() + BODY)
        received = connection.makefile("rb").read()
    assert b"UK.OBIE.Signature.Malformed" in received


@pytest.mark.spec("UK-JWS 5")
def test_a_signature_counts_for_the_client_of_the_token_only(url: str) -> None:
    """A stolen token of another client does not become more by a good signature of one's own."""
    answer = call(url, "/payments", signed_field(), token=a_token(client_id="other"))
    assert (answer.status_code, answer.json()["error"]) == (400, "UK.OBIE.Signature.InvalidClaim")
    answer = call(url, "/payments", signed_field(), token=a_token(client_id="unknown"))
    assert (answer.status_code, answer.json()["error"]) == (403, "invalid_client")
    assert PAID == []


def test_the_token_is_judged_first_and_no_body_of_a_stranger_is_read(url: str) -> None:
    answer = httpx.post(f"{url}/payments", content=BODY)
    assert answer.status_code == 401
    answer = call(url, "/payments", None, token="wrong")
    assert answer.status_code == 401


def test_a_body_without_end_costs_no_more_than_its_budget(url: str) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(200):
            yield b"x" * 100

    for body in (b"x" * 5001, chunks()):
        answer = call(url, "/payments", signed_field(), body)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["error"]) == (413, "invalid_request")


def test_a_compressed_body_is_refused_and_said_how_to_send_it(url: str) -> None:
    answer = call(url, "/payments", signed_field(), gzip.compress(BODY), headers={"content-encoding": "gzip"})
    assert answer.status_code == 415
    assert "Content-Encoding" in answer.json()["error_description"]


def test_what_has_no_body_needs_no_signature(url: str) -> None:
    answer = call(url, "/payments", None, b"", "GET")
    assert answer.status_code == 201
    verified(answer)
    nothing = call(url, "/nothing", None, b"", "DELETE")
    assert (nothing.status_code, FIELD in nothing.headers) == (204, False)
    head = call(url, "/text", None, b"", "HEAD")
    assert FIELD not in head.headers


@pytest.mark.parametrize("path", ["/parts", "/refused", "/text"])
def test_whatever_the_application_answers_is_signed(url: str, path: str) -> None:
    answer = call(url, path, signed_field())
    assert answer.content in (b'{"a": 1}', b"hello") or members(answer.content) == {"error": "no_funds"}
    verified(answer)
    assert int(answer.headers["content-length"]) == len(answer.content)


@pytest.mark.parametrize("path", ["/long", "/packed", "/events"])
def test_an_answer_that_cannot_be_signed_is_not_sent(
    url: str, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = call(url, path, signed_field())
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert LONG not in answer.content
    why = {"/long": "too many to sign", "/packed": "has compressed", "/events": "stream of events"}
    assert why[path] in caplog.text


def test_a_refusal_of_the_route_stays_a_refusal(url: str) -> None:
    answer = call(url, "/closed", signed_field())
    assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")


def test_a_public_route_is_none_of_its_business(url: str) -> None:
    answer = httpx.post(f"{url}/health", content=b"anything")
    assert (answer.status_code, FIELD in answer.headers) == (200, False)


def test_where_signatures_are_optional_a_route_may_require_one(kind: str) -> None:
    with running(kind, a_server(message_signing=signing(required=False))) as base:
        assert call(base, "/payments", None).status_code == 201
        assert call(base, "/payments", signed_field(), BODY + b" ").status_code == 400
        refused = call(base, "/signed", None)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
        assert call(base, "/signed", None, b"").status_code == 400
        assert call(base, "/signed", signed_field()).json() == {"signed": True}


def test_a_route_that_requires_one_is_closed_on_a_server_that_verifies_none(kind: str) -> None:
    with running(kind, a_server()) as base:
        assert call(base, "/signed", signed_field()).status_code == 400


def test_keys_behind_a_url_are_fetched_and_kept(kind: str) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200, json={"keys": [FINTECH_KEY.public_jwk]})

    from fapikit import HttpSettings

    transport = httpx.MockTransport(answer)
    http = HttpSettings(
        client=httpx.Client(transport=transport), async_client=httpx.AsyncClient(transport=transport)
    )
    remote = SigningClient(names=(FINTECH,), jwks_uri="https://directory.example/fintech.jwks")
    with running(kind, a_server(http=http, message_signing=signing(clients=lambda _: remote))) as base:
        for _ in range(3):
            assert call(base, "/payments", signed_field()).status_code == 201
    assert asked == ["https://directory.example/fintech.jwks"]


def test_keys_that_cannot_be_fetched_decide_nothing(kind: str) -> None:
    from fapikit import HttpSettings

    transport = httpx.MockTransport(lambda _: httpx.Response(500))
    http = HttpSettings(
        client=httpx.Client(transport=transport), async_client=httpx.AsyncClient(transport=transport)
    )
    remote = SigningClient(names=(FINTECH,), jwks_uri="https://directory.example/fintech.jwks")
    with running(kind, a_server(http=http, message_signing=signing(clients={"fintech": remote}))) as base:
        assert call(base, "/payments", signed_field()).status_code == 503


ES256: dict[str, Any] = {
    "algorithms": ("ES256",),
    "signer": a_key("ES256", 2),
    "clients": {"fintech": SigningClient(names=(FINTECH,), jwks={"keys": [FINTECH_KEY.public_jwk]})},
}
OPTIONS: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("the newer form alone", {"accepts": ("encoded",)}, UNENCODED, "b64"),
    ("the older form alone", {"accepts": ("unencoded",)}, {}, "b64"),
    ("other anchors", {"anchors": ("bank.example",)}, {}, TAN),
    ("a shorter age", {"max_age": 20}, {IAT: int(NOW) - 60}, IAT),
    ("another algorithm", ES256, {}, "algorithm"),
]


@pytest.mark.parametrize(
    "settings, members, told", [row[1:] for row in OPTIONS], ids=[row[0] for row in OPTIONS]
)
def test_a_narrower_setting_refuses_more(
    kind: str, settings: dict[str, Any], members: dict[str, Any], told: str
) -> None:
    with running(kind, a_server(message_signing=signing(**settings))) as base:
        answer = call(base, "/payments", signed_field(header_members(**members)))
        assert (answer.status_code, answer.json()["error"]) == (400, "UK.OBIE.Signature.InvalidClaim")
        assert told in answer.json()["error_description"]


def test_a_wider_setting_accepts_more(kind: str) -> None:
    settings = {"max_age": None, "anchors": ("bank.example",), "anchor": "api.example", "form": "unencoded"}
    with running(kind, a_server(message_signing=signing(**settings))) as base:
        answer = call(base, "/payments", signed_field(header_members(**{IAT: 1, TAN: "bank.example"})))
        assert answer.status_code == 201
        header = members(unb64(answer.headers[FIELD].split(".")[0]))
        assert (header[TAN], header["b64"]) == ("api.example", False)


class Kms:
    """A key that cannot be reached."""

    alg, kid, local, public_jwk = "PS256", BANK_KEY.kid, True, BANK_KEY.public_jwk

    def sign(self, _: bytes) -> bytes:
        raise Unreachable("the KMS does not answer")


def test_an_answer_is_not_sent_while_the_key_cannot_sign(kind: str) -> None:
    with running(kind, a_server(message_signing=signing(signer=Kms()))) as base:
        answer = call(base, "/payments", signed_field())
        assert (answer.status_code, FIELD in answer.headers) == (503, False)


def test_the_client_may_be_looked_up(kind: str) -> None:
    async def lookup(token: Token) -> SigningClient | None:
        return CLIENTS.get(token.client_id or "")

    def sync_lookup(token: Token) -> SigningClient | None:
        return CLIENTS.get(token.client_id or "")

    clients = lookup if kind == "asgi" else sync_lookup
    with running(kind, a_server(message_signing=signing(clients=clients))) as base:
        assert call(base, "/payments", signed_field()).status_code == 201
        assert call(base, "/payments", signed_field(), token=a_token(client_id="unknown")).status_code == 403
    with running(kind, a_server(message_signing=signing(clients=lambda _: "a key"))) as base:
        assert call(base, "/payments", signed_field()).status_code == 503


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("clients", {"clients": {"fintech": "https://directory.example"}}, "clients="),
    ("issuer", {"issuer": ""}, "issuer="),
    ("anchors", {"anchors": "openbanking.org.uk"}, "anchors="),
    ("form", {"form": "b64"}, "form="),
    ("accepts", {"accepts": ()}, "accepts="),
    ("max_age", {"max_age": 0}, "max_age="),
    ("algorithms", {"algorithms": ("none",)}, "algorithms="),
    ("signer", {"signer": "key.pem"}, "signer="),
    ("signer of another alg", {"signer": a_key("ES256")}, "ES256"),
]


@pytest.mark.parametrize("settings, named", [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_a_setting_that_cannot_work_is_named(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        signing(**settings)
    assert named in refused.value.message


@pytest.mark.parametrize(
    "settings",
    [
        {"names": FINTECH, "jwks": {"keys": []}},
        {"names": (FINTECH,)},
        {"names": (FINTECH,), "jwks_uri": "http://directory.example"},
        {"names": (FINTECH,), "jwks": {"keys": []}},
        {"names": (FINTECH,), "jwks": {}},
    ],
)
def test_a_client_that_cannot_be_verified_is_refused_at_once(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="SigningClient"):
        SigningClient(**settings)


def test_a_scheme_whose_signers_are_named_needs_their_names() -> None:
    nameless = SigningClient(jwks_uri="https://directory.example/fintech.jwks")
    with pytest.raises(ConfigurationError, match=r"SigningClient\(names=\) of fintech"):
        signing(clients={"fintech": nameless})
    server = a_server(message_signing=signing(clients=lambda _: nameless))
    with running("asgi", server) as api:
        assert call(api, "/payments", signed_field()).status_code == 503


def test_with_several_issuers_a_client_id_alone_names_nobody() -> None:
    issuers = [an_issuer(), an_issuer_at("https://second.example")]
    with pytest.raises(ConfigurationError, match="clients="):
        a_server(issuers=issuers, message_signing=signing())
    a_server(issuers=issuers, message_signing=signing(clients=lambda _: None))


def an_issuer_at(url: str) -> Any:
    from rskit import Issuer

    return Issuer(url, keys=KeySet([a_key().public_key]))
