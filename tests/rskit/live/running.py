"""uvicorn in a thread, gunicorn in processes, both over TLS with client certificates asked for."""

from __future__ import annotations

import contextlib
import json
import os
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import trustme
import uvicorn

from rskit.testing import Mint
from tests.servers import free_port

ROOT = Path(__file__).parents[3]


@dataclass
class Certificates:
    """A throw-away CA, a server certificate, and two clients'."""

    directory: Path

    def __post_init__(self) -> None:
        self.ca = trustme.CA()
        self.ca_file = self._write("ca.pem", self.ca.cert_pem)
        server = self.ca.issue_cert("localhost", "127.0.0.1")
        self.certificate_file = self._write("server.pem", *server.cert_chain_pems)
        self.key_file = self._write("server.key", server.private_key_pem)
        self._write("server-and-key.pem", server.private_key_pem, *server.cert_chain_pems)
        self._write("clients-ca.pem", self.ca.cert_pem)

    def _write(self, name: str, *blobs: trustme.Blob) -> str:
        path = self.directory / name
        path.write_bytes(b"".join(blob.bytes() for blob in blobs))
        return str(path)

    def a_client(self, name: str) -> tuple[ssl.SSLContext, bytes]:
        """A TLS context that shows a certificate, and that certificate in DER."""
        leaf = self.ca.issue_cert(f"{name}@example.com")
        context = ssl.create_default_context(cafile=self.ca_file)
        leaf.configure_cert(context)
        return context, ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode())

    def nobody(self) -> ssl.SSLContext:
        """A TLS context without a certificate."""
        return ssl.create_default_context(cafile=self.ca_file)


@contextlib.contextmanager
def uvicorn_at(app: Any, certificates: Certificates | None = None, **settings: Any) -> Iterator[str]:
    """A running uvicorn; yields its base URL."""
    tls: dict[str, Any] = {}
    if certificates is not None:
        tls = {
            "ssl_certfile": certificates.certificate_file,
            "ssl_keyfile": certificates.key_file,
            "ssl_ca_certs": certificates.ca_file,
            "ssl_cert_reqs": ssl.CERT_OPTIONAL,
            "http": "asgi_mw.uvicorn_tls:HttpProtocol",
            "ws": "asgi_mw.uvicorn_tls:WebSocketProtocol",
        }
    port = settings.pop("port", None) or free_port()
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, log_level="error", lifespan="on", **{**tls, **settings}
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    _wait(lambda: server.started)
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


@contextlib.contextmanager
def gunicorn_at(
    app: str,
    certificates: Certificates | None,
    environ: dict[str, str],
    *,
    port: int | None = None,
    workers: int = 2,
    config: str | None = None,
) -> Iterator[str]:
    """A running gunicorn, over TLS where it is given certificates; yields its base URL. `config`: a module."""
    port = port or free_port()
    command = [
        *(sys.executable, "-m", "gunicorn", app, "--bind", f"127.0.0.1:{port}", "--workers", str(workers)),
        *("--threads", "2", "--log-level", "error", "--no-control-socket"),
    ]
    if certificates is not None:
        command += ["--certfile", certificates.certificate_file, "--keyfile", certificates.key_file]
        command += ["--ca-certs", certificates.ca_file, "--cert-reqs", str(int(ssl.CERT_OPTIONAL))]
    if config is not None:
        command += ["--config", f"python:{config}"]
    verify = certificates.nobody() if certificates else False
    env = {**os.environ, **environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=env, cwd=ROOT, stderr=subprocess.PIPE) as process:
        base = f"{'https' if certificates else 'http'}://127.0.0.1:{port}"

        def up() -> bool:
            assert process.poll() is None, process.stderr.read().decode() if process.stderr else ""
            with contextlib.suppress(httpx.HTTPError):
                return (
                    httpx.get(f"{base}{environ.get('SCRIPT_NAME', '')}/health", verify=verify).status_code
                    == 200
                )
            return False

        try:
            _wait(up)
            yield base
        finally:
            process.terminate()
            process.wait(15)


def gunicorn_behind_a_proxy(
    mint: Mint, store: Path, nonce_key: str, **environ: str
) -> contextlib.AbstractContextManager[str]:
    """The payments app on plain HTTP in one worker."""
    own = {
        "RESOURCE": mint.resource,
        "ISSUER": mint.url,
        "JWKS": json.dumps({"keys": [dict(mint.issuer_key.public_jwk)]}),
        "STORE": f"sqlite:///{store}",
        "NONCE_KEY": nonce_key,
    }
    return gunicorn_at("tests.rskit.live.payments_app:app", None, {**own, **environ}, workers=1)


def _wait(done: Any) -> None:
    give_up = time.monotonic() + 20
    while not done():
        assert time.monotonic() < give_up, "the server did not come up"
        time.sleep(0.05)
