"""A login that another site initiates (OIDC 4): a page of ours asks the user, and its button begins the login.

So no login starts without the user's consent, and none by a forged request. The request of the other site only fills
in this page. It must name our own issuer and a target at our own site. Otherwise it is refused.

Spec: OIDC 4; FAPI2-SP 5.3.3.1-4, -12; RFC 9700 4.11
Role: C
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode, urlsplit

from fapikit.errors import MalformedMessage
from fapikit.parameters import Parameters, parse_parameters
from fapikit.urls import has_origin, is_secure, origin_of
from rpkit.errors import InitiationRefused
from rpkit.web.messages import MAX_BODY, WebAnswer, WebRequest
from rpkit.web.pages import page

_LONGEST_TARGET: Final = 1000
"""In characters. The target is part of the cookie of the transaction."""


@dataclass(frozen=True, slots=True)
class Initiation:
    """The parameters that another site may give: the `login_hint`, and the page of our site to show after the login."""

    login_hint: str | None = field(default=None, repr=False)
    target: str | None = None

    @property
    def parameters(self) -> Mapping[str, str]:
        """The parameters for `begin`."""
        return {} if self.login_hint is None else {"login_hint": self.login_hint}


def read_initiation(request: WebRequest, *, issuer: str, redirect_uri: str) -> Initiation:
    """Read a request to the page that is registered as `initiate_login_uri`.

    Raises InitiationRefused, MalformedMessage.
    """
    if len(request.body) > MAX_BODY:
        raise MalformedMessage("the posted form is too long")
    asked = parse_parameters(request.body if request.method == "POST" else urlsplit(request.url).query)
    iss = asked.get("iss")
    if iss != issuer:
        raise InitiationRefused(
            "the iss of this request is not the server of this page: register the initiate_login_uri of this page at"
            " this server alone",
            facts={"expected": issuer, "got": str(iss)[:200]},
        )
    return _initiation(asked, redirect_uri)


def confirmation_page(initiation: Initiation, *, issuer: str, login_path: str) -> WebAnswer:
    """The page that asks the user. Its button posts to `login_path`, and `read_confirmation` reads that request."""
    parameters = {"login_hint": initiation.login_hint, "target_link_uri": initiation.target}
    query = urlencode({name: value for name, value in parameters.items() if value is not None})
    action = html.escape(f"{login_path}?{query}" if query else login_path, quote=True)
    return page(
        "Signing in",
        f"<p>Sign in at {html.escape(urlsplit(issuer).netloc)}?</p>"
        f'<form method="post" action="{action}"><button>Sign in</button></form>',
        "base-uri 'none'",  # no form-action: some browsers would apply it to the redirect to the bank and block it
    )


def read_confirmation(request: WebRequest, redirect_uri: str) -> Initiation:
    """The parameters in the request of the button. `may_start` has accepted it before. Raises InitiationRefused."""
    return _initiation(parse_parameters(urlsplit(request.url).query), redirect_uri)


def _initiation(asked: Parameters, redirect_uri: str) -> Initiation:
    target = asked.get("target_link_uri")
    if target is not None:
        ours = is_secure(target) and has_origin(target, origin_of(redirect_uri))
        if not ours or len(target) > _LONGEST_TARGET:
            raise InitiationRefused(
                f"target_link_uri is at another site, or has more than {_LONGEST_TARGET} characters",
                facts={"got": target[:200]},
            )
    return Initiation(asked.get("login_hint"), target)
