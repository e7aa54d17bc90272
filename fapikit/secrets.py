"""Values that must not leak: redacted when shown, compared in constant time.

Spec: RFC 6749 10.10; FAPI2-SP 5.4.1-4; FAPI1-BL 5.2.2-16
"""

from __future__ import annotations

import hmac
from typing import Final, NoReturn, Self, final

from fapikit.base64url import encode
from fapikit.clock import RandomBytes

ENTROPY_OCTETS: Final = 32
"""256 bits for every token, code, request URI, state, nonce and verifier (FAPI2-SP 5.4.1-4 asks for 128)."""


@final
class Secret:
    """A string that shows as `Secret(***)`; read it with `reveal()`, compare it with `matches()`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def matches(self, candidate: str) -> bool:
        """Constant-time comparison."""
        mine, other = self._value, candidate
        return hmac.compare_digest(
            mine.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass")
        )

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.matches(other._value)

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: object) -> Self:
        """Itself, as of a string: so `dataclasses.asdict` shows what holds secrets, and none of them."""
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled: seal it (fapikit.stores.sealed)")


def random_token(random_bytes: RandomBytes, octets: int = ENTROPY_OCTETS) -> str:
    """A fresh base64url string of `octets` unpredictable octets."""
    return encode(random_bytes(octets))
