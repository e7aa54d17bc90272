"""Authorization details: read strictly, checked by type, issued to the API they belong to, consented to once.

*A consent to one payment pays once*, in four steps. (1) The user's decision marks the request as used, so one decision
gives one code. (2) Redeeming marks the code as used, so one code gives one grant. (3) Every granted detail of a
`single_use` type has `consent_id` and `consent_expires_at` (RFC 9396 7.1). They are the same in each access token of
the grant, however often it is refreshed. (4) The API uses up a `consent_id` once, and remembers it until the consent
ends.

Spec: RFC 9396 2, 5, 6, 7, 7.1, 9, 12
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from askit.clients.client import Client
from askit.config.details_types import CONSENT_EXPIRES_AT, CONSENT_ID
from askit.config.settings import Config
from askit.errors import InvalidAuthorizationDetails
from askit.requests.details_ends import first_end
from fapikit import strict_json
from fapikit.clock import RandomBytes
from fapikit.secrets import random_token

Details = tuple[Mapping[str, Any], ...]

MAX_DETAILS: Final = 20
_MAX_OCTETS: Final = 32 * 1024


def parse_details(text: str) -> Any:
    """The JSON of a form parameter. Raises InvalidAuthorizationDetails."""
    if len(text) > _MAX_OCTETS:
        raise InvalidAuthorizationDetails(f"authorization_details has more than {_MAX_OCTETS} characters")
    try:
        return strict_json.parse_value(text)
    except ValueError as error:
        raise InvalidAuthorizationDetails(f"authorization_details must be JSON: {error}") from error


def check_details(value: Any, config: Config, client: Client) -> Details:
    """Each detail checked against its type. Raises InvalidAuthorizationDetails."""
    if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
        raise InvalidAuthorizationDetails("authorization_details must be a non-empty array of objects")
    if len(value) > MAX_DETAILS:
        raise InvalidAuthorizationDetails(f"authorization_details must have at most {MAX_DETAILS} items")
    for place, detail in enumerate(value):
        name = detail.get("type")
        known = config.details_type(name) if isinstance(name, str) else None
        if known is None or not client.may_have_details(known.type):
            raise InvalidAuthorizationDetails(
                f"authorization_details.{place}.type is missing, unknown or not allowed for this client: see "
                "authorization_details_types_supported",
                facts={"member": f"authorization_details.{place}.type"},
            )
        if known.lodged is not None:
            raise InvalidAuthorizationDetails(
                f"authorization_details of type {known.type} are lodged before: post them to {known.lodged.path}",
                facts={"type": known.type},
            )
        known.check(detail)
    return tuple(value)


def enrich(details: Details, config: Config, random_bytes: RandomBytes, expires_at: float) -> Details:
    """The details as granted: each of a `single_use` type gets the consent's id and its end. A lodged one has them."""
    return tuple(
        {
            **detail,
            CONSENT_ID: random_token(random_bytes, 16),
            CONSENT_EXPIRES_AT: int(first_end((detail,), config, expires_at)),
        }
        if CONSENT_ID not in detail
        and (known := config.details_type(str(detail["type"]))) is not None
        and known.single_use
        else detail
        for detail in details
    )


def details_for(details: Details, resource: str, config: Config) -> Details:
    """The details that belong to one API, by their type and, if they have any, by their `locations`."""
    return tuple(detail for detail in details if _belongs(detail, resource, config))


def narrow(granted: Details, text: str | None) -> Details:
    """The granted details that a token request's `authorization_details` name; all if it has none.

    A requested detail names a granted one that has the same members. Two equal ones name two granted ones, if there are
    two. Raises InvalidAuthorizationDetails for one that names none.
    """
    if text is None:
        return granted
    asked = parse_details(text)
    if not isinstance(asked, list) or not all(isinstance(item, dict) and item for item in asked):
        raise InvalidAuthorizationDetails("authorization_details must be an array of objects")
    chosen: list[int] = []
    for wanted in asked:
        matches = [place for place, detail in enumerate(granted) if _says(detail, wanted)]
        if not matches:
            raise InvalidAuthorizationDetails("an authorization detail was not granted", clause="RFC 9396 6")
        chosen.extend([place for place in matches if place not in chosen][:1])
    return tuple(granted[place] for place in chosen)


def _says(detail: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(name in detail and detail[name] == value for name, value in wanted.items())


def _belongs(detail: Mapping[str, Any], resource: str, config: Config) -> bool:
    known = config.details_type(str(detail["type"]))
    if known is None or resource not in known.resources:
        return False
    locations = detail.get("locations")
    return not locations or resource in locations
