"""The source of client certificates: this server's own TLS handshake, or the header of a TLS-terminating proxy.

Spec: RFC 8705 2.1, 5, 6.5; RFC 9440 4; FAPI1-ADV 5.2.2-5
Role: AS
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from askit.clients.certificates import BOUND_TO_CERTIFICATE
from askit.clients.client import Client
from askit.config.table import Table
from askit.config.values import TlsFiles
from fapikit.certificates import CertificateHeader, ProxyTrust
from fapikit.errors import ConfigurationError
from fapikit.profiles import Profile

_HEADER = "client_certificates"


def read_certificate_header(table: Table | None) -> CertificateHeader | None:
    """`[client_certificates]`. Raises ConfigurationError."""
    if table is None:
        return None
    form, header = table.string("form"), table.optional_string("header")
    word = table.boolean_or_table("verified")
    verified = word if isinstance(word, bool) else _field_and_value(word)
    networks, unix_socket = table.strings("networks"), table.boolean("unix_socket", False)
    secret = table.table("secret")
    shared = None if secret is None else _field_and_value(secret)
    table.require_nothing_else()
    try:
        trust = ProxyTrust.of(networks, unix_socket=unix_socket, secret=shared)
        return CertificateHeader(form, trust=trust, header=header, verified=verified)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"{_HEADER}: {error.message}", clause=error.clause, facts=error.facts
        ) from error


def _field_and_value(table: Table) -> tuple[str, str]:
    pair = table.string("header"), table.string("value")
    table.require_nothing_else()
    return pair


class CertificateSources(NamedTuple):
    """The sources of client certificates, and the clients that may have registered to present one."""

    tls: TlsFiles | None
    header: CertificateHeader | None
    clients: tuple[Client, ...]

    @property
    def asks(self) -> bool:
        """Whether this server's own TLS handshake requests a certificate."""
        tls, clients = self.tls, self.clients
        return tls is not None and (tls.client_ca is not None or any(map(shows_certificate, clients)))

    @property
    def any(self) -> bool:
        """Whether this server can get one at all. Without `tls`, another server calls it and may pass them on."""
        return self.tls is None or self.header is not None or self.asks

    @property
    def judged(self) -> bool:
        """Whether a certificate chain can be verified: against the client CA, or by a proxy that says so."""
        under_ca = self.tls is not None and self.tls.client_ca is not None
        return under_ca or (self.header is not None and self.header.vouches)

    def available(self, methods: frozenset[str]) -> frozenset[str]:
        """The client authentication methods that can work with these sources."""
        without = set() if self.judged else {"tls_client_auth"}
        return methods - without - (set() if self.any else {"self_signed_tls_client_auth"})


def shows_certificate(client: Client) -> bool:
    """Whether it registered to present a certificate that no authority needs to have issued."""
    return client.auth_method == "self_signed_tls_client_auth" or client.flag(BOUND_TO_CERTIFICATE)


def check_certificates(profile: Profile, sources: CertificateSources, aliases: str | None) -> None:
    """Raise ConfigurationError for a profile or a client that needs something that this server does not have, and for
    `aliases` that are not an origin."""
    _check_profile(profile, sources)
    for client in sources.clients:
        if client.auth_method not in sources.available(frozenset({client.auth_method})):
            raise ConfigurationError(
                f"client {client.client_id}: the chain of a certificate for {client.auth_method} cannot be verified: "
                f"set tls.client_ca, or {_HEADER}.verified if a proxy verifies it",
                clause="RFC 8705 2.1",
                facts={"client_id": client.client_id, "setting": "tls.client_ca"},
            )
    _check_aliases(aliases)


def _check_profile(profile: Profile, sources: CertificateSources) -> None:
    if profile.certificate_binding_required and not sources.any:
        raise ConfigurationError(
            f"profile = {profile.name} binds tokens to client certificates, but none can come: set tls.client_ca, "
            f"or {_HEADER} for the header of a proxy that ends TLS",
            clause=profile.clause("sender_constraints"),
            facts={"setting": "tls.client_ca"},
        )


def _check_aliases(origin: str | None) -> None:
    if origin is None:
        return
    parts = urlsplit(origin)
    if parts.scheme != "https" or not parts.netloc or parts._replace(scheme="", netloc="").geturl():
        raise ConfigurationError(
            f"mtls_endpoint_aliases = {origin!r} is not an origin: write https://host or https://host:port, without a "
            "slash at the end",
            clause="RFC 8705 5",
            facts={"setting": "mtls_endpoint_aliases"},
        )
