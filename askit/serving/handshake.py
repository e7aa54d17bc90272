"""The TLS context of new connections, which asks for client certificates and takes all that clients registered.

Python shakes hands only over a certificate that leads to one it trusts. So registered certificates are trusted as they
are, at run time too, and the handshake proves possession of a key and nothing else: who a client is, `client_check`
decides.

Spec: RFC 8705 2, 2.2, 7.4; FAPI2-SP 5.2.1-1
Role: AS
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
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
        self._told: Sequence[bytes] = ()
        self._trusted: frozenset[bytes] = frozenset()
        self._left_out = 0
        # One thread, so that changes follow one another. A context of many certificates takes a second.
        self._worker = ThreadPoolExecutor(1, "askit-handshake")
        self.context = self._made(())

    async def trust(self, registered: Sequence[bytes]) -> None:
        """Take these certificates, DER, beside those of the client CA, which is read again.

        If there are more than `MOST`, the last are left out. Meanwhile the event loop serves others.
        """
        await asyncio.get_running_loop().run_in_executor(self._worker, self._trust, registered)

    def note_failure(self, error: OSError) -> None:
        """One line on the log: why a client's certificate was refused, if it was."""
        if isinstance(error, ssl.SSLCertVerificationError):
            self._log.info("a handshake failed: the client's certificate: %s", error.verify_message)
        else:
            self._log.debug("a handshake failed: %s", type(error).__name__)

    def _trust(self, registered: Sequence[bytes]) -> None:
        try:
            authorities = self._read_authorities()
        except ConfigurationError as error:
            self._log.warning("what was read before stays in force: tls.client_ca: %s", error)
            authorities = self._authorities
        if (authorities, registered) == (self._authorities, self._told):
            return
        usable = _not_named_like(authorities, registered)
        chosen = usable[:MOST]
        self._warn_of(len(usable) - len(chosen))
        if authorities == self._authorities and self._trusted.issubset(chosen):
            self._add(self.context, [der for der in chosen if der not in self._trusted])
        else:
            self._authorities = authorities
            self.context = self._made(chosen)
        self._told, self._trusted = registered, frozenset(chosen)

    def _warn_of(self, left_out: int) -> None:
        if left_out and left_out != self._left_out:
            self._log.warning(
                "%d certificates that clients registered are left out, because the handshake takes %d: whoever shows "
                "one of them is refused. The clients of the configuration come first, then the newest certificate of "
                "each client that registered itself, the oldest client first. Lower [registration] max_clients or "
                "lifetime, have clients issue their certificates under tls.client_ca, or end TLS at a proxy "
                "([client_certificates])",
                left_out,
                MOST,
            )
        self._left_out = left_out

    def _read_authorities(self) -> list[bytes]:
        return [] if self._files.client_ca is None else read_certificates(self._files.client_ca)

    def _made(self, registered: Iterable[bytes]) -> ssl.SSLContext:
        context = server_context(self._files.certificate, self._files.key, profile=self._profile)
        if self._asks:
            ask_for_client_certificates(context, self._authorities)
            self._add(context, registered)
        return context

    def _add(self, context: ssl.SSLContext, registered: Iterable[bytes]) -> None:
        """One by one: OpenSSL holds the interpreter's lock meanwhile, and what it does not take keeps no other out."""
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
