"""What a certificate-bound token behind a proxy adds to the warm check, for a header that has come before.

The peer does what a decoder without a memory does: it parses the header each time, and hashes the certificate.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any
from urllib.parse import quote, unquote

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from asgi_mw.view import READ, Scope, view_of, with_forwarded
from benchmarks.rounds import Contender, Effort, Result, added, pooled, time_rounds
from benchmarks.tokens import ISSUER, RESOURCE, a_token, all_allowed
from fapikit import MemoryStore, PrivateKey
from fapikit.base64url import encode
from fapikit.certificates import CertificateHeader, ProxyTrust
from fapikit.jose.key_set import KeySet
from rskit import Issuer, ResourceServer

CALLS = 80
FIELD, PROXY = b"x-ssl-client-cert", "10.0.3.7"


def a_certificate() -> bytes:
    """Self-signed, with an RSA key of 2048 bits, in DER."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fintech")])
    today = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(today).not_valid_after(today + dt.timedelta(days=1))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def a_scope(token: str, header: bytes) -> Scope:
    headers = [
        (b"host", b"api.example"),
        (b"accept", b"application/json"),
        (b"authorization", f"Bearer {token}".encode()),
        (FIELD, bytes(bytearray(header))),  # octets that have just come in: nobody has hashed them yet
    ]
    return {
        "type": "http",
        "method": "GET",
        "path": "/accounts",
        "raw_path": b"/accounts",
        "query_string": b"",
        "client": (PROXY, 50_000),
        "headers": headers,
    }


def a_server(key: PrivateKey, header: CertificateHeader | None) -> ResourceServer:
    issuer = Issuer(ISSUER, keys=KeySet([key.public_key]))
    return ResourceServer(
        resource=RESOURCE, issuers=[issuer], store=MemoryStore(), client_certificates=header
    )


def arriving(token: str, header: bytes) -> Any:
    def arrive(number: int) -> Iterable[Scope]:
        return [a_scope(token, header) for _ in range(number)]

    return arrive


def warm(server: ResourceServer, token: str, header: bytes) -> Contender:
    names = READ | server.forwarded.octet_names

    def check(scope: Scope) -> object:
        return server.check(view_of(scope, server.interaction_id, names))

    return Contender(check, arriving(token, header), all_allowed)


def bound(server: ResourceServer, token: str, header: bytes) -> Contender:
    forwarded = server.forwarded
    names = READ | forwarded.octet_names

    def check(scope: Scope) -> object:
        return server.check(with_forwarded(scope, view_of(scope, server.interaction_id, names), forwarded))

    return Contender(check, arriving(token, header), all_allowed)


def parsing(server: ResourceServer, token: str, header: bytes, x5t: str) -> Contender:
    def check(scope: Scope) -> object:
        pem = next(value for name, value in scope["headers"] if name == FIELD)
        certificate = x509.load_pem_x509_certificate(unquote(pem.decode("ascii")).encode())
        if not hmac.compare_digest(encode(certificate.fingerprint(hashes.SHA256())), x5t):
            raise AssertionError("another certificate")
        return server.check(view_of(scope, server.interaction_id))

    return Contender(check, arriving(token, header), all_allowed)


def time_certificates(rounds: int) -> dict[str, list[float]]:
    key, der = PrivateKey.generate("ES256", kid="k1"), a_certificate()
    pem = x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode()
    header, x5t = quote(pem, safe="").encode(), encode(hashlib.sha256(der).digest())
    unbound, with_cnf = a_token(key), a_token(key, cnf={"x5t#S256": x5t})
    plain = a_server(key, None)
    behind_nginx = a_server(key, CertificateHeader("nginx", trust=ProxyTrust.of(["10.0.3.0/24"])))
    return time_rounds(
        {
            "warm": warm(plain, unbound, header),
            "ours": bound(behind_nginx, with_cnf, header),
            "parsing": parsing(plain, unbound, header, x5t),
        },
        rounds=rounds,
        calls=CALLS,
    )


def measure_certificates(effort: Effort) -> Iterator[Result]:
    times = pooled(partial(time_certificates, effort.rounds), effort.passes)
    peers = {"parsing each time": added(times, "parsing", "warm")}
    ours = added(times, "ours", "warm")
    yield Result("certificate behind a proxy", "added to the warm check, us", ours, 3.0, peers)
