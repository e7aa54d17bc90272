"""One lie as data: which message of the bank is changed, how, and what a client owes its user then.

Spec: FAPI2-SP 5.3.3
Role: C
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

Nonces: TypeAlias = Literal["normal", "never", "each_call"]


class Faults(Protocol):
    """The faults of `askit.pytest_plugin.faults`, as far as a scan uses them."""

    nonces: Nonces
    calls: list[tuple[str, str]]

    def __setitem__(self, place: str, change: Callable[[Any], Any]) -> None: ...

    def clear(self) -> None: ...


class _Faulty(Protocol):
    @property
    def faults(self) -> Faults: ...


class LyingBank(Protocol):
    """A bank that can lie, such as the fixture `faulty_askit`. `issuer` is its base URL."""

    issuer: str

    @property
    def app(self) -> _Faulty: ...


@dataclass(frozen=True, slots=True)
class Honest:
    """What the bank said when it did not lie. `messages`: the last one of each place, as far as it has been heard."""

    issuer: str
    messages: Mapping[str, Any]


Change: TypeAlias = Callable[[Any, Honest], Any]
"""Takes an honest message, and what the bank said before. Returns the message to send."""


class Lie(NamedTuple):
    """`place`: the message, as `faults` names it. `means`: what an attacker has of a client that believes the lie.

    `must_take`: the message is unusual and right, so a client must go on. `nonces`: how DPoP nonces are given out.
    `before`: endpoints that the client must not call any more once it was told the lie, by the last part of the path.
    `needs`: the login in which it can be told; None: any with this message.
    """

    name: str
    place: str
    change: Change
    says: str
    means: str
    clause: str
    remedy: str
    must_take: bool = False
    nonces: Nonces = "normal"
    before: tuple[str, ...] = ()
    needs: str | None = None
