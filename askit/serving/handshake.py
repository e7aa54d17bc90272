"""The TLS context of new connections, which asks for client certificates and takes all that clients registered.

Python shakes hands only over a certificate that leads to one it trusts. So registered certificates are trusted as they
are, at run time too, and the handshake proves possession of a key and nothing else: who a client is, `client_check`
decides.

Spec: RFC 8705 2, 2.2, 7.4; FAPI2-SP 5.2.1-1
Role: AS
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Final, TypeAlias

from askit.config.values import TlsFiles
from askit.log_budget import BudgetedLogger
from fapikit.certificates.certificate import parse_certificate
from fapikit.certificates.subject import comparable_name
from fapikit.errors import ConfigurationError
from fapikit.io.tls import (
    ask_for_client_certificates,
    read_certificates,
    server_context,
    trust_client_certificates,
)
from fapikit.profiles import Profile

MOST: Final = 2000
"""Of so many registered certificates the handshake takes account: they take 0.3 ms each when a context is made."""


Name: TypeAlias = tuple[frozenset[tuple[str, str]], ...]


class Handshake:
    """`context` is that of the next connection; another one takes its place when a certificate is trusted no more."""

    def __init__(self, files: TlsFiles, profile: Profile, *, asks: bool, log: BudgetedLogger) -> None:
        """`asks`: for a client certificate. Raises ConfigurationError."""
        self._files, self._profile, self._asks, self._log = files, profile, asks, log
        self._authorities = self._read_authorities()
        self._trusted: frozenset[bytes] = frozenset()
        self.context = self._made()

    def trust(self, registered: Iterable[bytes]) -> None:
        """Take these certificates, DER, beside those of the client CA, which is read again. If they are too many, the
        first are taken."""
        try:
            authorities = self._read_authorities()
        except ConfigurationError as error:
            self._log.warning("what was read before stays in force: tls.client_ca: %s", error)
            authorities = self._authorities
        trusted = frozenset(_not_named_like(authorities, registered)[:MOST])
        if authorities == self._authorities and trusted >= self._trusted:
            self._add(self.context, trusted - self._trusted)
            self._trusted = trusted
        else:
            self._authorities, self._trusted = authorities, trusted
            self.context = self._made()

    def note_failure(self, error: OSError) -> None:
        """One line on the log: why a client's certificate was refused, if it was."""
        if isinstance(error, ssl.SSLCertVerificationError):
            self._log.info("a handshake failed: the client's certificate: %s", error.verify_message)
        else:
            self._log.debug("a handshake failed: %s", type(error).__name__)

    def _read_authorities(self) -> list[bytes]:
        return [] if self._files.client_ca is None else read_certificates(self._files.client_ca)

    def _made(self) -> ssl.SSLContext:
        context = server_context(self._files.certificate, self._files.key, profile=self._profile)
        if self._asks:
            ask_for_client_certificates(context, self._authorities)
            self._add(context, self._trusted)
        return context

    def _add(self, context: ssl.SSLContext, registered: Iterable[bytes]) -> None:
        """One that OpenSSL does not take keeps no other out: whoever registers could shut out everybody."""
        try:
            trust_client_certificates(context, registered)
        except ConfigurationError:
            for der in registered:
                try:
                    trust_client_certificates(context, [der])
                except ConfigurationError as error:
                    self._log.warning("a certificate that a client registered is left out: %s", error)


def _not_named_like(authorities: Iterable[bytes], registered: Iterable[bytes]) -> list[bytes]:
    """Without those whose name another one's issuer has, an authority or what came before.

    OpenSSL looks an issuer up by its name, and does not try another one of the same name. So whoever registers the name
    of somebody's issuer would shut out everybody who has that issuer. Of two such certificates the first counts.
    """
    authority_names = {names[0] for der in authorities if (names := _names_of(der))}
    subjects, issuers, kept = set[Name](), set[Name](), list[bytes]()
    for der in registered:
        names = _names_of(der)
        if names is None:
            continue
        subject, issuer = names
        own = subject == issuer
        if subject in authority_names or subject in issuers or (not own and issuer in subjects):
            continue
        subjects.add(subject)
        if not own:
            issuers.add(issuer)
        kept.append(der)
    return kept


def _names_of(der: bytes) -> tuple[Name, Name] | None:
    """Subject and issuer, comparable: OpenSSL too ignores case and spaces. None if they cannot be read."""
    try:
        certificate = parse_certificate(der)
        return comparable_name(certificate.subject), comparable_name(certificate.issuer)
    except ValueError:
        return None
