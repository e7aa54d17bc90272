"""The payments API: a Flask app that `wsgi_mw` protects. It asks the bank about each token (introspection)."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any

from flask import Flask, Request, jsonify, request
from flask.typing import ResponseReturnValue

import wsgi_mw
from examples.demo.trace import Recorder
from examples.demo.world import PAYMENTS_API_ID, World
from fapikit import PrivateKeyJWT
from fapikit.stores import store_from_url
from rskit import Introspection, Issuer, ResourceServer
from wsgi_mw.flask import Access, current_token

KEPT_FOR = 24 * 3600.0
MEMBERS = ("instructed_amount", "creditor_name", "creditor_account")


def this_payment(request: Request) -> dict[str, Any]:
    """The authorization detail that this request needs: the very payment it asks for (RFC 9396)."""
    body = request.get_json(silent=True) or {}
    return {"type": "payment_initiation", **{name: body.get(name) for name in MEMBERS}}


def create_app() -> Flask:
    world = World.load()
    # One file, and one nonce key, for all workers: what one has seen or handed out, all know.
    store = store_from_url(f"sqlite:///{world.path('payments.db')}")
    resource_server = ResourceServer(
        resource=world.payments_resource,
        issuers=[
            Issuer(
                world.bank,
                introspection=Introspection(PAYMENTS_API_ID, PrivateKeyJWT(world.key_of(PAYMENTS_API_ID))),
            )
        ],
        profile=world.profile,
        store=store,
        nonces=world.path("nonce.key").read_bytes(),
        http=Recorder(world, "payments").settings(),
    )
    app = Flask("payments")

    @app.post("/payments")
    @Access("payments", details=this_payment, fresh=True)
    def pay() -> ResponseReturnValue:
        """Execute the payment consented, once. The same Idempotency-Key gets the same answer again."""
        key = request.headers.get("Idempotency-Key", "")
        if not 16 <= len(key) <= 64:
            return jsonify(error="invalid_request", error_description="Idempotency-Key is needed"), 400
        # That of this very payment: the token may hold consents to others too.
        consent = current_token.covering(this_payment(request))[0]["consent_id"]
        receipt = {"payment_id": str(uuid.uuid4()), "status": "executed", **this_payment(request)}
        mark = json.dumps({"key": hashlib.sha256(key.encode()).hexdigest(), "receipt": receipt})
        if store.add(f"consent:{consent}", mark.encode(), KEPT_FOR):
            return jsonify(receipt), 201
        first = json.loads(store.get(f"consent:{consent}") or b"{}")
        if first.get("key") == hashlib.sha256(key.encode()).hexdigest():
            return jsonify(first["receipt"]), 201
        return jsonify(error="consent_used", error_description="this consent has been executed before"), 409

    app.wsgi_app = wsgi_mw.Protect(app.wsgi_app, resource_server)  # type: ignore[method-assign]
    return app
