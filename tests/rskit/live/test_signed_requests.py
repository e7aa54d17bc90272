"""Signed requests over sockets, in each framework: one valid request, and a table of single mutations of it."""

from __future__ import annotations

import base64
import hashlib
import logging
from collections.abc import Callable, Iterator
from typing import Any

import http_sf
import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from fapikit.errors import FapiError
from fapikit.errors import http_signature as errors
from rskit import HttpSignatures
from rskit.errors import BodyTooLarge
from rskit.policy.body_budget import BodyBudget
from tests.clocks import NOW
from tests.rskit.live import signed_apis as apis
from tests.rskit.live.signed_apis import (
    KEY,
    OTHER_KEY,
    SKINS,
    Signed,
    a_client,
    at,
    digest_of,
    serving,
    without,
)
from tests.rskit.mothers import RESOURCE, a_server, a_token

Change = Callable[[Signed], object]
TOKEN = a_token()
OTHER_TOKEN = a_token(sub="bob")


@pytest.fixture(scope="module", params=SKINS)
def base(request: pytest.FixtureRequest) -> Iterator[str]:
    clients = {"fintech": a_client(KEY), "other": a_client(OTHER_KEY)}
    settings = HttpSignatures(clients=clients, fields=["X-Idempotency-Key"], body=BodyBudget(octets=5000))
    with serving(request.param, a_server(message_signing=settings)) as url:
        yield url


def settings(**changes: Any) -> Change:
    def change(request: Signed) -> None:
        for name, value in changes.items():
            if value is None:
                del request.settings[name]
            else:
                request.settings[name] = value

    return change


def covering(*components: str) -> Change:
    return lambda request: request.components.extend(components)


def not_covering(name: str, **headers: str) -> Change:
    def change(request: Signed) -> None:
        request.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
        request.components = without(request.components, name)

    return change


def header(name: str, edit: Callable[[str], str | None]) -> Change:
    """After the request was signed."""

    def change(request: Signed) -> None:
        name_sent = next(each for each in request.headers if each.lower() == name)
        value = edit(request.headers.pop(name_sent))
        if value is not None:
            request.headers[name] = value

    return change


def both(*changes: Change) -> Change:
    def change(request: Signed) -> None:
        for each in changes:
            each(request)

    return change


def attribute(**values: Any) -> Change:
    return lambda request: [setattr(request, name, value) for name, value in values.items()]


def flipped(value: str) -> str:
    label, _, octets = value.partition("=")
    raw = bytearray(base64.b64decode(octets.strip(":")))
    raw[-1] ^= 1
    return f"{label}=:{base64.b64encode(raw).decode()}:"


def in_der(value: str) -> str:
    label, _, octets = value.partition("=")
    raw = base64.b64decode(octets.strip(":"))
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    return f"{label}=:{base64.b64encode(der).decode()}:"


def md5_only(request: Signed) -> None:
    digest = base64.b64encode(hashlib.md5(request.body).digest()).decode()
    request.headers["content-digest"] = f"md5=:{digest}:"


def drop_signature(value: str) -> None:
    return None


Row = tuple[str, Change | None, Change | None, type[FapiError], str]
"""A name, what is changed before signing, what after it, the error, and what a fact of it names."""
ROWS: list[Row] = [
    ("no signature", None, both(header("signature", drop_signature), header("signature-input", drop_signature)),
     errors.MissingHttpSignature, ""),
    ("no Signature", None, header("signature", drop_signature), errors.MalformedSignature, "signature"),
    ("no Signature-Input", None, header("signature-input", drop_signature), errors.MalformedSignature, "signature"),
    ("another label", None, header("signature", lambda value: value.replace("sig1=", "sig2=")),
     errors.MalformedSignature, "signature"),
    ("a repeated label", None, header("signature", lambda value: f"{value}, {value}"),
     errors.MalformedSignature, "signature"),
    ("no dictionary", None, header("signature-input", lambda value: value + ' "'), errors.MalformedSignature,
     "signature-input"),
    ("no octets", None, header("signature", lambda _: "sig1=1"), errors.MalformedSignature, "signature"),
    ("an item, no list", None, header("signature-input", lambda _: 'sig1="@method";tag="fapi-2-request"'),
     errors.MalformedSignature, "signature-input"),
    ("too long", None, header("signature-input", lambda value: value + ";x=" + "1" * 15 + ", a" + "b" * 8192),
     errors.MalformedSignature, "signature-input"),
    ("nine signatures", None, header("signature-input", lambda value: value + "".join(f", a{n}=1" for n in range(8))),
     errors.MalformedSignature, "signature-input"),
    ("65 components", None,
     header("signature-input", lambda value: value.replace("(", "(" + " ".join(f'"x{n}"' for n in range(65)) + " ")),
     errors.MalformedSignature, "signature-input"),
    ("two signatures with the tag", None,
     both(header("signature-input", lambda value: f"{value}, {value.replace('sig1=', 'sig2=')}"),
          header("signature", lambda value: f"{value}, {value.replace('sig1=', 'sig2=')}")),
     errors.MalformedSignature, "signature-input"),
    ("a name in capitals", None, header("signature-input", lambda value: value.replace("@method", "@Method")),
     errors.MalformedSignature, "signature-input"),
    ("a component that is no string", None, header("signature-input", lambda value: value.replace('"@method"', "1")),
     errors.MalformedSignature, "signature-input"),
    ("created is text", None, header("signature-input", lambda value: value.replace("created=", 'created="1";x=')),
     errors.MalformedSignature, "created"),
    ("keyid is a token", None, header("signature-input", lambda value: value.replace("keyid=", "keyid=a;x=")),
     errors.MalformedSignature, "keyid"),
    ("another tag", settings(tag="fapi-2-response"), None, errors.MissingHttpSignature, "fapi-2-request"),
    ("no tag", settings(tag=None), None, errors.MissingHttpSignature, "fapi-2-request"),
    ("no created", None, header("signature-input", lambda value: value.replace("created=", "x=")),
     errors.StaleSignature, "created"),
    ("too old", settings(created=at(NOW - 61)), None, errors.StaleSignature, "created"),
    ("in the future", settings(created=at(NOW + 31)), None, errors.StaleSignature, "created"),
    ("expired", settings(created=at(NOW - 50), expires=at(NOW - 31)), None, errors.StaleSignature, "expires"),
    ("@method is not covered", not_covering("@method"), None, errors.UncoveredComponent, '"@method"'),
    ("@target-uri is not covered", not_covering("@target-uri"), None, errors.UncoveredComponent, '"@target-uri"'),
    ("authorization is not covered", not_covering("authorization"), None, errors.UncoveredComponent, '"authorization"'),
    ("authorization is covered otherwise", both(not_covering("authorization"), covering('"authorization";bs')), None,
     errors.UncoveredComponent, '"authorization"'),
    ("content-digest is not covered", both(lambda r: r.headers.update({"content-digest": digest_of(r.body)}),
     not_covering("content-digest")), None, errors.UncoveredComponent, '"content-digest"'),
    ("a wanted field is not covered", not_covering("x", x_idempotency_key="7"), None, errors.UncoveredComponent,
     '"x-idempotency-key"'),
    ("a component twice", None, header("signature-input", lambda value: value.replace("(", '("@method" ')),
     errors.UnknownComponent, '"@method"'),
    ("no such field", None, header("signature-input", lambda value: value.replace("(", '("x-none" ')),
     errors.UnknownComponent, '"x-none"'),
    ("no such component", None, header("signature-input", lambda value: value.replace("(", '("@nothing" ')),
     errors.UnknownComponent, '"@nothing"'),
    ("no such parameter", None, header("signature-input", lambda value: value.replace("(", '("date";x ')),
     errors.UnknownComponent, '"date";x'),
    ("a trailer", None, header("signature-input", lambda value: value.replace("(", '("date";tr ')),
     errors.UnknownComponent, '"date";tr'),
    ("a request has no request", None, header("signature-input", lambda value: value.replace("(", '("@path";req ')),
     errors.UnknownComponent, '"@path";req'),
    ("the parameters of themselves", None,
     header("signature-input", lambda value: value.replace("(", '("@signature-params" ')),
     errors.UnknownComponent, '"@signature-params"'),
    ("a status of a request", None, header("signature-input", lambda value: value.replace("(", '("@status" ')),
     errors.UnknownComponent, '"@status"'),
    ("a query parameter without name", None,
     header("signature-input", lambda value: value.replace("(", '("@query-param" ')),
     errors.UnknownComponent, '"@query-param"'),
    ("an unknown key", settings(key_id="nobody"), None, errors.UnknownSignatureKey, "nobody"),
    ("a key of another client", both(settings(key_id=OTHER_KEY.kid), attribute(key=OTHER_KEY)), None,
     errors.UnknownSignatureKey, OTHER_KEY.kid),
    ("another algorithm", None, header("signature-input", lambda value: value + ';alg="rsa-pss-sha512"'),
     errors.WrongSignatureAlgorithm, "rsa-pss-sha512"),
    ("a MAC", None, header("signature-input", lambda value: value + ';alg="hmac-sha256"'),
     errors.WrongSignatureAlgorithm, "hmac-sha256"),
    ("another body", None, attribute(body=b'{"amount":"9.00"}'), errors.WrongDigest, "sha-256"),
    ("no digest", None, header("content-digest", drop_signature), errors.WrongDigest, "content-digest"),
    ("a weak digest", md5_only, None, errors.WrongDigest, "md5"),
    ("a digest that is no dictionary", None, header("content-digest", lambda _: "sha-256"), errors.WrongDigest,
     "sha-256"),
    ("one of two digests is wrong", None,
     header("content-digest", lambda value: f"{value}, sha-512=:{base64.b64encode(bytes(64)).decode()}:"),
     errors.WrongDigest, "sha-512"),
    ("another method", None, attribute(method="PUT"), errors.WrongSignature, "sig1"),
    ("another path", None, attribute(target="/strict?x=1"), errors.WrongSignature, "sig1"),
    ("another query", None, attribute(target="/pay?x=2"), errors.WrongSignature, "sig1"),
    ("another token", None, header("authorization", lambda _: f"Bearer {OTHER_TOKEN}"), errors.WrongSignature, "sig1"),
    ("a covered field altered", covering("content-type"), header("content-type", lambda _: "text/plain"),
     errors.WrongSignature, "sig1"),
    ("a younger created", None, header("signature-input", lambda value: value.replace(f"{NOW:.0f}", f"{NOW + 1:.0f}")),
     errors.WrongSignature, "sig1"),
    ("a parameter more", None, header("signature-input", lambda value: value + ";x=1"), errors.WrongSignature, "sig1"),
    ("the other key under this keyid", attribute(key=OTHER_KEY), None, errors.WrongSignature, "sig1"),
    ("one bit", None, header("signature", flipped), errors.WrongSignature, "sig1"),
    ("in DER", None, header("signature", in_der), errors.WrongSignature, "sig1"),
    ("zeros", None, header("signature", lambda _: f"sig1=:{base64.b64encode(bytes(64)).decode()}:"),
     errors.WrongSignature, "sig1"),
    ("for another API", attribute(url="https://other.example/pay?x=1"), None, errors.WrongSignature, "sig1"),
    ("for plain http", attribute(url=f"http://{RESOURCE.removeprefix('https://')}/pay?x=1"), None,
     errors.WrongSignature, "sig1"),
]  # fmt: skip


@pytest.mark.spec("FAPI2-HS 1.2-2", "RFC 9421 3.2")
def test_a_request_that_another_library_signed_is_taken(base: str) -> None:
    apis.EXECUTED.clear()
    answer = Signed(TOKEN).sign().send(base)
    assert (answer.status_code, answer.content) == (200, apis.BODY), answer.text
    assert apis.EXECUTED == [apis.BODY]
    assert Signed(TOKEN, method="GET", target="/pay", body=b"").sign().send(base).content == b"nothing"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(covering("date", '"@query-param";name="x"', "@path", "@query", "@authority"), id="more"),
        pytest.param(settings(nonce="n", include_alg=True), id="nonce and alg"),
        pytest.param(settings(created=at(NOW - 60)), id="as old as may be"),
        pytest.param(settings(created=at(NOW + 30)), id="a clock that is ahead"),
        pytest.param(settings(expires=at(NOW + 1)), id="with an end"),
        pytest.param(lambda r: r.headers.update({"content-digest": digest_of(r.body) + ", md5=:AAAA:"}), id="md5 too"),
        pytest.param(lambda r: r.headers.update({"x-idempotency-key": "7"}) or r.components.append("x-idempotency-key"),
                     id="the wanted field"),
    ],
)  # fmt: skip
def test_what_may_differ(base: str, change: Change) -> None:
    request = Signed(TOKEN)
    request.headers["date"] = "Tue, 20 Apr 2021 02:07:55 GMT"
    change(request)
    answer = request.sign().send(base)
    assert answer.status_code == 200, answer.text


def test_a_signature_of_somebody_else_beside_ours_does_not_matter(base: str) -> None:
    request = Signed(TOKEN).sign()
    request.settings.update(label="proxy", tag="proxy", key_id=OTHER_KEY.kid)
    request.key, request.components = OTHER_KEY, ["@method"]
    assert request.sign().send(base).status_code == 200


@pytest.mark.spec(
    "FAPI2-HS 1.2-3", "FAPI2-HS 1.2-4", "FAPI2-HS 1.2-5", "FAPI2-HS 1.2-6", "FAPI2-HS 1.2-8", "RFC 9421 2.5",
    "RFC 9421 4.1", "RFC 9421 3.2.1", "RFC 9530 2", "RFC 9421 2", "RFC 9421 7.2.1", "RFC 9421 7.2.2", "RFC 9530 5",
)  # fmt: skip
@pytest.mark.parametrize(
    "before, after, error, names", [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_a_single_mutation_is_refused_by_name(
    base: str,
    before: Change | None,
    after: Change | None,
    error: type[FapiError],
    names: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    apis.EXECUTED.clear()
    request = Signed(TOKEN)
    if before is not None:
        before(request)
    request.sign()
    if after is not None:
        after(request)
    with caplog.at_level(logging.INFO, logger="rskit"):
        answer = request.send(base)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_signature"), answer.text
    assert 'error="invalid_signature"' in answer.headers["www-authenticate"]
    asks = error in (errors.MissingHttpSignature, errors.UncoveredComponent)
    assert ("accept-signature" in answer.headers) is asks, "only who covers too little is told what to cover"
    (trace,) = [record.rskit for record in caplog.records if hasattr(record, "rskit")]
    assert trace.reason == error.__name__, trace
    assert trace.clause.startswith(("RFC 9421", "RFC 9530", "FAPI2-HS"))
    assert names in " ".join(trace.facts.values()), trace
    assert apis.EXECUTED == []
    assert TOKEN not in caplog.text


@pytest.mark.spec("RFC 9421 5.1")
@pytest.mark.parametrize(
    ("body", "headers", "wanted"),
    [
        (b"", {}, ["@method", "@target-uri", "authorization"]),
        (b"{}", {}, ["@method", "@target-uri", "authorization", "content-digest"]),
        (b"", {"x-idempotency-key": "7"}, ["@method", "@target-uri", "authorization", "x-idempotency-key"]),
    ],
    ids=["no body", "a body", "a wanted field"],
)
def test_a_refusal_says_what_a_signature_of_this_request_covers(
    base: str, body: bytes, headers: dict[str, str], wanted: list[str]
) -> None:
    request = Signed(TOKEN, method="POST", target="/pay", body=body)
    request.headers.update(headers)
    answer = request.send(base)
    assert answer.status_code == 401
    ((label, (items, parameters)),) = http_sf.parse(
        answer.headers["accept-signature"].encode(), tltype="dictionary"
    ).items()
    assert [name for name, _ in items] == wanted
    assert (label, parameters) == ("request", {"created": True, "tag": "fapi-2-request"})


@pytest.mark.spec("RFC 9110 15.5.14")
def test_a_body_beyond_the_budget_is_not_kept(base: str, caplog: pytest.LogCaptureFixture) -> None:
    apis.EXECUTED.clear()
    with caplog.at_level(logging.INFO, logger="rskit"):
        answer = Signed(TOKEN, body=b"x" * 5001).sign().send(base)
    assert (answer.status_code, answer.json()["error"]) == (413, "invalid_request")
    assert BodyTooLarge.__name__ in caplog.text
    assert apis.EXECUTED == []


def test_a_stranger_is_refused_before_its_body_is_read(base: str) -> None:
    answer = Signed("strange", body=b"x" * 5001).sign().send(base)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")


def test_a_token_of_a_client_without_keys(base: str) -> None:
    answer = Signed(a_token(client_id="unknown")).sign().send(base)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_signature")
