"""The source of client certificates: this server's own TLS handshake, or the header of a TLS-terminating proxy.

Spec: RFC 8705 2.1, 5, 6.5; RFC 9440 4; FAPI1-ADV 5.2.2-5
Role: AS
"""

from __future__ import annotations

from urllib.parse import urlsplit

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


def takes_certificates(tls: TlsFiles | None, header: CertificateHeader | None) -> bool:
    """Whether this server can get client certificates. Without `tls`, another server calls it and may pass them on."""
    return tls is None or tls.client_ca is not None or header is not None


def check_profile_can_be_served(
    profile: Profile, tls: TlsFiles | None, header: CertificateHeader | None
) -> None:
    """Raise ConfigurationError for a profile that needs something that this server does not have."""
    if profile.backchannel_required:
        raise ConfigurationError(
            f"profile = {profile.name} needs a backchannel authentication endpoint, which this server does not have",
            clause=profile.clause("backchannel_required"),
            facts={"setting": "profile"},
        )
    needed = profile.sender_constraint_required and "dpop" not in profile.sender_constraints
    if needed and not takes_certificates(tls, header):
        raise ConfigurationError(
            f"profile = {profile.name} binds tokens to client certificates, but none can come: set tls.client_ca, "
            f"or {_HEADER} for the header of a proxy that ends TLS",
            clause=profile.clause("sender_constraints"),
            facts={"setting": "tls.client_ca"},
        )


def check_aliases(origin: str | None) -> None:
    """Raise ConfigurationError unless `mtls_endpoint_aliases` is an origin."""
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
