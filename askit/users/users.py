"""Who can sign in, and how often a wrong password may be tried.

A guess takes its place in the count before the password is looked at, by a swap in the store, and gives it back if the
password was right: of many at once, in however many processes, no more than the limit are answered. What counts is a
name tried from one place, so that a stranger's guesses do not lock out the user; a wider limit bounds the guesses at
one name from everywhere, and does not bind places where that user signed in before.

Spec: FAPI1-BL 5.2.2-11; RFC 6749 10.10
Role: AS
"""

from __future__ import annotations

from typing import Final

from askit.config.values import User
from askit.errors import TooManyAttempts
from askit.records import Records
from fapikit.secrets import Secret

MAX_FAILURES: Final = 5
"""Wrong passwords for one name from one place; then, for one place and any name; for one name from anywhere."""
MAX_FAILURES_OF_PLACE: Final = 50
MAX_FAILURES_OF_NAME: Final = 100
FAILURE_WINDOW: Final = 300.0
KNOWN_FOR: Final = 90 * 86_400.0


class Users:
    """The configured users. Wrong passwords are counted in the store, so for all processes together."""

    def __init__(self, users: tuple[User, ...], records: Records) -> None:
        self._by_name = {user.username: user for user in users}
        self._records = records

    def find(self, username: str) -> User | None:
        return self._by_name.get(username)

    async def check_password(self, username: str, password: str, *, place: str) -> User | None:
        """The user, or None. Raises TooManyAttempts where one of the limits is reached; StoreError."""
        pair = f"{place}\0{username}"
        counters = [(f"place {place}", MAX_FAILURES_OF_PLACE)]
        if await self._records.marked("login-known", pair) is None:
            counters.append((f"name {username}", MAX_FAILURES_OF_NAME))
        for name, limit in counters:
            # Before anything is written: guesses at ever new names, all refused, would fill the store.
            if (await self._records.count("login-failures", name))[0] >= limit:
                raise _too_many()
        await self._count(f"pair {pair}", MAX_FAILURES)
        for name, limit in counters:
            await self._count(name, limit)
        user = self._by_name.get(username)
        # An unknown name takes as long as a wrong password.
        if not (user.password if user else Secret("-")).matches(password) or user is None:
            return None
        await self._records.write("login-known", pair, b"1", KNOWN_FOR)
        await self._records.remove("login-failures", f"pair {pair}")
        for name, limit in counters:
            await self._take_back(name, limit)
        return user

    async def _count(self, name: str, limit: int) -> None:
        for _ in range(2 * limit):  # whoever loses a swap has seen the count move
            count, seen = await self._records.count("login-failures", name)
            if count >= limit:
                break
            if await self._swap(name, seen, count + 1):
                return
        raise _too_many()

    async def _take_back(self, name: str, limit: int) -> None:
        for _ in range(2 * limit):  # under a flood one count too many does no harm
            count, seen = await self._records.count("login-failures", name)
            if seen is None or await self._swap(name, seen, count - 1):
                return

    async def _swap(self, name: str, seen: bytes | None, count: int) -> bool:
        return await self._records.swap("login-failures", name, seen, str(count).encode(), FAILURE_WINDOW)


def _too_many() -> TooManyAttempts:
    return TooManyAttempts("too many wrong passwords: wait five minutes")
