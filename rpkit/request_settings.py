"""How a client sends its authorization requests: signed or not; pushed, hosted for the server to fetch, or in the URL.

Spec: FAPI2-SP 5.3.3.2-1; FAPI2-MS 5.3.2-1; FAPI1-ADV 5.2.3-2; RFC 9101 4b, 5.2; RFC 9126 5
Role: C
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, TypeAlias
from urllib.parse import urlsplit

from fapikit.errors import ConfigurationError
from fapikit.profiles import Profile
from fapikit.urls import is_secure

HostRequest: TypeAlias = Callable[[str], Any]
"""A function that stores a request object for the server and returns its URL. It may be a coroutine function."""
HostedRequests: TypeAlias = str | Sequence[str] | HostRequest
"""Where a server fetches requests: below one URL of this site, at registered URLs, or where a function stores them."""
MAX_REQUEST_URI: Final = 512
"""In characters (RFC 9101 5.2)."""
FRAGMENT: Final = 1 + 43
"""The length of `#` and a SHA-256 hash, in characters."""
_NAME: Final = 1 + 43
"""The length of `/` and a name that is made here, in characters."""
UNGUESSABLE: Final = re.compile(r"[A-Za-z0-9_-]{22,128}\Z")
"""A name of a request object that nobody can guess."""


class RequestSettings(Protocol):
    """The fields of `ClientSettings` that this module reads."""

    @property
    def profile(self) -> Profile: ...

    @property
    def signed_requests(self) -> bool: ...

    @property
    def request_signer(self) -> Any: ...

    @property
    def pushed_requests(self) -> bool | None: ...

    @property
    def hosted_requests(self) -> HostedRequests | None: ...


def check_requests(settings: RequestSettings) -> None:
    """Raises ConfigurationError, ForbiddenByProfile for settings that contradict each other or the profile."""
    profile = settings.profile
    profile.require(
        settings.signed_requests or not profile.request_object_required,
        "authorization requests must be signed: signed_requests cannot be False",
        "request_object_required",
    )
    if settings.signed_requests and settings.request_signer is None:
        raise ConfigurationError(
            "signed_requests=True needs a key: set request_signer, or use an auth that has a key",
            clause="RFC 9101 4b",
        )
    profile.require(
        settings.pushed_requests is not False or not profile.par_required,
        "authorization requests must be pushed: pushed_requests cannot be False",
        "par_required",
    )
    if settings.hosted_requests is not None:
        _check_hosted(settings)


def _check_hosted(settings: RequestSettings) -> None:
    profile, hosted = settings.profile, settings.hosted_requests
    profile.require(
        not profile.par_required,
        "authorization requests must be pushed: hosted_requests cannot be set",
        "par_required",
    )
    if settings.pushed_requests:
        raise ConfigurationError(
            "a request is either pushed or hosted: leave hosted_requests or pushed_requests=True out",
            clause="RFC 9126 2.1-2",
        )
    if not settings.signed_requests:
        raise ConfigurationError(
            "hosted_requests needs signed requests: set signed_requests=True, or leave hosted_requests out",
            clause="RFC 9101 5.2",
        )
    if isinstance(hosted, str):
        _check_address(hosted, room=_NAME + FRAGMENT)
    elif isinstance(hosted, Sequence):
        _check_addresses(hosted)
    elif not callable(hosted):
        raise ConfigurationError(
            f"hosted_requests is a {type(hosted).__name__}: give the https URL below which your pages serve requests,"
            " the list of your registered request_uris, or a function that stores a request and returns its URL",
            clause="RFC 9101 5.2",
        )


def hosting_paths(hosted: HostedRequests | None) -> set[str]:
    """The paths below which this site serves requests; empty if a function stores them."""
    if isinstance(hosted, str):
        return {urlsplit(hosted).path.rstrip("/")}
    if isinstance(hosted, Sequence):
        return {urlsplit(address).path.rpartition("/")[0] for address in hosted}
    return set()


def _check_address(address: str, *, room: int) -> None:
    plain = is_secure(address) and not {"?", "#"} & set(address) and urlsplit(address).path.strip("/")
    if not plain or len(address) + room > MAX_REQUEST_URI:
        raise ConfigurationError(
            "hosted_requests has a wrong URL: it must be https and have a path, no query, no fragment, and at most"
            f" {MAX_REQUEST_URI - room} characters",
            clause="RFC 9101 5.2",
            facts={"got": address[:200]},
        )


def _check_addresses(addresses: Sequence[str]) -> None:
    for address in addresses:
        _check_address(address, room=FRAGMENT)
    names = [address.rpartition("/")[2] for address in addresses]
    if not names or len(set(names)) < len(names) or not all(map(UNGUESSABLE.match, names)):
        raise ConfigurationError(
            "each URL in hosted_requests must end in its own name that nobody can guess: 22 to 128 characters of"
            " A-Z, a-z, 0-9, - and _; secrets.token_urlsafe() makes one",
            clause="RFC 9101 5.2",
        )
