"""Authorization details: read strictly, checked by type, given to the resource they belong to, consented once.

*A consent for one payment is consumed once*, in four steps: the user's decision marks the request as used, so one
decision gives one code; the code is marked used at redemption, so one code gives one grant; every granted detail of a
`single_use` type carries a `consent_id` of this server (RFC 9396 7.1), the same in each access token of that
grant, however often it is refreshed; and the API executes a `consent_id` once, by one `add` on its own store.

Spec: RFC 9396 2, 5, 6, 7, 7.1, 9, 12
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from askit.clients.client import Client
from askit.config.details_types import CONSENT_ID
from askit.config.settings import Config
from askit.errors import InvalidAuthorizationDetails
from fapikit import strict_json
from fapikit.clock import RandomBytes
from fapikit.secrets import random_token

Details = tuple[Mapping[str, Any], ...]

_MAX_DETAILS: Final = 20
_MAX_OCTETS: Final = 32 * 1024


def parse_details(text: str) -> Any:
    """The JSON of a form parameter. Raises InvalidAuthorizationDetails."""
    if len(text) > _MAX_OCTETS:
        raise InvalidAuthorizationDetails("authorization_details are too long")
    try:
        return strict_json.parse_value(text)
    except ValueError as error:
        raise InvalidAuthorizationDetails("authorization_details are not JSON") from error


def check_details(value: Any, config: Config, client: Client) -> Details:
    """Each detail checked against its type. Raises InvalidAuthorizationDetails."""
    if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
        raise InvalidAuthorizationDetails("authorization_details must be a non-empty array of objects")
    if len(value) > _MAX_DETAILS:
        raise InvalidAuthorizationDetails(f"at most {_MAX_DETAILS} authorization details are taken")
    for detail in value:
        name = detail.get("type")
        known = config.details_type(name) if isinstance(name, str) else None
        if known is None or not client.may_have_details(known.type):
            raise InvalidAuthorizationDetails(
                "an authorization detail has a type that is unknown, or not this client's"
            )
        known.check(detail)
    return tuple(value)


def enrich(details: Details, config: Config, random_bytes: RandomBytes) -> Details:
    """The details as granted: each of a `single_use` type gets the id of this one consent."""
    return tuple(
        {**detail, CONSENT_ID: random_token(random_bytes, 16)}
        if (known := config.details_type(str(detail["type"]))) is not None and known.single_use
        else detail
        for detail in details
    )


def details_for(details: Details, resource: str, config: Config) -> Details:
    """Those that belong to one resource: by their type, else by their `locations`, else to all."""
    return tuple(detail for detail in details if _belongs(detail, resource, config))


def narrow(granted: Details, text: str | None) -> Details:
    """The granted details that a token request's `authorization_details` ask for; all if it has none.

    Each is named by the members it has in common. Raises InvalidAuthorizationDetails for one that no granted detail
    covers.
    """
    if text is None:
        return granted
    asked = parse_details(text)
    if not isinstance(asked, list) or not all(isinstance(item, dict) and item for item in asked):
        raise InvalidAuthorizationDetails("authorization_details must be an array of objects")
    chosen: list[Mapping[str, Any]] = []
    for wanted in asked:
        match = next(
            (
                detail
                for detail in granted
                if all(detail.get(name) == value for name, value in wanted.items())
            ),
            None,
        )
        if match is None:
            raise InvalidAuthorizationDetails("an authorization detail was not granted", clause="RFC 9396 6")
        if match not in chosen:
            chosen.append(match)
    return tuple(chosen)


def _belongs(detail: Mapping[str, Any], resource: str, config: Config) -> bool:
    known = config.details_type(str(detail["type"]))
    if known is not None and known.resource is not None:
        return known.resource == resource
    locations = detail.get("locations")
    return not locations or resource in locations
