"""What may sign: a key in this process, or one that a KMS, an HSM or another process keeps.

Spec: RFC 7515 5.1
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Signer(Protocol):
    """One key, one algorithm. `sign` may block; a signer that would rather be awaited also has `asign`."""

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
        """True if `sign` only computes, so that an event loop may call it in place."""
        ...

    def sign(self, signing_input: bytes) -> bytes:
        """The JWS signature over these octets."""
        ...
