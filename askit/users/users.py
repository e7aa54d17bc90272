"""The users who can sign in, and the checks of their password and PIN.

Spec: FAPI1-BL 5.2.2-11
Role: AS
"""

from __future__ import annotations

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
        attempt = await self._attempts.begin(pin_of(username), address)
        user = self._by_name.get(username)
        if user is None or user.pin is None or not user.pin.matches(pin):
            return False
        await self._attempts.succeeded(attempt)
        return True


def pin_of(username: str) -> str:
    """The name under which guesses of a PIN are counted: a right password must not remove them."""
    return f"{username}\0pin"
