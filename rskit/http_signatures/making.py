"""Makes the checks of a server. Their library is imported only for a server that has the setting.

Role: RS
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fapikit.clock import Clock
from fapikit.profiles import Profile
from rskit.http_signatures.settings import HttpSignatures

if TYPE_CHECKING:
    from rskit.http_signatures.checks import SignatureChecks


def make_checks(
    settings: HttpSignatures | None, profile: Profile, bases: tuple[str, ...], clock: Clock, *, issuers: int
) -> SignatureChecks | None:
    """Raises ConfigurationError; ModuleNotFoundError, with the extra that brings it."""
    if settings is None:
        return None
    try:
        from rskit.http_signatures.checks import SignatureChecks
    except ModuleNotFoundError as error:
        error.add_note('HTTP message signatures are an extra: pip install "fapikit[signatures]"')
        raise
    return SignatureChecks(settings, profile, bases, clock, issuers=issuers)
