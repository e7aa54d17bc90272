"""The one API that an access token is for, and what of the grant the token contains.

Spec: RFC 8707 2, 2.2; RFC 9068 2.2.3, 3; FAPI2-SP 5.3.2.1-14; RFC 9396 6
Role: AS
"""

from __future__ import annotations

from collections.abc import Iterable

from askit.config.settings import Config
from askit.config.values import CLIENT_SCOPES, IDENTITY_SCOPES, Resource
from askit.errors import InvalidScope, InvalidTarget
from askit.requests.authorization_details import Details, details_for


def choose_resource(
    config: Config,
    *,
    asked: tuple[str, ...],
    granted: tuple[str, ...],
    scopes: Iterable[str],
    details: Details = (),
) -> Resource | None:
    """The API that a token is for. None: only this server's UserInfo.

    `asked`: the `resource` parameters of the token request. `granted`: those of the authorization request; if there are
    none, the APIs of the granted scopes and details. Raises InvalidTarget if that is not exactly one.
    """
    owners = [resource for resource in config.resources if set(resource.scopes) & set(scopes)]
    possible = [resource for resource in config.resources if resource.uri in granted]
    if not granted:
        possible = [
            resource
            for resource in config.resources
            if resource in owners or (details and details_for(details, resource.uri, config))
        ]
    if len(asked) > 1:
        raise InvalidTarget(
            "an access token is for one resource: request one at a time", clause="RFC 8707 2.2"
        )
    if asked:
        chosen = next((resource for resource in possible if resource.uri == asked[0]), None)
        if chosen is None:
            raise InvalidTarget("this resource was not granted", facts={"resource": asked[0][:200]})
        return chosen
    if len(possible) > 1:
        possible = [resource for resource in possible if resource in owners]
        if len(possible) != 1:
            raise InvalidTarget("several resources were granted: send one as resource", clause="RFC 8707 2.2")
    return possible[0] if possible else None


def scopes_for(resource: Resource | None, scopes: Iterable[str]) -> tuple[str, ...]:
    """The scopes that belong to this API or to UserInfo. A token for no API may have those for a client itself."""
    meaningful = {*IDENTITY_SCOPES, *(resource.scopes if resource else CLIENT_SCOPES)}
    return tuple(scope for scope in scopes if scope in meaningful)


def narrow_scopes(
    asked: str | None, granted: tuple[str, ...], intent_scope: str | None = None
) -> tuple[str, ...]:
    """The scopes of a token request, within the granted ones. `intent_scope`: may be named, and narrows nothing.

    Raises InvalidScope.
    """
    if asked is None:
        return granted
    wanted = tuple(scope for scope in dict.fromkeys(asked.split()) if scope != intent_scope)
    if not set(wanted) <= set(granted):
        raise InvalidScope(
            "the request has a scope that was not granted: a new login can ask for more", clause="RFC 6749 6"
        )
    return wanted
