"""The payments API: a Flask app that `wsgi_mw` protects. It introspects each token at the bank that issued it.

Both banks have their payments made here, as banks do that share a data centre.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, Request
from flask.typing import ResponseReturnValue

import wsgi_mw
from examples.demo.ledger import Ledger
from examples.demo.payment import PAYMENT
from examples.demo.proxy import certificate_header
from examples.demo.trace import Recorder
from examples.demo.world import LEDGER, PAYMENTS_API_ID, World
from fapikit import PrivateKeyJWT
from fapikit.stores import store_from_url
from rskit import ConsentLedger, Introspection, Issuer, NotExecuted, ResourceServer
from wsgi_mw.flask import Access, current_token, use_consent


def this_payment(request: Request) -> Any:
    """The authorization detail that this request needs: exactly the requested payment (RFC 9396)."""
    return PAYMENT.needed(request.get_json(silent=True))


def create_app() -> Flask:
    world = World.load()
    # One store and one nonce key for all workers, so that all know each other's proofs and nonces.
    store = store_from_url(f"sqlite:///{world.path('payments.db')}")
    ledger = Ledger(world.path(LEDGER))
    recorder = Recorder(world, "payments")
    resource_server = ResourceServer(
        resource=world.payments_resource,
        issuers=[
            Issuer(
                world.issuer_of(bank),
                introspection=Introspection(
                    PAYMENTS_API_ID,
                    PrivateKeyJWT(world.key_of(PAYMENTS_API_ID)),
                    opaque=False,  # a JWT says whose it is, an opaque token does not
                ),
            )
            for bank in world.banks
        ],
        profile=world.profile,
        store=store,
        consents=ConsentLedger(store, reconcile=ledger.find),
        nonces=world.path("nonce.key").read_bytes(),
        http=recorder.settings(),
        client_certificates=certificate_header(world) if world.behind_a_proxy else None,
    )
    app = Flask("payments")

    @app.post("/payments")
    @Access("payments", details=this_payment, fresh=True)
    def pay() -> ResponseReturnValue:
        """Execute the payment of the consent, once. The same Idempotency-Key gets the same answer again."""
        owner = current_token.identity
        try:
            return use_consent(lambda reservation: ledger.pay(owner, reservation)), 201
        except NotExecuted as error:
            return {"error": "not_executed", "error_description": str(error)}, 422

    app.wsgi_app = recorder.wsgi(wsgi_mw.Protect(app.wsgi_app, resource_server))  # type: ignore[method-assign]
    return app
