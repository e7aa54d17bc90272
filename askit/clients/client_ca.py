"""The authorities of client certificates and what they have revoked, read again whenever one of the files changes.

A revocation list is valid for days, a server runs for months. An unreadable file leaves its last content valid.

Spec: RFC 8705 2.1, 7.4; RFC 5280 6.3
Role: AS
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509

from fapikit.certificates.chain import ClientAuthorities
from fapikit.errors import ConfigurationError

log = logging.getLogger("askit")


class ClientCa:
    """PEM files: `authorities`, and `crl` with one list or more."""

    def __init__(self, authorities: Path, crl: Path | None) -> None:
        """Raises ConfigurationError."""
        self._files = [authorities] if crl is None else [authorities, crl]
        self._seen = self._state()
        self._known = self._read()

    def verify(self, leaf: x509.Certificate, chain: Sequence[x509.Certificate], now: float) -> None:
        """Raises UntrustedCertificate, RevokedCertificate, RevocationUndecided."""
        state = self._state()
        if state != self._seen:
            self._seen = state
            try:
                self._known = self._read()
            except ConfigurationError as error:
                log.warning("the last readable content stays valid: %s", error)
        self._known.verify(leaf, chain, now)

    def _state(self) -> list[tuple[int, int] | None]:
        return [_stamp(file) for file in self._files]

    def _read(self) -> ClientAuthorities:
        try:
            authorities, *crl = [file.read_bytes() for file in self._files]
        except OSError as error:
            raise ConfigurationError(
                f"tls.client_ca or tls.client_crl cannot be read: {error.filename}: {error.strerror}"
            ) from error
        return ClientAuthorities.from_pem(authorities, crl[0] if crl else None)


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
