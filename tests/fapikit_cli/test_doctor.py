"""`fapikit doctor`: a bank without faults has no row that fails, and each planted fault has its row."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from askit import AuthorizationServer
from askit.pytest_plugin.running import RunningServer, running
from fapikit import FAPI2_SECURITY, PrivateKeyJWT
from fapikit.secrets import Concealed
from fapikit_cli.doctor import key_set
from fapikit_cli.doctor.examination import examine
from fapikit_cli.doctor.registration import Client
from fapikit_cli.doctor.row import Report, Verdict
from tests.fapikit_cli.planted_bank import PlantedBank, Reply, leaf, planted
from tests.fapikit_cli.running import run
from tests.keys import a_key

BOTH = ("oauth-authorization-server", "openid-configuration")


@pytest.fixture(scope="module")
def standing() -> Iterator[PlantedBank]:
    with planted() as bank:
        yield bank


@pytest.fixture
def bank(standing: PlantedBank) -> Iterator[PlantedBank]:
    yield standing
    standing.faults.clear()


def failing(report: Report) -> dict[str, Verdict]:
    return {row.rule: row.verdict for row in report.rows if row.verdict is not Verdict.HOLDS}


def examined(bank: PlantedBank, **arguments: Any) -> dict[str, Verdict]:
    return failing(examine(bank.origin, FAPI2_SECURITY, ca=bank.ca, **arguments))


def body(**members: Any) -> Callable[[Reply], Reply]:
    """Members are replaced, or taken away with None."""

    def change(honest: Reply) -> Reply:
        changed = {name: value for name, value in {**honest[2], **members}.items() if value is not None}
        return honest[0], honest[1], changed

    return change


def keys(*jwks: dict[str, Any]) -> Callable[[Reply], Reply]:
    return lambda _: (200, {}, {"keys": list(jwks)})


def answer(status: int, **headers: str) -> Callable[[Reply], Reply]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda honest: (status, {**honest[1], **named}, honest[2])


OWN = dict(a_key("ES256").public_jwk)
OTHER = dict(a_key("ES256", 1).public_jwk)
UNNAMED = {name: value for name, value in OTHER.items() if name != "kid"}
SHORT = {"kty": "RSA", "kid": "short", "e": "AQAB", "n": "4" + "A" * 170}
FAILS, WARNS, UNDECIDED = Verdict.FAILS, Verdict.WARNS, Verdict.UNDECIDED

FAULTS: list[tuple[str, tuple[str, ...], Callable[[Reply], Reply], dict[str, Verdict]]] = [
    ("no PAR", BOTH, body(pushed_authorization_request_endpoint=None),
     {"profile.pushed_authorization_request_endpoint": FAILS}),
    ("no iss", BOTH, body(authorization_response_iss_parameter_supported=None),
     {"profile.authorization_response_iss_parameter_supported": FAILS}),
    ("plain PKCE", BOTH, body(code_challenge_methods_supported=["S256", "plain"]),
     {"profile.code_challenge_methods_supported.forbidden": FAILS}),
    ("client secrets", BOTH, body(token_endpoint_auth_methods_supported=["private_key_jwt", "client_secret_basic"]),
     {"profile.token_endpoint_auth_methods_supported.forbidden": FAILS}),
    ("bearer tokens", BOTH, body(dpop_signing_alg_values_supported=None), {"profile.tokens": FAILS}),
    ("an endpoint in clear", BOTH, body(revocation_endpoint="http://bank.example/revoke"),
     {"metadata.revocation_endpoint": FAILS}),
    ("documents that differ", BOTH[1:], body(scopes_supported=["openid", "more"]), {"metadata.same": WARNS}),
    ("one document missing", BOTH[1:], answer(404), {"metadata.document": WARNS}),
    ("one document of another issuer", BOTH[:1], body(issuer="https://other.example"),
     {"metadata.document": FAILS, "metadata.same": WARNS}),
    ("one document that redirects", BOTH[:1], answer(302, location="/x"), {"metadata.document": WARNS}),
    ("no document", BOTH, answer(404), {"metadata.document": FAILS}),
    ("a private key in the set", ("jwks",), keys(OWN, {**OTHER, "d": "AAAA"}), {"keys.public-only": FAILS}),
    ("a short key", ("jwks",), keys(OWN, SHORT), {"keys.usable": FAILS}),
    ("a key without a name", ("jwks",), keys(OWN, UNNAMED), {"keys.kid": WARNS}),
    ("two keys of one name", ("jwks",), keys(OWN, {**OTHER, "kid": OWN["kid"]}), {"keys.unique": WARNS}),
    ("no use beside encryption", ("jwks",),
     keys(OWN, {n: v for n, v in OTHER.items() if n != "use"}, {**dict(a_key("ES256", 2).public_jwk), "use": "enc",
          "alg": "ECDH-ES"}), {"keys.use": FAILS}),
    ("no key for what is signed", ("jwks",), keys(dict(a_key("RS256").public_jwk)), {"keys.for-id": FAILS}),
    ("no key set", ("jwks",), answer(404), {"keys.reachable": FAILS}),
    ("a key set that is none", ("jwks",), body(keys=None), {"keys.reachable": FAILS}),
    ("a token endpoint that redirects", ("token",), answer(307, location="/x"), {"answers.token": FAILS}),
    ("a token endpoint that breaks", ("token",), answer(500), {"answers.token": FAILS}),
    ("a PAR endpoint that takes anything", ("par",), answer(201), {"answers.pushed_authorization_request": FAILS}),
    ("an error page for a program", ("token",), answer(400, content_type="text/html"), {"answers.token": WARNS}),
    ("a busy endpoint", ("token",), answer(503), {"answers.token": UNDECIDED}),
    ("CORS for everybody", ("authorize",), answer(400, access_control_allow_origin="*"), {"answers.cors": FAILS}),
    ("no HSTS", ("authorize",), answer(400, strict_transport_security="max-age=0"), {"answers.hsts": WARNS}),
    ("a redirect in clear", ("authorize",), answer(302, location="http://bank.example/"),
     {"answers.authorization": FAILS}),
]  # fmt: skip


def test_a_bank_without_faults_holds(bank: PlantedBank) -> None:
    report = examine(bank.origin, FAPI2_SECURITY, ca=bank.ca)
    assert failing(report) == {}
    assert report.exit_status == 0


@pytest.mark.parametrize(
    "places, fault, rows", [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS]
)
def test_each_fault_has_its_row_and_no_other(
    places: tuple[str, ...], fault: Callable[[Reply], Reply], rows: dict[str, Verdict], bank: PlantedBank
) -> None:
    bank.faults.update(dict.fromkeys(places, fault))
    assert examined(bank) == rows


def test_every_row_that_does_not_hold_says_what_to_do(bank: PlantedBank) -> None:
    for _, places, fault, _ in FAULTS:
        bank.faults.clear()
        bank.faults.update(dict.fromkeys(places, fault))
        for row in examine(bank.origin, FAPI2_SECURITY, ca=bank.ca).rows:
            assert row.clause
            assert bool(row.what_to_do) == (row.verdict is not Verdict.HOLDS), row


def test_a_slow_key_set_is_told(bank: PlantedBank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_set, "_SLOW", 0.0)
    assert examined(bank) == {"keys.reachable": WARNS}


@pytest.mark.parametrize("seconds, rows", [(-30, {"clock": FAILS}), (30, {"clock": FAILS}), (8, {})])
def test_a_clock_that_is_wrong_is_told(
    seconds: float, rows: dict[str, Verdict], bank: PlantedBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = BaseHTTPRequestHandler.date_time_string
    monkeypatch.setattr(
        BaseHTTPRequestHandler, "date_time_string", lambda self, *_: honest(self, time.time() + seconds)
    )
    assert examined(bank) == rows


@pytest.mark.spec("FAPI2-SP 5.2.1-1")
@pytest.mark.spec("FAPI2-SP 5.2.2-1")
@pytest.mark.spec("RFC 9325 3.1.1")
def test_old_versions_and_weak_suites_are_really_accepted() -> None:
    with planted(weak=True) as bank:
        report = examine(bank.origin, FAPI2_SECURITY, ca=bank.ca)
    assert failing(report) == {"tls.old-versions": FAILS, "tls.suites": FAILS}
    found = {row.rule: row.found for row in report.rows}
    assert found["tls.old-versions"] == "TLS 1.0, TLS 1.1"
    assert "AECDH-AES128-SHA" in found["tls.suites"], "a suite without authentication"


def test_a_suite_that_is_not_broken_but_not_of_the_profile_is_told() -> None:
    def add_cbc(context: ssl.SSLContext) -> None:
        context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA256")

    with planted(change=add_cbc) as bank:
        report = examine(bank.origin, FAPI2_SECURITY, ca=bank.ca)
    assert failing(report) == {"tls.suites": FAILS}
    assert "ECDHE-ECDSA-AES128-SHA256" in {row.found for row in report.rows}


def test_a_server_without_tls_1_3_is_warned() -> None:
    def only_1_2(context: ssl.SSLContext) -> None:
        context.maximum_version = ssl.TLSVersion.TLSv1_2

    with planted(change=only_1_2) as bank:
        assert examined(bank) == {"tls.1.3": WARNS}


@pytest.mark.parametrize(
    "made, row",
    [
        (lambda ca: leaf(ca, days=30, begun=40), {"certificate.dates": FAILS}),
        (lambda ca: leaf(ca, days=90, begun=80), {"certificate.dates": WARNS}),
        (lambda ca: leaf(ca, host="other.example"), {"certificate.name": FAILS}),
        (lambda _: leaf(None), {"certificate.chain": FAILS}),
    ],
)
def test_a_wrong_certificate_has_its_row(made: Any, row: dict[str, Verdict]) -> None:
    with planted(made) as bank:
        found = examined(bank)
    unseen = {"metadata.document": UNDECIDED} if FAILS in row.values() else {}
    assert found == {**row, **unseen}


@pytest.mark.spec("RFC 9325 4.5")
def test_a_short_key_of_a_certificate_has_its_row() -> None:
    with planted(lambda ca: leaf(ca, bits=1024), weak=True) as bank:
        assert examined(bank)["certificate.key"] is FAILS


def registered(**client: Any) -> dict[str, Any]:
    return {"client": Client(**client)}


def reading(bank: PlantedBank) -> dict[str, Any]:
    uri = f"{bank.origin}/registration"
    return registered(registration_uri=uri, registration_token=Concealed("token"))


@pytest.mark.parametrize(
    "fault, rows",
    [
        (lambda honest: honest, {}),
        (body(token_endpoint_auth_method="client_secret_basic"), {"registration.auth-method": FAILS}),
        (body(redirect_uris=["http://fintech.example/"]), {"registration.redirect-uris": FAILS}),
        (body(jwks_uri=None), {"registration.keys": FAILS}),
        (answer(401), {"registration.readable": FAILS}),
    ],
)
def test_a_registration_is_compared(fault: Any, rows: dict[str, Verdict], bank: PlantedBank) -> None:
    bank.faults["registration"] = fault
    assert examined(bank, **reading(bank)) == rows


@pytest.mark.parametrize(
    "reply, rows",
    [
        ((401, {}, {"error": "invalid_client"}), {"client.signs-in": FAILS}),
        ((400, {}, {"error": "invalid_request"}), {}),
    ],
)
def test_a_client_signs_in(reply: Reply, rows: dict[str, Verdict], bank: PlantedBank) -> None:
    bank.faults["par"] = lambda _: reply
    client = registered(client_id="fintech", auth=PrivateKeyJWT(a_key("ES256")))
    assert examined(bank, **client) == rows


def test_the_command_holds_for_askit_with_its_client(askit: RunningServer[Any], tmp_path: Path) -> None:
    key = tmp_path / "key.json"
    key.write_text(json.dumps(askit.client_key.to_private_jwk()))
    key.chmod(0o600)
    command = ("doctor", askit.issuer, "--ca", askit.ca, "--client-id", askit.client_id, "--key", key)
    told = run(*command)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "the client signs in by private_key_jwt" in told.stdout
    assert told.stdout.splitlines()[-1].endswith("0 warns, 0 fails, 0 undecided")


def test_the_command_signs_in_with_a_certificate(tmp_path: Path) -> None:
    own = {
        "client_id": "test-client",
        "token_endpoint_auth_method": "self_signed_tls_client_auth",
        "redirect_uris": ["https://client.example/"],
    }
    with running({"clients": [own]}, kind=AuthorizationServer) as bank:
        files = bank.self_signed_certificate
        command = ("doctor", bank.issuer, "--ca", bank.ca, "--client-id", "test-client", "--json")
        told = run(*command, "--cert", files.certificate, "--key", files.key)
        wrong = run(*command, "--key", files.key)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "client.signs-in" in {row["rule"] for row in json.loads(told.stdout)["rows"]}
    failed = [row["rule"] for row in json.loads(wrong.stdout)["rows"] if row["verdict"] == "fails"]
    assert failed == ["client.signs-in"], "the server has registered another method"


def test_the_command_writes_json_of_a_stable_shape(bank: PlantedBank) -> None:
    bank.faults["jwks"] = keys(OWN, {**OTHER, "d": "AAAA"})
    told = run("doctor", bank.origin, "--ca", bank.ca, "--json")
    assert told.returncode == 1
    report = json.loads(told.stdout)
    assert report.keys() == {"issuer", "profile", "verdict", "counts", "rows"}
    assert report["verdict"] == "fails"
    assert report["counts"]["fails"] == 1
    row = next(row for row in report["rows"] if row["verdict"] == "fails")
    assert row.keys() == {"rule", "about", "verdict", "clause", "requirement", "found", "what_to_do"}
    assert row["rule"] == "keys.public-only"
    assert "AAAA" not in told.stdout


def test_the_command_cannot_decide_about_a_host_that_does_not_answer() -> None:
    told = run("doctor", "https://localhost:1")
    assert told.returncode == 3
    assert "undecided" in told.stdout


@pytest.mark.parametrize("arguments", [("--client-id", "x"), ("--profile", "fapi3"), ("--cert", __file__)])
def test_wrong_usage_is_told_before_anything_is_sent(arguments: tuple[str, str]) -> None:
    told = run("doctor", "https://localhost:1", *arguments)
    assert told.returncode == 2
    assert "what to do" in told.stderr
