"""The allowed redirect URIs: https, or a loopback address where the profile allows that for native apps.

Spec: FAPI2-SP 5.3.2.2-8; FAPI1-BL 5.2.2-20, 7.5-2; RFC 8252 7.3
Role: C
"""

from __future__ import annotations

from urllib.parse import urlsplit

from fapikit.profiles import Profile
from fapikit.urls import is_secure


def require_redirect_uri(uri: str, profile: Profile, what: str) -> None:
    """Raises ForbiddenByProfile. `what` is the name of the setting, for the message."""
    profile.require(is_secure(uri), f"{what} must be https", "redirect_uri_https")
    profile.require(
        profile.loopback_redirects or urlsplit(uri).scheme == "https",
        f"{what} must be https, also for a loopback address",
        "loopback_redirects",
    )
