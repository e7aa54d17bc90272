"""What the sign-in pages for Starlette and Flask share: their paths, and the log line of a failed login.

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
from rpkit.login.authorization_request import RequestParameters
from rpkit.login.request_parameters import check_parameters
from rpkit.request_settings import hosting_paths

_LOG = logging.getLogger("rpkit.web.sign_in")


@dataclass(frozen=True, slots=True)
class SignInPaths:
    """The paths of the pages. The path of the callback is that of the redirect URI.

    `initiate`: the page that other sites may use to initiate a login. `request_object`: the path below which servers
    fetch hosted requests. None: there is no such page.
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
    """Raises ConfigurationError if the URLs of the client are not those of its pages."""
    if bank.settings.redirect_uri != paths.redirect_uri:
        raise ConfigurationError(
            "the redirect_uri of the client differs from that of SignIn(...): give both the same",
            clause="FAPI1-BL 5.2.3-4",
            facts={"expected": paths.redirect_uri, "got": bank.settings.redirect_uri},
        )
    own = paths.request_object
    hosting = hosting_paths(bank.settings.hosted_requests)
    if own is not None and hosting != {own.rstrip("/")}:
        raise ConfigurationError(
            "request_object_path is not the path of the client's hosted_requests: give both the same, or neither",
            clause="RFC 9101 5.2",
            facts={"expected": own, "got": " ".join(sorted(hosting))},
        )


def require_parameters(resource: str | None, parameters: Mapping[str, Any]) -> None:
    """Refuse at start-up the parameters that `begin` would refuse (see `check_parameters`). Raises ConfigurationError.

    It is also raised for several `resources` without a `resource` for the first token.
    """
    check_parameters(parameters, RequestParameters, method="begin")
    asked = parameters.get("resources", ())
    if resource is None and not isinstance(asked, str) and len(tuple(asked)) > 1:
        raise ConfigurationError(
            "SignIn(...) has several resources: set resource= to the one that the first token of a login is for",
            clause="RFC 8707 2.2",
            facts={"asked": " ".join(asked)},
        )


def log_failure(error: Exception, what: str = "sign-in refused") -> None:
    """Log one line with the clause and the log-safe facts: as INFO if the user caused the error, else as WARNING."""
    if not isinstance(error, FapiError):  # the message of another library may have secrets
        _LOG.warning("%s: %s", what, type(error).__name__)
        return
    level = logging.INFO if error.fault is Fault.USER else logging.WARNING
    _LOG.log(level, "%s: %s; %s: %s", what, error, type(error).__name__, dict(error.facts))
