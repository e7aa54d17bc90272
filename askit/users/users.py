"""The users who can sign in, and the checks of their password, PIN and user code.

Spec: FAPI1-BL 5.2.2-11
Role: AS
"""

from __future__ import annotations

from collections.abc import Collection

from askit.config.values import User
from askit.users.password_attempts import PasswordAttempts
from fapikit.secrets import Secret


class Users:
    """The configured users."""

    def __init__(self, users: tuple[User, ...], attempts: PasswordAttempts) -> None:
        self._by_name = {user.username: user for user in users}
        self._attempts = attempts

    def find(self, username: str) -> User | None:
        return self._by_name.get(username)

    @property
    def all(self) -> Collection[User]:
        return self._by_name.values()

    def with_claim(self, name: str, value: object) -> tuple[User, ...]:
        """All users whose claim `name` has this value. Every user has the claim `sub`."""
        if not isinstance(value, str):
            return ()
        known = (
            (user, user.sub if name == "sub" else user.claims.get(name)) for user in self._by_name.values()
        )
        return tuple(user for user, claim in known if claim == value)

    async def check_password(self, username: str, password: str, *, address: str) -> User | None:
        """The user; None if the password is wrong. Raises TooManyAttempts if a limit is reached; StoreError."""
        attempt = await self._attempts.begin(username, address)
        user = self._by_name.get(username)
        # An unknown name takes as long as a wrong password.
        if not (user.password if user else Secret("-")).matches(password) or user is None:
            return None
        await self._attempts.succeeded(attempt)
        return user

    async def check_pin(self, username: str, pin: str, *, address: str) -> bool:
        """Whether this is the user's PIN. Counted separately from passwords. Raises as `check_password` does."""
        user = self._by_name.get(username)
        return await self._check(pin_of(username), None if user is None else user.pin, pin, address)

    async def check_user_code(self, username: str, code: str, *, address: str) -> bool:
        """Whether this is the user's code, by which authentication requests are let through. As `check_pin`."""
        user = self._by_name.get(username)
        return await self._check(code_of(username), None if user is None else user.user_code, code, address)

    async def _check(self, counted: str, secret: Secret | None, guess: str, address: str) -> bool:
        attempt = await self._attempts.begin(counted, address)
        if secret is None or not secret.matches(guess):
            return False
        await self._attempts.succeeded(attempt)
        return True


def pin_of(username: str) -> str:
    """The name under which guesses of a PIN are counted: a right password must not remove them."""
    return f"{username}\0pin"


def code_of(username: str) -> str:
    """The name under which guesses of a user code are counted."""
    return f"{username}\0user code"
