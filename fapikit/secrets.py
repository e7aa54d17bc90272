"""Values that must not leak: redacted when shown, compared in constant time.

Spec: RFC 6749 10.10; FAPI2-SP 5.4.1-4; FAPI1-BL 5.2.2-16
"""

from __future__ import annotations

import hmac
from typing import Final, Generic, NoReturn, Self, TypeVar, final

from fapikit.base64url import encode
from fapikit.clock import RandomBytes

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

ENTROPY_OCTETS: Final = 32
"""256 bits for every token, code, request URI, state, nonce and verifier (FAPI2-SP 5.4.1-4 demands 128)."""


class Concealed(Generic[T_co]):
    """A value of any type that is shown as `Concealed(***)`. Read it with `reveal()`.

    A secret is concealed where it enters this library, and revealed where it leaves it. So no variable of a function
    that waits has the secret in clear. Error trackers show the variables of every frame that an exception passes.
    """

    __slots__ = ("_value",)

    def __init__(self, value: T_co) -> None:
        self._value = value

    def reveal(self) -> T_co:
        return self._value

    def __repr__(self) -> str:
        return f"{type(self).__name__}(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._value == other._value

    def __hash__(self) -> int:
        return hash((type(self), self._value))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: object) -> Self:
        """The same object. So `dataclasses.asdict` works for objects with secrets, and shows none of them."""
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"a {type(self).__name__} cannot be pickled, because that would write it in clear: seal it"
            " (fapikit.stores.sealed)"
        )


@final
class Secret(Concealed[str]):
    """A string that is shown as `Secret(***)`. Read it with `reveal()`. Compare it with `matches()`."""

    __slots__ = ()

    def matches(self, candidate: str) -> bool:
        """Whether the strings are equal, compared in constant time."""
        mine, other = self._value, candidate
        return hmac.compare_digest(
            mine.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass")
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.matches(other._value)

    __hash__ = Concealed.__hash__


def conceal(value: T | Concealed[T]) -> Concealed[T]:
    """The value as `Concealed`, if it is not concealed yet."""
    return value if isinstance(value, Concealed) else Concealed(value)


def revealed(value: str | Concealed[str]) -> str:
    """The string, whether it is concealed or not."""
    return value.reveal() if isinstance(value, Concealed) else value


def random_token(random_bytes: RandomBytes, octets: int = ENTROPY_OCTETS) -> str:
    """A new base64url string of `octets` unpredictable octets."""
    return encode(random_bytes(octets))
