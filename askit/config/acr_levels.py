"""Checks `acr`: one level, or two levels of which a user's PIN reaches the second.

Spec: RFC 9470 5; OIDC 2
Role: AS
"""

from __future__ import annotations

from collections.abc import Iterable

from askit.config.values import User
from fapikit.errors import ConfigurationError


def check_acr_levels(levels: tuple[str, ...], users: Iterable[User]) -> None:
    """Raises ConfigurationError."""
    if not 1 <= len(levels) <= 2 or len(set(levels)) < len(levels):
        raise ConfigurationError(
            "acr must be one level, or two different ones, the weakest first: a password reaches the first, a PIN "
            "the second",
            facts={"setting": "acr"},
        )
    if any(not level or level.split() != [level] for level in levels):
        raise ConfigurationError("acr: a level must be a name without spaces", facts={"setting": "acr"})
    for user in users:
        if user.pin is not None and len(levels) < 2:
            raise ConfigurationError(
                f"users: the pin of {user.username!r} has no level to reach: set acr to an array of two levels",
                facts={"setting": "acr"},
            )
