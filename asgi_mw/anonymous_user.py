"""The user of a public route that was called without a token, as Starlette's `request.user` and `request.auth` see it.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

from typing import Final


class AnonymousUser:
    """Not authenticated, and without scopes."""

    __slots__ = ()

    is_authenticated: Final = False
    display_name: Final = ""
    identity: Final = ""
    scopes: Final[frozenset[str]] = frozenset()


ANONYMOUS_USER: Final = AnonymousUser()
