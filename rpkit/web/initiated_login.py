"""A login that somebody else's page begins: the user is asked on a page of ours, whose button begins it.

So no login starts without the user's consent, and none by a forged request: what comes from elsewhere only fills in the
question. It names our own issuer, and a target at our own site, or it is refused.

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
from rpkit.web.pages import MAX_BODY, WebAnswer, WebRequest, page

_LONGEST_TARGET: Final = 1000
"""It travels in the transaction's cookie."""


@dataclass(frozen=True, slots=True)
class Initiation:
    """What somebody else may say about a login: whom to expect, and where at our site the user wants to be after it."""

    login_hint: str | None = field(default=None, repr=False)
    target: str | None = None

    @property
    def parameters(self) -> Mapping[str, str]:
        """For `begin`."""
        return {} if self.login_hint is None else {"login_hint": self.login_hint}


def read_initiation(request: WebRequest, *, issuer: str, redirect_uri: str) -> Initiation:
    """What arrived at the page that is registered as `initiate_login_uri`.

    Raises InitiationRefused, MalformedMessage.
    """
    if len(request.body) > MAX_BODY:
        raise MalformedMessage("the posted form is too long")
    asked = parse_parameters(request.body if request.method == "POST" else urlsplit(request.url).query)
    iss = asked.get("iss")
    if iss != issuer:
        raise InitiationRefused(
            "a login was to begin at a server that this page does not serve",
            facts={"expected": issuer, "got": str(iss)[:200]},
        )
    return _initiation(asked, redirect_uri)


def question(initiation: Initiation, *, issuer: str, login_path: str) -> WebAnswer:
    """The page that asks the user; its button posts to `login_path` what `answered` reads."""
    carried = {"login_hint": initiation.login_hint, "target_link_uri": initiation.target}
    query = urlencode({name: value for name, value in carried.items() if value is not None})
    action = html.escape(f"{login_path}?{query}" if query else login_path, quote=True)
    return page(
        "Signing in",
        f"<p>Sign in at {html.escape(urlsplit(issuer).netloc)}?</p>"
        f'<form method="post" action="{action}"><button>Sign in</button></form>',
        "base-uri 'none'",  # no form-action: some browsers would hold it against the redirect to the bank
    )


def answered(request: WebRequest, redirect_uri: str) -> Initiation:
    """What our page carried along, from a request that `may_start` has found to be ours. Raises as above."""
    return _initiation(parse_parameters(urlsplit(request.url).query), redirect_uri)


def _initiation(asked: Parameters, redirect_uri: str) -> Initiation:
    target = asked.get("target_link_uri")
    if target is not None:
        ours = is_secure(target) and has_origin(target, origin_of(redirect_uri))
        if not ours or len(target) > _LONGEST_TARGET:
            raise InitiationRefused(
                "the user was to be sent to another site after the login, or to too long an address",
                facts={"got": target[:200]},
            )
    return Initiation(asked.get("login_hint"), target)
