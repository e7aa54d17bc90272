"""What a trusted proxy forwards with a request: the client's certificate, and the path prefix that it has stripped.

A field that describes a client certificate is removed from every request, unless a rule names it and the trusted proxy
sent it. So no application takes a certificate from a header that anybody can send.

Spec: RFC 9440 4; RFC 8705 3b, 6.5; RFC 9449 4.3-9 (RS-12, RS-14)
Role: RS
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from fapikit.certificates import CertificateHeader, ProxyTrust
from fapikit.certificates.forms import FIELDS
from fapikit.certificates.proxy_fields import Field, ProxyFields, with_underscores
from fapikit.errors import ConfigurationError
from rskit.answers.trace import LOGGER
from rskit.errors import ForwardedPrefixRefused
from rskit.request_view import RequestView

_PREFIX_FIELD: Final = "x-forwarded-prefix"
_PREFIX: Final = re.compile(r"(?:/[A-Za-z0-9\-._~]+)*/?")
_NOTHING: Final[frozenset[str]] = frozenset()
_OF_CERTIFICATES: Final = FIELDS.union(*map(with_underscores, FIELDS))


class Forwarded:
    """`names`: the fields to pass to `take`, in lower case, with their spellings with underscores.

    `octet_names`: the same for ASGI. `environ_keys`: for WSGI, the names by their keys.
    """

    def __init__(self, certificates: CertificateHeader | None, prefix: ProxyTrust | None) -> None:
        """Raises ConfigurationError."""
        if not isinstance(prefix, ProxyTrust | None):
            raise ConfigurationError('forwarded_prefix must be a rule such as ProxyTrust.of(["10.0.3.0/24"])')
        self._certificates = certificates
        self._prefix = _prefix_fields(prefix) if prefix is not None else None
        of_certificates = certificates.names if certificates else _NOTHING
        of_prefix = self._prefix.names if self._prefix else _NOTHING
        self.names = _OF_CERTIFICATES | of_certificates | of_prefix
        self.octet_names = _octets(self.names)
        self.environ_keys: Mapping[str, str] = {
            environ_key(name): name for name in self.names if "_" not in name
        }
        self._unread = _OF_CERTIFICATES - of_certificates - (certificates.shown if certificates else _NOTHING)
        self._unread_as_sent = self._unread | _octets(self._unread)
        self._of_certificates = of_certificates | _octets(of_certificates)
        self._of_prefix = of_prefix | _octets(of_prefix)

    def take(
        self, view: RequestView, sent: Sequence[Field], *, peer: str | None, joined: bool = False
    ) -> tuple[RequestView, frozenset[str]]:
        """The view with what a trusted proxy forwarded, and the fields that the application must not see.

        `peer`: the address of the connection, None for a unix socket. `joined`: repeated fields are joined, as WSGI
        servers do. Raises CertificateHeaderRefused, ForwardedPrefixRefused.
        """
        strip, of_certificates = _NOTHING, sent
        for field in sent:
            if field[0] not in self._of_certificates:  # mostly all are, and no list is made
                of_certificates = [field for field in sent if field[0] in self._of_certificates]
                if not self._unread_as_sent.isdisjoint([field[0] for field in sent]):
                    strip = self._unread
                break
        if self._certificates is not None:
            reading = self._certificates.read(
                of_certificates,
                peer=peer,
                direct=view.certificate() is not None,
                joined=joined,
            )
            strip = strip | reading.strip if strip else reading.strip
            certificate = reading.certificate
            if certificate is not None:
                view = view.with_certificate(lambda: certificate)
            elif of_certificates and not self._certificates.trusts(of_certificates, peer=peer):
                _tell_ignored(of_certificates[0][0], peer)
        if self._prefix is not None:
            fields = self._prefix.of_proxy([f for f in sent if f[0] in self._of_prefix], peer)
            if fields is None:
                return view, strip | self._prefix.names
            strip |= self._prefix.secret
            prefix = _read_prefix(self._prefix, fields, joined=joined)
            if prefix and view.path.startswith("/"):
                view = view._replace(path=prefix + view.path)
        return view, strip


def _tell_ignored(name: str | bytes, peer: str | None) -> None:
    """For the operator whose proxy is missing in the settings. The names are among those of `names`."""
    LOGGER.info(
        "%s of %s is ignored: client_certificates= does not trust this sender as the proxy",
        name if isinstance(name, str) else name.decode("latin-1"),
        peer or "a unix socket",
    )


def environ_key(name: str) -> str:
    """The key of a header field in a WSGI environ."""
    return "HTTP_" + name.upper().replace("-", "_")


def _prefix_fields(trust: ProxyTrust) -> ProxyFields:
    return ProxyFields(_PREFIX_FIELD, trust=trust, refused=ForwardedPrefixRefused)


def _octets(names: frozenset[str]) -> frozenset[bytes]:
    return frozenset(name.encode("latin-1") for name in names)


def _read_prefix(fields: ProxyFields, of_proxy: Sequence[Field], *, joined: bool) -> str:
    value = fields.read(of_proxy, joined=joined).get(_PREFIX_FIELD, "")
    if not _PREFIX.fullmatch(value):
        raise fields.refusal("the value is not a path prefix such as /bank", _PREFIX_FIELD)
    return value.removesuffix("/")
