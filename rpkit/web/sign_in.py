"""What the Starlette and Flask sign-in pages share: their paths, and what is logged when a login fails.

Role: C
Spec: FAPI1-BL 5.2.3-3, -4
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from fapikit.errors import ConfigurationError, FapiError, Fault
from rpkit.bank import Bank
from rpkit.login.authorization_request import check_parameters
from rpkit.request_settings import hosting_paths

_LOG = logging.getLogger("rpkit.web.sign_in")


@dataclass(frozen=True, slots=True)
class SignInPaths:
    """Where the pages are mounted; the callback is wherever the redirect URI says.

    `initiate`: where other sites may ask for a login to begin; `request_object`: under which servers fetch requests
    that are hosted here. None: nowhere.
    """

    redirect_uri: str
    login: str
    jwks: str
    initiate: str | None
    logout: str
    sign_out: str
    request_object: str | None

    @property
    def callback(self) -> str:
        return urlsplit(self.redirect_uri).path or "/"


def require_same_addresses(bank: Bank, paths: SignInPaths) -> None:
    """Raises ConfigurationError if the client tells the bank of other addresses than those where pages are mounted."""
    if bank.settings.redirect_uri != paths.redirect_uri:
        raise ConfigurationError(
            "the client has another redirect_uri than its sign-in pages",
            clause="FAPI1-BL 5.2.3-4",
            facts={"expected": paths.redirect_uri, "got": bank.settings.redirect_uri},
        )
    own = paths.request_object
    hosting = hosting_paths(bank.settings.hosted_requests)
    if own is not None and hosting != {own.rstrip("/")}:
        raise ConfigurationError(
            "request_object_path is the path of the client's hosted_requests, and that is another one or not given",
            clause="RFC 9101 5.2",
            facts={"expected": own, "got": " ".join(sorted(hosting))},
        )


def require_parameters(resource: str | None, parameters: Mapping[str, Any]) -> None:
    """Refuse at start-up what no login could begin with: see `check_parameters`. Raises ConfigurationError.

    Also if every login would ask for several resources and none is named for its code.
    """
    check_parameters(parameters)
    asked = parameters.get("resources", ())
    if resource is None and not isinstance(asked, str) and len(tuple(asked)) > 1:
        raise ConfigurationError(
            "several resources: say with resource= for which one a login's first token is",
            clause="RFC 8707 2.2",
            facts={"asked": " ".join(asked)},
        )


def log_failure(error: Exception, what: str = "sign-in refused") -> None:
    """One line with the clause and log-safe facts; louder where it is not the user's doing."""
    if not isinstance(error, FapiError):  # another library's, whose words may be of anything
        _LOG.warning("%s: %s", what, type(error).__name__)
        return
    level = logging.INFO if error.fault is Fault.USER else logging.WARNING
    _LOG.log(level, "%s: %s; %s: %s", what, error, type(error).__name__, dict(error.facts))
