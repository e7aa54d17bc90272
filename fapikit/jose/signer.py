"""The interface of a signing key: a key in this process, or one in a KMS, an HSM or another process.

Spec: RFC 7515 5.1
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Signer(Protocol):
    """One key with one algorithm. `sign` may block. A signer that can be awaited also has `asign`."""

    @property
    def alg(self) -> str: ...

    @property
    def kid(self) -> str: ...

    @property
    def public_jwk(self) -> Mapping[str, Any]:
        """The public JWK with `kid`, `alg` and `use`."""
        ...

    @property
    def local(self) -> bool:
        """True if `sign` does no I/O. Then an event loop may call it directly."""
        ...

    def sign(self, signing_input: bytes) -> bytes:
        """The JWS signature of these octets."""
        ...
