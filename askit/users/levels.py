"""The levels (acr) of a sign-in: which one a request needs, which ones a user can reach, which one a session has.

A password reaches the first (weakest) level of `acr`, a user's PIN the second. A requested level counts as required. If
several are requested, the first one that the user can reach is required.

Spec: RFC 9470 5; OIDC 3.1.2.1, 5.5.1.1
Role: AS
"""

from __future__ import annotations

from askit.config.settings import Config
from askit.config.values import User
from askit.core import Core
from askit.errors import LoginRequired, UnmetAuthentication
from askit.records import AuthorizationRequest, Session
from fapikit.claim_requests import accepted_values, is_essential, wishes_of


def levels_of(config: Config, user: User | None) -> tuple[str, ...]:
    """The levels that this user can reach, the weakest first. None: those that any user can reach."""
    pins = [known.pin for known in config.users] if user is None else [user.pin]
    return config.acr_levels if any(pin is not None for pin in pins) else config.acr_levels[:1]


def needed_level(core: Core, request: AuthorizationRequest, user: User | None) -> str | None:
    """The level that this request needs; None for any. `user` is None before the sign-in.

    Raises UnmetAuthentication if none of the requested levels can be reached.
    """
    asked = _asked_levels(request)
    reachable = levels_of(core.config, user)
    level = next((level for level in asked if level in reachable), None)
    if asked and level is None:
        who = "this server" if user is None else "this user"
        raise UnmetAuthentication(f"{who} cannot reach a requested acr", clause="RFC 9470 5")
    return level


def needs_step_up(core: Core, request: AuthorizationRequest, session: Session) -> bool:
    """Whether the session's level is below the one that is needed. Raises UnmetAuthentication."""
    level, levels = needed_level(core, request, core.users.find(session.username)), core.config.acr_levels
    return level is not None and levels.index(session.acr) < levels.index(level)


def granted_level(core: Core, request: AuthorizationRequest, session: Session) -> str:
    """The level in the tokens of this request: the needed one, else that of the session.

    Raises LoginRequired for a session below it; UnmetAuthentication.
    """
    if needs_step_up(core, request, session):
        raise LoginRequired("the user's acr is lower than the request requires")
    return needed_level(core, request, core.users.find(session.username)) or session.acr


def _asked_levels(request: AuthorizationRequest) -> tuple[str, ...]:
    """In the order of `acr_values`. An essential claim keeps only the levels that it names."""
    asked = wishes_of(request.claims, "id_token").get("acr")
    if is_essential(asked):
        essential = [str(value) for value in accepted_values(asked) or () if value]
        if essential:
            return (*(level for level in request.acr_values if level in essential), *essential)
    return request.acr_values
