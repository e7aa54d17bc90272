"""Limits wrong passwords. They are counted in the store, so for all processes together.

A guess is counted by a swap in the store before the password is checked, and removed if the password was right. So of
many guesses at once, in any number of processes, no more than the limit are checked. The counter is for one user name
from one address, so guesses from elsewhere do not lock the user out. A higher limit applies to one name from all
addresses, except those from which that user has signed in before.

Each user's name has a counter of its own. All other counters, which anybody can cause, are in a table of limited size,
under pseudonyms. If a row of it is full, the counter that ends first is removed. So guesses from hundreds of addresses
may escape the limit of one address, but never the limit of a name.

Spec: FAPI1-BL 5.2.2-11; RFC 6749 10.10
Role: AS
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Final, NamedTuple

from askit.config.limits import Limits
from askit.errors import TooManyAttempts
from askit.record_fields import reading
from askit.record_store import Records
from askit.records import Counters, Names, digest, read_stored
from fapikit.clock import Clock

WINDOW: Final = 300.0
_KNOWN_FOR: Final = 90 * 86_400.0
_KNOWN: Final = 20
"""How many addresses of a user are remembered. The latest ones are kept."""
_ROW: Final = 16
_TRIES: Final = 200
"""A lost swap means that another guess was counted."""


class Counter(NamedTuple):
    """One counter: the record it is in, its name there, and its limit."""

    record: str
    name: str
    limit: int


class Attempt(NamedTuple):
    """One guess that may be checked, and its counters."""

    username: str
    address: str
    pair: Counter
    wide: tuple[Counter, ...]


class PasswordAttempts:
    """`pseudonym` hides what is counted, and distributes it over the table. `usernames`: the names of users."""

    def __init__(
        self,
        records: Records,
        pseudonym: Callable[[str], Awaitable[str]],
        limits: Limits,
        usernames: Collection[str],
        *,
        clock: Clock,
    ) -> None:
        self._records = records
        self._pseudonym = pseudonym
        self._limits = limits
        self._usernames = usernames
        self._clock = clock
        self._rows = max(limits.password_counters // _ROW, 1)
        self._row = min(limits.password_counters, _ROW)

    async def begin(self, username: str, address: str) -> Attempt:
        """Count a guess. Raises TooManyAttempts if a limit is reached; StoreError."""
        limits = self._limits
        wide = [await self._in_table(f"address {address}", limits.wrong_passwords_per_address)]
        if not await self._is_known(username, address):
            wide.append(await self._of_name(username))
        for counter in wide:
            # Before anything is counted: refused guesses use no entries of the table.
            _, counts = await self._read(counter)
            if _count(counts, counter) >= counter.limit:
                raise _too_many()
        pair = await self._in_table(f"pair {address}\0{username}", limits.wrong_passwords)
        for counter in (pair, *wide):
            await self._add(counter)
        return Attempt(username, address, pair, tuple(wide))

    async def succeeded(self, attempt: Attempt) -> None:
        """The password was right: remove the guess, and remember its address. Raises StoreError."""
        await self._remember(attempt.username, attempt.address)
        await self._set(attempt.pair, lambda _: 0)
        for counter in attempt.wide:
            await self._set(counter, lambda count: count - 1)

    async def _in_table(self, what: str, limit: int) -> Counter:
        name = await self._pseudonym(what)
        return Counter(f"row {int(digest(name)[:8], 16) % self._rows}", name, limit)

    async def _of_name(self, username: str) -> Counter:
        limit = self._limits.wrong_passwords_per_name
        shared = await self._in_table(f"name {username}", limit)
        return Counter(f"name {username}", "", limit) if username in self._usernames else shared

    async def _is_known(self, username: str, address: str) -> bool:
        return await self._pseudonym(f"known {address}") in await self._known(username)

    async def _remember(self, username: str, address: str) -> None:
        name = await self._pseudonym(f"known {address}")
        others = [known for known in await self._known(username) if known != name]
        latest = Names(names=(*others, name)[-_KNOWN:])
        await self._records.save("login-known", username, latest, _KNOWN_FOR)

    async def _known(self, username: str) -> tuple[str, ...]:
        known = await self._records.load("login-known", username, Names)
        return () if known is None else known.names

    async def _add(self, counter: Counter) -> None:
        def one_more(count: int) -> int:
            if count >= counter.limit:
                raise _too_many()
            return count + 1

        await self._set(counter, one_more)

    async def _set(self, counter: Counter, change: Callable[[int], int]) -> None:
        for _ in range(_TRIES):
            seen, counts = await self._read(counter)
            count = change(_count(counts, counter))
            counts.pop(counter.name, None)
            if count > 0:
                while len(counts) >= self._row:
                    del counts[min(counts, key=lambda name: counts[name][1])]
                counts[counter.name] = (count, self._clock() + WINDOW)
            new = Counters(counts=counts).dump()
            if await self._records.swap("login-failures", counter.record, seen, new, WINDOW):
                return
        raise _too_many()

    async def _read(self, counter: Counter) -> tuple[bytes | None, dict[str, tuple[int, float]]]:
        """A record as it is, and its current counts by name, each with its end."""
        seen = await self._records.read("login-failures", counter.record)
        if seen is None:
            return None, {}
        kept, now = read_stored("login-failures", Counters, seen), self._clock()
        with reading("login-failures"):
            return seen, {name: (int(n), until) for name, (n, until) in kept.counts.items() if until > now}


def _count(counts: dict[str, tuple[int, float]], counter: Counter) -> int:
    return counts.get(counter.name, (0, 0.0))[0]


def _too_many() -> TooManyAttempts:
    return TooManyAttempts("too many wrong passwords: wait five minutes")
