"""Limits wrong passwords. `guess_counters` counts them.

The counter is for one user name from one address, so guesses from elsewhere do not lock the user out. A higher limit
applies to one name from all addresses, except those from which that user has signed in before.

Each user's name has a counter of its own; the others are in the table. So guesses from hundreds of addresses may escape
the limit of one address, but never the limit of a name.

Spec: FAPI1-BL 5.2.2-11; RFC 6749 10.10
Role: AS
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Final, NamedTuple

from askit.config.limits import Limits
from askit.record_store import Records
from askit.records import Names
from askit.users.guess_counters import Counter, GuessCounters

_KNOWN_FOR: Final = 90 * 86_400.0
_KNOWN: Final = 20
"""How many addresses of a user are remembered. The latest ones are kept."""
_PASSWORDS: Final = "passwords"


class Attempt(NamedTuple):
    """One guess that may be checked, and its counters."""

    username: str
    address: str
    pair: Counter
    wide: tuple[Counter, ...]


class PasswordAttempts:
    """`pseudonym` hides the addresses of a user. `usernames`: the names of users."""

    def __init__(
        self,
        guesses: GuessCounters,
        records: Records,
        pseudonym: Callable[[str], Awaitable[str]],
        limits: Limits,
        usernames: Collection[str],
    ) -> None:
        self._guesses = guesses
        self._records = records
        self._pseudonym = pseudonym
        self._limits = limits
        self._usernames = usernames

    async def begin(self, username: str, address: str) -> Attempt:
        """Count a guess. Raises TooManyAttempts if a limit is reached; StoreError."""
        guesses, limits = self._guesses, self._limits
        wide = [await guesses.in_table(f"address {address}", limits.wrong_passwords_per_address, _PASSWORDS)]
        if not await self._is_known(username, address):
            wide.append(await self._of_name(username))
        await guesses.require_below(*wide)
        pair = await guesses.in_table(f"pair {address}\0{username}", limits.wrong_passwords, _PASSWORDS)
        await guesses.add(pair, *wide)
        return Attempt(username, address, pair, tuple(wide))

    async def succeeded(self, attempt: Attempt) -> None:
        """The password was right: remove the guess, and remember its address. Raises StoreError."""
        await self._remember(attempt.username, attempt.address)
        await self._guesses.take_back(*attempt.wide, forgotten=attempt.pair)

    async def _of_name(self, username: str) -> Counter:
        limit = self._limits.wrong_passwords_per_name
        if username in self._usernames:
            return self._guesses.of_its_own(f"name {username}", limit, _PASSWORDS)
        return await self._guesses.in_table(f"name {username}", limit, _PASSWORDS)

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
