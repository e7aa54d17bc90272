"""The payments API: a Flask app that `wsgi_mw` protects. It introspects each token at the bank."""

from __future__ import annotations

from typing import Any

from flask import Flask, Request
from flask.typing import ResponseReturnValue

import wsgi_mw
from examples.books import Books
from examples.demo.proxy import certificate_header
from examples.demo.trace import Recorder
from examples.demo.world import PAYMENTS_API_ID, World
from fapikit import PrivateKeyJWT
from fapikit.stores import store_from_url
from rskit import ConsentLedger, DetailsType, Introspection, Issuer, ResourceServer
from wsgi_mw.flask import Access, use_consent

PAYMENT = DetailsType(
    "payment_initiation",
    executed=("instructed_amount", "creditor_name", "creditor_account", "remittance_information"),
    decimals=("instructed_amount.amount",),
)


def this_payment(request: Request) -> Any:
    """The authorization detail that this request needs: exactly the requested payment (RFC 9396)."""
    return PAYMENT.needed(request.get_json(silent=True))


def create_app() -> Flask:
    world = World.load()
    # One store and one nonce key for all workers, so that all know each other's proofs and nonces.
    store = store_from_url(f"sqlite:///{world.path('payments.db')}")
    books = Books(world.path("books.db"))
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
        consents=ConsentLedger(store, reconcile=books.find),
        nonces=world.path("nonce.key").read_bytes(),
        http=Recorder(world, "payments").settings(),
        client_certificates=certificate_header(world) if world.behind_a_proxy else None,
    )
    app = Flask("payments")

    @app.post("/payments")
    @Access("payments", details=this_payment, fresh=True)
    def pay() -> ResponseReturnValue:
        """Execute the payment of the consent, once. The same Idempotency-Key gets the same answer again."""
        return use_consent(books.pay), 201

    app.wsgi_app = wsgi_mw.Protect(app.wsgi_app, resource_server)  # type: ignore[method-assign]
    return app
