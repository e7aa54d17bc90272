"""A certificate that a proxy hands on in a header: closed by default, read under a rule of trust.

A field from anybody else counts for nothing, and is taken out of the request, so that the application does not
believe it either. From the proxy itself, whatever is ambiguous is refused: a field that stands there twice, the
spelling with underscores (which some servers take for the same name), a value that is too long, a field beside a
certificate of this very connection.

Spec: RFC 9440 2.4, 4; RFC 8705 6.5
Role: AS, RS
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final, NamedTuple

from cryptography import x509

from fapikit import base64url
from fapikit.certificates.certificate import ClientCertificate, thumbprint_of
from fapikit.certificates.forms import FORMS, CertificateForm
from fapikit.certificates.forms.form import Forwarded
from fapikit.certificates.trust import ProxyTrust
from fapikit.errors import CertificateHeaderRefused, ConfigurationError
from fapikit.io.bounded_cache import BoundedCache

MAX_OCTETS: Final = 16 * 1024
"""Of one field value: Cloudflare, the most generous, hands on 16 KiB."""
_REMEMBERED: Final = 1000
"""Each up to two such values: 32 MiB at the most."""
_NOTHING: Final[frozenset[str]] = frozenset()


class Reading(NamedTuple):
    """`certificate` is None where the client showed none. `strip`: fields that the application must not see."""

    certificate: ClientCertificate | None
    strip: frozenset[str]


class CertificateHeader:
    """`CertificateHeader("nginx", trust=ProxyTrust.of(["10.0.3.0/24"]))`.

    `form` is a name among `FORMS`, or a form of your own. `header`: the field, where yours has another name than the
    form's. `verified`: True where the proxy lets nobody in whose chain does not verify; a field and its value where it
    says so for each request, such as ("x-ssl-client-verify", "SUCCESS"). Left out, no chain counts as verified.
    """

    def __init__(
        self,
        form: CertificateForm | str,
        *,
        trust: ProxyTrust,
        header: str | None = None,
        verified: bool | tuple[str, str] = False,
    ) -> None:
        """Raises ConfigurationError."""
        self._form = form if isinstance(form, CertificateForm) else _form(form)
        self._trust = trust
        self._header = (header or self._form.header).lower()
        self._always_verified = verified is True
        self._verified = (verified[0].lower(), verified[1]) if isinstance(verified, tuple) else None
        own = {self._header, self._form.chain_header, self._verified and self._verified[0]}
        plain = {name for name in own if name}
        if any("_" in name for name in plain):
            raise ConfigurationError(
                "a header name with an underscore is another name to some servers: use hyphens",
                clause="RFC 9440 4",
                facts={"header": self._header},
            )
        self._underscored = frozenset(name.replace("-", "_") for name in plain if "-" in name)
        self._secret = frozenset({trust.secret[0]} if trust.secret else ())
        self._stripped = frozenset(plain) | self._underscored | self._secret
        self._octet_names = frozenset(name.encode("latin-1") for name in self._stripped)
        self._known: BoundedCache[tuple[str, str, bool], ClientCertificate] = BoundedCache(_REMEMBERED)

    @property
    def names(self) -> frozenset[str]:
        """The fields to hand to `read`, in lower case, the spellings with underscores among them."""
        return self._stripped

    @property
    def vouches(self) -> bool:
        """Whether the proxy can say that a chain verified."""
        return self._always_verified or self._verified is not None

    @property
    def octet_names(self) -> frozenset[bytes]:
        return self._octet_names

    def read(
        self, sent: Iterable[tuple[str, str]], *, peer: str | None, direct: bool, joined: bool = False
    ) -> Reading:
        """`sent`: the fields among `names`. `direct`: the connection itself has a client certificate.

        `peer` is the address of who connected, None through a unix socket. `joined`: the server joins repeated fields
        with commas, as WSGI servers do; then a comma is taken for a second field. Raises CertificateHeaderRefused.
        """
        fields: dict[str, list[str]] = {}
        for name, value in sent:
            fields.setdefault(name.lower(), []).append(value)
        if not self._trust.holds(peer, fields):
            return Reading(None, self._stripped if fields else _NOTHING)
        if not joined and not self._underscored.isdisjoint(fields):
            raise _refused("a field is spelled with underscores beside the proxy's own", self._header)
        value = self._one(fields, self._header)
        if value in self._form.absent:
            return Reading(None, self._secret)
        if joined and "," in value and not self._form.tells_commas:
            raise _refused("the field stands there more than once", self._header)
        if direct:
            raise _refused(
                "a certificate stands in the header, and the connection has one of its own", self._header
            )
        chain = self._one(fields, self._form.chain_header) if self._form.chain_header else ""
        verified = self._always_verified or (
            self._verified is not None and self._one(fields, self._verified[0]) == self._verified[1]
        )
        return Reading(self._certificate(value, chain, verified), self._secret)

    def _one(self, fields: dict[str, list[str]], name: str) -> str:
        values = fields.get(name, [""])
        if len(values) > 1:
            raise _refused("the field stands there more than once", name)
        if len(values[0]) > MAX_OCTETS:
            raise _refused(f"the value is longer than {MAX_OCTETS} octets", name)
        return values[0]

    def _certificate(self, value: str, chain: str, verified: bool) -> ClientCertificate:
        key = (value, chain, verified)
        known = self._known.get(key)
        if known is None:
            try:
                found = self._form.decode(value)
                further = self._form.decode_chain(chain) if chain and self._form.decode_chain else found.chain
                known = _checked(found, further, verified)
            except ValueError as error:
                raise _refused(
                    f"the value is not as {self._form.name} writes it: {error}", self._header
                ) from None
            self._known.put(key, known, 0.0)
        return known

    def __repr__(self) -> str:
        return f"CertificateHeader({self._form.name!r}, header={self._header!r})"


def _checked(found: Forwarded, chain: tuple[bytes, ...], verified: bool) -> ClientCertificate:
    if found.leaf is None:
        return ClientCertificate(base64url.encode(found.sha256 or b""), None, chain, verified)
    try:
        x509.load_der_x509_certificate(found.leaf)
    except ValueError as error:
        raise ValueError("what it holds is no X.509 certificate") from error
    if found.sha256 is not None and hashlib.sha256(found.leaf).digest() != found.sha256:
        raise ValueError("its hash is that of another certificate")
    return ClientCertificate(thumbprint_of(found.leaf), found.leaf, chain, verified)


def _form(name: str) -> CertificateForm:
    if name not in FORMS:
        raise ConfigurationError(
            f"{name!r} is no form of a certificate header: use one of {', '.join(sorted(FORMS))}",
            facts={"form": name},
        )
    return FORMS[name]


def _refused(message: str, header: str) -> CertificateHeaderRefused:
    return CertificateHeaderRefused(f"{header}: {message}", facts={"header": header})
