"""The notification page of a client's site, over TLS. Its worker shares nothing with who waits but the store."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import flask
import httpx
import trustme
from werkzeug.serving import make_server

from rpkit import Client
from rpkit.flask import CibaNotifications
from tests.rpkit.mutual_tls.parties import AUTH, KEY

PATH = "/notified"
Post = Callable[[Mapping[str, str], bytes], httpx.Response]


@contextmanager
def notification_page(client: Any) -> Iterator[Post]:
    """Posts to the page what a bank would: headers and body."""
    authority = trustme.CA()
    here, there = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(here)
    authority.configure_trust(there)
    worker = _worker_of(client)
    site = flask.Flask(__name__)
    site.register_blueprint(CibaNotifications(lambda: worker, path=PATH).blueprint())
    server = make_server("127.0.0.1", 0, site, threaded=True, ssl_context=here)
    thread = threading.Thread(target=lambda: server.serve_forever(0.02))
    thread.start()
    try:
        with httpx.Client(base_url=f"https://localhost:{server.port}", verify=there, trust_env=False) as http:
            yield lambda headers, body: http.post(PATH, headers=dict(headers), content=body)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        worker.close()


def _worker_of(client: Any) -> Client:
    settings = client.bank.settings
    return Client(
        metadata=client.bank.metadata,
        client_id=settings.client_id,
        auth=AUTH["private_key_jwt"],
        profile="oauth-2.1",
        sender_constraint=None,
        store=settings.store,
        clock=settings.clock,
        request_signer=KEY,
    )
