"""Bad input at the bank and at its APIs, over TLS sockets: each has its own refusal, and the good one passes."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest

from examples.demo.payment import payment
from examples.demo.world import World
from tests.e2e.honest_customer import HonestCustomer
from tests.keys import a_key


def challenged(answer: httpx.Response, error: str, why: str) -> None:
    challenge = answer.headers["www-authenticate"]
    assert f'error="{error}"' in challenge, challenge
    assert why in challenge, challenge
    assert answer.headers["cache-control"] == "no-store"


# --- the bank ------------------------------------------------------------------------------------


def test_the_honest_flow_passes(customer: HonestCustomer) -> None:
    answer = customer.redeem(customer.code())
    assert answer.status_code == 200
    assert answer.json()["token_type"] == "DPoP"
    assert "authorization_details" not in answer.json() or answer.json()["authorization_details"] == []


@pytest.mark.spec("FAPI2-SP 5.3.2.2-9")
def test_a_reused_code_is_refused_and_revokes_what_it_gave(customer: HonestCustomer) -> None:
    code = customer.code()
    given = customer.redeem(code).json()
    again = customer.redeem(code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    form = {"grant_type": "refresh_token", "refresh_token": given["refresh_token"]}
    assert customer.post("/token", form).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("changes", "error", "status"),
    [
        pytest.param({"code_verifier": "w" * 43}, "invalid_grant", 400, id="wrong verifier"),
        pytest.param({"code_verifier": ""}, "invalid_grant", 400, id="no verifier"),
        pytest.param(
            {"redirect_uri": "https://localhost/other"}, "invalid_grant", 400, id="other redirect_uri"
        ),
        pytest.param({"resource": "https://elsewhere.example"}, "invalid_target", 400, id="other resource"),
        pytest.param({"client_assertion": "a.b.c"}, "invalid_client", 401, id="bad assertion"),
        pytest.param({"client_id": "payments-api"}, "invalid_client", 401, id="another client's id"),
        pytest.param({"grant_type": "password"}, "unsupported_grant_type", 400, id="password grant"),
    ],
)
def test_a_faulty_token_request_is_refused(
    customer: HonestCustomer, changes: dict[str, Any], error: str, status: int
) -> None:
    answer = customer.redeem(customer.code(), **changes)
    assert (answer.status_code, answer.json()["error"]) == (status, error), answer.text


@pytest.mark.parametrize("audience", ["token endpoint", "array", "another bank"])
@pytest.mark.spec("FAPI2-SP 5.3.2.1-8")
def test_an_assertion_for_anything_but_the_issuer_is_refused(customer: HonestCustomer, audience: str) -> None:
    bank = customer.world.bank
    aud = {"token endpoint": f"{bank}/token", "array": [bank], "another bank": f"{bank}1"}[audience]
    answer = customer.redeem(customer.code(), client_assertion=customer.assertion(aud=aud))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_token_request_without_proof_is_refused(customer: HonestCustomer) -> None:
    answer = customer.redeem(customer.code(), proof=None)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_dpop_proof")


def test_a_proof_for_another_url_is_refused_by_the_bank(customer: HonestCustomer) -> None:
    proof = customer.proof("POST", f"{customer.world.bank}/par")
    answer = customer.redeem(customer.code(), proof=proof)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_dpop_proof")


# --- the APIs ------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["accounts", "payments"])
def api(request: pytest.FixtureRequest, world: World, customer: HonestCustomer) -> tuple[str, str, str]:
    """Method, URL and a good token: the JWT that asgi_mw verifies, and the one that wsgi_mw introspects."""
    if request.param == "accounts":
        return "GET", world.accounts_resource, customer.access_token(world.accounts_resource)
    return "POST", world.payments_resource, customer.access_token(world.payments_resource)


def test_a_bearer_token_is_not_enough(customer: HonestCustomer, api: tuple[str, str, str]) -> None:
    answer = customer.call(*api, scheme="Bearer", proof=None)
    assert answer.status_code == 401
    challenged(answer, "invalid_token", "DPoP")


def test_a_missing_proof_is_refused(customer: HonestCustomer, api: tuple[str, str, str]) -> None:
    answer = customer.call(*api, proof=None)
    assert answer.status_code == 401
    challenged(answer, "invalid_dpop_proof", "has no DPoP proof")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"htm": "PUT"}, "method"),
        ({"htu": "https://localhost/elsewhere"}, "URL"),
        ({"ath": "x" * 43}, "hash"),
        ({"ath": None}, "ath"),
        ({"iat": 1}, "iat of the proof"),
        ({"jti": None}, "jti"),
    ],
)
def test_a_faulty_proof_is_refused(
    customer: HonestCustomer, api: tuple[str, str, str], changes: dict[str, Any], why: str
) -> None:
    answer = customer.call(*api, **changes)
    assert answer.status_code == 401
    challenged(answer, "invalid_dpop_proof", why)


def test_a_proof_of_another_key_is_refused(customer: HonestCustomer, api: tuple[str, str, str]) -> None:
    answer = customer.call(*api, key=a_key("ES256", 22))
    assert answer.status_code == 401
    assert "another key" in answer.headers["www-authenticate"]


def test_a_replayed_proof_is_refused(customer: HonestCustomer, api: tuple[str, str, str]) -> None:
    method, url, token = api
    customer.call(method, url, token, body=payment(amount="1.00"))
    proof = customer.proof(method, url, token=token)
    first = customer.call(method, url, token, proof=proof, body=payment(amount="1.00"))
    assert first.status_code in (200, 403), "the proof itself is good"
    challenged(customer.call(method, url, token, proof=proof), "invalid_dpop_proof", "used before")


def test_an_altered_token_is_refused(customer: HonestCustomer, api: tuple[str, str, str]) -> None:
    method, url, token = api
    altered = f"{token[:-4]}{'AAAA' if token[-4:] != 'AAAA' else 'BBBB'}"
    answer = customer.call(method, url, altered)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_a_token_in_the_query_is_refused(customer: HonestCustomer, api: tuple[str, str, str]) -> None:
    method, url, token = api
    answer = customer.http.request(method, f"{url}?access_token={token}")
    assert answer.status_code in (400, 401)
    assert "accounts" not in answer.text


@pytest.mark.parametrize(
    ("detail", "why"),
    [
        (payment(amount="123.51"), "instructed_amount"),
        (payment(payee="Somebody Else"), "creditor_name"),
        ({**payment(), "creditor_account": {"iban": "DE00"}}, "creditor_account"),
        ({**payment(), "remittance_information": "Invoice 1"}, "remittance_information"),
    ],
)
@pytest.mark.spec("RFC 9396 9")
def test_a_changed_payment_is_refused(customer: HonestCustomer, detail: dict[str, Any], why: str) -> None:
    url = customer.world.payments_resource
    answer = customer.call("POST", url, customer.access_token(url), body=detail)
    assert answer.status_code == 403
    challenged(answer, "insufficient_authorization_details", why)


def test_one_consent_pays_once_and_the_same_key_gets_the_same_receipt(customer: HonestCustomer) -> None:
    url = customer.world.payments_resource
    token = customer.access_token(url)
    key = str(uuid.uuid4())

    def pay(key: str) -> httpx.Response:
        proof = customer.proof("POST", url, token=token)
        headers = {"authorization": f"DPoP {token}", "dpop": proof, "idempotency-key": key}
        answer = customer.http.post(url, headers=headers, json=payment())
        customer._learn(url, answer)
        return answer

    pay(key)  # the nonce challenge, if there is one
    first, again, other = pay(key), pay(key), pay(str(uuid.uuid4()))
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 409)
    assert first.json() == again.json()
