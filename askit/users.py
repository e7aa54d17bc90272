"""Who can sign in, and how often a wrong password may be tried.

Spec: FAPI1-BL 5.2.2-11; RFC 6749 10.10
Role: AS
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

from askit.config import User
from askit.errors import TooManyAttempts
from askit.records import Records
from fapikit.secrets import Secret

MAX_FAILURES: Final = 5
FAILURE_WINDOW: Final = 300.0


@dataclass(slots=True)
class _Check:
    """Guesses at one name take turns: fifty at once would all find the counter where it was."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    callers: int = 0


class Users:
    """The configured users. Wrong passwords are counted in the store, so for all processes together."""

    def __init__(self, users: tuple[User, ...], records: Records) -> None:
        self._by_name = {user.username: user for user in users}
        self._records = records
        self._checks: dict[str, _Check] = {}

    def find(self, username: str) -> User | None:
        return self._by_name.get(username)

    async def check_password(self, username: str, password: str, *, address: str) -> User | None:
        """The user, or None. Raises TooManyAttempts after `MAX_FAILURES` for the name or ten times that for the
        address within `FAILURE_WINDOW` seconds; StoreError."""
        check = self._checks.setdefault(username, _Check())
        check.callers += 1
        try:
            async with check.turn:
                return await self._check_password(username, password, address)
        finally:
            check.callers -= 1
            if not check.callers:
                self._checks.pop(username, None)

    async def _check_password(self, username: str, password: str, address: str) -> User | None:
        limits = ((f"user {username}", MAX_FAILURES), (f"address {address}", MAX_FAILURES * 10))
        for name, limit in limits:
            if await self._failures(name) >= limit:
                raise TooManyAttempts("too many wrong passwords: wait five minutes")
        user = self._by_name.get(username)
        # An unknown name takes as long as a wrong password.
        if (user.password if user else Secret("-")).matches(password) and user is not None:
            return user
        for name, _ in limits:
            await self._count(name)
        return None

    async def _failures(self, name: str) -> int:
        return int(await self._records.read("login-failures", name) or b"0")

    async def _count(self, name: str) -> None:
        for _ in range(20):  # under a flood one missed count does no harm
            seen = await self._records.read("login-failures", name)
            count = str(int(seen or b"0") + 1).encode()
            if await self._records.swap("login-failures", name, seen, count, FAILURE_WINDOW):
                return
