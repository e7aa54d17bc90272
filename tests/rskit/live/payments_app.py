"""What gunicorn runs in the tests: a Flask app under Protect, configured from the environment."""

from __future__ import annotations

import json
import os
from typing import Any

import flask

import wsgi_mw
from fapikit.certificates import CertificateHeader, ProxyTrust
from fapikit.jose.key_set import KeySet
from fapikit.stores import store_from_url
from rskit import Issuer, ResourceServer, customer_of
from wsgi_mw.flask import Access, current_token, public


def create() -> flask.Flask:
    app = flask.Flask("payments")
    server = ResourceServer(
        resource=os.environ["RESOURCE"],
        issuers=[Issuer(os.environ["ISSUER"], keys=KeySet.from_jwks(json.loads(os.environ["JWKS"])))],
        profile=os.environ.get("PROFILE", "fapi2-security"),
        store=store_from_url(os.environ["STORE"]),
        nonces=bytes.fromhex(os.environ["NONCE_KEY"]),
        client_certificates=_client_certificates(),
        forwarded_prefix=ProxyTrust.of([os.environ["PREFIX_OF"]]) if "PREFIX_OF" in os.environ else None,
    )

    @app.get("/health")
    @public()
    def health() -> dict[str, bool]:
        return {"up": True}

    @app.get("/payments", defaults={"of": ""})
    @app.get("/payments/<path:of>")
    @Access("payments")
    def payments(of: str) -> dict[str, Any]:
        customer = customer_of(flask.request.headers)
        return {"sub": current_token.subject, "pid": os.getpid(), "customer": str(customer.ip_address)}

    app.wsgi_app = wsgi_mw.Protect(app.wsgi_app, server)  # type: ignore[method-assign]
    return app


def _client_certificates() -> CertificateHeader | None:
    if "FORM" not in os.environ:
        return None
    return CertificateHeader(os.environ["FORM"], trust=ProxyTrust.of([os.environ["TRUSTED"]]))


app = create() if "RESOURCE" in os.environ else None
