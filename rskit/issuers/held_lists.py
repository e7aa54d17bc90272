"""How much of the status lists of one issuer is in memory: so many octets in all, whoever still refers to a list.

A list is compressed on the wire, so an issuer could make this process keep a thousand times what it sends. Beyond the
budget the list that was read least recently is forgotten. It is fetched again for the next of its tokens.

Spec: TSL 11.4
Role: RS
"""

from __future__ import annotations

from typing import Final, Protocol

MOST_OCTETS: Final = 64 * 1024 * 1024


class Forgettable(Protocol):
    def forget(self) -> None:
        """Keep no octets of it any more."""
        ...


class HeldLists:
    """The lists of one issuer that were read, in the order of the last reading, with their octets.

    No lock: what another thread has just read may be forgotten, and is fetched again.
    """

    def __init__(self) -> None:
        self._held: dict[Forgettable, int] = {}

    def read(self, listed: Forgettable, octets: int) -> None:
        """Count a list that was read. Others are forgotten until there is room for it."""
        self._held.pop(listed, None)
        self._held[listed] = octets
        held = list(self._held.items())
        beyond = sum(size for _, size in held) - MOST_OCTETS
        for each, size in held:
            if beyond <= 0 or each is listed:
                return
            self._held.pop(each, None)
            each.forget()
            beyond -= size
