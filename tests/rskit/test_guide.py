"""The code of docs/resource-server.md, run from top to bottom in one namespace; then the apps it made are called."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import httpx
import pytest
import trustme
from flask import Flask
from werkzeug.test import Client

from fapikit import FAPI2_SECURITY, SqliteStore
from rskit.testing import Mint
from tests.keys import a_key
from tests.mothers.certificates import a_certificate
from tests.pages.blocks import read_page
from wsgi_mw import Protect

GUIDE = read_page("docs/resource-server.md")
BLOCKS = GUIDE.in_language("python")
RESOURCE = "https://api.example"
ORDER = {
    "instructedAmount": {"currency": "EUR", "amount": "12.00"},
    "creditorName": "Shop",
    "creditorAccount": {"iban": "DE02120300000000202051"},
    "remittanceInformationUnstructured": "2026-1",
}


class Books:
    """Stands for somebody's core banking system."""

    def __init__(self) -> None:
        self.paid: dict[str, Any] = {}

    def pay(self, reservation: Any) -> dict[str, Any]:
        assert reservation.id not in self.paid
        self.paid[reservation.id] = reservation.detail
        return {"status": "executed"}

    def find(self, reservation: Any) -> dict[str, Any] | None:
        return {"status": "executed"} if reservation.id in self.paid else None


@pytest.fixture(scope="module")
def after_reading(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    store = tmp_path_factory.mktemp("guide") / "marks.db"
    certificate_file, key_file = store.with_name("cert.pem"), store.with_name("key.pem")
    client_certificates_file = store.with_name("clients.pem")
    client_certificates_file.write_text(a_certificate().pem)
    made = trustme.CA().issue_cert("api.example")
    made.cert_chain_pems[0].write_to_path(certificate_file)
    made.private_key_pem.write_to_path(key_file)
    names: dict[str, Any] = {
        "ISSUER": "https://as.example",
        "RESOURCE": RESOURCE,
        "key": a_key(),
        "message_key": a_key("PS256"),
        "shared_marks": SqliteStore(store.with_name("bodies.db")),
        "FINTECH_JWKS": "https://directory.example/fintech.jwks",
        "nonce_key": b"k" * 32,
        "store_url": f"sqlite:///{store}",
        "marks_file": store.with_name("used.db"),
        "books": Books(),
        "certificate_file": certificate_file,
        "key_file": key_file,
        "client_certificates_file": client_certificates_file,
    }
    for block in BLOCKS:
        exec(compile(block, "docs/resource-server.md", "exec"), names)
    return names


def test_there_is_something_to_run():
    assert len(BLOCKS) >= 9


def test_the_apps_of_the_guide_refuse_strangers(after_reading: dict[str, Any]):
    async def statuses() -> list[int]:
        transport = httpx.ASGITransport(app=after_reading["app"])
        async with httpx.AsyncClient(transport=transport, base_url=RESOURCE) as client:
            return [(await client.get(path)).status_code for path in ("/notes", "/openapi.json")]

    assert asyncio.run(statuses()) == [401, 401]
    assert Client(after_reading["api"]).post("/statements", json={}).status_code == 401
    assert Client(after_reading["paying"]).post("/payments", json={}).status_code == 401


def test_the_mint_of_the_guide_makes_headers_that_pass(after_reading: dict[str, Any]):
    mint = after_reading["mint"]
    assert isinstance(mint, Mint)
    assert set(after_reading["headers"]) == {"Authorization", "DPoP"}
    policies = [str(route.policy) for route in after_reading["audit"](after_reading["paying"])]
    assert "Access('payments', details=..., fresh=True)" in policies


def test_the_payments_of_the_guide_are_made_once(after_reading: dict[str, Any]):
    """Its handler, its comparison and its ledger, behind a server that trusts a mint."""
    mint, books, bank = Mint(), after_reading["books"], after_reading["bank"]
    app = Flask("payments")
    app.add_url_rule("/payments", view_func=after_reading["pay"], methods=["POST"])
    server = mint.resource_server(
        RESOURCE, profile="fapi2-security", store=bank.store, consents=bank.consents
    )
    app.wsgi_app = Protect(app.wsgi_app, server)  # type: ignore[method-assign]

    def pay(order: Any, key: str) -> tuple[int, Any]:
        granted = {
            "type": "payment_initiation",
            **ORDER,
            "consent_id": "c1",
            "consent_expires_at": mint.now() + 900,
        }
        url = f"{RESOURCE}/payments"
        headers = mint.headers("POST", url, scope="payments", authorization_details=[granted])
        answer = app.test_client().post("/payments", json=order, headers={**headers, "Idempotency-Key": key})
        return answer.status_code, answer.get_json()

    assert pay({**ORDER, "creditorName": "Thief"}, "k1")[0] == 403
    assert pay(ORDER, "k1") == (201, {"status": "executed"})
    assert pay(ORDER, "k1") == (201, {"status": "executed"})
    assert pay(ORDER, "k2")[0] == 409
    assert pay({**ORDER, "instructedAmount": {"currency": "EUR", "amount": "12"}}, "k1")[0] == 201
    assert len(books.paid) == 1


@pytest.mark.spec("FAPI2-SP 5.2.2-1")
def test_the_servers_of_the_guide_offer_the_suites_of_the_profile_and_nothing_else(
    after_reading: dict[str, Any],
):
    config = after_reading["uvicorn_config"]
    config.load()
    offered = {suite["name"] for suite in config.ssl.get_ciphers() if suite["protocol"] != "TLSv1.3"}
    assert offered == set(FAPI2_SECURITY.tls12_ciphers)
    (nginx,) = re.findall(r"ssl_ciphers (.*);", GUIDE.text)
    assert set(nginx.split(":")) == offered
