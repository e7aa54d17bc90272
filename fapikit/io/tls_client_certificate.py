"""The certificate and private key of a client for mutual TLS. It can be replaced while the process runs.

The certificate that a server receives is another type, `fapikit.certificates.ClientCertificate`.

Spec: RFC 8705 2a, 2.2.2, 3a, 3.1, 6.3, 7.1; RFC 7292; RFC 7468 5.1
Role: C, RS
"""

from __future__ import annotations

import secrets
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

import certifi
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from fapikit.certificates.certificate import thumbprint_of
from fapikit.certificates.chain import require_fit
from fapikit.clock import Clock, system_clock
from fapikit.errors import ConfigurationError
from fapikit.io.tls import client_context
from fapikit.jose.load_key import material_from_pem, pem_octets, signing_material
from fapikit.jose.x5c import certificate_jwk
from fapikit.profiles import Profile
from fapikit.secrets import Secret, revealed
from fapikit.tracebacks import bare, forgets_locals

_HOW = "RFC 7468 5.1"
_Source = Path | str | bytes


@dataclass(frozen=True, slots=True)
class _Held:
    """The state that is replaced at once. `chain`: the certificate itself, then those between it and its authority."""

    chain: tuple[x509.Certificate, ...]
    thumbprint: str
    make_context: Callable[[_Source | None, Profile], ssl.SSLContext]
    contexts: dict[tuple[_Source | None, Profile], ssl.SSLContext] = field(default_factory=dict)


class TlsClientCertificate:
    """A client's certificate with its private key, for `HttpSettings(client_certificate=...)`.

    Its repr shows nothing of the key, and it cannot be pickled.
    """

    __slots__ = ("_held",)

    def __init__(self, held: _Held) -> None:
        self._held = held

    @classmethod
    @forgets_locals
    def from_pem(
        cls,
        certificate: _Source,
        key: _Source | None = None,
        *,
        password: Secret | str | None = None,
        clock: Clock = system_clock,
    ) -> TlsClientCertificate:
        """A PEM pair: files by name, or their octets. `certificate` begins with the client's own, and may go on with
        those between it and its authority. `key` may be in the same file.

        Raises ConfigurationError, UnusablePrivateKey; CertificateNotValidNow, UnfitCertificate for one that a server
        would refuse.
        """
        pem = _read(certificate)
        secret = None if password is None else revealed(password).encode()
        return cls._of(
            _certificates(pem), material_from_pem(pem if key is None else _read(key), secret), clock
        )

    @classmethod
    @forgets_locals
    def from_pkcs12(
        cls, bundle: _Source, password: Secret | str | None = None, *, clock: Clock = system_clock
    ) -> TlsClientCertificate:
        """A PKCS#12 file (.p12, .pfx), by name or as octets. Raises as `from_pem` does."""
        try:
            secret = None if password is None else revealed(password).encode()
            read = pkcs12.load_pkcs12(_read(bundle), secret)
        except (ValueError, TypeError) as error:
            raise ConfigurationError(
                "this is not a PKCS#12 file, or not its password", clause="RFC 7292"
            ) from bare(error)
        if read.cert is None or read.key is None:
            raise ConfigurationError(
                "the PKCS#12 file lacks the client's certificate or its key", clause="RFC 7292"
            )
        chain = [read.cert.certificate, *(other.certificate for other in read.additional_certs)]
        return cls._of(chain, signing_material(read.key), clock)

    @classmethod
    def in_context(
        cls, context: ssl.SSLContext, certificate: _Source, *, clock: Clock = system_clock
    ) -> TlsClientCertificate:
        """A context of your own, which has the certificate and its key already: one in an HSM, say.

        `certificate` (PEM) says which it is, for a context does not tell. The context is used as it is: it decides
        which servers are trusted, and with which suites. Raises as `from_pem` does.
        """
        if not isinstance(context, ssl.SSLContext):
            raise ConfigurationError("context is an ssl.SSLContext that has the certificate and its key")

        def make_context(ca: _Source | None, _profile: Profile) -> ssl.SSLContext:
            if ca is not None:
                raise ConfigurationError(
                    "ca and a context of your own exclude each other: the context says whom to trust"
                )
            return context

        return cls(_held(_certificates(_read(certificate)), make_context, clock))

    @classmethod
    def _of(cls, chain: Sequence[x509.Certificate], key: Any, clock: Clock) -> TlsClientCertificate:
        if key.public_key() != chain[0].public_key():
            raise ConfigurationError(
                "the private key is not that of the first certificate: the client's own comes first, then those"
                " between it and its authority",
                clause="RFC 8705 2a",
                facts={"subject": chain[0].subject.rfc4514_string()},
            )
        return cls(_held(chain, lambda ca, profile: _context(chain, key, ca, profile), clock))

    def replace(self, successor: TlsClientCertificate) -> None:
        """Use the certificate of `successor` from now on, wherever this object is used. If it fails, the old one stays.

        New calls use new connections with it. A ready client in `HttpSettings` does not change. Access tokens are bound
        to the certificate of their token request (RFC 8705 6.3): `rpkit` refreshes them before it uses them again.
        Raises ConfigurationError.
        """
        for ca, profile in list(self._held.contexts):
            successor.tls_context(ca, profile)
        self._held = successor._held

    @property
    def thumbprint(self) -> str:
        """`x5t#S256`: access tokens that are requested with this certificate are bound to it."""
        return self._held.thumbprint

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """The certificate, then those between it and its authority."""
        return self._held.chain

    @property
    def public_jwk(self) -> dict[str, Any]:
        """The JWK with `x5c` that a client of `self_signed_tls_client_auth` registers, in `jwks` or at its `jwks_uri`.

        Raises UnusableKey for a kind of key that JWKs do not have here.
        """
        return certificate_jwk(self.chain)

    def tls_context(self, ca: _Source | None, profile: Profile) -> ssl.SSLContext:
        """A context that shows this certificate, made once. `ca`: whom to trust, as in `client_context`; None: the
        roots that httpx trusts. Raises ConfigurationError.
        """
        held = self._held
        known = held.contexts.get((ca, profile))
        return known or held.contexts.setdefault((ca, profile), held.make_context(ca, profile))

    def __repr__(self) -> str:
        return f"TlsClientCertificate({self.chain[0].subject.rfc4514_string()}, x5t#S256 {self.thumbprint})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a TlsClientCertificate is not pickled: its key would lie in clear")


def _held(chain: Sequence[x509.Certificate], make_context: Any, clock: Clock) -> _Held:
    require_fit(chain[0], clock())
    der = chain[0].public_bytes(serialization.Encoding.DER)
    return _Held(tuple(chain), thumbprint_of(der), make_context)


def _read(source: _Source) -> bytes:
    """A file's octets, or the octets that were given. Raises ConfigurationError."""
    if isinstance(source, bytes):
        return source
    try:
        return Path(source).read_bytes()
    except (OSError, TypeError, ValueError) as error:  # TypeError, ValueError: what is no file name at all
        why = getattr(error, "strerror", None) or type(error).__name__
    # Out here, where it has no context: the system's error names the file, which may be the text of a key.
    raise ConfigurationError(
        f"a client certificate and its key are given as file names, or as octets: this file cannot be read: {why}",
        clause=_HOW,
        facts={"file": str(source) if isinstance(source, Path) else "(as text)"},
    )


def _certificates(pem: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem_octets(pem))
    except ValueError as error:
        raise ConfigurationError("no PEM certificate can be read from what was given", clause=_HOW) from error


@forgets_locals
def _context(
    chain: Sequence[x509.Certificate], key: Any, ca: _Source | None, profile: Profile
) -> ssl.SSLContext:
    context = client_context(ca=certifi.where() if ca is None else ca, profile=profile)
    # OpenSSL accepts only files. The temporary file is encrypted with a random password.
    password = secrets.token_bytes(32).hex()
    encrypted = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password.encode()),
    )
    with TemporaryDirectory(prefix="fapikit-") as folder:
        file = Path(folder) / "pair.pem"
        file.write_bytes(b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain) + encrypted)
        try:
            context.load_cert_chain(file, password=password)
        except ssl.SSLError as error:
            raise ConfigurationError(
                f"OpenSSL does not take this client certificate: {error.reason}", clause=_HOW
            ) from error
    return context
