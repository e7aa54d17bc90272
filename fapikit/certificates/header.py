"""A client certificate in a header of a proxy. By default no header is read; `ProxyTrust` says which proxy is trusted.

A field from any other sender is ignored, and removed from the request, so that the application does not trust it. An
ambiguous field of the proxy is refused: a field that occurs twice, a name with underscores (some servers treat it as
the same name), a value that is too long, a field beside a certificate of the connection itself.

Spec: RFC 9440 2.4, 4; RFC 8705 6.5
Role: AS, RS
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Final, NamedTuple, TypeAlias

from fapikit import base64url
from fapikit.certificates.certificate import ClientCertificate, parse_certificate, thumbprint_of
from fapikit.certificates.forms import FORMS, CertificateForm
from fapikit.certificates.forms.form import Forwarded
from fapikit.certificates.proxy_fields import Field, ProxyFields, with_underscores
from fapikit.certificates.trust import ProxyTrust
from fapikit.errors import CertificateHeaderRefused, ConfigurationError
from fapikit.io.bounded_cache import BoundedCache

_REMEMBERED: Final = 1000
"""Each entry has at most two values of the largest size and a short one: 33 MiB in total."""

_Fields: TypeAlias = tuple[Field, ...]


class Reading(NamedTuple):
    """`certificate`: None if the client sent none. `strip`: the fields that the application must not see."""

    certificate: ClientCertificate | None
    strip: frozenset[str]


class CertificateHeader:
    """`CertificateHeader("nginx", trust=ProxyTrust.of(["10.0.3.0/24"]))`.

    `form`: a name in `FORMS`, or a form of your own. `header`: the name of the field, if it is not the default of the
    form. `verified`: True if the proxy refuses every client whose chain is not valid. If the proxy says so for each
    request, the field and its value, such as ("x-ssl-client-verify", "SUCCESS"). By default no chain is verified.
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
        self._header = (header or self._form.header).lower()
        self._always_verified = verified is True
        self._verified = (verified[0].lower(), verified[1]) if isinstance(verified, tuple) else None
        further = (self._form.chain_header, self._verified and self._verified[0])
        self._fields = ProxyFields(
            self._header,
            *(name for name in further if name),
            trust=trust,
            refused=CertificateHeaderRefused,
        )
        beside = frozenset(self._form.beside).union(*map(with_underscores, self._form.beside))
        self._of_others = Reading(None, self._fields.names | beside)
        self._known: BoundedCache[tuple[_Fields, bool], Reading] = BoundedCache(_REMEMBERED)

    @property
    def names(self) -> frozenset[str]:
        """The names of the fields for `read`, in lower case, also those with underscores."""
        return self._fields.names

    @property
    def shown(self) -> frozenset[str]:
        """The names of the fields that the application sees if the trusted proxy sent them, in lower case."""
        return self._fields.shown | frozenset(self._form.beside)

    @property
    def vouches(self) -> bool:
        """Whether the proxy can say that a chain was verified."""
        return self._always_verified or self._verified is not None

    def trusts(self, sent: Collection[Field], *, peer: str | None) -> bool:
        """Whether the trusted proxy sent these fields, so that they count."""
        return self._fields.of_proxy(sent, peer) is not None

    def read(
        self, sent: Collection[Field], *, peer: str | None, direct: bool, joined: bool = False
    ) -> Reading:
        """Read the fields. `sent`: those of the request with one of `names`.

        `direct`: whether the connection itself has a client certificate. `peer`: the address of the sender, None for a
        unix socket. `joined`: whether the server joins repeated fields with commas, like WSGI servers; then a comma
        counts as a second field. Raises CertificateHeaderRefused.
        """
        fields = self._fields.of_proxy(sent, peer)
        if fields is None:
            return self._of_others
        reading = self._known.get((fields, joined))
        if reading is None:
            reading = self._read(fields, joined=joined)
            self._known.put((fields, joined), reading, 0.0)
        if direct and reading.certificate is not None:
            raise self._fields.refusal(
                "the header has a certificate, and the connection has its own client certificate",
                self._header,
            )
        return reading

    def _read(self, of_proxy: _Fields, *, joined: bool) -> Reading:
        fields = self._fields.read(of_proxy, joined=joined)
        value = fields.get(self._header, "")
        if value in self._form.absent:
            return Reading(None, self._fields.secret)
        if joined and "," in value and not self._form.tells_commas:
            raise self._fields.refusal("the field stands there more than once", self._header)
        verified = self._always_verified or (
            self._verified is not None and fields.get(self._verified[0]) == self._verified[1]
        )
        chain = fields.get(self._form.chain_header, "") if self._form.chain_header else ""
        return Reading(self._certificate(value, chain, verified), self._fields.secret)

    def _certificate(self, value: str, chain: str, verified: bool) -> ClientCertificate:
        try:
            found = self._form.decode(value)
            further = self._form.decode_chain(chain) if chain and self._form.decode_chain else found.chain
            return _checked(found, further, verified)
        except ValueError as error:
            raise self._fields.refusal(
                f"the value is not as {self._form.name} writes it: {error}", self._header
            ) from None

    def __repr__(self) -> str:
        return f"CertificateHeader({self._form.name!r}, header={self._header!r})"


def _checked(found: Forwarded, chain: tuple[bytes, ...], verified: bool) -> ClientCertificate:
    if found.leaf is None:
        return ClientCertificate(base64url.encode(found.sha256 or b""), None, chain, verified)
    try:
        parse_certificate(found.leaf)
    except ValueError as error:
        raise ValueError("its content is not an X.509 certificate") from error
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
