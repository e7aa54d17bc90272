"""The interface of a form: how one proxy encodes a client certificate in a header.

Spec: RFC 8705 6.5
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple


class Forwarded(NamedTuple):
    """The content of a header.

    `leaf`: DER, or None if the header has only the hash. `chain`: the other certificates, in their order.
    """

    leaf: bytes | None
    chain: tuple[bytes, ...] = ()
    sha256: bytes | None = None


@dataclass(frozen=True, slots=True)
class CertificateForm:
    """`header` and `chain_header`: the default names of the fields, in lower case.

    `decode` reads one value, and raises ValueError for another form. `absent`: the values that mean that the client
    sent no certificate; a missing header means the same. `tells_commas`: a value may have commas, and `decode` itself
    refuses two values that a server joined with a comma. `beside`: further fields in which the proxy describes the
    certificate. They are not read here. The application sees them only if the trusted proxy sent them.
    """

    name: str
    header: str
    decode: Callable[[str], Forwarded]
    chain_header: str | None = None
    decode_chain: Callable[[str], tuple[bytes, ...]] | None = None
    absent: frozenset[str] = frozenset({""})
    tells_commas: bool = False
    beside: tuple[str, ...] = ()


def leaf_first(certificates: tuple[bytes, ...]) -> Forwarded:
    """The certificates of a chain whose first one is the certificate of the client."""
    return Forwarded(certificates[0], certificates[1:])
