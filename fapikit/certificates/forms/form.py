"""What a form is: how one proxy writes a client's certificate into a header.

Spec: RFC 8705 6.5
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple


class Forwarded(NamedTuple):
    """What a header said.

    `leaf` is DER; None where the header has the hash alone. `chain`: the others, in their order.
    """

    leaf: bytes | None
    chain: tuple[bytes, ...] = ()
    sha256: bytes | None = None


@dataclass(frozen=True, slots=True)
class CertificateForm:
    """`header` and `chain_header` are the field names by default, in lower case.

    `decode` takes one value and raises ValueError for what is not in this form. `absent` are the values that say that
    the client showed no certificate; so does a header that is not there. `tells_commas`: a value may hold commas, and
    `decode` itself refuses two values that a server joined with one.
    """

    name: str
    header: str
    decode: Callable[[str], Forwarded]
    chain_header: str | None = None
    decode_chain: Callable[[str], tuple[bytes, ...]] | None = None
    absent: frozenset[str] = frozenset({""})
    tells_commas: bool = False


def leaf_first(certificates: tuple[bytes, ...]) -> Forwarded:
    """The first certificate is the client's own."""
    return Forwarded(certificates[0], certificates[1:])
