"""The fake bank with two hosts over TLS: one that asks for client certificates, and one that does not.

Whoever uses mutual TLS in any role calls the former, by the aliases; whoever does not, the latter. A call to the wrong
one is refused, as at the certification suite.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import trustme

from tests.keys import b64
from tests.mothers.bank_server import serving
from tests.mothers.certificates import Made
from tests.mothers.fake_bank import CLIENT_ID, ENDPOINTS, Answer, FakeBank, Seen

SERVER_CA = trustme.CA()
SERVER_CA_PEM = SERVER_CA.cert_pem.bytes()
MUTUAL_TLS = {"tls_client_auth", "self_signed_tls_client_auth"}
_NEVER_ALIASED = {"authorization_endpoint", "jwks_uri"}


def server_tls(*anchors: Made) -> ssl.SSLContext:
    """Of a server on localhost. It asks for a client certificate, if there is one whose issuer it knows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    SERVER_CA.issue_cert("localhost").configure_cert(context)
    if anchors:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata="".join(anchor.pem for anchor in anchors))
    return context


@dataclass
class MtlsBank(FakeBank):
    """`method`: how the client is registered to sign in. `registered`: the certificates that it may show."""

    method: str = "tls_client_auth"
    registered: Sequence[Made] = ()
    mtls_origin: str = ""
    bound: dict[str, str] = field(default_factory=dict)
    """`x5t#S256` of each access token."""

    @property
    def mtls(self) -> bool:
        """In any role."""
        return self.method in MUTUAL_TLS or not self.dpop

    @property
    def api_origin(self) -> str:
        return self.mtls_origin if not self.dpop else "{0.scheme}://{0.netloc}".format(urlsplit(self.issuer))

    def metadata(self) -> dict[str, Any]:
        path = urlsplit(self.issuer).path.rstrip("/")
        aliases = {
            name: f"{self.mtls_origin}{path}/{last}"
            for name, last in ENDPOINTS.items()
            if name not in _NEVER_ALIASED
        }
        return {
            **super().metadata(),
            "mtls_endpoint_aliases": aliases,
            "tls_client_certificate_bound_access_tokens": True,
            "token_endpoint_auth_methods_supported": ["private_key_jwt", *sorted(MUTUAL_TLS)],
        }

    def route(self, call: Seen) -> Answer:
        name = call.path.rsplit("/", 1)[-1]
        if "well-known" in call.path or name in ("jwks", "register"):
            return super().route(call)
        wants_mtls = self.mtls if name in ENDPOINTS.values() else not self.dpop
        if wants_mtls != (call.certificate is not None):
            return 404, {}, {"error": "wrong_host"}
        if name in ("token", "par", "revoke", "introspect") and not self._signed_in(call):
            return 401, {}, {"error": "invalid_client"}
        return super().route(call)

    def _signed_in(self, call: Seen) -> bool:
        if self.method not in MUTUAL_TLS:
            return "client_assertion" in call.form
        if "client_assertion" in call.form or call.form.get("client_id") != CLIENT_ID:
            return False
        return call.certificate in {thumbprint(made) for made in self.registered}

    def _tokens(self, asked: dict[str, Any], call: Seen) -> dict[str, Any]:
        members = super()._tokens(asked, call)
        if not self.dpop:
            assert call.certificate is not None
            self.bound[members["access_token"]] = call.certificate
        return members

    def _introspect(self, call: Seen) -> Answer:
        bound = self.bound.get(call.form["token"])
        return 200, {}, self._fault("introspection", {"active": True, "cnf": {"x5t#S256": bound}})

    def _resource(self, name: str, call: Seen) -> Answer:
        token = call.headers.get("authorization", "").partition(" ")[2]
        if not self.dpop and self.bound.get(token) != call.certificate:
            return 401, {"www-authenticate": 'Bearer error="invalid_token"'}, {}
        return super()._resource(name, call)


def thumbprint(made: Made) -> str:
    return b64(sha256(made.der).digest())


@contextmanager
def served_over_tls(bank: MtlsBank, *anchors: Made) -> Iterator[MtlsBank]:
    """`anchors`: the client CA, and registered certificates that are self-signed."""

    def respond(method: str, url: str, headers: Any, body: bytes, certificate: bytes | None) -> Any:
        shown = None if certificate is None else b64(sha256(certificate).digest())
        return bank.respond(method, url, headers, body, certificate=shown)

    with serving(respond, server_tls()) as plain, serving(respond, server_tls(*anchors)) as mutual:
        bank.issuer = f"{plain.origin}/test/a/alias/"
        bank.mtls_origin = mutual.origin
        yield bank
